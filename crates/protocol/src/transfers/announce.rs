//! Telling directories what we serve: relays, and every direct neighbour.
//!
//! A directory hears the whole list, replacing what it knew: when the list changed, when it is new to us, and
//! every 45 s. Changes are gathered for half a second per directory, so that a hundred files dropped at once do
//! not become a hundred lists.

use crate::outbox::Outbox;
use crate::{Directory, Output};
use clock::Time;
use content::ContentId;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// Half of the directories' TTL: one lost renewal costs nothing.
pub(crate) const RENEW_EVERY: Duration = Duration::from_secs(45);

/// The shortest time between two lists to one directory.
const GATHER: Duration = Duration::from_millis(500);

/// What every directory was last told.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    ids: Vec<ContentId>,
    /// Counts changes of `ids`; 0 is the empty list everybody assumes.
    version: u64,
    told: BTreeMap<Directory, Told>,
    wake_at: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Time,
    version: u64,
}

impl Announcer {
    /// Announces what is due. `ids`: all we serve, what matters most first.
    pub(crate) fn tick(
        &mut self,
        now: Time,
        directories: &BTreeSet<Directory>,
        mut ids: Vec<ContentId>,
        out: &mut Outbox,
    ) {
        ids.truncate(providers::IDS_MAX);
        if ids != self.ids {
            self.ids = ids;
            self.version += 1;
        }
        // A directory that left and came back knows nothing of us any more.
        self.told.retain(|directory, _| directories.contains(directory));
        self.wake_at = None;
        for directory in directories {
            let told = self.told.get(directory).copied();
            if told.is_none() && self.ids.is_empty() {
                continue;
            }
            let due = match told {
                None => now,
                Some(told) if told.version != self.version => told.at + GATHER,
                Some(_) if self.ids.is_empty() => continue,
                Some(told) => told.at + RENEW_EVERY,
            };
            let next = if due <= now {
                out.push(Output::Announce { to: *directory, ids: self.ids.clone() });
                self.told.insert(*directory, Told { at: now, version: self.version });
                if self.ids.is_empty() {
                    continue;
                }
                now + RENEW_EVERY
            } else {
                due
            };
            self.wake_at = Some(self.wake_at.map_or(next, |wake_at| wake_at.min(next)));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.wake_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PeerKey, RelayIndex};

    const RELAY: Directory = Directory::Relay(RelayIndex(0));
    const NEIGHBOUR: Directory = Directory::Neighbour(PeerKey([1; 32]));

    #[test]
    fn everybody_is_told_at_once_and_again_before_they_forget() {
        let mut announcer = Announcer::default();
        assert_eq!(tick(&mut announcer, 0, &[RELAY, NEIGHBOUR], &[1]), [(RELAY, 1), (NEIGHBOUR, 1)]);
        assert_eq!(tick(&mut announcer, 44_999, &[RELAY, NEIGHBOUR], &[1]), []);
        assert_eq!(announcer.next_deadline(), Some(ms(45_000)));
        assert_eq!(tick(&mut announcer, 45_000, &[RELAY, NEIGHBOUR], &[1]), [(RELAY, 1), (NEIGHBOUR, 1)]);
    }

    #[test]
    fn a_new_directory_is_told_at_once() {
        let mut announcer = Announcer::default();
        tick(&mut announcer, 0, &[RELAY], &[1]);
        assert_eq!(tick(&mut announcer, 10, &[RELAY, NEIGHBOUR], &[1]), [(NEIGHBOUR, 1)]);
        tick(&mut announcer, 20, &[NEIGHBOUR], &[1]);
        assert_eq!(tick(&mut announcer, 30, &[RELAY, NEIGHBOUR], &[1]), [(RELAY, 1)], "it was restarted");
    }

    #[test]
    fn many_changes_become_few_lists() {
        let mut announcer = Announcer::default();
        let mut lists = 0;
        for n in 1..=100 {
            let ids: Vec<u8> = (1..=n).collect();
            lists += tick(&mut announcer, u64::from(n), &[RELAY], &ids).len();
        }
        assert_eq!(lists, 1);
        let at = announcer.next_deadline().expect("99 changes wait").as_millis();
        let ids: Vec<u8> = (1..=100).collect();
        assert_eq!(tick(&mut announcer, at, &[RELAY], &ids), [(RELAY, 100)]);
    }

    #[test]
    fn nothing_to_say_is_said_only_to_those_who_heard_something() {
        let mut announcer = Announcer::default();
        assert_eq!(tick(&mut announcer, 0, &[RELAY], &[]), []);
        tick(&mut announcer, 1_000, &[RELAY], &[1]);
        assert_eq!(tick(&mut announcer, 2_000, &[RELAY], &[]), [(RELAY, 0)]);
        assert_eq!(announcer.next_deadline(), None);
        assert_eq!(tick(&mut announcer, 99_000, &[RELAY], &[]), []);
    }

    fn tick(announcer: &mut Announcer, at_ms: u64, to: &[Directory], ids: &[u8]) -> Vec<(Directory, usize)> {
        let mut out = Outbox::default();
        let ids = ids.iter().map(|n| ContentId([*n; 32])).collect();
        announcer.tick(ms(at_ms), &to.iter().copied().collect(), ids, &mut out);
        core::iter::from_fn(|| out.pop())
            .map(|output| match output {
                Output::Announce { to, ids } => (to, ids.len()),
                other => panic!("unexpected {other:?}"),
            })
            .collect()
    }

    fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }
}
