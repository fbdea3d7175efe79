//! The two protobufs on the wire, by hand: signalling messages and the fields of a stream frame.
//!
//! Both are `optional enum = 1, optional bytes = 2`, too small for a code generator. The enum has presence: an offer
//! is written with its zero (`08 00`), because a reader that sees no field sees no type. Unknown fields are skipped,
//! of a repeated field the last one counts, as protobuf has it. Golden bytes are at the foot.

use bytes::{BufMut as _, Bytes};

/// Longest signalling message accepted. Descriptions of data-only sessions are about 500 bytes.
pub(crate) const SIGNAL_MAX: usize = 64 * 1024;

/// Longest encoding of a `u64`.
const VARINT_MAX: usize = 10;

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    /// A field ends beyond the end of its message.
    #[error("message ends inside a field")]
    Truncated,
    /// A number needs more than 64 bits.
    #[error("number does not fit 64 bits")]
    Varint,
    /// Groups and the reserved wire types.
    #[error("wire type {0} is not supported")]
    WireType(u8),
    /// A string field is not UTF-8.
    #[error("text is not UTF-8")]
    Text,
    /// The length in front of a message is above the limit.
    #[error("message of {found} bytes, at most {max} are accepted")]
    TooLong {
        /// The announced length.
        found: u64,
        /// The limit.
        max: usize,
    },
}

/// One message on the signalling stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) kind: Option<SignalKind>,
    pub(crate) data: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalKind {
    Offer,
    Answer,
    Candidate,
}

impl Signal {
    pub(crate) fn new(kind: SignalKind, data: String) -> Self {
        Self { kind: Some(kind), data }
    }

    /// Appends length and message.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let kind = self.kind.map(|kind| match kind {
            SignalKind::Offer => 0,
            SignalKind::Answer => 1,
            SignalKind::Candidate => 2,
        });
        encode_pair(out, kind, Some(self.data.as_bytes()));
    }

    /// Decodes a message without its length. A type we do not know reads as none.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ProtoError> {
        let (kind, data) = decode_pair(bytes)?;
        let kind = match kind {
            Some(0) => Some(SignalKind::Offer),
            Some(1) => Some(SignalKind::Answer),
            Some(2) => Some(SignalKind::Candidate),
            _ => None,
        };
        let data = data.map_or(Ok(""), core::str::from_utf8).map_err(|_| ProtoError::Text)?;
        Ok(Self { kind, data: data.to_owned() })
    }
}

/// What a stream frame says besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// The sender will write no more.
    Fin,
    /// The sender will read no more.
    StopSending,
    /// Both directions are dead.
    Reset,
    /// The sender has seen the FIN.
    FinAck,
}

/// One frame on a data channel: its bytes come before its flag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) flag: Option<Flag>,
    pub(crate) payload: Bytes,
}

impl Flag {
    fn to_wire(self) -> u64 {
        match self {
            Self::Fin => 0,
            Self::StopSending => 1,
            Self::Reset => 2,
            Self::FinAck => 3,
        }
    }
}

/// Appends length and frame.
pub(crate) fn encode_frame(out: &mut Vec<u8>, flag: Option<Flag>, payload: &[u8]) {
    encode_pair(out, flag.map(Flag::to_wire), (!payload.is_empty()).then_some(payload));
}

/// Decodes a frame without its length. The payload shares `bytes`. Unknown flags are ignored.
pub(crate) fn decode_frame(bytes: &Bytes) -> Result<Frame, ProtoError> {
    let (flag, payload) = decode_pair(bytes)?;
    let flag = match flag {
        Some(0) => Some(Flag::Fin),
        Some(1) => Some(Flag::StopSending),
        Some(2) => Some(Flag::Reset),
        Some(3) => Some(Flag::FinAck),
        _ => None,
    };
    Ok(Frame { flag, payload: payload.map_or_else(Bytes::new, |payload| bytes.slice_ref(payload)) })
}

fn encode_pair(out: &mut Vec<u8>, first: Option<u64>, second: Option<&[u8]>) {
    let first_len = first.map_or(0, |value| 1 + varint_len(value));
    let second_len = second.map_or(0, |bytes| 1 + varint_len(bytes.len() as u64) + bytes.len());
    put_varint(out, (first_len + second_len) as u64);
    if let Some(value) = first {
        out.put_u8(1 << 3);
        put_varint(out, value);
    }
    if let Some(bytes) = second {
        out.put_u8(2 << 3 | 2);
        put_varint(out, bytes.len() as u64);
        out.put_slice(bytes);
    }
}

fn decode_pair(mut bytes: &[u8]) -> Result<(Option<u64>, Option<&[u8]>), ProtoError> {
    let (mut first, mut second) = (None, None);
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let (field, wire_type) = (tag >> 3, (tag & 7) as u8);
        match wire_type {
            0 => {
                let value = take_varint(&mut bytes)?;
                if field == 1 {
                    first = Some(value);
                }
            }
            1 => drop(take(&mut bytes, 8)?),
            2 => {
                let len = take_varint(&mut bytes)?;
                let value = take(&mut bytes, usize::try_from(len).map_err(|_| ProtoError::Truncated)?)?;
                if field == 2 {
                    second = Some(value);
                }
            }
            5 => drop(take(&mut bytes, 4)?),
            other => return Err(ProtoError::WireType(other)),
        }
    }
    Ok((first, second))
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Result<&'a [u8], ProtoError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or(ProtoError::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64, ProtoError> {
    let (value, len) = peek_varint(bytes)?.ok_or(ProtoError::Truncated)?;
    *bytes = &bytes[len..];
    Ok(value)
}

