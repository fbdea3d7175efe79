//! An item, shown in the page: media and images while they load, documents in a frame that reaches nothing.
//!
//! Media and image elements read `/stream/<id>`, which the service worker answers from verified bytes. Documents are
//! handed as text to `/viewer.html`, a sandboxed frame of an opaque origin; they open when the person says so.

use crate::app::use_page;
use crate::bridge::{Bridge, use_bridge};
use crate::components::icon::{glyph, icon};
use crate::preferences::Theme;
use crate::reading::item;
use crate::reading::items::{id_of, title};
use crate::streaming::stream_address;
use content::ContentId;
use js_sys::{Object, Reflect};
use leptos::html;
use leptos::prelude::*;
use node::streaming::media::{Document, Shown};
use protocol::snapshot::{Direction, TransferState};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

/// Bytes of a text that are shown: more than anybody reads here, and a page that lays it out stays quick.
const TEXT_SHOWN_MAX: u64 = 1024 * 1024;
/// Bytes of a markup document that is shown at all: half of one means nothing.
const MARKUP_SHOWN_MAX: u64 = 4 * 1024 * 1024;

/// The item with this key, as far as it can be shown; nothing when it cannot.
pub(crate) fn preview(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let what = bridge.live(move |snapshot| {
        let item = item(snapshot, key)?;
        // Before the yes nothing is fetched, so nothing could be shown.
        let known = item.total.is_some_and(|total| total > 0) && !item.asks && item.state != TransferState::Failed;
        let shown = known.then(|| Shown::of(&item.media_type)).flatten()?;
        let whole = item.direction == Direction::Share || item.state == TransferState::Done;
        match shown {
            Shown::Document(_) if !whole => None,
            _ => Some((id_of(item)?, shown)),
        }
    });
    let name = bridge.live(move |snapshot| item(snapshot, key).map(title).unwrap_or_default());
    move || {
        let (id, shown) = what.get()?;
        Some(show(Subject { id, file: None }, shown, name))
    }
}

/// What is shown: an item, or one file of a folder by its place in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) id: ContentId,
    pub(crate) file: Option<u32>,
}

impl Subject {
    fn address(self) -> String {
        stream_address(&self.id.to_string(), self.file)
    }
}

/// A subject as what it claims to be; nothing where only a service worker could show it and there is none.
pub(crate) fn show(subject: Subject, shown: Shown, name: Memo<String>) -> AnyView {
    let (bridge, streams) = (use_bridge(), use_page().streams);
    match shown {
        Shown::Document(document) => documents(bridge, subject, document, name).into_any(),
        _ if !streams.get() => ().into_any(),
        Shown::Video => video(subject, name).into_any(),
        Shown::Audio => audio(subject, name).into_any(),
        Shown::Image => image(subject, name).into_any(),
    }
}

fn video(subject: Subject, name: Memo<String>) -> impl IntoView {
    let player = NodeRef::<html::Video>::new();
    let failed = RwSignal::new(false);
    let again = move || {
        if let Some(player) = player.get_untracked() {
            player.load();
        }
    };
    view! {
        <div class="preview">
            <video
                class="preview-video" data-testid="player" node_ref=player controls playsinline preload="auto"
                aria-label=name src=subject.address()
                on:error=move |_| failed.set(true) on:loadedmetadata=move |_| failed.set(false)
            ></video>
            {trouble(failed, again)}
        </div>
    }
}

fn audio(subject: Subject, name: Memo<String>) -> impl IntoView {
    let player = NodeRef::<html::Audio>::new();
    let failed = RwSignal::new(false);
    let again = move || {
        if let Some(player) = player.get_untracked() {
            player.load();
        }
    };
    view! {
        <div class="preview">
            <audio
                class="preview-audio" data-testid="player" node_ref=player controls preload="auto"
                aria-label=name src=subject.address()
                on:error=move |_| failed.set(true) on:loadedmetadata=move |_| failed.set(false)
            ></audio>
            {trouble(failed, again)}
        </div>
    }
}

fn image(subject: Subject, name: Memo<String>) -> impl IntoView {
    let picture = NodeRef::<html::Img>::new();
    let failed = RwSignal::new(false);
    let again = move || {
        if let Some(picture) = picture.get_untracked() {
            picture.set_src(&subject.address());
        }
    };
    view! {
        <div class="preview">
            <img
                class="preview-image" data-testid="player" node_ref=picture alt=name src=subject.address()
                on:error=move |_| failed.set(true) on:load=move |_| failed.set(false)
            />
            {trouble(failed, again)}
        </div>
    }
}

