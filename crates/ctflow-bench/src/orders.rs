//! The command line, and the orders that a program is given.

use crate::read_events::EventDatagrams;
use crate::{flows, instructions, raw_dump, sink};
use ctflow_core::conntrack::group;
use std::io::{self, BufRead, Write};

pub const USAGE: &str = "ctflow-bench sink ADDRESS:PORT BUFFER
  counts the IPFIX messages and records that arrive over UDP, in a receive buffer of so many bytes
    counts                      what has arrived so far
ctflow-bench raw-dump
  reads the connection table as the kernel sends it, and throws the bytes away
    dump                        once
ctflow-bench events BUFFER destroy|new,destroy
  reads events of these kinds from a receive buffer of so many bytes, and throws them away
    join                        from now on they are received
    read COUNT                  so many of them, or what there is; then no more are received
ctflow-bench flows
  makes UDP flows to addresses of the loopback device: 127.1.0.0 and up, 2001:db8:1:: and up
    send 4|6 FIRST COUNT SIZE   a packet of so many bytes on each
    delete 4|6 FIRST COUNT      takes their entries from the connection table
ctflow-bench instructions SUBJECT TIMES
  does one loop of ctflow's own so many times, says how many rows one time has, and takes no orders
ctflow-bench instructions
  lists the subjects";

/// Runs one program until standard input ends.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        ["sink", address, buffer] => {
            let sink = sink::Sink::open(parse(address)?, parse(buffer)?).map_err(text)?;
            serve(&sink.ready(), |order| match order {
                ["counts"] => sink.counts(),
                _ => Err(unknown(order)),
            })
        }
        ["raw-dump"] => {
            let mut dump = raw_dump::RawDump::open().map_err(text)?;
            serve("{}", |order| match order {
                ["dump"] => dump.dump().map_err(text),
                _ => Err(unknown(order)),
            })
        }
        ["events", buffer, kinds] => {
            let buffer = parse(buffer)?;
            let groups = match *kinds {
                "destroy" => group::DESTROY,
                "new,destroy" => group::NEW | group::DESTROY,
                _ => return Err(unknown(&[kinds])),
            };
            let mut joined = None;
            serve("{}", |order| match order {
                ["join"] => {
                    joined = Some(EventDatagrams::join(groups, buffer)?);
                    Ok("{}".into())
                }
                ["read", count] => joined.take().ok_or("it has not joined")?.read(parse(count)?),
                _ => Err(unknown(order)),
            })
        }
        ["flows"] => {
            let flows = flows::Flows::open().map_err(text)?;
            serve("{}", |order| match order {
                ["send", family, first, count, size] => flows
                    .send(parse(family)?, parse(first)?, parse(count)?, parse(size)?)
                    .map_err(text),
                ["delete", family, first, count] => {
                    flows.delete(parse(family)?, parse(first)?, parse(count)?).map_err(text)
                }
                _ => Err(unknown(order)),
            })
        }
        ["instructions"] => print(&format!("{:?}", instructions::SUBJECTS)),
        ["instructions", subject, times] => {
            let rows = instructions::run(subject, parse(times)?).ok_or_else(|| unknown(&[subject]))?;
            print(&format!(r#"{{"rows":{rows}}}"#))
        }
        _ => Err("what is to be done?".into()),
    }
}

/// Answers orders until there are no more.
fn serve(ready: &str, mut answer: impl FnMut(&[&str]) -> Result<String, String>) -> Result<(), String> {
    print(ready)?;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(text)?;
        print(&answer(&line.split_whitespace().collect::<Vec<_>>())?)?;
    }
    Ok(())
}

fn print(line: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(text)
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is not what belongs in its place"))
}

fn unknown(order: &[&str]) -> String {
    format!("'{}' is no order", order.join(" "))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
