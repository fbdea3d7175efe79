//! What a peer hears: from the person, from the network, from storage.

use crate::credit::wire as credit;
use crate::{Caps, ChainAsk, Code, Keeping, Look, PeerKey, RelayIndex, SignToken, Spent, TabReport};
use bytes::Bytes;
use clock::Timestamp;
use content::{ContentId, GroupRange, Kept, LinkKey, Manifest, Message, Outboard, Root};
use core::ops::Range;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::question::Answer;
use ledger::signing::Signature;
use ledger::stamp::Stamp;
use std::sync::Arc;

/// Names one act of sharing between the command and its outcome, before there is a content id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareToken(pub u64);

/// Names one read from storage between the wish and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadToken(pub u64);

/// Names a neighbour's question between its arrival and our answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AskToken(pub u64);

/// How the bytes of a connection travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Straight to the peer: content may flow.
    Direct,
    /// Over a relay's circuit: signalling only.
    Relayed,
}

/// How a relay was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayWay {
    /// libp2p over WebSocket.
    WebSocket,
    /// libp2p over WebRTC, without a certificate.
    WebRtcDirect,
    /// Natively, over TCP.
    Tcp,
}

/// Who told us about a peer, and who can introduce us to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Introducer {
    /// A relay: by a circuit through it.
    Relay(RelayIndex),
    /// A neighbour: by splicing two streams (`/starling/introduce/1`).
    Neighbour(PeerKey),
}

/// How far a connection attempt has come, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Waiting for the relay's circuit or the neighbour's splice.
    Introducing,
    /// Offer and answer are being exchanged.
    Signalling,
    /// The browsers are trying candidate pairs.
    Checking,
    /// Connected; opening the first streams.
    Opening,
}

/// Why there is no connection to a peer (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Nobody could introduce us: the peer is not at the relay, or the neighbour does not know it.
    NotIntroduced,
    /// The peer, or what answered in its name, broke the signalling protocol.
    Signalling,
    /// No candidate pair answered in time.
    NoDirectPath,
    /// This page may not use WebRTC.
    WebRtcBlocked,
    /// A limit of ours or theirs refused the connection.
    Limit,
    /// It took longer than the stage allows.
    TimedOut,
    /// The peer closed the connection, or its tab is gone.
    Closed,
    /// We closed it: the peer sent bytes that did not verify, or broke a protocol.
    Banned,
}

/// What one measured round trip was measured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RttKind {
    /// libp2p ping on a stream: path, send queue and event loop.
    Ping,
    /// The browser's own STUN round trip (`currentRoundTripTime`): the path alone.
    Stun,
}

/// The kind of address a connected pair uses (`RTCIceCandidateType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Candidate {
    /// An address of the machine itself.
    Host,
    /// The address a STUN server sees.
    ServerReflexive,
    /// An address learned from the other side's checks.
    PeerReflexive,
    /// A TURN relay.
    Relay,
}

/// What the person, or a script in their name, asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// A file was chosen; the node holds its handle under `token` and is told to hash it.
    Share { token: ShareToken, name: String, media_type: String, length: u64 },
    /// Give up hashing, or stop sharing before it began.
    CancelShare { token: ShareToken },
    /// Give up reading the file of the item with this [`key`](crate::snapshot::TransferView::key), or put it away
    /// when it could not be read. Once it has a content id, [`Command::Remove`] is the one.
    CancelReading { key: u64 },
    /// A link was opened.
    Fetch { id: ContentId },
    /// A private link was opened.
    FetchPrivate { id: ContentId, key: LinkKey },
    /// The yes on an item that asks first.
    Accept { id: ContentId },
    /// Fetch these plain bytes of a fetched item, the index of a folder with them, or all of it for `None`; what is
    /// here stays. A yes to its size, too.
    Want { id: ContentId, parts: Option<Vec<Range<u64>>> },
    /// Stop asking for more of it; what is verified stays.
    Pause { id: ContentId },
    /// Go on after a pause or a failure.
    Resume { id: ContentId },
    /// Somebody reads an item from this byte on, while it loads: fetch what is there first.
    Play { id: ContentId, at: u64 },
    /// The click that the browser wants before it reads a file of an earlier visit again.
    Regain { id: ContentId },
    /// The file of a share has changed: share it as it is now, in place of what it was.
    ShareAnew { id: ContentId },
    /// Keep an item when room is made for others, or let it go then.
    Pin { id: ContentId, pinned: bool },
    /// Fetch what finds no room on the device into memory.
    KeepInMemory { id: ContentId },
    /// Forget it: stop sharing, drop the bytes.
    Remove { id: ContentId },
    /// Serve what was fetched, or stop (the person's own shares are always served).
    PassOn(bool),
    /// Limits on what is given, and what an earlier page of this browser used of the day.
    Limit { caps: Caps, spent: Spent },
    /// Choose by what was measured, or by chance.
    Learn(bool),
    /// The most units that may be signed away in this visit.
    SpendAtMost(Option<u64>),
    /// Redeem what peers have signed for, now.
    Collect,
    /// Hang up, and do not dial it again by ourselves.
    Disconnect { peer: PeerKey },
    /// Try a peer again now, whatever the backoff says.
    Retry { peer: PeerKey },
    /// Try all relays again now.
    RetryRelays,
    /// Look up a block, a transaction or an account of the chain, or put away what was looked up.
    Look(Option<Look>),
    /// Put a notice away.
    DismissNotice { code: Code },
}

