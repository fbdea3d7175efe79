//! What the rounds say: medians per cell, ratios within the run, and issue 3's goals beside them.

use crate::figures::median;
use crate::plan::{Cell, Way};
use crate::round::Round;
use crate::trace::Traced;
use serde::Serialize;
use std::collections::BTreeMap;

/// Issue 3, "To reach".
const OF_RAW: f64 = 0.9;
const WIRE: f64 = 1.06;
const OF_WEBTORRENT: f64 = 2.0;
const OF_JS_LIBP2P: f64 = 1.4;
const FOUR_OF_ONE: f64 = 2.0;
const MEMORY_MIB: f64 = 150.0;
/// "Flat": what a sixteen times larger file may add.
const MEMORY_GROWS_MIB: f64 = 16.0;
const TASK_MS: f64 = 50.0;

/// The middle of all rounds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Medians {
    pub(crate) mib_per_second: f64,
    pub(crate) slowest: f64,
    pub(crate) fastest: f64,
    pub(crate) first_byte_ms: f64,
    pub(crate) wire_per_payload: f64,
    pub(crate) receiver_mib: f64,
    pub(crate) source_mib: f64,
    pub(crate) busy_ms_per_mib: f64,
}

/// One cell of the plan, measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    #[serde(flatten)]
    pub(crate) cell: Cell,
    pub(crate) rounds: BTreeMap<Way, Vec<Round>>,
    pub(crate) median: BTreeMap<Way, Medians>,
    /// Why rounds are missing.
    pub(crate) failed: Vec<String>,
    /// The ceiling did not beat the stop-and-wait rule.
    pub(crate) void: bool,
}

impl Measured {
    pub(crate) fn new(cell: Cell, rounds: BTreeMap<Way, Vec<Round>>, failed: Vec<String>) -> Self {
        let median: BTreeMap<Way, Medians> = rounds.iter().map(|(way, rounds)| (*way, medians(rounds))).collect();
        let rate = |way: Way| median.get(&way).map(|of| of.mib_per_second);
        let void = rate(Way::Raw).zip(rate(Way::Stop)).is_some_and(|(raw, stop)| raw <= stop);
        Self { cell, rounds, median, failed, void }
    }

    /// Rate of Starling over another way's.
    fn ratio(&self, to: Way) -> Option<f64> {
        Some(self.median.get(&Way::Starling)?.mib_per_second / self.median.get(&to)?.mib_per_second)
    }

    fn starling(&self) -> Option<&Medians> {
        self.median.get(&Way::Starling)
    }
}

fn medians(rounds: &[Round]) -> Medians {
    let of = |field: fn(&Round) -> f64| median(rounds.iter().map(field));
    let rates = || rounds.iter().map(|round| round.mib_per_second);
    Medians {
        mib_per_second: median(rates()),
        slowest: rates().fold(f64::INFINITY, f64::min),
        fastest: rates().fold(0.0, f64::max),
        first_byte_ms: of(|round| round.first_byte_ms.unwrap_or(f64::NAN)),
        wire_per_payload: of(|round| round.wire_per_payload),
        receiver_mib: of(|round| round.receiver_mib),
        source_mib: of(|round| round.source_mib),
        busy_ms_per_mib: of(|round| round.busy_ms_per_mib),
    }
}

/// A goal and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) measured: f64,
    pub(crate) reached: bool,
}

impl Goal {
    fn at_least(what: String, measured: f64, wanted: f64) -> Self {
        Self { what, wanted: format!(">= {wanted}"), measured, reached: measured >= wanted }
    }

    fn at_most(what: String, measured: f64, wanted: f64) -> Self {
        Self { what, wanted: format!("<= {wanted}"), measured, reached: measured <= wanted }
    }
}

