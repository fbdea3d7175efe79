//! The card on the right of Home: the invitation, a share with its receivers, or a fetch.

use crate::bridge::use_bridge;
use crate::browser;
use crate::components::bar::{bar, part};
use crate::components::copy_button::copy_button;
use crate::components::drop_zone::gather;
use crate::components::icon::{glyph, icon};
use crate::components::identicon::identicon;
use crate::components::map::{Rows, verified_map};
use crate::components::notice::notice;
use crate::components::qr_code::qr_code;
use crate::format::per_cent;
use crate::names::Name;
use crate::reading::item;
use crate::reading::items::{Actions, actions, goal, said, state_line, title};
use crate::views::folder::folder;
use crate::views::items::{
    accept, address, bring_back, cancel_reading, copy_link, frame, link, link_field, memory_button, on_item,
    progress_figures, receivers, save_as_button, save_button, send_link, sources,
};
use crate::views::preview::preview;
use crate::words;
use leptos::prelude::*;
use protocol::snapshot::{Direction, TransferState};
use protocol::{Code, Command, Keeping};

/// Before anything is shared: your name, the page's own link, and its code.
pub(super) fn invitation() -> impl IntoView {
    let me = use_bridge().live(|snapshot| snapshot.me.clone());
    let address = format!("{}/#/", browser::origin());
    let shown = address.split_once("://").map_or(address.clone(), |(_, rest)| rest.to_owned());
    let link = address.clone();
    view! {
        <section class="card invitation" aria-label="Invite">
            {qr_code(&address, "QR code of this page's link")}
            <div class="card-main">
                <div class="card-head">
                    {move || {
                        let me = me.get();
                        (!me.is_empty()).then(move || identicon(&me))
                    }}
                    <div>
                        <h2 class="card-title">
                            {move || match me.get() {
                                me if me.is_empty() => "You are about to be here".into(),
                                me => format!("You are {}", Name::of(&me)),
                            }}
                        </h2>
                        <p class="note">"Anyone who opens this link meets you here."</p>
                    </div>
                </div>
                <div class="card-link">
                    <a class="field" href=link>{shown}</a>
                    {copy_button("Copy link", "button", move || address.clone())}
                </div>
            </div>
        </section>
    }
}

/// A share: its code, its link, and who fetches it.
pub(super) fn share(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let id = bridge.live(move |snapshot| item(snapshot, key).map(|item| item.content_id.clone()).unwrap_or_default());
    let ready = Memo::new(move |_| id.with(|id| !id.is_empty()));
    let works = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| actions(item).copy_link));
    let address = address(key);
    let code = move || (ready.get() && works.get()).then(|| qr_code(&address.get(), "QR code of this item's link"));
    let private = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.private));
    let read = bridge.live(move |snapshot| item(snapshot, key).map_or(0.0, |item| part(item.bytes, item.total)));
    let kept = bridge.live(move |snapshot| {
        let keeping = item(snapshot, key)?.keeping?;
        works.get().then(|| words::keeping(keeping, true))
    });
    let head = view! {
        {head(key)}
        {move || match ready.get() {
            true if !works.get() => view! { <div class="card-actions">{bring_back(key)}</div> }.into_any(),
            true => view! {
                <div class="card-link">{link_field(key)} {copy_link(key, "button primary")} {send_link(key)}</div>
                <p class="note card-privacy" data-private=move || private.get().to_string()>{move || words::privacy(private.get())}</p>
                <p class="note card-keeping">{kept}</p>
            }
            .into_any(),
            false => view! {
                {bar(move || read.get(), "ink")}
                <div class="card-actions">{cancel_reading(key)}</div>
            }
            .into_any(),
        }}
        {failure(key)}
    };
    let body = view! {
        <div class="card-top" class:reading=move || !ready.get()>
            {code}
            <div class="card-main">{head}</div>
        </div>
        {receivers(key)}
    };
    frame(key, "card share", body)
}

