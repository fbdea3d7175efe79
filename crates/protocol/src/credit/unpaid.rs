//! What those who do not pay may have while somebody who pays is waiting: one bucket for all of them together.
//!
//! A thousand identities share it, so there is nothing to gain by being many. It fills with a twentieth of the best upload
//! measured lately. While nobody who pays waits it is not asked at all: then what is free is free.

use clock::Time;
use core::time::Duration;

/// The share of the measured upload, in hundredths.
const SHARE_PERCENT: u64 = 5;

/// Bytes per second at the least: a chunk of 256 KiB then takes four seconds, which is still a source.
pub(crate) const RATE_MIN: u64 = 64 * 1024;

/// Bytes in hand at the most.
pub(crate) const BURST: u64 = 1024 * 1024;

/// How long somebody who pays counts as waiting after the last byte for them moved: they ask for the next chunk when the
/// last one has left our queue, and what happens in between must not be a gap for others.
pub(crate) const PAID_WAITS: Duration = Duration::from_millis(250);

/// How fast the best upload is forgotten: by a sixty-fourth each second.
const FORGET_SHIFT: u32 = 6;

const SECOND_US: u64 = 1_000_000;

/// The bucket, and what fills it.
#[derive(Debug)]
pub(crate) struct Unpaid {
    /// Bytes of the best second lately.
    best: u64,
    second: u64,
    this_second: u64,
    tokens: u64,
    filled: Time,
    paid_until: Time,
}

impl Unpaid {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            best: 0,
            second: now.as_micros() / SECOND_US,
            this_second: 0,
            tokens: BURST,
            filled: now,
            paid_until: Time::ZERO,
        }
    }

    /// Bytes were sent, to anybody: that is how the upload is measured.
    pub(crate) fn on_sent(&mut self, now: Time, bytes: u64) {
        let second = now.as_micros() / SECOND_US;
        if second != self.second {
            for _ in self.second..second.min(self.second + 64) {
                self.best -= self.best >> FORGET_SHIFT;
            }
            self.second = second;
            self.this_second = 0;
        }
        self.this_second += bytes;
        self.best = self.best.max(self.this_second);
    }

    /// Somebody who pays waits for bytes, or just had some.
    pub(crate) fn on_paid_waits(&mut self, now: Time) {
        self.paid_until = now + PAID_WAITS;
    }

    /// Bytes per second for all who do not pay.
    pub(crate) fn rate(&self) -> u64 {
        (self.best * SHARE_PERCENT / 100).max(RATE_MIN)
    }

    /// When so many bytes may go to somebody who does not pay: `now` at once.
    pub(crate) fn ready_at(&mut self, now: Time, bytes: u64) -> Time {
        if self.paid_until <= now {
            return now;
        }
        self.fill(now);
        let bytes = bytes.min(BURST);
        match bytes.checked_sub(self.tokens) {
            None | Some(0) => now,
            Some(missing) => {
                let filled = now + Duration::from_micros(missing.saturating_mul(SECOND_US).div_ceil(self.rate()));
                filled.min(self.paid_until)
            }
        }
    }

    /// They go.
    pub(crate) fn take(&mut self, now: Time, bytes: u64) {
        if self.paid_until > now {
            self.fill(now);
            self.tokens = self.tokens.saturating_sub(bytes);
        }
    }

    fn fill(&mut self, now: Time) {
        let micros = (now - self.filled).as_micros().min(u128::from(BURST) * 1_000_000) as u64;
        let gained = micros.saturating_mul(self.rate()) / SECOND_US;
        if gained > 0 {
            self.tokens = (self.tokens + gained).min(BURST);
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn while_nobody_pays_nothing_waits() {
        let mut unpaid = Unpaid::new(Time::ZERO);
        for _ in 0..1_000 {
            assert_eq!(unpaid.ready_at(Time::ZERO, BURST), Time::ZERO);
            unpaid.take(Time::ZERO, BURST);
        }
    }

    #[test]
    fn who_waits_for_the_bucket_goes_as_soon_as_nobody_pays() {
        let mut unpaid = Unpaid::new(Time::ZERO);
        unpaid.on_paid_waits(Time::ZERO);
        unpaid.take(Time::ZERO, BURST);
        assert_eq!(unpaid.ready_at(Time::ZERO, BURST), Time::ZERO + PAID_WAITS);
    }

    #[test]
    fn the_best_second_is_remembered_and_forgotten() {
        let mut unpaid = Unpaid::new(Time::ZERO);
        unpaid.on_sent(Time::ZERO, 20 << 20);
        assert_eq!(unpaid.rate(), 1 << 20);
        unpaid.on_sent(Time::ZERO + Duration::from_secs(600), 0);
        assert!(unpaid.rate() < 1 << 19);
    }

    proptest! {
        /// I19: while somebody who pays waits, all the others together stay within the share and the burst.
        #[test]
        fn prop_the_floor_is_a_ceiling_for_all_together(
            sent in 0..50_000_000_u64,
            asked in prop::collection::vec((1..=256_u64 * 1024, 0..300_000_u64), 1..300),
        ) {
            let mut unpaid = Unpaid::new(Time::ZERO);
            unpaid.on_sent(Time::ZERO, sent);
            let rate = unpaid.rate();
            let (mut now, mut given) = (Time::ZERO, 0_u64);
            for (bytes, pause) in asked {
                unpaid.on_paid_waits(now);
                if unpaid.ready_at(now, bytes) == now {
                    unpaid.take(now, bytes);
                    given += bytes;
                }
                let allowed = BURST + now.as_micros() * rate / 1_000_000 + 1;
                prop_assert!(given <= allowed, "{} of {}", given, allowed);
                now = now + Duration::from_micros(pause);
            }
        }
    }
}
