//! The commands of this repository: `cargo xtask run`, `cargo xtask test`, and the ones beside them.
//!
//! Each command sets up what it needs by itself, says what it installs and why, and is quick the second time.
//! Nothing here is part of the product: the page and the relay are built by Trunk and Cargo, this only calls them.

#![allow(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod bench;
mod browser;
mod compress;
mod doctor;
mod fuzz;
mod install;
mod layers;
mod page;
mod run;
mod sample;
mod step;
mod system;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Run, test and measure Starling")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the page and the relay, and serve them
    Run(run::Options),
    /// Run every test there is, or one layer of them
    Test(layers::Options),
    /// Measure: `hash`, `join`, `loopback`, `size` or `transfer`
    Bench(bench::Options),
    /// Fuzz the decoders, each for a while
    Fuzz(fuzz::Options),
    /// Build the page into `dist/`, with the compressed files beside it, and stop
    Page,
    /// Say which tools are here and which would be installed
    Doctor,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<ExitCode> {
    let workspace = workspace::Workspace::find()?;
    match command {
        Command::Run(options) => run::run(&workspace, &options),
        Command::Test(options) => layers::test(&workspace, &options),
        Command::Bench(options) => bench::bench(&workspace, &options),
        Command::Fuzz(options) => fuzz::fuzz(&workspace, &options),
        Command::Page => page::build(&workspace, compress::Effort::Release).map(|()| ExitCode::SUCCESS),
        Command::Doctor => doctor::report(&workspace).map(|()| ExitCode::SUCCESS),
    }
}
