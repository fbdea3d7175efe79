//! Where files come in: the area that takes a drop, the button that opens the chooser, and the whole page for paste.
//!
//! The markup equals the still picture in index.html. The input behind it is the one element of that page that stays.

use super::icon::{glyph, icon};
use crate::bridge::{Bridge, use_bridge};
use crate::browser;
use crate::format::count;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Event, File, FileList, HtmlInputElement};

/// How many files are being dragged over the page; `None` when nothing is.
#[derive(Clone, Copy, Debug)]
struct Dragged(RwSignal<Option<usize>>);

/// The permanent input of index.html.
fn input() -> Option<HtmlInputElement> {
    browser::document().get_element_by_id("share-input")?.dyn_into().ok()
}

/// Takes over from start.js: early files first, then every choice, drop and paste on any screen. Call once.
pub(crate) fn accept_files(bridge: Bridge) {
    let dragged = Dragged(RwSignal::new(None));
    provide_context(dragged);
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
        let files = files(event.data_transfer().and_then(|data| data.files()));
        if !files.is_empty() {
            bridge.share(files);
            browser::go("#/");
        }
    });
}

fn carries_files(data: &DataTransfer) -> bool {
    data.types().iter().any(|kind| kind == JsValue::from_str("Files"))
}

fn files(list: Option<FileList>) -> Vec<File> {
    list.map(|list| (0..list.length()).filter_map(|i| list.get(i)).collect()).unwrap_or_default()
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
    let waiting = use_bridge().waiting();
    let title = move || match (dragged.get(), waiting.with(|names| (names.len(), names.first().cloned()))) {
        (Some(0), _) => "Let go to share".to_owned(),
        (Some(n), _) => format!("Let go to share {}", count(n, "file", "files")),
        (None, (1, Some(name))) => format!("Reading {name}"),
        (None, (n, Some(_))) => format!("Reading {n} files"),
        (None, _) if again.get() => "Drop more files".to_owned(),
        (None, _) => "Drop files here".to_owned(),
    };
    view! {
        <label class="drop" class:dragged=move || dragged.get().is_some() for="share-input">
            <svg class="drop-border" aria-hidden="true"><rect rx="15" /></svg>
            <span class="drop-icon">{icon(glyph::UPLOAD)}</span>
            <span class="drop-text">
                <span class="drop-title">{title}</span>
                <span class="note">"They stay in this tab until someone opens your link."</span>
            </span>
            <button
                type="button"
                class="button choose"
                class:primary=move || !again.get()
                on:click=move |_| if let Some(input) = input() { input.click() }
            >
                "Choose files"
            </button>
        </label>
    }
}
