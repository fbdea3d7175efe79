//! Letting newcomers in: a stamp to solve, limits by network, one ticket an account.
//!
//! What bounds free identities is the ledger's cap on tickets per epoch; the limits here share that cap out, so that one
//! network cannot take all of it. An issuer that restarts forgets who had tickets today and no more than that: which
//! serials are used stands in the state, and a ticket given twice under one serial admits one.

use crate::prefix::Prefix;
use crate::rate::{Allowance, Rates};
use clock::Time;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::hash::{Digest, Key, hash, tag};
use ledger::leaf::{InForce, Leaf};
use ledger::question::{Answer, Denial};
use ledger::seal::Engine;
use ledger::signing::account_of;
use ledger::stamp::{BITS_MAX, Stamp, Stamping};
use ledger::state::State;
use ledger::ticket::{Admission, SERIALS, Serials, Ticket};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Tickets a day for one address, and for the network around it. Classrooms and carriers share one IPv4 address.
const V4_ADDRESS_MAX: u32 = 32;
const V4_NETWORK_MAX: u32 = 256;
const V6_SUBNET_MAX: u32 = 2;
const V6_NETWORK_MAX: u32 = 16;

/// Solutions looked at, from one address: each costs this thread about 20 ms.
const TRIALS: Allowance = Allowance { burst: 8, interval: Duration::from_secs(5) };

/// When somebody whose network had its share may ask again, and when whoever solved too often may.
const NETWORK_RETRY_SECS: u32 = 3_600;
const OFTEN_RETRY_SECS: u32 = 10;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Whose share of the day a ticket comes out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Address(IpAddr),
    /// A /64.
    Subnet([u8; 8]),
    Network(Prefix),
}

/// Who was let in, and who may be.
pub(crate) struct Admissions {
    key: SigningKey,
    /// Makes salts and prefix tags; forgotten with the process.
    secret: [u8; 32],
    /// The least work; `None` lets nobody in.
    bits: Option<u8>,
    loopback_counts: bool,
    stamping: Option<Stamping>,
    trials: Rates<IpAddr>,
    /// Serials given out, this epoch's and the last one's.
    given: BTreeMap<(u32, AccountId), u16>,
    /// Tickets of the present day.
    shares: BTreeMap<Share, u32>,
    day: u64,
}

impl Admissions {
    pub(crate) fn new(key: SigningKey, secret: [u8; 32], bits: Option<u8>, loopback_counts: bool) -> Self {
        Self {
            key,
            secret,
            bits: bits.map(|bits| bits.min(BITS_MAX)),
            loopback_counts,
            stamping: None,
            trials: Rates::new(TRIALS),
            given: BTreeMap::new(),
            shares: BTreeMap::new(),
            day: 0,
        }
    }

    /// What to solve.
    pub(crate) fn stamp(&self, state: &State, account: AccountId) -> Answer {
        if !self.issues(state) {
            return Answer::Unknown;
        }
        if state.account(&account).is_some() {
            return Answer::Denied(Denial::There, 0);
        }
        let epoch = state.epoch();
        let used = self.used(state, epoch).count();
        let cap = state.rules().parameters.issuer_cap;
        if used >= cap && !self.given.contains_key(&(epoch, account)) {
            return Answer::Denied(Denial::NoneLeft, NETWORK_RETRY_SECS);
        }
        // Each eighth of the cap beyond its half doubles the price.
        let dearer = (u64::from(used) * 8 / u64::from(cap.max(1))).saturating_sub(4);
        let bits = self.bits.unwrap_or(BITS_MAX).saturating_add(u8::try_from(dearer).unwrap_or(u8::MAX)).min(BITS_MAX);
        Answer::Stamp(self.ask(account, epoch, bits))
    }

