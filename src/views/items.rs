//! What several screens say about items: their frame with its hooks, their state in words, their actions, who has them.

use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::browser;
use crate::components::bar::{bar, part};
use crate::components::copy_button::copy_button;
use crate::components::drop_zone::choose;
use crate::components::icon::{glyph, icon};
use crate::components::identicon::identicon;
use crate::components::path_glyph::path_glyph;
use crate::format::{left, part_of, per_cent, round_trip, shorten_middle, size, speed, time_left};
use crate::names::Name;
use crate::reading::items::{Anew, Hooks, actions, goal, hooks, id_of};
use crate::reading::{item, newest_share, peer};
use crate::route::link_to;
use crate::streaming::save_address;
use crate::views::folder::{files_here, save_archive};
use crate::words;
use content::ContentId;
use leptos::prelude::*;
use protocol::snapshot::{PathView, SourceState, TransferState, TransferView};
use protocol::{Code, Command, Snapshot};
use wasm_bindgen_futures::spawn_local;

/// The element every item is on whichever screen shows it: there is one per item at a time.
pub(crate) fn frame(key: u64, class: &'static str, body: impl IntoView + 'static) -> impl IntoView {
    let hooks = use_bridge().live(move |snapshot| item(snapshot, key).map(hooks));
    let read = move |which: fn(&Hooks) -> Option<String>| move || hooks.with(|h| h.as_ref().and_then(which));
    view! {
        <article
            class=class
            data-testid="transfer"
            data-content-id=read(|h| Some(h.content_id.clone()))
            data-direction=read(|h| Some(h.direction.into()))
            data-state=read(|h| Some(h.state.into()))
            data-bytes=read(|h| Some(h.bytes.to_string()))
            data-total=read(|h| h.total.map(|total| total.to_string()))
            data-wanted=read(|h| h.wanted.map(|wanted| wanted.to_string()))
            data-sources=read(|h| Some(h.sources.to_string()))
            data-error=read(|h| h.error.map(Into::into))
        >
            {body}
        </article>
    }
}

/// The link of an item, short on screen and whole in its address.
pub(crate) fn link_field(key: u64) -> impl IntoView {
    let address = address(key);
    link(key, "field", move || {
        let link = address.get();
        shorten_middle(link.split_once("://").map_or(link.as_str(), |(_, rest)| rest), 26)
    })
}

/// A link to an item around `words`; on the newest share it is `share-link`.
pub(crate) fn link(key: u64, class: &'static str, words: impl Fn() -> String + Send + 'static) -> impl IntoView {
    let (id, address) = (content_id(key), address(key));
    let newest = use_bridge().live(move |snapshot| newest_share(snapshot) == Some(key));
    view! {
        <a
            class=class
            data-testid=move || newest.get().then_some("share-link")
            data-content-id=move || id.get()
            href=move || address.get()
        >
            {words}
        </a>
    }
}

fn content_id(key: u64) -> Memo<String> {
    use_bridge().live(move |snapshot| item(snapshot, key).map(|item| item.content_id.clone()).unwrap_or_default())
}

/// The whole link of an item, with its key when it is private.
pub(crate) fn address(key: u64) -> Memo<String> {
    use_bridge().live(move |snapshot| {
        let link = |item: &TransferView| link_to(&browser::origin(), &item.content_id, item.link_key.as_deref());
        item(snapshot, key).map(link).unwrap_or_default()
    })
}

/// Copies the link of an item.
pub(crate) fn copy_link(key: u64, class: &'static str) -> impl IntoView {
    let address = address(key);
    copy_button("Copy link", class, move || address.get_untracked())
}

/// Hands the link to the system's own share sheet, where there is one: phones, mostly.
pub(crate) fn send_link(key: u64) -> impl IntoView {
    let address = address(key);
    browser::can_send().then(|| {
        let on_click = move |_| browser::send(&address.get_untracked());
        view! { <button type="button" class="button" on:click=on_click>{icon(glyph::SEND)} "Send link"</button> }
    })
}

/// From here on an item goes to disk through the service worker, chunk by chunk. A shorter one is quicker as one `Blob`.
const STREAMED_FROM: u64 = 8 * 1024 * 1024;

