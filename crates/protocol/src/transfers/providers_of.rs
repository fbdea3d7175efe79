//! Who may have one content, and what came of asking.
//!
//! Named by directories, so nothing about them is certain until they sent bytes that verify. A provider is a
//! candidate, was asked for the manifest, is a source, took its offer back, rests because it had nothing or fell
//! silent, left, or was dropped for good; exactly one of them.

use crate::connections::{Attempt, Connections};
use crate::{Code, Failure, PeerKey};
use clock::Time;
use core::time::Duration;
use std::collections::BTreeMap;

/// Providers of one content that we keep in mind: an answer of a directory names at most 20.
pub(crate) const PROVIDERS_MAX: usize = 32;

/// Providers asked for the manifest at once. It is half a kilobyte: a race costs nothing, nor does one more when those
/// who race stay silent.
const MANIFESTS_ASKED_MAX: usize = latency::RACE_MAX + 1;

/// How long a provider has to send the manifest.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one whose stream broke is left alone: long enough that a stream that breaks at once is no loop.
const REST_AFTER_BREAK: Duration = Duration::from_secs(1);

/// How long one that had nothing, or said nothing, is left alone.
const REST: Duration = Duration::from_secs(15);

/// A provider that nobody names any more is forgotten: it stopped announcing twice over.
const FORGET_AFTER: Duration = Duration::from_secs(180);

/// A relayed connection that has not become direct for this long is not going to.
const RELAYED_HOPELESS: Duration = Duration::from_secs(8);

/// One content's providers.
#[derive(Debug, Default)]
pub(crate) struct ProvidersOf {
    peers: BTreeMap<PeerKey, Provider>,
    /// A source was connected once.
    had_source: bool,
    /// A provider sent wrong bytes.
    had_liar: bool,
}

#[derive(Debug)]
struct Provider {
    named: Time,
    role: Role,
}

/// What came of asking a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Candidate,
    /// Asked for the manifest.
    Asked {
        deadline: Time,
    },
    /// Part of the download.
    Source,
    /// Part of the download, and no longer offers it: still followed, so it will say when that changes.
    Withdrawn,
    /// Had nothing, or said nothing.
    Resting {
        until: Time,
    },
    /// Was a source.
    Left,
    /// Never asked again for this content.
    Dropped,
}

impl ProvidersOf {
    /// A directory, or the peer itself, says it has the content.
    pub(crate) fn name(&mut self, now: Time, peer: PeerKey) {
        if let Some(provider) = self.peers.get_mut(&peer) {
            provider.named = now;
            return;
        }
        if self.peers.len() == PROVIDERS_MAX {
            let useless = |provider: &Provider| !matches!(provider.role, Role::Source | Role::Dropped);
            let oldest = self.peers.iter().filter(|(_, provider)| useless(provider));
            let Some(oldest) = oldest.min_by_key(|(_, provider)| provider.named).map(|(peer, _)| *peer) else {
                return;
            };
            self.peers.remove(&oldest);
        }
        self.peers.insert(peer, Provider { named: now, role: Role::Candidate });
    }

    pub(crate) fn role(&self, peer: PeerKey) -> Option<Role> {
        self.peers.get(&peer).map(|provider| provider.role)
    }

    pub(crate) fn set_role(&mut self, peer: PeerKey, role: Role) {
        if let Some(provider) = self.peers.get_mut(&peer) {
            self.had_source |= role == Role::Source;
            provider.role = role;
        }
    }

    /// A source took its offer back, or one that had done so offers it again. True if that is news.
    pub(crate) fn on_offered(&mut self, peer: PeerKey, offered: bool) -> bool {
        let (before, after) = match offered {
            true => (Role::Withdrawn, Role::Source),
            false => (Role::Source, Role::Withdrawn),
        };
        let news = self.role(peer) == Some(before);
        if news {
            self.set_role(peer, after);
        }
        news
    }

    /// It had nothing: ask again later.
    pub(crate) fn rest(&mut self, now: Time, peer: PeerKey) {
        self.set_role(peer, Role::Resting { until: now + REST });
    }

    /// Its stream broke while it stayed connected: ask again soon.
    pub(crate) fn rest_briefly(&mut self, now: Time, peer: PeerKey) {
        self.set_role(peer, Role::Resting { until: now + REST_AFTER_BREAK });
    }

    /// It broke a promise for this content, or sent wrong bytes.
    pub(crate) fn drop_for_good(&mut self, peer: PeerKey, lied: bool) {
        self.had_liar |= lied;
        self.set_role(peer, Role::Dropped);
    }

