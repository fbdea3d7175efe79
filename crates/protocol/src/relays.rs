//! Our standing with the relays we were given.
//!
//! Every relay is wanted all the time: two are better than one, and a lost one is dialled again after half a
//! second to three (with jitter), so that a relay that returns has us back within five. While a relay is up we
//! keep our registration alive and ask who is here: often while we have too few neighbours, rarely otherwise.
//!
//! Refuses to know addresses: which way a relay is reached is the node's business.

use crate::choice::{Choice, Room};
use crate::notices::millis;
use crate::outbox::Outbox;
use crate::snapshot::{ForecastView, RelayState, RelayView, SampleView};
use crate::{Config, Output, PeerKey, RelayIndex, RelayWay};
use clock::Time;
use core::time::Duration;
use latency::{Forecast, History, Rtt, Sample};

/// A dial the node said nothing about for this long is given up. The node's own timeouts are shorter.
pub(crate) const RELAY_DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the registration is renewed: half of the rendezvous' shortest lifetime.
pub(crate) const REGISTER_EVERY: Duration = Duration::from_secs(30);

/// How long a refused registration waits: the relay is full, and asking again soon makes it no emptier.
const REFUSED_RETRY: Duration = Duration::from_secs(10);

/// All relays, by [`RelayIndex`].
#[derive(Debug)]
pub(crate) struct Relays {
    relays: Vec<Relay>,
    retry_min: Duration,
    retry_max: Duration,
    discover_hungry: Duration,
    discover_content: Duration,
    /// Too few neighbours, as of the last tick.
    hungry: bool,
    choice: Choice,
}

#[derive(Debug)]
struct Relay {
    state: State,
    since: Time,
    key: Option<PeerKey>,
    /// Failed dials in a row.
    failures: u32,
    history: History,
}

#[derive(Debug)]
enum State {
    Lost {
        retry_at: Time,
    },
    Dialling {
        deadline: Time,
    },
    Up {
        way: RelayWay,
        reserved: bool,
        register_at: Time,
        discovered_at: Time,
        /// Doubles while asking brings nobody new.
        pause: Duration,
    },
}

impl Relays {
    pub(crate) fn new(now: Time, config: &Config) -> Self {
        let relay = || Relay {
            state: State::Lost { retry_at: now },
            since: now,
            key: None,
            failures: 0,
            history: History::default(),
        };
        Self {
            relays: (0..config.relays).map(|_| relay()).collect(),
            retry_min: config.relay_retry_min,
            retry_max: config.relay_retry_max,
            discover_hungry: config.discover_hungry,
            discover_content: config.discover_content,
            hungry: true,
            choice: Choice::new(config.seed, Room::Relays),
        }
    }

    pub(crate) fn on_connected(&mut self, now: Time, relay: RelayIndex, key: PeerKey, way: RelayWay, out: &mut Outbox) {
        let pause = self.discover_hungry;
        let Some(entry) = self.relays.get_mut(usize::from(relay.0)) else { return };
        if matches!(entry.state, State::Up { .. }) && entry.key == Some(key) {
            return;
        }
        entry.key = Some(key);
        entry.failures = 0;
        entry.enter(
            now,
            State::Up { way, reserved: false, register_at: now + REGISTER_EVERY, discovered_at: now, pause },
        );
        out.push(Output::Register { relay });
        out.push(Output::Discover { relay });
    }

    pub(crate) fn on_reserved(&mut self, now: Time, relay: RelayIndex) {
        let Some(entry) = self.relays.get_mut(usize::from(relay.0)) else { return };
        if let State::Up { reserved, .. } = &mut entry.state
            && !*reserved
        {
            *reserved = true;
            entry.since = now;
        }
    }

    pub(crate) fn on_refused(&mut self, now: Time, relay: RelayIndex) {
        let Some(entry) = self.relays.get_mut(usize::from(relay.0)) else { return };
        if let State::Up { reserved, register_at, .. } = &mut entry.state {
            if *reserved {
                entry.since = now;
            }
            *reserved = false;
            *register_at = now + REFUSED_RETRY;
        }
    }

    pub(crate) fn on_lost(&mut self, now: Time, relay: RelayIndex) {
        let (min, max) = (self.retry_min, self.retry_max);
        let Some(entry) = self.relays.get_mut(usize::from(relay.0)) else { return };
        match entry.state {
            State::Lost { .. } => return,
            State::Dialling { .. } => entry.failures = entry.failures.saturating_add(1),
            State::Up { .. } => {}
        }
        let retry_at = now + self.choice.backoff(entry.failures, min, max);
        entry.enter(now, State::Lost { retry_at });
    }

    pub(crate) fn on_rtt(&mut self, now: Time, relay: RelayIndex, rtt: Duration, hidden: bool) {
        if let Some(entry) = self.relays.get_mut(usize::from(relay.0)) {
            entry.history.push(Sample { at: now, rtt: Rtt(rtt), hidden });
        }
    }

