//! A run, written down: who is there, what they share and fetch, what goes wrong, and what must come of it.

use crate::dice::Dice;
use crate::fault::Fault;
use serde::Deserialize;

/// One scenario, as in `scenarios/*.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, for people.
    pub about: String,
    pub peers: usize,
    #[serde(default = "one")]
    pub relays: usize,
    /// How long it runs.
    pub seconds: u64,
    #[serde(default)]
    pub network: NetworkPlan,
    /// Peers start within this many milliseconds.
    #[serde(default = "start_within_ms")]
    pub start_within_ms: u64,
    /// Everybody passes on what they fetched.
    #[serde(default)]
    pub pass_on: bool,
    /// There is a ledger, and everybody on it has this many units.
    pub credits: Option<u64>,
    /// Who has no account on it.
    #[serde(default)]
    pub poor: Vec<usize>,
    #[serde(default)]
    pub share: Vec<Share>,
    #[serde(default)]
    pub fetch: Vec<Fetch>,
    #[serde(default)]
    pub fault: Vec<TimedFault>,
    #[serde(default)]
    pub expect: Expect,
}

/// The network's numbers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct NetworkPlan {
    /// Shortest and longest one-way delay.
    pub delay_ms: [u32; 2],
    /// Added to each message, at most.
    pub jitter_ms: u32,
    /// Messages that are sent again.
    pub loss_percent: u32,
    /// What each peer can send.
    pub uplink_kib: u32,
    /// What each peer can receive; 0 is no limit.
    pub downlink_kib: u32,
    /// What one connection can carry, each way, however idle its ends are: a data channel's own limit
    /// (performance.md: 3 to 6 MB/s at 23 ms). 0 is no limit.
    pub connection_kib: u32,
    /// Pairs that have no direct path.
    pub no_direct_percent: u32,
}

impl Default for NetworkPlan {
    /// A continent on home connections.
    fn default() -> Self {
        Self {
            delay_ms: [5, 60],
            jitter_ms: 5,
            loss_percent: 0,
            uplink_kib: 4 * 1024,
            downlink_kib: 0,
            connection_kib: 0,
            no_direct_percent: 0,
        }
    }
}

/// One file shared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Share {
    pub peer: usize,
    #[serde(default)]
    pub at_ms: u64,
    pub bytes: u64,
}

/// One link opened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fetch {
    pub peer: usize,
    /// Which of the shares.
    pub share: usize,
    pub at_ms: u64,
    /// It must be done this long after the start.
    pub done_by_s: Option<u64>,
}

/// Something goes wrong at a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimedFault {
    pub at_ms: u64,
    #[serde(flatten)]
    pub fault: Fault,
}

/// What must hold at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Expect {
    /// Direct neighbours of every living peer.
    pub neighbours_min: usize,
    /// Bytes thrown away by all together.
    pub wasted_max: Option<u64>,
    /// Bytes of groups from lying peers that reached anybody.
    pub lies_heard_max: Option<u64>,
    /// Peers nobody is connected to any more.
    pub shunned: Vec<usize>,
    /// Every living peer is registered at every living relay.
    pub registered: bool,
}

