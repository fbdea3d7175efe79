//! One hash per purpose.
//!
//! Everything is BLAKE3 over a tag of 16 bytes (ASCII, zero-padded) and the data, so that no hash of one purpose can
//! be taken for another's. The types say which purpose it was.

use crate::wire::wire_newtype;
use core::fmt;

/// Bytes of a tag.
pub const TAG_LEN: usize = 16;

/// A tag, padded.
pub const fn tag(name: &str) -> [u8; TAG_LEN] {
    let name = name.as_bytes();
    let mut tag = [0; TAG_LEN];
    let mut at = 0;
    while at < name.len() {
        tag[at] = name[at];
        at += 1;
    }
    tag
}

/// What is hashed in one go: longer than any node or account of the state tree.
const SHORT_LEN_MAX: usize = 256;

/// BLAKE3 of the tag and the parts, one after the other.
pub fn hash(tag: &[u8; TAG_LEN], parts: &[&[u8]]) -> Digest {
    // Most of what is hashed is short, and setting an incremental hasher up costs as much as hashing it.
    let len = TAG_LEN + parts.iter().map(|part| part.len()).sum::<usize>();
    if len <= SHORT_LEN_MAX {
        let mut bytes = [0; SHORT_LEN_MAX];
        let mut at = 0;
        for part in [tag.as_slice()].iter().chain(parts) {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        return Digest(*blake3::hash(&bytes[..at]).as_bytes());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(tag);
    for part in parts {
        hasher.update(part);
    }
    Digest(*hasher.finalize().as_bytes())
}

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        wire_newtype!($name([u8; 32]));

        impl $name {
            /// Thirty-two zero bytes: none.
            pub const NONE: Self = Self([0; 32]);

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl From<Digest> for $name {
            fn from(digest: Digest) -> Self {
                Self(digest.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                write!(f, ")")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    )*};
}

/// A hash of no particular purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

wire_newtype!(Digest([u8; 32]));

digests! {
    /// Names a chain: the hash of its genesis.
    ChainId;
    /// Names a block: the hash of its header.
    BlockId;
    /// Names a signed transaction: the hash of its bytes, signature included.
    TransactionId;
    /// Names a payment channel; never used twice.
    ChannelId;
    /// Where a leaf stands in the state tree.
    Key;
    /// What a header says about the whole state.
    StateRoot;
    /// The transactions of a block.
    TransactionRoot;
    /// All earlier blocks.
    HistoryRoot;
    /// A list of validators.
    ValidatorsHash;
    /// The root of a content, as crate `content` has it.
    ContentRoot;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_never_collide() {
        assert_ne!(hash(&tag("leaf"), &[b"x"]), hash(&tag("node"), &[b"x"]));
    }

    #[test]
    fn short_and_long_are_hashed_alike() {
        for len in [0, 1, 239, 240, 241, 5_000] {
            let bytes = vec![7; len];
            let whole = [tag("leaf").as_slice(), &bytes].concat();
            assert_eq!(hash(&tag("leaf"), &[&bytes]).0, *blake3::hash(&whole).as_bytes());
        }
    }

    #[test]
    fn parts_are_one_message() {
        assert_eq!(hash(&tag("leaf"), &[b"ab", b"c"]), hash(&tag("leaf"), &[b"abc"]));
    }
}
