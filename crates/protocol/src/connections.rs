//! Whom to dial, whom to accept, why to hang up.
//!
//! Places are few and in two halves, ours and theirs, so that strangers who all dial us cannot take the places of
//! those we chose (eclipse). Ours go first to peers that hold what the person waits for, then to random ones of
//! those we heard of, up to the target. A peer that failed waits longer each time; one that sent wrong bytes is
//! never dialled again. When the relay goes, nothing here changes but who can introduce us.
//!
//! Invariants, whatever arrives: connections and attempts of ours never exceed `outbound_max`, accepted ones
//! never exceed `inbound_max` after the input that brought them, attempts at once never exceed `dials_max`, and
//! attempts started in any minute never exceed `dials_per_minute`.

mod dial;
mod known;
mod rate;
#[cfg(test)]
mod tests;
mod views;

pub(crate) use known::GONE_SHOWN;
pub(crate) use views::{Exchanged, Traffic};

use crate::choice::{Choice, Room};
use crate::measurements::Measurements;
use crate::outbox::Outbox;
use crate::{Candidate, Config, Failure, Introducer, Output, Path, PeerKey, RelayIndex, Stage};
use clock::Time;
use core::time::Duration;
use known::{Connected, Dialling, Entry, Known, State};
use rate::DialRate;
use std::collections::BTreeSet;

/// Names taken from one message: a relay's page of registrations, or all neighbours of a neighbour.
pub(crate) const DISCOVERED_MAX: usize = 64;

/// An attempt nothing was heard of for this long is over. The transport's own stages are shorter (webrtc: 20 s).
pub(crate) const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts of others that are shown; more may be under way, the transport bounds them.
const APPROACHING_MAX: usize = 16;

/// How often silence is counted, and how many counts end a connection. Counts, not a time since the last word: a
/// tab that slept for an hour counts one.
const LIVENESS_EVERY: Duration = Duration::from_secs(30);
const MISSES_MAX: u8 = 3;

/// How often a neighbour is asked whom it knows: when there is nobody else to ask, when we want more neighbours,
/// and when we have enough.
const EXCHANGE_ALONE: Duration = Duration::from_secs(5);
const EXCHANGE_HUNGRY: Duration = Duration::from_secs(15);
const EXCHANGE_CONTENT: Duration = Duration::from_secs(60);

/// A connection this old has proved itself: losing it starts the backoff from the beginning.
const PROVEN_AFTER: Duration = Duration::from_secs(30);

/// What the other rooms want of this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs<'a> {
    /// Providers of what the person waits for, most wanted first.
    pub(crate) wanted: &'a [PeerKey],
    /// Peers a transfer runs with: never hung up on to make room.
    pub(crate) busy: &'a BTreeSet<PeerKey>,
    /// Relays that can introduce.
    pub(crate) relays: &'a [RelayIndex],
    pub(crate) measurements: &'a Measurements,
}

/// All peers we know, and our connections.
#[derive(Debug)]
pub(crate) struct Connections {
    me: PeerKey,
    config: Config,
    known: Known,
    rate: DialRate,
    liveness_at: Time,
    /// The earliest moment at which a tick could do more than it did.
    wake_at: Option<Time>,
    choice: Choice,
}

impl Connections {
    pub(crate) fn new(now: Time, me: PeerKey, config: &Config) -> Self {
        Self {
            me,
            known: Known::default(),
            rate: DialRate::new(config.dials_per_minute),
            liveness_at: now + LIVENESS_EVERY,
            wake_at: None,
            choice: Choice::new(config.seed, Room::Connections),
            config: config.clone(),
        }
    }

    /// Peers were named. Returns whether any of them was new to us.
    pub(crate) fn on_discovered(&mut self, now: Time, from: Introducer, peers: &[PeerKey]) -> bool {
        let trusted = match from {
            Introducer::Relay(relay) => relay.0 < self.config.relays,
            Introducer::Neighbour(peer) => self.is_direct(peer),
        };
        if !trusted {
            return false;
        }
        let mut news = false;
        for peer in peers.iter().take(DISCOVERED_MAX) {
            let itself = *peer == self.me || from == Introducer::Neighbour(*peer);
            if !itself && !self.known.is_banned(*peer) {
                news |= self.known.name(now, *peer, from);
            }
        }
        news
    }

