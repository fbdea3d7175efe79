//! The bytes of `/starling/providers/1`.
//!
//! Canonical: fixed width, little endian, ids in strictly ascending order, nothing after the last field. So a
//! value has one encoding, `decode` is the exact inverse of `encode`, and the kind and count in the first three
//! bytes tell the whole length before anything is allocated.
//!
//! ```text
//! Announce   0x01  count u16 <= 256  count * 32-byte id, ascending
//! Find       0x02  32-byte id
//! Announced  0x81  kept u16 <= 256
//! Found      0x82  count u16 <= 20   count * 32-byte ed25519 public key
//! ```

use std::collections::BTreeSet;

/// The libp2p protocol name.
pub const PROTOCOL: &str = "/starling/providers/1";

/// Contents one peer announces at most. 8 KiB a renewal; a tab that shares more announces the newest.
pub const IDS_MAX: usize = 256;

/// Providers in one answer at most: more than a download asks at once, and 643 bytes.
pub const FOUND_MAX: usize = 20;

/// Length of a content id's hash and of an ed25519 public key.
const KEY_LEN: usize = 32;

/// Kind and count.
const HEAD_LEN: usize = 3;

const ANNOUNCE: u8 = 0x01;
const FIND: u8 = 0x02;
const ANNOUNCED: u8 = 0x81;
const FOUND: u8 = 0x82;

/// A content, by the BLAKE3 hash inside its content id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; KEY_LEN]);

/// A peer on the wire: its ed25519 public key.
pub type WirePeer = [u8; KEY_LEN];

/// Distinct contents, at most [`IDS_MAX`], in the order of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdSet(BTreeSet<Id>);

impl IdSet {
    /// The first [`IDS_MAX`] distinct ids. Put first what matters most: the rest is not announced.
    pub fn from_first(ids: impl IntoIterator<Item = Id>) -> Self {
        let mut set = BTreeSet::new();
        for id in ids {
            if set.len() == IDS_MAX {
                break;
            }
            set.insert(id);
        }
        Self(set)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is announced.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        self.0.iter().copied()
    }

    /// Whether `id` is among them.
    pub fn contains(&self, id: &Id) -> bool {
        self.0.contains(id)
    }
}

/// What one peer asks another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// "This is all I serve", for [`TTL`](crate::TTL).
    Announce(IdSet),
    /// "Who serves this?"
    Find(Id),
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response<P> {
    /// That many of the announced ids were kept.
    Announced(u16),
    /// Some who announced it, at most [`FOUND_MAX`], the asker left out.
    Found(Vec<P>),
}

/// Bytes that are not a message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvidersError {
    #[error("{found} bytes, expected {expected}")]
    WrongLength { expected: usize, found: usize },
    #[error("message kind {0:#04x} is unknown")]
    UnknownKind(u8),
    #[error("{found} entries, at most {max}")]
    TooMany { max: usize, found: usize },
    #[error("ids are not in strictly ascending order")]
    NotAscending,
}

impl Request {
    /// The longest encoding: read no more than this from a stream.
    pub const LEN_MAX: usize = HEAD_LEN + IDS_MAX * KEY_LEN;

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Announce(ids) => encode_list(ANNOUNCE, ids.0.iter().map(|id| &id.0), ids.len()),
            Self::Find(id) => {
                let mut bytes = Vec::with_capacity(1 + KEY_LEN);
                bytes.push(FIND);
                bytes.extend_from_slice(&id.0);
                bytes
            }
        }
    }

    /// The request whose canonical bytes these are.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProvidersError> {
        match split_kind(bytes)? {
            (ANNOUNCE, _) => {
                let keys = decode_list(bytes, IDS_MAX)?;
                if !keys.is_sorted_by(|a, b| a < b) {
                    return Err(ProvidersError::NotAscending);
                }
                Ok(Self::Announce(IdSet(keys.iter().copied().map(Id).collect())))
            }
            (FIND, rest) => match rest.try_into() {
                Ok(id) => Ok(Self::Find(Id(id))),
                Err(_) => Err(ProvidersError::WrongLength { expected: 1 + KEY_LEN, found: bytes.len() }),
            },
            (kind, _) => Err(ProvidersError::UnknownKind(kind)),
        }
    }
}