/// Everything a peer can hear. Feed one, drain the outputs, repeat.
#[derive(Clone, Debug)]
pub enum Input {
    /// From the person.
    Command(Command),
    /// From the node's own checks of the browser: shown once, as a notice.
    Notice { code: Code },

    /// The connection to a relay is up. `key` is who it proved to be.
    RelayConnected { relay: RelayIndex, key: PeerKey, way: RelayWay },
    /// Our slot on the relay is granted: others can reach us through it.
    RelayReserved { relay: RelayIndex },
    /// The relay refused a reservation or a registration; the connection stays.
    RelayRefused { relay: RelayIndex },
    /// The dial failed or the connection ended.
    RelayLost { relay: RelayIndex },

    /// A relay's rendezvous, or a neighbour, named peers of our network.
    Discovered { from: Introducer, peers: Vec<PeerKey> },
    /// A connection attempt (theirs or ours) moved on.
    Dialling { peer: PeerKey, stage: Stage },
    /// The best path to a peer is now this; sent for the first connection and at every change.
    Connected { peer: PeerKey, path: Path, dialled_by_us: bool },
    /// The last connection to a peer is gone.
    Disconnected { peer: PeerKey, failure: Failure },
    /// A dial that we asked for came to nothing.
    DialFailed { peer: PeerKey, failure: Failure },
    /// A round trip was measured.
    Rtt { peer: PeerKey, rtt: Duration, kind: RttKind },
    /// A round trip to a relay was measured.
    RelayRtt { relay: RelayIndex, rtt: Duration },
    /// The browser told which kinds of address the direct path uses.
    Candidates { peer: PeerKey, local: Candidate, remote: Candidate },

    /// A content message from a directly connected peer.
    Content { peer: PeerKey, message: Message },
    /// This many bytes of earlier [`Output::SendContent`](crate::Output::SendContent) left our queue.
    ContentFlushed { peer: PeerKey, bytes: u32 },
    /// The peer's content stream ended or broke; requests on it are void.
    ContentClosed { peer: PeerKey },
    /// Bytes arrived that are not a content message: a protocol violation.
    ContentMalformed { peer: PeerKey },
    /// A message about paying from a directly connected peer.
    Credit { peer: PeerKey, message: credit::Message },
    /// Bytes arrived on its stream that are no such message: a protocol violation.
    CreditMalformed { peer: PeerKey },
    /// An answer to [`Output::FindProviders`](crate::Output::FindProviders), merged over whom we asked.
    Providers { root_of: ContentId, peers: Vec<PeerKey>, from: Introducer },

    /// The answer to [`Output::AskChain`](crate::Output::AskChain), or `None` if there will be none. `clock` is the
    /// world's time as this machine has it.
    ChainAnswered { ask: ChainAsk, answer: Option<Box<Answer>>, clock: Timestamp },

    /// The account of this browser, whose key can be asked to sign. `lasting`: later visits will find it.
    Account { id: AccountId, lasting: bool },
    /// What an earlier tab of the account kept ([`Output::KeepBooks`](crate::Output::KeepBooks)), which is gone. It is ours
    /// from now on.
    BooksFound { bytes: Vec<u8> },
    /// The answer to [`Output::Sign`](crate::Output::Sign); `None`: the key is gone.
    Signed { token: SignToken, signature: Option<Signature> },
    /// The answer to [`Output::Solve`](crate::Output::Solve); `None`: it cannot be solved here.
    Solved { stamp: Stamp, counter: Option<u64> },

