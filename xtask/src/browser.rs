//! Which Chromium and ChromeDriver the tests use: `CHROMIUM` and `CHROMEDRIVER`, or the first on the PATH.

use crate::system::which;
use std::path::PathBuf;

/// Names Chromium goes by.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser's binary.
pub(crate) fn chromium() -> Option<PathBuf> {
    named("CHROMIUM").or_else(|| BROWSERS.iter().find_map(|name| which(name)))
}

/// The driver's binary.
pub(crate) fn chromedriver() -> Option<PathBuf> {
    named("CHROMEDRIVER").or_else(|| which("chromedriver"))
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
}

/// Debian's names of what is not here.
pub(crate) fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if chromium().is_none() {
        missing.push("chromium");
    }
    if chromedriver().is_none() {
        missing.push("chromium-driver");
    }
    missing
}
