//! One round: the browsers of one way start, connect, offer, move, and are gone; what that cost.

use crate::machine::{Peak, Processes};
use crate::plan::{Cell, Way};
use crate::session::{MIB, Places, Session};
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;

/// What one transfer came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Round {
    pub(crate) mib_per_second: f64,
    pub(crate) first_byte_ms: Option<f64>,
    /// Bytes the sources' connections sent, over the bytes that were to be moved.
    pub(crate) wire_per_payload: f64,
    /// Renderer memory above the connected, idle page, at the most; sharing and hashing included.
    pub(crate) receiver_mib: f64,
    pub(crate) source_mib: f64,
    /// Processor time of all browsers together.
    pub(crate) busy_ms_per_mib: f64,
}

/// Plays one round.
pub(crate) async fn play(places: &Places, way: Way, cell: Cell) -> Result<Round> {
    let session = Session::start(places, way, cell, "").await?;
    let round = measure(&session).await.with_context(|| format!("{} in {cell:?}", way.name()));
    session.close().await;
    round
}

async fn measure(session: &Session<'_>) -> Result<Round> {
    let ids = session.connect().await.context("connecting")?;
    let source = session.sources.first().context("there is no source")?;
    for browser in [source, &session.receiver] {
        browser.devtools("HeapProfiler.collectGarbage", &json!({})).await?;
    }
    let processes = session.sources.iter().chain([&session.receiver]).map(Processes::of).collect::<Result<Vec<_>>>()?;
    let (at_receiver, at_source) =
        (Peak::watch(Processes::of(&session.receiver)?)?, Peak::watch(Processes::of(source)?)?);
    let offered = session.offer().await.context("offering")?;
    let (sent_before, busy_before) = (session.sent().await?, busy(&processes)?);
    let moved = session.transfer(&ids, &offered).await.context("moving")?;
    let (sent, busy) = (session.sent().await? - sent_before, busy(&processes)? - busy_before);
    let payload = session.payload() as f64;
    let mib = payload / MIB as f64;
    Ok(Round {
        mib_per_second: mib / moved.seconds,
        first_byte_ms: moved.first_byte_ms,
        wire_per_payload: sent / payload,
        receiver_mib: at_receiver.end(),
        source_mib: at_source.end(),
        busy_ms_per_mib: busy / mib,
    })
}

/// Milliseconds of all processes of all browsers.
fn busy(processes: &[Processes]) -> Result<f64> {
    processes.iter().map(|browser| Ok(browser.busy()?.as_secs_f64() * 1_000.0)).sum()
}
