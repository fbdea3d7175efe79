//! Simulated peer connections and channels.

use super::hub::{Arrival, Hub};
use crate::CandidateKind;
use crate::backend::{
    BackendError, BackendFuture, Budget, Channel, ChannelEvents, ChannelPhase, PathReport, Peer, PeerEvents, PeerPhase,
    PeerSetup, SdpKind, Step,
};
use bytes::Bytes;
use core::time::Duration;
use futures::FutureExt as _;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

/// What a browser refuses to send in one message.
const MESSAGE_MAX: usize = 256 * 1024;

/// What a browser refuses to buffer.
const BUFFER_MAX: usize = 16 * 1024 * 1024;

/// A simulated peer connection.
#[derive(Debug)]
pub struct MemoryPeer(Rc<PeerState>);

#[derive(Debug)]
pub(super) struct PeerState {
    hub: Hub,
    id: u64,
    pub(super) events: PeerEvents<MemoryChannel>,
    budget: Budget,
    send_low: usize,
    local: RefCell<Option<String>>,
    remote: RefCell<Option<String>>,
    candidates: Cell<usize>,
    /// The connected peer.
    other: Cell<Option<u64>>,
    closed: Cell<bool>,
    channels: RefCell<BTreeMap<u64, Weak<ChannelState>>>,
    next_channel: Cell<u64>,
}

impl MemoryPeer {
    pub(super) fn new(hub: Hub, id: u64, setup: &PeerSetup) -> Self {
        Self(Rc::new(PeerState {
            hub,
            id,
            events: PeerEvents::new(setup),
            budget: setup.budget.clone(),
            send_low: setup.send_low,
            local: RefCell::default(),
            remote: RefCell::default(),
            candidates: Cell::new(0),
            other: Cell::new(None),
            closed: Cell::new(false),
            channels: RefCell::default(),
            next_channel: Cell::new(0),
        }))
    }

    pub(super) fn downgrade(&self) -> Weak<PeerState> {
        Rc::downgrade(&self.0)
    }
}

impl PeerState {
    fn ufrag(id: u64) -> String {
        format!("mem{id:05}")
    }

    fn fingerprint(id: u64) -> String {
        let bytes: Vec<_> =
            (0..32u64).map(|i| format!("{:02X}", (id.wrapping_mul(31).wrapping_add(i * 7)) & 0xff)).collect();
        bytes.join(":")
    }

    fn sdp(&self, setup: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\n\
             a=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=mid:0\r\n\
             a=sctp-port:5000\r\na=max-message-size:262144\r\n",
            Self::ufrag(self.id),
            Self::fingerprint(self.id),
        )
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn open_channels(&self) -> usize {
        let channels = self.channels.borrow();
        channels
            .values()
            .filter_map(Weak::upgrade)
            .filter(|channel| channel.events.phase() == ChannelPhase::Open)
            .count()
    }

    /// Connects once both descriptions of both sides fit each other and a candidate got through.
    fn try_connect(&self) {
        if self.other.get().is_some() || self.hub.faults().no_path {
            return;
        }
        let Some(other) = self.find_other() else { return };
        if !other.expects(self) || !self.expects(&other) || self.candidates.get() + other.candidates.get() == 0 {
            return;
        }
        self.other.set(Some(other.id));
        other.other.set(Some(self.id));
        // DTLS: each side checks that the other holds the key its description promised.
        if self.believes(&other) && other.believes(self) {
            self.connected();
            other.connected();
        } else {
            self.events.on_phase(PeerPhase::Failed);
            other.events.on_phase(PeerPhase::Failed);
        }
    }

    fn find_other(&self) -> Option<Rc<Self>> {
        let remote = self.remote.borrow();
        let ufrag = attribute(remote.as_deref()?, "a=ice-ufrag:")?;
        let id: u64 = ufrag.strip_prefix("mem")?.parse().ok()?;
        let state = self.hub.state.borrow();
        state.peers.get(&id)?.upgrade().filter(|other| !other.is_closed())
    }

    fn expects(&self, other: &Self) -> bool {
        let remote = self.remote.borrow();
        self.local.borrow().is_some()
            && remote.as_deref().and_then(|sdp| attribute(sdp, "a=ice-ufrag:")) == Some(&Self::ufrag(other.id))
    }

