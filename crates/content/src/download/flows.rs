//! What each source can take: its delay, its rate, and the flow window that follows them.
//!
//! One [`Flows`] for all downloads of a node, because they share the sources: a window per download would let
//! three downloads put three windows into one connection. Whoever holds the downloads lends it to each
//! [`Download::handle`](super::Download::handle); when a source answered one download, the others that wait for
//! room there are found by [`Flows::waiting`].
//!
//! The window is what the source delivers in its shortest answer time and a little more, `queue_target`: bytes
//! beyond that only stand in a queue, the source's or the network's, where they can neither be cancelled nor
//! taken by somebody faster. Nothing has to be probed: by Little's law a window of `rate * (answer + target)`
//! on a source that could do more measures a higher rate, and grows by a fixed factor each round trip until the
//! queue is as long as the target (LEDBAT, RFC 6817, aims at the same with another control; the window as
//! rate times shortest delay is BBR's). Rates are integers: bytes per second.
//!
//! What the path of a source is like may be known before anything was asked of it: somebody measured its round trips
//! and says so ([`Flows::expect`]). It stands in until a rate is known, and it is what makes a source that falls
//! silent one to be left, not only one to be waited for.
//!
//! A path that becomes longer for good shows as a window at its floor with answers that stay late; only then is
//! the shortest answer time forgotten, since at the floor there is no queue of ours to explain them.

use crate::{GROUP_LEN, GROUPS_PER_CHUNK, Root};
use clock::Time;
use core::time::Duration;
use std::collections::BTreeMap;

/// Sources whose history is kept: more than a tab has connections (security-and-faults.md C1). An idle one
/// makes room, and begins anew when it comes back.
const FLOWS_MAX: usize = 64;

/// A rate is taken from at least this much time and ...
const SAMPLE_TIME_MIN: Duration = Duration::from_millis(20);
/// ... this many bytes, ...
const SAMPLE_BYTES_MIN: u64 = 128 * 1024;
/// ... or from this much time, however few came.
const SAMPLE_TIME_MAX: Duration = Duration::from_millis(250);

/// How long a window stays at its floor before the shortest answer time is taken anew.
const FLOOR_TIME: Duration = Duration::from_secs(3);

/// A request is late when its first group needs this many mean deviations more than expected (RFC 6298's factor).
const DEVIATIONS: u32 = 4;

/// How much a flow may hold, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowConfig {
    /// Bytes asked of a source before we know how fast it is.
    pub window_start: u32,
    /// Bytes asked of the slowest source.
    pub window_min: u32,
    /// Bytes that any source may be asked for, if its rate asks for so many, however short its answer time.
    /// Beyond twice the product of rate and answer time, a browser's data channel loses more than it gains.
    pub window_free: u32,
    /// Bytes asked of the fastest.
    pub window_max: u32,
    /// How long the queue may be that our own window makes: enough to hide how unevenly bytes come.
    pub queue_target: Duration,
    /// The time that the first request of an unknown source is given.
    pub deadline_start: Duration,
    /// The shortest time a request is given: a data channel that lost a packet is silent for up to 1.2 s.
    pub deadline_min: Duration,
    /// The longest.
    pub deadline_max: Duration,
    /// A source that sends is not given up for being slow: nothing must have come for this long.
    pub silence_min: Duration,
    /// When a request of an unknown source counts as late.
    pub late_start: Duration,
    /// How late a request must be at least to count as late.
    pub late_min: Duration,
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self {
            window_start: 256 * 1024,
            window_min: 64 * 1024,
            window_free: 512 * 1024,
            window_max: 4 * 1024 * 1024,
            queue_target: Duration::from_millis(60),
            deadline_start: Duration::from_secs(5),
            deadline_min: Duration::from_millis(1_500),
            deadline_max: Duration::from_secs(60),
            silence_min: Duration::from_millis(1_500),
            late_start: Duration::from_millis(400),
            late_min: Duration::from_millis(100),
        }
    }
}

