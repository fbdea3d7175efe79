//! The bytes of [`Message`], and the only file that knows their order.
//!
//! ```text
//! frame   = length u32 (of what follows) | kind u8 | fields
//! hash    = 32 bytes       range = first u32 | count u32       all integers little-endian
//!
//! 0 get-manifest  id                        6 have    root | range
//! 1 manifest      id | rest: bytes          7 want    root | range | known u8
//! 2 no-content    id                        8 cancel  root | range
//! 3 follow        root                      9 group   root | group u32 | pairs u8 | pairs * 64 | rest: bytes
//! 4 unfollow      root                     10 refuse  root | range | reason u8
//! 5 holds         root | chunks u32 | bits
//! ```
//!
//! Every kind has its own longest frame, checked from the first five bytes, before anything is kept for it.
//! A frame has one meaning and one spelling: whatever decodes encodes to the same bytes. Empty ranges, ranges
//! past the end of numbers and over-long wants are refused here; whether a range lies inside its content is
//! for those who know the content.

use crate::layout::CHUNKS_MAX;
use crate::manifest::MANIFEST_LEN_MAX;
use crate::path::PATH_LEN_MAX;
use crate::{Bitfield, ContentId, GROUP_LEN, GROUPS_PER_CHUNK, GroupRange, Message, Refusal, Root};
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of the length that opens a frame.
const PREFIX_LEN: usize = 4;

/// Bytes of one hash pair.
const PAIR_LEN: usize = 64;

const HASH_LEN: usize = 32;
const RANGE_LEN: usize = 8;

/// Bytes of the longest frame, its length included: one bitfield of the longest content.
pub const FRAME_LEN_MAX: usize = PREFIX_LEN + Kind::Holds.len_max();

/// Why bytes are not messages. The stream cannot be used after one: where the next frame starts is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A frame without even a kind.
    #[error("an empty frame")]
    Empty,
    /// A kind that we do not know.
    #[error("kind {found}")]
    Kind {
        /// The byte that names it.
        found: u8,
    },
    /// Longer or shorter than this kind can be.
    #[error("a frame of {found} bytes, expected {min} to {max}")]
    FrameLen {
        /// The shortest of its kind.
        min: usize,
        /// The longest of its kind.
        max: usize,
        /// The length it claims.
        found: usize,
    },
    /// Its fields end before the frame or after it.
    #[error("fields and frame differ in length")]
    Fields,
    /// A range that is empty, or reaches past the end of numbers.
    #[error("range of {count} groups from {first}")]
    Range {
        /// First group.
        first: u32,
        /// How many.
        count: u32,
    },
    /// More asked for at once than one want may.
    #[error("{count} groups wanted at once, at most {GROUPS_PER_CHUNK}")]
    WantLen {
        /// How many.
        count: u32,
    },
    /// A bitfield that is longer than any content's, or has bits past its end.
    #[error("not a bitfield")]
    Bits,
    /// A reason that we do not know.
    #[error("reason {found}")]
    Reason {
        /// The byte that names it.
        found: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    GetManifest = 0,
    Manifest = 1,
    NoContent = 2,
    Follow = 3,
    Unfollow = 4,
    Holds = 5,
    Have = 6,
    Want = 7,
    Cancel = 8,
    Group = 9,
    Refuse = 10,
}

impl Kind {
    fn read(found: u8) -> Result<Self, WireError> {
        Ok(match found {
            0 => Self::GetManifest,
            1 => Self::Manifest,
            2 => Self::NoContent,
            3 => Self::Follow,
            4 => Self::Unfollow,
            5 => Self::Holds,
            6 => Self::Have,
            7 => Self::Want,
            8 => Self::Cancel,
            9 => Self::Group,
            10 => Self::Refuse,
            found => return Err(WireError::Kind { found }),
        })
    }