/// The number at the start of `bytes` and its length, or `None` when more bytes are needed.
pub(crate) fn peek_varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, ProtoError> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(VARINT_MAX).enumerate() {
        let low = u64::from(byte & 0x7f);
        if i == VARINT_MAX - 1 && low > 1 {
            return Err(ProtoError::Varint);
        }
        value |= low << (7 * i);
        if byte & 0x80 == 0 {
            return Ok(Some((value, i + 1)));
        }
    }
    if bytes.len() < VARINT_MAX { Ok(None) } else { Err(ProtoError::Varint) }
}

/// The length in front of a message, checked against `max`, and its own length; `None` when more bytes are needed.
pub(crate) fn peek_length(bytes: &[u8], max: usize) -> Result<Option<(usize, usize)>, ProtoError> {
    let Some((found, prefix)) = peek_varint(bytes)? else { return Ok(None) };
    match usize::try_from(found) {
        Ok(len) if len <= max => Ok(Some((len, prefix))),
        _ => Err(ProtoError::TooLong { found, max }),
    }
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signal(kind: SignalKind, data: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Signal::new(kind, data.to_owned()).encode(&mut out);
        out
    }

    fn frame(flag: Option<Flag>, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_frame(&mut out, flag, payload);
        out
    }

    /// What js-libp2p's generated codec (protons) writes for the same messages.
    #[test]
    fn golden_signals() {
        assert_eq!(signal(SignalKind::Offer, "v=0"), [0x07, 0x08, 0x00, 0x12, 0x03, 0x76, 0x3d, 0x30]);
        assert_eq!(signal(SignalKind::Answer, "v=0"), [0x07, 0x08, 0x01, 0x12, 0x03, 0x76, 0x3d, 0x30]);
        assert_eq!(signal(SignalKind::Candidate, "null"), [0x08, 0x08, 0x02, 0x12, 0x04, 0x6e, 0x75, 0x6c, 0x6c]);
    }

    #[test]
    fn golden_frames() {
        assert_eq!(frame(Some(Flag::Fin), b""), [0x02, 0x08, 0x00]);
        assert_eq!(frame(Some(Flag::StopSending), b""), [0x02, 0x08, 0x01]);
        assert_eq!(frame(Some(Flag::Reset), b""), [0x02, 0x08, 0x02]);
        assert_eq!(frame(Some(Flag::FinAck), b""), [0x02, 0x08, 0x03]);
        assert_eq!(frame(None, b"hi"), [0x04, 0x12, 0x02, 0x68, 0x69]);
        assert_eq!(frame(Some(Flag::Fin), b"hi"), [0x06, 0x08, 0x00, 0x12, 0x02, 0x68, 0x69]);
    }

    #[test]
    fn a_zero_type_is_present_and_a_missing_one_is_not() {
        assert_eq!(Signal::decode(&[0x08, 0x00]).map(|s| s.kind), Ok(Some(SignalKind::Offer)));
        assert_eq!(Signal::decode(&[0x12, 0x00]).map(|s| s.kind), Ok(None));
        assert_eq!(Signal::decode(&[0x08, 0x09]).map(|s| s.kind), Ok(None));
    }

    #[test]
    fn unknown_fields_are_skipped_and_the_last_of_two_counts() {
        let bytes =
            [0x18, 0x05, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 0x01, 0xff, 0x35, 1, 2, 3, 4, 0x08, 0x00, 0x08, 0x01];
        assert_eq!(Signal::decode(&bytes), Ok(Signal::new(SignalKind::Answer, String::new())));
    }

    #[test]
    fn malformed_bytes_are_errors() {
        assert_eq!(Signal::decode(&[0x12, 0x05, 0x00]), Err(ProtoError::Truncated));
        assert_eq!(Signal::decode(&[0x08]), Err(ProtoError::Truncated));
        assert_eq!(Signal::decode(&[0x0b]), Err(ProtoError::WireType(3)));
        assert_eq!(Signal::decode(&[0x12, 0x01, 0xff]), Err(ProtoError::Text));
        assert_eq!(Signal::decode(&[0xff; 11]), Err(ProtoError::Varint));
        let huge = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Signal::decode(&huge), Err(ProtoError::Truncated));
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_its_bytes_arrive() {
        assert_eq!(peek_length(&[0x80, 0x80, 0x04], SIGNAL_MAX), Ok(Some((SIGNAL_MAX, 3))));
        let over = ProtoError::TooLong { found: SIGNAL_MAX as u64 + 1, max: SIGNAL_MAX };
        assert_eq!(peek_length(&[0x81, 0x80, 0x04], SIGNAL_MAX), Err(over));
        assert_eq!(peek_length(&[0x80, 0x80], SIGNAL_MAX), Ok(None));
    }

    proptest! {
        #[test]
        fn prop_varints_survive(value: u64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
            prop_assert_eq!(peek_varint(&out), Ok(Some((value, out.len()))));
            prop_assert_eq!(peek_varint(&out[..out.len() - 1]), Ok(None));
        }

        #[test]
        fn prop_any_bytes_decode_or_fail(bytes: Vec<u8>) {
            let _either = Signal::decode(&bytes);
            let _either = decode_frame(&Bytes::from(bytes));
        }

        #[test]
        fn prop_signals_survive(data in ".{0,300}") {
            let bytes = signal(SignalKind::Candidate, &data);
            let (len, prefix) = peek_length(&bytes, SIGNAL_MAX).unwrap().unwrap();
            prop_assert_eq!(bytes.len(), len + prefix);
            prop_assert_eq!(Signal::decode(&bytes[prefix..]), Ok(Signal::new(SignalKind::Candidate, data)));
        }
    }
}