/// What is expected of a source by whoever measured its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// When the first group of a request should come if nothing is ahead of it.
    pub answer: Duration,
    /// When it is late: nine times in ten it comes before.
    pub late: Duration,
    /// How long the source may be silent while another holds what it owes.
    pub patience: Duration,
}

/// The flows of all sources, over all downloads.
#[derive(Debug)]
pub struct Flows<P> {
    config: FlowConfig,
    flows: BTreeMap<P, Flow>,
}

impl<P: Copy + Ord> Flows<P> {
    /// Nobody was asked for anything yet.
    pub fn new(config: FlowConfig) -> Self {
        Self { config, flows: BTreeMap::new() }
    }

    /// The source, or its stream, is gone for all downloads: what it was like is worth nothing any more.
    pub fn forget(&mut self, peer: P) {
        self.flows.remove(&peer);
    }

    /// Bytes asked of a source and not here yet, all downloads together.
    pub fn outstanding(&self, peer: P) -> u32 {
        self.flows.get(&peer).map_or(0, |flow| flow.outstanding)
    }

    /// Bytes that may be asked of a source, all downloads together.
    pub fn window(&self, peer: P) -> u32 {
        self.flows.get(&peer).map_or(self.config.window_start, |flow| flow.window(&self.config))
    }

    /// A download that has more to ask of a source, was out of room, and has some now.
    pub fn waiting(&self, peer: P) -> Option<Root> {
        let flow = self.flows.get(&peer)?;
        let waiting = flow.users.iter().filter(|(_, user)| user.waits).map(|(root, _)| *root);
        waiting.into_iter().find(|&root| flow.room(root, &self.config) > 0)
    }

    /// Says what the path of a source that a download knows is like; `None` takes it back.
    pub fn expect(&mut self, peer: P, outlook: Option<Outlook>) {
        if let Some(flow) = self.flows.get_mut(&peer) {
            flow.outlook = outlook;
        }
    }

    /// Bytes per second that a source was seen to deliver, once it was.
    pub fn rate(&self, peer: P) -> Option<u64> {
        self.flows.get(&peer)?.rate
    }

    pub(super) fn get(&self, peer: P) -> Option<&Flow> {
        self.flows.get(&peer)
    }

    pub(super) fn config(&self) -> &FlowConfig {
        &self.config
    }

    /// The flow that a source becomes when a download first knows it.
    pub(super) fn entry(&mut self, now: Time, peer: P) -> &mut Flow {
        if self.flows.len() >= FLOWS_MAX && !self.flows.contains_key(&peer) {
            let idle = self.flows.iter().find(|(_, flow)| flow.users.is_empty()).map(|(peer, _)| *peer);
            idle.and_then(|peer| self.flows.remove(&peer));
        }
        self.flows.entry(peer).or_insert_with(|| Flow::new(now))
    }

    /// How many groups one download may ask for now: none until enough room is there to make it worth asking.
    pub(super) fn room(&self, peer: P, root: Root) -> u32 {
        self.flows.get(&peer).map_or(0, |flow| flow.room(root, &self.config))
    }

    /// A download leaves a source, or the source it.
    pub(super) fn leave(&mut self, peer: P, root: Root) {
        if let Some(flow) = self.flows.get_mut(&peer) {
            flow.leave(root);
        }
    }

    pub(super) fn get_mut(&mut self, peer: P) -> Option<&mut Flow> {
        self.flows.get_mut(&peer)
    }
}

/// One download's part in a flow.
#[derive(Clone, Copy, Debug, Default)]
struct User {
    outstanding: u32,
    /// It has more to ask for and found no room.
    waits: bool,
}

/// When an answer is expected, and when it is given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    /// When the first group should be here.
    pub(super) expected: Time,
    /// From when on somebody else may be asked, too.
    pub(super) late: Time,
    /// From when on it counts as failed.
    pub(super) deadline: Time,
}

