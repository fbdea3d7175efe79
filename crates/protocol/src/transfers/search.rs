//! Asking directories who provides one content.
//!
//! At once, then after 1, 2, 4, 8 and 15 s, and every 15 s from there on; at once again when somebody new can be
//! asked. While there are enough sources, only every half minute, to hear of more.

use crate::outbox::Outbox;
use crate::{Directory, Output};
use clock::Time;
use content::ContentId;
use core::time::Duration;
use std::collections::BTreeSet;

/// Pauses between askings.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// The pause while sources are enough.
const PAUSE_FED: Duration = Duration::from_secs(30);

/// Sources that are enough: more gain little and cost others a connection.
pub(crate) const SOURCES_ENOUGH: usize = 4;

/// Neighbours asked at once, in turns: an answer from each would tell much the same.
const NEIGHBOURS_ASKED_MAX: usize = 4;

/// The search for one content's providers.
#[derive(Debug)]
pub(crate) struct Search {
    next_at: Time,
    asked: usize,
    /// Those asked at least once since the search began.
    known: BTreeSet<Directory>,
    /// The neighbour asked last.
    turn: Option<Directory>,
}

impl Search {
    pub(crate) fn new(now: Time) -> Self {
        Self { next_at: now, asked: 0, known: BTreeSet::new(), turn: None }
    }

    /// Starts over: the last provider left, or the person asks again.
    pub(crate) fn restart(&mut self, now: Time) {
        self.next_at = now;
        self.asked = 0;
    }

    pub(crate) fn tick(
        &mut self,
        now: Time,
        id: ContentId,
        directories: &BTreeSet<Directory>,
        sources: usize,
        out: &mut Outbox,
    ) {
        self.known.retain(|directory| directories.contains(directory));
        let fed = sources >= SOURCES_ENOUGH;
        let fresh: Vec<Directory> = directories.difference(&self.known).copied().collect();
        if directories.is_empty() {
            return;
        }
        if now >= self.next_at {
            let (relays, neighbours): (Vec<Directory>, Vec<Directory>) =
                directories.iter().partition(|directory| matches!(directory, Directory::Relay(_)));
            for at in relays.into_iter().chain(self.next_neighbours(&neighbours)) {
                out.push(Output::FindProviders { at, id });
            }
            let pause = PAUSES[self.asked.min(PAUSES.len() - 1)];
            self.next_at = now + if fed { PAUSE_FED } else { pause };
            self.asked += 1;
        } else if !fed {
            for at in &fresh {
                out.push(Output::FindProviders { at: *at, id });
            }
        }
        self.known.extend(fresh);
    }

    /// The next ones after the last asked, around the list.
    fn next_neighbours(&mut self, neighbours: &[Directory]) -> Vec<Directory> {
        let start = neighbours.partition_point(|neighbour| Some(*neighbour) <= self.turn);
        let (before, after) = neighbours.split_at(start);
        let next: Vec<Directory> = after.iter().chain(before).copied().take(NEIGHBOURS_ASKED_MAX).collect();
        self.turn = next.last().copied().or(self.turn);
        next
    }

    /// When to ask again; only of use while there is somebody to ask.
    pub(crate) fn next_at(&self) -> Time {
        self.next_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PeerKey, RelayIndex};

    const ID: ContentId = ContentId([7; 32]);
    const RELAY: Directory = Directory::Relay(RelayIndex(0));

    #[test]
    fn pauses_grow_to_a_quarter_of_a_minute() {
        let mut search = Search::new(ms(0));
        let mut asked_at = Vec::new();
        for second in 0..61 {
            if !tick(&mut search, second * 1_000, &[RELAY], 0).is_empty() {
                asked_at.push(second);
            }
        }
        assert_eq!(asked_at, [0, 1, 3, 7, 15, 30, 45, 60]);
    }

    #[test]
    fn somebody_new_is_asked_at_once() {
        let mut search = Search::new(ms(0));
        tick(&mut search, 0, &[RELAY], 0);
        assert_eq!(tick(&mut search, 10, &[RELAY, neighbour(1)], 0), [neighbour(1)]);
        assert_eq!(tick(&mut search, 20, &[RELAY, neighbour(1)], 0), []);
    }

    #[test]
    fn nobody_to_ask_does_not_use_up_the_quick_askings() {
        let mut search = Search::new(ms(0));
        tick(&mut search, 0, &[], 0);
        tick(&mut search, 9_000, &[], 0);
        assert_eq!(tick(&mut search, 10_000, &[RELAY], 0), [RELAY]);
        assert_eq!(search.next_at(), ms(11_000));
    }

    #[test]
    fn neighbours_are_asked_in_turns() {
        let mut search = Search::new(ms(0));
        let all: Vec<Directory> = (1..=6).map(neighbour).collect();
        let first = tick(&mut search, 0, &all, 0);
        let second = tick(&mut search, 1_000, &all, 0);
        assert_eq!(first, all[..4]);
        assert_eq!(second, [all[4], all[5], all[0], all[1]]);
    }

    #[test]
    fn enough_sources_slow_the_search_down() {
        let mut search = Search::new(ms(0));
        tick(&mut search, 0, &[RELAY], SOURCES_ENOUGH);
        assert_eq!(search.next_at(), ms(30_000));
    }

    fn tick(search: &mut Search, at_ms: u64, directories: &[Directory], sources: usize) -> Vec<Directory> {
        let mut out = Outbox::default();
        search.tick(ms(at_ms), ID, &directories.iter().copied().collect(), sources, &mut out);
        core::iter::from_fn(|| out.pop())
            .map(|output| match output {
                Output::FindProviders { at, id: ID } => at,
                other => panic!("unexpected {other:?}"),
            })
            .collect()
    }

    fn neighbour(n: u8) -> Directory {
        Directory::Neighbour(PeerKey([n; 32]))
    }

    fn ms(ms: u64) -> Time {
        Time::from_micros(ms * 1_000)
    }
}
