//! A folder that is here: its files, some of them to choose, and the two ways to save them.

use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::browser;
use crate::components::icon::{glyph, icon};
use crate::format::{count, size};
use crate::reading::item;
use crate::reading::items::id_of;
use content::ContentId;
use leptos::prelude::*;
use node::FolderFile;
use protocol::Code;
use std::collections::BTreeSet;
use wasm_bindgen_futures::spawn_local;

/// Rows on screen; a list that nobody reads to its end is not worth a slow page.
const ROWS_MAX: usize = 500;

/// What is chosen of a folder: nothing means all.
type Chosen = RwSignal<BTreeSet<usize>>;

/// The list of a folder's files, and its Save buttons.
pub(crate) fn folder(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let files = RwSignal::new(Vec::<FolderFile>::new());
    let chosen: Chosen = RwSignal::new(BTreeSet::new());
    let id = bridge.live(move |snapshot| item(snapshot, key).and_then(id_of));
    Effect::new(move |_| {
        let Some(id) = id.get() else { return };
        spawn_local(async move {
            if let Ok(found) = bridge.folder_files(id).await {
                // `None`: the view is gone.
                let _: Option<()> = files.try_set(found).map(drop);
            }
        });
    });
    let heading = move || {
        let all = files.with(Vec::len);
        match chosen.with(BTreeSet::len) {
            0 => count(all, "file", "files"),
            some => format!("{some} of {}", count(all, "file", "files")),
        }
    };
    view! {
        <details class="folder-files" data-testid="folder-files" data-files=move || files.with(Vec::len).to_string()>
            <summary>{heading}</summary>
            <ul>
                {move || {
                    files.with(|files| files.iter().take(ROWS_MAX).enumerate().map(|(at, file)| row(chosen, at, file)).collect_view())
                }}
                {move || {
                    let more = files.with(Vec::len).saturating_sub(ROWS_MAX);
                    (more > 0).then(|| view! { <li class="note">{format!("and {}", count(more, "more", "more"))}</li> })
                }}
            </ul>
        </details>
        <div class="card-actions">{save_buttons(key, chosen)}</div>
    }
}

fn row(chosen: Chosen, at: usize, file: &FolderFile) -> impl IntoView + use<> {
    let on_change = move |_| {
        chosen.update(|chosen| {
            if !chosen.remove(&at) {
                chosen.insert(at);
            }
        });
    };
    let length = if file.path.ends_with('/') { "empty folder".to_owned() } else { size(file.length) };
    view! {
        <li>
            <label class="folder-file">
                <input type="checkbox" prop:checked=move || chosen.with(|chosen| chosen.contains(&at)) on:change=on_change />
                <span class="folder-path">{file.path.clone()}</span>
                <span class="note number">{length}</span>
            </label>
        </li>
    }
}

fn save_buttons(key: u64, chosen: Chosen) -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let asked = move || -> Option<(ContentId, String, Option<Vec<usize>>)> {
        let newest = bridge.newest();
        let item = item(&newest, key)?;
        let some = chosen.with_untracked(|chosen| (!chosen.is_empty()).then(|| chosen.iter().copied().collect()));
        Some((id_of(item)?, item.name.clone(), some))
    };
    let tell = move |code: Code| page.notices.update(|notices| notices.push(code));
    let as_zip = move |_| {
        let Some((id, name, some)) = asked() else { return };
        spawn_local(async move {
            match bridge.zip_of(id, some).await {
                Ok(blob) => browser::save(&blob, &format!("{name}.zip")),
                Err(code) => tell(code),
            }
        });
    };
    let into_folder = move |_| {
        let Some((id, _, some)) = asked() else { return };
        spawn_local(async move {
            // Closing the picker without choosing is not an error.
            let Some(directory) = browser::pick_directory().await else { return };
            if let Err(code) = bridge.save_into(id, some, directory).await {
                tell(code);
            }
        });
    };
    let picks = browser::can_pick_directory();
    view! {
        {picks.then(|| view! {
            <button type="button" class="button primary" data-testid="save-folder" on:click=into_folder>
                {icon(glyph::SAVE)} "Save folder"
            </button>
        })}
        <button type="button" class="button" class:primary=!picks data-testid="save" on:click=as_zip>
            {icon(glyph::SAVE)} "Save as zip"
        </button>
    }
}
