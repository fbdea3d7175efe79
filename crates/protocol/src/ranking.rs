//! Whom to ask first for an item, and whether choosing well is worth anything.
//!
//! A small item takes three round trips to whoever is asked (its manifest, what is held, the bytes), so the choice
//! is made once, before the first: [`latency::choose`] over what was measured of every provider we are connected to,
//! its queue included. It names one, or two or three that race. The others are asked when those were silent for too
//! long. A larger item is taken from everybody at once; for it, the choice is about the manifest only.
//!
//! One choice in twenty is drawn at random *before* anything is scored, and with the layer off all are. What small
//! items took either way is compared, so the screen can say what learning saved, or that it cannot tell.
//!
//! Refuses to believe: only round trips that this tab measured count. Exploration is the control group, the pings
//! that every neighbour gets anyway, and races, paid from [`latency::Budget`].

use crate::PeerKey;
use crate::choice::{Choice, Room};
use crate::measurements::Measurements;
use crate::notices::millis;
use crate::snapshot::{CandidateView, ChoiceView, LearningView, PickedView, SavedView, Way};
use clock::Time;
use content::Flows;
use core::time::Duration;
use latency::{Budget, Comparison, Effort, GOODPUT_FIRST, Group, OUTCOMES_MIN, Random, Series, Source, Spread, Work};
use std::collections::VecDeque;

/// An item of at most one chunk: what one request brings.
pub(crate) const SMALL_MAX: u64 = content::CHUNK_LEN as u64;

/// Choices remembered, for the screen.
const CHOICES_MAX: usize = 64;

/// Choices shown.
const CHOICES_SHOWN: usize = 12;

/// How long whoever was chosen by chance, with the layer off, has to itself.
const PATIENCE_BLIND: Duration = Duration::from_secs(1);

/// Round trips of a small item: what the work costs once is paid once, not with each of them.
const ROUND_TRIPS: f64 = 3.0;

/// One more is asked for a tenth of the time: what it sends costs others an upload and this tab a moment, which the
/// round trips alone do not show.
const EFFORT: Effort = Effort { race_max: latency::RACE_MAX, gain_min: 0.1 };

/// The relative error that a peer nobody measured is taken to have: it may be anywhere.
const ERROR_UNKNOWN: f64 = 1.0;

/// Assumed of a peer while nobody at all was measured, milliseconds.
const RTT_UNKNOWN_MS: f64 = 100.0;

/// Chooses, remembers and compares.
#[derive(Debug)]
pub(crate) struct Ranking {
    learns: bool,
    random: Random,
    comparison: Comparison,
    budget: Budget,
    /// Oldest first.
    made: VecDeque<Made>,
    next_number: u64,
}

/// Who is asked first for one item.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    number: u64,
    pub(crate) peers: Vec<PeerKey>,
    began: Time,
    /// Nobody else is asked before.
    alone_until: Time,
    patience: Duration,
    /// The bytes, not only the manifest, were asked for.
    for_bytes: bool,
}

/// A choice that was made.
#[derive(Clone, Debug)]
struct Made {
    number: u64,
    at: Time,
    way: Way,
    candidates: Vec<Candidate>,
    took: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    peer: PeerKey,
    /// `None` if it was never measured.
    expected_ms: Option<f64>,
    chosen: bool,
}

/// One candidate's past, as the choice needs it.
struct Past {
    peer: PeerKey,
    spread: Spread,
    recent: Series,
    work_ms: f64,
    measured: bool,
}

impl Pick {
    /// Whether nobody but the chosen is to be asked now.
    pub(crate) fn is_alone(&self, now: Time) -> bool {
        now < self.alone_until
    }

    /// When others may be asked.
    pub(crate) fn alone_until(&self) -> Time {
        self.alone_until
    }

    /// The manifest is here and the bytes are asked for: the patience begins anew, once.
    pub(crate) fn on_bytes(&mut self, now: Time) {
        if !self.for_bytes {
            self.for_bytes = true;
            self.alone_until = now + self.patience;
        }
    }
}

