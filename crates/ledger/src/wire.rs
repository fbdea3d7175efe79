//! Canonical bytes, and the only file that knows their order.
//!
//! ```text
//! integer  fixed width, little-endian        list         count u16 | items
//! hash     32 bytes                          byte string  length u16 | bytes
//! choice   u8, then its fields               yes or no    u8, 0 or 1
//! ```
//!
//! No maps, no optional fields, no variable-width integers, no floats. A value has one spelling: whatever decodes
//! encodes to the same bytes, and whatever is left over is refused. Lengths are checked against what is there before
//! anything is kept for them, so a decoder never allocates for bytes that it was not given.

/// Why bytes are not the value they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They end inside the value.
    #[error("ends {missing} bytes early")]
    Truncated {
        /// How many more the field needs.
        missing: usize,
    },
    /// They go on after it.
    #[error("{left} bytes too many")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// There are more of them than any such value has.
    #[error("{found} bytes, at most {max}")]
    TooLong {
        /// The longest value of this type.
        max: usize,
        /// What arrived.
        found: usize,
    },
    /// A list or byte string shorter or longer than it may be.
    #[error("{found} items, expected {min} to {max}")]
    Count {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
        /// What it claims.
        found: usize,
    },
    /// A choice that we do not know.
    #[error("unknown choice {found} of {what}")]
    Choice {
        /// What was to be chosen.
        what: &'static str,
        /// The byte that names it.
        found: u8,
    },
    /// A second spelling of a value that has another.
    #[error("{what} has another spelling")]
    NotCanonical {
        /// Which value.
        what: &'static str,
    },
}

/// A type with canonical bytes.
pub trait Wire: Sized {
    /// Bytes of the longest value.
    const LEN_MAX: usize;

    /// Appends the canonical bytes.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes one value from the front.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError>;

    /// The canonical bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// The value that these bytes are, all of them.
    fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > Self::LEN_MAX {
            return Err(WireError::TooLong { max: Self::LEN_MAX, found: bytes.len() });
        }
        let mut input = Reader::new(bytes);
        let value = Self::decode(&mut input)?;
        input.finish()?;
        Ok(value)
    }
}

/// Bytes yet to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads these bytes from the front.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let missing = count.saturating_sub(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(WireError::Truncated { missing })?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let missing = N.saturating_sub(self.rest.len());
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(WireError::Truncated { missing })?;
        self.rest = rest;
        Ok(*taken)
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Refuses bytes that are left.
    pub const fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(WireError::Trailing { left }),
        }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Wire for $integer {
            const LEN_MAX: usize = size_of::<$integer>();

            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(Self::from_le_bytes(input.array()?))
            }
        }
    )*};
}

integers!(u8, u16, u32, u64);

impl Wire for bool {
    const LEN_MAX: usize = 1;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(WireError::Choice { what: "yes or no", found }),
        }
    }
}

impl<const N: usize> Wire for [u8; N] {
    const LEN_MAX: usize = N;

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.array()
    }
}

impl Wire for clock::Timestamp {
    const LEN_MAX: usize = 8;

    fn encode(&self, out: &mut Vec<u8>) {
        self.as_millis().encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        u64::decode(input).map(Self::from_millis)
    }
}

/// Bytes of the longest list of `max` such items.
pub const fn list_len_max<T: Wire>(max: usize) -> usize {
    2 + max * T::LEN_MAX
}

/// Appends a list. The types that hold lists never hold more items than a count can say.
pub fn encode_list<T: Wire>(items: &[T], out: &mut Vec<u8>) {
    debug_assert!(items.len() <= usize::from(u16::MAX));
    (items.len() as u16).encode(out);
    items.iter().for_each(|item| item.encode(out));
}

/// Takes a list of `min` to `max` items. Room is made only for items whose bytes have arrived.
pub fn decode_list<T: Wire>(input: &mut Reader<'_>, min: usize, max: usize) -> Result<Vec<T>, WireError> {
    let found = usize::from(u16::decode(input)?);
    if !(min..=max).contains(&found) {
        return Err(WireError::Count { min, max, found });
    }
    let mut items = Vec::with_capacity(found.min(input.left() / T::LEN_MAX.max(1)));
    for _ in 0..found {
        items.push(T::decode(input)?);
    }
    Ok(items)
}

/// Appends a byte string.
pub fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    debug_assert!(bytes.len() <= usize::from(u16::MAX));
    (bytes.len() as u16).encode(out);
    out.extend_from_slice(bytes);
}

/// Takes a byte string of at most `max` bytes.
pub fn decode_bytes<'a>(input: &mut Reader<'a>, max: usize) -> Result<&'a [u8], WireError> {
    let found = usize::from(u16::decode(input)?);
    if found > max {
        return Err(WireError::Count { min: 0, max, found });
    }
    input.take(found)
}

/// Spells a struct as its fields in the order given.
macro_rules! wire_struct {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            const LEN_MAX: usize = 0 $(+ <$type as $crate::wire::Wire>::LEN_MAX)*;

            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::wire::Wire::encode(&self.$field, out);)*
            }

            fn decode(input: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                $(let $field = <$type as $crate::wire::Wire>::decode(input)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}

/// Gives a tuple struct of one field the spelling of that field.
macro_rules! wire_newtype {
    ($name:ident($type:ty)) => {
        impl $crate::wire::Wire for $name {
            const LEN_MAX: usize = <$type as $crate::wire::Wire>::LEN_MAX;

            fn encode(&self, out: &mut Vec<u8>) {
                $crate::wire::Wire::encode(&self.0, out);
            }

            fn decode(input: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                <$type as $crate::wire::Wire>::decode(input).map(Self)
            }
        }
    };
}

pub(crate) use {wire_newtype, wire_struct};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_that_claims_more_than_it_brings_is_refused_without_room_made_for_it() {
        let mut input = Reader::new(&[0xff, 0xff, 1, 2]);
        assert_eq!(decode_list::<u64>(&mut input, 0, 65_535), Err(WireError::Truncated { missing: 6 }));
    }

    #[test]
    fn empty_list_is_refused_where_one_item_is_needed() {
        let found = decode_list::<u8>(&mut Reader::new(&[0, 0]), 1, 4);
        assert_eq!(found, Err(WireError::Count { min: 1, max: 4, found: 0 }));
    }

    #[test]
    fn bytes_after_the_value_and_second_spellings_are_refused() {
        assert_eq!(u16::from_bytes(&[1, 0, 9]), Err(WireError::TooLong { max: 2, found: 3 }));
        assert_eq!(bool::from_bytes(&[2]), Err(WireError::Choice { what: "yes or no", found: 2 }));
    }
}