    /// Bytes of the shortest frame of this kind, kind byte included.
    const fn len_min(self) -> usize {
        1 + HASH_LEN
            + match self {
                Self::GetManifest | Self::Manifest | Self::NoContent | Self::Follow | Self::Unfollow => 0,
                Self::Holds => 4,
                Self::Have | Self::Cancel => RANGE_LEN,
                Self::Want | Self::Refuse => RANGE_LEN + 1,
                Self::Group => 4 + 1,
            }
    }

    /// Bytes of the longest.
    const fn len_max(self) -> usize {
        self.len_min()
            + match self {
                Self::Manifest => MANIFEST_LEN_MAX,
                Self::Holds => Bitfield::byte_len(CHUNKS_MAX),
                Self::Group => PATH_LEN_MAX as usize * PAIR_LEN + GROUP_LEN as usize,
                Self::GetManifest
                | Self::NoContent
                | Self::Follow
                | Self::Unfollow
                | Self::Have
                | Self::Want
                | Self::Cancel
                | Self::Refuse => 0,
            }
    }

    fn check_len(self, found: usize) -> Result<(), WireError> {
        let (min, max) = (self.len_min(), self.len_max());
        if (min..=max).contains(&found) { Ok(()) } else { Err(WireError::FrameLen { min, max, found }) }
    }
}

impl Message {
    fn kind(&self) -> Kind {
        match self {
            Self::GetManifest { .. } => Kind::GetManifest,
            Self::Manifest { .. } => Kind::Manifest,
            Self::NoContent { .. } => Kind::NoContent,
            Self::Follow { .. } => Kind::Follow,
            Self::Unfollow { .. } => Kind::Unfollow,
            Self::Holds { .. } => Kind::Holds,
            Self::Have { .. } => Kind::Have,
            Self::Want { .. } => Kind::Want,
            Self::Cancel { .. } => Kind::Cancel,
            Self::Group { .. } => Kind::Group,
            Self::Refuse { .. } => Kind::Refuse,
        }
    }

    /// Bytes that [`encode`](Self::encode) appends.
    pub fn encoded_len(&self) -> usize {
        PREFIX_LEN + self.kind().len_min() + self.tail_len()
    }

    fn tail_len(&self) -> usize {
        match self {
            Self::Manifest { bytes, .. } => bytes.len(),
            Self::Holds { bits, .. } => Bitfield::byte_len(bits.len()),
            Self::Group { parents, bytes, .. } => parents.len() + bytes.len(),
            Self::GetManifest { .. }
            | Self::NoContent { .. }
            | Self::Follow { .. }
            | Self::Unfollow { .. }
            | Self::Have { .. }
            | Self::Want { .. }
            | Self::Cancel { .. }
            | Self::Refuse { .. } => 0,
        }
    }

    /// Appends one frame.
    pub fn encode(&self, out: &mut BytesMut) {
        let frame_len = self.encoded_len() - PREFIX_LEN;
        out.reserve(PREFIX_LEN + frame_len);
        out.put_u32_le(u32::try_from(frame_len).expect("frames are at most FRAME_LEN_MAX"));
        out.put_u8(self.kind() as u8);
        match self {
            Self::GetManifest { id } | Self::NoContent { id } => out.put_slice(&id.0),
            Self::Manifest { id, bytes } => {
                out.put_slice(&id.0);
                out.put_slice(bytes);
            }
            Self::Follow { root } | Self::Unfollow { root } => out.put_slice(&root.0),
            Self::Holds { root, bits } => {
                out.put_slice(&root.0);
                out.put_u32_le(bits.len());
                out.put_slice(&bits.to_bytes());
            }
            Self::Have { root, range } | Self::Cancel { root, range } => put_range(out, root, range),
            Self::Want { root, range, known } => {
                put_range(out, root, range);
                out.put_u8(*known);
            }
            Self::Group { root, group, parents, bytes } => {
                let pairs = parents.len() / PAIR_LEN;
                out.put_slice(&root.0);
                out.put_u32_le(*group);
                out.put_u8(u8::try_from(pairs).expect("no path has more than PATH_LEN_MAX pairs"));
                out.put_slice(parents);
                out.put_slice(bytes);
            }
            Self::Refuse { root, range, reason } => {
                put_range(out, root, range);
                out.put_u8(reason.to_byte());
            }
        }
    }