    /// A neighbour sent a request of `/starling/providers/1`; answered by
    /// [`Output::ProvidersAnswer`](crate::Output::ProvidersAnswer) before the next input.
    ProvidersAsked { peer: PeerKey, request: providers::Request, token: AskToken },
    /// A neighbour asks whom we know (peer exchange); answered by
    /// [`Output::NeighboursAnswer`](crate::Output::NeighboursAnswer) before the next input.
    NeighboursAsked { peer: PeerKey, token: AskToken },
    /// `from` asks us to splice its stream to `to` (`/starling/introduce/1`); answered by
    /// [`Output::IntroduceAnswer`](crate::Output::IntroduceAnswer) before the next input.
    IntroduceAsked { from: PeerKey, to: PeerKey, token: AskToken },
    /// A splice that we accepted is over, however it ended.
    IntroduceEnded { token: AskToken },

    /// A URL that answers ranges holds this content and is asked like a directly connected peer, under the key of
    /// whoever runs it (the relay, for its sample). Verified like any other.
    WebSource { id: ContentId, key: PeerKey },

    /// Hashing came this far.
    ShareProgress { token: ShareToken, hashed: u64 },
    /// Hashing is done; the file's handle now answers to the root. `key` opens the manifest if it is a private one.
    Shared { token: ShareToken, manifest: Manifest, key: Option<LinkKey>, outboard: Arc<Outboard> },
    /// The file could not be read.
    ShareFailed { token: ShareToken, code: Code },
    /// An own share of an earlier visit: its file can be read as before and this is its outboard, or why not
    /// (`PermissionNeeded`, `FileChanged`). Told once when the store opens, and in answer to
    /// [`Output::Regain`](crate::Output::Regain).
    Restored { manifest: Manifest, keeping: Keeping, outcome: Result<Arc<Outboard>, Code> },
    /// How a content outlives the visit: an answer to [`Output::Keep`](crate::Output::Keep).
    Keeping { root: Root, keeping: Keeping },
    /// The store holds something of this content from an earlier visit: told once, when the store opens, of what was not
    /// used for longest first. `pinned`: the person said that it stays.
    Found { manifest: Manifest, pinned: bool },
    /// The store is ready for a content, and this is what it holds of it already.
    Reserved { root: Root, kept: Option<Box<Kept>> },
    /// The store lacks this much room for a content, and nothing of it is there: an answer to
    /// [`Output::Reserve`](crate::Output::Reserve).
    NoRoom { root: Root, short: u64 },
    /// The answer to [`Output::Evict`](crate::Output::Evict): whether it is gone.
    Evicted { root: Root, gone: bool },
    /// Another tab of this person has removed a content from the store.
    Gone { root: Root },
    /// An item is read whole, or by somebody who says no more than that.
    Used { id: ContentId },
    /// Another tab of this person has the content open, and this is how far it is: said at every change, in place of an
    /// answer to [`Output::Reserve`](crate::Output::Reserve), which comes when that tab lets go of it.
    Elsewhere { root: Root, report: TabReport },
    /// Another tab of this person would go on with a content that this one has open
    /// ([`Output::Claim`](crate::Output::Claim) there).
    Claimed { root: Root },
    /// Verified bytes are safe.
    Stored { root: Root, range: GroupRange },
    /// The store could not take them (`StorageFull` or `StorageRefused`).
    StoreFailed { root: Root, code: Code },
    /// The answer to [`Output::Read`](crate::Output::Read): exactly the bytes asked for.
    ReadDone { token: ReadToken, bytes: Bytes },
    /// They could not be read (`FileChanged` or `StorageRefused`).
    ReadFailed { token: ReadToken, code: Code },

    /// The tab went to the background or came back: samples taken meanwhile say little.
    Hidden(bool),
    /// The browser says whether bytes cost money on this connection.
    Metered(bool),
    /// The page may be closed or reloaded any moment: what is verified and not stored should be.
    Leaving,
    /// [`Peer::next_deadline`](crate::Peer::next_deadline) has passed.
    Wake,
}