    fn believes(&self, other: &Self) -> bool {
        let remote = self.remote.borrow();
        let promised = remote.as_deref().and_then(|sdp| attribute(sdp, "a=fingerprint:sha-256 "));
        promised == Some(&Self::fingerprint(other.id))
    }

    fn connected(&self) {
        self.events.on_phase(PeerPhase::Connected);
        let early: Vec<_> = self.channels.borrow().keys().copied().collect();
        for channel in early {
            self.announce(channel);
        }
    }

    fn announce(&self, channel: u64) {
        if let Some(other) = self.other.get() {
            self.hub.send((other, channel), Arrival::Announce);
            self.hub.send((self.id, channel), Arrival::Open);
        }
    }

    /// The offerer opens odd channels, the answerer even ones.
    fn make_channel(self: &Rc<Self>, id: u64) -> MemoryChannel {
        let state = Rc::new(ChannelState {
            peer: Rc::downgrade(self),
            id,
            events: ChannelEvents::new(&self.budget),
            buffered: Cell::new(0),
            low: Cell::new(self.send_low),
            closing: Cell::new(false),
        });
        self.channels.borrow_mut().insert(id, Rc::downgrade(&state));
        MemoryChannel(state)
    }

    fn channel(&self, id: u64) -> Option<Rc<ChannelState>> {
        self.channels.borrow().get(&id).and_then(Weak::upgrade)
    }

    pub(super) fn arrive(self: &Rc<Self>, id: u64, arrival: Arrival) {
        if self.is_closed() {
            return;
        }
        match arrival {
            Arrival::Announce => {
                let channel = self.make_channel(id);
                channel.0.events.on_open();
                let is_init = id == INIT;
                if is_init {
                    // Kept alive by nobody: its opener closes it.
                    return;
                }
                drop(self.events.on_channel(channel));
            }
            Arrival::Open => {
                if let Some(channel) = self.channel(id) {
                    channel.events.on_open();
                }
            }
            Arrival::Message(message) => {
                let other = self.other.get().and_then(|other| self.hub.state.borrow().peers.get(&other).cloned());
                if let Some(sender) = other.and_then(|other| other.upgrade()).and_then(|other| other.channel(id)) {
                    sender.sent(message.len());
                }
                if let Some(channel) = self.channel(id) {
                    channel.events.on_message(message);
                }
            }
            Arrival::Close => self.on_close(id),
        }
    }

    fn on_close(&self, id: u64) {
        let Some(channel) = self.channels.borrow_mut().remove(&id).and_then(|channel| channel.upgrade()) else {
            return;
        };
        if !channel.closing.replace(true)
            && let Some(other) = self.other.get()
        {
            self.hub.send((other, id), Arrival::Close);
        }
        channel.events.on_closed();
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.hub.forget(self.id);
        let other = self.other.get().and_then(|other| self.hub.state.borrow().peers.get(&other).cloned());
        if let Some(other) = other.and_then(|other| other.upgrade()) {
            // SCTP aborts: what is on its way is lost.
            self.hub.forget(other.id);
            other.events.on_phase(PeerPhase::Closed);
        }
    }
}

/// The first channel of an offerer.
const INIT: u64 = 1;

fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix(name))
}

impl Peer for MemoryPeer {
    type Channel = MemoryChannel;

    fn create_offer(&self) -> BackendFuture<String> {
        core::future::ready(Ok(self.0.sdp("actpass"))).boxed_local()
    }

    fn create_answer(&self) -> BackendFuture<String> {
        let answer = if self.0.remote.borrow().is_some() {
            Ok(self.0.sdp("active"))
        } else {
            Err(BackendError::Refused(Step::CreateAnswer))
        };
        core::future::ready(answer).boxed_local()
    }

    /// Finds a candidate at once, as early as any browser could.
    fn set_local(&self, kind: SdpKind, sdp: String) -> BackendFuture<()> {
        let peer = &self.0;
        if peer.next_channel.get() == 0 && kind == SdpKind::Answer {
            peer.next_channel.set(2);
        }
        *peer.local.borrow_mut() = Some(sdp);
        let line =
            format!("candidate:1 1 udp 2113937151 peer-{}.local {} typ host", peer.id, 40_000 + peer.id % 20_000);
        peer.events.on_candidate(&line, Some(PeerState::ufrag(peer.id)));
        peer.events.on_candidate("candidate:2 1 udp 2113937150 192.168.1.2 40000 typ host", None);
        peer.try_connect();
        core::future::ready(Ok(())).boxed_local()
    }

