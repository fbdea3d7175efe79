//! What came of a run.

use clock::Time;
use core::fmt;
use ledger::state::{StateError, TransactionError};
use protocol::{Failure as PeerFailure, PeerKey};

/// What a run that broke nothing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Running BLAKE3 hash of every input of every peer, in order.
    pub hash: [u8; 32],
    /// Inputs handled, all peers together.
    pub steps: u64,
    /// Virtual time at the end.
    pub ended: Time,
    pub fetches: Vec<FetchReport>,
    /// Verified content bytes taken, and bytes thrown away, by all living peers.
    pub taken: u64,
    pub wasted: u64,
    /// Bytes of content messages that went over links.
    pub wire: u64,
    /// Bytes of groups from lying peers that reached anybody.
    pub lies_heard: u64,
    /// Units earned and spent by each peer, in a scenario with a ledger; `None` for tabs that are closed.
    pub credit: Vec<Option<(u64, u64)>>,
    /// When each peer had its first direct neighbour, after it started.
    pub first_direct: Vec<Option<core::time::Duration>>,
    /// Direct neighbours of each peer at the end, `None` for tabs that are closed.
    pub neighbours: Vec<Option<usize>>,
}

/// One fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchReport {
    pub peer: usize,
    pub share: usize,
    pub began: Time,
    pub done: Option<Time>,
}

impl Report {
    /// The hash as people write it.
    pub fn hash_text(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex().to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "hash       {}", self.hash_text())?;
        writeln!(f, "steps      {} in {} s of virtual time", self.steps, self.ended.as_millis() / 1_000)?;
        let done = self.fetches.iter().filter(|fetch| fetch.done.is_some()).count();
        writeln!(f, "fetches    {done} of {} done", self.fetches.len())?;
        for fetch in &self.fetches {
            match fetch.done {
                Some(done) => {
                    let ms = (done - fetch.began).as_millis();
                    writeln!(f, "           peer {} share {}: {ms} ms", fetch.peer, fetch.share)?;
                }
                None => writeln!(f, "           peer {} share {}: not done", fetch.peer, fetch.share)?,
            }
        }
        writeln!(f, "bytes      {} taken, {} wasted, {} sent", self.taken, self.wasted, self.wire)?;
        let firsts: Vec<String> = self
            .first_direct
            .iter()
            .map(|first| first.map_or("never".into(), |first| format!("{} ms", first.as_millis())))
            .collect();
        writeln!(f, "direct at  {}", firsts.join(", "))?;
        if self.credit.iter().flatten().any(|(earned, spent)| earned + spent > 0) {
            let credit = self.credit.iter().map(|peer| peer.map_or("closed".into(), |(e, s)| format!("+{e} -{s}")));
            writeln!(f, "units      {}", credit.collect::<Vec<String>>().join(", "))?;
        }
        let neighbours: Vec<String> =
            self.neighbours.iter().map(|count| count.map_or("closed".into(), |count| count.to_string())).collect();
        write!(f, "neighbours {}", neighbours.join(", "))
    }
}

/// What must never happen, whatever goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    #[error("peer {peer} has {found} connections and attempts of its own, at most {max}")]
    Outbound { peer: usize, found: usize, max: usize },
    #[error("peer {peer} accepted {found} connections, at most {max}")]
    Inbound { peer: usize, found: usize, max: usize },
    #[error("peer {peer} has {found} attempts under way, at most {max}")]
    Dialling { peer: usize, found: usize, max: usize },
    #[error("peer {peer} began {found} attempts within a minute, at most {max}")]
    DialRate { peer: usize, found: usize, max: usize },
    #[error("peer {peer} sent content to peer {to} over a relayed connection")]
    ContentRelayed { peer: usize, to: usize },
    #[error("peer {peer} dialled {to}, which it had banned")]
    DialledBanned { peer: usize, to: PeerKey },
    #[error("peer {peer} asked {to} for content after it had banned it")]
    AskedBanned { peer: usize, to: PeerKey },
    #[error("peer {peer} stored wrong bytes of share {share}")]
    WrongBytes { peer: usize, share: usize },
    #[error("peer {peer} had {before} verified bytes of share {share} and has {after}")]
    GroupsLost { peer: usize, share: usize, before: u64, after: u64 },
    #[error("peer {peer} says share {share} is done, but its store disagrees")]
    FalselyDone { peer: usize, share: usize },
    #[error("peer {peer} wants to wake at {deadline:?}, which is not after {now:?}")]
    DeadlinePassed { peer: usize, now: Time, deadline: Time },
    #[error("peer {peer} woke {found} times in a second, at most {max}")]
    Restless { peer: usize, found: usize, max: usize },
    #[error("peer {peer} wished {found} things after one input, at most {max}")]
    OutputFlood { peer: usize, found: usize, max: usize },
    #[error("peer {peer} answered token {token} that nobody waits for")]
    StrayAnswer { peer: usize, token: u64 },
    #[error("peer {peer} has not fetched share {share} after {seconds} s")]
    NotFetched { peer: usize, share: usize, seconds: u64 },
    #[error("peer {peer} has {found} direct neighbours, at least {min}")]
    Lonely { peer: usize, found: usize, min: usize },
    #[error("{found} bytes were thrown away, at most {max}")]
    Wasted { found: u64, max: u64 },
    #[error("{found} bytes of lies were heard, at most {max}")]
    LiesHeard { found: u64, max: u64 },
    #[error("peer {peer} is still connected to {shunned}, which nobody should be")]
    NotShunned { peer: usize, shunned: usize },
    #[error("peer {peer} is not registered at relay {relay}")]
    NotRegistered { peer: usize, relay: usize },
    #[error("a block does not add up")]
    Books(#[source] StateError),
    #[error("peer {peer} redeemed cheques that the ledger does not take")]
    BadCheque {
        peer: usize,
        #[source]
        why: TransactionError,
    },
    #[error("peer {peer} signed for {units} units and verified {bytes} bytes of {other}")]
    Overpaid { peer: usize, other: usize, units: u64, bytes: u64 },
    #[error("peer {peer} holds cheques of {units} units of {other}, which signed for {signed}")]
    Unsigned { peer: usize, other: usize, units: u64, signed: u64 },
    #[error("peer {peer} gave {bytes} bytes on credit to {other}, which may owe {limit}")]
    Overdrawn { peer: usize, other: usize, bytes: i64, limit: i64 },
    #[error("peer {peer} hung up on {other} for {why:?}, though neither did wrong")]
    HonestBanned { peer: usize, other: usize, why: PeerFailure },
}

/// A run that broke something, with all that is needed to see it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub violation: Violation,
    pub at: Time,
    pub steps: u64,
    pub seed: u64,
    /// The scenario's file, if it came from one.
    pub scenario: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (violation, ms, steps) = (&self.violation, self.at.as_millis(), self.steps);
        writeln!(f, "{violation}\n  after {ms} ms, step {steps}; replay with")?;
        match &self.scenario {
            Some(file) => write!(f, "  cargo run -p sim -- {file} --seed {}", self.seed),
            None => write!(f, "  cargo run -p sim -- --seed {}", self.seed),
        }
    }
}

impl std::error::Error for Failure {}
