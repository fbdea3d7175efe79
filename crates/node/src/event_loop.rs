//! The one `select` of a node: hears the swarm, its tasks, the person and the clock; performs what the peer
//! wishes. It translates and never decides.

mod accounts;
mod network;
mod perform;
mod reads;
mod relays;
mod shares;
mod siblings;

pub(crate) use self::reads::Reply;
use self::reads::{Read, WaitingReads};
use self::relays::Relay;
pub(crate) use self::siblings::FromTab;
use crate::behaviour::Behaviour;
use crate::config::{Config, parse_relays};
use crate::handle::{Handle, Publisher, Request};
use crate::keystore::TabKey;
use crate::platform::{self, Account, Books, Clock, FileHandle, Hasher};
use crate::seal::Whole;
use crate::store::{PutTicket, Reserved, Restored, Store, Turn};
use clock::Time;
use content::{ContentId, Message, Root};
use futures::channel::mpsc;
use futures::{FutureExt, SinkExt, StreamExt, select};
use futures_timer::Delay;
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, Stream, Swarm};
use libp2p::{Multiaddr, PeerId};
use protocol::{AskToken, Code, Input, Path, Peer, PeerKey, RelayIndex, ShareToken, Stage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use transport::SignalingStream;

pub(crate) type NodeSwarm = Swarm<Behaviour>;

/// Reports of tasks that may wait for the loop. A full queue makes the tasks wait, and with them the peers.
const REPORTS_WAITING_MAX: usize = 256;
/// Reports heard in one turn of the loop. A turn of the swarm looks at every connection, so it costs as much as
/// hearing several groups of a running transfer; and it must not wait for long.
const REPORTS_AT_ONCE_MAX: usize = 32;
/// The screen is drawn from a new snapshot at most this often.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(100);
/// Lost pings in a row after which a connection counts as dead.
const PINGS_LOST_MAX: u8 = 2;
/// Addresses remembered for peers that were discovered and not yet dialled (natively).
const ADDRESSES_KNOWN_MAX: usize = 256;

/// What a task of the node tells the loop.
pub(crate) enum Internal {
    /// The peer should hear this.
    Hear(Input),
    /// A stream of content messages, written or read by us, is over.
    ContentOver { peer: PeerKey, stream: ContentStream },
    /// A neighbour asks; the stream waits for the answer.
    Asked { peer: PeerKey, ask: Ask, stream: Stream },
    /// A file was hashed, or could not be.
    Hashed { token: ShareToken, input: Input },
    /// The disk has answered a wish to keep a content.
    Reserved { root: Root, turn: Turn, outcome: Reserved },
    /// The disk has removed a content to make room, or will not.
    Evicted { root: Root, gone: bool },
    /// The disk has found an own share of an earlier visit, or looked at one again.
    Restored(Restored),
    /// The file of a share that had changed can be read as it is now.
    Anew { id: ContentId, file: FileHandle, name: String, media_type: String },
    /// Another tab of this person says something.
    FromTab(FromTab),
    /// A put is done, or failed.
    Put { ticket: PutTicket, outcome: Result<(), Code> },
    /// The account's key is there, or there is none.
    Account(Option<Account>),
    /// A splice we accepted is over.
    Spliced { token: AskToken },
    /// A way to a peer that nobody between can read: dial over it.
    Introduced { peer: PeerKey, stream: SignalingStream },
    /// The other end of such a way.
    Introducing { peer: PeerKey, stream: SignalingStream },
    /// No way was found.
    NotIntroduced { peer: PeerKey },
}

/// One of the two streams of content messages with a peer. Numbered, so that the end of one that was replaced long ago
/// does not count as the end of its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentStream {
    Ours(u64),
    Theirs(u64),
}

/// A neighbour's question.
pub(crate) enum Ask {
    Providers(providers::Request),
    Neighbours,
    Introduce(PeerKey),
}

/// A task's line to the loop.
#[derive(Clone)]
pub(crate) struct Report(mpsc::Sender<Internal>);

impl Report {
    /// Waits while the loop is busy: that is the back-pressure on peers. A loop that is gone needs no report.
    pub(crate) async fn send(&mut self, internal: Internal) {
        drop(self.0.send(internal).await);
    }

    pub(crate) async fn hear(&mut self, input: Input) {
        self.send(Internal::Hear(input)).await;
    }

