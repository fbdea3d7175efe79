//! What goes wrong, and when.

use serde::Deserialize;

/// One thing that goes wrong, or right again. Peers and relays are named by number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Fault {
    /// `kill -9`: its connections, registrations and tables are gone.
    KillRelay { relay: usize },
    /// It comes back with nothing but its key.
    StartRelay { relay: usize },
    /// The tab is closed: others are told.
    CloseTab { peer: usize },
    /// The tab, or its machine, dies: others find out.
    KillTab { peer: usize },
    /// The tab is opened again, as a new peer that has nothing.
    OpenTab { peer: usize },
    /// These peers (and relays) are cut off from all others, but not from each other.
    Partition {
        peers: Vec<usize>,
        #[serde(default)]
        relays: Vec<usize>,
    },
    /// Everybody can reach everybody again.
    Heal,
    /// From now on the peer flips a bit in every group it sends.
    Lie { peer: usize },
    /// From now on the peer sends no group it promised.
    Withhold { peer: usize },
    /// From now on the peer signs no more cheques, and goes on fetching.
    StopPaying { peer: usize },
    /// The tab goes to the background, or comes back.
    Hide { peer: usize, hidden: bool },
    /// One peer drops its connection to another.
    HangUp { peer: usize, other: usize },
}
