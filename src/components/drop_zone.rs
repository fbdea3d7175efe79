//! Where files come in: the area that takes a drop, the button that opens the chooser, and the whole page for paste.
//!
//! The markup equals the still picture in index.html. The input behind it is the one element of that page that stays.

use super::chosen::{Picked, pick, remembered};
use super::icon::{glyph, icon};
use crate::bridge::{Bridge, use_bridge};
use crate::browser;
use crate::dropped;
use crate::format::count;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    ClipboardEvent, DataTransfer, DragEvent, Event, File, FileList, FileSystemEntry, HtmlInputElement, MouseEvent,
};

/// How many files are being dragged over the page; `None` when nothing is.
#[derive(Clone, Copy, Debug)]
struct Dragged(RwSignal<Option<usize>>);

/// Specks of the border that gather in the tile of what was dropped.
const GATHER_SPECKS: usize = 28;
/// An item that takes longer to appear (or is there already) is not what the hand has just let go.
const GATHER_WITHIN: Duration = Duration::from_secs(1);

/// Where files were let go, until the tile of their item is there: the specks' places in the window, px.
#[derive(Clone, Copy, Debug)]
struct Dropped(StoredValue<Vec<(f64, f64)>>);

/// The permanent input of index.html.
fn input() -> Option<HtmlInputElement> {
    browser::document().get_element_by_id("share-input")?.dyn_into().ok()
}

/// Takes over from start.js: early files first, then every choice, drop and paste on any screen. Call once.
pub(crate) fn accept_files(bridge: Bridge) {
    let dragged = Dragged(RwSignal::new(None));
    let gathered = Dropped(StoredValue::new(Vec::new()));
    provide_context(dragged);
    provide_context(gathered);
    bridge.share(early_files());
    let document = browser::document();
    if let Some(input) = input() {
        let chosen = input.clone();
        browser::listen(&input, "change", move |_: Event| {
            bridge.share(files(chosen.files()));
            // The same file may be chosen again later.
            chosen.set_value("");
        });
    }
    browser::listen(&document, "paste", move |event: ClipboardEvent| {
        bridge.share(files(event.clipboard_data().and_then(|data| data.files())));
    });
    browser::listen(&document, "dragover", move |event: DragEvent| {
        let Some(data) = event.data_transfer().filter(carries_files) else { return };
        event.prevent_default();
        data.set_drop_effect("copy");
        let items = data.items().length() as usize;
        if dragged.0.get_untracked() != Some(items) {
            dragged.0.set(Some(items));
        }
    });
    browser::listen(&document, "dragleave", move |event: DragEvent| {
        // Only leaving the window has nothing to go to.
        if event.related_target().is_none() {
            dragged.0.set(None);
        }
    });
    browser::listen(&document, "drop", move |event: DragEvent| {
        event.prevent_default();
        dragged.0.set(None);
        let Some(data) = event.data_transfer() else { return };
        let (entries, files) = (dropped::entries(&data), files(data.files()));
        if files.is_empty() {
            return;
        }
        gathered.0.set_value(border());
        set_timeout(move || gathered.0.set_value(Vec::new()), GATHER_WITHIN);
        browser::go("#/");
        if entries.iter().any(FileSystemEntry::is_directory) {
            spawn_local(async move { bridge.share_found(dropped::walk(entries).await, None) });
        } else {
            let remembered = remembered(&data);
            spawn_local(async move { bridge.share_found(dropped::of_files(files), remembered.await) });
        }
    });
}

/// Opens the chooser: the one that lets the next visit offer a file again, or the plain one.
pub(crate) fn choose(bridge: Bridge) {
    spawn_local(async move {
        match pick().await {
            Picked::Files(files, remembered) => bridge.share_found(dropped::of_files(files), remembered),
            Picked::Nothing => {}
            Picked::NoChooser => input().into_iter().for_each(|input| input.click()),
        }
    });
}

fn carries_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind == JsValue::from_str("Files"))
}

fn files(list: Option<FileList>) -> Vec<File> {
    list.map(|list| (0..list.length()).filter_map(|i| list.get(i)).collect()).unwrap_or_default()
}

/// Places along the drop zone's border; none on a screen without one.
fn border() -> Vec<(f64, f64)> {
    let Some(zone) = browser::document().query_selector(".drop").ok().flatten() else { return Vec::new() };
    let zone = zone.get_bounding_client_rect();
    let (width, height) = (zone.width(), zone.height());
    let place = |i: usize| {
        let along = i as f64 / GATHER_SPECKS as f64 * 2.0 * (width + height);
        let (x, y) = match along {
            a if a < width => (a, 0.0),
            a if a < width + height => (width, a - width),
            a if a < 2.0 * width + height => (2.0 * width + height - a, height),
            a => (0.0, 2.0 * (width + height) - a),
        };
        (zone.left() + x, zone.top() + y)
    };
    (0..GATHER_SPECKS).map(place).collect()
}