    /// Reads one frame without its length. Large fields share the frame's memory.
    fn decode(kind: Kind, mut fields: Bytes) -> Result<Self, WireError> {
        let hash = take_hash(&mut fields)?;
        let (id, root) = (ContentId(hash), Root(hash));
        let message = match kind {
            Kind::GetManifest => Self::GetManifest { id },
            Kind::Manifest => Self::Manifest { id, bytes: take_rest(&mut fields) },
            Kind::NoContent => Self::NoContent { id },
            Kind::Follow => Self::Follow { root },
            Kind::Unfollow => Self::Unfollow { root },
            Kind::Holds => Self::Holds { root, bits: take_bits(&mut fields)? },
            Kind::Have => Self::Have { root, range: take_range(&mut fields)? },
            Kind::Want => Self::Want { root, range: take_want(&mut fields)?, known: take_u8(&mut fields)? },
            Kind::Cancel => Self::Cancel { root, range: take_range(&mut fields)? },
            Kind::Group => Self::Group {
                root,
                group: take_u32(&mut fields)?,
                parents: take_pairs(&mut fields)?,
                bytes: take_group(&mut fields)?,
            },
            Kind::Refuse => {
                Self::Refuse { root, range: take_range(&mut fields)?, reason: Refusal::read(take_u8(&mut fields)?)? }
            }
        };
        if fields.is_empty() { Ok(message) } else { Err(WireError::Fields) }
    }
}

impl Refusal {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Busy => 0,
            Self::NotHeld => 1,
            Self::Withdrawn => 2,
            Self::Unreadable => 3,
        }
    }

    fn read(found: u8) -> Result<Self, WireError> {
        Ok(match found {
            0 => Self::Busy,
            1 => Self::NotHeld,
            2 => Self::Withdrawn,
            3 => Self::Unreadable,
            found => return Err(WireError::Reason { found }),
        })
    }
}

/// Finds messages in a stream that arrives in pieces of any size.
///
/// Push what arrived, then call [`next`](Decoder::next) until it has nothing more. Keeps one frame at most
/// beyond what was pushed. After an error it stays in error.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of a frame that did not arrive whole.
    begun: BytesMut,
    /// What arrived after it.
    fresh: Bytes,
    failed: Option<WireError>,
}

impl Decoder {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what arrived. What was pushed before must have been drained; if not, it is kept by copying.
    pub fn push(&mut self, bytes: Bytes) {
        if self.fresh.is_empty() {
            self.fresh = bytes;
        } else {
            let mut joined = BytesMut::with_capacity(self.fresh.len() + bytes.len());
            joined.extend_from_slice(&self.fresh);
            joined.extend_from_slice(&bytes);
            self.fresh = joined.freeze();
        }
    }

    /// The next message, or `None` until more arrives.
    #[expect(clippy::should_implement_trait, reason = "an error ends it, the lack of bytes does not")]
    pub fn next(&mut self) -> Result<Option<Message>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let message = self.take_frame().and_then(|frame| frame.map(parse_frame).transpose());
        self.failed = message.as_ref().err().copied();
        message
    }

    /// Bytes kept for a frame that has not arrived whole.
    pub fn buffered(&self) -> usize {
        self.begun.len() + self.fresh.len()
    }

    fn take_frame(&mut self) -> Result<Option<Bytes>, WireError> {
        if self.begun.is_empty() {
            // The common case: the frame lies whole in what arrived, and is handed on without a copy.
            if let Some(len) = frame_len(&self.fresh)?
                && self.fresh.len() >= len
            {
                return Ok(Some(self.fresh.split_to(len)));
            }
        }
        // First the five bytes that tell and bound the length, then the rest, so that nothing beyond the
        // frame is copied and nothing is reserved on the word of a stranger.
        self.fill_to(PREFIX_LEN + 1);
        let Some(len) = frame_len(&self.begun)? else { return Ok(None) };
        self.fill_to(len);
        Ok((self.begun.len() == len).then(|| core::mem::take(&mut self.begun).freeze()))
    }

    fn fill_to(&mut self, len: usize) {
        let missing = len.saturating_sub(self.begun.len()).min(self.fresh.len());
        self.begun.extend_from_slice(&self.fresh.split_to(missing));
    }
}

