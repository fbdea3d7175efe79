//! What the person chose for this browser. Kept in its storage where there is one; nothing here is needed to work.

use crate::bridge::{Bridge, Choices};
use crate::browser;
use crate::history::Line;
use crate::reading::items::id_of;
use content::ContentId;
use core::time::Duration;
use leptos::prelude::*;
use protocol::snapshot::Direction;
use protocol::{Caps, Command, Spent};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

/// Also read by start.js, before the first paint.
const THEME: &str = "starling.theme";

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// As attributes and storage have it; none for the system's.
    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// What was chosen before.
    pub(crate) fn load() -> Self {
        match storage().and_then(|storage| storage.get_item(THEME).ok().flatten()).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Uses it from now on.
    pub(crate) fn apply(self) {
        if let Some(root) = browser::document().document_element() {
            drop(match self.word() {
                Some(word) => root.set_attribute("data-theme", word),
                None => root.remove_attribute("data-theme"),
            });
        }
        if let Some(storage) = storage() {
            drop(match self.word() {
                Some(word) => storage.set_item(THEME, word),
                None => storage.remove_item(THEME),
            });
        }
    }
}

/// What the person allows this tab to give, and what was given of the present day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Giving {
    pass_on: bool,
    upload_rate: Option<u64>,
    pass_on_rate: Option<u64>,
    pass_on_daily: Option<u64>,
    today: u64,
    /// When the day began, ms since the epoch.
    day_began: f64,
}

const GIVING: &str = "starling.giving";

/// Tells the node what was chosen before, and remembers what is chosen from now on.
pub(crate) fn follow_giving(bridge: Bridge) {
    if let Some(kept) = read::<Giving>(GIVING) {
        let Giving { upload_rate, pass_on_rate, pass_on_daily, .. } = kept;
        let ago = (js_sys::Date::now() - kept.day_began).max(0.0);
        // A clock that was set back must not forgive the day.
        let ago = Duration::try_from_secs_f64(ago / 1000.0).unwrap_or_default();
        let spent = Spent { bytes: kept.today, ago };
        bridge.command(Command::Limit { caps: Caps { upload_rate, pass_on_rate, pass_on_daily }, spent });
        bridge.command(Command::PassOn(kept.pass_on));
    }
    let giving = bridge.calm(|snapshot| {
        let known = !snapshot.me.is_empty();
        known.then_some((snapshot.pass_on, snapshot.allowance.caps, snapshot.allowance.passed_on_today))
    });
    Effect::new(move |_| {
        let Some((pass_on, caps, today)) = giving.get() else { return };
        let snapshot = bridge.newest();
        let left = snapshot.allowance.day_ends_in_ms.map_or(0.0, |ms| ms as f64);
        let Caps { upload_rate, pass_on_rate, pass_on_daily } = caps;
        let day_began = js_sys::Date::now() + left - DAY_MS;
        write(GIVING, &Giving { pass_on, upload_rate, pass_on_rate, pass_on_daily, today, day_began });
    });
}

const DAY_MS: f64 = 24.0 * 60.0 * 60.0 * 1000.0;

const LEARNING: &str = "starling.learning";

/// Tells the node whether to choose by measurements, as it was chosen before, and remembers what is chosen from now on.
pub(crate) fn follow_learning(bridge: Bridge) {
    if let Some(learns) = read::<bool>(LEARNING) {
        bridge.command(Command::Learn(learns));
    }
    let on = bridge.calm(|snapshot| (!snapshot.me.is_empty()).then_some(snapshot.learning.on));
    Effect::new(move |before: Option<Option<bool>>| {
        let on = on.get();
        // What is only the default is not a choice.
        if let (Some(on), Some(Some(_))) = (on, before) {
            write(LEARNING, &on);
        }
        on
    });
}

const SPENDING: &str = "starling.spending";

/// Tells the node what may be spent in one visit, as it was chosen before, and remembers what is chosen from now on.
pub(crate) fn follow_spending(bridge: Bridge) {
    if let Some(cap) = read::<Option<u64>>(SPENDING) {
        bridge.command(Command::SpendAtMost(cap));
    }
    let cap = bridge.calm(|snapshot| (!snapshot.me.is_empty()).then_some(snapshot.credit.cap));
    Effect::new(move |before: Option<Option<Option<u64>>>| {
        let cap = cap.get();
        // What is only the default is not a choice.
        if let (Some(cap), Some(Some(_))) = (cap, before) {
            write(SPENDING, &cap);
        }
        cap
    });
}

const CHOICES: &str = "starling.choices";
/// Folders whose choice is remembered: those that come first by their ids stay.
const CHOICES_MAX: usize = 64;
/// Runs of one choice that are remembered; a longer one holds for this visit.
const RUNS_MAX: usize = 4096;

/// Tells the node what was chosen of the folders that it finds again, and remembers what is chosen from now on.
pub(crate) fn follow_choices(bridge: Bridge) {
    bridge.choices().set(read(CHOICES).unwrap_or_default());
    let listed = bridge.live(|snapshot| {
        let fetched = snapshot.transfers.iter().filter(|item| item.direction == Direction::Fetch);
        fetched.filter_map(id_of).collect::<BTreeSet<_>>()
    });
    Effect::new(move |told: Option<BTreeSet<ContentId>>| {
        let listed = listed.get();
        let told = told.unwrap_or_default();
        listed.difference(&told).for_each(|id| bridge.repeat_choice(*id));
        listed
    });
    let choices = bridge.choices();
    Effect::new(move |before: Option<()>| {
        let kept = choices.with(|choices| {
            let short = choices.iter().filter(|(_, runs)| runs.len() <= RUNS_MAX).take(CHOICES_MAX);
            short.map(|(id, runs)| (id.clone(), runs.clone())).collect::<Choices>()
        });
        if before.is_some() {
            write(CHOICES, &kept);
        }
    });
}

const CHAIN: &str = "starling.chain";

/// The chain that this browser follows on this page, once it has followed one.
pub(crate) fn pinned_chain() -> Option<String> {
    read(CHAIN)
}

/// Pins a chain, or none so that the next one named is followed.
pub(crate) fn pin_chain(id: Option<&str>) {
    write(CHAIN, &id);
}

const HISTORY: &str = "starling.history";

/// The lines that any tab of this person has kept.
pub(crate) fn history() -> Vec<Line> {
    read(HISTORY).unwrap_or_default()
}

/// Keeps these lines and no others.
pub(crate) fn keep_history(lines: &[Line]) {
    write(HISTORY, &lines);
}

/// What is kept under a name; nothing when it is missing or not what it should be.
fn read<T: DeserializeOwned>(name: &str) -> Option<T> {
    let text = storage()?.get_item(name).ok().flatten()?;
    serde_wasm_bindgen::from_value(js_sys::JSON::parse(&text).ok()?).ok()
}

fn write(name: &str, value: &impl Serialize) {
    if let (Some(storage), Some(text)) = (storage(), browser::to_json(value)) {
        // A full or refused storage costs memory of the next visit, and nothing now.
        drop(storage.set_item(name, &text));
    }
}

fn storage() -> Option<web_sys::Storage> {
    browser::window().local_storage().ok().flatten()
}