/// What is said when an element gave up, and the way to try again.
fn trouble(failed: RwSignal<bool>, again: impl Fn() + Clone + Send + 'static) -> impl IntoView {
    move || {
        let again = again.clone();
        failed.get().then(|| {
            let on_click = move |_| {
                failed.set(false);
                again();
            };
            view! {
                <div class="preview-trouble" role="status">
                    <p class="note">"Either its bytes did not come in time, or this browser cannot decode it. Saving works in any case."</p>
                    <button type="button" class="button small" on:click=on_click>"Try again"</button>
                </div>
            }
        })
    }
}

/// A document: closed, open, or too long for here.
#[derive(Clone, Debug, PartialEq)]
enum Page {
    Closed,
    Opening,
    Open { text: String, cut: bool },
    TooLong,
    Unreadable,
}

fn documents(bridge: Bridge, subject: Subject, document: Document, name: Memo<String>) -> impl IntoView {
    let page = RwSignal::new(Page::Closed);
    let open = move |_| {
        page.set(Page::Opening);
        spawn_local(async move { page.set(read(bridge, subject, document).await) });
    };
    view! {
        <div class="preview">
            {move || match page.get() {
                Page::Closed | Page::Opening => view! {
                    <button type="button" class="button small" data-testid="look-inside" on:click=open disabled=page.get() == Page::Opening>
                        {icon(glyph::EYE)} "Look inside"
                    </button>
                }.into_any(),
                Page::Open { text, cut } => view! {
                    {viewer(text, document, name)}
                    <p class="note">
                        {if cut { "This is the beginning; saving gives all of it. " } else { "" }}
                        "Shown in a frame without scripts, without this page and without the network."
                    </p>
                }.into_any(),
                Page::TooLong => view! { <p class="note">"Too long to show here. Save it instead."</p> }.into_any(),
                Page::Unreadable => view! { <p class="note">"Its bytes cannot be read at the moment."</p> }.into_any(),
            }}
        </div>
    }
}

async fn read(bridge: Bridge, subject: Subject, document: Document) -> Page {
    let Some(Ok(mut reader)) = bridge.open(subject.id).await else { return Page::Unreadable };
    if let Some(place) = subject.file {
        let Ok(folder) = reader.folder().await else { return Page::Unreadable };
        let Some(entry) = folder.entries().get(place as usize) else { return Page::Unreadable };
        reader = reader.file(entry);
        reader.play(0);
    }
    let length = reader.details().length;
    let most = match document {
        Document::Text => TEXT_SHOWN_MAX,
        Document::Html | Document::Svg if length > MARKUP_SHOWN_MAX => return Page::TooLong,
        Document::Html | Document::Svg => MARKUP_SHOWN_MAX,
    };
    match reader.first(most).await {
        Ok(bytes) => Page::Open { text: String::from_utf8_lossy(&bytes).into_owned(), cut: length > most },
        Err(_) => Page::Unreadable,
    }
}

/// The frame. It says `ready`, is handed the document once, and says `shown`.
fn viewer(text: String, document: Document, name: Memo<String>) -> impl IntoView {
    let frame = NodeRef::<html::Iframe>::new();
    let state = RwSignal::new("opening");
    let heard = window_event_listener(leptos::ev::message, move |event: MessageEvent| {
        let Some(window) = frame.get_untracked().and_then(|frame| frame.content_window()) else { return };
        // The frame's origin is opaque, so its window is what tells it from others.
        if event.source().is_none_or(|source| !Object::is(&source, &window)) || event.origin() != "null" {
            return;
        }
        match event.data().as_string().as_deref() {
            Some("ready") if state.get_untracked() == "opening" => {
                state.set("handed-over");
                drop(window.post_message(&handed(&text, document), "*"));
            }
            Some("shown") => state.set("shown"),
            _ => {}
        }
    });
    on_cleanup(move || heard.remove());
    view! {
        <iframe
            class="preview-document" data-testid="viewer" data-state=move || state.get() node_ref=frame title=name
            sandbox="allow-scripts" src="/viewer.html"
        ></iframe>
    }
}

fn handed(text: &str, document: Document) -> JsValue {
    let kind = match document {
        Document::Text => "text",
        Document::Html => "html",
        Document::Svg => "svg",
    };
    let message = Object::new();
    for (name, value) in [("kind", kind), ("text", text), ("theme", Theme::load().word().unwrap_or_default())] {
        // Setting a field of a plain object cannot fail.
        drop(Reflect::set(&message, &name.into(), &value.into()));
    }
    message.into()
}