impl Promise {
    /// The same promise for somebody who cannot wait: half the grace after the time it is expected.
    pub(super) fn tightened(self) -> Self {
        let half = |at: Time| self.expected + (at.max(self.expected) - self.expected) / 2;
        Self { expected: self.expected, late: half(self.late), deadline: half(self.deadline) }
    }
}

/// One source, as all downloads together see it.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    users: BTreeMap<Root, User>,
    outstanding: u32,
    outlook: Option<Outlook>,
    rate: Option<u64>,
    /// The rate sample being taken: since when, and how many bytes after the first arrival.
    sample: Option<(Time, u64)>,
    /// The shortest time from a request to its first group.
    answer: Option<Duration>,
    /// Since when the window is at its floor, and the shortest answer time since.
    floor: Option<(Time, Option<Duration>)>,
    /// Mean deviation of first groups from when they were expected.
    deviation: Duration,
    heard: Time,
    /// It failed us and has not been of use since: ask for little.
    careful: bool,
}

impl Flow {
    fn new(now: Time) -> Self {
        Self {
            users: BTreeMap::new(),
            outstanding: 0,
            outlook: None,
            rate: None,
            sample: None,
            answer: None,
            floor: None,
            deviation: Duration::ZERO,
            heard: now,
            careful: false,
        }
    }

    /// Bytes that may be outstanding.
    pub(super) fn window(&self, config: &FlowConfig) -> u32 {
        if self.careful {
            return config.window_min;
        }
        let Some(rate) = self.rate else { return config.window_start };
        let answer = self.answer.unwrap_or_default();
        let window = bytes_in(rate, answer + config.queue_target);
        let cap = bytes_in(rate, answer * 2).clamp(config.window_free.into(), config.window_max.into());
        window.min(cap).max(config.window_min.into()) as u32
    }

    fn user(&self, root: Root) -> User {
        self.users.get(&root).copied().unwrap_or_default()
    }

    /// Groups that a download may ask for: its share of the window, once that is worth a request.
    fn room(&self, root: Root, config: &FlowConfig) -> u32 {
        let window = self.window(config);
        let others = self.users.iter().filter(|(other, user)| **other != root && (user.waits || user.outstanding > 0));
        let share = window / (1 + others.count() as u32);
        let free = window.saturating_sub(self.outstanding).min(share.saturating_sub(self.user(root).outstanding));
        let room = free / GROUP_LEN;
        let worth = (share / GROUP_LEN / 4).clamp(1, GROUPS_PER_CHUNK);
        if room >= worth || self.outstanding == 0 { room.max(1) } else { 0 }
    }

    /// A download has more to ask for and no room, or it has room, or nothing to ask for.
    pub(super) fn set_waits(&mut self, root: Root, waits: bool) {
        if waits {
            self.users.entry(root).or_default().waits = true;
        } else if let Some(user) = self.users.get_mut(&root) {
            user.waits = false;
            self.drop_idle(root);
        }
    }

    fn drop_idle(&mut self, root: Root) {
        if self.users.get(&root).is_some_and(|user| user.outstanding == 0 && !user.waits) {
            self.users.remove(&root);
        }
    }

    fn leave(&mut self, root: Root) {
        if let Some(user) = self.users.remove(&root) {
            self.outstanding -= user.outstanding;
        }
    }

    /// A download asked for `bytes`.
    pub(super) fn on_asked(&mut self, now: Time, root: Root, bytes: u32, config: &FlowConfig) -> Promise {
        if self.outstanding == 0 {
            // It had nothing to send: that time says nothing about its rate, nor about its silence.
            self.sample = None;
            self.heard = now;
        }
        let ahead = self.outstanding;
        self.outstanding += bytes;
        self.users.entry(root).or_default().outstanding += bytes;
        match self.time_for(ahead) {
            None => {
                let (answer, late) = self
                    .outlook
                    .map_or((config.late_start, config.late_start), |outlook| (outlook.answer, outlook.late));
                Promise { expected: now + answer, late: now + late, deadline: now + config.deadline_start }
            }
            Some(first) => {
                let all = self.time_for(self.outstanding).unwrap_or(first);
                let slack = (self.deviation * DEVIATIONS).max(config.late_min);
                let patience = (all * 2 + slack).clamp(config.deadline_min, config.deadline_max);
                Promise { expected: now + first, late: now + all + slack, deadline: now + patience }
            }
        }
    }

