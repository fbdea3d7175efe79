//! What several screens say about peers: the line under a name, the row of a list, the items of a picture.

use crate::bridge::{peer, use_bridge};
use crate::components::identicon::identicon;
use crate::components::path_glyph::path_glyph;
use crate::format::{median, round_trip, seconds};
use crate::names::Name;
use crate::picture::Kind;
use crate::picture::scene::Item;
use crate::words;
use leptos::prelude::*;
use protocol::Snapshot;
use protocol::snapshot::{Met, PathView, PeerView, RelayState, RelayView};

/// The value of `data-rtt-ms`.
pub(crate) fn rtt_attribute(peer: &PeerView) -> Option<String> {
    peer.rtt_ms.map(|ms| format!("{ms:.1}"))
}

/// "Direct", "Connecting, 3 s", "Gone for 12 s".
pub(crate) fn path_line(peer: &PeerView) -> String {
    match peer.path {
        PathView::Direct | PathView::Relayed => words::path(peer.path).to_owned(),
        PathView::Connecting => format!("Connecting, {}", seconds(peer.since_ms)),
        PathView::Gone => format!("Gone for {}", seconds(peer.since_ms)),
    }
}

/// [`path_line`] where there may be little room: "Through the relay" has a shorter form for phones.
pub(crate) fn path_words(line: Memo<String>) -> impl IntoView {
    let long = words::path(PathView::Relayed);
    move || match line.get() {
        line if line == long => view! {
            <span><span class="roomy">{line}</span><span class="tight">"Via relay"</span></span>
        }
        .into_any(),
        line => view! { <span>{line}</span> }.into_any(),
    }
}

/// "4 peers here" and ", 3 direct, median 38 ms".
pub(crate) fn summary(snapshot: &Snapshot) -> (String, String) {
    let here: Vec<&PeerView> = connected(snapshot).collect();
    if here.is_empty() {
        return match snapshot.peers.iter().filter(|peer| peer.path == PathView::Connecting).count() {
            0 => ("Nobody else here yet.".into(), String::new()),
            n => (crate::format::count(n, "peer", "peers"), " found, connecting".into()),
        };
    }
    let direct = here.iter().filter(|peer| peer.path == PathView::Direct).count();
    let median = median(here.iter().filter_map(|peer| peer.rtt_ms).collect());
    let mut rest = format!(", {direct} direct");
    if let Some(ms) = median {
        rest += &format!(", median {}", round_trip(ms));
    }
    (format!("{} here", crate::format::count(here.len(), "peer", "peers")), rest)
}

/// Peers there is a connection to.
pub(crate) fn connected(snapshot: &Snapshot) -> impl Iterator<Item = &PeerView> {
    snapshot.peers.iter().filter(|peer| matches!(peer.path, PathView::Direct | PathView::Relayed))
}

/// Everybody on a picture: relays that answer, then peers.
pub(crate) fn picture_items(snapshot: &Snapshot) -> Vec<Item> {
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
pub(crate) fn ids(snapshot: &Snapshot) -> Vec<String> {
    snapshot.peers.iter().map(|peer| peer.peer.clone()).collect()
}

/// A peer as a row: identicon, name, path, round trip. It carries the hooks of `peer`.
pub(crate) fn peer_row(id: String) -> impl IntoView {
    let hooks = {
        let id = id.clone();
        use_bridge().live(move |snapshot| {
            peer(snapshot, &id).map_or((PathView::Gone, None), |peer| (peer.path, rtt_attribute(peer)))
        })
    };
    let name = view! { <a class="peer-name" href="#/network">{Name::of(&id).to_string()}</a> };
    let body = row_body(id.clone(), name);
    view! {
        <li
            class="peer-row"
            data-testid="peer"
            data-peer-id=id
            data-path=move || hooks.with(|(path, _)| words::path_attribute(*path))
            data-rtt-ms=move || hooks.with(|(_, rtt)| rtt.clone())
        >
            {body}
        </li>
    }
}

/// The same row where another element carries the hooks; choosing it calls `choose`.
pub(crate) fn peer_row_plain(id: String, choose: impl Fn(&str) + 'static) -> impl IntoView {
    let name = Name::of(&id).to_string();
    let chosen = id.clone();
    let button = view! { <button type="button" class="peer-name" on:click=move |_| choose(&chosen)>{name}</button> };
    view! { <li class="peer-row">{row_body(id, button)}</li> }
}

fn row_body(id: String, name: impl IntoView + 'static) -> impl IntoView + 'static {
    let bridge = use_bridge();
    let (a, b, c) = (id.clone(), id.clone(), id.clone());
    let path = bridge.live(move |snapshot| peer(snapshot, &a).map_or(PathView::Gone, |peer| peer.path));
    let line = bridge.calm(move |snapshot| peer(snapshot, &b).map(path_line).unwrap_or_default());
    let ms = bridge.calm(move |snapshot| peer(snapshot, &c).and_then(|peer| peer.rtt_ms));
    view! {
        {identicon(&id)}
        {name}
        <span class="peer-path">{move || path_glyph(path.get())} {path_words(line)}</span>
        <span class="peer-rtt number">{move || ms.get().map(round_trip)}</span>
    }
}
