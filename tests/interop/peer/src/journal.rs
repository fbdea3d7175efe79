//! What the libraries log: warnings are complaints, the rest is kept for the reader of a failed test.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::cell::RefCell;
use std::collections::VecDeque;

/// Lines kept; older ones are forgotten.
const LINES_MAX: usize = 400;
/// Whose debug lines are kept.
const OURS: [&str; 3] = ["transport", "websocket", env!("CARGO_CRATE_NAME")];

thread_local! {
    static LINES: RefCell<VecDeque<(Level, String)>> = const { RefCell::new(VecDeque::new()) };
}

struct Journal;

impl Log for Journal {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn || OURS.iter().any(|name| metadata.target().starts_with(name))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = format!("{:.0} {} {}: {}", js_sys::Date::now(), record.level(), record.target(), record.args());
        LINES.with_borrow_mut(|lines| {
            if lines.len() == LINES_MAX {
                lines.pop_front();
            }
            lines.push_back((record.level(), line));
        });
    }

    fn flush(&self) {}
}

/// Begins to listen; a second call changes nothing.
pub(crate) fn start() {
    if log::set_logger(&Journal).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

/// Warnings and errors.
pub(crate) fn complaints() -> Vec<String> {
    lines(Level::Warn)
}

/// Everything that is still remembered.
pub(crate) fn recent() -> Vec<String> {
    lines(Level::Debug)
}

fn lines(least: Level) -> Vec<String> {
    LINES.with_borrow(|lines| lines.iter().filter(|(level, _)| *level <= least).map(|(_, line)| line.clone()).collect())
}
