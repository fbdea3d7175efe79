//! The connection budgets, counted from outside: the peers keep their own books, and these must agree.

use crate::host::Host;
use crate::report::Violation;
use clock::Time;
use core::time::Duration;

/// Wishes after one input: a full announcement to every directory, a read and a request per connection, and a
/// cancel per group of a few flow windows fit many times.
const OUTPUTS_MAX: usize = 8_192;

/// Alarms of one peer within a second: a few timers of each room and each download, none of them twice.
const ALARMS_PER_SECOND_MAX: usize = 100;

const MINUTE: Duration = Duration::from_secs(60);

/// Looks at one peer after an input whose outputs were all performed.
pub(crate) fn check(now: Time, peer: usize, host: &Host, outputs: usize) -> Result<(), Violation> {
    let config = &host.config;
    // An attempt and the relayed connection that it goes over are one place.
    let ours_linked = |other: &usize| host.links.get(other).is_some_and(|link| link.ours);
    let ours = host.links.values().filter(|link| link.ours).count()
        + host.dials.keys().filter(|other| !ours_linked(other)).count();
    if ours > config.outbound_max {
        return Err(Violation::Outbound { peer, found: ours, max: config.outbound_max });
    }
    let theirs = host.links.values().filter(|link| !link.ours).count();
    if theirs > config.inbound_max {
        return Err(Violation::Inbound { peer, found: theirs, max: config.inbound_max });
    }
    if host.dials.len() > config.dials_max {
        return Err(Violation::Dialling { peer, found: host.dials.len(), max: config.dials_max });
    }
    if outputs > OUTPUTS_MAX {
        return Err(Violation::OutputFlood { peer, found: outputs, max: OUTPUTS_MAX });
    }
    match host.peer.as_ref().and_then(|peer| peer.next_deadline()) {
        Some(deadline) if deadline <= now => Err(Violation::DeadlinePassed { peer, now, deadline }),
        Some(_) | None => Ok(()),
    }
}

/// Counts one attempt.
pub(crate) fn on_dial(now: Time, peer: usize, host: &mut Host) -> Result<(), Violation> {
    while host.dial_starts.front().is_some_and(|start| *start + MINUTE <= now) {
        host.dial_starts.pop_front();
    }
    host.dial_starts.push_back(now);
    let (found, max) = (host.dial_starts.len(), host.config.dials_per_minute as usize);
    if found > max { Err(Violation::DialRate { peer, found, max }) } else { Ok(()) }
}

/// Counts one alarm: a peer that wakes without anything to do is a tab that spins.
pub(crate) fn on_alarm(now: Time, peer: usize, host: &mut Host) -> Result<(), Violation> {
    let second = now.as_millis() / 1_000;
    let (last, count) = host.alarms;
    let found = if last == second { count + 1 } else { 1 };
    host.alarms = (second, found);
    if found > ALARMS_PER_SECOND_MAX {
        return Err(Violation::Restless { peer, found, max: ALARMS_PER_SECOND_MAX });
    }
    Ok(())
}
