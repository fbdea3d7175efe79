//! Fetching some files of a folder: those that are ticked, or the rest of it.

use super::{Stage, Tree};
use crate::components::icon::{glyph, icon};
use crate::format::{count, size};
use crate::reading::folder::bytes_of;
use crate::reading::item;
use crate::reading::items::id_of;
use leptos::prelude::*;
use protocol::Command;
use protocol::snapshot::TransferState;
use std::collections::BTreeSet;

/// What else could be fetched: what is ticked, or the rest; or only what is ticked.
#[derive(Clone, Debug, PartialEq)]
struct Offer {
    words: String,
    files: Option<BTreeSet<u32>>,
    rest: bool,
}

fn offer(tree: Tree) -> Option<Offer> {
    let (stage, chosen, fetched) = (tree.stage.get(), tree.chosen.get(), tree.fetched.get());
    let said = |files: &BTreeSet<u32>| {
        let (some, bytes) = tree.sum(|file| files.contains(&file));
        (some, size(bytes))
    };
    let asks = stage == Stage::Asks;
    match fetched.filter(|_| !asks) {
        _ if stage == Stage::Own => None,
        None if chosen.is_empty() || (stage == Stage::Here) => None,
        None => {
            let (some, bytes) = said(&chosen);
            let all = some == tree.sum(|_| true).0;
            let only = if asks { "Fetch" } else { "Fetch only" };
            let words = format!("{only} {}, {bytes}", count(some, "file", "files"));
            (asks || !all).then_some(Offer { words, files: (!all).then_some(chosen), rest: false })
        }
        Some(fetched) => {
            let more: BTreeSet<u32> = chosen.difference(&fetched).copied().collect();
            let left = tree.sum(|file| !fetched.contains(&file));
            match (said(&more), left) {
                (_, (0, _)) => None,
                ((0, _), (_, bytes)) => {
                    Some(Offer { words: format!("Fetch the rest, {}", size(bytes)), files: None, rest: true })
                }
                ((some, bytes), _) => {
                    let words = format!("Fetch {}, {bytes}", count(some, "more file", "more files"));
                    let files = fetched.union(&more).copied().collect();
                    Some(Offer { words, files: Some(files), rest: false })
                }
            }
        }
    }
}

/// The button for it, when there is something to fetch.
pub(super) fn fetch_buttons(tree: Tree) -> impl IntoView {
    let offer = Memo::new(move |_| offer(tree));
    move || {
        offer.get().map(|Offer { words, files, rest }| {
            let on_click = move |_| tree.fetch(files.as_ref());
            let hook = if rest { "fetch-rest" } else { "fetch-chosen" };
            let class = if rest { "button" } else { "button primary" };
            view! {
                <div class="folder-buttons">
                    <button type="button" class=class data-testid=hook on:click=on_click>{icon(glyph::SAVE)} {words}</button>
                </div>
            }
        })
    }
}

impl Tree {
    /// Fetches these files from now on, or all.
    fn fetch(self, files: Option<&BTreeSet<u32>>) {
        let newest = self.bridge.newest();
        let Some(item) = item(&newest, self.key) else { return };
        let Some(id) = id_of(item) else { return };
        let parts = files.map(|files| self.rows.with_untracked(|rows| bytes_of(rows, files)));
        self.bridge.want(id, parts);
        if item.state == TransferState::Paused {
            self.bridge.command(Command::Resume { id });
        }
        self.chosen.set(BTreeSet::new());
    }
}
