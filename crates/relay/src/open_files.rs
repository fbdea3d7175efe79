//! How many connections the operating system lets this process hold.
//!
//! Each connection is an open file, and the customary limit of 1,024 is a quarter of what the relay admits. The limit
//! up to which a process may raise its own is far higher; taking what the configuration needs is part of starting.

use crate::config::Limits;
use crate::seats::SEATS_MAX;

/// Everything that is not a connection: files being sent, sockets, the runtime.
const OTHERS: u64 = 256;

/// Raises the limit to what `limits` need, as far as allowed. Less than that is a warning, not an error: the relay
/// then turns clients away earlier.
pub fn allow(limits: &Limits) {
    let needed = u64::from(limits.connections) + u64::from(limits.pending) + SEATS_MAX as u64 + OTHERS;
    let granted = raise(needed);
    if granted < needed {
        log::warn!("only {granted} of {needed} files may be open; raise the limit (LimitNOFILE=, ulimit -n)");
    }
}

#[cfg(unix)]
fn raise(needed: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Without a limit there is nothing to raise.
    let Rlimit { current: Some(current), maximum } = getrlimit(Resource::Nofile) else { return needed };
    let granted = maximum.unwrap_or(needed).min(needed);
    if granted <= current {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(granted), maximum }) {
        Ok(()) => granted,
        Err(_) => current,
    }
}

#[cfg(not(unix))]
fn raise(needed: u64) -> u64 {
    needed
}