impl<P> Response<P> {
    /// The same answer with its peers in another form, for instance from a network library's id to the wire's.
    /// Peers that have no such form are left out.
    pub fn filter_map<Q>(self, form: impl FnMut(P) -> Option<Q>) -> Response<Q> {
        match self {
            Self::Announced(kept) => Response::Announced(kept),
            Self::Found(peers) => Response::Found(peers.into_iter().filter_map(form).collect()),
        }
    }
}

impl Response<WirePeer> {
    /// The longest encoding: read no more than this from a stream.
    pub const LEN_MAX: usize = HEAD_LEN + FOUND_MAX * KEY_LEN;

    /// The canonical bytes. Peers beyond [`FOUND_MAX`] are left out.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Announced(kept) => {
                let [low, high] = kept.to_le_bytes();
                vec![ANNOUNCED, low, high]
            }
            Self::Found(peers) => {
                let count = peers.len().min(FOUND_MAX);
                encode_list(FOUND, peers.iter().take(count), count)
            }
        }
    }

    /// The response whose canonical bytes these are. The order of the peers is the answerer's.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProvidersError> {
        match split_kind(bytes)? {
            (ANNOUNCED, rest) => {
                let Ok(kept) = <[u8; 2]>::try_from(rest) else {
                    return Err(ProvidersError::WrongLength { expected: HEAD_LEN, found: bytes.len() });
                };
                let kept = u16::from_le_bytes(kept);
                if usize::from(kept) > IDS_MAX {
                    return Err(ProvidersError::TooMany { max: IDS_MAX, found: usize::from(kept) });
                }
                Ok(Self::Announced(kept))
            }
            (FOUND, _) => Ok(Self::Found(decode_list(bytes, FOUND_MAX)?.to_vec())),
            (kind, _) => Err(ProvidersError::UnknownKind(kind)),
        }
    }
}

fn split_kind(bytes: &[u8]) -> Result<(u8, &[u8]), ProvidersError> {
    let (kind, rest) = bytes.split_first().ok_or(ProvidersError::WrongLength { expected: 1, found: 0 })?;
    Ok((*kind, rest))
}

/// `count` must be the number of `keys` and fit the wire's 16 bits.
fn encode_list<'a>(kind: u8, keys: impl Iterator<Item = &'a [u8; KEY_LEN]>, count: usize) -> Vec<u8> {
    let count_wire = u16::try_from(count).expect("IDS_MAX and FOUND_MAX fit 16 bits");
    let mut bytes = Vec::with_capacity(HEAD_LEN + count * KEY_LEN);
    bytes.push(kind);
    bytes.extend_from_slice(&count_wire.to_le_bytes());
    for key in keys {
        bytes.extend_from_slice(key);
    }
    bytes
}

