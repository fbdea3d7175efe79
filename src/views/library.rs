//! The Library: everything shared or fetched in this tab, where each byte stands, who has it.

use super::folder::folder;
use super::history::history;
use super::items::{
    accept, bring_back, cancel_reading, copy_link, frame, link_field, memory_button, on_item, pin_button,
    progress_figures, receivers, save_as_button, save_button, sources,
};
use super::preview::preview;
use crate::bridge::use_bridge;
use crate::components::bar::{bar, part};
use crate::components::icon::{glyph, icon, mark};
use crate::components::map::{Rows, map_key, verified_map};
use crate::components::notice::notice;
use crate::format::{count, size};
use crate::reading::credit::of_item;
use crate::reading::item;
use crate::reading::items::{actions, held, numbers, state_line, title};
use crate::words;
use leptos::prelude::*;
use protocol::Command;
use protocol::snapshot::{Direction, TransferState};

/// The screen.
pub(crate) fn library() -> impl IntoView {
    let bridge = use_bridge();
    let keys = bridge.live(|snapshot| snapshot.transfers.iter().map(|item| item.key).collect::<Vec<_>>());
    let open =
        Open { chosen: RwSignal::new(Choice::Newest), newest: Memo::new(move |_| keys.with(|k| k.first().copied())) };
    let summary = bridge.calm(|snapshot| {
        let held: u64 = snapshot.transfers.iter().filter_map(held).sum();
        format!("{}, {} in this tab.", count(snapshot.transfers.len(), "item", "items"), size(held))
    });
    let empty = Memo::new(move |_| keys.with(Vec::is_empty));
    view! {
        <div class="screen library">
            <header class="screen-head">
                <h1 class="title">"Library"</h1>
                <p class="note">{move || (!empty.get()).then(|| summary.get())}</p>
            </header>
            {move || empty.get().then(nothing)}
            <div class="library-list">
                <For each=move || keys.get() key=|key| *key children=move |key| entry(key, open) />
            </div>
            {history()}
        </div>
    }
}

fn nothing() -> impl IntoView {
    view! {
        <section class="card empty">
            {mark()}
            <div>
                <h2 class="card-title">"Nothing here yet"</h2>
                <p class="note">"What you share or fetch is listed here. Drop a file on any screen to share it."</p>
            </div>
        </section>
    }
}

/// Which item shows its details: the newest, until the person chooses.
#[derive(Clone, Copy)]
struct Open {
    chosen: RwSignal<Choice>,
    newest: Memo<Option<u64>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Newest,
    Item(u64),
    Closed,
}

impl Open {
    fn is(self, key: u64) -> bool {
        match self.chosen.get() {
            Choice::Newest => self.newest.get() == Some(key),
            Choice::Item(chosen) => chosen == key,
            Choice::Closed => false,
        }
    }
}

fn entry(key: u64, open: Open) -> impl IntoView {
    let bridge = use_bridge();
    let name = bridge.live(move |snapshot| item(snapshot, key).map(title).unwrap_or_default());
    let line = bridge.calm(move |snapshot| item(snapshot, key).map(state_line).unwrap_or_default());
    let share = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.direction == Direction::Share));
    let kind = bridge.live(move |snapshot| match item(snapshot, key).map(|item| (item.direction, item.state)) {
        Some((Direction::Share, _)) => "Shared",
        Some((Direction::Fetch, TransferState::Done)) => "Fetched",
        _ => "Fetching",
    });
    let is_open = Memo::new(move |_| open.is(key));
    let toggle = move |_| open.chosen.set(if is_open.get_untracked() { Choice::Closed } else { Choice::Item(key) });
    let id = format!("item-{key}");
    let body = view! {
        <button type="button" class="entry-head" aria-expanded=move || is_open.get().to_string() aria-controls=id.clone() on:click=toggle>
            <span class="tile">{move || icon(if share.get() { glyph::UPLOAD } else { glyph::SAVE })}</span>
            <span class="entry-words">
                <span class="card-title file-name">{name}</span>
                <span class="note">{line}</span>
            </span>
            <span class="entry-kind note">{kind}</span>
        </button>
        <div class="entry-body" id=id>
            {move || is_open.get().then(|| details(key))}
        </div>
        {buttons(key)}
    };
    frame(key, "card entry", body)
}

