//! One source of one download: what it holds, what it was asked for, how it behaved.
//!
//! How fast it is, and how much more it may be asked, is its flow's ([`flows`](super::flows)), which all
//! downloads share.

use super::flows::{Flow, FlowConfig, Promise};
use super::groups::Mask;
use super::{DownloadConfig, SourceView};
use crate::layout::{chunk_of, group_len};
use crate::{Bitfield, GroupRange};
use clock::Time;
use core::time::Duration;
use std::collections::VecDeque;

/// Groups that a source may send unasked, beyond those taken back from it and as many as were of use: one
/// flow window. Cancels and requests cross on the way.
const UNASKED_MAX: u64 = 64;

/// How often a source may refuse what it said it holds.
const REFUSED_MAX: u32 = 64;

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) chunk: u32,
    /// The groups that have not come.
    pub(super) left: Mask,
    pub(super) bytes_left: u32,
    sent: Time,
    promise: Promise,
    pub(super) begun: bool,
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
    rest: Duration,
    rests_until: Option<Time>,
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
            rest: config.rest_min,
            rests_until: None,
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

    /// Groups of one chunk were asked of it.
    pub(super) fn push(&mut self, now: Time, range: GroupRange, length: u64, promise: Promise) {
        let bytes = range.byte_len(length);
        self.outstanding += bytes;
        self.requests.push_back(Request {
            chunk: chunk_of(range.first),
            left: Mask::of(range),
            bytes_left: bytes,
            sent: now,
            promise,
            begun: false,
            overtaken: false,
        });
    }

    /// A group came, asked for or not. What is left of the request that asked for it, it included.
    pub(super) fn on_group(
        &mut self,
        now: Time,
        group: u32,
        length: u64,
        flow: &mut Flow,
        config: &FlowConfig,
    ) -> Option<Mask> {
        self.rests_until = None;
        let (chunk, mask, bytes) = (chunk_of(group), Mask::single(group), group_len(group, length));
        let asked = |request: &Request| request.chunk == chunk && !request.left.and(mask).is_empty();
        flow.on_group(now, bytes);
        let Some(at) = self.requests.iter().position(asked) else {
            self.unasked += 1;
            return None;
        };
        self.requests.iter_mut().take(at).for_each(|earlier| earlier.overtaken = true);
        let request = &mut self.requests[at];
        if !request.begun {
            flow.on_answer(now, request.sent, request.promise.expected, config);
        }
        request.begun = true;
        let left = request.left;
        self.strike(at, mask, bytes);
        Some(left)
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

    /// It failed us: leave it alone for a while.
    pub(super) fn rest(&mut self, now: Time, config: &DownloadConfig) {
        self.rests_until = Some(now + self.rest);
        self.rest = (self.rest * 2).min(config.rest_max);
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
    pub(super) fn due(&self, flow: Option<&Flow>, config: &FlowConfig) -> Option<(Time, Lapse)> {
        let first = self.requests.front()?;
        let deadline = first.promise.deadline;
        Some(match first.overtaken {
            true => (deadline, Lapse::Skipped),
            false => {
                let silent = flow.map_or(deadline, |flow| flow.heard() + config.silence_min);
                (deadline.max(silent), Lapse::Silent)
            }
        })
    }

    /// When it has become slow: its oldest request is late by its own history or by what its path was expected to
    /// be, and it was silent for as long as its path allows.
    pub(super) fn slow_at(&self, flow: &Flow) -> Option<Time> {
        let first = self.requests.front()?;
        Some(first.promise.late.max(flow.heard() + flow.patience()?))
    }

    /// When something is to be done about it, if it says nothing.
    pub(super) fn next_deadline(&self, flow: Option<&Flow>, config: &FlowConfig) -> Option<Time> {
        let due = self.due(flow, config).map(|(due, _)| due);
        let follow = (!self.answered).then_some(self.follow_at);
        [due, follow, self.rests_until].into_iter().flatten().min()
    }

    /// Its oldest request should have been answered by now, by its own history, and it has been silent since.
    pub(super) fn is_late(&self, now: Time, flow: &Flow, config: &FlowConfig) -> bool {
        let late = self.requests.front().map(|request| request.promise.late);
        late.is_some_and(|late| late.max(flow.heard() + config.late_min) <= now)
    }

    pub(super) fn view<P>(&self, peer: P, flow: Option<&Flow>) -> SourceView<P> {
        SourceView {
            peer,
            chunks: self.held.ones(),
            given: self.given,
            outstanding: self.outstanding,
            rate: flow.and_then(Flow::rate).unwrap_or(0),
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
