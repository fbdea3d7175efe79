//! A long step: says what it does and for how long, keeps its output in a log, shows it when it fails.
//!
//! On a terminal one line moves; elsewhere (a CI log) a line appears at the start, at every heartbeat and at the
//! end, so that a reader always knows what the machine is busy with.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a terminal's line moves.
const TICK: Duration = Duration::from_millis(200);
/// How often a log hears that a step is still going.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How much of a failed step's output is shown; the log has all of it.
const TAIL_LINES: usize = 40;

/// Runs `command` to its end. `what` finishes the sentence "I am ...".
pub(crate) fn run(workspace: &Workspace, what: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    let log_path = workspace.notes().join(format!("{}.log", file_name(what)));
    std::fs::create_dir_all(workspace.notes()).context("the target folder cannot be written")?;
    let mut log = File::create(&log_path).context("the log of a step cannot be written")?;

    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{what}: {} could not be started", command.get_program().to_string_lossy()))?;
    let (sender, lines) = channel();
    follow(child.stdout.take().expect("stdout is piped"), sender.clone());
    follow(child.stderr.take().expect("stderr is piped"), sender);

    let tail = show_progress(what, started, &lines, &mut log)?;
    let status = child.wait().with_context(|| format!("{what}: its end could not be waited for"))?;
    if status.success() {
        done(what, started);
        return Ok(());
    }
    clear_line();
    for line in &tail {
        eprintln!("    {line}");
    }
    bail!(
        "{what} failed after {} ({status}); all of its output is in {}",
        spoken(started.elapsed()),
        log_path.display()
    )
}

fn show_progress(what: &str, started: Instant, lines: &Receiver<String>, log: &mut File) -> Result<Vec<String>> {
    let terminal = std::io::stderr().is_terminal();
    if !terminal {
        eprintln!("  {what} ...");
    }
    let (mut tail, mut last, mut spoke) = (Vec::new(), String::new(), Instant::now());
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                writeln!(log, "{line}").context("the log of a step cannot be written")?;
                last.clone_from(&line);
                tail.push(line);
                if tail.len() > TAIL_LINES {
                    tail.remove(0);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(tail),
        }
        if terminal {
            let line: String =
                format!("  {what} ({}) {}", spoken(started.elapsed()), last.trim()).chars().take(100).collect();
            eprint!("\r\x1b[2K{line}");
        } else if spoke.elapsed() >= HEARTBEAT {
            spoke = Instant::now();
            eprintln!("  still {what} ({}): {}", spoken(started.elapsed()), last.trim());
        }
    }
}

/// Reads a pipe line by line to its end, whatever bytes it carries.
fn follow(pipe: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n') {
            let Ok(line) = line else { return };
            if lines.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
}

/// Says that something is finished, with its time.
pub(crate) fn done(what: &str, started: Instant) {
    clear_line();
    eprintln!("  {what}: done in {}", spoken(started.elapsed()));
}

/// One plain line about a decision.
pub(crate) fn say(sentence: &str) {
    eprintln!("  {sentence}");
}

fn clear_line() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// A duration as a person says it: `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn spoken(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn file_name(what: &str) -> String {
    what.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_speech() {
        assert_eq!(spoken(Duration::from_millis(420)), "0.4 s");
        assert_eq!(spoken(Duration::from_secs(59)), "59 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn log_name_has_no_separators() {
        assert_eq!(file_name("building the page (web)"), "building-the-page--web-");
    }
}