/// Every goal that these cells say something about.
pub(crate) fn goals(cells: &[Measured], traced: Option<&Traced>) -> Vec<Goal> {
    let mut goals: Vec<Goal> = cells.iter().filter(|cell| cell.cell.sources == 1).flat_map(one_source).collect();
    for four in cells.iter().filter(|cell| cell.cell.sources == 4) {
        let one = cells.iter().find(|cell| cell.cell == Cell { sources: 1, ..four.cell });
        if let Some((one, all)) = one.and_then(Measured::starling).zip(four.starling()) {
            let ratio = all.mib_per_second / one.mib_per_second;
            goals.push(Goal::at_least(format!("{}: four sources over one", place(four.cell)), ratio, FOUR_OF_ONE));
        }
    }
    for large in cells.iter().filter(|cell| cell.cell.mib >= 1_024) {
        let small = cells.iter().find(|cell| cell.cell == Cell { mib: 64, ..large.cell });
        if let Some((small, large_is)) = small.and_then(Measured::starling).zip(large.starling()) {
            let grown = large_is.receiver_mib.max(large_is.source_mib) - small.receiver_mib.max(small.source_mib);
            goals.push(Goal::at_most(
                format!("{}: memory beyond 64 MiB's", place(large.cell)),
                grown,
                MEMORY_GROWS_MIB,
            ));
        }
    }
    if let Some(traced) = traced {
        let longest = traced.receiver.longest_cpu_ms.max(traced.source.longest_cpu_ms);
        goals.push(Goal::at_most("longest main-thread task, ms of CPU".to_owned(), longest, TASK_MS));
    }
    goals
}

fn one_source(cell: &Measured) -> Vec<Goal> {
    let name = |what: &str| format!("{}: {what}", place(cell.cell));
    let ratios = [
        (Way::Raw, "starling over raw", OF_RAW),
        (Way::JsLibp2p, "starling over js-libp2p", OF_JS_LIBP2P),
        (Way::Webtorrent, "starling over webtorrent", OF_WEBTORRENT),
    ];
    let mut goals: Vec<Goal> = ratios
        .into_iter()
        .filter_map(|(way, what, wanted)| Some(Goal::at_least(name(what), cell.ratio(way)?, wanted)))
        .collect();
    if let Some(starling) = cell.starling() {
        goals.push(Goal::at_most(name("wire/payload"), starling.wire_per_payload, WIRE));
        let memory = starling.receiver_mib.max(starling.source_mib);
        goals.push(Goal::at_most(name("memory of a page, MiB"), memory, MEMORY_MIB));
    }
    goals
}

fn place(cell: Cell) -> String {
    let sources = if cell.sources == 1 { "1 source".to_owned() } else { format!("{} sources", cell.sources) };
    format!("{} MiB, {sources}, +{} ms", cell.mib, cell.rtt_ms)
}

/// The table of one cell.
pub(crate) fn table(measured: &Measured) -> String {
    let mut text = format!(
        "\n{}\n{:<14} {:>7} {:>15} {:>7} {:>7} {:>9} {:>11} {:>9} {:>9}\n",
        place(measured.cell),
        "way",
        "MiB/s",
        "least to most",
        "x raw",
        "wire/p",
        "1st byte",
        "CPU ms/MiB",
        "rx MiB",
        "tx MiB"
    );
    let raw = measured.median.get(&Way::Raw).map_or(f64::NAN, |raw| raw.mib_per_second);
    for (way, of) in &measured.median {
        let spread = format!("{:.1} to {:.1}", of.slowest, of.fastest);
        text += &format!(
            "{:<14} {:>7.1} {spread:>15} {:>7.2} {:>7.3} {:>6.0} ms {:>11.1} {:>9.0} {:>9.0}\n",
            way.name(),
            of.mib_per_second,
            of.mib_per_second / raw,
            of.wire_per_payload,
            of.first_byte_ms,
            of.busy_ms_per_mib,
            of.receiver_mib,
            of.source_mib
        );
    }
    if measured.void {
        text += "void: the ceiling did not beat the stop-and-wait rule\n";
    }
    text
}

/// The goals, one per line.
pub(crate) fn verdicts(goals: &[Goal]) -> String {
    let line = |goal: &Goal| {
        let verdict = if goal.reached { "reached" } else { "not reached" };
        format!("{:<56} {:>8.3} {:>9}   {verdict}\n", goal.what, goal.measured, goal.wanted)
    };
    goals.iter().map(line).collect()
}
