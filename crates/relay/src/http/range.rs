//! One byte range of a file (RFC 9110, section 14).
//!
//! A media element seeks with single ranges. Several in one request would need a multipart answer that no client of
//! ours asks for; they are answered with the whole, as the RFC allows.

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Whole,
    /// `first..=last`, within the file.
    Part {
        first: u64,
        last: u64,
    },
    /// Nothing of what it asks for is there.
    Unsatisfiable,
}

impl Range {
    /// Reads `header` for a file of `len` bytes. What is not a well-formed single byte range asks for the whole.
    pub(crate) fn parse(header: &str, len: u64) -> Self {
        let Some(spec) = header.trim().strip_prefix("bytes=") else { return Self::Whole };
        let Some((first, last)) = spec.split_once('-') else { return Self::Whole };
        let (first, last) = (first.trim(), last.trim());
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Self::part(first, last, len),
            (Some(first), None) if last.is_empty() => Self::part(first, u64::MAX, len),
            (None, Some(0)) if first.is_empty() => Self::Unsatisfiable,
            (None, Some(suffix)) if first.is_empty() => Self::part(len.saturating_sub(suffix), u64::MAX, len),
            _ => Self::Whole,
        }
    }

    fn part(first: u64, last: u64, len: u64) -> Self {
        match len.checked_sub(1) {
            Some(end) if first <= end => Self::Part { first, last: last.min(end) },
            Some(_) | None => Self::Unsatisfiable,
        }
    }
}

/// Digits only: no sign, no space. Above `u64` is past the end of any file.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_within_the_file() {
        let part = |first, last| Range::Part { first, last };
        assert_eq!(Range::parse("bytes=0-0", 10), part(0, 0));
        assert_eq!(Range::parse("bytes=2-", 10), part(2, 9));
        assert_eq!(Range::parse("bytes=2-100", 10), part(2, 9));
        assert_eq!(Range::parse("bytes=-3", 10), part(7, 9));
        assert_eq!(Range::parse("bytes=-99", 10), part(0, 9));
        assert_eq!(Range::parse("bytes=10-", 10), Range::Unsatisfiable);
        assert_eq!(Range::parse("bytes=-0", 10), Range::Unsatisfiable);
        assert_eq!(Range::parse("bytes=0-", 0), Range::Unsatisfiable);
        assert_eq!(Range::parse("bytes=99999999999999999999999-", 10), Range::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_range_asks_for_the_whole() {
        for header in ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "bytes=+1-2", "lines=0-1"] {
            assert_eq!(Range::parse(header, 10), Range::Whole, "{header:?}");
        }
    }
}
