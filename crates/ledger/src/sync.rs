//! Catching up with the chain, header by header: whom to ask for which, and whom to stop listening to.
//!
//! Hears what peers said, says what to ask; never sends or waits. One question is open at a time, so a lying peer costs
//! one answer and a silent one a few seconds. A header that arrives early costs its sender nothing; one that can never
//! hold costs it the connection.

use crate::chain::{Chain, Import, ImportError};
use crate::hash::ValidatorsHash;
use crate::header::Header;
use crate::question::{PathStep, STEPS_MAX};
use crate::seal::Seal;
use crate::validators::Validators;
use crate::verify::Verdict;
use clock::{Time, Timestamp};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

/// Headers asked for at once: about 200 KiB with the seals of four authorities.
pub const HEADERS_PER_ASK_MAX: u16 = 512;

/// How long a peer may take to answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Peers whose claims are remembered: as many as anybody is connected to.
pub const PEERS_MAX: usize = 64;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<P> {
    /// A peer says how long its chain is.
    Claimed {
        /// Who.
        peer: P,
        /// Its newest height.
        height: u64,
    },
    /// A peer sent its newest header without being asked.
    Head {
        /// Who.
        peer: P,
        /// The header.
        header: Box<Header>,
        /// Its seal.
        seal: Seal,
    },
    /// A peer answered.
    Headers {
        /// Who.
        peer: P,
        /// From the height asked for on.
        headers: Vec<(Header, Seal)>,
    },
    /// A peer answered with the shortest way of trust.
    Path {
        /// Who.
        peer: P,
        /// From the tip that was asked for on.
        steps: Vec<PathStep>,
    },
    /// A peer sent a list of validators.
    Validators {
        /// Who.
        peer: P,
        /// The list.
        list: Validators,
    },
    /// A peer is gone.
    Gone {
        /// Who.
        peer: P,
    },
    /// A deadline may have passed.
    Wake,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<P> {
    /// Ask for headers.
    AskHeaders {
        /// Whom.
        peer: P,
        /// The first.
        from: u64,
        /// How many at most.
        count: u16,
    },
    /// Ask for the shortest way of trust.
    AskPath {
        /// Whom.
        peer: P,
        /// From here.
        from: u64,
    },
    /// Ask for the list of validators with this hash.
    AskValidators {
        /// Whom.
        peer: P,
        /// Which.
        hash: ValidatorsHash,
    },
    /// The followed branch changed, or the chain stopped at a conflict.
    Imported(Import),
    /// Listen to this peer no longer.
    Drop {
        /// Whom.
        peer: P,
        /// Why.
        why: DropReason,
    },
}

/// Why a peer is not listened to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// A header that can never hold.
    Header(ImportError),
    /// Other headers or validators than were asked for, or none though it claimed some.
    Answer,
    /// An answer to nothing.
    Unasked,
}

/// Up to so many headers are asked for one by one; where more are missing and seals make blocks final, the shortest
/// way of trust is a fraction of them.
const HEADERS_BEFORE_PATH: u64 = 64;

/// How far below the tip a common block is looked for, in growing steps.
const BACK_MAX: u64 = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Headers { from: u64 },
    Path,
    Validators,
}

#[derive(Clone, Copy, Debug)]
struct Asked<P> {
    peer: P,
    what: Wanted,
    deadline: Time,
}

/// Catching up with the chain.
#[derive(Clone, Debug)]
pub struct Sync<P> {
    chain: Chain,
    /// The newest height of each peer, as it says.
    claims: BTreeMap<P, u64>,
    asked: Option<Asked<P>>,
    /// How far below the tip to look for a common block.
    back: u64,
    outbox: VecDeque<Output<P>>,
}

impl<P: Copy + Ord> Sync<P> {
    /// Goes on from what is trusted.
    pub const fn new(chain: Chain) -> Self {
        Self { chain, claims: BTreeMap::new(), asked: None, back: 0, outbox: VecDeque::new() }
    }

    /// The headers trusted so far.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Takes one input. `clock` is the world's time as this peer has it; it matters to engine work only.
    pub fn handle(&mut self, now: Time, clock: Timestamp, input: Input<P>) {
        match input {
            Input::Claimed { peer, height } => self.on_claim(peer, height),
            Input::Head { peer, header, seal } => self.on_head(clock, peer, *header, seal),
            Input::Headers { peer, headers } => self.on_headers(clock, peer, headers),
            Input::Path { peer, steps } => self.on_path(clock, peer, steps),
            Input::Validators { peer, list } => self.on_validators(peer, list),
            Input::Gone { peer } => self.forget(peer),
            Input::Wake => self.on_wake(now),
        }
        self.ask(now);
    }

    /// What to do next; `None` when there is nothing left.
    pub fn poll_output(&mut self) -> Option<Output<P>> {
        self.outbox.pop_front()
    }