impl Ranking {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            learns: true,
            random: Random::new(Choice::new(seed, Room::Ranking).below(u64::MAX)),
            comparison: Comparison::default(),
            budget: Budget::default(),
            made: VecDeque::new(),
            next_number: 1,
        }
    }

    pub(crate) fn set_learning(&mut self, learns: bool) {
        self.learns = learns;
    }

    pub(crate) fn learns(&self) -> bool {
        self.learns
    }

    /// Chooses among `candidates`; `None` if there are none.
    pub(crate) fn pick(
        &mut self,
        now: Time,
        candidates: &[PeerKey],
        measurements: &Measurements,
        flows: &Flows<PeerKey>,
    ) -> Option<Pick> {
        // Drawn before anything is scored: the two groups differ in nothing but the choice.
        let way = match self.learns.then(|| latency::draw(&mut self.random)) {
            None => Way::Off,
            Some(Group::Control) => Way::Control,
            Some(Group::Learned) => Way::Learned,
        };
        let by_chance = candidates.get(self.random.below(candidates.len())).copied()?;
        let mut pasts = pasts(candidates, measurements, flows);
        // What `choose` looks at is bounded; the promising must not stand behind the bound.
        pasts.sort_by(|a, b| expected_ms(a).total_cmp(&expected_ms(b)).then(a.peer.cmp(&b.peer)));
        let peers = match way {
            Way::Off | Way::Control => vec![by_chance],
            Way::Learned => latency::choose(&sources(&pasts), EFFORT)?.peers,
        };
        let patience = match way {
            Way::Off => PATIENCE_BLIND,
            Way::Control | Way::Learned => {
                let slowest = pasts.iter().filter(|past| peers.contains(&past.peer)).map(expected_ms);
                let ms = slowest.fold(0.0, f64::max).clamp(0.0, 10_000.0);
                latency::patience(Duration::from_secs_f64(ms / 1e3))
            }
        };
        let number = self.next_number;
        self.next_number += 1;
        let candidates = pasts
            .iter()
            .map(|past| Candidate {
                peer: past.peer,
                expected_ms: past.measured.then(|| expected_ms(past)),
                chosen: peers.contains(&past.peer),
            })
            .collect();
        if self.made.len() == CHOICES_MAX {
            self.made.pop_front();
        }
        self.made.push_back(Made { number, at: now, way, candidates, took: None });
        Some(Pick { number, peers, began: now, alone_until: now + patience, patience, for_bytes: false })
    }

    /// Whether the chosen of `pick` may all be asked for the same `bytes` at once.
    pub(crate) fn affords(&self, pick: &Pick, bytes: u64) -> bool {
        let twice = bytes.saturating_mul(pick.peers.len().saturating_sub(1) as u64);
        pick.peers.len() > 1 && self.budget.affords(twice)
    }

    /// Content bytes came.
    pub(crate) fn on_bytes(&mut self, useful: u64, duplicate: u64) {
        self.budget.observe(useful, duplicate);
    }

    /// All of a small item is here. Counts only where there was a choice, and chance or learning made it.
    pub(crate) fn on_small_item(&mut self, now: Time, pick: &Pick) {
        let took = now - pick.began;
        let Some(made) = self.made.iter_mut().find(|made| made.number == pick.number) else { return };
        if made.took.replace(took).is_some() || made.candidates.len() < 2 {
            return;
        }
        let group = match made.way {
            Way::Off => return,
            Way::Control => Group::Control,
            Way::Learned => Group::Learned,
        };
        self.comparison.observe(group, took.as_secs_f64() * 1e3);
    }

    /// For the screen.
    pub(crate) fn view(&self, now: Time) -> LearningView {
        let count = |group| self.comparison.len(group) as u64;
        let saved = self.comparison.saved().map(|saved| SavedView {
            median_ms: saved.median_ms,
            low_ms: saved.low_ms,
            high_ms: saved.high_ms,
            certain: saved.is_certain(),
        });
        LearningView {
            on: self.learns,
            learned: count(Group::Learned),
            control: count(Group::Control),
            needed: OUTCOMES_MIN as u64,
            learned_ms: self.comparison.median_ms(Group::Learned),
            control_ms: self.comparison.median_ms(Group::Control),
            saved,
            duplicates: self.budget.spent(),
            duplicates_max: self.budget.limit(),
            choices: self.made.iter().rev().take(CHOICES_SHOWN).map(|made| made.view(now)).collect(),
        }
    }

    /// How often a peer was chosen lately, and what the last choice it was part of went by.
    pub(crate) fn picked(&self, peer: PeerKey) -> Option<PickedView> {
        let part = |made: &&Made| made.candidates.len() > 1 && made.candidates.iter().any(|one| one.peer == peer);
        let made: Vec<&Made> = self.made.iter().filter(part).collect();
        let of_it = |made: &Made| made.candidates.iter().find(|one| one.peer == peer).copied();
        let last = *made.last()?;
        let chosen = of_it(last)?;
        Some(PickedView {
            times: made.iter().filter(|made| of_it(made).is_some_and(|one| one.chosen)).count() as u64,
            of: made.len() as u64,
            chosen: chosen.chosen,
            way: last.way,
            expected_ms: chosen.expected_ms,
            best_ms: last.candidates.iter().filter(|one| one.peer != peer).filter_map(|one| one.expected_ms).next(),
        })
    }
}

