//! One peer with the imaginary machine around it: its links, its disk, its clock's next alarm.

use crate::store::Store;
use clock::Time;
use core::time::Duration;
use protocol::{AskToken, ChainAsk, Config, Path, Peer, PeerKey, ShareToken};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One end of a connection between two peers, as this end sees it.
#[derive(Debug)]
pub(crate) struct Link {
    /// The same at both ends.
    pub(crate) id: u64,
    pub(crate) path: Path,
    /// We dialled.
    pub(crate) ours: bool,
    /// The relay whose circuit carries it, while it is relayed.
    pub(crate) via: Option<usize>,
    /// When the last message sent on it has left.
    pub(crate) leaves: Time,
    /// When the last message sent on it arrives: the next may not overtake it.
    pub(crate) arrives: Time,
    /// The same of words about paying, which have a stream of their own.
    pub(crate) credit_arrives: Time,
    /// Cut by a partition and not noticed yet: nothing gets through any more.
    pub(crate) cut: bool,
}

/// Our side of the connection to a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelayLink {
    Down,
    Dialling,
    /// To that life of the relay.
    Up {
        life: u64,
    },
}

/// A neighbour's question that our peer has not answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    Announce,
    Find { by: usize, id: content::ContentId },
    Neighbours { by: usize },
    Introduce { dial: u64 },
}

/// A machine with at most one running peer.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) key: PeerKey,
    /// Counts the tabs opened here.
    pub(crate) life: u64,
    pub(crate) peer: Option<Peer>,
    pub(crate) config: Config,
    pub(crate) started: Time,
    pub(crate) first_direct: Option<Duration>,
    pub(crate) links: BTreeMap<usize, Link>,
    /// Attempts under way, by whom they are to.
    pub(crate) dials: BTreeMap<usize, u64>,
    /// When attempts of the last minute began.
    pub(crate) dial_starts: VecDeque<Time>,
    pub(crate) relays: Vec<RelayLink>,
    /// Questions about the chain that are not answered, and the relay each went to.
    pub(crate) chain_asks: BTreeMap<ChainAsk, usize>,
    pub(crate) uplink_free: Time,
    pub(crate) downlink_free: Time,
    pub(crate) wake_at: Option<Time>,
    /// The second of virtual time, and the alarms in it so far.
    pub(crate) alarms: (u64, usize),
    pub(crate) store: Store,
    /// Which share each file being hashed is.
    pub(crate) hashing: BTreeMap<ShareToken, usize>,
    pub(crate) asked: BTreeMap<AskToken, Asked>,
    /// Whom our peer hung up on for wrong bytes.
    pub(crate) banned: BTreeSet<PeerKey>,
    /// Verified bytes per share, as last seen.
    pub(crate) verified: BTreeMap<usize, u64>,
    pub(crate) lies: bool,
    pub(crate) withholds: bool,
    pub(crate) pays: bool,
}

impl Host {
    pub(crate) fn new(key: PeerKey, config: Config, relays: usize) -> Self {
        Self {
            key,
            life: 0,
            peer: None,
            config,
            started: Time::ZERO,
            first_direct: None,
            links: BTreeMap::new(),
            dials: BTreeMap::new(),
            dial_starts: VecDeque::new(),
            relays: vec![RelayLink::Down; relays],
            chain_asks: BTreeMap::new(),
            uplink_free: Time::ZERO,
            downlink_free: Time::ZERO,
            wake_at: None,
            alarms: (0, 0),
            store: Store::default(),
            hashing: BTreeMap::new(),
            asked: BTreeMap::new(),
            banned: BTreeSet::new(),
            verified: BTreeMap::new(),
            lies: false,
            withholds: false,
            pays: true,
        }
    }

    /// The peer's machine forgets all it had; a new tab finds nothing.
    pub(crate) fn close(&mut self) {
        let next = Self::new(self.key, self.config.clone(), self.relays.len());
        let life = self.life + 1;
        *self = Self { life, lies: self.lies, withholds: self.withholds, pays: self.pays, ..next };
    }

    pub(crate) fn is_direct(&self, other: usize) -> bool {
        self.links.get(&other).is_some_and(|link| link.path == Path::Direct)
    }

    pub(crate) fn direct_count(&self) -> usize {
        self.links.values().filter(|link| link.path == Path::Direct).count()
    }
}
