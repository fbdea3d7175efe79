//! Arguments to config to run, until told to stop.

use anyhow::Context;
use clap::Parser;
use relay::arguments::Arguments;
use relay::signals::Stop;
use relay::{Config, Relay};
use std::io::Write;
use std::process::ExitCode;

/// Forwarding small messages is not much work; the rest of the machine is for others.
const WORKER_THREADS: usize = 2;

fn main() -> ExitCode {
    let config = Config::from(Arguments::parse());
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,webrtc=error,webrtc_ice=error"))
        .target(env_logger::Target::Stderr)
        .init();
    relay::open_files::allow(&config.limits);
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain on one line: the cause is what an operator searches for.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        // Before anybody learns that we run: who starts us may stop us at once.
        let mut told_to_stop = Stop::listen().context("cannot listen for signals")?;
        let mut relay = Relay::start(config).await?;
        announce(&relay).context("cannot write to standard output")?;
        log::info!("relay {}", relay.peer_id());
        tokio::select! {
            () = told_to_stop.wait() => {
                relay.stop().await;
                Ok(())
            }
            () = relay.failed() => anyhow::bail!("the relay could not go on"),
        }
    })
}

/// The one line of standard output, which scripts wait for.
fn announce(relay: &Relay) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {}", relay.url())?;
    stdout.flush()
}
