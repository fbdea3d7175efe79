//! Frames out of a byte stream.
//!
//! Peers send one frame per message, or cut one over several; so messages are a byte stream here. A frame that
//! arrives whole is never copied. A frame that arrives in pieces is collected, at most [`FRAME_MAX`] bytes of it.
//!
//! Source: libp2p/specs webrtc, "multiplexing"; limits as go-libp2p and js-libp2p accept them.

use crate::proto::{self, Flag, Frame, ProtoError};
use bytes::{Buf as _, Bytes, BytesMut};

/// Longest frame accepted, without its length: what a browser sends in one message, and room for the fields.
pub(crate) const FRAME_MAX: usize = 256 * 1024 + 16;

/// Bytes a frame of up to 16 KiB needs besides its payload: length, flag, tag, payload's length.
const OVERHEAD_SHORT: usize = 2 + 2 + 1 + 2;

/// The same for longer frames.
const OVERHEAD_LONG: usize = 3 + 2 + 1 + 3;

/// Payload of the longest data frame that is at most `max_frame` bytes long.
pub(crate) fn payload_max(max_frame: usize) -> usize {
    let overhead = if max_frame <= 16 * 1024 { OVERHEAD_SHORT } else { OVERHEAD_LONG };
    max_frame.saturating_sub(overhead).max(1)
}

/// Collects bytes and gives frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// What arrived whole.
    whole: Bytes,
    /// The beginning of a frame that did not; then `whole` is empty.
    partial: BytesMut,
}

impl Decoder {
    /// Bytes that are not a frame yet.
    pub(crate) fn len(&self) -> usize {
        self.whole.len() + self.partial.len()
    }

    pub(crate) fn push(&mut self, bytes: Bytes) {
        if self.partial.is_empty() && self.whole.is_empty() {
            self.whole = bytes;
        } else {
            self.partial.extend_from_slice(&core::mem::take(&mut self.whole));
            self.partial.extend_from_slice(&bytes);
        }
    }

    /// The next frame; `None` when more bytes are needed.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, ProtoError> {
        let bytes: &[u8] = if self.whole.is_empty() { &self.partial } else { &self.whole };
        let Some((len, prefix)) = proto::peek_length(bytes, FRAME_MAX)? else { return Ok(None) };
        if bytes.len() < prefix + len {
            return Ok(None);
        }
        let frame = if self.whole.is_empty() {
            self.partial.advance(prefix);
            self.partial.split_to(len).freeze()
        } else {
            self.whole.advance(prefix);
            self.whole.split_to(len)
        };
        proto::decode_frame(&frame).map(Some)
    }
}

/// Writes one data frame into an empty `out`.
pub(crate) fn data(out: &mut Vec<u8>, payload: &[u8]) {
    out.clear();
    proto::encode_frame(out, None, payload);
}

/// A frame that carries only a flag.
pub(crate) fn flag(flag: Flag) -> Vec<u8> {
    let mut out = Vec::with_capacity(3);
    proto::encode_frame(&mut out, Some(flag), &[]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_flag() -> impl Strategy<Value = Option<Flag>> {
        prop_oneof![
            Just(None),
            Just(Some(Flag::Fin)),
            Just(Some(Flag::StopSending)),
            Just(Some(Flag::Reset)),
            Just(Some(Flag::FinAck)),
        ]
    }

    #[test]
    fn a_full_frame_is_exactly_as_long_as_allowed() {
        for max in [1024, 16 * 1024, 64 * 1024, 256 * 1024] {
            let mut out = Vec::new();
            proto::encode_frame(&mut out, Some(Flag::Fin), &vec![0; payload_max(max)]);
            assert!(out.len() <= max && out.len() + 4 > max, "{max}: {}", out.len());
        }
        assert_eq!(payload_max(16 * 1024), 16_377, "what js-libp2p writes");
    }

    #[test]
    fn a_whole_frame_is_not_copied() {
        let mut out = Vec::new();
        data(&mut out, b"payload");
        let message = Bytes::from(out);
        let mut decoder = Decoder::default();
        decoder.push(message.clone());
        let frame = decoder.next().expect("valid").expect("whole");
        assert_eq!(frame.payload.as_ptr(), message[3..].as_ptr());
        assert_eq!(decoder.len(), 0);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_at_its_length() {
        let mut out = Vec::new();
        proto::put_varint(&mut out, FRAME_MAX as u64 + 1);
        let mut decoder = Decoder::default();
        decoder.push(out.into());
        assert!(matches!(decoder.next(), Err(ProtoError::TooLong { .. })));
    }

    proptest! {
        /// Whatever is sent, and wherever it is cut, the same frames come out.
        #[test]
        fn prop_cuts_do_not_matter(
            frames in proptest::collection::vec((any_flag(), proptest::collection::vec(any::<u8>(), 0..200)), 0..20),
            cuts in proptest::collection::vec(0..5000usize, 0..20),
        ) {
            let mut bytes = Vec::new();
            for (flag, payload) in &frames {
                proto::encode_frame(&mut bytes, *flag, payload);
            }
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();

            let mut decoder = Decoder::default();
            let mut decoded = Vec::new();
            for pair in cuts.windows(2) {
                decoder.push(Bytes::copy_from_slice(&bytes[pair[0]..pair[1]]));
                while let Some(frame) = decoder.next().expect("what we encoded is valid") {
                    decoded.push((frame.flag, frame.payload.to_vec()));
                }
            }
            prop_assert_eq!(decoded, frames);
            prop_assert_eq!(decoder.len(), 0);
        }

        #[test]
        fn prop_any_bytes_end_in_frames_or_an_error(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut decoder = Decoder::default();
            for message in messages {
                decoder.push(message.into());
                while let Ok(Some(_)) = decoder.next() {}
            }
        }
    }
}
