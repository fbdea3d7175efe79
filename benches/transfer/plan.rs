//! What a run measures: which sizes, sources and round trips, against whom, how often.
//!
//! The short form ends in minutes and says what the long one is. `cargo xtask bench` compiles this file as well, so that a
//! wrong word is an error before anything is built; the tests are there, as a benchmark has none.

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use std::collections::BTreeSet;
use std::str::FromStr;

/// The long form: everything that issue 3 lists.
pub(crate) const LONG: &str = "--sizes 1,64,1024 --sources 1,4 --rtt 0,20,50,100 --rounds 5";
const SHORT_ROUNDS: u32 = 3;
const SHORT_SIZES: [u64; 1] = [64];
const SHORT_SOURCES: [u16; 1] = [1];
const SHORT_ROUND_TRIPS: [u64; 2] = [0, 20];
/// What a machine's memory and patience can take.
const MIB_MAX: u64 = 4_096;
const SOURCES_MAX: u16 = 8;
const ROUND_TRIP_MAX_MS: u64 = 1_000;

/// A way to get bytes from tab to tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// A bare data channel with a window granted by the receiver: the ceiling.
    Raw,
    /// A bare data channel, 16 KiB and wait: what the ceiling must beat, or something else was slow.
    Stop,
    Starling,
    JsLibp2p,
    Webtorrent,
}

impl Way {
    pub(crate) const ALL: [Self; 5] = [Self::Raw, Self::Stop, Self::Starling, Self::JsLibp2p, Self::Webtorrent];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Stop => "stop-and-wait",
            Self::Starling => "starling",
            Self::JsLibp2p => "js-libp2p",
            Self::Webtorrent => "webtorrent",
        }
    }
}

/// One row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Cell {
    pub(crate) mib: u64,
    pub(crate) sources: u16,
    pub(crate) rtt_ms: u64,
}

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cells: Vec<Cell>,
    pub(crate) ways: BTreeSet<Way>,
    pub(crate) rounds: u32,
    pub(crate) json: bool,
    /// Nothing was chosen, so the run is the short one.
    pub(crate) short: bool,
}

impl Plan {
    /// Reads the command line; what Cargo adds by itself is ignored.
    pub(crate) fn read() -> Result<Self> {
        Self::parse(std::env::args().skip(1).filter(|word| word != "--bench"))
    }

    /// Reads words: what `cargo xtask bench` does before it builds anything.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut sizes, mut sources) = (SHORT_SIZES.to_vec(), SHORT_SOURCES.to_vec());
        let mut round_trips = SHORT_ROUND_TRIPS.to_vec();
        let (mut rounds, mut json, mut short) = (SHORT_ROUNDS, false, true);
        let mut ways = BTreeSet::from(Way::ALL);
        while let Some(word) = words.next() {
            if word == "--json" {
                json = true;
                continue;
            }
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            short = false;
            match word.as_str() {
                "--sizes" => sizes = list(&word, &value, 1..=MIB_MAX)?,
                "--sources" => sources = list(&word, &value, 1..=SOURCES_MAX)?,
                "--rtt" => round_trips = list(&word, &value, 0..=ROUND_TRIP_MAX_MS)?,
                "--rounds" => rounds = list(&word, &value, 1..=100)?[0],
                "--against" => ways = against(&value)?,
                _ => bail!("{word} is unknown; there are --sizes, --sources, --rtt, --rounds, --against and --json"),
            }
        }
        let mut cells = Vec::new();
        for &rtt_ms in &round_trips {
            for &sources in &sources {
                cells.extend(sizes.iter().map(|&mib| Cell { mib, sources, rtt_ms }));
            }
        }
        Ok(Self { cells, ways, rounds, json, short })
    }
}

fn list<T>(word: &str, value: &str, within: std::ops::RangeInclusive<T>) -> Result<Vec<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + PartialOrd + std::fmt::Display + Ord,
{
    let one = |text: &str| -> Result<T> {
        let number = text.parse().with_context(|| format!("{word} {value}: {text:?} is not a number"))?;
        ensure!(
            within.contains(&number),
            "{word} {value}: {text} is not within {} to {}",
            within.start(),
            within.end()
        );
        Ok(number)
    };
    let numbers = value.split(',').map(one).collect::<Result<BTreeSet<T>>>()?;
    Ok(numbers.into_iter().collect())
}

/// Starling and the ceiling are always there: without them there is no ratio.
fn against(value: &str) -> Result<BTreeSet<Way>> {
    let mut ways = BTreeSet::from([Way::Raw, Way::Stop, Way::Starling]);
    for name in value.split(',') {
        let way = Way::ALL.into_iter().find(|way| way.name() == name);
        let names = Way::ALL.map(Way::name).join(", ");
        ways.insert(way.with_context(|| format!("--against {value}: there is no {name:?}, there are {names}"))?);
    }
    Ok(ways)
}