/// The specks that come together in the tile of an item that was just dropped; nothing for every other item.
pub(crate) fn gather() -> impl IntoView {
    let Dropped(dropped) = expect_context();
    let specks = RwSignal::new(Vec::new());
    let centre = NodeRef::<leptos::html::Span>::new();
    centre.on_load(move |centre| {
        let from = dropped.try_update_value(core::mem::take).unwrap_or_default();
        // It is in the document, and has a place, after this task only.
        request_animation_frame(move || {
            let to = centre.get_bounding_client_rect();
            specks.try_set(from.iter().map(|(x, y)| (x - to.left(), y - to.top())).collect());
        });
    });
    let speck =
        |(x, y): (f64, f64)| view! { <i style=("--dx", format!("{x}px")) style=("--dy", format!("{y}px"))></i> };
    view! {
        <span class="gather" aria-hidden="true" node_ref=centre>
            {move || specks.get().into_iter().map(speck).collect_view()}
        </span>
    }
}

/// What start.js kept.
fn early_files() -> Vec<File> {
    let take = || -> Result<JsValue, JsValue> {
        let early = js_sys::Reflect::get(&browser::window(), &"starlingEarly".into())?;
        let take: js_sys::Function = js_sys::Reflect::get(&early, &"take".into())?.dyn_into()?;
        take.call0(&early)
    };
    let files = take().unwrap_or(JsValue::UNDEFINED).dyn_into::<js_sys::Array>();
    files.map(|files| files.iter().filter_map(|file| file.dyn_into().ok()).collect()).unwrap_or_default()
}

/// The drop zone; `again` when something is shared already, and its button then is not the primary one.
pub(crate) fn drop_zone(again: Memo<bool>) -> impl IntoView {
    let Dragged(dragged) = expect_context();
    let bridge = use_bridge();
    let waiting = bridge.waiting();
    let on_click = move |event: MouseEvent| {
        // Of the label, the plain input would open by itself.
        event.prevent_default();
        event.stop_propagation();
        choose(bridge);
    };
    let title = move || match (dragged.get(), waiting.with(|names| (names.len(), names.first().cloned()))) {
        (Some(0), _) => "Let go to share".to_owned(),
        (Some(n), _) => format!("Let go to share {}", count(n, "file", "files")),
        (None, (1, Some(name))) => format!("Reading {name}"),
        (None, (n, Some(_))) => format!("Reading {n} files"),
        (None, _) if again.get() => "Drop more files".to_owned(),
        (None, _) => "Drop files here".to_owned(),
    };
    view! {
        <label class="drop" class:dragged=move || dragged.get().is_some() for="share-input" on:click=on_click>
            <svg class="drop-border" aria-hidden="true"><rect rx="15" /></svg>
            <span class="drop-icon">{icon(glyph::UPLOAD)}</span>
            <span class="drop-text">
                <span class="drop-title">{title}</span>
                <span class="note">"They stay on this device until someone opens your link."</span>
            </span>
            <button
                type="button"
                class="button choose"
                class:primary=move || !again.get()
                on:click=on_click
            >
                "Choose files"
            </button>
        </label>
    }
}

/// Beside the drop zone: a folder instead of files, and who can read what is shared next.
pub(crate) fn share_options() -> impl IntoView {
    let bridge = use_bridge();
    let private = bridge.private();
    let folder: NodeRef<leptos::html::Input> = NodeRef::new();
    folder.on_load(|input| drop(input.set_attribute("webkitdirectory", "")));
    let on_change = move |_| {
        let Some(input) = folder.get_untracked() else { return };
        bridge.share(files(input.files()));
        input.set_value("");
    };
    view! {
        <div class="share-options">
            <input
                type="file"
                class="unseen"
                tabindex="-1"
                aria-label="Folder to share"
                data-testid="share-folder-input"
                multiple
                node_ref=folder
                on:change=on_change
            />
            <button type="button" class="button small" on:click=move |_| if let Some(input) = folder.get_untracked() { input.click() }>
                "Choose a folder"
            </button>
            <span class="share-private">
                <span id="private-link">"Private link"</span>
                <button
                    type="button"
                    role="switch"
                    class="switch"
                    data-testid="private-switch"
                    aria-labelledby="private-link"
                    aria-checked=move || private.get().to_string()
                    on:click=move |_| private.update(|on| *on = !*on)
                >
                    <span class="switch-track"><span class="switch-sign"></span><span class="switch-knob"></span></span>
                </button>
            </span>
        </div>
    }
}