/// The button that saves a finished item under its own name; a folder as an archive of all its files.
pub(crate) fn save_button(key: u64, class: &'static str) -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let on_click = move |_| {
        let newest = bridge.newest();
        let Some(item) = item(&newest, key) else { return };
        let Some(id) = id_of(item) else { return };
        let (name, length) = (item.name.clone(), item.total.unwrap_or_default());
        if item.folder {
            return spawn_local(async move {
                let here = files_here(bridge, id).await;
                save_archive(bridge, page, id, &name, here);
            });
        }
        if length >= STREAMED_FROM && page.streams.get_untracked() {
            return browser::download(&save_address(&id.to_string(), ""));
        }
        spawn_local(async move {
            match bridge.bytes_of(id).await {
                Ok(blob) => browser::save(&blob, &name),
                Err(code) => page.notices.update(|notices| notices.push(code)),
            }
        });
    };
    let folder = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.folder));
    let word = move || if folder.get() { "Save as zip" } else { "Save" };
    view! {
        <button type="button" class=class data-testid="save" on:click=on_click>{icon(glyph::SAVE)} {word}</button>
    }
}

/// Saves a finished file where the person says, where the browser lets them; from the disk to the disk.
pub(crate) fn save_as_button(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let said = RwSignal::new(None);
    let on_click = move |_| {
        let newest = bridge.newest();
        let Some((id, name)) = item(&newest, key).and_then(|item| Some((id_of(item)?, item.name.clone()))) else {
            return;
        };
        spawn_local(async move {
            // Closing the picker without choosing is not an error.
            let Some(file) = browser::pick_file(&name).await else { return };
            let words = |words: Option<&'static str>| _ = said.try_set(words);
            words(Some("Saving"));
            words(match bridge.save_as(id, file).await {
                Ok(()) => Some("Saved."),
                Err(Code::StorageRefused) => Some("That place does not take this file. Choose another."),
                Err(Code::StorageFull) => Some("There is no room left in that place."),
                Err(code) => {
                    page.notices.update(|notices| notices.push(code));
                    None
                }
            });
        });
    };
    let file = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| !item.folder));
    let can = browser::can_pick_file();
    view! {
        <Show when=move || can && file.get()>
            <button type="button" class="button" data-testid="save-as" on:click=on_click>"Save as"</button>
            <p class="note" role="status" data-testid="saved-as">{move || said.get()}</p>
        </Show>
    }
}

/// Gives up reading a file that has no link yet.
pub(crate) fn cancel_reading(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let failed =
        bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.state == TransferState::Failed));
    view! {
        <button
            type="button"
            class="button"
            data-testid="cancel"
            on:click=move |_| bridge.command(Command::CancelReading { key })
        >
            {move || if failed.get() { "Put away" } else { "Cancel" }}
        </button>
    }
}

/// Sends the command that `make` builds from the item's content id.
pub(crate) fn on_item(key: u64, make: fn(ContentId) -> Command) -> impl Fn(leptos::ev::MouseEvent) + Clone + 'static {
    let bridge = use_bridge();
    move |_| {
        if let Some(id) = item(&bridge.newest(), key).and_then(id_of) {
            bridge.command(make(id));
        }
    }
}

/// What brings a share back that the browser or a change on disk has stopped; nothing for all others.
pub(crate) fn bring_back(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let can = bridge.live(move |snapshot| item(snapshot, key).map(|item| (actions(item).regain, actions(item).anew)));
    move || {
        match can.get() {
        Some((true, _)) => view! {
            <button type="button" class="button primary" data-testid="regain" on:click=on_item(key, |id| Command::Regain { id })>
                "Offer it again"
            </button>
        }
        .into_any(),
        Some((_, Some(Anew::AtOnce))) => view! {
            <button type="button" class="button primary" data-testid="share-anew" on:click=on_item(key, |id| Command::ShareAnew { id })>
                "Share anew"
            </button>
        }
        .into_any(),
        Some((_, Some(Anew::Choose))) => view! {
            <button type="button" class="button primary" data-testid="choose-anew" on:click=move |_| choose(bridge)>
                "Choose it again"
            </button>
        }
        .into_any(),
        Some((false, None)) | None => ().into_any(),
    }
    }
}

