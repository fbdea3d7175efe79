//! Whom to dial next, and through whom.

use super::known::{Dialling, Entry, State};
use super::{Connections, DIAL_TIMEOUT, Needs, PROVEN_AFTER};
use crate::outbox::Outbox;
use crate::{Failure, Introducer, Output, PeerKey, RelayIndex, Stage};
use clock::Time;

impl Connections {
    /// Dials those the person waits for, then strangers up to the target, as far as places and the minute go.
    pub(super) fn dial(&mut self, now: Time, needs: Needs<'_>, out: &mut Outbox) {
        if !self.config.webrtc {
            return;
        }
        for peer in self.insisted().into_iter().chain(needs.wanted.iter().copied()) {
            if self.outbound() >= self.config.outbound_max
                && self.may_dial(now, peer, needs.relays).is_some()
                && self.count_dialling() < self.config.dials_max
            {
                self.make_room(now, needs, out);
            }
            self.try_dial(now, peer, needs.relays, out);
        }
        while self.hungry() && self.outbound() < self.config.outbound_max {
            let Some(peer) = self.pick(now, needs.relays) else { break };
            if !self.try_dial(now, peer, needs.relays, out) {
                break;
            }
        }
    }

    /// A random one of the peers that failed least.
    fn pick(&mut self, now: Time, relays: &[RelayIndex]) -> Option<PeerKey> {
        let able = |peer: &PeerKey| self.may_dial(now, *peer, relays).is_some();
        let fewest = self.known.iter().filter(|(peer, _)| able(peer)).map(|(_, entry)| entry.attempts).min()?;
        let best: Vec<PeerKey> = self
            .known
            .iter()
            .filter(|(peer, entry)| entry.attempts == fewest && able(peer))
            .map(|(peer, _)| peer)
            .collect();
        self.choice.one_of(&best).copied()
    }

    /// Who would introduce us to `peer`, if it may be dialled now.
    pub(super) fn may_dial(&self, now: Time, peer: PeerKey, relays: &[RelayIndex]) -> Option<Introducer> {
        let entry = self.known.get(peer)?;
        match entry.state {
            State::Idle { retry_at } if retry_at <= now && self.dialable(peer, entry) => self.introducer(entry, relays),
            State::Idle { .. } | State::Dialling(_) | State::Approaching { .. } | State::Connected(_) => None,
        }
    }

    pub(super) fn dialable(&self, peer: PeerKey, entry: &Entry) -> bool {
        !entry.unwanted && !self.known.is_banned(peer) && peer != self.me
    }

    /// The way that failed least; a relay before a neighbour, whose goodwill is smaller.
    pub(super) fn introducer(&self, entry: &Entry, relays: &[RelayIndex]) -> Option<Introducer> {
        let usable = |by: &Introducer| match by {
            Introducer::Relay(relay) => relays.contains(relay),
            Introducer::Neighbour(peer) => self.is_direct(*peer),
        };
        let ways = entry.introducers.iter().filter(|(by, _)| usable(by));
        ways.min_by_key(|(by, failures)| (**failures, **by)).map(|(by, _)| *by)
    }

    fn try_dial(&mut self, now: Time, peer: PeerKey, relays: &[RelayIndex], out: &mut Outbox) -> bool {
        let Some(by) = self.may_dial(now, peer, relays) else { return false };
        if self.outbound() >= self.config.outbound_max
            || self.count_dialling() >= self.config.dials_max
            || !self.rate.try_start(now)
        {
            return false;
        }
        let Some(entry) = self.known.get_mut(peer) else { return false };
        entry.insisted = false;
        let deadline = now + DIAL_TIMEOUT;
        entry.enter(now, State::Dialling(Dialling { by, stage: Stage::Introducing, deadline }));
        out.push(Output::Dial { peer, by });
        true
    }

    /// Gives the place of the farthest idle neighbour of ours to a peer that holds what we wait for.
    fn make_room(&mut self, now: Time, needs: Needs<'_>, out: &mut Outbox) {
        let idle = |peer: &PeerKey| !needs.busy.contains(peer) && !needs.wanted.contains(peer);
        let proven = |entry: &Entry| {
            entry.connected().is_some_and(|connected| connected.dialled_by_us && now - connected.began >= PROVEN_AFTER)
        };
        let farthest = self
            .known
            .iter()
            .filter(|(peer, entry)| proven(entry) && idle(peer))
            .max_by_key(|(peer, _)| needs.measurements.rtt(*peer))
            .map(|(peer, _)| peer);
        if let Some(peer) = farthest {
            out.push(Output::HangUp { peer, why: Failure::Limit });
            self.lose(now, peer, Failure::Limit);
        }
    }

    fn insisted(&self) -> Vec<PeerKey> {
        self.known.iter().filter(|(_, entry)| entry.insisted).map(|(peer, _)| peer).collect()
    }
}
