//! Saving a folder, or some of it: as an archive, into a directory, or one file alone. What is not here is left out.

use super::Tree;
use crate::app::{Page, use_page};
use crate::bridge::Bridge;
use crate::browser;
use crate::components::icon::{glyph, icon};
use crate::format::count;
use crate::reading::folder::{files_in, rows};
use crate::reading::item;
use crate::reading::items::id_of;
use crate::streaming::save_address;
use content::ContentId;
use leptos::prelude::*;
use node::streaming::request::Part;
use protocol::Code;
use std::collections::BTreeSet;
use std::ops::Range;
use wasm_bindgen_futures::spawn_local;

/// Places as runs, for an archive; `None` for all.
fn runs_of(files: Option<&BTreeSet<u32>>) -> Option<Vec<Range<u32>>> {
    match Part::parse(&Part::files_query(files?.iter().copied())) {
        Some(Part::Files(runs)) => Some(runs),
        Some(Part::All | Part::File(_)) | None => None,
    }
}

/// The files of a folder that are fetched, as runs; `None` for all.
pub(crate) async fn files_here(bridge: Bridge, id: ContentId) -> Option<Vec<Range<u32>>> {
    let runs = bridge.choices().with_untracked(|choices| choices.get(&id.to_string()).cloned())?;
    let files = bridge.folder_files(id).await.ok()?;
    let rows = rows(files.iter().map(|file| (file.path.as_str(), file.bytes.clone())));
    let runs: Vec<Range<u64>> = runs.into_iter().map(|(start, end)| start..end).collect();
    runs_of(Some(&files_in(&rows, &runs)))
}

/// Saves one file.
pub(super) fn save_file(tree: Tree, place: u32, name: String, streams: bool) {
    let (Some(id), page) = (tree.id(), use_page()) else { return };
    if streams {
        return browser::download(&save_address(&id.to_string(), &format!("?file={place}")));
    }
    spawn_local(async move {
        match tree.bridge.file_of(id, place).await {
            Ok(blob) => browser::save(&blob, &name),
            Err(code) => page.notices.update(|notices| notices.push(code)),
        }
    });
}

/// Saves all of a folder, or what is chosen of it, as an archive.
pub(crate) fn save_archive(bridge: Bridge, page: Page, id: ContentId, name: &str, chosen: Option<Vec<Range<u32>>>) {
    if page.streams.get_untracked() {
        let files = chosen.map(|runs| Part::files_query(runs.into_iter().flatten()));
        return browser::download(&save_address(&id.to_string(), &files.unwrap_or_default()));
    }
    let name = format!("{name}.zip");
    spawn_local(async move {
        match bridge.zip_of(id, chosen).await {
            Ok(blob) => browser::save(&blob, &name),
            Err(code) => page.notices.update(|notices| notices.push(code)),
        }
    });
}

impl Tree {
    /// What can be saved of what is chosen, or of all: files that are here. `None` for all there are.
    fn saved(self) -> Option<BTreeSet<u32>> {
        let (chosen, fetched) = (self.chosen.get(), self.fetched.get());
        match (chosen.is_empty(), fetched) {
            (true, fetched) => fetched,
            (false, None) => Some(chosen),
            (false, Some(fetched)) => Some(chosen.intersection(&fetched).copied().collect()),
        }
    }
}

pub(super) fn save_buttons(tree: Tree) -> impl IntoView {
    let page = use_page();
    let tell = move |code: Code| page.notices.update(|notices| notices.push(code));
    let saved = Memo::new(move |_| tree.saved());
    // Of those ticked; without a tick all are saved.
    let some = Memo::new(move |_| match tree.chosen.with(BTreeSet::is_empty) {
        true => 0,
        false => saved.with(|saved| saved.as_ref().map_or(0, |saved| tree.sum(|file| saved.contains(&file)).0)),
    });
    let any = Memo::new(move |_| some.get() > 0);
    let runs = move || saved.with_untracked(|saved| runs_of(saved.as_ref()));
    let as_zip = move |_| {
        let newest = tree.bridge.newest();
        let Some(item) = item(&newest, tree.key) else { return };
        let Some(id) = id_of(item) else { return };
        save_archive(tree.bridge, page, id, &item.name, runs());
    };
    let into_folder = move |_| {
        let (Some(id), runs) = (tree.id(), runs()) else { return };
        spawn_local(async move {
            // Closing the picker without choosing is not an error.
            let Some(directory) = browser::pick_directory().await else { return };
            let progress = move |done: usize, all: usize| {
                // Ten words a second are more than anybody reads.
                if done.is_multiple_of(50) || done == all {
                    let words = format!("Saving {done} of {}", count(all, "file", "files"));
                    let _: Option<()> = tree.writing.try_set(Some(words)).map(drop);
                }
            };
            let said = match tree.bridge.save_into(id, runs, directory, progress).await {
                Ok(name) => Some(format!("Saved as “{name}”.")),
                Err(Code::StorageRefused) => Some("That folder does not take these files. Choose another.".to_owned()),
                Err(Code::StorageFull) => Some("There is no room left in that folder.".to_owned()),
                Err(code) => {
                    tell(code);
                    None
                }
            };
            let _: Option<()> = tree.writing.try_set(said).map(drop);
        });
    };
    let picks = browser::can_pick_directory();
    let of = move |all: &'static str, one: &'static str, many: &'static str| match some.get() {
        0 => all.to_owned(),
        1 => one.to_owned(),
        some => many.replace('#', &some.to_string()),
    };
    view! {
        <div class="folder-buttons">
            {picks.then(|| view! {
                <button type="button" class="button" data-testid="save-folder" on:click=into_folder>
                    {icon(glyph::FOLDER)} {move || of("Save into a folder", "Save one file into a folder", "Save # files into a folder")}
                </button>
            })}
            <Show when=move || any.get()>
                <button type="button" class="button" data-testid="save-chosen" on:click=as_zip>
                    {icon(glyph::SAVE)} {move || of("Save as zip", "Save one file as zip", "Save # files as zip")}
                </button>
            </Show>
            <p class="note" role="status" data-testid="folder-written">{move || tree.writing.get()}</p>
        </div>
    }
}