    /// An attempt, ours or theirs, moved on.
    pub(crate) fn on_dialling(&mut self, now: Time, peer: PeerKey, reached: Stage) {
        let approaching = self.count(|entry| matches!(entry.state, State::Approaching { .. }));
        let barred = peer == self.me || self.known.is_banned(peer);
        if let Some(entry) = self.known.get_mut(peer) {
            match &mut entry.state {
                State::Dialling(Dialling { stage, .. }) | State::Approaching { stage, .. } => {
                    if *stage != reached {
                        *stage = reached;
                        entry.since = now;
                    }
                    return;
                }
                State::Connected(_) => return,
                State::Idle { .. } => {}
            }
        }
        if barred || approaching >= APPROACHING_MAX {
            return;
        }
        if let Some(entry) = self.known.met(now, peer) {
            entry.enter(now, State::Approaching { stage: reached, deadline: now + DIAL_TIMEOUT });
        }
    }

    /// There is a connection, or its path changed. It is hung up on if there is no place for it.
    pub(crate) fn on_connected(&mut self, now: Time, peer: PeerKey, path: Path, dialled_by_us: bool, out: &mut Outbox) {
        let refusal = self.refusal(peer, dialled_by_us);
        let Some(entry) = self.known.met(now, peer) else {
            out.push(Output::HangUp { peer, why: Failure::Limit });
            return;
        };
        if let Some(why) = refusal {
            out.push(Output::HangUp { peer, why });
            let retry_at = now + self.config.retry_max;
            entry.ended = Some(now);
            entry.failure = Some(why);
            entry.enter(now, State::Idle { retry_at });
            return;
        }
        match &mut entry.state {
            State::Connected(connected) => {
                connected.dialled_by_us = dialled_by_us;
                connected.misses = 0;
                connected.attempt = connected.attempt.filter(|_| path == Path::Relayed);
                if connected.path != path {
                    connected.path = path;
                    connected.candidates = None;
                    entry.since = now;
                }
            }
            State::Idle { .. } | State::Dialling(_) | State::Approaching { .. } => {
                let attempt = entry.attempt().copied();
                let met = attempt.filter(|_| dialled_by_us).map(|attempt| attempt.by);
                if let Some(failures) = met.and_then(|by| entry.introducers.get_mut(&by)) {
                    *failures = 0;
                }
                entry.failure = None;
                entry.insisted = false;
                let connected = Connected {
                    path,
                    dialled_by_us,
                    met,
                    candidates: None,
                    misses: 0,
                    asked: None,
                    began: now,
                    attempt: attempt.filter(|_| path == Path::Relayed),
                };
                entry.enter(now, State::Connected(connected));
            }
        }
    }

    /// Why a connection to `peer` may not be, if it may not.
    fn refusal(&self, peer: PeerKey, dialled_by_us: bool) -> Option<Failure> {
        if peer == self.me {
            return Some(Failure::Limit);
        }
        if self.known.is_banned(peer) {
            return Some(Failure::Banned);
        }
        let entry = self.known.get(peer);
        if entry.is_some_and(|entry| entry.unwanted) {
            return Some(Failure::Closed);
        }
        let others = |ours: bool| {
            let same = |other: &Connected| other.dialled_by_us == ours;
            let counted = |(key, entry): &(PeerKey, &Entry)| *key != peer && entry.connected().is_some_and(same);
            self.known.iter().filter(counted).count()
        };
        let full = if dialled_by_us {
            let own_place = usize::from(entry.is_some_and(Entry::takes_our_place));
            self.outbound() - own_place >= self.config.outbound_max
        } else {
            others(false) >= self.config.inbound_max
        };
        full.then_some(Failure::Limit)
    }

    /// The last connection to a peer is gone.
    pub(crate) fn on_disconnected(&mut self, now: Time, peer: PeerKey, failure: Failure) {
        let Some(entry) = self.known.get_mut(peer) else { return };
        let State::Connected(connected) = &entry.state else { return };
        if let Some(attempt) = connected.attempt {
            // Only the circuit is gone; what was to replace it is still on its way.
            return entry.enter(now, State::Dialling(attempt));
        }
        self.lose(now, peer, failure);
    }

    /// A connection, with all that was to become of it, is over.
    fn lose(&mut self, now: Time, peer: PeerKey, failure: Failure) {
        let earlier = self.me < peer;
        let Some(entry) = self.known.get_mut(peer) else { return };
        let State::Connected(connected) = &entry.state else { return };
        entry.attempts = if now - connected.began >= PROVEN_AFTER { 1 } else { entry.attempts.saturating_add(1) };
        let mut wait = self.choice.backoff(entry.attempts, self.config.retry_min, self.config.retry_max);
        if failure == Failure::Limit {
            // It is full. Coming back at once would only cost both of us.
            wait = self.config.retry_max;
        } else if !earlier {
            // Both ends lost the same connection; if both dialled, one attempt would be thrown away (glare).
            wait = wait.saturating_mul(2);
        }
        entry.end(now, failure, wait);
    }