    /// When to wake this machine at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        self.asked.map(|asked| asked.deadline)
    }

    fn on_claim(&mut self, peer: P, height: u64) {
        if self.claims.len() < PEERS_MAX || self.claims.contains_key(&peer) {
            self.claims.insert(peer, height);
        }
    }

    fn on_head(&mut self, clock: Timestamp, peer: P, header: Header, seal: Seal) {
        let height = header.height;
        match self.import(clock, header, seal).map_err(ImportError::verdict) {
            // It is further than we are, or of another branch: ask for what lies between.
            Err(Verdict::NotYet) => self.on_claim(peer, height),
            Err(Verdict::Reject(why)) => self.drop_peer(peer, DropReason::Header(why)),
            Err(Verdict::Accept) | Ok(()) => {}
        }
    }

    fn on_headers(&mut self, clock: Timestamp, peer: P, headers: Vec<(Header, Seal)>) {
        let asked = self.asked.take_if(|asked| asked.peer == peer && matches!(asked.what, Wanted::Headers { .. }));
        let Some(Wanted::Headers { from }) = asked.map(|asked| asked.what) else {
            return self.drop_peer(peer, DropReason::Unasked);
        };
        let follows = headers.iter().zip(from..).all(|((header, _), height)| header.height == height);
        if headers.is_empty() || headers.len() > usize::from(HEADERS_PER_ASK_MAX) || !follows {
            return self.drop_peer(peer, DropReason::Answer);
        }
        for (header, seal) in headers {
            match self.import(clock, header, seal) {
                Ok(()) => self.back = 0,
                Err(why) => return self.on_refused(peer, from, why),
            }
        }
    }

    fn take_asked(&mut self, peer: P, what: Wanted) -> bool {
        self.asked.take_if(|asked| asked.peer == peer && asked.what == what).is_some()
    }

    fn on_path(&mut self, clock: Timestamp, peer: P, steps: Vec<PathStep>) {
        if !self.take_asked(peer, Wanted::Path) {
            return self.drop_peer(peer, DropReason::Unasked);
        }
        if steps.is_empty() || steps.len() > STEPS_MAX {
            return self.drop_peer(peer, DropReason::Answer);
        }
        for step in steps {
            let height = self.chain.tip().height;
            let done = match step {
                PathStep::Child(header, seal) => self.import(clock, *header, seal),
                PathStep::Jump(header, seal, history, ancestry) => {
                    self.chain.jump(*header, seal, &history, &ancestry).map(|import| {
                        self.outbox.push_back(Output::Imported(import));
                    })
                }
            };
            if let Err(why) = done {
                return self.on_refused(peer, height, why);
            }
        }
    }

    fn on_refused(&mut self, peer: P, from: u64, why: ImportError) {
        match why {
            // Another branch: look for the block that both have. Under certificates that shows a conflict, or a liar.
            ImportError::UnknownParent if self.back < BACK_MAX && from > 1 => {
                self.back = (self.back * 2).clamp(1, BACK_MAX);
            }
            // The list comes first, and then the same question again; after a conflict there are no more questions.
            ImportError::UnknownValidators { .. } | ImportError::Stopped => {}
            ImportError::Ahead => {
                self.claims.remove(&peer);
            }
            ImportError::UnknownParent | ImportError::TooDeep { .. } | ImportError::Header(_) => {
                self.back = 0;
                self.drop_peer(peer, DropReason::Header(why));
            }
        }
    }

    /// Imports one header; what it still needs is for whoever calls.
    fn import(&mut self, clock: Timestamp, header: Header, seal: Seal) -> Result<(), ImportError> {
        match self.chain.import(header, seal, clock)? {
            Import::TipUnchanged => {}
            import => self.outbox.push_back(Output::Imported(import)),
        }
        Ok(())
    }

    fn on_validators(&mut self, peer: P, list: Validators) {
        let is_asked = self.take_asked(peer, Wanted::Validators);
        if !is_asked || !self.chain.learn(list) {
            self.drop_peer(peer, if is_asked { DropReason::Answer } else { DropReason::Unasked });
        }
    }

    fn on_wake(&mut self, now: Time) {
        if let Some(late) = self.asked.take_if(|asked| asked.deadline <= now) {
            // Silence is no crime; somebody else is asked first now.
            self.claims.remove(&late.peer);
        }
    }

    fn forget(&mut self, peer: P) {
        self.claims.remove(&peer);
        self.asked.take_if(|asked| asked.peer == peer);
    }

    fn drop_peer(&mut self, peer: P, why: DropReason) {
        self.forget(peer);
        self.outbox.push_back(Output::Drop { peer, why });
    }

    /// Asks whoever claims the longest chain for what comes after the tip.
    fn ask(&mut self, now: Time) {
        if self.asked.is_some() || self.chain.conflict().is_some() {
            return;
        }
        let tip = self.chain.tip().height;
        let ahead = self.claims.iter().filter(|(_, height)| **height > tip).max_by_key(|(_, height)| **height);
        let Some((peer, height)) = ahead.map(|(peer, height)| (*peer, *height)) else { return };
        let deadline = now + ANSWER_TIMEOUT;
        if let Some(hash) = self.chain.missing_validators() {
            self.asked = Some(Asked { peer, what: Wanted::Validators, deadline });
            return self.outbox.push_back(Output::AskValidators { peer, hash });
        }
        if self.back == 0 && height - tip > HEADERS_BEFORE_PATH && self.chain.rules().engine.rules().reorg_max() == 0 {
            self.asked = Some(Asked { peer, what: Wanted::Path, deadline });
            return self.outbox.push_back(Output::AskPath { peer, from: tip });
        }
        let from = (tip + 1).saturating_sub(self.back).max(1);
        let count = u16::try_from(height - from + 1).unwrap_or(u16::MAX).min(HEADERS_PER_ASK_MAX);
        self.asked = Some(Asked { peer, what: Wanted::Headers { from }, deadline });
        self.outbox.push_back(Output::AskHeaders { peer, from, count });
    }
}
