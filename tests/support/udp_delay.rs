//! A network between browsers on one machine: every packet between two tabs takes the time, the room and the luck that a
//! test asks for.
//!
//! Each browser gets a **gate**, one UDP socket. A script that runs before the page replaces whatever candidates the other
//! side signals by the address of this browser's own gate, so there is nothing else to send to. Who is meant is read from
//! the ICE credentials inside the packets ([`Switch`]), so signalling is not asked, addresses are not rewritten in flight,
//! and a page is not changed: Starling, js-libp2p, WebTorrent and bare pages all go through it. What a packet suffers is
//! decided in [`Link`]. Both are plain values with the time as an argument; here are only sockets, threads and a clock.
//!
//! Threads and not tasks: a runtime's timer counts whole milliseconds, a tenth of a round trip of 20 ms. It costs the
//! machine two system calls and two wake-ups per packet, so figures are compared within one link, never with a direct
//! path. IPv4 on this machine only.
//!
//! Source: the idea is `tc-netem`'s; the username of a connectivity check is RFC 8445, section 7.2.2.

mod link;
mod stun;
mod switch;

pub use link::{Link, RoundTrip, Traffic};
pub use switch::{Arrival, Departure, Gate, Switch};

use anyhow::{Context, Result, ensure};
use clock::Time;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The largest UDP packet.
const PACKET_MAX: usize = 65_535;
/// A packet due this soon goes at once: fewer wake-ups, and far below what STUN can measure.
const SLACK: Duration = Duration::from_micros(50);
/// Replaces the candidates that a page is told of.
const SCRIPT: &str = include_str!("udp_delay/candidates.js");

/// The gates of some browsers and the links between them. Ends with this value.
#[derive(Debug)]
pub struct UdpDelay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    over: AtomicBool,
    sockets: Vec<UdpSocket>,
    switch: Mutex<Switch>,
    /// Something is due earlier than before.
    sooner: Condvar,
}

impl UdpDelay {
    /// Opens as many gates, each on a free port, with links that add nothing.
    pub fn start(gates: u16) -> Result<Self> {
        let open = |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("no free UDP port");
        let sockets = (0..gates).map(open).collect::<Result<Vec<_>>>()?;
        let shared = Arc::new(Shared {
            started: Instant::now(),
            over: AtomicBool::new(false),
            sockets,
            switch: Mutex::new(Switch::default()),
            sooner: Condvar::new(),
        });
        let mut delay = Self { shared, threads: Vec::new() };
        for gate in (0..gates).map(Gate) {
            delay.spawn(format!("gate {}", gate.0), move |shared| shared.receive(gate))?;
        }
        delay.spawn("departures".to_owned(), |shared| shared.send())?;
        Ok(delay)
    }

    fn spawn(&mut self, name: String, body: impl FnOnce(&Shared) + Send + 'static) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || body(&shared));
        self.threads.push(thread.context("no thread can be started")?);
        Ok(())
    }

    /// What the browser behind this gate runs before every page (`Options::script`).
    pub fn script(&self, gate: u16) -> Result<String> {
        let socket = self.shared.sockets.get(usize::from(gate)).with_context(|| format!("there is no gate {gate}"))?;
        let address = socket.local_addr().context("a gate has no address")?;
        let gate = format!("'{}', {}", address.ip(), address.port());
        Ok(SCRIPT.replace("'GATE ADDRESS', 'GATE PORT'", &gate))
    }

    /// Gives the link between two gates, both ways, other properties from now on.
    pub fn set(&self, one: u16, other: u16, link: &Link) -> Result<()> {
        let gates = self.shared.sockets.len();
        ensure!(usize::from(one.max(other)) < gates && one != other, "no link {one} - {other} between {gates} gates");
        self.shared.switch().set(Gate(one), Gate(other), link);
        Ok(())
    }

    /// What went from one gate to another so far.
    pub fn traffic(&self, from: u16, to: u16) -> Traffic {
        self.shared.switch().traffic(Gate(from), Gate(to))
    }

    /// Packets whose addressee nobody knows: the first checks of one side, before the other has sent any.
    pub fn unclaimed(&self) -> u64 {
        self.shared.switch().unclaimed()
    }
}

impl Drop for UdpDelay {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        // Nothing but a packet wakes a thread that receives.
        for socket in &self.shared.sockets {
            let woken = socket.local_addr().and_then(|address| socket.send_to(&[], address));
            drop(woken);
        }
        drop(self.shared.switch());
        self.shared.sooner.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has printed why.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.started.elapsed()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn receive(&self, gate: Gate) {
        let socket = &self.sockets[usize::from(gate.0)];
        let mut buffer = vec![0; PACKET_MAX];
        while !self.is_over() {
            // An error is the answer to an earlier packet (the browser is gone); the next may be good again.
            let Ok((length, SocketAddr::V4(from))) = socket.recv_from(&mut buffer) else { continue };
            let now = self.now();
            let mut switch = self.switch();
            let before = switch.next_deadline();
            switch.handle(now, Arrival { gate, from, bytes: &buffer[..length] });
            if switch.next_deadline() != before {
                self.sooner.notify_one();
            }
        }
    }

    fn send(&self) {
        let mut due = Vec::new();
        let mut switch = self.switch();
        while !self.is_over() {
            let now = self.now();
            while let Some(departure) = switch.poll_output(now + SLACK) {
                due.push(departure);
            }
            if !due.is_empty() {
                drop(switch);
                for Departure { gate, to, bytes } in due.drain(..) {
                    // Refused when the browser is gone: lost, as on any network.
                    let _ = self.sockets[usize::from(gate.0)].send_to(&bytes, to);
                }
                switch = self.switch();
                continue;
            }
            switch = match switch.next_deadline() {
                None => self.sooner.wait(switch).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let pause = deadline.saturating_since(now);
                    self.sooner.wait_timeout(switch, pause).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
