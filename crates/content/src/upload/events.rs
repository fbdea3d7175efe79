//! What serving hears and wishes.

use crate::{Bitfield, GroupRange, Message, Refusal, Root};
use core::time::Duration;

/// Names one read between the wish and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// Limits and habits of serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadConfig {
    /// Groups one peer may have asked for and not been sent yet.
    pub queue_groups_max: u32,
    /// Bytes sent to one peer that have not left our queue, reads under way included. Beyond it by half for a long
    /// read. Nobody can call these bytes back: the less, the less comes twice when a consumer changes its mind.
    pub unflushed_max: u32,
    /// Reads under way for one peer.
    pub reads_per_peer_max: u32,
    /// Reads under way for all.
    pub reads_max: u32,
    /// How long news of chunks is gathered before those who follow are told.
    pub have_every: Duration,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            // The largest flow window of a consumer (4 MiB), twice: it may re-ask while cancels are under way.
            queue_groups_max: 512,
            unflushed_max: 256 * 1024,
            reads_per_peer_max: 2,
            reads_max: 8,
            have_every: Duration::from_millis(250),
        }
    }
}

/// What serving hears.
#[derive(Clone, Debug)]
pub enum UploadInput<P> {
    /// From now on we provide this content, or what we have of it.
    Offer {
        /// Which.
        root: Root,
        /// Its bytes.
        length: u64,
        /// The chunks we hold.
        held: Bitfield,
    },
    /// Of an offered content we hold these chunks now, too.
    Held {
        /// Which.
        root: Root,
        /// The groups of the chunks.
        range: GroupRange,
    },
    /// We no longer provide this content: what was asked of it is refused, who follows it is told.
    Withdraw {
        /// Which.
        root: Root,
    },
    /// A message from a directly connected peer. Those that are not a consumer's are ignored here.
    Message {
        /// From whom.
        peer: P,
        /// What.
        message: Message,
    },
    /// The peer, or its content stream, is gone.
    PeerGone {
        /// Who.
        peer: P,
    },
    /// This many bytes of content messages to the peer left our queue.
    Flushed {
        /// Who.
        peer: P,
        /// How many.
        bytes: u32,
    },
    /// A content message of this many bytes ([`Message::encoded_len`]) was sent to the peer by someone else
    /// (a download), and will be counted in [`UploadInput::Flushed`], too.
    AlsoSent {
        /// Who.
        peer: P,
        /// How many.
        bytes: u32,
    },
    /// The answer to [`UploadOutput::Read`]: the messages that [`Outboard::encode`](crate::Outboard::encode)
    /// or [`Download::encode`](crate::Download::encode) made of the bytes.
    ReadDone {
        /// Which read.
        read: ReadId,
        /// One per group.
        messages: Vec<Message>,
    },
    /// The bytes could not be read, or are not what they were.
    ReadFailed {
        /// Which read.
        read: ReadId,
        /// What to tell the consumer.
        reason: Refusal,
    },
    /// [`Uploads::next_deadline`](super::Uploads::next_deadline) has passed.
    Wake,
}

/// What serving wishes.
#[derive(Clone, Debug)]
pub enum UploadOutput<P> {
    /// Send this.
    Send {
        /// To whom.
        peer: P,
        /// What.
        message: Message,
    },
    /// Read these bytes, encode them with `known`, and answer [`UploadInput::ReadDone`].
    Read {
        /// Which read.
        read: ReadId,
        /// For whom: for the books, and for whoever must approve it.
        peer: P,
        /// Of which content.
        root: Root,
        /// Which groups: at most [`GROUPS_PER_CHUNK`](crate::GROUPS_PER_CHUNK), all held.
        range: GroupRange,
        /// What the consumer already knows: the second argument of `encode`.
        known: u8,
    },
    /// Hang up: this peer breaks the protocol.
    Dismiss {
        /// Who.
        peer: P,
        /// Why.
        why: DismissReason,
    },
}

/// Why a consumer is hung up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DismissReason {
    /// It asks for groups that the content does not have.
    #[error("groups outside the content")]
    OutOfBounds,
    /// It asks on and on without reading the answers.
    #[error("asks without reading the answers")]
    Flood,
}