    /// An attempt of ours came to nothing.
    pub(crate) fn on_dial_failed(&mut self, now: Time, peer: PeerKey, failure: Failure) {
        let Some(entry) = self.known.get_mut(peer) else { return };
        let by = entry.attempt().map(|attempt| attempt.by);
        if failure == Failure::NotIntroduced {
            // Its tab is closed and its registration has not run out. Nothing new for the screen: a peer we never
            // met is not shown for it, and one we lost is not shown for longer.
            by.and_then(|by| entry.introducers.remove(&by));
        } else if let Some(failures) = by.and_then(|by| entry.introducers.get_mut(&by)) {
            *failures = failures.saturating_add(1);
        }
        match &mut entry.state {
            State::Dialling(_) | State::Approaching { .. } => {}
            // The relayed connection stays, without hope.
            State::Connected(connected) => return connected.attempt = None,
            State::Idle { .. } => return,
        }
        entry.attempts = entry.attempts.saturating_add(1);
        let wait = self.choice.backoff(entry.attempts, self.config.retry_min, self.config.retry_max);
        let (ended, before) = (entry.ended, entry.failure);
        entry.end(now, failure, wait);
        if failure == Failure::NotIntroduced {
            entry.ended = ended;
            entry.failure = ended.and(before).or(entry.failure);
        }
    }

    /// Something was heard from a connected peer.
    pub(crate) fn on_heard(&mut self, peer: PeerKey) {
        if let Some(connected) = self.known.get_mut(peer).and_then(Entry::connected_mut) {
            connected.misses = 0;
        }
    }

    pub(crate) fn on_candidates(&mut self, peer: PeerKey, local: Candidate, remote: Candidate) {
        if let Some(connected) = self.known.get_mut(peer).and_then(Entry::connected_mut) {
            connected.candidates = Some((local, remote));
        }
    }

    /// The person says: not this one.
    pub(crate) fn disconnect(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        let retry_max = self.config.retry_max;
        let Some(entry) = self.known.get_mut(peer) else { return };
        entry.unwanted = true;
        if !entry.is_idle() {
            out.push(Output::HangUp { peer, why: Failure::Closed });
            entry.end(now, Failure::Closed, retry_max);
        }
    }

    /// The person says: this one, now.
    pub(crate) fn retry(&mut self, now: Time, peer: PeerKey) {
        let Some(entry) = self.known.get_mut(peer) else { return };
        entry.unwanted = false;
        entry.attempts = 0;
        if let State::Idle { retry_at } = &mut entry.state {
            *retry_at = now;
            entry.insisted = true;
        }
    }

    /// It sent bytes that did not verify, or broke a protocol: hang up and never deal with it again.
    pub(crate) fn ban(&mut self, now: Time, peer: PeerKey, out: &mut Outbox) {
        let retry_max = self.config.retry_max;
        self.known.ban(now, peer);
        out.push(Output::HangUp { peer, why: Failure::Banned });
        if let Some(entry) = self.known.met(now, peer) {
            entry.end(now, Failure::Banned, retry_max);
        }
    }

    /// Does what is due, and dials.
    pub(crate) fn tick(&mut self, now: Time, needs: Needs<'_>, out: &mut Outbox) {
        self.end_overdue(now, out);
        self.check_liveness(now, out);
        self.known.forget_old(now);
        self.exchange(now, needs, out);
        self.dial(now, needs, out);
        self.wake_at = self.next_change(now, needs);
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.wake_at
    }

    fn end_overdue(&mut self, now: Time, out: &mut Outbox) {
        let overdue = |entry: &Entry| match entry.state {
            State::Dialling(Dialling { deadline, .. }) | State::Approaching { deadline, .. } => deadline <= now,
            State::Idle { .. } | State::Connected(_) => false,
        };
        for (_, entry) in self.known.iter_mut() {
            if let Some(connected) = entry.connected_mut() {
                connected.attempt = connected.attempt.filter(|attempt| attempt.deadline > now);
            }
        }
        let peers: Vec<PeerKey> = self.known.iter().filter(|(_, entry)| overdue(entry)).map(|(peer, _)| peer).collect();
        for peer in peers {
            out.push(Output::HangUp { peer, why: Failure::TimedOut });
            self.on_dial_failed(now, peer, Failure::TimedOut);
        }
    }

    fn check_liveness(&mut self, now: Time, out: &mut Outbox) {
        if now < self.liveness_at {
            return;
        }
        self.liveness_at = now + LIVENESS_EVERY;
        let mut silent = Vec::new();
        for (peer, entry) in self.known.iter_mut() {
            if let Some(connected) = entry.connected_mut()
                && connected.path == Path::Direct
            {
                connected.misses = connected.misses.saturating_add(1);
                if connected.misses > MISSES_MAX {
                    silent.push(peer);
                }
            }
        }
        for peer in silent {
            out.push(Output::HangUp { peer, why: Failure::TimedOut });
            self.lose(now, peer, Failure::TimedOut);
        }
    }

