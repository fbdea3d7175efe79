//! The peer's wishes, one function each. Nothing here chooses.

use super::{Ask, ContentStream, EventLoop, FromTab, Internal};
use crate::store::{PutAnswer, PutTicket, Reserved, Turn};
use crate::{chain_stream, content_stream, credit_stream, directory, introduce, peer_id, platform, seal};
use bytes::Bytes;
use content::{GroupRange, Manifest, Message, Record, Root};
use futures::channel::mpsc;
use libp2p::swarm::Stream;
use protocol::{
    AskToken, ChainAsk, Code, Directory, Failure, Input, Introducer, Output, PeerKey, ReadToken, ShareToken, Stage,
};
use std::sync::Arc;
use transport::SignalingStream;

impl EventLoop {
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::DialRelay { relay } => self.dial_relay(relay),
            Output::Register { relay } => self.register(relay),
            Output::Discover { relay } => self.discover(relay),
            Output::AskNeighbours { peer } => self.ask_neighbours(peer),
            Output::Dial { peer, by } => self.dial(peer, by),
            Output::HangUp { peer, why } => self.hang_up(peer, why),
            Output::Announce { to, ids } => self.announce(to, &ids),
            Output::FindProviders { at, id } => self.find_providers(at, id),
            Output::AskChain { at, ask, question } => self.ask_chain(at, ask, *question),
            Output::ProvidersAnswer { token, response } => {
                self.answer(token, |stream| directory::answer(stream, response))
            }
            Output::NeighboursAnswer { token, peers } => {
                self.answer(token, |stream| introduce::answer_list(stream, peers))
            }
            Output::IntroduceAnswer { token, accept } => self.introduce(token, accept),
            Output::SendContent { peer, message } => self.send_content(peer, message),
            Output::SendCredit { peer, message } => self.send_credit(peer, message),
            Output::Sign { token, bytes } => self.sign(token, bytes),
            Output::Solve { stamp } => self.solve(stamp),
            Output::KeepBooks { bytes } => self.books.keep(&bytes),
            Output::Hash { token, name, media_type } => self.hash(token, name, media_type),
            Output::ForgetShare { token } => {
                self.files.remove(&token);
                self.hasher.cancel(token);
            }
            Output::Keep { manifest, outboard } => self.keep(&manifest, &outboard),
            Output::Regain { root } => self.regain(root),
            Output::ShareAnew { id, root } => self.share_anew(id, root),
            Output::Reserve { manifest } => self.reserve(&manifest),
            Output::ReserveMemory { manifest } => {
                let (turn, reserved) = self.store.reserve_memory(&manifest);
                self.await_place(manifest.root, turn, reserved);
            }
            Output::Evict { root } => self.evict(root),
            Output::Used { root } => self.store.mark_used(root),
            Output::Pin { root, pinned } => self.store.pin(root, pinned),
            Output::Claim { root } => self.tabs.say(&FromTab::Who { root, claims: true }),
            Output::GiveWay { manifest } => self.give_way(&manifest),
            Output::Store { root, range, bytes, proof } => self.put(root, Record { range, proof }, &bytes),
            Output::Read { token, root, range } => self.read(token, root, range),
            Output::Drop { root } => {
                if self.store.is_on_disk(root) {
                    self.tabs.say(&FromTab::Gone { root });
                }
                self.store.remove(root);
            }
        }
    }

    fn dial(&mut self, peer: PeerKey, by: Introducer) {
        self.dialling.insert(peer, Stage::Introducing);
        let circuit = match by {
            Introducer::Relay(index) => self.relays[usize::from(index.0)].circuit(),
            Introducer::Neighbour(_) => None,
        };
        let known = self.addresses.get(&peer).map_or(&[][..], Vec::as_slice);
        match (platform::dial_through(circuit, peer_id::to_id(peer), known), by) {
            (Some(options), _) => {
                if self.swarm.dial(options).is_err() {
                    self.dial_failed(peer, Failure::Limit);
                }
            }
            (None, Introducer::Neighbour(neighbour)) if platform::CONNECTS_OVER_STREAMS => {
                let opening = self.swarm.behaviour_mut().streams.open(peer_id::to_id(neighbour), introduce::PROTOCOL);
                let (mut report, keypair) = (self.report.clone(), self.keypair.clone());
                platform::spawn(async move {
                    report
                        .send(match introduce::connect(opening, keypair, peer).await {
                            Ok(stream) => Internal::Introduced { peer, stream },
                            Err(_) => Internal::NotIntroduced { peer },
                        })
                        .await;
                });
            }
            (None, _) => self.dial_failed(peer, Failure::NotIntroduced),
        }
    }

    pub(super) fn dial_failed(&mut self, peer: PeerKey, failure: Failure) {
        if self.dialling.remove(&peer).is_some() {
            self.hear(Input::DialFailed { peer, failure });
        }
    }

    pub(super) fn on_introduced(&mut self, peer: PeerKey, stream: SignalingStream) {
        if self.dialling.contains_key(&peer) {
            platform::connect_over(&mut self.swarm.behaviour_mut().direct, peer_id::to_id(peer), stream);
        }
    }

    fn hang_up(&mut self, peer: PeerKey, why: Failure) {
        self.dialling.remove(&peer);
        let id = peer_id::to_id(peer);
        if self.web_sources.remove(&peer).is_some() {
            // Its file is wrong; as a relay it is as good as before.
            return;
        }
        if why == Failure::Banned {
            self.swarm.behaviour_mut().banned.block_peer(id);
        }
        // Not connected is what was wanted.
        let _ = self.swarm.disconnect_peer_id(id);
    }

    fn ask_neighbours(&mut self, peer: PeerKey) {
        let opening = self.swarm.behaviour_mut().streams.open(peer_id::to_id(peer), introduce::PROTOCOL);
        let mut report = self.report.clone();
        platform::spawn(async move {
            if let Some(peers) = introduce::list(opening).await {
                report.hear(Input::Discovered { from: Introducer::Neighbour(peer), peers }).await;
            }
        });
    }

    fn directory_peer(&self, directory: Directory) -> libp2p::PeerId {
        match directory {
            Directory::Relay(index) => self.relays[usize::from(index.0)].address.peer,
            Directory::Neighbour(peer) => peer_id::to_id(peer),
        }
    }

    fn announce(&mut self, to: Directory, ids: &[content::ContentId]) {
        let peer = self.directory_peer(to);
        let opening = self.swarm.behaviour_mut().streams.open(peer, directory::PROTOCOL);
        let ids = providers::IdSet::from_first(ids.iter().map(|id| providers::Id(id.0)));
        platform::spawn(async move { drop(directory::ask(opening, providers::Request::Announce(ids)).await) });
    }

    fn find_providers(&mut self, at: Directory, id: content::ContentId) {
        let peer = self.directory_peer(at);
        let from = match at {
            Directory::Relay(index) => Introducer::Relay(index),
            Directory::Neighbour(peer) => Introducer::Neighbour(peer),
        };
        let opening = self.swarm.behaviour_mut().streams.open(peer, directory::PROTOCOL);
        let mut report = self.report.clone();
        platform::spawn(async move {
            let request = providers::Request::Find(providers::Id(id.0));
            if let Some(providers::Response::Found(peers)) = directory::ask(opening, request).await {
                report.hear(Input::Providers { root_of: id, peers, from }).await;
            }
        });
    }

    fn ask_chain(&mut self, at: Directory, ask: ChainAsk, question: ledger::question::Question) {
        let peer = self.directory_peer(at);
        let opening = self.swarm.behaviour_mut().streams.open(peer, chain_stream::protocol());
        let mut report = self.report.clone();
        platform::spawn(async move {
            let answer = chain_stream::ask(opening, question).await.map(Box::new);
            report.hear(Input::ChainAnswered { ask, answer, clock: chain_stream::clock_now() }).await;
        });
    }

    /// Hands a neighbour's question to the machine; its answer comes back under the token.
    pub(super) fn on_asked(&mut self, peer: PeerKey, ask: Ask, stream: Stream) {
        let token = AskToken(self.token());
        if let Ask::Introduce(to) = &ask {
            self.introductions.insert(token, *to);
        }
        self.asks.insert(token, (peer, stream));
        self.hear(match ask {
            Ask::Providers(request) => Input::ProvidersAsked { peer, request, token },
            Ask::Neighbours => Input::NeighboursAsked { peer, token },
            Ask::Introduce(to) => Input::IntroduceAsked { from: peer, to, token },
        });
    }

    fn answer<T: Future<Output = ()> + platform::Task>(&mut self, token: AskToken, answer: impl FnOnce(Stream) -> T) {
        if let Some((_, stream)) = self.asks.remove(&token) {
            platform::spawn(answer(stream));
        }
    }

    fn introduce(&mut self, token: AskToken, accept: bool) {
        let Some((from, stream)) = self.asks.remove(&token) else { return };
        let target = self.introductions.remove(&token);
        match target.filter(|_| accept) {
            Some(target) => {
                let opening = self.swarm.behaviour_mut().streams.open(peer_id::to_id(target), introduce::PROTOCOL);
                let mut report = self.report.clone();
                platform::spawn(async move {
                    introduce::splice(stream, from, opening).await;
                    report.send(Internal::Spliced { token }).await;
                });
            }
            None => platform::spawn(introduce::refuse(stream)),
        }
    }

    /// The page's own relay is the first in the list; what it serves by HTTP goes by its name.
    pub(super) fn fetch_from(&mut self, url: String, id: content::ContentId) {
        let Some(key) = self.relays.first().and_then(|relay| peer_id::to_key(&relay.address.peer)) else {
            return self.hear(Input::Notice { code: Code::SampleUnavailable });
        };
        let (sender, asked) = mpsc::channel(content_stream::MESSAGES_WAITING_MAX);
        self.web_sources.insert(key, sender);
        platform::spawn(platform::serve_web_source(url, key, asked, self.report.clone()));
        self.hear(Input::WebSource { id, key });
    }

    fn send_content(&mut self, peer: PeerKey, message: Message) {
        if let Some(source) = self.web_sources.get_mut(&peer) {
            if source.try_send(message).is_err() {
                self.hear(Input::ContentClosed { peer });
            }
            return;
        }
        self.open_content(peer);
        let Some(link) = self.links.get_mut(&peer) else { return };
        let Some((_, sender)) = &mut link.content else { return };
        if sender.try_send(message).is_err() {
            // Gone, or standing still with a full queue: either way this stream is over.
            link.content = None;
            self.hear(Input::ContentClosed { peer });
        }
    }

    /// Opens the stream we write content messages on, unless it is open.
    pub(super) fn open_content(&mut self, peer: PeerKey) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        if link.content.is_some() {
            return;
        }
        self.next_token += 1;
        let number = ContentStream::Ours(self.next_token);
        let (sender, messages) = mpsc::channel(content_stream::MESSAGES_WAITING_MAX);
        link.content = Some((number, sender));
        let opening = self.swarm.behaviour_mut().streams.open(peer_id::to_id(peer), content_stream::PROTOCOL);
        let mut report = self.report.clone();
        platform::spawn(async move {
            match opening.await {
                Ok(Ok(stream)) => content_stream::write(peer, stream, messages, &mut report).await,
                _ => log::debug!("{peer}: no stream for content"),
            }
            report.send(Internal::ContentOver { peer, stream: number }).await;
        });
    }

    fn send_credit(&mut self, peer: PeerKey, message: protocol::credit::wire::Message) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let credit = link.credit.get_or_insert_with(|| {
            let (sender, messages) = mpsc::channel(credit_stream::MESSAGES_WAITING_MAX);
            let opening = self.swarm.behaviour_mut().streams.open(peer_id::to_id(peer), credit_stream::PROTOCOL);
            platform::spawn(async move {
                match opening.await {
                    Ok(Ok(stream)) => credit_stream::write(stream, messages).await,
                    // An older tab: it is served, and serves, without pay.
                    _ => log::debug!("{peer}: no stream for words about paying"),
                }
            });
            sender
        });
        if credit.try_send(message).is_err() {
            // Gone, or standing still. The next word opens another; totals are absolute, so nothing is lost with it.
            link.credit = None;
        }
    }

    fn hash(&mut self, token: ShareToken, name: String, media_type: String) {
        let Some((file, index_len)) = self.files.get(&token).cloned() else {
            return self.hear(Input::ShareFailed { token, code: Code::FileChanged });
        };
        let (mut progress, mut outcome) = (self.report.clone(), self.report.clone());
        let hashing = self.hasher.hash(token, file.clone(), move |hashed| progress.progress(token, hashed));
        platform::spawn(async move {
            let input = match hashing.await {
                Ok(outboard) => match seal::manifest(&file, outboard.root(), index_len, media_type, &name) {
                    Ok((manifest, key)) => Input::Shared { token, manifest, key, outboard: Arc::new(outboard) },
                    Err(_beyond_limits) => Input::ShareFailed { token, code: Code::LimitReached },
                },
                Err(code) => Input::ShareFailed { token, code },
            };
            outcome.send(Internal::Hashed { token, input }).await;
        });
    }

    /// From now on the file answers to its root.
    pub(super) fn on_hashed(&mut self, token: ShareToken, input: Input) {
        if let (Input::Shared { manifest, .. }, Some((file, _))) = (&input, self.files.remove(&token)) {
            self.store.adopt(manifest.root, manifest.length, file);
        }
        self.hear(input);
    }

    /// Tells the machine what earlier visits left, as soon as the disk has told us.
    pub(super) fn look_for_kept(&mut self) {
        let (found, mut report) = (self.store.found(), self.report.clone());
        platform::spawn(async move {
            for (manifest, pinned) in found.await {
                report.hear(Input::Found { manifest, pinned }).await;
            }
        });
    }

    fn reserve(&mut self, manifest: &Manifest) {
        let (turn, reserving) = self.store.reserve(manifest);
        self.await_place(manifest.root, turn, reserving);
    }

    pub(super) fn on_place(&mut self, root: Root, turn: Turn, outcome: Reserved) {
        if matches!(outcome, Reserved::Elsewhere) {
            return self.wait_for_tab(root, turn);
        }
        let short = match outcome {
            Reserved::NoRoom(short) => Some(short),
            _ => None,
        };
        match self.store.on_reserved(root, turn, outcome) {
            Some(Ok(kept)) => {
                self.hear(Input::Reserved { root, kept });
                self.store.keeping(root).into_iter().for_each(|keeping| self.hear(Input::Keeping { root, keeping }));
            }
            Some(Err(code)) => self.hear(match short {
                Some(short) => Input::NoRoom { root, short },
                None => Input::StoreFailed { root, code },
            }),
            None => {}
        }
    }

    fn evict(&mut self, root: Root) {
        let (evicting, mut report) = (self.store.evict(root), self.report.clone());
        platform::spawn(async move { report.send(Internal::Evicted { root, gone: evicting.await }).await });
    }

    pub(super) fn on_evicted(&mut self, root: Root, gone: bool) {
        if gone {
            self.store.on_evicted(root);
            self.tabs.say(&FromTab::Gone { root });
        }
        self.hear(Input::Evicted { root, gone });
    }

    fn put(&mut self, root: Root, record: Record, bytes: &Bytes) {
        let ((ticket, putting), mut report) = (self.store.put(root, record, bytes), self.report.clone());
        platform::spawn(async move { report.send(Internal::Put { ticket, outcome: putting.await }).await });
    }

    pub(super) fn on_put(&mut self, ticket: PutTicket, outcome: Result<(), Code>) {
        match self.store.on_put(ticket, outcome) {
            Some(PutAnswer::Stored { root, range }) => self.hear(Input::Stored { root, range }),
            Some(PutAnswer::Failed { root, code }) => self.hear(Input::StoreFailed { root, code }),
            None => {}
        }
    }

    fn read(&mut self, token: ReadToken, root: Root, range: GroupRange) {
        match self.store.read(root, range) {
            Ok(reading) => {
                let mut report = self.report.clone();
                platform::spawn(async move {
                    report
                        .hear(match reading.await {
                            Ok(bytes) => Input::ReadDone { token, bytes },
                            Err(code) => Input::ReadFailed { token, code },
                        })
                        .await;
                });
            }
            Err(code) => self.hear(Input::ReadFailed { token, code }),
        }
    }
}
