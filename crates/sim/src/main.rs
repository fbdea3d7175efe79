//! Replays a scenario, or made-up ones, from the command line.
//!
//! ```text
//! sim scenarios/partition.toml              one scenario, seed 0
//! sim scenarios/partition.toml --seed 7     the same world, other dice
//! sim scenarios/partition.toml --seeds 100  seeds 0 to 99
//! sim --seed 7                              a scenario made up from the seed
//! sim --seeds 1000                          a thousand of them
//! ```

#![allow(clippy::print_stdout, reason = "what it finds out is for the person who asked")]

use core::ops::Range;
use sim::{Scenario, run};
use std::process::ExitCode;

/// What was asked for.
struct Arguments {
    file: Option<String>,
    seeds: Range<u64>,
}

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|arguments| replay(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { file: None, seeds: 0..1 };
    while let Some(argument) = given.next() {
        let mut number = |name: &str| {
            let value = given.next().ok_or(format!("{name} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{name} {value}: not a number"))
        };
        match argument.as_str() {
            "--seed" => {
                let seed = number("--seed")?;
                arguments.seeds = seed..seed + 1;
            }
            "--seeds" => arguments.seeds = 0..number("--seeds")?,
            file if !file.starts_with('-') && arguments.file.is_none() => arguments.file = Some(argument),
            _ => return Err(format!("{argument}: usage: sim [SCENARIO.toml] [--seed N | --seeds COUNT]")),
        }
    }
    Ok(arguments)
}

fn replay(arguments: &Arguments) -> Result<(), String> {
    let scenario = match &arguments.file {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            Some(Scenario::parse(&text).map_err(|error| format!("{file}: {error}: {}", cause(&error)))?)
        }
    };
    let many = arguments.seeds.end - arguments.seeds.start > 1;
    for seed in arguments.seeds.clone() {
        let scenario = scenario.clone().unwrap_or_else(|| Scenario::random(seed));
        let report = run(&scenario, seed, arguments.file.as_deref()).map_err(|failure| failure.to_string())?;
        if many {
            println!("seed {seed}: {} steps, hash {}", report.steps, report.hash_text());
        } else {
            println!("{}\n{report}", scenario.about);
        }
    }
    Ok(())
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
