//! What a download hears and wishes, and what it shows.

use crate::{GroupRange, Message, VerifyError};
use bytes::Bytes;
use core::time::Duration;

/// Limits and habits of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadConfig {
    /// How long a source that failed us is left alone at first; doubles up to `rest_max`.
    pub rest_min: Duration,
    /// The longest rest.
    pub rest_max: Duration,
    /// How long a source that was asked what it holds may take to say so before it is asked again.
    pub follow_again: Duration,
    /// Bytes in flight and bytes verified but not stored, together: beyond it nothing more is asked for.
    pub buffer_max: u32,
    /// How long verified groups wait for the rest of their chunk, so that one write takes them all.
    pub gather_max: Duration,
}

impl Default for DownloadConfig {
    fn default() -> Self {
        Self {
            rest_min: Duration::from_secs(1),
            rest_max: Duration::from_secs(30),
            follow_again: Duration::from_secs(5),
            // Half of what a tab may hold for all its peers (security-and-faults.md C1).
            buffer_max: 16 * 1024 * 1024,
            gather_max: Duration::from_millis(200),
        }
    }
}

/// What a download hears.
#[derive(Clone, Debug)]
pub enum DownloadInput<P> {
    /// A directly connected peer may have the content: it is followed, and asked once it says what it holds.
    SourceFound {
        /// Who.
        peer: P,
    },
    /// The peer, or its content stream, is gone. Everything asked of it is missing again.
    SourceGone {
        /// Who.
        peer: P,
    },
    /// A message about this content. Those that are not a provider's ([`Message::Follow`], [`Message::Want`])
    /// are for [`Uploads`](crate::Uploads) and ignored here.
    Message {
        /// From whom.
        peer: P,
        /// What.
        message: Message,
    },
    /// What [`DownloadOutput::Store`] named is safe.
    Stored {
        /// Exactly one range of one such wish, or several together.
        range: GroupRange,
    },
    /// The store took nothing that it has not confirmed. The download pauses; what was not stored is missing.
    StoreFailed,
    /// The page may end any moment: whatever is verified goes to the store now, whole chunks or not.
    HandOver,
    /// Ask for nothing more. What is in flight is cancelled.
    Pause,
    /// Go on.
    Resume,
    /// [`Flows::waiting`](super::Flows::waiting) named this download: the source has room for it.
    Room {
        /// Who.
        peer: P,
    },
    /// [`Download::next_deadline`](super::Download::next_deadline) has passed.
    Wake,
}

/// What a download wishes.
#[derive(Clone, Debug)]
pub enum DownloadOutput<P> {
    /// Send this.
    Send {
        /// To whom.
        peer: P,
        /// What.
        message: Message,
    },
    /// Keep these verified bytes and answer [`DownloadInput::Stored`].
    Store {
        /// The groups.
        range: GroupRange,
        /// Their bytes.
        bytes: Bytes,
    },
    /// These chunks are stored whole: they can be served, and those who follow us may be told.
    Held {
        /// The groups of the chunks.
        range: GroupRange,
    },
    /// Never ask this peer again. The download has forgotten it already and will ignore it.
    DropSource {
        /// Who.
        peer: P,
        /// Why.
        why: DropReason,
    },
    /// All that is wanted is stored, and it is not everything. Nothing is asked for until more is wanted; then this
    /// may be said again.
    Enough,
    /// Everything is stored. Nothing follows.
    Done,
}

/// Why a source is never asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// It sent bytes that do not belong to the content.
    #[error("bytes do not verify")]
    BadBytes(#[source] VerifyError),
    /// Its bitfield is of another content.
    #[error("a bitfield of {found} chunks, expected {expected}")]
    WrongShape {
        /// Chunks in the content.
        expected: u32,
        /// Chunks in its bitfield.
        found: u32,
    },
    /// It speaks of groups that the content does not have.
    #[error("groups outside the content")]
    OutOfBounds,
    /// It sent far more that nobody asked for than it sent of use.
    #[error("groups that nobody asked for")]
    Unasked,
    /// Again and again it refused what it had said it holds.
    #[error("refuses what it says it holds")]
    BrokenPromise,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the content.
    pub length: u64,
    /// Bytes of the groups that are wanted, or here already: the whole length unless less was asked for.
    pub wanted: u64,
    /// Bytes proved.
    pub verified: u64,
    /// Bytes proved and safe.
    pub stored: u64,
    /// Bytes of groups that arrived for nothing: twice, unasked, or wrong.
    pub wasted: u64,
    /// Bytes asked for and not here yet.
    pub in_flight: u64,
    /// It was told to pause, or the store failed.
    pub paused: bool,
    /// All is stored.
    pub done: bool,
}

/// One source, for the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceView<P> {
    /// Who.
    pub peer: P,
    /// Chunks it says it holds.
    pub chunks: u32,
    /// Bytes that came from it and were of use.
    pub given: u64,
    /// Bytes asked of it and not here yet.
    pub outstanding: u32,
    /// Bytes per second, smoothed over the time that it had something to send.
    pub rate: u64,
    /// It failed us lately and is left alone for a while.
    pub resting: bool,
}