    fn set_remote(&self, kind: SdpKind, sdp: String) -> BackendFuture<()> {
        let peer = &self.0;
        let may = kind == SdpKind::Offer || peer.local.borrow().is_some();
        if !may {
            return core::future::ready(Err(BackendError::Refused(Step::SetRemote))).boxed_local();
        }
        *peer.remote.borrow_mut() = Some(sdp);
        peer.try_connect();
        core::future::ready(Ok(())).boxed_local()
    }

    fn add_candidate(&self, _: String, _: String, _: Option<String>) -> BackendFuture<()> {
        let peer = &self.0;
        if peer.remote.borrow().is_none() {
            return core::future::ready(Err(BackendError::Refused(Step::AddCandidate))).boxed_local();
        }
        peer.candidates.set(peer.candidates.get() + 1);
        peer.try_connect();
        core::future::ready(Ok(())).boxed_local()
    }

    fn open_channel(&self, label: &str) -> Result<MemoryChannel, BackendError> {
        let peer = &self.0;
        if peer.is_closed() {
            return Err(BackendError::Closed);
        }
        let id = match peer.next_channel.get() {
            0 => INIT,
            next => next,
        };
        debug_assert_eq!(label == "init", id == INIT, "the first channel of an offerer is init");
        peer.next_channel.set(id + 2);
        let channel = peer.make_channel(id);
        peer.announce(id);
        Ok(channel)
    }

    fn path(&self) -> BackendFuture<PathReport> {
        let report = PathReport {
            rtt: Some(Duration::from_millis(1)),
            local: CandidateKind::Host,
            remote: CandidateKind::PeerReflexive,
            bytes_sent: 0,
            bytes_received: 0,
        };
        core::future::ready(Ok(report)).boxed_local()
    }

    fn events(&self) -> &PeerEvents<MemoryChannel> {
        &self.0.events
    }

    fn close(&self) {
        self.0.close();
    }
}

impl Drop for MemoryPeer {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A simulated data channel.
#[derive(Debug)]
pub struct MemoryChannel(Rc<ChannelState>);

#[derive(Debug)]
struct ChannelState {
    peer: Weak<PeerState>,
    id: u64,
    events: ChannelEvents,
    buffered: Cell<usize>,
    low: Cell<usize>,
    closing: Cell<bool>,
}

impl ChannelState {
    /// A message has left the buffer.
    fn sent(&self, len: usize) {
        let before = self.buffered.get();
        let now = before.saturating_sub(len);
        self.buffered.set(now);
        if before > self.low.get() && now <= self.low.get() {
            self.events.on_low();
        }
    }
}

impl Channel for MemoryChannel {
    fn send(&self, message: &[u8]) -> Result<(), BackendError> {
        let Some(peer) = self.0.peer.upgrade().filter(|peer| !peer.is_closed()) else {
            return Err(BackendError::Closed);
        };
        if self.0.events.phase() != ChannelPhase::Open || self.0.closing.get() {
            return Err(BackendError::Closed);
        }
        if message.len() > MESSAGE_MAX || self.0.buffered.get() + message.len() > BUFFER_MAX {
            return Err(BackendError::Full);
        }
        let other = peer.other.get().ok_or(BackendError::Closed)?;
        self.0.buffered.set(self.0.buffered.get() + message.len());
        peer.hub.send((other, self.0.id), Arrival::Message(Bytes::copy_from_slice(message)));
        Ok(())
    }

    fn buffered(&self) -> usize {
        self.0.buffered.get()
    }

    fn set_low(&self, bytes: usize) {
        self.0.low.set(bytes);
    }

    fn events(&self) -> &ChannelEvents {
        &self.0.events
    }

    /// The peer hears of it after everything sent before; then both ends are closed.
    fn close(&self) {
        let Some(peer) = self.0.peer.upgrade().filter(|peer| !peer.is_closed()) else { return };
        if self.0.closing.replace(true) {
            return;
        }
        if let Some(other) = peer.other.get() {
            peer.hub.send((other, self.0.id), Arrival::Close);
            peer.hub.send((peer.id, self.0.id), Arrival::Close);
        }
    }
}

impl Drop for MemoryChannel {
    fn drop(&mut self) {
        self.close();
    }
}
