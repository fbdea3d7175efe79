//! The task that drives the swarm, what it has seen so far, and two ways to talk to it: act now, or wait until.

use crate::swarm::{Behaviour, BehaviourEvent};
use crate::{exchange, streams};
use futures::channel::{mpsc, oneshot};
use futures::{FutureExt, StreamExt, select};
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, ping};
use std::collections::BTreeMap;
use transport::Path;
use wasm_bindgen::JsError;
use wasm_bindgen_futures::spawn_local;

/// Something to do with the swarm and what was seen.
type Act = Box<dyn FnOnce(&mut Task)>;
/// Looks at what was seen; answers and is true once there is what it waits for.
type Wait = Box<dyn FnMut(&Seen) -> bool>;

/// A running peer.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: PeerId,
    acts: mpsc::UnboundedSender<Act>,
}

/// What happened so far.
#[derive(Default)]
pub(crate) struct Seen {
    /// Addresses under which others reach us.
    pub(crate) addresses: Vec<Multiaddr>,
    /// What the peers said about themselves over a direct connection.
    pub(crate) identified: BTreeMap<PeerId, identify::Info>,
    /// How our dials ended.
    pub(crate) dials: BTreeMap<ConnectionId, Result<(), String>>,
    connections: BTreeMap<ConnectionId, (PeerId, ConnectedPoint)>,
    /// Round trips over direct connections, milliseconds.
    pings: BTreeMap<PeerId, Vec<f64>>,
}

impl Seen {
    /// A direct connection to the peer, if there is one.
    pub(crate) fn direct(&self, peer: PeerId) -> Option<&ConnectedPoint> {
        let mut all = self.connections.values();
        all.find(|(of, endpoint)| *of == peer && transport::path(endpoint) == Path::Direct)
            .map(|(_, endpoint)| endpoint)
    }

    fn is_direct(&self, connection: ConnectionId) -> bool {
        self.connections.get(&connection).is_some_and(|(_, endpoint)| transport::path(endpoint) == Path::Direct)
    }

    fn pings(&self, peer: PeerId) -> &[f64] {
        self.pings.get(&peer).map_or(&[], Vec::as_slice)
    }
}

/// Owned by the task that drives the swarm.
struct Task {
    swarm: Swarm<Behaviour>,
    seen: Seen,
    waits: Vec<Wait>,
}

impl Node {
    /// Drives the swarm until the page goes away.
    pub(crate) fn start(swarm: Swarm<Behaviour>) -> Self {
        let id = *swarm.local_peer_id();
        let (acts, mut inbox) = mpsc::unbounded::<Act>();
        let mut task = Task { swarm, seen: Seen::default(), waits: Vec::new() };
        spawn_local(async move {
            loop {
                select! {
                    event = task.swarm.select_next_some() => task.on_event(event),
                    act = inbox.next() => match act {
                        Some(act) => act(&mut task),
                        None => return,
                    },
                }
                task.waits.retain_mut(|wait| !wait(&task.seen));
            }
        });
        Self { id, acts }
    }

    /// Does something with the swarm.
    pub(crate) async fn act<T: 'static>(&self, act: impl FnOnce(&mut Swarm<Behaviour>) -> T + 'static) -> T {
        self.ask(move |task, reply| drop(reply.send(act(&mut task.swarm)))).await
    }

    /// Waits until `look` finds what it looks for, now or after an event.
    pub(crate) async fn when<T: 'static>(&self, mut look: impl FnMut(&Seen) -> Option<T> + 'static) -> T {
        self.ask(move |task, reply| {
            let mut reply = Some(reply);
            task.waits.push(Box::new(move |seen| match look(seen) {
                Some(found) => {
                    drop(reply.take().map(|reply| reply.send(found)));
                    true
                }
                None => false,
            }));
        })
        .await
    }

    /// Waits for `count` more round trips to the peer: those, and how many there were in all.
    pub(crate) async fn pings(&self, peer: PeerId, count: usize) -> Result<(Vec<f64>, usize), JsError> {
        let before = self.when(move |seen| Some(seen.pings(peer).len())).await;
        let times = self.when(move |seen| match seen.pings(peer) {
            times if times.len() >= before + count => Some(Some(times[before..before + count].to_vec())),
            _ if seen.direct(peer).is_none() => Some(None),
            _ => None,
        });
        let times = times.await.ok_or_else(|| JsError::new("the connection ended"))?;
        Ok((times, before + count))
    }

    async fn ask<T: 'static>(&self, act: impl FnOnce(&mut Task, oneshot::Sender<T>) + 'static) -> T {
        let (reply, answer) = oneshot::channel();
        let act: Act = Box::new(move |task| act(task, reply));
        self.acts.unbounded_send(act).expect("the task runs as long as the page");
        answer.map(|answer| answer.expect("the task answers every question")).await
    }
}

impl Task {
    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        if !matches!(event, SwarmEvent::Behaviour(BehaviourEvent::Ping(_) | BehaviourEvent::Streams(_))) {
            log::debug!("{event:?}");
        }
        let seen = &mut self.seen;
        match event {
            SwarmEvent::ExternalAddrConfirmed { address } => seen.addresses.push(address),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                seen.connections.insert(connection_id, (peer_id, endpoint));
                seen.dials.insert(connection_id, Ok(()));
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                seen.connections.remove(&connection_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                seen.dials.insert(connection_id, Err(error.to_string()));
            }
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        let seen = &mut self.seen;
        match event {
            BehaviourEvent::Identify(identify::Event::Received { connection_id, peer_id, info })
                if seen.is_direct(connection_id) =>
            {
                seen.identified.insert(peer_id, info);
            }
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Ok(time) }) if seen.is_direct(connection) => {
                seen.pings.entry(peer).or_default().push(time.as_secs_f64() * 1000.0);
            }
            BehaviourEvent::Ping(ping::Event { peer, result: Err(failure), .. }) => {
                log::warn!("ping of {peer} failed: {failure}");
            }
            BehaviourEvent::Streams(streams::Incoming { protocol, stream }) => {
                spawn_local(exchange::serve(protocol, stream));
            }
            _ => {}
        }
    }
}