    fn exchange(&mut self, now: Time, needs: Needs<'_>, out: &mut Outbox) {
        let pause = self.exchange_pause(needs);
        for (peer, entry) in self.known.iter_mut() {
            if !entry.is_direct() {
                continue;
            }
            let Some(connected) = entry.connected_mut() else { continue };
            if connected.asked.is_none_or(|asked| asked + pause <= now) {
                connected.asked = Some(now);
                out.push(Output::AskNeighbours { peer });
            }
        }
    }

    fn exchange_pause(&self, needs: Needs<'_>) -> Duration {
        match (self.hungry(), needs.relays.is_empty()) {
            (true, true) => EXCHANGE_ALONE,
            (true, false) => EXCHANGE_HUNGRY,
            (false, _) => EXCHANGE_CONTENT,
        }
    }

    fn next_change(&self, now: Time, needs: Needs<'_>) -> Option<Time> {
        let places = self.hungry() && self.outbound() < self.config.outbound_max;
        let pause = self.exchange_pause(needs);
        let minute_free = self.rate.full_until(now).unwrap_or(now);
        let of_entry = |(peer, entry): (PeerKey, &Entry)| match &entry.state {
            State::Dialling(Dialling { deadline, .. }) | State::Approaching { deadline, .. } => Some(*deadline),
            State::Connected(connected) if connected.path == Path::Direct => {
                let asked = connected.asked.map(|asked| asked + pause);
                Some(asked.map_or(self.liveness_at, |asked| asked.min(self.liveness_at)))
            }
            State::Connected(connected) => connected.attempt.map(|attempt| attempt.deadline),
            State::Idle { retry_at } => {
                let useful = places || entry.insisted || needs.wanted.contains(&peer);
                let able = self.config.webrtc && self.dialable(peer, entry);
                // Due already and not dialled: for want of a place, and a place becomes free by an input.
                let at = (*retry_at).max(minute_free);
                (useful && able && at > now && self.introducer(entry, needs.relays).is_some()).then_some(at)
            }
        };
        self.known.iter().filter_map(of_entry).min()
    }

    fn count(&self, counts: impl Fn(&Entry) -> bool) -> usize {
        self.known.iter().filter(|(_, entry)| counts(entry)).count()
    }

    fn count_dialling(&self) -> usize {
        self.count(|entry| entry.attempt().is_some())
    }

    /// Places of ours in use: connections we dialled and attempts under way.
    pub(crate) fn outbound(&self) -> usize {
        self.count(Entry::takes_our_place)
    }

    /// Fewer neighbours, with those about to be, than we want.
    pub(crate) fn hungry(&self) -> bool {
        self.count(|entry| !entry.is_idle()) < self.config.peers_target
    }

    pub(crate) fn is_direct(&self, peer: PeerKey) -> bool {
        self.known.get(peer).is_some_and(Entry::is_direct)
    }

    pub(crate) fn is_banned(&self, peer: PeerKey) -> bool {
        self.known.is_banned(peer)
    }

    /// Direct neighbours.
    pub(crate) fn direct(&self) -> impl Iterator<Item = PeerKey> + '_ {
        self.known.iter().filter(|(_, entry)| entry.is_direct()).map(|(peer, _)| peer)
    }

    /// How far we are with connecting to a peer.
    pub(crate) fn attempt(&self, peer: PeerKey) -> Attempt {
        let Some(entry) = self.known.get(peer) else { return Attempt::None };
        match (&entry.state, entry.failure) {
            (State::Dialling(_) | State::Approaching { .. }, _) => Attempt::UnderWay,
            (State::Connected(Connected { path: Path::Direct, .. }), _) => Attempt::Direct,
            (State::Connected(Connected { path: Path::Relayed, .. }), _) => Attempt::Relayed { since: entry.since },
            (State::Idle { .. }, Some(failure)) => Attempt::Failed(failure),
            (State::Idle { .. }, None) => Attempt::None,
        }
    }
}

/// How far we are with connecting to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    None,
    UnderWay,
    Direct,
    /// Connected, but not directly, since then.
    Relayed {
        since: Time,
    },
    /// How the last one ended.
    Failed(Failure),
}

impl Entry {
    fn end(&mut self, now: Time, failure: Failure, wait: Duration) {
        self.failure = Some(failure);
        self.ended = Some(now);
        self.enter(now, State::Idle { retry_at: now + wait });
    }
}