    /// Bytes that a download had asked for are not outstanding any more, for whatever reason.
    pub(super) fn on_settled(&mut self, root: Root, bytes: u32) {
        if let Some(user) = self.users.get_mut(&root) {
            // Fewer, if the source was forgotten meanwhile and has come back.
            let bytes = bytes.min(user.outstanding);
            user.outstanding -= bytes;
            self.outstanding -= bytes;
            self.drop_idle(root);
        }
    }

    /// A group came from it, asked for or not.
    pub(super) fn on_group(&mut self, now: Time, bytes: u32) {
        self.heard = now;
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

    /// The first group of a request came.
    pub(super) fn on_answer(&mut self, now: Time, sent: Time, expected: Time, config: &FlowConfig) {
        let time = now - sent;
        if self.rate.is_some() {
            let off = if now > expected { now - expected } else { expected - now };
            self.deviation = (self.deviation * 3 + off) / 4;
        }
        self.answer = Some(self.answer.map_or(time, |shortest| shortest.min(time)));
        if self.rate.is_none() || self.window(config) > config.window_min {
            self.floor = None;
            return;
        }
        let (since, shortest) = self.floor.get_or_insert((now, None));
        let least = shortest.map_or(time, |shortest| shortest.min(time));
        *shortest = Some(least);
        if now - *since >= FLOOR_TIME {
            // What the floor itself makes others wait is no delay of the path.
            let explained = self.time_for(config.window_min).unwrap_or_default();
            if least > explained + explained / 4 {
                self.answer = Some(least);
            }
            self.floor = None;
        }
    }

    /// It was of use: it may be asked for as much as it is worth again.
    pub(super) fn on_useful(&mut self) {
        self.careful = false;
    }

    /// It failed us: what we knew of it was wrong.
    pub(super) fn on_failed(&mut self) {
        self.rate = None;
        self.sample = None;
        self.answer = None;
        self.floor = None;
        self.deviation = Duration::ZERO;
        self.careful = true;
    }

    /// Bytes per second, smoothed over the time that it had something to send.
    pub(super) fn rate(&self) -> Option<u64> {
        self.rate
    }

    pub(super) fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// The shortest time from a request to its first group; none was seen: none.
    pub(super) fn answer_time(&self) -> Duration {
        self.answer.unwrap_or_default()
    }

    /// How long it may be silent while another could go on in its place; unknown while its path is.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.outlook.map(|outlook| outlook.patience)
    }

    /// We were not listening: its silence so far is ours.
    pub(super) fn excuse(&mut self, now: Time) {
        self.heard = now;
    }

    /// When it last sent something, or was asked after having had nothing to send.
    pub(super) fn heard(&self) -> Time {
        self.heard
    }

    /// How long the next group and `ahead` bytes before it take; unknown while the rate is.
    pub(super) fn time_for(&self, ahead: u32) -> Option<Duration> {
        let micros = u64::from(ahead).saturating_mul(1_000_000) / self.rate?.max(1);
        Some(self.answer_time().max(Duration::from_micros(micros)))
    }
}

