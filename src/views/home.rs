//! Home: share something, see who is here, follow the item at hand.

mod card;
mod horizon;
mod tiles;

use super::peers::peer_row;
use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::components::drop_zone::{drop_zone, share_options};
use crate::components::icon::{glyph, icon};
use crate::reading::at_hand::{AtHand, at_hand};
use crate::reading::peers::{ids, summary};
use crate::route::Route;
use leptos::prelude::*;
use protocol::snapshot::Direction;

/// The screen.
pub(crate) fn home() -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let route = page.route;
    // A link fetches on arrival.
    Effect::new(move |_| {
        if let Route::Get(link) = route.get() {
            link.command().into_iter().for_each(|command| bridge.command(command));
        }
    });
    let hand = bridge.live(move |snapshot| route.with(|route| at_hand(snapshot, route)));
    let sharing = bridge.live(|snapshot| !snapshot.transfers.is_empty());
    let alone = Memo::new(move |_| hand.get() == AtHand::Invitation);
    let again = Memo::new(move |_| sharing.get() || hand.get() != AtHand::Invitation);
    let others = {
        let keys = bridge.live(|snapshot| snapshot.transfers.iter().map(|item| item.key).collect::<Vec<_>>());
        Memo::new(move |_| {
            let at_hand = hand.get();
            keys.get()
                .into_iter()
                .filter(|key| !matches!(at_hand, AtHand::Item(at_hand, _) if at_hand == *key))
                .collect::<Vec<_>>()
        })
    };
    view! {
        <div class="home" class:alone=alone>
            <div class="home-say">
                <h1 class="display">"Share files straight " <br /> "from this tab."</h1>
                <p class="lead">"They go from your tab to theirs. " <br /> "Every chunk is checked on arrival."</p>
            </div>
            <div class="home-give">{drop_zone(again)} {share_options()}</div>
            <div class="home-hand">
                {move || match hand.get() {
                    AtHand::Invitation => card::invitation().into_any(),
                    AtHand::Opened(id) => card::opened(&id).into_any(),
                    AtHand::Malformed => card::malformed().into_any(),
                    AtHand::Item(key, Direction::Fetch) => card::fetch(key).into_any(),
                    AtHand::Item(key, Direction::Share) => card::share(key).into_any(),
                }}
                <ul class="others">
                    <For
                        each=move || others.get()
                        key=|key| *key
                        children=|key| view! { <li>{card::other(key)}</li> }
                    />
                </ul>
            </div>
            <section class="here" aria-labelledby="here-title">
                {here()}
                {horizon::horizon()}
                <ul class="peers" aria-label="Peers">
                    <For each=everybody() key=String::clone children=peer_row />
                </ul>
            </section>
            {tiles::tiles()}
            <p class="honest">{icon(glyph::EYE)} "Peers see your network address. Leave this tab open to keep sharing."</p>
        </div>
    }
}

fn everybody() -> impl Fn() -> Vec<String> + Clone + Send + Sync + 'static {
    let ids = use_bridge().live(ids);
    move || ids.get()
}

fn here() -> impl IntoView {
    let summary = use_bridge().calm(summary);
    let page = use_page();
    let nobody = Memo::new(move |_| summary.with(|(first, _)| first.starts_with("Nobody")));
    let hint = move || {
        nobody.get().then(|| {
            match page.published.with(|published| published.sample.as_ref().is_some_and(|sample| !sample.id.is_empty()))
            {
                true => {
                    " Open the link on a second device, or fetch the sample: the relay holds it, so it works alone."
                }
                false => " Open the link on a second device.",
            }
        })
    };
    view! {
        <div class="here-head">
            <h2 class="here-title" id="here-title">
                <b>{move || summary.with(|(first, _)| first.clone())}</b>
                {move || summary.with(|(_, rest)| rest.clone())}
                {hint}
            </h2>
            <a class="link-arrow" href="#/network">"Open Network" {icon(glyph::ARROW)}</a>
        </div>
    }
}