/// Pins an item, or lets it go when room is needed.
pub(crate) fn pin_button(key: u64, pinned: bool) -> impl IntoView {
    let bridge = use_bridge();
    let on_click = move |_| {
        if let Some(id) = item(&bridge.newest(), key).and_then(id_of) {
            if !pinned {
                // The first thing a person wants kept is the moment to ask for storage that the browser keeps.
                browser::persist();
            }
            bridge.command(Command::Pin { id, pinned: !pinned });
        }
    };
    view! {
        <button type="button" class="button quiet" data-testid="pin" aria-pressed=pinned.to_string() on:click=on_click>
            {icon(glyph::PIN)} {if pinned { "Unpin" } else { "Pin" }}
        </button>
    }
}

/// Takes what finds no room on the device into memory.
pub(crate) fn memory_button(key: u64) -> impl IntoView {
    view! {
        <button type="button" class="button" data-testid="keep-in-memory" on:click=on_item(key, |id| Command::KeepInMemory { id })>
            "Fetch it into memory"
        </button>
        <p class="note">"In memory it is gone when this tab closes."</p>
    }
}

/// The yes on an item that asks first, and what it says yes to.
pub(crate) fn accept(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let words = bridge.calm(move |snapshot| {
        let item = item(snapshot, key);
        let length = item.and_then(|item| item.total).map(size).unwrap_or_default();
        let costs = if snapshot.metered { ", and this connection is metered" } else { "" };
        let next = match item.is_some_and(listed) {
            true => "Tick what you want in the list, or fetch all of it.",
            false => "It starts when you say so.",
        };
        format!("This is {length}{costs}. {next}")
    });
    let folder = bridge.live(move |snapshot| item(snapshot, key).is_some_and(|item| item.folder));
    view! {
        <div class="ask">
            <p class="note">{words}</p>
            <button type="button" class="button primary" data-testid="accept" on:click=on_item(key, |id| Command::Accept { id })>
                {move || if folder.get() { "Fetch all of it" } else { "Fetch it" }}
            </button>
        </div>
    }
}

/// The list of a folder's files is here.
fn listed(item: &TransferView) -> bool {
    item.folder && item.bytes > 0
}

/// Time left, its range, per cent and speed of a running fetch.
pub(crate) fn progress_figures(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let left = bridge.calm(move |snapshot| item(snapshot, key)?.eta_s.map(|(low, high)| time_left(low, high)));
    let done = bridge.calm(move |snapshot| {
        let item = item(snapshot, key)?;
        let goal = goal(item)?;
        Some((per_cent(item.bytes, goal), part_of(item.bytes, goal)))
    });
    let pace = bridge.calm(move |snapshot| {
        let item = item(snapshot, key)?;
        let from = item.sources.iter().filter(|source| source.state == SourceState::Active).count();
        let from = match item.elsewhere {
            true => "in another tab".to_owned(),
            false => format!("from {}", crate::format::count(from, "source", "sources")),
        };
        Some((speed(item.rate), from))
    });
    view! {
        <div class="figures">
            <p class="figure">
                <b>{move || left.get().map(|(time, _)| format!("{time} left"))}</b>
                <span class="note">{move || left.get().and_then(|(_, range)| range)}</span>
            </p>
            <p class="figure">
                <b>{move || done.get().map(|(share, _)| format!("{share} %"))}</b>
                <span class="note">{move || done.get().map(|(_, part)| format!("{part} verified"))}</span>
            </p>
            <p class="figure">
                <b>{move || pace.get().map(|(speed, _)| speed)}</b>
                <span class="note">{move || pace.get().map(|(_, from)| from)}</span>
            </p>
        </div>
    }
}

/// One row per peer that fetches the item from this tab.
pub(crate) fn receivers(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let peers = bridge.live(move |snapshot| {
        let peers = |item: &TransferView| item.receivers.iter().map(|r| r.peer.clone()).collect::<Vec<_>>();
        item(snapshot, key).map(peers).unwrap_or_default()
    });
    view! {
        <ul class="receivers">
            <For each=move || peers.get() key=String::clone children=move |id| receiver(key, id) />
        </ul>
    }
}

