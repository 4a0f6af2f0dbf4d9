//! `cargo xtask layout` writes src/row/layout.generated.ts; with `--check` it compares, and fails where they differ.

mod layout;

use std::process::ExitCode;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/row/layout.generated.ts");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["layout"] => std::fs::write(PATH, layout::typescript()).map_err(|error| error.to_string()),
        ["layout", "--check"] => match std::fs::read_to_string(PATH) {
            Ok(text) if text == layout::typescript() => Ok(()),
            Ok(_) => Err("it differs from ctflow-core; run `npm run generate`".to_owned()),
            Err(error) => Err(error.to_string()),
        },
        _ => {
            eprintln!("Usage: cargo xtask layout [--check]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{PATH}: {error}");
            ExitCode::FAILURE
        }
    }
}
