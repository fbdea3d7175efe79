//! Who may hold how many unread bytes.
//!
//! Three bounds, checked together when bytes arrive: of the stream, of its connection, of all connections. A data
//! channel has no receive back-pressure, so beyond them bytes can only be refused, and their stream with them.

use crate::config::Config;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The counters of one connection and of everything it shares a tab with.
#[derive(Clone, Debug)]
pub struct Budget {
    stream_max: usize,
    connection: Rc<Cell<usize>>,
    connection_max: usize,
    total: Arc<AtomicUsize>,
    total_max: usize,
}

/// Which bound was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// The stream's own.
    #[error("more than {0} unread bytes on one stream")]
    Stream(usize),
    /// The connection's.
    #[error("more than {0} unread bytes on one connection")]
    Connection(usize),
    /// The tab's.
    #[error("more than {0} unread bytes in all")]
    Total(usize),
}

impl Budget {
    /// The budget of a new connection; `total` is shared by all.
    pub(crate) fn new(config: &Config, total: Arc<AtomicUsize>) -> Self {
        Self {
            stream_max: config.recv_stream,
            connection: Rc::default(),
            connection_max: config.recv_connection,
            total,
            total_max: config.recv_total,
        }
    }

    /// Takes room for `len` bytes more on a stream that holds `held`.
    pub(super) fn reserve(&self, held: usize, len: usize) -> Result<(), Overload> {
        if held + len > self.stream_max {
            return Err(Overload::Stream(self.stream_max));
        }
        if self.connection.get() + len > self.connection_max {
            return Err(Overload::Connection(self.connection_max));
        }
        if self.total.load(Ordering::Relaxed) + len > self.total_max {
            return Err(Overload::Total(self.total_max));
        }
        self.connection.set(self.connection.get() + len);
        self.total.fetch_add(len, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn release(&self, len: usize) {
        self.connection.set(self.connection.get() - len);
        self.total.fetch_sub(len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { recv_stream: 10, recv_connection: 15, recv_total: 20, ..Config::default() }
    }

    #[test]
    fn each_bound_is_named_when_it_is_hit() {
        let total = Arc::default();
        let (a, b) = (Budget::new(&config(), Arc::clone(&total)), Budget::new(&config(), total));
        assert_eq!(a.reserve(0, 10), Ok(()));
        assert_eq!(a.reserve(10, 1), Err(Overload::Stream(10)));
        assert_eq!(a.reserve(0, 6), Err(Overload::Connection(15)));
        assert_eq!(b.reserve(0, 10), Ok(()));
        assert_eq!(b.reserve(0, 1), Err(Overload::Total(20)));
        a.release(10);
        assert_eq!(b.reserve(0, 5), Ok(()));
    }
}
