//! A folder: its tree as soon as the index is here, some of it to choose, to look at and to save.

use super::preview::{Subject, show};
use crate::app::use_page;
use crate::bridge::{Bridge, use_bridge};
use crate::browser;
use crate::components::icon::{glyph, icon};
use crate::format::{count, size};
use crate::reading::folder::{Chosen, Row, RowKind, chosen, closed_at_first, rows, shown, toggle};
use crate::reading::item;
use crate::reading::items::id_of;
use crate::streaming::save_address;
use content::ContentId;
use leptos::prelude::*;
use node::streaming::media::{self, Shown};
use node::streaming::request::Part;
use protocol::Code;
use protocol::snapshot::{Direction, TransferState};
use std::collections::BTreeSet;
use std::ops::Range;
use wasm_bindgen_futures::spawn_local;

/// Rows on screen; a list that nobody reads to its end is not worth a slow page.
const ROWS_MAX: usize = 500;
/// Rows that are shown without folding the folders among them.
const ROWS_OPEN: usize = 40;

/// What is known and chosen of one folder.
#[derive(Clone, Copy)]
struct Tree {
    key: u64,
    bridge: Bridge,
    rows: RwSignal<Vec<Row>>,
    closed: RwSignal<BTreeSet<usize>>,
    /// Nothing means all.
    chosen: RwSignal<BTreeSet<u32>>,
    /// The file that is looked at.
    looked_at: RwSignal<Option<u32>>,
    /// How far writing into a directory is, in words.
    writing: RwSignal<Option<String>>,
}

/// The tree of a folder; nothing before its index is here.
pub(crate) fn folder(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let tree = Tree {
        key,
        bridge,
        rows: RwSignal::new(Vec::new()),
        closed: RwSignal::new(BTreeSet::new()),
        chosen: RwSignal::new(BTreeSet::new()),
        looked_at: RwSignal::new(None),
        writing: RwSignal::new(None),
    };
    let place = bridge.live(move |snapshot| {
        let item = item(snapshot, key)?;
        let begun = item.folder && item.bytes > 0 && item.state != TransferState::Failed;
        begun.then(|| Some((id_of(item)?, item.state))).flatten()
    });
    Effect::new(move |_| {
        let Some((id, _)) = place.get() else { return };
        if tree.rows.with_untracked(Vec::is_empty) {
            spawn_local(async move { tree.read(id).await });
        }
    });
    let any = Memo::new(move |_| tree.rows.with(|rows| !rows.is_empty()));
    let ready = bridge.live(move |snapshot| {
        item(snapshot, key).is_some_and(|item| item.direction == Direction::Fetch && item.state == TransferState::Done)
    });
    move || {
        any.get().then(|| {
            view! {
                <div class="folder" data-testid="folder" data-files=move || tree.rows.with(|rows| files_of(rows)).to_string()>
                    <p class="folder-sum note" role="status">{move || tree.summary()}</p>
                    <ul class="folder-rows">
                        {move || list(tree)}
                    </ul>
                    {move || tree.looked_at.get().and_then(|place| look(tree, place))}
                    <Show when=move || ready.get()>{buttons(tree)}</Show>
                </div>
            }
        })
    }
}

fn files_of(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.kind == RowKind::File).count()
}

impl Tree {
    async fn read(self, id: ContentId) {
        let Ok(files) = self.bridge.folder_files(id).await else { return };
        let found = rows(files.iter().map(|file| (file.path.as_str(), file.length)));
        // `None`: the view is gone.
        let _: Option<()> = self.closed.try_set(closed_at_first(&found, ROWS_OPEN)).map(drop);
        let _: Option<()> = self.rows.try_set(found).map(drop);
    }

    fn id(self) -> Option<ContentId> {
        item(&self.bridge.newest(), self.key).and_then(id_of)
    }

    fn summary(self) -> String {
        let (all, bytes) = self.rows.with(|rows| (files_of(rows), top(rows).map(|row| row.bytes).sum::<u64>()));
        let (some, part) = self.chosen_sum();
        match some {
            0 => format!("{}, {}.", count(all, "file", "files"), size(bytes)),
            _ => format!("{} of {} chosen, {}.", some, count(all, "file", "files"), size(part)),
        }
    }

    /// Files that are chosen, and their bytes.
    fn chosen_sum(self) -> (usize, u64) {
        self.rows.with(|rows| {
            self.chosen.with(|chosen| {
                let files = rows.iter().filter(|row| row.kind == RowKind::File && chosen.contains(&row.first));
                files.fold((0, 0), |(some, bytes), row| (some + 1, bytes + row.bytes))
            })
        })
    }

    /// What is chosen, as runs; `None` for all.
    fn runs(self) -> Option<Vec<Range<u32>>> {
        let query = self.chosen.with_untracked(|chosen| Part::files_query(chosen.iter().copied()));
        match Part::parse(&query) {
            Some(Part::Files(runs)) => Some(runs),
            Some(Part::All | Part::File(_)) | None => None,
        }
    }
}

fn top(rows: &[Row]) -> impl Iterator<Item = &Row> {
    rows.iter().filter(|row| row.depth == 0)
}

