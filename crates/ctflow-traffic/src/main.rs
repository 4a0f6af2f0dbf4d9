//! Real traffic between two network namespaces: many flows of many kinds at a given rate, for proofs and benchmarks.

mod agenda;
mod client;
mod datagrams;
mod plan;
mod server;
mod socket;
mod streams;
mod summary;
mod tuples;
mod wire;

use client::Order;
use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;
use tuples::Hosts;

const USAGE: &str = "ctflow-traffic serve ADDRESS...
  answers until standard input ends
ctflow-traffic send --clients IPV4,IPV6 --servers IPV4,IPV6 --flows N --rate FLOWS_A_SECOND --mix KIND=WEIGHT,...
    [--seed N] [--requests N] [--long N] [--forgotten SECONDS]
  makes flows, and ends when standard input does
  --requests   of each flow, instead of 1 to 4
  --long       flows of UDP, ICMP and TCP each that last to the end
  --forgotten  when the kernel has forgotten a flow without packets, so that its tuple can be used again
  kinds: udp udp-again icmp icmp-again tcp tcp-server tcp-again refused denied-udp denied-tcp";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ctflow-traffic: {error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [command, addresses @ ..] if command == "serve" => {
            let addresses = addresses
                .iter()
                .map(|address| parse("an address", address))
                .collect::<Result<Vec<_>, _>>()?;
            server::serve(&addresses).map_err(|error| error.to_string())
        }
        [command, flags @ ..] if command == "send" => client::send(order(flags)?).map_err(|error| error.to_string()),
        _ => Err("the command is missing or unknown".into()),
    }
}

fn order(arguments: &[String]) -> Result<Order, String> {
    let mut flags = Flags::read(arguments)?;
    let clients = pair_of_addresses(&flags.needed("--clients")?)?;
    let servers = pair_of_addresses(&flags.needed("--servers")?)?;
    let order = Order {
        hosts: [0, 1].map(|family| Hosts {
            client: clients[family],
            server: servers[family],
        }),
        flows: flags.number("--flows", None)?,
        rate: flags.number("--rate", None)?,
        mix: flags.needed("--mix")?.parse()?,
        seed: flags.number("--seed", Some(1))?,
        requests: flags
            .take("--requests")
            .map(|text| parse("--requests", &text))
            .transpose()?,
        long: flags.number("--long", Some(0))?,
        forgotten: Duration::from_secs_f64(flags.number("--forgotten", Some(5.0))?),
    };
    flags.none_left()?;
    Ok(order)
}

/// What stands behind each flag.
struct Flags(HashMap<String, String>);

impl Flags {
    fn read(arguments: &[String]) -> Result<Self, String> {
        arguments
            .chunks(2)
            .map(|pair| match pair {
                [name, value] => Ok((name.clone(), value.clone())),
                _ => Err(format!("{} has no value", pair[0])),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn needed(&mut self, name: &str) -> Result<String, String> {
        self.take(name).ok_or_else(|| format!("{name} is missing"))
    }

    fn number<T: FromStr<Err: Display>>(&mut self, name: &str, fallback: Option<T>) -> Result<T, String> {
        match (self.take(name), fallback) {
            (Some(text), _) => parse(name, &text),
            (None, Some(fallback)) => Ok(fallback),
            (None, None) => Err(format!("{name} is missing")),
        }
    }

    fn none_left(&self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("{name} is unknown")),
            None => Ok(()),
        }
    }
}

fn pair_of_addresses(text: &str) -> Result<[IpAddr; 2], String> {
    match text.split_once(',') {
        Some((v4, v6)) => Ok([parse("an IPv4 address", v4)?, parse("an IPv6 address", v6)?]),
        None => Err(format!("'{text}' is not two addresses")),
    }
}

fn parse<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{what}: '{text}': {error}"))
}