    /// The ticket for a solution. `clock_ms` is the world's time.
    pub(crate) fn ticket(
        &mut self,
        state: &State,
        now: Time,
        clock_ms: u64,
        from: Option<IpAddr>,
        stamp: Stamp,
        counter: u64,
    ) -> Answer {
        if !self.issues(state) {
            return Answer::Unknown;
        }
        let epoch = state.epoch();
        if stamp != self.ask(stamp.account, stamp.epoch, stamp.bits)
            || stamp.epoch != epoch
            || Some(stamp.bits) < self.bits
        {
            return Answer::Denied(Denial::Stale, 0);
        }
        if state.account(&stamp.account).is_some() {
            return Answer::Denied(Denial::There, 0);
        }
        let day = clock_ms / DAY_MS;
        if day != self.day {
            self.day = day;
            self.shares.clear();
        }
        let counted = from.filter(|ip| self.loopback_counts || !ip.to_canonical().is_loopback());
        if counted.is_some_and(|ip| !self.trials.take(now, ip.to_canonical())) {
            return Answer::Denied(Denial::TooOften, OFTEN_RETRY_SECS);
        }
        let known = self.given.get(&(epoch, stamp.account)).copied();
        let shares = counted.map(shares).unwrap_or_default();
        let is_spent = |(share, max): &(Share, u32)| self.shares.get(share).is_some_and(|had| had >= max);
        if known.is_none() && shares.iter().any(is_spent) {
            return Answer::Denied(Denial::Network, NETWORK_RETRY_SECS);
        }
        if !self.stamping.get_or_insert_default().solves(&stamp, counter) {
            return Answer::Denied(Denial::Stamp, 0);
        }
        let Some(serial) = known.or_else(|| self.free_serial(state, epoch)) else {
            return Answer::Denied(Denial::NoneLeft, NETWORK_RETRY_SECS);
        };
        if known.is_none() {
            for (share, _) in shares {
                *self.shares.entry(share).or_default() += 1;
            }
            self.given.retain(|(given, _), _| given.saturating_add(1) >= epoch);
            self.given.insert((epoch, stamp.account), serial);
        }
        let prefix_tag = self.prefix_tag(from);
        let admission = Admission { issuer: account_of(&self.key), account: stamp.account, epoch, serial, prefix_tag };
        Answer::Ticket(Ticket::sign(admission, &state.rules().chain, &self.key))
    }

    /// Whether the chain counts this relay's tickets.
    fn issues(&self, state: &State) -> bool {
        if self.bits.is_none() {
            return false;
        }
        let me = account_of(&self.key);
        match state.rules().engine {
            Engine::Authority => state.validators(InForce::Now).position(&me).is_some(),
            Engine::Stake | Engine::Work => state.rules().issuers.contains(&me),
        }
    }

    /// Nothing is remembered of a question: its salt says that it was asked here.
    fn ask(&self, account: AccountId, epoch: u32, bits: u8) -> Stamp {
        let salt = hash(&tag("stamp/salt"), &[&self.secret, &account.0, &epoch.to_le_bytes(), &[bits]]);
        Stamp { issuer: account_of(&self.key), account, epoch, salt: first(&salt), bits }
    }

    /// Serials that are used in the state, or given out and on their way there.
    fn used(&self, state: &State, epoch: u32) -> Serials {
        let mut used = match state.leaf(&Key::issued(&account_of(&self.key), epoch)) {
            Some(Leaf::Issued(issued)) => issued.serials,
            _ => Serials::default(),
        };
        self.given.iter().filter(|((given, _), _)| *given == epoch).for_each(|(_, serial)| used.mark(*serial));
        used
    }

    fn free_serial(&self, state: &State, epoch: u32) -> Option<u16> {
        let used = self.used(state, epoch);
        let room = used.count() < state.rules().parameters.issuer_cap;
        (0..SERIALS as u16).find(|serial| room && used.is_free(*serial))
    }

    /// The same for one network during one day, and nothing that leads back to its address.
    fn prefix_tag(&self, from: Option<IpAddr>) -> [u8; 8] {
        let prefix = match from.map(Prefix::of) {
            Some(Prefix::V4(prefix)) => prefix.to_vec(),
            Some(Prefix::V6(prefix)) => prefix.to_vec(),
            None => Vec::new(),
        };
        first(&hash(&tag("prefix"), &[&self.secret, &self.day.to_le_bytes(), &prefix]))
    }
}

/// The first bytes of a hash.
fn first<const N: usize>(digest: &Digest) -> [u8; N] {
    core::array::from_fn(|at| digest.0[at])
}