    /// Somebody new was named by this relay: ask it again soon, there may be more.
    pub(crate) fn on_news(&mut self, relay: RelayIndex) {
        if let Some(Relay { state: State::Up { pause, .. }, .. }) = self.relays.get_mut(usize::from(relay.0)) {
            *pause = self.discover_hungry;
        }
    }

    /// The person asks to try all of them now.
    pub(crate) fn retry_now(&mut self, now: Time) {
        for entry in &mut self.relays {
            if let State::Lost { retry_at } = &mut entry.state {
                *retry_at = now;
                entry.failures = 0;
            }
        }
    }

    /// Does what is due. `hungry`: we have too few neighbours.
    pub(crate) fn tick(&mut self, now: Time, hungry: bool, out: &mut Outbox) {
        self.hungry = hungry;
        for index in 0..self.relays.len() {
            let relay = RelayIndex(index as u8);
            if matches!(self.relays[index].state, State::Dialling { deadline } if deadline <= now) {
                self.on_lost(now, relay);
            }
            let content = self.discover_content;
            let entry = &mut self.relays[index];
            match &mut entry.state {
                State::Lost { retry_at } if *retry_at <= now => {
                    entry.enter(now, State::Dialling { deadline: now + RELAY_DIAL_TIMEOUT });
                    out.push(Output::DialRelay { relay });
                }
                State::Lost { .. } | State::Dialling { .. } => {}
                State::Up { register_at, discovered_at, pause, .. } => {
                    if *register_at <= now {
                        *register_at = now + REGISTER_EVERY;
                        out.push(Output::Register { relay });
                    }
                    if *discovered_at + discover_pause(hungry, *pause, content) <= now {
                        *discovered_at = now;
                        *pause = (*pause * 2).min(content);
                        out.push(Output::Discover { relay });
                    }
                }
            }
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.relays
            .iter()
            .map(|entry| match entry.state {
                State::Lost { retry_at } => retry_at,
                State::Dialling { deadline } => deadline,
                State::Up { register_at, discovered_at, pause, .. } => {
                    register_at.min(discovered_at + discover_pause(self.hungry, pause, self.discover_content))
                }
            })
            .min()
    }

    /// The relays that are connected.
    pub(crate) fn up(&self) -> impl Iterator<Item = RelayIndex> + '_ {
        (0..=u8::MAX)
            .zip(&self.relays)
            .filter(|(_, relay)| matches!(relay.state, State::Up { .. }))
            .map(|(i, _)| RelayIndex(i))
    }

    /// No relay is connected and at least one did not answer when asked.
    pub(crate) fn unreachable(&self) -> bool {
        self.up().next().is_none() && self.relays.iter().any(|relay| relay.failures > 0)
    }

    /// Nothing has answered yet and nothing has failed yet.
    pub(crate) fn is_starting(&self) -> bool {
        !self.relays.is_empty() && self.relays.iter().all(|relay| relay.key.is_none() && relay.failures == 0)
    }

    /// What the screen calls a relay.
    pub(crate) fn name(&self, relay: RelayIndex) -> String {
        if self.relays.len() <= 1 { "Relay".into() } else { format!("Relay {}", char::from(b'A' + relay.0 % 26)) }
    }

    pub(crate) fn views(&self, now: Time) -> Vec<RelayView> {
        (0..=u8::MAX).zip(&self.relays).map(|(index, relay)| relay.view(now, self.name(RelayIndex(index)))).collect()
    }
}

impl Relay {
    fn enter(&mut self, now: Time, state: State) {
        self.state = state;
        self.since = now;
    }

    fn view(&self, now: Time, name: String) -> RelayView {
        let (state, way, retry_in) = match self.state {
            State::Lost { retry_at } => (RelayState::Lost, None, Some(retry_at - now)),
            State::Dialling { .. } => (RelayState::Connecting, None, None),
            State::Up { way, reserved: true, .. } => (RelayState::Reserved, Some(way), None),
            State::Up { way, reserved: false, .. } => (RelayState::Connected, Some(way), None),
        };
        RelayView {
            peer: self.key.map(|key| key.to_string()),
            name,
            state,
            way: way.map(way_text),
            since_ms: millis(now - self.since),
            retry_in_ms: retry_in.map(millis),
            rtt_ms: self.history.median().map(rtt_ms),
            samples: sample_views(now, &self.history),
        }
    }
}

const fn way_text(way: RelayWay) -> &'static str {
    match way {
        RelayWay::WebSocket => "websocket",
        RelayWay::WebRtcDirect => "webrtc-direct",
        RelayWay::Tcp => "tcp",
    }
}

fn discover_pause(hungry: bool, pause: Duration, content: Duration) -> Duration {
    if hungry { pause } else { content }
}

/// Milliseconds with a fraction, for the screen only.
pub(crate) fn rtt_ms(rtt: Rtt) -> f64 {
    rtt.as_micros() as f64 / 1_000.0
}

