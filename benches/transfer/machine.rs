//! What a browser's processes cost, as the kernel counts it: memory of its pages, processor time of all of it.
//!
//! Memory is the proportional share (PSS) of all renderers of one browser: its page, its workers, and the spare that the
//! browser keeps, which is why only differences to the idle page are reported. Linux only.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A look costs the kernel some milliseconds per renderer.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// `/proc` counts processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// All processes of one browser.
#[derive(Clone, Debug)]
pub(crate) struct Processes(u32);

impl Processes {
    pub(crate) fn of(browser: &tests::Browser) -> Result<Self> {
        browser.process().map(Self).context("chromedriver did not say which process the browser is")
    }

    /// Processor time used so far.
    pub(crate) fn busy(&self) -> Result<Duration> {
        let mut ticks = 0;
        for process in self.all()? {
            // One that has just ended has no times any more.
            ticks += stat(process).map_or(0, |stat| stat.ticks);
        }
        Ok(TICK * ticks)
    }

    /// KiB of all renderers together.
    pub(crate) fn renderers_kib(&self) -> Result<u64> {
        let renderers = self.all()?.into_iter().filter(|process| is_renderer(*process));
        Ok(renderers.filter_map(pss_kib).sum())
    }

    fn all(&self) -> Result<BTreeSet<u32>> {
        let mut parents = BTreeMap::new();
        for entry in std::fs::read_dir("/proc").context("only Linux says what a process has used")? {
            let name = entry?.file_name();
            let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if let Some(stat) = stat(process) {
                parents.insert(process, stat.parent);
            }
        }
        let mut found = BTreeSet::from([self.0]);
        loop {
            let more: BTreeSet<u32> =
                parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(process, _)| *process).collect();
            if more.is_subset(&found) {
                return Ok(found);
            }
            found.extend(more);
        }
    }
}

struct Stat {
    parent: u32,
    ticks: u32,
}

fn stat(process: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u32>().ok();
    Some(Stat { parent: number(1)?, ticks: number(11)? + number(12)? })
}

fn is_renderer(process: u32) -> bool {
    // Renderers write their whole line into one word.
    std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains("--type=renderer"))
}

fn pss_kib(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Looks at a browser's memory again and again, and keeps the most.
#[derive(Debug)]
pub(crate) struct Peak {
    idle_kib: u64,
    most_kib: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Peak {
    /// What is there now is the idle page.
    pub(crate) fn watch(processes: Processes) -> Result<Self> {
        let idle_kib = processes.renderers_kib()?;
        let (most_kib, over) = (Arc::new(AtomicU64::new(idle_kib)), Arc::new(AtomicBool::new(false)));
        let (most, end) = (Arc::clone(&most_kib), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                if let Ok(now) = processes.renderers_kib() {
                    most.fetch_max(now, Ordering::Relaxed);
                }
                std::thread::park_timeout(LOOK_EVERY);
            }
        });
        Ok(Self { idle_kib, most_kib, over, thread })
    }

    /// MiB above the idle page, at the most.
    pub(crate) fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that panicked has printed why; what it saw before counts.
        let _ = self.thread.join();
        (self.most_kib.load(Ordering::Relaxed) - self.idle_kib) as f64 / 1024.0
    }
}