    /// Tells how far hashing is, if the loop has room to hear it: the next report says the same and more.
    pub(crate) fn progress(&mut self, token: ShareToken, hashed: u64) {
        drop(self.0.try_send(Internal::Hear(Input::ShareProgress { token, hashed })));
    }
}

/// All connections to one peer.
#[derive(Default)]
struct Link {
    connections: BTreeMap<ConnectionId, Connection>,
    /// The path the peer machine was told, if it was told of a connection.
    told: Option<Path>,
    /// Where content messages to this peer go, while a stream is open or opening.
    content: Option<(ContentStream, mpsc::Sender<Message>)>,
    /// The stream its content messages come on: the newest it opened.
    heard_on: Option<ContentStream>,
    /// Where words about paying go, once there was one.
    credit: Option<mpsc::Sender<protocol::credit::wire::Message>>,
}

struct Connection {
    path: Path,
    dialled_by_us: bool,
    pings_lost: u8,
}

impl Link {
    fn best(&self) -> Option<(Path, bool)> {
        let of = |path| self.connections.values().find(|connection| connection.path == path);
        of(Path::Direct).or_else(|| of(Path::Relayed)).map(|connection| (connection.path, connection.dialled_by_us))
    }
}

/// Why no node could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("no key for this tab")]
    Key(#[from] crate::keystore::KeyError),
    #[error("the transports could not be built")]
    Transport(#[from] libp2p::noise::Error),
    #[error("{0} is not an address to listen on")]
    Listen(String),
}

/// A running node.
pub(crate) struct EventLoop {
    keypair: Keypair,
    swarm: NodeSwarm,
    peer: Peer,
    clock: Clock,
    heard: VecDeque<Input>,
    requests: mpsc::UnboundedReceiver<Request>,
    internal: mpsc::Receiver<Internal>,
    report: Report,
    publisher: Publisher,
    /// When the last snapshot was published, and whether anything was heard since.
    published_at: Option<Time>,
    dirty: bool,
    network: String,
    /// Whose credit this tab spends and earns, once its key is there.
    account: Option<Account>,
    books: Books,
    /// The worker's script.
    script: Option<String>,
    relays: Vec<Relay>,
    links: BTreeMap<PeerKey, Link>,
    /// Dials under way, with the last stage each was seen in.
    dialling: BTreeMap<PeerKey, Stage>,
    addresses: BTreeMap<PeerKey, Vec<Multiaddr>>,
    asks: BTreeMap<AskToken, (PeerKey, Stream)>,
    /// Whom the askers of introductions want to meet.
    introductions: BTreeMap<AskToken, PeerKey>,
    next_token: u64,
    store: Store,
    hasher: Hasher,
    /// What is being hashed, and how long its index is if it is a folder.
    files: BTreeMap<ShareToken, (FileHandle, Option<u32>)>,
    reads: WaitingReads,
    tabs: platform::Tabs,
    /// Contents that other tabs of this person wait for, or have waited for.
    awaited: BTreeSet<Root>,
    /// Content messages to URLs, by the key of who runs them.
    web_sources: BTreeMap<PeerKey, mpsc::Sender<Message>>,
}

impl EventLoop {
    /// Builds a node and the handle to it. Nothing happens until [`Self::run`].
    pub(crate) fn new(mut config: Config) -> Result<(Self, Handle), StartError> {
        let key = TabKey::generate()?;
        let keypair = key.to_libp2p();
        let clock = Clock::start();
        // One bad address must not cost the good ones: it is left out, and said.
        let mut malformed = false;
        let relays = loop {
            match parse_relays(&config.relays) {
                Ok(relays) => break relays,
                Err((place, error)) => {
                    log::warn!("relay address {} left out: {error}", config.relays[place]);
                    config.relays.remove(place);
                    malformed = true;
                }
            }
        };
        let mut limits = config.limits.clone();
        limits.relays = u8::try_from(relays.len()).unwrap_or(u8::MAX);
        limits.webrtc = config.webrtc && platform::webrtc_available();
        limits.chain = config.chain.as_ref().and_then(|chain| {
            let start = chain.parse();
            if start.is_none() {
                log::warn!("the relay's genesis is none: no chain is followed");
            }
            start
        });
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|_| crate::keystore::KeyError::NoRandomness)?;
        limits.seed = u64::from_le_bytes(seed);

        let mut swarm = platform::build_swarm(&keypair, &config)?;
        for address in platform::listen_addresses(&config) {
            let parsed: Multiaddr = address.parse().map_err(|_| StartError::Listen(address.clone()))?;
            swarm.listen_on(parsed).map_err(|_| StartError::Listen(address))?;
        }
        limits.signer = Some(key.signer());
        let follows_chain = limits.chain.is_some();
        let peer = Peer::new(key.peer_key(), limits, clock.now());
        let publisher = Publisher::new(peer.snapshot(clock.now()));
        let (handle, requests) = Handle::new(key.peer_key(), publisher.clone());
        let (sender, internal) = mpsc::channel(REPORTS_WAITING_MAX);
        let mut node = Self {
            keypair,
            swarm,
            peer,
            clock,
            heard: VecDeque::new(),
            requests,
            internal,
            tabs: platform::Tabs::open(siblings::listener(Report(sender.clone()))),
            report: Report(sender),
            publisher,
            published_at: None,
            dirty: false,
            network: config.network.clone(),
            account: None,
            books: Books::of(key.peer_key()),
            script: config.worker.clone(),
            relays: relays.into_iter().map(Relay::new).collect(),
            links: BTreeMap::new(),
            dialling: BTreeMap::new(),
            addresses: BTreeMap::new(),
            asks: BTreeMap::new(),
            introductions: BTreeMap::new(),
            next_token: 0,
            store: Store::new(platform::Disk::open(config.worker.as_deref())),
            hasher: Hasher::new(config.worker.clone()),
            files: BTreeMap::new(),
            reads: WaitingReads::default(),
            awaited: BTreeSet::new(),
            web_sources: BTreeMap::new(),
        };
        if malformed {
            node.heard.push_back(Input::Notice { code: Code::MalformedRelay });
        }
        if follows_chain {
            node.open_account();
        }
        Ok((node, handle))
    }

    /// Runs until the last handle is gone.
    pub(crate) async fn run(mut self) {
        // The machine's first wishes (dial the relays) need no input.
        self.heard.push_back(Input::Wake);
        self.look_for_shares();
        self.look_for_kept();
        let mut alarm = platform::delay(Duration::ZERO);
        let mut alarm_at = None;
        loop {
            self.settle();
            // Deadlines move later with almost every message. An alarm that is early rings for nothing and is set
            // anew; setting a timer a few thousand times a second would cost more than that.
            if let Some(wanted) = self.next_alarm()
                && alarm_at.is_none_or(|at| wanted < at)
            {
                alarm_at = Some(wanted);
                alarm = platform::delay(wanted - self.clock.now());
            }
            select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                internal = self.internal.select_next_some() => {
                    self.on_internal(internal);
                    self.hear_more();
                }
                request = self.requests.next() => match request {
                    Some(request) => self.on_request(request),
                    None => return,
                },
                () = wait(&mut alarm, alarm_at).fuse() => {
                    alarm_at = None;
                    if self.peer.next_deadline().is_some_and(|at| at <= self.clock.now()) {
                        self.hear(Input::Wake);
                    }
                }
            }
        }
    }

    /// Hears what other tasks have waiting, up to a bound, before the swarm has its turn again.
    fn hear_more(&mut self) {
        for _ in 1..REPORTS_AT_ONCE_MAX {
            let Ok(internal) = self.internal.try_recv() else { return };
            self.on_internal(internal);
        }
    }

    fn hear(&mut self, input: Input) {
        self.heard.push_back(input);
    }

    /// Lets the machine hear everything there is, and performs its wishes, until both are quiet.
    fn settle(&mut self) {
        let mut heard = false;
        while let Some(input) = self.heard.pop_front() {
            let now = self.clock.now();
            self.peer.handle(now, input);
            while let Some(output) = self.peer.poll_output() {
                self.perform(output);
            }
            self.dirty = true;
            heard = true;
        }
        if heard {
            self.answer_waiting_reads();
        }
        let now = self.clock.now();
        if self.next_snapshot().is_some_and(|at| at <= now) {
            self.dirty = false;
            self.published_at = Some(now);
            self.publisher.publish(self.peer.snapshot(now));
            self.tell_tabs(now);
        }
    }

    /// When to publish, if there is news: at once after a quiet time, so that nobody waits for an answer to a click.
    fn next_snapshot(&self) -> Option<Time> {
        let at = self.published_at.map_or(Time::ZERO, |at| at + SNAPSHOT_INTERVAL);
        self.dirty.then_some(at)
    }

    fn next_alarm(&self) -> Option<Time> {
        [self.peer.next_deadline(), self.next_snapshot()].into_iter().flatten().min()
    }

    fn on_internal(&mut self, internal: Internal) {
        match internal {
            Internal::Hear(input) => self.hear(input),
            Internal::ContentOver { peer, stream } => self.on_content_over(peer, stream),
            Internal::Asked { peer, ask, stream } => self.on_asked(peer, ask, stream),
            Internal::Hashed { token, input } => self.on_hashed(token, input),
            Internal::Reserved { root, turn, outcome } => self.on_place(root, turn, outcome),
            Internal::Evicted { root, gone } => self.on_evicted(root, gone),
            Internal::Restored(share) => self.on_restored(share),
            Internal::Anew { id, file, name, media_type } => self.on_anew(id, file, name, media_type),
            Internal::FromTab(said) => self.on_tab(said),
            Internal::Put { ticket, outcome } => self.on_put(ticket, outcome),
            Internal::Account(account) => self.on_account(account),
            Internal::Spliced { token } => self.hear(Input::IntroduceEnded { token }),
            Internal::Introduced { peer, stream } => self.on_introduced(peer, stream),
            Internal::Introducing { peer, stream } => {
                platform::accept_over(&mut self.swarm.behaviour_mut().direct, crate::peer_id::to_id(peer), stream);
            }
            Internal::NotIntroduced { peer } => self.dial_failed(peer, protocol::Failure::NotIntroduced),
        }
    }

    /// Either stream is of no use without the other: what was asked over one is answered over the other.
    fn on_content_over(&mut self, peer: PeerKey, stream: ContentStream) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        if link.heard_on == Some(stream) {
            link.heard_on = None;
        } else if link.content.as_ref().is_some_and(|(ours, _)| *ours == stream) {
            link.content = None;
        } else {
            return;
        }
        self.hear(Input::ContentClosed { peer });
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Command(command) => self.hear(Input::Command(command)),
            Request::Hear(input) => self.hear(input),
            Request::Share { token, file, name, media_type, index_len } => {
                let length = file.len();
                self.files.insert(token, (file, index_len));
                self.hear(Input::Command(protocol::Command::Share { token, name, media_type, length }));
            }
            Request::FetchFrom { url, id } => self.fetch_from(url, id),
            Request::Whole { id, reply } => {
                self.hear(Input::Used { id });
                let whole = self.peer.whole_root_of(id).map(|root| self.store.whole(root));
                let details = self.peer.details_of(id);
                platform::spawn(async move {
                    let answer = match (whole, details) {
                        (Some(opening), Some((details, key))) => match opening.await {
                            Some(file) => Ok(Whole::new(file, details, key)),
                            None => Err(Code::StorageRefused),
                        },
                        (Some(_), None) => Err(Code::WrongKey),
                        (None, _) => Err(Code::NoProvider),
                    };
                    // Whoever asked may have gone away.
                    drop(reply.send(answer));
                });
            }
            Request::Details { id, reply } => {
                self.hear(Input::Used { id });
                drop(reply.send(self.details_of(id)));
            }
            Request::Read { id, at, reply } => self.on_read(Read { id, at, reply }),
        }
    }

    fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }

    fn relay_of(&self, peer: &PeerId) -> Option<RelayIndex> {
        let place = self.relays.iter().position(|relay| relay.address.peer == *peer)?;
        u8::try_from(place).ok().map(RelayIndex)
    }
}

/// Until the alarm rings, if it is set at all.
async fn wait(alarm: &mut Delay, at: Option<Time>) {
    match at {
        Some(_) => alarm.await,
        None => std::future::pending().await,
    }
}

/// Starts a node: builds it, runs it as a task, and gives the handle.
///
/// # Errors
/// See [`StartError`].
pub fn start(config: Config) -> Result<Handle, StartError> {
    let (node, handle) = EventLoop::new(config)?;
    platform::spawn(node.run());
    platform::attach(&handle);
    Ok(handle)
}

/// A snapshot, shared by everybody who draws it.
pub type SharedSnapshot = Arc<protocol::Snapshot>;