/// A history as the screen draws it.
pub(crate) fn sample_views(now: Time, history: &History) -> Vec<SampleView> {
    history
        .newest_first()
        .map(|sample| SampleView {
            age_ms: millis(now - sample.at),
            rtt_ms: rtt_ms(sample.rtt),
            hidden: sample.hidden,
            forecast: None,
        })
        .collect()
}

/// A forecast as the screen draws it.
pub(crate) fn forecast_view(forecast: Forecast) -> ForecastView {
    ForecastView { ms: rtt_ms(forecast.rtt), low_ms: rtt_ms(forecast.low), high_ms: rtt_ms(forecast.high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: RelayIndex = RelayIndex(0);
    const KEY: PeerKey = PeerKey([9; 32]);

    #[test]
    fn all_relays_are_dialled_at_once() {
        let (_, out) = started(2);
        assert_eq!(dials(out), 2);
    }

    #[test]
    fn a_relay_that_returns_is_dialled_within_three_seconds_every_time() {
        let (mut relays, _) = started(1);
        let mut now = ms(0);
        for _ in 0..50 {
            relays.on_lost(now, A);
            let retry = relays.next_deadline().expect("a retry is planned");
            assert!(retry - now <= Duration::from_secs(3), "{:?}", retry - now);
            now = retry;
            let mut out = Outbox::default();
            relays.tick(now, true, &mut out);
            assert_eq!(dials(out), 1);
        }
    }

    #[test]
    fn a_silent_dial_is_given_up() {
        let (mut relays, _) = started(1);
        let mut out = Outbox::default();
        relays.tick(ms(10_000), true, &mut out);
        assert!(relays.unreachable());
        assert_eq!(relays.views(ms(10_000))[0].state, RelayState::Lost);
    }

    #[test]
    fn connecting_registers_and_discovers_and_renews() {
        let (mut relays, _) = started(1);
        let mut out = Outbox::default();
        relays.on_connected(ms(100), A, KEY, RelayWay::WebSocket, &mut out);
        assert!(matches!(out.pop(), Some(Output::Register { relay: A })));
        assert!(matches!(out.pop(), Some(Output::Discover { relay: A })));
        relays.on_reserved(ms(150), A);
        relays.tick(ms(30_100), false, &mut out);
        assert!(matches!(out.pop(), Some(Output::Register { relay: A })));
        assert_eq!(relays.views(ms(30_100))[0].state, RelayState::Reserved);
    }

    #[test]
    fn asking_who_is_here_slows_down_until_there_is_news() {
        let (mut relays, _) = started(1);
        let mut out = Outbox::default();
        relays.on_connected(ms(0), A, KEY, RelayWay::WebSocket, &mut out);
        let gaps: Vec<u64> = discoveries(&mut relays, ms(0), 4);
        assert_eq!(gaps, [2, 4, 8, 16]);
        relays.on_news(A);
        assert_eq!(discoveries(&mut relays, ms(30_000), 1), [2]);
    }

    #[test]
    fn a_refused_registration_is_tried_again() {
        let (mut relays, _) = started(1);
        let mut out = Outbox::default();
        relays.on_connected(ms(0), A, KEY, RelayWay::WebSocket, &mut out);
        relays.on_reserved(ms(10), A);
        relays.on_refused(ms(20), A);
        assert_eq!(relays.views(ms(20))[0].state, RelayState::Connected);
        let mut out = Outbox::default();
        relays.tick(ms(10_020), false, &mut out);
        assert!(matches!(out.pop(), Some(Output::Register { relay: A })));
    }

    #[test]
    fn a_relay_we_were_not_given_is_ignored() {
        let (mut relays, _) = started(1);
        let mut out = Outbox::default();
        relays.on_connected(ms(0), RelayIndex(7), KEY, RelayWay::Tcp, &mut out);
        relays.on_lost(ms(0), RelayIndex(7));
        assert_eq!(out.len(), 0);
    }

    /// Seconds between the next `count` discoveries.
    fn discoveries(relays: &mut Relays, from: Time, count: usize) -> Vec<u64> {
        let (mut last, mut now, mut gaps) = (from, from, Vec::new());
        while gaps.len() < count {
            now = relays.next_deadline().expect("asking goes on").max(now);
            let mut out = Outbox::default();
            relays.tick(now, true, &mut out);
            while let Some(output) = out.pop() {
                if matches!(output, Output::Discover { .. }) {
                    gaps.push((now - last).as_secs());
                    last = now;
                }
            }
        }
        gaps
    }

    fn started(count: u8) -> (Relays, Outbox) {
        let mut relays = Relays::new(ms(0), &Config { relays: count, ..Config::default() });
        let mut out = Outbox::default();
        relays.tick(ms(0), true, &mut out);
        (relays, out)
    }

    fn dials(mut out: Outbox) -> usize {
        core::iter::from_fn(|| out.pop()).filter(|output| matches!(output, Output::DialRelay { .. })).count()
    }

    fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }
}
