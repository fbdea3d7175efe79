//! The longest tasks of the pages' main threads while bytes move, from a trace of the browser: its own count of processor
//! time, so that a busy machine does not make a task longer than it is.
//!
//! A round of its own: tracing costs throughput.

use crate::figures::machine;
use crate::plan::{Cell, Way};
use crate::session::{Places, Session};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use tests::{Browser, Tab};

/// Tasks of every thread, and the marks that the page sets.
const CATEGORIES: &str = "toplevel,blink.user_timing";
const TASK: &str = "ThreadControllerImpl::RunTask";
const BEGIN: &str = "starling-transfer-begins";
const END: &str = "starling-transfer-ends";
const LOOKS_MAX: usize = 4;
/// Long enough to see what repeats, short enough for a trace that fits.
const MIB: u64 = 16;

/// Of one page's main thread.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tasks {
    pub(crate) longest_cpu_ms: f64,
    /// As it passed, waiting for a processor included.
    pub(crate) longest_wall_ms: f64,
    pub(crate) over_50_cpu_ms: usize,
    pub(crate) count: usize,
    /// Processor time of all of them, over the time that passed.
    pub(crate) busy: f64,
}

/// Both ends of a traced transfer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Traced {
    #[serde(skip)]
    pub(crate) machine: Value,
    pub(crate) receiver: Tasks,
    pub(crate) source: Tasks,
}

/// Moves some MiB by Starling from one source and reads the trace.
pub(crate) async fn trace(places: &Places) -> Result<Traced> {
    let cell = Cell { mib: MIB, sources: 1, rtt_ms: 0 };
    let session = Session::start(places, Way::Starling, cell, CATEGORIES).await?;
    let traced = read(&session).await.context("tracing");
    session.close().await;
    traced
}

async fn read(session: &Session<'_>) -> Result<Traced> {
    let ids = session.connect().await?;
    let offered = session.offer().await?;
    let source = session.sources.first().context("there is no source")?;
    for browser in [&session.receiver, source] {
        // What was traced so far would fill the browser's buffer, which then takes nothing more.
        browser.trace().await?;
    }
    for browser in [&session.receiver, source] {
        mark(browser, BEGIN).await?;
    }
    session.transfer(&ids, &offered).await?;
    for browser in [&session.receiver, source] {
        mark(browser, END).await?;
    }
    let machine = machine(&session.receiver);
    let (receiver, source) = (until_end(&session.receiver).await?, until_end(source).await?);
    Ok(Traced { machine, receiver: tasks(&receiver)?, source: tasks(&source)? })
}

/// ChromeDriver answers every other call with nothing, at once.
async fn until_end(browser: &Browser) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    for _ in 0..LOOKS_MAX {
        events.extend(browser.trace().await?);
        if events.iter().any(|event| event["name"] == END) {
            break;
        }
    }
    Ok(events)
}

async fn mark(browser: &Browser, name: &str) -> Result<()> {
    Tab::of(browser).read(&format!("performance.mark('{name}'); return true")).await.map(drop)
}

fn tasks(events: &[Value]) -> Result<Tasks> {
    let marked = |name: &str| events.iter().find(|event| event["name"] == name).with_context(|| format!("no {name}"));
    let (begin, end) = (marked(BEGIN)?, marked(END)?);
    let (from, to) = (micros(begin, "ts"), micros(end, "ts"));
    // The thread that marks is the page's main thread.
    let ours = |event: &&Value| {
        event["name"] == TASK
            && event["pid"] == begin["pid"]
            && event["tid"] == begin["tid"]
            && (from..to).contains(&micros(event, "ts"))
    };
    let all: Vec<&Value> = events.iter().filter(ours).collect();
    ensure!(all.iter().any(|task| task["tdur"].is_number()), "the trace has no processor times");
    let longest = |field: &str| all.iter().map(|task| micros(task, field)).fold(0.0, f64::max) / 1_000.0;
    Ok(Tasks {
        longest_cpu_ms: longest("tdur"),
        longest_wall_ms: longest("dur"),
        over_50_cpu_ms: all.iter().filter(|task| micros(task, "tdur") > 50_000.0).count(),
        count: all.len(),
        busy: all.iter().map(|task| micros(task, "tdur")).sum::<f64>() / (to - from),
    })
}

fn micros(event: &Value, field: &str) -> f64 {
    event[field].as_f64().unwrap_or(0.0)
}