/// A fetch: how far, how fast, from whom; then Save.
pub(super) fn fetch(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let state = bridge.live(move |snapshot| item(snapshot, key).map(|item| (item.state, actions(item))));
    let does = move |which: fn(&Actions) -> bool| {
        Memo::new(move |_| state.with(|state| state.as_ref().is_some_and(|(_, actions)| which(actions))))
    };
    let running = Memo::new(move |_| {
        state.with(|state| matches!(state, Some((TransferState::Active | TransferState::Paused, _))))
    });
    let (asks, pause, resume, saves) = (does(|a| a.accept), does(|a| a.pause), does(|a| a.resume), does(|a| a.save));
    let memory = does(|a| a.in_memory);
    // That it is on the device needs no word here; that it is not does, before the first byte is.
    let fleeting = bridge.live(move |snapshot| {
        let keeping = item(snapshot, key)?.keeping.filter(|keeping| *keeping == Keeping::Tab)?;
        Some(words::keeping(keeping, false))
    });
    let body = view! {
        {head(key)}
        <Show when=move || asks.get()>{accept(key)}</Show>
        {preview(key)}
        <Show when=move || running.get()>{progress_figures(key)}</Show>
        <Show when=move || running.get() || saves.get()>{verified_map(key, Rows::One)}</Show>
        {move || fleeting.get().map(|words| view! { <p class="note" data-testid="in-memory">{words}</p> })}
        {failure(key)}
        {folder(key)}
        <div class="card-actions">
            <Show when=move || memory.get()>{memory_button(key)}</Show>
            <Show when=move || saves.get()>{save_button(key, "button primary")} {save_as_button(key)} {copy_link(key, "button")}</Show>
            <Show when=move || pause.get()>
                <button type="button" class="button" data-testid="pause" on:click=on_item(key, |id| Command::Pause { id })>{icon(glyph::PAUSE)} "Pause"</button>
            </Show>
            <Show when=move || resume.get()>
                <button type="button" class="button" data-testid="resume" on:click=on_item(key, |id| Command::Resume { id })>{icon(glyph::PLAY)} "Resume"</button>
            </Show>
        </div>
        {sources(key)}
        {receivers(key)}
    };
    frame(key, "card fetch", body)
}

fn head(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let name = bridge.live(move |snapshot| item(snapshot, key).map(title).unwrap_or_default());
    let line = bridge.calm(move |snapshot| item(snapshot, key).map(state_line).unwrap_or_default());
    let said = bridge.live(move |snapshot| item(snapshot, key).map(said).unwrap_or_default());
    let is_folder = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.folder));
    view! {
        <div class="card-head">
            <span class="tile">{move || icon(if is_folder.get() { glyph::FOLDER } else { glyph::FILE })} {gather()}</span>
            <div class="card-words">
                <h2 class="card-title file-name">{name}</h2>
                <p class="note">{line}</p>
                <p class="unseen" role="status">{said}</p>
            </div>
            <a class="icon-button" href="#/library" aria-label="Open in the Library">{icon(glyph::ARROW)}</a>
        </div>
    }
}

/// What went wrong with an item and what to do; nothing when nothing did.
fn failure(key: u64) -> impl IntoView {
    let error = use_bridge().live(move |snapshot| item(snapshot, key)?.error);
    move || error.get().map(|code| notice(code, words::sentence(code), ()))
}

/// A link was opened and the node is not up yet.
pub(super) fn opened(id: &str) -> impl IntoView + use<> {
    view! {
        <article
            class="card fetch"
            data-testid="transfer"
            data-content-id=id.to_owned()
            data-direction="fetch"
            data-state="preparing"
            data-bytes="0"
            data-sources="0"
        >
            <div class="card-head">
                <span class="tile">{icon(glyph::FILE)}</span>
                <div class="card-words">
                    <h2 class="card-title">"Something you were sent"</h2>
                    <p class="note">"Starts as soon as this tab is on the network."</p>
                </div>
            </div>
        </article>
    }
}

/// A link that names nothing.
pub(super) fn malformed() -> impl IntoView {
    let code = Code::MalformedLink;
    view! {
        <article class="card fetch" data-testid="transfer" data-content-id="" data-direction="fetch" data-state="failed" data-bytes="0" data-sources="0" data-error=code.as_str()>
            {notice(code, words::sentence(code), ())}
        </article>
    }
}

/// Another item, in one line: its name, where it stands, and the one thing to do with it.
pub(super) fn other(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let name = bridge.live(move |snapshot| item(snapshot, key).map(title).unwrap_or_default());
    let line = bridge.calm(move |snapshot| {
        item(snapshot, key)
            .map(|item| match (item.direction, item.state, goal(item)) {
                (Direction::Fetch, TransferState::Active, Some(total)) => {
                    format!("{} %, {}", per_cent(item.bytes, total), state_line(item))
                }
                _ => state_line(item),
            })
            .unwrap_or_default()
    });
    let kind = bridge.live(move |snapshot| item(snapshot, key).map(|item| (item.direction, actions(item))));
    let linked = Memo::new(move |_| matches!(kind.get(), Some((Direction::Share, actions)) if actions.copy_link));
    let body = view! {
        <span class="other-words">
            {move || match linked.get() {
                true => link(key, "other-name file-name", move || name.get()).into_any(),
                false => view! { <span class="other-name file-name">{name}</span> }.into_any(),
            }}
            <span class="note">{line}</span>
        </span>
        {move || match kind.get() {
            Some((_, actions)) if actions.accept => accept(key).into_any(),
            Some((_, actions)) if actions.save => save_button(key, "button small").into_any(),
            Some((Direction::Share, actions)) if actions.copy_link => {
                copy_link(key, "button small").into_any()
            }
            _ => ().into_any(),
        }}
    };
    frame(key, "other", body)
}