/// The length of the frame that `bytes` begin with, its prefix included, once enough of it is there to tell.
fn frame_len(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_LEN>() else { return Ok(None) };
    let len = u32::from_le_bytes(*prefix);
    if len == 0 {
        return Err(WireError::Empty);
    }
    let Some(&kind) = rest.first() else { return Ok(None) };
    let len = usize::try_from(len).map_err(|_| WireError::Fields)?;
    Kind::read(kind)?.check_len(len)?;
    Ok(Some(PREFIX_LEN + len))
}

fn parse_frame(mut frame: Bytes) -> Result<Message, WireError> {
    frame.advance(PREFIX_LEN);
    let kind = Kind::read(frame.get_u8())?;
    Message::decode(kind, frame)
}

fn put_range(out: &mut BytesMut, root: &Root, range: &GroupRange) {
    out.put_slice(&root.0);
    out.put_u32_le(range.first);
    out.put_u32_le(range.count);
}

fn take(fields: &mut Bytes, len: usize) -> Result<Bytes, WireError> {
    if fields.len() < len { Err(WireError::Fields) } else { Ok(fields.split_to(len)) }
}

fn take_rest(fields: &mut Bytes) -> Bytes {
    core::mem::take(fields)
}

fn take_hash(fields: &mut Bytes) -> Result<[u8; HASH_LEN], WireError> {
    take(fields, HASH_LEN)?.as_ref().try_into().map_err(|_| WireError::Fields)
}

fn take_u8(fields: &mut Bytes) -> Result<u8, WireError> {
    fields.try_get_u8().map_err(|_| WireError::Fields)
}

fn take_u32(fields: &mut Bytes) -> Result<u32, WireError> {
    fields.try_get_u32_le().map_err(|_| WireError::Fields)
}

fn take_range(fields: &mut Bytes) -> Result<GroupRange, WireError> {
    let (first, count) = (take_u32(fields)?, take_u32(fields)?);
    if count == 0 || first.checked_add(count).is_none() {
        return Err(WireError::Range { first, count });
    }
    Ok(GroupRange { first, count })
}

fn take_want(fields: &mut Bytes) -> Result<GroupRange, WireError> {
    let range = take_range(fields)?;
    if range.count > GROUPS_PER_CHUNK { Err(WireError::WantLen { count: range.count }) } else { Ok(range) }
}

fn take_bits(fields: &mut Bytes) -> Result<Bitfield, WireError> {
    let len = take_u32(fields)?;
    if len > CHUNKS_MAX {
        return Err(WireError::Bits);
    }
    Bitfield::from_bytes(len, &take_rest(fields)).map_err(|_| WireError::Bits)
}

fn take_pairs(fields: &mut Bytes) -> Result<Bytes, WireError> {
    let pairs = take_u8(fields)?;
    if u32::from(pairs) > PATH_LEN_MAX {
        return Err(WireError::Fields);
    }
    take(fields, usize::from(pairs) * PAIR_LEN)
}

fn take_group(fields: &mut Bytes) -> Result<Bytes, WireError> {
    let bytes = take_rest(fields);
    if bytes.is_empty() || bytes.len() > GROUP_LEN as usize { Err(WireError::Fields) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests;
