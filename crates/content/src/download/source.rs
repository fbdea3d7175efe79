//! One source: what it holds, what it was asked for, how fast it answers, how much more it may be asked.
//!
//! The flow window follows the source's own rate: it holds `window_span` of its time, or two of its shortest
//! answer times when those are longer, so that the pipe does not drain and a slow source is not left with
//! much that others must wait for. Rates are integers: bytes per second.

use super::groups::Mask;
use super::{DownloadConfig, SourceView};
use crate::layout::{chunk_of, group_len};
use crate::{Bitfield, GROUP_LEN, GroupRange};
use clock::Time;
use core::time::Duration;
use std::collections::VecDeque;

/// Groups that a source may send unasked, beyond those taken back from it and as many as were of use: one
/// flow window at the start. Cancels and requests cross on the way.
const UNASKED_MAX: u64 = 64;

/// How often a source may refuse what it said it holds.
const REFUSED_MAX: u32 = 64;

/// A rate is taken from at least this much time and ...
const SAMPLE_TIME_MIN: Duration = Duration::from_millis(20);
/// ... this many bytes, ...
const SAMPLE_BYTES_MIN: u64 = 128 * 1024;
/// ... or from this much time, however few came.
const SAMPLE_TIME_MAX: Duration = Duration::from_millis(250);

/// A request takes this many times what the source's rate promises before it is overdue, ...
const PATIENCE: u32 = 4;
/// ... and no longer than this beyond the shortest deadline.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) chunk: u32,
    /// The groups that have not come.
    pub(super) left: Mask,
    pub(super) bytes_left: u32,
    sent: Time,
    deadline: Time,
    /// Nothing else was outstanding when it was sent: its first group tells the source's answer time.
    alone: bool,
    begun: bool,
    /// A later request was answered first.
    overtaken: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The chunks it says it holds.
    held: Bitfield,
    /// In the order they were sent.
    requests: VecDeque<Request>,
    outstanding: u32,
    /// The chunk it is working on: it gets the rest of that, too.
    pub(super) current: Option<u32>,
    pace: Pace,
    heard: Time,
    rest: Duration,
    rests_until: Option<Time>,
    /// It failed us and has not been of use since: ask for little.
    careful: bool,
    /// It told all it holds, not only news.
    answered: bool,
    pub(super) follow_at: Time,
    pub(super) follow_wait: Duration,
    given: u64,
    useful: u64,
    unasked: u64,
    taken_back: u64,
    refused: u32,
}

impl Source {
    pub(super) fn new(now: Time, chunks: u32, config: &DownloadConfig) -> Self {
        Self {
            held: Bitfield::empty(chunks),
            requests: VecDeque::new(),
            outstanding: 0,
            current: None,
            pace: Pace::default(),
            heard: now,
            rest: config.rest_min,
            rests_until: None,
            careful: false,
            answered: false,
            follow_at: now + config.follow_again,
            follow_wait: config.follow_again,
            given: 0,
            useful: 0,
            unasked: 0,
            taken_back: 0,
            refused: 0,
        }
    }

    /// It told all it holds.
    pub(super) fn on_answered(&mut self) {
        self.answered = true;
    }

    /// It is to be asked (again) what it holds.
    pub(super) fn is_unanswered(&self, now: Time) -> bool {
        !self.answered && self.follow_at <= now
    }

    pub(super) fn held(&self) -> &Bitfield {
        &self.held
    }

    pub(super) fn held_mut(&mut self) -> &mut Bitfield {
        &mut self.held
    }

    pub(super) fn holds(&self, chunk: u32) -> bool {
        self.held.get(chunk)
    }

    /// It holds something, and did not fail us lately.
    pub(super) fn is_ready(&self) -> bool {
        self.rests_until.is_none() && self.held.ones() > 0
    }

    pub(super) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = &Request> {
        self.requests.iter()
    }

    /// Bytes that may be outstanding.
    pub(super) fn window(&self, config: &DownloadConfig) -> u32 {
        if self.careful {
            return config.window_min;
        }
        let Some(rate) = self.pace.rate else { return config.window_start };
        let span = config.window_span.max(self.pace.answer_time() * 2);
        let window = bytes_in(rate, span).min(u64::from(config.window_max)) as u32;
        window.max(config.window_min)
    }

