//! Which of the files compressed ahead a client takes (RFC 9110, section 12.5.3).

/// How a body is encoded. The order is our preference: the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    /// What may lie beside a file, best first.
    pub(crate) const COMPRESSED: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// The extension of the file beside the plain one.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
            Self::Identity => "",
        }
    }

    /// As in `Content-Encoding`.
    pub(crate) fn token(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// Whether an `Accept-Encoding` of `accepted` takes this one. Weights only matter when they are zero: among
    /// what a client can read we choose, as it asked us to save its bytes.
    pub(crate) fn is_accepted(self, accepted: &str) -> bool {
        let Some(token) = self.token() else { return true };
        let mut by_star = false;
        for entry in accepted.split(',') {
            let mut parts = entry.split(';');
            let name = parts.next().unwrap_or("").trim();
            let refused = parts.any(is_zero_weight);
            if name.eq_ignore_ascii_case(token) {
                return !refused;
            }
            if name == "*" {
                by_star = !refused;
            }
        }
        by_star
    }
}

fn is_zero_weight(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q")
        && value.trim().starts_with('0')
        && value.trim().bytes().all(|byte| byte == b'0' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_only_what_it_can_read() {
        assert!(Encoding::Brotli.is_accepted("gzip, deflate, br, zstd"));
        assert!(!Encoding::Brotli.is_accepted("gzip, deflate"));
        assert!(!Encoding::Brotli.is_accepted("br;q=0, *"));
        assert!(!Encoding::Brotli.is_accepted("br; q=0.000"));
        assert!(Encoding::Brotli.is_accepted("br;q=0.01"));
        assert!(Encoding::Gzip.is_accepted("*"));
        assert!(!Encoding::Gzip.is_accepted("*;q=0"));
        assert!(!Encoding::Gzip.is_accepted(""));
        assert!(!Encoding::Gzip.is_accepted("xgzip"));
        assert!(Encoding::Identity.is_accepted(""));
    }
}
