//! What the screen says about peers: how many, by which path, and where they stand on a picture.

use super::peer;
use crate::format::{count, median, round_trip, seconds};
use crate::names::Name;
use crate::picture::Kind;
use crate::picture::scene::Item;
use crate::words;
use protocol::Snapshot;
use protocol::snapshot::{Met, PathView, PeerView, RelayState, RelayView};

/// The value of `data-rtt-ms`.
pub fn rtt_attribute(peer: &PeerView) -> Option<String> {
    peer.rtt_ms.map(|ms| format!("{ms:.1}"))
}

/// "Direct", "Connecting, 3 s", "Gone for 12 s".
pub fn path_line(peer: &PeerView) -> String {
    match peer.path {
        PathView::Direct | PathView::Relayed => words::path(peer.path).to_owned(),
        PathView::Connecting => format!("Connecting, {}", seconds(peer.since_ms)),
        PathView::Gone => format!("Gone for {}", seconds(peer.since_ms)),
    }
}

/// "4 peers here" and ", 3 direct, median 38 ms".
pub fn summary(snapshot: &Snapshot) -> (String, String) {
    let here: Vec<&PeerView> = connected(snapshot).collect();
    if here.is_empty() {
        return match snapshot.peers.iter().filter(|peer| peer.path == PathView::Connecting).count() {
            0 => ("Nobody else here yet.".into(), String::new()),
            n => (count(n, "peer", "peers"), " found, connecting".into()),
        };
    }
    let direct = here.iter().filter(|peer| peer.path == PathView::Direct).count();
    let median = median(here.iter().filter_map(|peer| peer.rtt_ms).collect());
    let mut rest = format!(", {direct} direct");
    if let Some(ms) = median {
        rest += &format!(", median {}", round_trip(ms));
    }
    (format!("{} here", count(here.len(), "peer", "peers")), rest)
}

/// Peers there is a connection to.
pub fn connected(snapshot: &Snapshot) -> impl Iterator<Item = &PeerView> {
    snapshot.peers.iter().filter(|peer| matches!(peer.path, PathView::Direct | PathView::Relayed))
}

/// Everybody on a picture: relays that answer, then peers.
pub fn picture_items(snapshot: &Snapshot) -> Vec<Item> {
    let answering = |relay: &&RelayView| matches!(relay.state, RelayState::Connected | RelayState::Reserved);
    let relays = snapshot.relays.iter().filter(answering).filter(|relay| relay.rtt_ms.is_some()).map(|relay| Item {
        id: relay.peer.clone().unwrap_or_else(|| relay.name.clone()),
        name: relay.name.clone(),
        kind: Kind::Relay,
        ms: relay.rtt_ms,
        via_ms: None,
    });
    let peers = snapshot.peers.iter().map(|peer| Item {
        id: peer.peer.clone(),
        name: Name::of(&peer.peer).to_string(),
        kind: match peer.path {
            PathView::Direct => Kind::Direct,
            PathView::Relayed => Kind::Relayed,
            PathView::Connecting => Kind::Connecting,
            PathView::Gone => Kind::Gone,
        },
        ms: peer.rtt_ms,
        via_ms: via(snapshot, peer),
    });
    relays.chain(peers).collect()
}

/// The round trip of the relay a relayed peer is reached through.
fn via(snapshot: &Snapshot, peer: &PeerView) -> Option<f64> {
    if peer.path != PathView::Relayed {
        return None;
    }
    let named = match &peer.met {
        Met::Relay(name) => snapshot.relays.iter().find(|relay| relay.name == *name),
        Met::Neighbour(_) | Met::Inbound => None,
    };
    named.and_then(|relay| relay.rtt_ms).or_else(|| snapshot.relays.iter().find_map(|relay| relay.rtt_ms))
}

/// The ids of all peers in the snapshot's order: nearest first.
pub fn ids(snapshot: &Snapshot) -> Vec<String> {
    snapshot.peers.iter().map(|peer| peer.peer.clone()).collect()
}

/// "14 peers: 10 direct, 3 through a relay, 1 connecting. Median 66 ms."
pub fn census(snapshot: &Snapshot) -> String {
    let of = |path| snapshot.peers.iter().filter(|peer| peer.path == path).count();
    let parts = [
        (of(PathView::Direct), "direct"),
        (of(PathView::Relayed), "through a relay"),
        (of(PathView::Connecting), "connecting"),
        (of(PathView::Gone), "gone"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() {
        return "Nobody else here yet.".into();
    }
    let median = median(connected(snapshot).filter_map(|peer| peer.rtt_ms).collect());
    let median = median.map(|ms| format!(" Median {}.", round_trip(ms))).unwrap_or_default();
    format!("{}: {}.{median}", count(snapshot.peers.len(), "peer", "peers"), parts.join(", "))
}

/// "Teal Wren, direct, 36 ms, nearest 4 of 14": what a node is called without a picture.
pub fn spoken(snapshot: &Snapshot, id: &str) -> String {
    let Some(view) = peer(snapshot, id) else { return String::new() };
    let mut said = format!("{}, {}", Name::of(id), words::path(view.path).to_lowercase());
    if let Some(ms) = view.rtt_ms {
        said += &format!(", {}", round_trip(ms));
    }
    let place = connected(snapshot).position(|peer| peer.peer == id);
    if let Some(place) = place {
        said += &format!(", nearest {} of {}", place + 1, connected(snapshot).count());
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{direct, snapshot};

    #[test]
    fn the_sentence_counts_connections_and_not_attempts() {
        let mut snapshot = snapshot();
        assert_eq!(summary(&snapshot).0, "Nobody else here yet.");
        snapshot.peers = vec![PeerView { path: PathView::Connecting, rtt_ms: None, ..direct("a", 1.0) }];
        assert_eq!(summary(&snapshot), ("1 peer".into(), " found, connecting".into()));
        snapshot.peers.extend([direct("b", 30.0), PeerView { path: PathView::Relayed, ..direct("c", 90.0) }]);
        assert_eq!(summary(&snapshot), ("2 peers here".into(), ", 1 direct, median 60 ms".into()));
        assert_eq!(census(&snapshot), "3 peers: 1 direct, 1 through a relay, 1 connecting. Median 60 ms.");
    }

    #[test]
    fn a_relayed_peer_has_the_bead_of_the_relay_that_introduced_it() {
        let mut snapshot = snapshot();
        let relayed = PeerView { path: PathView::Relayed, met: Met::Relay("Relay".into()), ..direct("a", 90.0) };
        snapshot.peers = vec![relayed, direct("b", 30.0)];
        let items = picture_items(&snapshot);
        assert_eq!(items.iter().map(|item| item.kind).collect::<Vec<_>>(), [Kind::Relay, Kind::Relayed, Kind::Direct]);
        assert_eq!(items[1].via_ms, Some(18.0));
        assert_eq!(items[2].via_ms, None);
    }

    #[test]
    fn a_node_can_be_told_without_seeing_it() {
        let mut snapshot = snapshot();
        snapshot.peers = vec![direct("a", 12.0), direct("b", 36.4)];
        let name = Name::of("b");
        assert_eq!(spoken(&snapshot, "b"), format!("{name}, direct, 36 ms, nearest 2 of 2"));
        assert_eq!(spoken(&snapshot, "nobody"), "");
    }
}
