//! Peers as the screen draws them.

use super::known::{Connected, Dialling, Entry, State};
use super::{Connections, GONE_SHOWN, Needs};
use crate::measurements::Measured;
use crate::notices::millis;
use crate::relays::{Relays, forecast_view, rtt_ms, sample_views};
use crate::snapshot::{Met, PathView, PeerView, PickedView, Reason, SampleView};
use crate::{Introducer, Path, PeerKey};
use clock::Time;

/// Peers on the screen at most: all connections and attempts, and as many lost ones.
const SHOWN_MAX: usize = 80;

/// Content bytes to and from one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) given: u64,
    pub(crate) taken: u64,
    /// Bytes per second.
    pub(crate) give_rate: f64,
    pub(crate) take_rate: f64,
}

/// What transfers know of one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Exchanged {
    pub(crate) traffic: Traffic,
    pub(crate) picked: Option<PickedView>,
}

impl Connections {
    /// Everybody we are connected or connecting to, or lost less than a minute ago; nearest first.
    pub(crate) fn views(
        &self,
        now: Time,
        needs: Needs<'_>,
        relays: &Relays,
        exchanged: impl Fn(PeerKey) -> Exchanged,
    ) -> Vec<PeerView> {
        let shown = |entry: &Entry| !entry.is_idle() || entry.ended.is_some_and(|ended| now - ended < GONE_SHOWN);
        let mut peers: Vec<(PeerKey, &Entry)> = self.known.iter().filter(|(_, entry)| shown(entry)).collect();
        peers.sort_by_key(|(peer, entry)| {
            let rtt = needs.measurements.rtt(*peer);
            (entry.is_idle(), rtt.is_none(), rtt, *peer)
        });
        peers.truncate(SHOWN_MAX);
        peers.into_iter().map(|(peer, entry)| self.view(now, peer, entry, needs, relays, exchanged(peer))).collect()
    }

    fn view(
        &self,
        now: Time,
        peer: PeerKey,
        entry: &Entry,
        needs: Needs<'_>,
        relays: &Relays,
        Exchanged { traffic, picked }: Exchanged,
    ) -> PeerView {
        let (path, stage) = match &entry.state {
            State::Idle { .. } => (PathView::Gone, None),
            State::Dialling(Dialling { stage, .. }) | State::Approaching { stage, .. } => {
                (PathView::Connecting, Some(*stage))
            }
            State::Connected(Connected { path: Path::Direct, .. }) => (PathView::Direct, None),
            State::Connected(Connected { path: Path::Relayed, .. }) => (PathView::Relayed, None),
        };
        let retry_in = match entry.state {
            State::Idle { retry_at } if self.dialable(peer, entry) && !entry.introducers.is_empty() => {
                Some(retry_at - now)
            }
            _ => None,
        };
        let measured = needs.measurements.get(peer);
        PeerView {
            peer: peer.to_string(),
            path,
            stage,
            since_ms: millis(now - entry.since),
            rtt_ms: needs.measurements.rtt(peer).map(rtt_ms),
            stun_ms: measured.and_then(|measured| measured.stun).map(rtt_ms),
            samples: measured.map(|measured| samples(now, measured)).unwrap_or_default(),
            next: measured.and_then(|measured| measured.outlook.next()).map(forecast_view),
            candidates: entry.connected().and_then(|connected| connected.candidates),
            met: met(entry, relays),
            dialled_by_us: dialled_by_us(entry),
            given: traffic.given,
            taken: traffic.taken,
            give_rate: traffic.give_rate,
            take_rate: traffic.take_rate,
            failure: entry.failure,
            retry_in_ms: retry_in.map(millis),
            reason: self.reason(peer, entry, needs),
            picked,
        }
    }

    fn reason(&self, peer: PeerKey, entry: &Entry, needs: Needs<'_>) -> Reason {
        if self.known.is_banned(peer) {
            return Reason::SentWrongBytes;
        }
        if entry.unwanted {
            return Reason::PersonSaidNo;
        }
        if entry.is_idle() {
            return Reason::NotAnswering;
        }
        if needs.wanted.contains(&peer) {
            return Reason::HoldsContent;
        }
        match (needs.measurements.place(peer), dialled_by_us(entry)) {
            (Some((place, of)), _) => Reason::Nearest { place, of },
            (None, true) => Reason::RoomForMore,
            (None, false) => Reason::TheyAsked,
        }
    }
}

/// Every round trip with what had been forecast for it.
fn samples(now: Time, measured: &Measured) -> Vec<SampleView> {
    let mut samples = sample_views(now, &measured.pings);
    for (sample, told) in samples.iter_mut().zip(measured.outlook.newest_first()) {
        sample.forecast = told.map(forecast_view);
    }
    samples
}

fn dialled_by_us(entry: &Entry) -> bool {
    match &entry.state {
        State::Dialling(_) => true,
        State::Connected(connected) => connected.dialled_by_us,
        State::Idle { .. } | State::Approaching { .. } => false,
    }
}

fn met(entry: &Entry, relays: &Relays) -> Met {
    let by = match &entry.state {
        State::Dialling(dialling) => Some(dialling.by),
        State::Connected(connected) => connected.met,
        State::Idle { .. } => entry.introducers.keys().next().copied(),
        State::Approaching { .. } => None,
    };
    match by {
        Some(Introducer::Relay(relay)) => Met::Relay(relays.name(relay)),
        Some(Introducer::Neighbour(peer)) => Met::Neighbour(peer.to_string()),
        None => Met::Inbound,
    }
}