impl Made {
    fn view(&self, now: Time) -> ChoiceView {
        let candidates = self.candidates.iter().map(|one| CandidateView {
            peer: one.peer.to_string(),
            expected_ms: one.expected_ms,
            chosen: one.chosen,
        });
        ChoiceView {
            age_ms: millis(now - self.at),
            way: self.way,
            candidates: candidates.collect(),
            took_ms: self.took.map(|took| took.as_secs_f64() * 1e3),
        }
    }
}

fn expected_ms(past: &Past) -> f64 {
    past.spread.typical_ms() + past.work_ms
}

fn sources(pasts: &[Past]) -> Vec<Source<'_, PeerKey>> {
    pasts
        .iter()
        .map(|Past { peer, spread, recent, work_ms, .. }| Source { peer: *peer, spread, recent, work_ms: *work_ms })
        .collect()
}

fn pasts(candidates: &[PeerKey], measurements: &Measurements, flows: &Flows<PeerKey>) -> Vec<Past> {
    let series = |peer| measurements.get(peer).map(|measured| measured.outlook.series().clone()).unwrap_or_default();
    let known: Vec<(PeerKey, Series, Option<Spread>)> = candidates
        .iter()
        .map(|&peer| {
            let recent = series(peer);
            let spread = Spread::of(&recent).or_else(|| young(measurements, peer));
            (peer, recent, spread)
        })
        .collect();
    let typical_ms =
        middle(known.iter().filter_map(|(_, _, spread)| Some(spread.as_ref()?.typical_ms()))).unwrap_or(RTT_UNKNOWN_MS);
    let typical_rate = middle(candidates.iter().filter_map(|&peer| flows.rate(peer))).unwrap_or(GOODPUT_FIRST);
    known
        .into_iter()
        .map(|(peer, recent, spread)| {
            let work = Work { bytes: SMALL_MAX / 2, queued: flows.outstanding(peer).into(), promised: 0 };
            Past {
                peer,
                measured: spread.is_some(),
                spread: spread.unwrap_or_else(|| Spread::predicted(typical_ms, ERROR_UNKNOWN)),
                recent,
                work_ms: work.ms(flows.rate(peer), typical_rate) / ROUND_TRIPS,
            }
        })
        .collect()
}

/// A peer whose first round trips came too recently to learn from: they are still better than nothing.
fn young(measurements: &Measurements, peer: PeerKey) -> Option<Spread> {
    Some(Spread::predicted(measurements.rtt(peer)?.as_millis_f64(), ERROR_UNKNOWN / 2.0))
}

fn middle<T: PartialOrd>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(core::cmp::Ordering::Equal));
    let half = values.len() / 2;
    values.into_iter().nth(half)
}