/// Everything about an item: map, link, sources and receivers.
fn details(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let about = bridge.live(move |snapshot| {
        item(snapshot, key).map(|item| (item.direction, item.state, item.error, !item.content_id.is_empty()))
    });
    let numbers = bridge.calm(move |snapshot| item(snapshot, key).map(numbers).unwrap_or_default());
    let credit = bridge.calm(move |snapshot| of_item(snapshot, &item(snapshot, key)?.content_id));
    let read = bridge.live(move |snapshot| item(snapshot, key).map_or(0.0, |item| part(item.bytes, item.total)));
    let cell = bridge.live(move |snapshot| {
        let item = item(snapshot, key)?;
        Some(format!("One square is {}.", size(item.total?.div_ceil(item.map.len().max(1) as u64))))
    });
    let running = Memo::new(move |_| {
        matches!(about.get(), Some((Direction::Fetch, TransferState::Active | TransferState::Paused, ..)))
    });
    let fetched = Memo::new(
        move |_| matches!(about.get(), Some((Direction::Fetch, state, ..)) if !matches!(state, TransferState::Preparing | TransferState::Failed)),
    );
    let hashing = Memo::new(move |_| matches!(about.get(), Some((Direction::Share, _, _, false))));
    let linked = Memo::new(move |_| matches!(about.get(), Some((_, _, _, true))));
    let error = Memo::new(move |_| about.get().and_then(|(_, _, error, _)| error));
    view! {
        {move || error.get().map(|code| notice(code, words::sentence(code), ()))}
        {preview(key)}
        {folder(key)}
        <Show when=move || hashing.get()>{bar(move || read.get(), "ink")}</Show>
        <Show when=move || running.get()>{progress_figures(key)}</Show>
        <Show when=move || fetched.get()>
            {verified_map(key, Rows::Eight)}
            <div class="map-legend">{map_key()} <p class="axis">{cell}</p></div>
        </Show>
        <Show when=move || linked.get()><div class="card-link entry-link">{link_field(key)} {copy_link(key, "button")}</div></Show>
        <p class="note">{numbers}</p>
        <p class="note number" data-testid="item-credit">{credit}</p>
        {sources(key)}
        {receivers(key)}
    }
}

fn buttons(key: u64) -> impl IntoView {
    let now = use_bridge().live(move |snapshot| item(snapshot, key).map(|item| (item.direction, actions(item))));
    move || {
        now.get().map(|(direction, can)| {
            view! {
                <div class="card-actions">
                    {bring_back(key)}
                    {can.cancel.then(|| cancel_reading(key))}
                    {can.accept.then(|| accept(key))}
                    {can.save.then(|| save_button(key, "button primary"))}
                    {can.save.then(|| save_as_button(key))}
                    {can.pause.then(|| view! {
                        <button type="button" class="button" data-testid="pause" on:click=on_item(key, |id| Command::Pause { id })>{icon(glyph::PAUSE)} "Pause"</button>
                    })}
                    {can.resume.then(|| view! {
                        <button type="button" class="button" data-testid="resume" on:click=on_item(key, |id| Command::Resume { id })>{icon(glyph::PLAY)} "Resume"</button>
                    })}
                    {can.in_memory.then(|| memory_button(key))}
                    {can.pinned.map(|pinned| pin_button(key, pinned))}
                    {can.remove.then(|| view! {
                        <button type="button" class="button quiet" data-testid="remove" on:click=on_item(key, |id| Command::Remove { id })>
                            {icon(glyph::TRASH)} {if direction == Direction::Share { "Stop sharing" } else { "Remove from this device" }}
                        </button>
                    })}
                </div>
            }
        })
    }
}
