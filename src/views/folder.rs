//! A folder: its tree as soon as the index is here; some of it to choose, to fetch, to look at and to save.

mod fetching;
mod saving;

pub(crate) use saving::{files_here, save_archive};

use super::preview::{Subject, show};
use crate::app::use_page;
use crate::bridge::{Bridge, use_bridge};
use crate::components::icon::{glyph, icon};
use crate::format::{count, size};
use crate::reading::folder::{Chosen, Row, RowKind, chosen, closed_at_first, files_in, rows, shown, toggle};
use crate::reading::item;
use crate::reading::items::id_of;
use content::ContentId;
use fetching::fetch_buttons;
use leptos::prelude::*;
use node::streaming::media::{self, Shown};
use protocol::snapshot::{Direction, TransferState, TransferView};
use saving::{save_buttons, save_file};
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
    /// The files that are fetched; nothing means all.
    fetched: Memo<Option<BTreeSet<u32>>>,
    stage: Memo<Stage>,
    /// The file that is looked at.
    looked_at: RwSignal<Option<u32>>,
    /// How far writing into a directory is, in words.
    writing: RwSignal<Option<String>>,
}

/// How far the folder is, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The person shares it.
    Own,
    /// Only the list is here, until the person says what to fetch.
    Asks,
    Fetching,
    /// What was chosen is here.
    Here,
}

fn stage(item: &TransferView) -> Stage {
    match (item.direction, item.state) {
        (Direction::Share, _) => Stage::Own,
        (Direction::Fetch, _) if item.asks => Stage::Asks,
        (Direction::Fetch, TransferState::Done) => Stage::Here,
        (Direction::Fetch, _) => Stage::Fetching,
    }
}

/// The tree of a folder; nothing before its index is here.
pub(crate) fn folder(key: u64) -> impl IntoView {
    let bridge = use_bridge();
    let rows = RwSignal::new(Vec::new());
    let id = bridge.live(move |snapshot| item(snapshot, key).map(|item| item.content_id.clone()).unwrap_or_default());
    let fetched = Memo::new(move |_| {
        let runs = bridge.choices().with(|choices| choices.get(&id.get()).cloned())?;
        let runs: Vec<Range<u64>> = runs.into_iter().map(|(start, end)| start..end).collect();
        Some(rows.with(|rows| files_in(rows, &runs)))
    });
    let tree = Tree {
        key,
        bridge,
        rows,
        closed: RwSignal::new(BTreeSet::new()),
        chosen: RwSignal::new(BTreeSet::new()),
        fetched,
        stage: bridge.live(move |snapshot| item(snapshot, key).map_or(Stage::Fetching, stage)),
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
    move || {
        any.get().then(|| {
            view! {
                <div class="folder" data-testid="folder" data-files=move || tree.rows.with(|rows| files_of(rows)).to_string()>
                    <p class="folder-sum note" role="status">{move || tree.summary()}</p>
                    <ul class="folder-rows">
                        {move || list(tree)}
                    </ul>
                    {move || tree.looked_at.get().and_then(|place| look(tree, place))}
                    {fetch_buttons(tree)}
                    <Show when=move || tree.stage.get() == Stage::Here>{save_buttons(tree)}</Show>
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
        let found = rows(files.iter().map(|file| (file.path.as_str(), file.bytes.clone())));
        // `None`: the view is gone.
        let _: Option<()> = self.closed.try_set(closed_at_first(&found, ROWS_OPEN)).map(drop);
        let _: Option<()> = self.rows.try_set(found).map(drop);
    }

    fn id(self) -> Option<ContentId> {
        item(&self.bridge.newest(), self.key).and_then(id_of)
    }

    fn summary(self) -> String {
        let (all, bytes) = self.sum(|_| true);
        let of_all = count(all, "file", "files");
        let (some, part) = self.chosen.with(|chosen| self.sum(|file| chosen.contains(&file)));
        if some > 0 {
            return format!("{some} of {of_all} chosen, {}.", size(part));
        }
        let stage = self.stage.get();
        self.fetched.with(|fetched| match fetched.as_ref().map(|fetched| self.sum(|file| fetched.contains(&file))) {
            Some((some, part)) if stage == Stage::Here => format!("{some} of {of_all} here, {}.", size(part)),
            Some((some, part)) => format!("Fetching {some} of {of_all}, {}.", size(part)),
            None => format!("{of_all}, {}.", size(bytes)),
        })
    }

    /// How many files of those that `counts`, and their bytes.
    fn sum(self, counts: impl Fn(u32) -> bool) -> (usize, u64) {
        self.rows.with(|rows| {
            let files = rows.iter().filter(|row| row.kind == RowKind::File && counts(row.first));
            files.fold((0, 0), |(some, bytes), row| (some + 1, bytes + row.bytes))
        })
    }

    /// Whether this file is fetched, or will be.
    fn fetches(self, file: u32) -> bool {
        match self.stage.get() {
            Stage::Asks => false,
            Stage::Own | Stage::Fetching | Stage::Here => {
                self.fetched.with(|fetched| fetched.as_ref().is_none_or(|fetched| fetched.contains(&file)))
            }
        }
    }
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
    // Before the person has said what to fetch, nothing is left out.
    let files = row.first..row.end;
    let fetched = Memo::new(move |_| tree.stage.get() == Stage::Asks || files.clone().any(|file| tree.fetches(file)));
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
        <li
            class="folder-row" data-testid="folder-row" data-name=row.name.clone()
            data-fetched=move || fetched.get().to_string() class:left-out=move || !fetched.get()
        >
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
            <span class="folder-size note number">
                {size(row.bytes)} {move || (!fetched.get()).then_some(", not fetched")}
            </span>
            <span class="folder-acts">{is_file.then(|| file_acts(tree, &row))}</span>
        </li>
    }
}

/// What can be done with one file: look at it, and save it alone.
fn file_acts(tree: Tree, row: &Row) -> impl IntoView + use<> {
    let place = row.first;
    let streams = use_page().streams;
    let comes = Memo::new(move |_| tree.fetches(place));
    let here = Memo::new(move |_| comes.get() && tree.stage.get() == Stage::Here);
    let shown = Shown::of(media::of_name(&row.name)).is_some() && row.bytes > 0;
    let looks = move || shown && comes.get();
    let looked_at = Memo::new(move |_| tree.looked_at.get() == Some(place));
    let (look_at, save) = (format!("Look at {}", row.name), format!("Save {}", row.name));
    let name = row.name.clone();
    let on_look = move |_| tree.looked_at.update(|now| *now = if *now == Some(place) { None } else { Some(place) });
    let on_save = move |_| save_file(tree, place, name.clone(), streams.get_untracked());
    view! {
        {move || looks().then(|| view! {
            <button
                type="button" class="icon-button" data-testid="look" aria-label=look_at.clone()
                aria-pressed=move || looked_at.get().to_string() on:click=on_look
            >
                {icon(glyph::EYE)}
            </button>
        })}
        {move || {
            let (on_save, save) = (on_save.clone(), save.clone());
            here.get().then(|| view! {
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
