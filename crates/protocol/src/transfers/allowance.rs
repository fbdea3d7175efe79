//! What giving may cost: bytes per second over everything, and what is passed on per second and per day.
//!
//! Token buckets (RFC 2697, one rate each) that may go into debt by one read, so that a chunk is never cut; a read
//! that has to wait keeps its place. The day is 24 hours that begin with the first byte passed on after the last day
//! ended. A person's own files are never counted against the day: sharing them was the consent.

use clock::Time;
use core::time::Duration;

/// How long the day of [`Caps::pass_on_daily`] is.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The least rate that can be set: a chunk of 256 KiB then takes four seconds, which is still a source.
pub const RATE_MIN: u64 = 64 * 1024;

/// Limits on what this tab gives; `None` is without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caps {
    /// Bytes per second of everything; at least [`RATE_MIN`].
    pub upload_rate: Option<u64>,
    /// Bytes per second of what was fetched; at least [`RATE_MIN`].
    pub pass_on_rate: Option<u64>,
    /// Bytes a day of what was fetched.
    pub pass_on_daily: Option<u64>,
}

impl Default for Caps {
    fn default() -> Self {
        Self { upload_rate: None, pass_on_rate: Some(2 << 20), pass_on_daily: Some(500 << 20) }
    }
}

/// How much of a day's allowance was used before, as the page remembered it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Bytes passed on since that day began.
    pub bytes: u64,
    /// Since the day began.
    pub ago: Duration,
}

/// Bytes per second, with one second in hand.
#[derive(Debug)]
struct Bucket {
    rate: Option<u64>,
    /// Bytes that may go now; below zero after a read that was larger than what was in hand.
    tokens: i64,
    filled: Time,
}

impl Bucket {
    fn new(now: Time, rate: Option<u64>) -> Self {
        let rate = rate.map(|rate| rate.max(RATE_MIN));
        Self { rate, tokens: rate.map_or(0, to_signed), filled: now }
    }

    fn fill(&mut self, now: Time) {
        let Some(rate) = self.rate else { return };
        let micros = (now - self.filled).as_micros().min(DAY.as_micros());
        let gained = micros * u128::from(rate) / 1_000_000;
        if gained > 0 {
            self.tokens =
                self.tokens.saturating_add(to_signed(u64::try_from(gained).unwrap_or(u64::MAX))).min(to_signed(rate));
            self.filled = now;
        }
    }

    /// When the next read may begin: `now` at once.
    fn ready_at(&mut self, now: Time) -> Time {
        self.fill(now);
        match self.rate {
            Some(rate) if self.tokens <= 0 => {
                let missing = self.tokens.unsigned_abs() + 1;
                now + Duration::from_micros((missing.saturating_mul(1_000_000)).div_ceil(rate))
            }
            Some(_) | None => now,
        }
    }

    fn take(&mut self, bytes: u64) {
        if self.rate.is_some() {
            self.tokens = self.tokens.saturating_sub(to_signed(bytes));
        }
    }
}

fn to_signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The limits and what was used of them.
#[derive(Debug)]
pub(crate) struct Allowance {
    caps: Caps,
    all: Bucket,
    passed: Bucket,
    day_began: Option<Time>,
    today: u64,
}

impl Allowance {
    pub(crate) fn new(now: Time, caps: Caps) -> Self {
        let (all, passed) = (Bucket::new(now, caps.upload_rate), Bucket::new(now, caps.pass_on_rate));
        Self { caps, all, passed, day_began: None, today: 0 }
    }

    /// The person's limits, and what an earlier page used of the day.
    pub(crate) fn set(&mut self, now: Time, caps: Caps, before: Spent) {
        let (began, today) = (self.day_began, self.today);
        *self = Self::new(now, caps);
        (self.day_began, self.today) = (began, today);
        if before.bytes > 0 && before.ago < DAY {
            self.today = self.today.max(before.bytes);
            self.day_began = Some(before_now(now, before.ago));
        }
    }

    pub(crate) fn caps(&self) -> Caps {
        self.caps
    }

    /// When a read of a content may begin.
    pub(crate) fn ready_at(&mut self, now: Time, own: bool) -> Time {
        let all = self.all.ready_at(now);
        if own { all } else { all.max(self.passed.ready_at(now)) }
    }

    /// A read begins.
    pub(crate) fn take(&mut self, now: Time, own: bool, bytes: u64) {
        self.all.take(bytes);
        if !own {
            self.passed.take(bytes);
            self.day_began.get_or_insert(now);
            self.today = self.today.saturating_add(bytes);
        }
    }

