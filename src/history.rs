//! What was given and taken, kept across reloads: one line for each run of bytes of one item to or from one peer.
//!
//! Read off the snapshots, whose counters begin at zero with every page and every connection; a counter that fell has
//! begun anew. Several tabs of one person write one history, so it is merged, never replaced.

use protocol::Snapshot;
use protocol::snapshot::TransferView;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines kept; a line is about 300 bytes and browsers keep 5 MiB for a page.
pub const LINES_MAX: usize = 1_000;

/// A pause that ends a line, ms.
const PAUSE_MS: f64 = 60_000.0;

/// Which way the bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    Given,
    Taken,
}

/// One run of bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub way: Way,
    /// The first and the last byte, ms since the Unix epoch.
    pub began: f64,
    pub ended: f64,
    /// The name of the item, as its sender called it.
    pub name: String,
    pub content_id: String,
    /// The `PeerId` of the other side.
    pub peer: String,
    pub bytes: u64,
}

impl Line {
    /// Two tabs of one person have different peers on the other side or began at different times.
    fn is_same_run(&self, other: &Self) -> bool {
        self.began == other.began
            && (self.way, &self.content_id, &self.peer) == (other.way, &other.content_id, &other.peer)
    }
}

type Counter = (Way, String, String);

/// The lines, oldest first, and where the counters stood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    lines: Vec<Line>,
    seen: BTreeMap<Counter, u64>,
}

impl History {
    /// What was kept before.
    pub fn kept(mut lines: Vec<Line>) -> Self {
        lines.retain(|line| line.began.is_finite() && line.ended.is_finite());
        let mut history = Self { lines, seen: BTreeMap::new() };
        history.tidy();
        history
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Adds what moved since the last snapshot; `now` is ms since the epoch. Returns whether anything did.
    pub fn observe(&mut self, now: f64, snapshot: &Snapshot) -> bool {
        let mut moved = false;
        for item in &snapshot.transfers {
            let taken = item.sources.iter().map(|source| (Way::Taken, &source.peer, source.bytes));
            let given = item.receivers.iter().map(|receiver| (Way::Given, &receiver.peer, receiver.bytes));
            for (way, peer, bytes) in taken.chain(given) {
                moved |= self.count(now, item, way, peer, bytes);
            }
        }
        // What is no longer listed starts from zero when it is listed again.
        let listed = |(way, id, peer): &Counter| {
            snapshot.transfers.iter().filter(|item| item.content_id == *id).any(|item| match way {
                Way::Taken => item.sources.iter().any(|source| source.peer == *peer),
                Way::Given => item.receivers.iter().any(|receiver| receiver.peer == *peer),
            })
        };
        self.seen.retain(|counter, _| listed(counter));
        moved
    }

    fn count(&mut self, now: f64, item: &TransferView, way: Way, peer: &str, bytes: u64) -> bool {
        let counter = (way, item.content_id.clone(), peer.to_owned());
        let before = self.seen.insert(counter, bytes).unwrap_or(0);
        let more = if bytes < before { bytes } else { bytes - before };
        if more == 0 {
            return false;
        }
        let mut recent = self.lines.iter_mut().rev().take_while(|line| line.ended >= now - PAUSE_MS);
        match recent.find(|line| line.way == way && line.content_id == item.content_id && line.peer == peer) {
            Some(line) => {
                line.bytes += more;
                line.ended = now;
            }
            None => {
                self.lines.push(Line {
                    way,
                    began: now,
                    ended: now,
                    name: item.name.clone(),
                    content_id: item.content_id.clone(),
                    peer: peer.to_owned(),
                    bytes: more,
                });
            }
        }
        self.tidy();
        true
    }

    /// Takes in what another tab of the same person has kept.
    pub fn merge(&mut self, others: Vec<Line>) {
        for other in Self::kept(others).lines {
            match self.lines.iter_mut().find(|line| line.is_same_run(&other)) {
                Some(line) => {
                    line.bytes = line.bytes.max(other.bytes);
                    line.ended = line.ended.max(other.ended);
                }
                None => self.lines.push(other),
            }
        }
        self.tidy();
    }

    /// Forgets every line. What was counted is not counted again.
    pub fn forget(&mut self) {
        self.lines.clear();
    }

    fn tidy(&mut self) {
        // By the last byte: only then is a line that still grows found at the end.
        self.lines.sort_by(|a, b| a.ended.total_cmp(&b.ended));
        let surplus = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..surplus);
    }

