//! The Network screen: this tab in the middle, everybody else at the distance that was measured.

mod learning;
mod list;
mod panel;
mod picture;
pub(crate) mod shapes;
pub(crate) mod specks;

use crate::bridge::use_bridge;
use crate::browser;
use crate::reading::measured;
use crate::reading::peers::{census, connected, ids};
use crate::views::peers::peer_row_plain;
use leptos::prelude::*;

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
    let words = bridge.calm(census);
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
                {learning::learning_card()}
                {export()}
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

/// Everything measured, for whoever wants to judge it on their own.
fn export() -> impl IntoView {
    let bridge = use_bridge();
    let any = bridge.live(|snapshot| snapshot.relays.iter().any(|relay| !relay.samples.is_empty()));
    let rows = move || measured::rows(&bridge.newest(), js_sys::Date::now());
    let csv = move |_| browser::save_text(&measured::to_csv(&rows()), "text/csv", "starling-measurements.csv");
    let json = move |_| browser::save_json(&rows(), "starling-measurements.json");
    move || {
        any.get().then(|| {
            view! {
                <div class="card-actions export">
                    <span class="note">"All measurements"</span>
                    <button type="button" class="button small" data-testid="measurements-csv" on:click=csv>"CSV"</button>
                    <button type="button" class="button small" data-testid="measurements-json" on:click=json>"JSON"</button>
                </div>
            }
        })
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
