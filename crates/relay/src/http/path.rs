//! From a URL's path to a file of the page, and never to another.
//!
//! Three doors: the path is decoded once and checked segment by segment; hidden files do not exist; and the file
//! that is found, links followed, must lie inside the page's folder.

use std::path::{Path, PathBuf};

/// What the page's front door serves.
const INDEX: &str = "index.html";

/// The relative path that a URL's path names, or `None` for one that we would not look for.
pub(crate) fn relative(url_path: &str) -> Option<PathBuf> {
    let decoded = percent_decode(url_path.strip_prefix('/')?)?;
    if decoded.is_empty() {
        return Some(PathBuf::from(INDEX));
    }
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && !segment.bytes().any(|byte| byte == b'\\' || byte == b':' || byte.is_ascii_control())
    };
    decoded.split('/').all(is_plain).then(|| PathBuf::from(decoded))
}

/// The file `relative` names under `root`, a canonical path, if it is one and lies there.
pub(crate) async fn inside(root: &Path, relative: &Path) -> Option<PathBuf> {
    let found = tokio::fs::canonicalize(root.join(relative)).await.ok()?;
    found.starts_with(root).then_some(found)
}

/// Whether the name carries a hash of the content, as a build gives it (`app-1a2b3c4d5e6f7a8b_bg.wasm`): eight or
/// more hexadecimal digits between `-` and `.` or `_`.
pub(crate) fn is_hashed(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.split('-').skip(1).any(|part| {
        let hash = part.split(['.', '_']).next().unwrap_or("");
        hash.len() < part.len() && hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Once, to UTF-8. A sign without two digits is no path.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_found() {
        assert_eq!(relative("/"), Some(PathBuf::from("index.html")));
        assert_eq!(relative("/app.js"), Some(PathBuf::from("app.js")));
        assert_eq!(relative("/snippets/a/b%20c.js"), Some(PathBuf::from("snippets/a/b c.js")));
    }

    #[test]
    fn no_path_leads_out() {
        let paths = [
            "",
            "app.js",
            "/..",
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "/a/%2e%2e%2fx",
            "/.git/config",
            "/%2egit",
            "//etc/passwd",
            "/a//b",
            "/a\\..\\b",
            "/a%5c..%5cb",
            "/c:/x",
            "/a%00.js",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
        ];
        for path in paths {
            assert_eq!(relative(path), None, "{path:?}");
        }
        // Decoded once: this one names a file with a percent sign.
        assert_eq!(relative("/%252e%252e"), Some(PathBuf::from("%2e%2e")));
    }

    #[test]
    fn only_names_with_a_hash_are_for_ever() {
        for name in ["app-1a2b3c4d5e6f7a8b.js", "app-1a2b3c4d5e6f7a8b_bg.wasm", "a-b-0123456789abcdef.css"] {
            assert!(is_hashed(Path::new(name)), "{name}");
        }
        for name in ["index.html", "start.js", "share-worker.js", "app-1a2b3c4.js", "app-deadbeef", "decade-facade.js"]
        {
            assert!(!is_hashed(Path::new(name)), "{name}");
        }
    }
}