    /// Begins a new day when the old one is over. Returns whether passing on may go on again.
    pub(crate) fn tick(&mut self, now: Time) -> bool {
        let was_spent = self.is_spent();
        if self.day_ends().is_some_and(|ends| ends <= now) {
            self.day_began = None;
            self.today = 0;
        }
        was_spent && !self.is_spent()
    }

    /// Nothing more is passed on today.
    pub(crate) fn is_spent(&self) -> bool {
        self.caps.pass_on_daily.is_some_and(|daily| self.today >= daily)
    }

    /// When passing on may begin again, if it may not now.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.day_ends().filter(|_| self.is_spent())
    }

    /// Bytes passed on since the day began.
    pub(crate) fn today(&self) -> u64 {
        self.today
    }

    /// When the present day ends, if it has begun.
    pub(crate) fn day_ends(&self) -> Option<Time> {
        self.day_began.map(|began| began + DAY)
    }
}

/// The beginning of time is as early as a day can begin here.
fn before_now(now: Time, ago: Duration) -> Time {
    let micros = u64::try_from(ago.as_micros()).unwrap_or(u64::MAX);
    Time::from_micros(now.as_micros().saturating_sub(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHUNK: u64 = 256 * 1024;

    fn caps(pass_on_rate: Option<u64>, pass_on_daily: Option<u64>) -> Caps {
        Caps { upload_rate: None, pass_on_rate, pass_on_daily }
    }

    fn secs(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn without_limits_nothing_waits() {
        let mut allowance = Allowance::new(Time::ZERO, caps(None, None));
        for _ in 0..1_000 {
            assert_eq!(allowance.ready_at(Time::ZERO, false), Time::ZERO);
            allowance.take(Time::ZERO, false, CHUNK);
        }
        assert!(!allowance.is_spent());
    }

    #[test]
    fn own_files_do_not_wait_for_what_is_passed_on_nor_count_for_the_day() {
        let mut allowance = Allowance::new(Time::ZERO, caps(Some(RATE_MIN), Some(CHUNK)));
        allowance.take(Time::ZERO, true, 100 * CHUNK);
        assert!(!allowance.is_spent());
        allowance.take(Time::ZERO, false, CHUNK);
        assert!(allowance.is_spent());
        assert!(allowance.ready_at(Time::ZERO, false) > Time::ZERO);
        assert_eq!(allowance.ready_at(Time::ZERO, true), Time::ZERO);
    }

    #[test]
    fn a_day_ends_and_another_begins_with_its_first_byte() {
        let mut allowance = Allowance::new(Time::ZERO, caps(None, Some(CHUNK)));
        allowance.take(secs(100), false, CHUNK);
        let ends = secs(100) + DAY;
        assert_eq!(allowance.next_deadline(), Some(ends));
        assert!(!allowance.tick(secs(101)));
        assert!(allowance.tick(ends));
        assert!(!allowance.is_spent());
        assert_eq!(allowance.day_ends(), None);
    }

    #[test]
    fn a_reload_does_not_begin_a_new_day() {
        let mut allowance = Allowance::new(Time::ZERO, caps(None, None));
        let used = Spent { bytes: CHUNK, ago: Duration::from_secs(60) };
        allowance.set(secs(100), caps(None, Some(CHUNK)), used);
        assert!(allowance.is_spent());
        assert_eq!(allowance.day_ends(), Some(secs(40) + DAY));
        let old = Spent { bytes: CHUNK, ago: DAY };
        let mut other = Allowance::new(Time::ZERO, caps(None, None));
        other.set(secs(100), caps(None, Some(CHUNK)), old);
        assert!(!other.is_spent());
    }

    proptest! {
        /// Over any stretch, no more goes out than the rate allows, one second and one read ahead.
        #[test]
        fn prop_the_rate_holds(rate in RATE_MIN..8_000_000, reads in proptest::collection::vec((1..=CHUNK, 0..400_000_u64), 1..200)) {
            let mut allowance = Allowance::new(Time::ZERO, caps(Some(rate), None));
            let (mut now, mut sent) = (Time::ZERO, 0_u64);
            for (bytes, wait) in reads {
                now = now + Duration::from_micros(wait);
                let ready = allowance.ready_at(now, false);
                prop_assert!(ready - now <= Duration::from_secs(5), "a chunk at the least rate takes four seconds");
                now = ready;
                prop_assert_eq!(allowance.ready_at(now, false), now, "ready means ready");
                allowance.take(now, false, bytes);
                sent += bytes;
                let allowed = rate as f64 * (now.as_micros() as f64 / 1e6 + 1.0) + CHUNK as f64;
                prop_assert!(sent as f64 <= allowed + 1.0, "{sent} of {allowed}");
            }
        }
    }
}
