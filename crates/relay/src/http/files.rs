//! One file as a response: which encoding, fresh or known, whole or a range.

use super::encoding::Encoding;
use super::range::Range;
use super::{Body, media_type, path};
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use hyper::{HeaderMap, Method, Response, StatusCode};
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// Read from disk and held in memory at once for one client.
const READ_LEN: usize = 64 * 1024;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but asked after each time: a new build shows at the next visit.
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// What a request asks of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
}

impl Wish<'_> {
    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A file of the page under `root`, which is canonical; `None` if there is none.
pub(crate) async fn page_file(root: &Path, relative: &Path, wish: Wish<'_>) -> io::Result<Option<Response<Body>>> {
    let Some(plain) = path::inside(root, relative).await else { return Ok(None) };
    // A range is of the bytes a person sees, so it is answered from the plain file.
    if wish.header(RANGE).is_none() {
        let accepted = wish.header(ACCEPT_ENCODING).unwrap_or("");
        for encoding in Encoding::COMPRESSED.into_iter().filter(|encoding| encoding.is_accepted(accepted)) {
            let mut beside = relative.as_os_str().to_owned();
            beside.push(encoding.extension());
            let Some(compressed) = path::inside(root, &PathBuf::from(beside)).await else { continue };
            if !path::is_hashed(relative) && is_older(&compressed, &plain).await? {
                continue;
            }
            if let Some(response) = serve(&compressed, relative, encoding, wish).await? {
                return Ok(Some(response));
            }
        }
    }
    serve(&plain, relative, Encoding::Identity, wish).await
}

/// Whether `compressed` was left behind when `plain` was built again. A name with a hash cannot be: its plain file
/// never changes, whatever a copy did to the times.
async fn is_older(compressed: &Path, plain: &Path) -> io::Result<bool> {
    let changed = async |path: &Path| tokio::fs::metadata(path).await?.modified();
    Ok(changed(compressed).await? < changed(plain).await?)
}

/// The file at `path`, named and typed as `name`; `None` if it is none.
pub(crate) async fn serve(
    path: &Path,
    name: &Path,
    encoding: Encoding,
    wish: Wish<'_>,
) -> io::Result<Option<Response<Body>>> {
    let file = match File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let len = metadata.len();
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let etag = format!("\"{changed:x}-{len:x}{}\"", encoding.extension());

    let mut response = Response::new(empty());
    let headers = response.headers_mut();
    let file_name = name.file_name().and_then(|name| name.to_str()).unwrap_or("");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type::of(file_name)));
    headers.insert(CACHE_CONTROL, if path::is_hashed(name) { FOR_EVER } else { ASK_EACH_TIME });
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(ETAG, header_value(&etag)?);
    if let Some(token) = encoding.token() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
    }
    if wish.header(IF_NONE_MATCH).is_some_and(|known| names(known, &etag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        headers_without_body(response.headers_mut());
        return Ok(Some(response));
    }

    match wanted(wish, &etag, len) {
        Range::Whole => {
            response.headers_mut().insert(CONTENT_LENGTH, len.into());
            fill(&mut response, wish, file, 0, len).await?;
        }
        Range::Part { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = header_value(&format!("bytes {first}-{last}/{len}"))?;
            response.headers_mut().insert(CONTENT_RANGE, range);
            response.headers_mut().insert(CONTENT_LENGTH, (last - first + 1).into());
            fill(&mut response, wish, file, first, last - first + 1).await?;
        }
        Range::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            response.headers_mut().insert(CONTENT_RANGE, header_value(&format!("bytes */{len}"))?);
            headers_without_body(response.headers_mut());
        }
    }
    Ok(Some(response))
}

/// The range asked for, unless it is of a version that is gone (`If-Range`).
fn wanted(wish: Wish<'_>, etag: &str, len: u64) -> Range {
    match (wish.header(RANGE), wish.header(IF_RANGE)) {
        (Some(_), Some(version)) if version.trim() != etag => Range::Whole,
        (Some(range), _) if wish.method == Method::GET => Range::parse(range, len),
        (_, _) => Range::Whole,
    }
}

/// Whether an `If-None-Match` list names this version. Weak comparison (RFC 9110, section 13.1.2).
fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == etag)
}

fn headers_without_body(headers: &mut HeaderMap) {
    headers.remove(CONTENT_TYPE);
    headers.remove(CONTENT_ENCODING);
}

async fn fill(response: &mut Response<Body>, wish: Wish<'_>, mut file: File, first: u64, len: u64) -> io::Result<()> {
    if wish.method == Method::HEAD {
        return Ok(());
    }
    if first > 0 {
        file.seek(SeekFrom::Start(first)).await?;
    }
    let frames = stream::try_unfold((file, len), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(READ_LEN.min(usize::try_from(left).unwrap_or(READ_LEN)));
        let room = left.min(READ_LEN as u64);
        if (&mut file).take(room).read_buf(&mut bytes).await? == 0 {
            // The file shrank while it was sent; the promised length cannot be kept.
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let left = left - bytes.len() as u64;
        Ok(Some((Frame::data(Bytes::from(bytes)), (file, left))))
    });
    *response.body_mut() = UnsyncBoxBody::new(StreamBody::new(frames));
    Ok(())
}

pub(crate) fn empty() -> Body {
    UnsyncBoxBody::new(Empty::new().map_err(|never| match never {}))
}

fn header_value(text: &str) -> io::Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