    /// How many groups to ask for now: none until enough room is there to make a request worth sending.
    pub(super) fn room(&self, config: &DownloadConfig) -> u32 {
        let window = self.window(config);
        let room = window.saturating_sub(self.outstanding) / GROUP_LEN;
        let worth = (window / GROUP_LEN / 8).clamp(1, crate::GROUPS_PER_CHUNK);
        if room >= worth || self.outstanding == 0 { room.max(1) } else { 0 }
    }

    /// Groups of one chunk were asked of it.
    pub(super) fn push(&mut self, now: Time, range: GroupRange, length: u64, config: &DownloadConfig) {
        let bytes = range.byte_len(length);
        let alone = self.outstanding == 0;
        if alone {
            self.pace.interrupt();
            self.heard = now;
        }
        self.outstanding += bytes;
        let expected = self.pace.time_for(self.outstanding).saturating_mul(PATIENCE);
        let deadline = now + config.deadline_min + expected.min(PATIENCE_MAX);
        self.requests.push_back(Request {
            chunk: chunk_of(range.first),
            left: Mask::of(range),
            bytes_left: bytes,
            sent: now,
            deadline,
            alone,
            begun: false,
            overtaken: false,
        });
    }

    /// A group came, asked for or not. True if it was asked for.
    pub(super) fn on_group(&mut self, now: Time, group: u32, length: u64) -> bool {
        self.heard = now;
        self.rests_until = None;
        let (chunk, mask, bytes) = (chunk_of(group), Mask::single(group), group_len(group, length));
        let asked = |request: &Request| request.chunk == chunk && !request.left.and(mask).is_empty();
        self.pace.on_bytes(now, bytes);
        let Some(at) = self.requests.iter().position(asked) else {
            self.unasked += 1;
            return false;
        };
        self.requests.iter_mut().take(at).for_each(|earlier| earlier.overtaken = true);
        let request = &mut self.requests[at];
        if request.alone && !request.begun {
            self.pace.on_answer(now - request.sent);
        }
        request.begun = true;
        self.strike(at, mask, bytes);
        true
    }

    fn strike(&mut self, at: usize, mask: Mask, bytes: u32) {
        let request = &mut self.requests[at];
        request.left = request.left.without(mask);
        request.bytes_left -= bytes;
        self.outstanding -= bytes;
        if request.left.is_empty() {
            self.requests.remove(at);
        }
    }

    /// The group was of use.
    pub(super) fn on_useful(&mut self, bytes: u32, config: &DownloadConfig) {
        self.useful += 1;
        self.given += u64::from(bytes);
        self.rest = config.rest_min;
        self.careful = false;
    }

    /// A group came that cannot be used, though it may not be its fault.
    pub(super) fn on_useless(&mut self) {
        self.unasked += 1;
    }

    /// It sends more that nobody asked for than it ever gave.
    pub(super) fn is_flooding(&self) -> bool {
        self.unasked > UNASKED_MAX + self.taken_back + self.useful
    }

    /// A request was refused although it should hold the groups. True if that happened too often.
    pub(super) fn on_refused(&mut self) -> bool {
        self.refused += 1;
        self.refused > REFUSED_MAX
    }

    /// Takes groups back from it: those of `range` that it was asked for and has not sent, by chunk.
    pub(super) fn take_back(&mut self, range: GroupRange, length: u64) -> Vec<(u32, Mask)> {
        let mut taken = Vec::new();
        for at in (0..self.requests.len()).rev() {
            let Request { chunk, left, .. } = self.requests[at];
            let both = left.and(Mask::of_chunk(chunk, range));
            if !both.is_empty() {
                let bytes = both.runs(chunk).map(|run| run.byte_len(length)).sum();
                self.strike(at, both, bytes);
                self.taken_back += u64::from(both.count());
                taken.push((chunk, both));
            }
        }
        taken
    }

