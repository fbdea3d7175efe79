//! The item a visitor can fetch when nobody else is here: a file of the operator's.

use super::media_type;
use crate::config;
use crate::error::StartError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder inside the page that is looked into by default.
const FOLDER: &str = "sample";

/// Beside a file, what the page's build computed for it: the content id, and what proves its bytes to a tab that reads
/// ranges; compressed copies.
const COMPANIONS: [&str; 5] = [".id", ".manifest", ".outboard", ".br", ".gz"];

/// Of those, what a tab asks for beside the file itself.
const PROOFS: [&str; 2] = [".manifest", ".outboard"];

/// For the page to show; not an item of its own.
const THUMBNAIL: &str = "thumb.png";

/// Where samples are served.
const URL_PREFIX: &str = "/sample/";

#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    pub(crate) length: u64,
    pub(crate) media_type: &'static str,
    pub(crate) url: String,
    pub(crate) id: Option<String>,
}

impl Sample {
    /// The sample that was asked for, or `None` if none was or none is there.
    pub(crate) fn find(choice: &config::Sample, page: &Path) -> Result<Option<Self>, StartError> {
        let path = match choice {
            config::Sample::Off => return Ok(None),
            config::Sample::File(path) => path.clone(),
            config::Sample::FromPage => match first_file(&page.join(FOLDER)) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let sample = Self::read(&path).map_err(|source| StartError::Sample { path, source })?;
        Ok(Some(sample))
    }

    /// The file that a URL's path names: the sample, or what proves its bytes.
    pub(crate) fn file(&self, path: &str) -> Option<PathBuf> {
        let end = path.strip_prefix(&self.url)?;
        (end.is_empty() || PROOFS.contains(&end)).then(|| beside(&self.path, end))
    }

    fn read(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let name = path.file_name().and_then(|name| name.to_str()).filter(|_| metadata.is_file());
        let Some(name) = name else { return Err(io::ErrorKind::InvalidInput.into()) };
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            length: metadata.len(),
            media_type: media_type::essence(media_type::of(name)),
            url: format!("{URL_PREFIX}{}", percent_encode(name)),
            id: content_id(path),
        })
    }
}

/// The first by name, so that every start finds the same.
fn first_file(folder: &Path) -> Option<PathBuf> {
    let is_item = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or(".");
        path.is_file()
            && !name.starts_with('.')
            && name != THUMBNAIL
            && !COMPANIONS.iter().any(|end| name.ends_with(end))
    };
    fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(is_item).min()
}

fn content_id(path: &Path) -> Option<String> {
    let text = fs::read_to_string(beside(path, ".id")).ok()?;
    let id = text.trim();
    let is_cid = (20..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_cid.then(|| id.to_owned())
}

/// The file whose name is this one's and an ending more.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A name as one segment of a URL's path (RFC 3986, section 3.3), of unreserved characters only.
fn percent_encode(name: &str) -> String {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_script_fit_a_url() {
        assert_eq!(percent_encode("a b.mp3"), "a%20b.mp3");
        assert_eq!(percent_encode("ü/..\\?#"), "%C3%BC%2F..%5C%3F%23");
    }
}
