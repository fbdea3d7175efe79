//! The Network screen: this tab in the middle, everybody else at the distance that was measured.

mod list;
mod panel;
mod picture;
pub(crate) mod shapes;
pub(crate) mod specks;

use super::peers::{connected, ids};
use crate::bridge::{peer, use_bridge};
use crate::format::{count, median, round_trip};
use crate::views::peers::peer_row_plain;
use leptos::prelude::*;
use protocol::Snapshot;
use protocol::snapshot::PathView;

/// Who is selected, and how it is shown. The person's choice holds for as long as the screen is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    chosen: RwSignal<Choice>,
    /// The peer whose panel is open.
    pub(crate) peer: Memo<Option<String>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    /// Nobody was chosen yet: the nearest speaks for all.
    Nearest,
    Peer(String),
    Closed,
}

impl Selection {
    fn new() -> Self {
        let bridge = use_bridge();
        let chosen = RwSignal::new(Choice::Nearest);
        let all = bridge.live(ids);
        let nearest = bridge.calm(|snapshot| connected(snapshot).next().map(|peer| peer.peer.clone()));
        // The first to be nearest stays selected, so that the panel does not jump between two equals.
        let kept = Memo::new(move |before: Option<&Option<String>>| {
            let before = before.cloned().flatten().filter(|before| all.with(|all| all.contains(before)));
            before.or_else(|| nearest.get())
        });
        let peer = Memo::new(move |_| match chosen.get() {
            Choice::Nearest => kept.get(),
            Choice::Peer(id) if all.with(|all| all.contains(&id)) => Some(id),
            Choice::Peer(_) => kept.get(),
            Choice::Closed => None,
        });
        Self { chosen, peer }
    }

    /// Opens a peer's panel.
    pub(crate) fn choose(self, id: &str) {
        self.chosen.set(Choice::Peer(id.to_owned()));
    }

    /// Closes the panel.
    pub(crate) fn close(self) {
        self.chosen.set(Choice::Closed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Picture,
    List,
}

/// The screen.
pub(crate) fn network() -> impl IntoView {
    let bridge = use_bridge();
    let selection = Selection::new();
    let shown = RwSignal::new(Shown::Picture);
    let words = bridge.calm(words);
    let nobody = bridge.live(|snapshot| snapshot.peers.is_empty());
    view! {
        <div class="network" class:as-list=move || shown.get() == Shown::List>
            <div class="network-main">
                <header class="network-head">
                    <h1 class="title">"Network"</h1>
                    <p class="note">{words}</p>
                </header>
                <div class="segments network-toggle" role="radiogroup" aria-label="Shown as">
                    {segment("Picture", Shown::Picture, shown)} {segment("List", Shown::List, shown)}
                </div>
                {move || match shown.get() {
                    Shown::Picture => view! { {picture::picture(selection)} {picture::key()} }.into_any(),
                    Shown::List => list::list(selection).into_any(),
                }}
            </div>
            <aside class="network-side" aria-label="Selected peer">
                {move || selection.peer.get().map(|id| panel::panel(id, selection))}
                {move || nobody.get().then(nobody_here)}
            </aside>
            <section class="network-seven" aria-labelledby="seven">
                <h2 class="setting-title" id="seven">"Your seven nearest"</h2>
                <ul class="peers">{seven(selection)}</ul>
            </section>
        </div>
    }
}

fn segment(label: &'static str, value: Shown, shown: RwSignal<Shown>) -> impl IntoView {
    view! {
        <label class="segment">
            <input type="radio" name="shown-as" prop:checked=move || shown.get() == value on:change=move |_| shown.set(value) />
            <span>{label}</span>
        </label>
    }
}

fn seven(selection: Selection) -> impl IntoView {
    let nearest = use_bridge().calm(|snapshot| {
        connected(snapshot).take(crate::picture::NEIGHBOURS).map(|peer| peer.peer.clone()).collect::<Vec<_>>()
    });
    view! {
        <For each=move || nearest.get() key=String::clone children=move |id| peer_row_plain(id, move |id| selection.choose(id)) />
    }
}

fn nobody_here() -> impl IntoView {
    view! {
        <section class="card empty">
            <svg class="first-one" viewBox="0 0 48 48" aria-hidden="true">
                <circle class="ring" cx="24" cy="24" r="22" />
                <circle class="ring" cx="24" cy="24" r="13" />
                <circle class="own-disc" cx="24" cy="24" r="6" />
            </svg>
            <div>
                <h2 class="card-title">"You are the first one here"</h2>
                <p class="note">"Open the link on a second device."</p>
            </div>
        </section>
    }
}

/// "14 peers: 10 direct, 3 through a relay, 1 connecting. Median 66 ms."
fn words(snapshot: &Snapshot) -> String {
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
fn spoken(snapshot: &Snapshot, id: &str) -> String {
    let Some(view) = peer(snapshot, id) else { return String::new() };
    let mut said = format!("{}, {}", crate::names::Name::of(id), crate::words::path(view.path).to_lowercase());
    if let Some(ms) = view.rtt_ms {
        said += &format!(", {}", round_trip(ms));
    }
    let place = connected(snapshot).position(|peer| peer.peer == id);
    if let Some(place) = place {
        said += &format!(", nearest {} of {}", place + 1, connected(snapshot).count());
    }
    said
}