fn list(tree: Tree) -> impl IntoView + use<> {
    tree.rows.with(|rows| {
        let (shown, more) = tree.closed.with(|closed| shown(rows, closed, ROWS_MAX));
        let lines = shown.into_iter().map(|at| row(tree, at, rows[at].clone())).collect_view();
        let rest = (more > 0).then(|| {
            let words = format!("and {}. Saving takes them all the same.", count(more, "more", "more"));
            view! { <li class="folder-more note">{words}</li> }
        });
        (lines, rest)
    })
}

fn row(tree: Tree, at: usize, row: Row) -> impl IntoView + use<> {
    let this = StoredValue::new(row.clone());
    let state = Memo::new(move |_| tree.chosen.with(|files| this.with_value(|row| chosen(row, files))));
    let on_change = move |_| tree.chosen.update(|files| this.with_value(|row| toggle(row, files)));
    let is_file = row.kind == RowKind::File;
    // Deeper ones would leave no room for their names on a phone.
    let indent = format!("{}px", row.depth.min(6) * 16);
    let label = format!("{}, {}", row.name, size(row.bytes));
    let name = match row.kind {
        RowKind::File => view! {
            <span class="folder-name file-name" style:padding-inline-start=indent><span class="folder-icon">{icon(glyph::FILE)}</span>{row.name.clone()}</span>
        }
        .into_any(),
        RowKind::Folder { .. } => {
            let is_open = Memo::new(move |_| tree.closed.with(|closed| !closed.contains(&at)));
            let on_click = move |_| {
                tree.closed.update(|closed| {
                    if !closed.remove(&at) {
                        closed.insert(at);
                    }
                });
            };
            view! {
                <button type="button" class="folder-name folder-fold file-name" style:padding-inline-start=indent aria-expanded=move || is_open.get().to_string() on:click=on_click>
                    <span class="folder-icon">{icon(glyph::FOLD)}</span>{row.name.clone()}
                </button>
            }
            .into_any()
        }
    };
    view! {
        <li class="folder-row" data-testid="folder-row" data-name=row.name.clone()>
            <label class="folder-check">
                <input
                    type="checkbox"
                    aria-label=label
                    prop:checked=move || state.get() == Chosen::All
                    prop:indeterminate=move || state.get() == Chosen::Some
                    on:change=on_change
                />
            </label>
            {name}
            <span class="folder-size note number">{size(row.bytes)}</span>
            <span class="folder-acts">{is_file.then(|| file_acts(tree, &row))}</span>
        </li>
    }
}

/// What can be done with one file: look at it, and save it alone.
fn file_acts(tree: Tree, row: &Row) -> impl IntoView + use<> {
    let place = row.first;
    let streams = use_page().streams;
    let fetched = tree.bridge.live(move |snapshot| {
        item(snapshot, tree.key)
            .is_some_and(|item| item.direction == Direction::Fetch && item.state == TransferState::Done)
    });
    let shown = Shown::of(media::of_name(&row.name)).is_some() && row.bytes > 0;
    let looked_at = Memo::new(move |_| tree.looked_at.get() == Some(place));
    let (look_at, save) = (format!("Look at {}", row.name), format!("Save {}", row.name));
    let name = row.name.clone();
    let on_look = move |_| tree.looked_at.update(|now| *now = if *now == Some(place) { None } else { Some(place) });
    let on_save = move |_| save_file(tree, place, name.clone(), streams.get_untracked());
    view! {
        {shown.then(|| view! {
            <button
                type="button" class="icon-button" data-testid="look" aria-label=look_at
                aria-pressed=move || looked_at.get().to_string() on:click=on_look
            >
                {icon(glyph::EYE)}
            </button>
        })}
        {move || {
            let (on_save, save) = (on_save.clone(), save.clone());
            fetched.get().then(|| view! {
                <button type="button" class="icon-button" data-testid="save-file" aria-label=save on:click=on_save>
                    {icon(glyph::SAVE)}
                </button>
            })
        }}
    }
}

fn look(tree: Tree, place: u32) -> Option<impl IntoView + use<>> {
    let id = tree.id()?;
    let name = tree.rows.with(|rows| {
        rows.iter().find(|row| row.kind == RowKind::File && row.first == place).map(|row| row.name.clone())
    })?;
    let what = Shown::of(media::of_name(&name))?;
    let said = name.clone();
    Some(view! {
        <div class="folder-look">
            <p class="note file-name">{name}</p>
            {show(Subject { id, file: Some(place) }, what, Memo::new(move |_| said.clone()))}
        </div>
    })
}

fn save_file(tree: Tree, place: u32, name: String, streams: bool) {
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
pub(crate) fn save_archive(bridge: Bridge, id: ContentId, name: &str, chosen: Option<Vec<Range<u32>>>) {
    let page = use_page();
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

fn buttons(tree: Tree) -> impl IntoView {
    let page = use_page();
    let tell = move |code: Code| page.notices.update(|notices| notices.push(code));
    let some = Memo::new(move |_| tree.chosen_sum().0);
    let any = Memo::new(move |_| some.get() > 0);
    let as_zip = move |_| {
        let newest = tree.bridge.newest();
        let Some(item) = item(&newest, tree.key) else { return };
        let Some(id) = id_of(item) else { return };
        save_archive(tree.bridge, id, &item.name, tree.runs());
    };
    let into_folder = move |_| {
        let (Some(id), runs) = (tree.id(), tree.runs()) else { return };
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