    /// Bytes given and taken over all lines.
    pub fn totals(&self) -> (u64, u64) {
        let sum = |way| self.lines.iter().filter(|line| line.way == way).map(|line| line.bytes).sum();
        (sum(Way::Given), sum(Way::Taken))
    }

    /// All lines as a table for spreadsheets (RFC 4180), with times in ms since the epoch.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("way,began_ms,ended_ms,bytes,peer,content_id,name\r\n");
        for line in &self.lines {
            let way = match line.way {
                Way::Given => "given",
                Way::Taken => "taken",
            };
            let Line { began, ended, bytes, peer, content_id, name, .. } = line;
            csv += &format!("{way},{began:.0},{ended:.0},{bytes},{peer},{content_id},{}\r\n", csv_field(name));
        }
        csv
    }
}

/// A field that a spreadsheet takes for text: quoted where RFC 4180 asks for it, and never a formula. Names are the
/// sender's words.
fn csv_field(text: &str) -> String {
    let guarded = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match guarded.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{fetch, share, snapshot};
    use protocol::snapshot::{ReceiverView, SourceState, SourceView};

    fn taking(bytes: u64) -> Snapshot {
        let source = SourceView { peer: "p".into(), state: SourceState::Active, bytes, rate: 0.0 };
        Snapshot { transfers: vec![TransferView { sources: vec![source], ..fetch(1) }], ..snapshot() }
    }

    fn giving(bytes: u64) -> Snapshot {
        let receiver = ReceiverView { peer: "p".into(), bytes, holds: 0, rate: 0.0 };
        Snapshot { transfers: vec![TransferView { receivers: vec![receiver], ..share(1) }], ..snapshot() }
    }

    #[test]
    fn a_run_of_bytes_is_one_line_and_a_pause_ends_it() {
        let mut history = History::default();
        assert!(history.observe(1_000.0, &taking(10)));
        assert!(history.observe(2_000.0, &taking(30)));
        assert!(!history.observe(3_000.0, &taking(30)), "nothing moved");
        assert_eq!((history.lines().len(), history.lines()[0].bytes, history.lines()[0].ended), (1, 30, 2_000.0));
        history.observe(2_000.0 + PAUSE_MS + 1.0, &taking(31));
        assert_eq!(history.lines().iter().map(|line| line.bytes).collect::<Vec<_>>(), [30, 1]);
    }

    #[test]
    fn a_counter_that_begins_anew_loses_nothing() {
        let mut history = History::default();
        history.observe(1_000.0, &giving(100));
        history.observe(2_000.0, &giving(40));
        assert_eq!(history.totals(), (140, 0));
        history.observe(3_000.0, &snapshot());
        history.observe(4_000.0, &giving(50));
        assert_eq!(history.totals(), (190, 0));
    }

    #[test]
    fn two_tabs_write_one_history() {
        let (mut mine, mut theirs) = (History::default(), History::default());
        mine.observe(1_000.0, &taking(10));
        theirs.observe(1_500.0, &giving(7));
        let old = mine.lines().to_vec();
        mine.observe(2_000.0, &taking(25));
        mine.merge(theirs.lines().to_vec());
        mine.merge(old);
        assert_eq!(mine.totals(), (7, 25));
        assert_eq!(mine.lines().len(), 2);
    }

    #[test]
    fn the_oldest_lines_make_room() {
        let mut history = History::default();
        for at in 0..(LINES_MAX as u64 + 50) {
            history.observe(at as f64 * 2.0 * PAUSE_MS, &taking(at + 1));
        }
        assert_eq!(history.lines().len(), LINES_MAX);
        assert_eq!(history.lines()[0].began, 50.0 * 2.0 * PAUSE_MS);
    }

    #[test]
    fn what_was_forgotten_is_not_counted_again() {
        let mut history = History::default();
        history.observe(1_000.0, &taking(10));
        history.forget();
        history.observe(2_000.0, &taking(12));
        assert_eq!(history.totals(), (0, 2));
    }

    #[test]
    fn a_name_is_never_a_formula_nor_a_second_row() {
        assert_eq!(csv_field("plain.txt"), "plain.txt");
        assert_eq!(csv_field("a,\"b\"\n.txt"), "\"a,\"\"b\"\"\n.txt\"");
        assert_eq!(csv_field("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }

    #[test]
    fn broken_lines_from_storage_are_left_out() {
        let line = Line {
            way: Way::Given,
            began: f64::NAN,
            ended: 1.0,
            name: String::new(),
            content_id: String::new(),
            peer: String::new(),
            bytes: 1,
        };
        assert_eq!(History::kept(vec![line]).lines(), []);
    }
}
