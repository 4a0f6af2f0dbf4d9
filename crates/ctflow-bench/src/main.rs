//! Programs that benchmarks run beside ctflow, so that what they cost is not ctflow's. Each prints one line of JSON when it is
//! ready, then reads orders, one a line, and answers each with one line of JSON, until standard input ends.

#[cfg(target_os = "linux")]
mod flows;
#[cfg(target_os = "linux")]
mod instructions;
#[cfg(target_os = "linux")]
mod ipfix_counter;
#[cfg(target_os = "linux")]
mod orders;
#[cfg(target_os = "linux")]
mod raw_dump;
#[cfg(target_os = "linux")]
mod read_events;
#[cfg(target_os = "linux")]
mod sink;
#[cfg(target_os = "linux")]
mod usage;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match orders::run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ctflow-bench: {error}\n{}", orders::USAGE);
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("ctflow-bench: this is not Linux");
    ExitCode::FAILURE
}