fn receiver(key: u64, id: String) -> impl IntoView {
    let bridge = use_bridge();
    let find = {
        let id = id.clone();
        move |snapshot: &Snapshot| {
            let item = item(snapshot, key)?;
            let receiver = item.receivers.iter().find(|receiver| receiver.peer == id)?;
            Some((receiver.holds.max(receiver.bytes.min(item.total?)), item.total?, receiver.rate))
        }
    };
    let live = bridge.live(find.clone());
    let calm = bridge.calm(find);
    let all = Memo::new(move |_| live.get().is_some_and(|(holds, total, _)| holds >= total));
    let figures = move || {
        calm.get().map(|(holds, total, rate)| {
            let share = format!("{} %", per_cent(holds, total));
            if rate < 1.0 {
                return (share, String::new());
            }
            (format!("{share}, {}, ", speed(rate)), left(total.saturating_sub(holds) as f64 / rate))
        })
    };
    view! {
        <li class="receiver">
            {identicon(&id)}
            <span class="receiver-name">{Name::of(&id).to_string()}</span>
            {move || match all.get() {
                true => view! { <span class="receiver-all">{icon(glyph::CHECK)} "Has all of it"</span> }.into_any(),
                false => view! {
                    {bar(move || live.get().map_or(0.0, |(holds, total, _)| part(holds, Some(total))), "direct")}
                    <span class="receiver-figures number">
                        {move || figures().map(|(first, _)| first)} <b>{move || figures().map(|(_, left)| left)}</b>
                    </span>
                }
                .into_any(),
            }}
        </li>
    }
}

/// One row per source, with its share and speed; a dropped one stays listed.
pub(crate) fn sources(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let peers = bridge.live(move |snapshot| {
        let peers = |item: &TransferView| item.sources.iter().map(|s| s.peer.clone()).collect::<Vec<_>>();
        item(snapshot, key).map(peers).unwrap_or_default()
    });
    view! {
        <ul class="sources">
            <For each=move || peers.get() key=String::clone children=move |id| source(key, id) />
        </ul>
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Source {
    state: SourceState,
    share: f64,
    bytes: u64,
    rate: f64,
    path: Option<PathView>,
    ms: Option<f64>,
}

fn source(key: u64, id: String) -> impl IntoView {
    let bridge = use_bridge();
    let find = {
        let id = id.clone();
        move |snapshot: &Snapshot| {
            let item = item(snapshot, key)?;
            let source = item.sources.iter().find(|source| source.peer == id)?;
            let given: u64 = item.sources.iter().map(|source| source.bytes).sum();
            let peer = peer(snapshot, &id);
            Some(Source {
                state: source.state,
                share: source.bytes as f64 / given.max(1) as f64,
                bytes: source.bytes,
                rate: source.rate,
                path: peer.map(|peer| peer.path),
                ms: peer.and_then(|peer| peer.rtt_ms),
            })
        }
    };
    let live = bridge.live(find.clone());
    let calm = bridge.calm(find);
    let state = Memo::new(move |_| live.with(|source| source.as_ref().map(|source| source.state)));
    let path = Memo::new(move |_| live.with(|source| source.as_ref().and_then(|source| source.path)));
    let line = move || {
        let source = calm.get()?;
        Some(match (source.state, source.path, source.ms) {
            (SourceState::Dropped | SourceState::Left | SourceState::Resting, ..) => {
                words::source(source.state).to_owned()
            }
            (_, Some(path), Some(ms)) => format!("{}, {}", words::path(path), round_trip(ms)),
            (state, ..) => words::source(state).to_owned(),
        })
    };
    let out = move || matches!(state.get(), Some(SourceState::Dropped | SourceState::Left));
    // A relay that serves its sample by HTTP is a source under its own name, not under a bird's.
    let relay = bridge.calm({
        let id = id.clone();
        move |snapshot: &Snapshot| {
            snapshot.relays.iter().find(|relay| relay.peer.as_ref() == Some(&id)).map(|relay| relay.name.clone())
        }
    });
    let name = {
        let bird = Name::of(&id).to_string();
        move || relay.get().unwrap_or_else(|| bird.clone())
    };
    view! {
        <li class="source" class:dropped=move || state.get() == Some(SourceState::Dropped)>
            {identicon(&id)}
            <span class="source-name">{name}</span>
            <span class="source-rate number">{move || calm.get().map(|s| if s.rate < 1.0 { size(s.bytes) } else { speed(s.rate) })}</span>
            <span class="source-line note">
                {move || path.get().filter(|_| !out()).map(path_glyph)} <span>{line}</span>
            </span>
            <span class="source-share note number">
                {move || calm.get().map(|s| format!("{:.0} %", s.share * 100.0))}
            </span>
            {bar(move || live.with(|source| source.as_ref().map_or(0.0, |source| source.share)), "direct")}
        </li>
    }
}
