//! The history of what was given and taken: kept by every tab, listed in the Library, handed out as a file.

use crate::bridge::{Bridge, use_bridge};
use crate::browser::{self, save_json, save_text};
use crate::components::icon::{glyph, icon};
use crate::components::identicon::identicon;
use crate::format::{duration, size};
use crate::history::{History, Line, Way};
use crate::names::Name;
use crate::preferences::{history as kept, keep_history};
use leptos::prelude::*;

/// Lines shown before "Show all".
const LINES_FIRST: usize = 8;
/// The history is written at most this often, ms; and when the page goes away.
const WRITE_EVERY_MS: f64 = 5_000.0;

/// The history of this page, for the Library.
#[derive(Clone, Copy, Debug)]
struct Keeper {
    history: RwSignal<History>,
    unwritten: StoredValue<bool>,
    written_at: StoredValue<f64>,
}

/// Follows every snapshot, whichever screen is open.
pub(crate) fn follow(bridge: Bridge) {
    let keeper = Keeper {
        history: RwSignal::new(History::kept(kept())),
        unwritten: StoredValue::new(false),
        written_at: StoredValue::new(f64::NEG_INFINITY),
    };
    provide_context(keeper);
    bridge.every(move |snapshot| {
        let now = js_sys::Date::now();
        let mut moved = false;
        keeper.history.maybe_update(|history| {
            moved = history.observe(now, &snapshot);
            moved
        });
        if moved {
            keeper.unwritten.set_value(true);
        }
        if keeper.unwritten.get_value() && now - keeper.written_at.get_value() >= WRITE_EVERY_MS {
            keeper.write(now);
        }
    });
    browser::listen(&browser::window(), "pagehide", move |_: web_sys::Event| {
        if keeper.unwritten.get_value() {
            keeper.write(js_sys::Date::now());
        }
    });
}

impl Keeper {
    /// Another tab may have written since: what it kept is kept.
    fn write(self, now: f64) {
        self.history.update_untracked(|history| history.merge(kept()));
        self.history.with_untracked(|history| keep_history(history.lines()));
        self.unwritten.set_value(false);
        self.written_at.set_value(now);
    }

    fn forget(self) {
        self.history.update(History::forget);
        keep_history(&[]);
        self.unwritten.set_value(false);
    }
}

/// The section of the Library.
pub(crate) fn history() -> impl IntoView {
    let keeper: Keeper = expect_context();
    let all = RwSignal::new(false);
    // Numbers a person reads change at most once a second.
    let tick = use_bridge().calm(|snapshot| snapshot.uptime_ms / 1000);
    let lines = Memo::new(move |_| {
        tick.track();
        keeper.history.with_untracked(|history| history.lines().iter().rev().cloned().collect::<Vec<_>>())
    });
    let totals = Memo::new(move |_| {
        tick.track();
        keeper.history.with_untracked(History::totals)
    });
    let shown = move || {
        lines.with(|lines| {
            lines.iter().take(if all.get() { usize::MAX } else { LINES_FIRST }).cloned().collect::<Vec<_>>()
        })
    };
    let more = Memo::new(move |_| lines.with(Vec::len) > LINES_FIRST && !all.get());
    let summary = move || {
        let (given, taken) = totals.get();
        format!("{} given, {} taken. Kept in this browser, and nowhere else.", size(given), size(taken))
    };
    let forget = move |_| keeper.forget();
    let export = move |_| {
        keeper.history.with_untracked(|history| save_text(&history.to_csv(), "text/csv", "starling-history.csv"));
    };
    let export_json = move |_| {
        keeper.history.with_untracked(|history| save_json(&history.lines(), "starling-history.json"));
    };
    let empty = Memo::new(move |_| lines.with(Vec::is_empty));
    view! {
        <section class="history-list" aria-labelledby="history" data-testid="history">
            <header class="screen-head">
                <h2 class="card-title" id="history">"Given and taken"</h2>
                <p class="note">{move || if empty.get() { "Nothing yet.".to_owned() } else { summary() }}</p>
            </header>
            <Show when=move || !empty.get()>
                <ul class="history-lines">
                    <For each=shown key=|line| (line.began.to_bits(), line.peer.clone(), line.bytes) children=row />
                </ul>
                <div class="card-actions">
                    <Show when=move || more.get()>
                        <button type="button" class="button" on:click=move |_| all.set(true)>"Show all"</button>
                    </Show>
                    <button type="button" class="button" data-testid="history-csv" on:click=export>{icon(glyph::SAVE)} "Export CSV"</button>
                    <button type="button" class="button" data-testid="history-json" on:click=export_json>{icon(glyph::SAVE)} "Export JSON"</button>
                    <button type="button" class="button quiet" on:click=forget>{icon(glyph::TRASH)} "Forget"</button>
                </div>
            </Show>
        </section>
    }
}

fn row(line: Line) -> impl IntoView {
    let Line { way, began, ended, name, peer, bytes, .. } = line;
    let who = Name::of(&peer).to_string();
    let (word, class) = match way {
        Way::Given => ("to", "history-way given"),
        Way::Taken => ("from", "history-way taken"),
    };
    let sign = match way {
        Way::Given => glyph::UPLOAD,
        Way::Taken => glyph::SAVE,
    };
    let when = js_sys::Date::new(&began.into());
    let when = String::from(when.to_locale_string("default", &js_sys::Object::new()));
    let took = duration((ended - began).max(0.0) as u64);
    view! {
        <li class="history-line-row">
            <span class=class>{icon(sign)}</span>
            <span class="history-words">
                <span class="file-name">{if name.is_empty() { "Without a name".to_owned() } else { name }}</span>
                <span class="note">{when} ", " {took}</span>
            </span>
            <span class="history-who note">{word} {identicon(&peer)} {who}</span>
            <span class="number">{size(bytes)}</span>
        </li>
    }
}