/// The shares that a ticket for this address comes out of.
fn shares(ip: IpAddr) -> Vec<(Share, u32)> {
    let ip = ip.to_canonical();
    let network = Share::Network(Prefix::of(ip));
    match ip {
        IpAddr::V4(_) => vec![(Share::Address(ip), V4_ADDRESS_MAX), (network, V4_NETWORK_MAX)],
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            vec![(Share::Subnet([a, b, c, d, e, f, g, h]), V6_SUBNET_MAX), (network, V6_NETWORK_MAX)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Timestamp;
    use ledger::genesis::Genesis;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn state() -> State {
        let genesis = Genesis::authority(&[account_of(&key())], Timestamp::default()).expect("one authority");
        genesis.state().expect("a genesis")
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    /// Asks and solves, as a tab does.
    fn admit(admissions: &mut Admissions, account: u8, from: &str, now: Time) -> Answer {
        let state = state();
        let Answer::Stamp(stamp) = admissions.stamp(&state, AccountId([account; 32])) else { panic!("no stamp") };
        let mut stamping = Stamping::default();
        let counter = (0..10_000).find(|counter| stamping.solves(&stamp, *counter)).expect("few bits");
        admissions.ticket(&state, now, 0, ip(from), stamp, counter)
    }

    #[test]
    fn an_account_has_one_ticket_however_often_it_asks() {
        let mut admissions = Admissions::new(key(), [1; 32], Some(1), false);
        let first = admit(&mut admissions, 1, "192.0.2.1", Time::ZERO);
        let Answer::Ticket(ticket) = &first else { panic!("{first:?}") };
        assert!(ticket.is_signed(&state().rules().chain));
        assert_eq!(admit(&mut admissions, 1, "192.0.2.1", Time::ZERO), first);
        let Answer::Ticket(other) = admit(&mut admissions, 2, "192.0.2.1", Time::ZERO) else { panic!("denied") };
        assert_ne!(other.admission.serial, ticket.admission.serial);
        assert_eq!(other.admission.prefix_tag, ticket.admission.prefix_tag, "one network, one tag");
    }

    #[test]
    fn a_question_of_another_issuer_or_without_a_solution_brings_nothing() {
        let mut admissions = Admissions::new(key(), [1; 32], Some(12), false);
        let (state, account) = (state(), AccountId([1; 32]));
        let Answer::Stamp(stamp) = admissions.stamp(&state, account) else { panic!("no stamp") };
        let mut ticket = |stamp, counter| admissions.ticket(&state, Time::ZERO, 0, ip("192.0.2.1"), stamp, counter);
        assert_eq!(ticket(Stamp { bits: 0, ..stamp }, 0), Answer::Denied(Denial::Stale, 0), "an easier question");
        assert_eq!(ticket(Stamp { salt: [0; 16], ..stamp }, 0), Answer::Denied(Denial::Stale, 0));
        assert_eq!(ticket(stamp, 0), Answer::Denied(Denial::Stamp, 0));
    }

    #[test]
    fn a_network_has_its_share_of_the_day_and_no_more() {
        let mut admissions = Admissions::new(key(), [1; 32], Some(0), false);
        let at = |turn: u64| Time::ZERO + Duration::from_secs(turn * 10);
        for turn in 0..2 {
            let from = format!("2001:db8:0:1::{turn}");
            assert!(matches!(admit(&mut admissions, turn as u8, &from, at(turn)), Answer::Ticket(_)));
        }
        let denied = Answer::Denied(Denial::Network, NETWORK_RETRY_SECS);
        assert_eq!(admit(&mut admissions, 9, "2001:db8:0:1::9", at(2)), denied);
        assert!(matches!(admit(&mut admissions, 9, "2001:db8:0:2::9", at(3)), Answer::Ticket(_)), "another subnet");
        // Whoever stands on the same machine is not counted: a proxy there speaks for everybody.
        assert!((10..50).all(|one| matches!(admit(&mut admissions, one, "127.0.0.1", at(4)), Answer::Ticket(_))));
    }

    #[test]
    fn solutions_are_looked_at_a_few_at_a_time() {
        let mut admissions = Admissions::new(key(), [1; 32], Some(12), false);
        let state = state();
        let Answer::Stamp(stamp) = admissions.stamp(&state, AccountId([1; 32])) else { panic!("no stamp") };
        let answers: Vec<_> =
            (0..9).map(|counter| admissions.ticket(&state, Time::ZERO, 0, ip("192.0.2.1"), stamp, counter)).collect();
        assert_eq!(answers[8], Answer::Denied(Denial::TooOften, OFTEN_RETRY_SECS));
        assert!(answers[..8].iter().all(|answer| *answer == Answer::Denied(Denial::Stamp, 0)));
    }
}