pub(super) fn bytes_in(rate: u64, time: Duration) -> u64 {
    rate.saturating_mul(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Root = Root([1; 32]);
    const OTHER: Root = Root([2; 32]);
    const KIB: u32 = 1024;

    fn ms(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    /// A source that delivers `rate` bytes per second after `delay`, kept at its window for `time`.
    fn steady(delay: Duration, rate: u64, time: Duration) -> Flow {
        let config = FlowConfig::default();
        let mut flow = Flow::new(Time::ZERO);
        let mut queue = std::collections::VecDeque::new();
        let mut free = Time::ZERO;
        let mut now = Time::ZERO;
        let mut ask = |flow: &mut Flow, queue: &mut std::collections::VecDeque<_>, now: Time| {
            while flow.room(ROOT, &config) > 0 {
                let promise = flow.on_asked(now, ROOT, GROUP_LEN, &config);
                free = free.max(now + delay) + Duration::from_micros(u64::from(GROUP_LEN) * 1_000_000 / rate);
                queue.push_back((free, now, promise.expected));
            }
        };
        while now < Time::ZERO + time {
            ask(&mut flow, &mut queue, now);
            let (at, sent, expected) = queue.pop_front().expect("the window has room for one group");
            now = at;
            flow.on_answer(now, sent, expected, &config);
            flow.on_group(now, GROUP_LEN);
            flow.on_settled(ROOT, GROUP_LEN);
        }
        flow
    }

    #[test]
    fn the_window_is_the_rate_times_the_shortest_delay_and_the_target() {
        let config = FlowConfig::default();
        for (delay, rate) in [(20, 4_000_000), (100, 4_000_000), (20, 2_000_000), (100, 12_000_000)] {
            let flow = steady(Duration::from_millis(delay), rate, Duration::from_secs(5));
            let found = flow.rate.expect("it was measured");
            assert!(found * 10 > rate * 9, "{delay} ms, {rate}: rate {found}");
            let ideal = rate * (delay + 60) / 1_000;
            let window = u64::from(flow.window(&config));
            assert!(window * 10 > ideal * 8 && window * 10 < ideal * 13, "{delay} ms, {rate}: {window}, not {ideal}");
        }
    }

    #[test]
    fn a_fast_source_nearby_is_kept_below_the_cliff() {
        let flow = steady(Duration::from_millis(1), 20_000_000, Duration::from_secs(2));
        assert_eq!(flow.window(&FlowConfig::default()), 512 * KIB);
    }

    #[test]
    fn a_path_that_becomes_longer_for_good_is_learned() {
        let config = FlowConfig::default();
        let mut flow = steady(Duration::from_millis(5), 400_000, Duration::from_secs(2));
        assert_eq!(flow.window(&config), config.window_min);
        assert!(flow.answer_time() < Duration::from_millis(50), "the queue of the floor is not the path's delay");
        let start = Time::ZERO + Duration::from_secs(10);
        for round in 0..40 {
            let sent = start + Duration::from_millis(round * 300);
            flow.on_answer(sent + Duration::from_millis(300), sent, sent, &config);
        }
        assert_eq!(flow.answer_time(), Duration::from_millis(300));
    }

    #[test]
    fn downloads_share_the_window_of_a_source() {
        let mut flows: Flows<u8> = Flows::new(FlowConfig::default());
        let config = *flows.config();
        flows.entry(ms(0), 1).on_asked(ms(0), ROOT, 256 * KIB, &config);
        assert_eq!(flows.room(1, OTHER), 0, "the first has all of it");
        flows.entry(ms(0), 1).set_waits(OTHER, true);
        assert_eq!(flows.waiting(1), None);
        flows.entry(ms(0), 1).on_settled(ROOT, 64 * KIB);
        assert_eq!(flows.room(1, ROOT), 0, "more than its half is under way");
        assert_eq!(flows.waiting(1), Some(OTHER));
        assert_eq!(flows.room(1, OTHER), 4);
        flows.entry(ms(0), 1).set_waits(OTHER, false);
        assert_eq!(flows.room(1, ROOT), 4, "alone again");
        flows.leave(1, ROOT);
        assert_eq!(flows.outstanding(1), 0);
    }

    #[test]
    fn an_unknown_source_has_its_start_and_a_failed_one_its_floor() {
        let config = FlowConfig::default();
        let mut flow = Flow::new(ms(0));
        assert_eq!(flow.window(&config), config.window_start);
        flow.on_failed();
        assert_eq!(flow.window(&config), config.window_min);
        flow.on_useful();
        assert_eq!(flow.window(&config), config.window_start);
    }
}
