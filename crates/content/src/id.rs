//! What a content is called: by its bytes ([`Root`]) and by its manifest ([`ContentId`]).
//!
//! A link carries the id: CIDv1, codec raw, multihash BLAKE3-256 of the manifest's canonical bytes, in
//! lower-case base32. There is one spelling of an id; every other is refused, so that two links are equal
//! exactly when their texts are.

use cid::Cid;
use cid::multihash::Multihash;
use core::fmt;
use core::str::FromStr;

/// Multicodec `raw`.
const CODEC_RAW: u64 = 0x55;

/// Multihash `blake3`.
const HASH_BLAKE3: u64 = 0x1e;

/// Characters of an id: `b` and 36 bytes (four of header, 32 of hash) in base32 without padding.
pub const ID_CHARS: usize = 59;

/// The BLAKE3 hash of a content's bytes. Bytes are stored, asked for and offered by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(pub [u8; 32]);

/// The BLAKE3 hash of a manifest's canonical bytes: what a link names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 32]);

/// Why a text is not a [`ContentId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Too short or too long to be one.
    #[error("{found} characters, expected {ID_CHARS}")]
    Length {
        /// How many bytes the text has.
        found: usize,
    },
    /// Not a content identifier of any kind.
    #[error("not a content identifier")]
    NotACid,
    /// Another version than CIDv1.
    #[error("not version 1")]
    Version,
    /// Not the codec of raw bytes.
    #[error("codec {found:#x}, expected {CODEC_RAW:#x} (raw)")]
    Codec {
        /// The codec it names.
        found: u64,
    },
    /// Not a BLAKE3 hash of 32 bytes.
    #[error("hash {code:#x} of {len} bytes, expected {HASH_BLAKE3:#x} (BLAKE3) of 32")]
    Hash {
        /// The hash function it names.
        code: u64,
        /// The hash's length.
        len: u8,
    },
    /// Ours, but not spelt as we spell it (another base, upper case).
    #[error("not in lower-case base32")]
    Spelling,
}

impl Root {
    /// The root of no bytes at all.
    pub fn empty() -> Self {
        Self(*blake3::hash(&[]).as_bytes())
    }
}

impl ContentId {
    /// The id of a manifest with these canonical bytes.
    pub fn of(manifest: &[u8]) -> Self {
        Self(*blake3::hash(manifest).as_bytes())
    }

    fn to_cid(self) -> Cid {
        let hash = Multihash::wrap(HASH_BLAKE3, &self.0).expect("32 bytes fit a multihash of 64");
        Cid::new_v1(CODEC_RAW, hash)
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_cid().fmt(f)
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != ID_CHARS {
            return Err(IdError::Length { found: text.len() });
        }
        let cid = Cid::try_from(text).map_err(|_| IdError::NotACid)?;
        if cid.version() != cid::Version::V1 {
            return Err(IdError::Version);
        }
        if cid.codec() != CODEC_RAW {
            return Err(IdError::Codec { found: cid.codec() });
        }
        let (code, len) = (cid.hash().code(), cid.hash().size());
        let digest = <[u8; 32]>::try_from(cid.hash().digest());
        let id = match digest {
            Ok(digest) if code == HASH_BLAKE3 => Self(digest),
            Ok(_) | Err(_) => return Err(IdError::Hash { code, len }),
        };
        if id.to_string() == text { Ok(id) } else { Err(IdError::Spelling) }
    }
}

impl fmt::Display for Root {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_reads_back_as_it_is_written() {
        let id = ContentId::of(b"a manifest");
        let text = id.to_string();
        assert!(text.starts_with("bafkr4i"), "{text}");
        assert_eq!(text.len(), ID_CHARS);
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn every_other_identifier_is_refused_by_its_reason() {
        let id = ContentId([7; 32]);
        let cid = id.to_cid();
        let other = |codec, code| Cid::new_v1(codec, Multihash::<64>::wrap(code, &[7; 32]).unwrap()).to_string();
        let short = Cid::new_v1(CODEC_RAW, Multihash::<64>::wrap(HASH_BLAKE3, &[7; 31]).unwrap()).to_string();

        assert_eq!("".parse::<ContentId>(), Err(IdError::Length { found: 0 }));
        assert_eq!(short.parse::<ContentId>(), Err(IdError::Length { found: short.len() }));
        assert_eq!(format!("{id}a").parse::<ContentId>(), Err(IdError::Length { found: 60 }));
        assert_eq!("z".repeat(59).parse::<ContentId>(), Err(IdError::NotACid));
        assert_eq!(id.to_string().to_uppercase().parse::<ContentId>(), Err(IdError::Spelling));
        assert_eq!(other(0x70, HASH_BLAKE3).parse::<ContentId>(), Err(IdError::Codec { found: 0x70 }));
        assert_eq!(other(CODEC_RAW, 0x12).parse::<ContentId>(), Err(IdError::Hash { code: 0x12, len: 32 }));
        assert_eq!(cid.to_string().parse(), Ok(id));
    }

    proptest! {
    #![proptest_config(crate::cases(256))]

        #[test]
        fn prop_no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = text.parse::<ContentId>();
        }

        #[test]
        fn prop_no_text_of_the_right_shape_makes_the_parser_panic(text in "[a-zA-Z0-9]{59}") {
            if let Ok(id) = text.parse::<ContentId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn prop_ids_round_trip(bytes in any::<[u8; 32]>()) {
            let id = ContentId(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
