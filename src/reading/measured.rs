//! All measurements of a snapshot as a table, for whoever wants to judge them on their own.

use protocol::Snapshot;
use protocol::snapshot::SampleView;
use serde::Serialize;

/// One round trip with what had been forecast for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// When, ms since the Unix epoch.
    pub at_ms: f64,
    /// `peer` or `relay`.
    pub kind: &'static str,
    /// Its `PeerId`.
    pub peer: String,
    pub rtt_ms: f64,
    /// Taken while the tab was in the background.
    pub hidden: bool,
    pub forecast_ms: Option<f64>,
    pub low_ms: Option<f64>,
    pub high_ms: Option<f64>,
}

/// Every sample of every peer and relay, oldest first within each; `now` is ms since the epoch.
pub fn rows(snapshot: &Snapshot, now: f64) -> Vec<Row> {
    let row = |kind, peer: &str, sample: &SampleView| Row {
        at_ms: now - sample.age_ms as f64,
        kind,
        peer: peer.to_owned(),
        rtt_ms: sample.rtt_ms,
        hidden: sample.hidden,
        forecast_ms: sample.forecast.map(|told| told.ms),
        low_ms: sample.forecast.map(|told| told.low_ms),
        high_ms: sample.forecast.map(|told| told.high_ms),
    };
    let relays = snapshot.relays.iter().flat_map(|relay| {
        let id = relay.peer.as_deref().unwrap_or(&relay.name);
        relay.samples.iter().rev().map(move |sample| row("relay", id, sample))
    });
    let peers = snapshot
        .peers
        .iter()
        .flat_map(|peer| peer.samples.iter().rev().map(move |sample| row("peer", &peer.peer, sample)));
    relays.chain(peers).collect()
}

/// The rows for spreadsheets (RFC 4180); an empty field is "nothing was forecast".
pub fn to_csv(rows: &[Row]) -> String {
    let mut csv = String::from("at_ms,kind,peer,rtt_ms,hidden,forecast_ms,low_ms,high_ms\r\n");
    let field = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
    for row in rows {
        let Row { at_ms, kind, peer, rtt_ms, hidden, .. } = row;
        let [forecast, low, high] = [row.forecast_ms, row.low_ms, row.high_ms].map(field);
        csv += &format!("{at_ms:.0},{kind},{peer},{rtt_ms:.3},{hidden},{forecast},{low},{high}\r\n");
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{direct, snapshot};
    use protocol::snapshot::{ForecastView, PeerView};

    #[test]
    fn every_sample_is_a_row_with_what_was_forecast() {
        let told = ForecastView { ms: 11.0, low_ms: 9.0, high_ms: 14.5 };
        let sample = |age_ms, forecast| SampleView { age_ms, rtt_ms: 12.25, hidden: false, forecast };
        let peer = PeerView { samples: vec![sample(1_000, Some(told)), sample(3_000, None)], ..direct("p", 12.0) };
        let rows = rows(&protocol::Snapshot { peers: vec![peer], ..snapshot() }, 10_000.0);
        assert_eq!(
            to_csv(&rows),
            "at_ms,kind,peer,rtt_ms,hidden,forecast_ms,low_ms,high_ms\r\n\
             7000,peer,p,12.250,false,,,\r\n\
             9000,peer,p,12.250,false,11.000,9.000,14.500\r\n"
        );
    }
}
