//! The first bytes of a connection: enough of a request to know who must answer it.
//!
//! A browser dials `/tcp/8080/ws` as `ws://host:8080/`, the page's own address, so the path says nothing and the
//! `Upgrade` header decides. The bytes are kept and replayed to whoever answers. Bounded in length and time: a
//! client that sends a header a minute (slowloris) is gone after `Limits::head_time`.

use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What the WebSocket handshake behind us reads at most. Page requests of real browsers stay under 2 KiB.
pub(crate) const HEAD_LEN_MAX: usize = 8 * 1024;

/// Headers in one request; the WebSocket handshake behind us reads no more either.
pub(crate) const HEADERS_MAX: usize = 32;

/// What the relay does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    WebSocket,
    Page,
}

/// A request's head as far as routing needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) route: Route,
    /// The client as the nearest proxy names it: the last entry of the last `X-Forwarded-For`.
    pub(crate) forwarded_for: Option<IpAddr>,
}

/// Why there was no head.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeadError {
    #[error("the connection ended before the request did")]
    Ended(#[from] io::Error),
    #[error("not a byte of a request")]
    Silent,
    #[error("no request within {0:?}")]
    TooSlow(Duration),
    #[error("a request head above {HEAD_LEN_MAX} bytes or {HEADERS_MAX} headers")]
    TooLarge,
    #[error("not an HTTP/1 request")]
    Malformed,
}

impl HeadError {
    /// Whether the client is to blame. Browsers open connections ahead and may never use them.
    pub(crate) fn is_fault(&self) -> bool {
        !matches!(self, Self::Ended(_) | Self::Silent)
    }

    /// What to tell the client, if it asked for anything.
    pub(crate) fn response(&self) -> Option<&'static [u8]> {
        match self {
            Self::Ended(_) | Self::Silent => None,
            Self::TooSlow(_) => Some(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
            Self::TooLarge => {
                Some(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            }
            Self::Malformed => Some(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        }
    }
}

/// Reads until the head is complete. Returns it with all bytes read, which may be more than the head.
pub(crate) async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    timeout: Duration,
) -> Result<(Head, Vec<u8>), HeadError> {
    let mut bytes = Vec::with_capacity(1024);
    match tokio::time::timeout(timeout, read_all(stream, &mut bytes)).await {
        Ok(read) => read.map(|head| (head, bytes)),
        Err(_) if bytes.is_empty() => Err(HeadError::Silent),
        Err(_) => Err(HeadError::TooSlow(timeout)),
    }
}

async fn read_all<S: AsyncRead + Unpin>(stream: &mut S, bytes: &mut Vec<u8>) -> Result<Head, HeadError> {
    loop {
        let room = HEAD_LEN_MAX - bytes.len();
        if room == 0 {
            return Err(HeadError::TooLarge);
        }
        if (&mut *stream).take(room as u64).read_buf(bytes).await? == 0 {
            return Err(HeadError::Ended(io::ErrorKind::UnexpectedEof.into()));
        }
        // Parsing again from the start costs at most 8 KiB a read, and no half-parsed state.
        if let Some(head) = parse(bytes)? {
            return Ok(head);
        }
    }
}

/// The head at the start of `bytes`, or `None` while it is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<Head>, HeadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
        Err(_) => return Err(HeadError::Malformed),
    }
    let mut head = Head { route: Route::Page, forwarded_for: None };
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("upgrade") && has_token(header.value, b"websocket") {
            head.route = Route::WebSocket;
        } else if header.name.eq_ignore_ascii_case("x-forwarded-for") {
            head.forwarded_for = last_address(header.value);
        }
    }
    Ok(Some(head))
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|entry| entry.trim_ascii().eq_ignore_ascii_case(token))
}

fn last_address(list: &[u8]) -> Option<IpAddr> {
    let entry = list.rsplit(|byte| *byte == b',').next()?;
    str::from_utf8(entry.trim_ascii()).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    const UPGRADE: &[u8] =
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n\r\n";

    #[tokio::test]
    async fn the_upgrade_header_decides_not_the_path() {
        let (head, bytes) = read(&mut &UPGRADE[..], Duration::from_secs(1)).await.expect("a whole head");
        assert_eq!(head.route, Route::WebSocket);
        assert_eq!(bytes, UPGRADE);
        let page = b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n";
        let (head, _) = read(&mut &page[..], Duration::from_secs(1)).await.expect("a whole head");
        assert_eq!(head.route, Route::Page);
    }

    #[test]
    fn a_head_is_incomplete_until_its_last_byte() {
        for end in 0..UPGRADE.len() {
            assert!(matches!(parse(&UPGRADE[..end]), Ok(None)), "at {end}");
        }
    }

    #[test]
    fn the_nearest_proxy_is_believed_not_what_the_client_claims() {
        let claimed = b"GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.1, 203.0.113.9\r\n\r\n";
        let head = parse(claimed).expect("well formed").expect("complete");
        assert_eq!(head.forwarded_for, Some(IpAddr::from([203, 0, 113, 9])));
        let nonsense = b"GET / HTTP/1.1\r\nX-Forwarded-For: 203.0.113.9, unknown\r\n\r\n";
        assert_eq!(parse(nonsense).expect("well formed").expect("complete").forwarded_for, None);
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused_at_the_limit() {
        let mut long = b"GET / HTTP/1.1\r\nx: ".to_vec();
        long.resize(HEAD_LEN_MAX + 1, b'a');
        assert!(matches!(read(&mut &long[..], Duration::from_secs(1)).await, Err(HeadError::TooLarge)));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1));
        assert!(matches!(parse(many.as_bytes()), Err(HeadError::TooLarge)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_comes_is_given_up() {
        let timeout = Duration::from_secs(5);
        let (mut ours, mut theirs) = tokio::io::duplex(64);
        assert!(matches!(read(&mut ours, timeout).await, Err(HeadError::Silent)));
        theirs.write_all(b"GET / HTT").await.expect("there is room");
        assert!(matches!(read(&mut ours, timeout).await, Err(HeadError::TooSlow(after)) if after == timeout));
    }

    #[tokio::test]
    async fn other_protocols_are_told_apart_from_http() {
        let tls = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01];
        assert!(matches!(read(&mut &tls[..], Duration::from_secs(1)).await, Err(HeadError::Malformed)));
    }
}
