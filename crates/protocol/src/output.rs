//! What a peer wishes. The node (or the simulator) performs it; nothing here has happened yet.

use crate::credit::wire as credit;
use crate::{AskToken, ChainAsk, Failure, Introducer, PeerKey, ReadToken, RelayIndex, ShareToken, SignToken};
use bytes::Bytes;
use content::{ContentId, GroupRange, Manifest, Message, Outboard, Root};
use ledger::question::Question;
use ledger::stamp::Stamp;
use std::sync::Arc;

/// Whom to ask or tell about providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Directory {
    /// A relay's table.
    Relay(RelayIndex),
    /// A neighbour's table.
    Neighbour(PeerKey),
}

/// A wish. Each names all it needs; none waits for another.
#[derive(Clone, Debug)]
pub enum Output {
    /// Connect to a relay by any way it offers, WebSocket first.
    DialRelay { relay: RelayIndex },
    /// Ask the relay for a reservation, unless we hold one, and register under the network's name. Repeated
    /// every 30 s while connected, so that the registration never lapses (rendezvous `min_ttl` is 60 s).
    Register { relay: RelayIndex },
    /// Ask the relay's rendezvous who is here.
    Discover { relay: RelayIndex },
    /// Ask a neighbour whom it knows (peer exchange).
    AskNeighbours { peer: PeerKey },

    /// Make a direct connection, introduced by a relay or a neighbour.
    Dial { peer: PeerKey, by: Introducer },
    /// Close all connections to a peer, for this reason.
    HangUp { peer: PeerKey, why: Failure },

    /// Tell a directory which contents we provide (all of them, replacing what it knew; renewed before the TTL).
    Announce { to: Directory, ids: Vec<ContentId> },
    /// Ask a directory who provides a content.
    FindProviders { at: Directory, id: ContentId },

    /// Our answer to a neighbour's [`Input::ProvidersAsked`](crate::Input::ProvidersAsked).
    ProvidersAnswer { token: AskToken, response: providers::Response<PeerKey> },
    /// Our answer to [`Input::NeighboursAsked`](crate::Input::NeighboursAsked): our direct neighbours, the asker
    /// left out.
    NeighboursAnswer { token: AskToken, peers: Vec<PeerKey> },
    /// Our answer to [`Input::IntroduceAsked`](crate::Input::IntroduceAsked). When accepted, the node splices and
    /// reports [`Input::IntroduceEnded`](crate::Input::IntroduceEnded) once.
    IntroduceAnswer { token: AskToken, accept: bool },

    /// Ask about the chain (`/starling/chain/1`). Answered by [`Input::ChainAnswered`](crate::Input::ChainAnswered).
    AskChain { at: Directory, ask: ChainAsk, question: Box<Question> },

    /// Send a message on the content stream to a directly connected peer, opening it if needed.
    SendContent { peer: PeerKey, message: Message },
    /// Send a message about paying to a directly connected peer, opening its stream if needed.
    SendCredit { peer: PeerKey, message: credit::Message },
    /// Let the account's key sign these bytes, which say what they are for. Answered by
    /// [`Input::Signed`](crate::Input::Signed).
    Sign { token: SignToken, bytes: Vec<u8> },
    /// Keep this for a later tab of the account, in place of what was kept before: nothing, if it is empty. It is given back
    /// by [`Input::BooksFound`](crate::Input::BooksFound) to whichever tab finds that this one is gone.
    KeepBooks { bytes: Vec<u8> },
    /// Find what solves this stamp, beside everything else. Answered by [`Input::Solved`](crate::Input::Solved).
    Solve { stamp: Stamp },

    /// Hash the file behind `token`, in a worker, reporting progress.
    Hash { token: ShareToken, name: String, media_type: String },
    /// Drop the file handle behind `token`.
    ForgetShare { token: ShareToken },
    /// See to it that an own file, just hashed, is there after a reload, if the browser can. Answered by
    /// [`Input::Keeping`](crate::Input::Keeping).
    Keep { manifest: Manifest, outboard: Arc<Outboard> },
    /// Ask the browser for the file of an own share again, in the moment of the person's click. Answered by
    /// [`Input::Restored`](crate::Input::Restored), or not at all when the person says no.
    Regain { root: Root },
    /// As [`Regain`](Self::Regain), and share the file as it is now in place of `id`; `id` stays when it cannot be read.
    ShareAnew { id: ContentId, root: Root },
    /// Prepare to hold a content, or find what an earlier visit left of it. Answered by
    /// [`Input::Reserved`](crate::Input::Reserved), [`Input::StoreFailed`](crate::Input::StoreFailed) or
    /// [`Input::NoRoom`](crate::Input::NoRoom).
    Reserve { manifest: Manifest },
    /// Prepare to hold a content in memory. Answered as [`Reserve`](Self::Reserve).
    ReserveMemory { manifest: Manifest },
    /// Remove a whole content to make room, unless another tab uses it or it was pinned there. Answered by
    /// [`Input::Evicted`](crate::Input::Evicted).
    Evict { root: Root },
    /// Note beside a content that it is in use now.
    Used { root: Root },
    /// Note beside a content whether it stays when room is made.
    Pin { root: Root, pinned: bool },
    /// Ask the tab of this person that has the content open to let go of it, unless it is being fetched there.
    Claim { root: Root },
    /// Let go of a content for another tab of this person, which is ahead of us, and prepare to hold it again: as
    /// [`Reserve`](Self::Reserve).
    GiveWay { manifest: Manifest },
    /// Keep verified bytes: `bytes` starts at `range`'s first byte and fills it (the content's last group may be short).
    /// With `proof` beside them ([`content::Record`]) a later visit can go on.
    Store { root: Root, range: GroupRange, bytes: Bytes, proof: Bytes },
    /// Read back the bytes of `range` (own file or store).
    Read { token: ReadToken, root: Root, range: GroupRange },
    /// Drop the bytes, or the file handle, of this root, and what was kept of it for later visits.
    Drop { root: Root },
}
