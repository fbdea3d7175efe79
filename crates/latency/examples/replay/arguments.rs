//! `FILE --name value --flag`, nothing more.

use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

const FLAGS: [&str; 1] = ["triangle"];
const NAMES: [&str; 12] =
    ["nodes", "plane", "probes", "seed", "every", "candidates", "rounds", "runs", "low", "high", "policy", "liars"];

pub(crate) struct Arguments {
    pub(crate) file: PathBuf,
    named: BTreeMap<String, String>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut file = None;
        let mut named = BTreeMap::new();
        while let Some(word) = words.next() {
            match word.strip_prefix("--") {
                Some(flag) if FLAGS.contains(&flag) => drop(named.insert(flag.to_owned(), String::new())),
                Some(name) if NAMES.contains(&name) => {
                    let value = words.next().with_context(|| format!("--{name} needs a value"))?;
                    named.insert(name.to_owned(), value);
                }
                Some(unknown) => bail!("unknown option --{unknown}"),
                None if file.is_none() => file = Some(PathBuf::from(word)),
                None => bail!("more than one file: {word}"),
            }
        }
        Ok(Self { file: file.context("which file?")?, named })
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.named.contains_key(flag)
    }

    pub(crate) fn optional<T: FromStr>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let Some(word) = self.named.get(name) else { return Ok(None) };
        word.parse().map(Some).map_err(|_| anyhow::anyhow!("--{name} {word}: not understood"))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> anyhow::Result<T> {
        Ok(self.optional(name)?.unwrap_or(default))
    }

    pub(crate) fn required<T: FromStr>(&self, name: &str) -> anyhow::Result<T> {
        self.optional(name)?.with_context(|| format!("--{name} is needed"))
    }
}