    /// Moves everybody on whose time has come, and notes who left.
    pub(crate) fn tick(&mut self, now: Time, is_direct: impl Fn(PeerKey) -> bool) {
        for (peer, provider) in &mut self.peers {
            let direct = is_direct(*peer);
            provider.role = match provider.role {
                Role::Source | Role::Withdrawn if !direct => Role::Left,
                Role::Asked { .. } if !direct => Role::Candidate,
                Role::Asked { deadline } if deadline <= now => Role::Resting { until: now + REST },
                Role::Resting { until } if until <= now => Role::Candidate,
                role => role,
            };
        }
        self.peers.retain(|_, provider| {
            matches!(provider.role, Role::Source | Role::Withdrawn | Role::Dropped)
                || now - provider.named < FORGET_AFTER
        });
    }

    /// Whom there is to choose among: reachable, and nothing came of asking them yet.
    pub(crate) fn choosable(&self, is_direct: impl Fn(PeerKey) -> bool) -> Vec<PeerKey> {
        let ready = |role| matches!(role, Role::Candidate | Role::Left);
        self.iter().filter(|(peer, role)| ready(*role) && is_direct(*peer)).map(|(peer, _)| peer).collect()
    }

    /// Whether something may still come of asking a peer first.
    pub(crate) fn is_promising(&self, peer: PeerKey, is_direct: impl Fn(PeerKey) -> bool) -> bool {
        let hope = matches!(self.role(peer), Some(Role::Candidate | Role::Asked { .. } | Role::Source | Role::Left));
        hope && is_direct(peer)
    }

    /// Whom to ask for the manifest now.
    pub(crate) fn ask_manifest(&mut self, now: Time, is_direct: impl Fn(PeerKey) -> bool) -> Vec<PeerKey> {
        let asked = self.peers.values().filter(|provider| matches!(provider.role, Role::Asked { .. })).count();
        let mut chosen = Vec::new();
        for (peer, provider) in &mut self.peers {
            let ready = matches!(provider.role, Role::Candidate | Role::Left) && is_direct(*peer);
            if ready && asked + chosen.len() < MANIFESTS_ASKED_MAX {
                provider.role = Role::Asked { deadline: now + MANIFEST_TIMEOUT };
                chosen.push(*peer);
            }
        }
        chosen
    }

    /// Those that are connected and not part of the download yet; they are from now on.
    pub(crate) fn engage(&mut self, is_direct: impl Fn(PeerKey) -> bool) -> Vec<PeerKey> {
        let mut engaged = Vec::new();
        for (peer, provider) in &mut self.peers {
            let ready = matches!(provider.role, Role::Candidate | Role::Asked { .. } | Role::Left);
            if ready && is_direct(*peer) {
                provider.role = Role::Source;
                engaged.push(*peer);
            }
        }
        self.had_source |= !engaged.is_empty();
        engaged
    }

