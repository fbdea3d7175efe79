//! Replays measured round trips through the learning layer and prints what it reached, as JSON lines.
//!
//! ```text
//! cargo run --release -p latency --example replay -- SUBCOMMAND FILE [OPTIONS]
//! ```
//! `FILE` may be gzipped. Matrices are little-endian f32 milliseconds, `[planes][N][N]` or, with `--triangle`, the
//! upper triangles row by row; NaN, zero and less mean missing. Without `--plane K` the element-wise median of all
//! planes is used. `docs/latency.md` says what every printed field means and how each number is made.

mod arguments;
mod coordinates;
mod environments;
mod forecast;
mod lines;
mod matrix;
mod overlay;
mod policies;
mod population;
mod routes;
mod sources;
mod stable;
mod traces;

use anyhow::{Context, bail};
use arguments::Arguments;
use std::process::ExitCode;

const USAGE: &str = "subcommands: coordinates, sources, stable, forecast, routes, overlay";

fn main() -> ExitCode {
    match replay() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn replay() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let subcommand = words.next().context(USAGE)?;
    let arguments = Arguments::parse(words)?;
    match subcommand.as_str() {
        "coordinates" => coordinates::run(&arguments),
        "sources" => sources::run(&arguments),
        "stable" => stable::run(&arguments),
        "overlay" => overlay::run(&arguments),
        "routes" => routes::run(&arguments),
        "forecast" => forecast::run(&arguments),
        _ => bail!("unknown subcommand {subcommand:?}; {USAGE}"),
    }
}