/// Why a text is not a scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("not a scenario")]
    Toml(#[from] toml::de::Error),
    #[error("{what} {number}, but there are {count}")]
    NoSuch { what: &'static str, number: usize, count: usize },
}

impl Scenario {
    /// Reads a scenario and checks that everybody it names is there.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let peer = |number: usize| within("peer", number, self.peers);
        let relay = |number: usize| within("relay", number, self.relays);
        for share in &self.share {
            peer(share.peer)?;
        }
        for fetch in &self.fetch {
            peer(fetch.peer)?;
            within("share", fetch.share, self.share.len())?;
        }
        for number in &self.poor {
            peer(*number)?;
        }
        for number in &self.expect.shunned {
            peer(*number)?;
        }
        for TimedFault { fault, .. } in &self.fault {
            match fault {
                Fault::KillRelay { relay: number } | Fault::StartRelay { relay: number } => relay(*number)?,
                Fault::CloseTab { peer: number }
                | Fault::KillTab { peer: number }
                | Fault::OpenTab { peer: number }
                | Fault::Lie { peer: number }
                | Fault::Withhold { peer: number }
                | Fault::StopPaying { peer: number }
                | Fault::Hide { peer: number, .. } => peer(*number)?,
                Fault::HangUp { peer: number, other } => {
                    peer(*number)?;
                    peer(*other)?;
                }
                Fault::Partition { peers, relays } => {
                    peers.iter().try_for_each(|number| peer(*number))?;
                    relays.iter().try_for_each(|number| relay(*number))?;
                }
                Fault::Heal => {}
            }
        }
        Ok(())
    }

    /// A scenario made up from a seed: churn, partitions, dying relays, liars, a lossy network. Nothing is
    /// expected of it but that no invariant breaks.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 2);
        let peers = 4 + dice.below(9) as usize;
        let relays = 1 + dice.below(2) as usize;
        let seconds = 90;
        let ms = |dice: &mut Dice| dice.below(seconds * 1_000);
        let some_peer = |dice: &mut Dice| dice.below(peers as u64) as usize;
        let share: Vec<Share> = (0..1 + dice.below(3))
            .map(|_| Share { peer: some_peer(&mut dice), at_ms: dice.below(5_000), bytes: dice.below(2_000_000) })
            .collect();
        let fetch = (0..1 + dice.below(8))
            .map(|_| Fetch {
                peer: some_peer(&mut dice),
                share: dice.below(share.len() as u64) as usize,
                at_ms: dice.below(40_000),
                done_by_s: None,
            })
            .collect();
        let fault = (0..dice.below(14))
            .map(|_| {
                let at_ms = ms(&mut dice);
                let peer = some_peer(&mut dice);
                let other = some_peer(&mut dice);
                let relay = dice.below(relays as u64) as usize;
                let fault = match dice.below(12) {
                    0 => Fault::KillRelay { relay },
                    1 | 2 => Fault::StartRelay { relay },
                    3 => Fault::CloseTab { peer },
                    4 => Fault::KillTab { peer },
                    5 | 6 => Fault::OpenTab { peer },
                    7 => Fault::Partition { peers: (0..=peer.min(other)).collect(), relays: Vec::new() },
                    8 => Fault::Heal,
                    9 => Fault::Lie { peer },
                    10 => Fault::Withhold { peer },
                    _ => Fault::HangUp { peer, other },
                };
                TimedFault { at_ms, fault }
            })
            .collect();
        Self {
            about: format!("made up from seed {seed}"),
            peers,
            relays,
            seconds,
            network: NetworkPlan {
                delay_ms: [1, 1 + dice.below(150) as u32],
                jitter_ms: dice.below(40) as u32,
                loss_percent: dice.below(10) as u32,
                uplink_kib: 256 + dice.below(8_192) as u32,
                downlink_kib: 0,
                connection_kib: 0,
                no_direct_percent: dice.below(30) as u32,
            },
            start_within_ms: dice.below(10_000),
            pass_on: dice.percent(60),
            credits: None,
            poor: Vec::new(),
            share,
            fetch,
            fault,
            expect: Expect::default(),
        }
    }
}

fn within(what: &'static str, number: usize, count: usize) -> Result<(), ScenarioError> {
    if number < count { Ok(()) } else { Err(ScenarioError::NoSuch { what, number, count }) }
}

const fn one() -> usize {
    1
}

const fn start_within_ms() -> u64 {
    2_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_names_somebody_who_is_not_there_is_refused() {
        let text = "about = 'x'\npeers = 2\nseconds = 1\n[[share]]\npeer = 2\nbytes = 1";
        assert!(matches!(Scenario::parse(text), Err(ScenarioError::NoSuch { what: "peer", number: 2, count: 2 })));
    }

    #[test]
    fn made_up_scenarios_name_only_those_who_are_there() {
        for seed in 0..200 {
            Scenario::random(seed).check().expect("a scenario from a seed is sound");
        }
    }
}
