//! Leaving a source that turned slow, for one that can go on in its place.
//!
//! A source whose path is known ([`Outlook`](super::Outlook)) is left when its oldest request is late and it was silent
//! for as long as that path allows: what it was asked for is missing again, and it rests. Waiting is right when
//! nobody else holds what it owes, so it is left only for a source that does, and that was heard since: when our own
//! line is down everybody is silent, and nobody is left for it.
//!
//! What a source that was left sends all the same is as good as ever, and ends its rest.

use super::{Download, Flows};
use clock::Time;
use core::fmt::Debug;
use core::time::Duration;

/// A wake-up this much after its time means that we were held up ourselves, and what came meanwhile is not read yet.
const HELD_UP: Duration = Duration::from_millis(100);

impl<P: Copy + Ord + Debug> Download<P> {
    /// When `peer` is to be left, if it says nothing and another source can take over.
    pub(super) fn slow_at(&self, peer: P, flows: &Flows<P>) -> Option<Time> {
        let at = self.sources.get(&peer)?.slow_at(flows.get(peer)?)?;
        self.can_replace(peer, flows).then_some(at)
    }

    /// Somebody else is ready, holds what `peer` was asked for first, and owes us nothing or was heard later.
    fn can_replace(&self, peer: P, flows: &Flows<P>) -> bool {
        let Some(chunk) = self.sources.get(&peer).and_then(|source| source.requests().next()).map(|first| first.chunk)
        else {
            return false;
        };
        let Some(heard) = flows.get(peer).map(super::flows::Flow::heard) else { return false };
        self.sources.iter().filter(|(other, source)| **other != peer && source.is_ready() && source.holds(chunk)).any(
            |(other, source)| source.outstanding() == 0 || flows.get(*other).is_some_and(|flow| flow.heard() > heard),
        )
    }

    pub(super) fn leave_if_slow(&mut self, now: Time, peer: P) {
        let Some(at) = self.slow_at(peer, &self.flows).filter(|&at| at <= now) else { return };
        if now - at > HELD_UP {
            if let Some(flow) = self.flows.get_mut(peer) {
                flow.excuse(now);
            }
            return;
        }
        self.rest(now, peer);
    }
}
