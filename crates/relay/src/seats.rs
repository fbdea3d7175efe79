//! How many connections the web server holds at once, all together and for each [`Prefix`].
//!
//! A seat is taken when a connection is accepted and given back when it ends or becomes a WebSocket, whose number
//! libp2p limits by its own count. When all are taken the newest client waits outside: those who sit were here
//! first. Slowloris and slow readers cost their own prefix its seats and nobody else's.

use crate::prefix::Prefix;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections that are not WebSockets. Each costs one file and at most 16 KiB.
pub(crate) const SEATS_MAX: usize = 1_024;

/// Of these for one prefix: twenty tabs behind one address, loading the page at the same moment.
const SEATS_PER_PREFIX_MAX: usize = 192;

#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_prefix: BTreeMap<Prefix, usize>,
}

/// One connection's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    prefix: Prefix,
}

impl Seats {
    /// A place for a client at `address`, if there is one. A proxy on this machine speaks for many clients and is
    /// held to the total only.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Seat> {
        let prefix = Prefix::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.by_prefix.get(&prefix).copied().unwrap_or_default();
        if taken.all >= SEATS_MAX || (mine >= SEATS_PER_PREFIX_MAX && !address.to_canonical().is_loopback()) {
            return None;
        }
        taken.all += 1;
        taken.by_prefix.insert(prefix, mine + 1);
        Some(Seat { seats: self.clone(), prefix })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(mine) = taken.by_prefix.get_mut(&self.prefix) {
            *mine -= 1;
            if *mine == 0 {
                taken.by_prefix.remove(&self.prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_prefix_cannot_take_the_seats_of_another() {
        let seats = Seats::default();
        let greedy: Vec<Seat> = (0..=255u8).map_while(|last| seats.take(IpAddr::from([192, 0, 2, last]))).collect();
        assert_eq!(greedy.len(), SEATS_PER_PREFIX_MAX);
        assert!(seats.take(IpAddr::from([192, 0, 3, 1])).is_some());
        drop(greedy);
        assert!(seats.take(IpAddr::from([192, 0, 2, 1])).is_some());
        assert!(seats.taken.lock().expect("not poisoned").by_prefix.is_empty());
    }

    #[test]
    fn the_total_holds_for_this_machine_too() {
        let seats = Seats::default();
        let all: Vec<Seat> = std::iter::from_fn(|| seats.take(IpAddr::from([127, 0, 0, 1]))).collect();
        assert_eq!(all.len(), SEATS_MAX);
    }
}
