//! What two peers say about content, on one stream, in both directions (`/starling/content/1`).
//!
//! A consumer asks for a manifest by id; everything else is by root. It says [`Message::Follow`] and is told
//! which chunks the provider holds, and goes on being told as that changes. It asks for ranges of groups and
//! gets each group as its own message, with the hashes that it needs to check it at once. [`crate::wire`] has
//! the bytes.

use crate::{Bitfield, ContentId, GroupRange, Root};
use bytes::Bytes;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Send me the manifest of this id.
    GetManifest {
        /// Whose.
        id: ContentId,
    },
    /// Here it is. Whoever asked checks that its hash is the id.
    Manifest {
        /// Whose.
        id: ContentId,
        /// Its canonical bytes.
        bytes: Bytes,
    },
    /// I have nothing of that id.
    NoContent {
        /// Which.
        id: ContentId,
    },
    /// Tell me which chunks you hold, and go on telling.
    Follow {
        /// Of which content.
        root: Root,
    },
    /// Stop telling, and forget what I asked for.
    Unfollow {
        /// Of which content.
        root: Root,
    },
    /// These chunks I hold. Adds to what was said before; only [`Message::Refuse`] takes back.
    Holds {
        /// Of which content.
        root: Root,
        /// One bit per chunk of the content.
        bits: Bitfield,
    },
    /// Now I hold these chunks, too. A range that cuts a chunk says nothing about that chunk.
    Have {
        /// Of which content.
        root: Root,
        /// The groups of the chunks.
        range: GroupRange,
    },
    /// Send me these groups, in order.
    Want {
        /// Of which content.
        root: Root,
        /// Which: at most [`GROUPS_PER_CHUNK`](crate::GROUPS_PER_CHUNK).
        range: GroupRange,
        /// How many of the topmost hash pairs above the first group need not be sent: I have them.
        known: u8,
    },
    /// I no longer need these groups. Those under way may still arrive.
    Cancel {
        /// Of which content.
        root: Root,
        /// Which.
        range: GroupRange,
    },
    /// One group that was asked for.
    Group {
        /// Of which content.
        root: Root,
        /// Which.
        group: u32,
        /// Hash pairs (left, right; 64 bytes) of the lowest nodes above the group, topmost first: those that
        /// the consumer does not know yet ([`Message::Want`]'s `known`) and that did not come with an earlier
        /// group of the same want.
        parents: Bytes,
        /// The group's bytes.
        bytes: Bytes,
    },
    /// I shall not send these groups.
    Refuse {
        /// Of which content.
        root: Root,
        /// Which.
        range: GroupRange,
        /// Why.
        reason: Refusal,
    },
}

/// Why groups that were asked for will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Too much was asked for at once: ask again later.
    Busy,
    /// The provider does not hold them (any more).
    NotHeld,
    /// The provider stopped sharing the content.
    Withdrawn,
    /// The provider's file changed or cannot be read.
    Unreadable,
}

impl Message {
    /// The content it is about; none for messages that go by id.
    pub fn root(&self) -> Option<Root> {
        match self {
            Self::GetManifest { .. } | Self::Manifest { .. } | Self::NoContent { .. } => None,
            Self::Follow { root }
            | Self::Unfollow { root }
            | Self::Holds { root, .. }
            | Self::Have { root, .. }
            | Self::Want { root, .. }
            | Self::Cancel { root, .. }
            | Self::Group { root, .. }
            | Self::Refuse { root, .. } => Some(*root),
        }
    }
}
