//! The bottom row of Home: passing on, what went in and out, and something to fetch when nobody else is here.

use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::components::icon::{glyph, icon};
use crate::components::switch::serve_switch;
use crate::format::size;
use crate::reading::giving::passing_on;
use leptos::prelude::*;

/// The row.
pub(super) fn tiles() -> impl IntoView {
    view! { <div class="tiles">{pass_on()} {totals()} {sample()}</div> }
}

fn pass_on() -> impl IntoView {
    let words = use_bridge().calm(passing_on);
    view! {
        <section class="tile-cell">
            <div>
                <h3 class="tile-title" id="pass-on">"Pass on what you fetch"</h3>
                <p class="note">{words} " " <a href="#/settings">"Change"</a></p>
            </div>
            {serve_switch("pass-on")}
        </section>
    }
}

fn totals() -> impl IntoView {
    let totals = use_bridge().calm(|snapshot| snapshot.totals);
    let wasted = move || {
        let wasted = totals.get().wasted;
        (wasted > 0).then(|| format!(" {} thrown away.", size(wasted)))
    };
    view! {
        <section class="tile-cell">
            <div>
                <h3 class="tile-figure number">{move || size(totals.get().given)} " " <small>"given"</small></h3>
                <p class="note">{move || format!("{} taken, every chunk checked.", size(totals.get().taken))} {wasted}</p>
            </div>
            <a class="link-arrow" href="#/library">"Library" {icon(glyph::ARROW)}</a>
        </section>
    }
}

/// Only what the operator ships; without one the row has two cells.
fn sample() -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    move || {
        page.published.get().sample.and_then(|sample| {
            let id = sample.id.parse().ok()?;
            let held = bridge.live(move |snapshot| {
                let id = sample.id.as_str();
                snapshot.transfers.iter().any(|item| item.content_id == id)
            });
            let url = sample.url;
            let on_click = move |_| bridge.fetch_sample(url.clone(), id);
            Some(view! {
                <section class="tile-cell">
                    <span class="tile">{icon(glyph::FILE)}</span>
                    <div class="tile-words">
                        <h3 class="tile-title file-name">{sample.name}</h3>
                        <p class="note">{format!("Sample, {}. The relay holds it.", size(sample.length))}</p>
                    </div>
                    <button type="button" class="button" disabled=held on:click=on_click>"Fetch"</button>
                </section>
            })
        })
    }
}