    /// Those worth a connection, or worth keeping one.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = PeerKey> + '_ {
        let useless = |role| matches!(role, Role::Withdrawn | Role::Resting { .. } | Role::Dropped);
        self.peers.iter().filter(move |(_, provider)| !useless(provider.role)).map(|(peer, _)| *peer)
    }

    pub(crate) fn sources(&self) -> impl Iterator<Item = PeerKey> + '_ {
        self.iter().filter(|(_, role)| *role == Role::Source).map(|(peer, _)| peer)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PeerKey, Role)> + '_ {
        self.peers.iter().map(|(peer, provider)| (*peer, provider.role))
    }

    /// The next time a role changes by itself.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let of_role = |role| match role {
            Role::Asked { deadline } => Some(deadline),
            Role::Resting { until } => Some(until),
            Role::Candidate | Role::Source | Role::Withdrawn | Role::Left | Role::Dropped => None,
        };
        self.peers.values().filter_map(|provider| of_role(provider.role)).min()
    }

    /// When a relayed connection to one of them will have been given up, if that is still to come.
    pub(crate) fn hope_ends(&self, now: Time, connections: &Connections) -> Option<Time> {
        let ends = |peer: &PeerKey| match connections.attempt(*peer) {
            Attempt::Relayed { since } => Some(since + RELAYED_HOPELESS),
            Attempt::None | Attempt::UnderWay | Attempt::Direct | Attempt::Failed(_) => None,
        };
        self.peers.keys().filter_map(ends).filter(|ends| *ends > now).min()
    }

    /// Why nothing comes, if no source is connected; `None` while that may still change by itself soon.
    pub(crate) fn hindrance(&self, now: Time, patient: bool, connections: &Connections) -> Option<Code> {
        let mut unreachable = false;
        for (peer, provider) in &self.peers {
            if matches!(provider.role, Role::Withdrawn | Role::Dropped | Role::Resting { .. }) {
                continue;
            }
            match connections.attempt(*peer) {
                Attempt::UnderWay | Attempt::Direct => return None,
                Attempt::Relayed { since } if now - since < RELAYED_HOPELESS => return None,
                Attempt::Relayed { .. } => unreachable = true,
                Attempt::Failed(Failure::NoDirectPath | Failure::TimedOut | Failure::Signalling) => unreachable = true,
                Attempt::Failed(_) | Attempt::None => {}
            }
        }
        let gone = if self.had_source { Code::ProviderLeft } else { Code::NoProvider };
        let honest = |provider: &Provider| matches!(provider.role, Role::Left | Role::Withdrawn);
        let honest_left = self.peers.values().any(honest);
        match (unreachable, self.had_liar && !honest_left) {
            (_, true) => Some(Code::BadBytes),
            (true, false) => Some(Code::NoDirectPath),
            (false, false) => (self.had_source || !patient).then_some(gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_asked_for_the_manifest_and_the_silent_give_their_turn_away() {
        let mut providers = ProvidersOf::default();
        for n in 1..=6 {
            providers.name(at(0), key(n));
        }
        assert_eq!(providers.ask_manifest(at(0), |_| true), [1, 2, 3, 4].map(key));
        assert_eq!(providers.ask_manifest(at(1), |_| true), []);
        providers.tick(at(3), |_| true);
        assert_eq!(providers.ask_manifest(at(3), |_| true), [5, 6].map(key));
        providers.tick(at(18), |_| true);
        assert_eq!(providers.role(key(1)), Some(Role::Candidate));
    }

    #[test]
    fn a_source_that_disconnects_has_left_and_is_engaged_again() {
        let mut providers = ProvidersOf::default();
        providers.name(at(0), key(1));
        assert_eq!(providers.engage(|_| true), [key(1)]);
        providers.tick(at(1), |_| false);
        assert_eq!(providers.role(key(1)), Some(Role::Left));
        assert_eq!(providers.engage(|_| true), [key(1)]);
    }

    #[test]
    fn a_source_that_takes_its_offer_back_is_missed_until_it_offers_again() {
        let connections = Connections::new(at(0), key(0), &crate::Config::default());
        let mut providers = ProvidersOf::default();
        providers.name(at(0), key(1));
        providers.engage(|_| true);
        assert!(providers.on_offered(key(1), false));
        assert!(!providers.on_offered(key(1), false));
        providers.tick(at(60), |_| true);
        assert_eq!(providers.engage(|_| true), []);
        assert_eq!(providers.hindrance(at(60), true, &connections), Some(Code::ProviderLeft));
        assert!(providers.on_offered(key(1), true));
        assert_eq!(providers.sources().collect::<Vec<_>>(), [key(1)]);
    }

    #[test]
    fn a_dropped_provider_is_never_used_again_however_often_it_is_named() {
        let mut providers = ProvidersOf::default();
        providers.name(at(0), key(1));
        providers.drop_for_good(key(1), true);
        providers.name(at(1), key(1));
        providers.tick(at(1_000), |_| true);
        assert_eq!(providers.engage(|_| true), []);
        assert_eq!(providers.wanted().count(), 0);
    }

    #[test]
    fn names_are_bounded_and_sources_keep_their_place() {
        let mut providers = ProvidersOf::default();
        providers.name(at(0), key(200));
        providers.engage(|_| true);
        for n in 0..100 {
            providers.name(at(u64::from(n) + 1), key(n));
        }
        assert_eq!(providers.peers.len(), PROVIDERS_MAX);
        assert_eq!(providers.role(key(200)), Some(Role::Source));
        assert_eq!(providers.role(key(0)), None);
    }

    #[test]
    fn those_nobody_names_any_more_are_forgotten() {
        let mut providers = ProvidersOf::default();
        providers.name(at(0), key(1));
        providers.tick(at(179), |_| false);
        assert_eq!(providers.wanted().count(), 1);
        providers.tick(at(180), |_| false);
        assert_eq!(providers.wanted().count(), 0);
    }

    fn key(n: u8) -> PeerKey {
        PeerKey([n; 32])
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
}