/// The keys after the head, borrowed: nothing is allocated for a count that lies.
fn decode_list(bytes: &[u8], max: usize) -> Result<&[[u8; KEY_LEN]], ProvidersError> {
    let Some((&[_, low, high], body)) = bytes.split_first_chunk::<HEAD_LEN>() else {
        return Err(ProvidersError::WrongLength { expected: HEAD_LEN, found: bytes.len() });
    };
    let count = usize::from(u16::from_le_bytes([low, high]));
    if count > max {
        return Err(ProvidersError::TooMany { max, found: count });
    }
    let (keys, rest) = body.as_chunks::<KEY_LEN>();
    if keys.len() != count || !rest.is_empty() {
        return Err(ProvidersError::WrongLength { expected: HEAD_LEN + count * KEY_LEN, found: bytes.len() });
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_bytes_do_not_change() {
        let announce = Request::Announce(IdSet::from_first([Id([2; 32]), Id([1; 32])])).encode();
        assert_eq!(announce[..3], [0x01, 2, 0]);
        assert_eq!(announce[3..35], [1; 32]);
        assert_eq!(announce[35..], [2; 32]);
        assert_eq!(Request::Find(Id([9; 32])).encode(), [&[0x02][..], &[9; 32]].concat());
        assert_eq!(Response::Announced(256).encode(), [0x81, 0, 1]);
        assert_eq!(Response::Found(vec![[3; 32]]).encode(), [&[0x82, 1, 0][..], &[3; 32]].concat());
    }

    #[test]
    fn a_count_that_lies_is_refused() {
        assert_eq!(Request::decode(&[0x01, 0xff, 0xff]), Err(ProvidersError::TooMany { max: IDS_MAX, found: 0xffff }));
        assert_eq!(Request::decode(&[0x01, 2, 0]), Err(ProvidersError::WrongLength { expected: 67, found: 3 }));
        assert_eq!(Response::decode(&[0x82, 21, 0]), Err(ProvidersError::TooMany { max: FOUND_MAX, found: 21 }));
        assert_eq!(Response::decode(&[0x81, 1, 1]), Err(ProvidersError::TooMany { max: IDS_MAX, found: 257 }));
    }

    #[test]
    fn trailing_bytes_and_unknown_kinds_are_refused() {
        let mut find = Request::Find(Id([9; 32])).encode();
        find.push(0);
        assert_eq!(Request::decode(&find), Err(ProvidersError::WrongLength { expected: 33, found: 34 }));
        assert_eq!(Request::decode(&[0x03]), Err(ProvidersError::UnknownKind(3)));
        assert_eq!(Request::decode(&[]), Err(ProvidersError::WrongLength { expected: 1, found: 0 }));
    }

    #[test]
    fn ids_twice_or_out_of_order_are_refused() {
        for (a, b) in [(1, 1), (2, 1)] {
            let bytes = [&[0x01, 2, 0][..], &[a; 32], &[b; 32]].concat();
            assert_eq!(Request::decode(&bytes), Err(ProvidersError::NotAscending));
        }
    }

    #[test]
    fn the_longest_messages_have_the_named_length() {
        let ids = (0u16..400).map(|n| Id([(n >> 4) as u8; 32])).chain((0u16..400).map(|n| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            Id(id)
        }));
        assert_eq!(Request::Announce(IdSet::from_first(ids)).encode().len(), Request::LEN_MAX);
        assert_eq!(Response::Found(vec![[1; 32]; 30]).encode().len(), Response::LEN_MAX);
    }

    fn requests() -> impl Strategy<Value = Request> {
        let ids = proptest::collection::vec(any::<[u8; 32]>(), 0..IDS_MAX + 9);
        prop_oneof![
            ids.prop_map(|ids| Request::Announce(IdSet::from_first(ids.into_iter().map(Id)))),
            any::<[u8; 32]>().prop_map(|id| Request::Find(Id(id))),
        ]
    }

    fn responses() -> impl Strategy<Value = Response<WirePeer>> {
        prop_oneof![
            (0..=IDS_MAX as u16).prop_map(Response::Announced),
            proptest::collection::vec(any::<WirePeer>(), 0..=FOUND_MAX).prop_map(Response::Found),
        ]
    }

    proptest! {
        #[test]
        fn prop_requests_survive_the_wire(request in requests()) {
            prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        }

        #[test]
        fn prop_responses_survive_the_wire(response in responses()) {
            prop_assert_eq!(Response::decode(&response.encode()), Ok(response));
        }

        #[test]
        fn prop_any_bytes_decode_to_their_only_encoding_or_not_at_all(
            kind in prop_oneof![Just(1u8), Just(2), Just(0x81), Just(0x82), any::<u8>()],
            tail in proptest::collection::vec(0u8..3, 0..200),
        ) {
            let bytes = [&[kind][..], &tail].concat();
            if let Ok(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes.clone());
            }
            if let Ok(response) = Response::decode(&bytes) {
                prop_assert_eq!(response.encode(), bytes);
            }
        }
    }
}