    /// Takes back the oldest request.
    pub(super) fn take_back_first(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.outstanding -= request.bytes_left;
        self.taken_back += u64::from(request.left.count());
        Some(request)
    }

    /// It failed us: leave it alone for a while, and begin carefully after that.
    pub(super) fn rest(&mut self, now: Time, config: &DownloadConfig) {
        self.rests_until = Some(now + self.rest);
        self.rest = (self.rest * 2).min(config.rest_max);
        self.pace = Pace::default();
        self.careful = true;
    }

    /// Ends a rest whose time has come. True if it did.
    pub(super) fn wake(&mut self, now: Time) -> bool {
        let over = self.rests_until.is_some_and(|until| until <= now);
        if over {
            self.rests_until = None;
        }
        over
    }

    /// When its oldest request counts as failed: at its deadline and not before the source was silent for a
    /// while, since a slow source that sends is better than none; or at its deadline if it was skipped.
    pub(super) fn due(&self, config: &DownloadConfig) -> Option<(Time, Lapse)> {
        let first = self.requests.front()?;
        Some(match first.overtaken {
            true => (first.deadline, Lapse::Skipped),
            false => (first.deadline.max(self.heard + config.silence_max), Lapse::Silent),
        })
    }

    /// When something is to be done about it, if it says nothing.
    pub(super) fn next_deadline(&self, config: &DownloadConfig) -> Option<Time> {
        let due = self.due(config).map(|(due, _)| due);
        let follow = (!self.answered).then_some(self.follow_at);
        [due, follow, self.rests_until].into_iter().flatten().min()
    }

    /// How long until `bytes` more than `ahead` have come from it, from what is known; a silent source is
    /// taken to stay silent for as long again.
    pub(super) fn time_for(&self, now: Time, bytes: u32) -> Duration {
        let expected = self.pace.answer_time() + self.pace.time_for(bytes);
        if self.outstanding == 0 { expected } else { expected.max((now - self.heard) * 2) }
    }

    pub(super) fn view<P>(&self, peer: P) -> SourceView<P> {
        SourceView {
            peer,
            chunks: self.held.ones(),
            given: self.given,
            outstanding: self.outstanding,
            rate: self.pace.rate.unwrap_or(0),
            resting: self.rests_until.is_some(),
        }
    }
}

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lapse {
    /// Later ones were answered.
    Skipped,
    /// Nothing was answered.
    Silent,
}

/// How fast a source sends while it has something to send.
#[derive(Clone, Debug, Default)]
struct Pace {
    rate: Option<u64>,
    answer: Option<Duration>,
    /// The sample being taken: since when, and how many bytes after the first arrival.
    sample: Option<(Time, u64)>,
}

impl Pace {
    fn on_bytes(&mut self, now: Time, bytes: u32) {
        let Some((since, sum)) = &mut self.sample else {
            self.sample = Some((now, 0));
            return;
        };
        *sum += u64::from(bytes);
        let time = now - *since;
        if time >= SAMPLE_TIME_MAX || (time >= SAMPLE_TIME_MIN && *sum >= SAMPLE_BYTES_MIN) {
            let seen = *sum * 1_000_000 / u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
            self.rate = Some(self.rate.map_or(seen, |rate| (rate * 3 + seen) / 4));
            self.sample = Some((now, 0));
        }
    }

    /// It had nothing to send: that time says nothing about its rate.
    fn interrupt(&mut self) {
        self.sample = None;
    }

    fn on_answer(&mut self, time: Duration) {
        self.answer = Some(self.answer.map_or(time, |shortest| shortest.min(time)));
    }

    /// The shortest time from a request to its first group; none was seen: none.
    fn answer_time(&self) -> Duration {
        self.answer.unwrap_or_default()
    }

    /// How long `bytes` take; no time at all while the rate is unknown.
    fn time_for(&self, bytes: u32) -> Duration {
        self.rate.map_or(Duration::ZERO, |rate| {
            Duration::from_micros(u64::from(bytes).saturating_mul(1_000_000) / rate.max(1))
        })
    }
}

fn bytes_in(rate: u64, time: Duration) -> u64 {
    rate.saturating_mul(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)) / 1_000_000
}
