//! `/starling/content/1`: the bytes of content messages on a stream, in both directions.
//!
//! Each side writes on the stream it opened and reads from the one it accepted, so that nobody has to agree on
//! who opens first. Deciding what to send is the peer's; here bytes become messages and messages bytes.

use crate::event_loop::Report;
use bytes::{Bytes, BytesMut};
use content::{Message, wire};
use futures::channel::mpsc;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::StreamProtocol;
use libp2p::swarm::Stream;
use protocol::{Input, PeerKey};

pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/starling/content/1");
/// What identify says we are.
pub(crate) const IDENTIFY_PROTOCOL: &str = "/starling/1";

/// Messages that may wait for one peer's stream. The peer's own bound on unflushed bytes is met long before;
/// reaching this one means the stream stands still, and it is given up.
pub(crate) const MESSAGES_WAITING_MAX: usize = 1_024;
/// Bytes gathered before a write: four of the largest data-channel messages.
const WRITE_LEN: usize = 64 * 1024;
/// Bytes taken from the stream at once.
const READ_LEN: usize = 64 * 1024;

/// Writes messages as they come, until either side ends it. Neighbouring messages share a write.
pub(crate) async fn write(
    peer: PeerKey,
    mut stream: Stream,
    mut messages: mpsc::Receiver<Message>,
    report: &mut Report,
) {
    let mut buffer = BytesMut::with_capacity(2 * WRITE_LEN);
    while let Some(message) = messages.next().await {
        message.encode(&mut buffer);
        let mut ended = false;
        while buffer.len() < WRITE_LEN {
            match messages.try_recv() {
                Ok(message) => message.encode(&mut buffer),
                Err(mpsc::TryRecvError::Empty) => break,
                Err(mpsc::TryRecvError::Closed) => {
                    ended = true;
                    break;
                }
            }
        }
        let bytes = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        if stream.write_all(&buffer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        buffer.clear();
        report.hear(Input::ContentFlushed { peer, bytes }).await;
        if ended {
            break;
        }
    }
    // The peer's half is its own; ours ends politely.
    drop(stream.close().await);
}

/// Reads messages until the stream ends, breaks, or carries something else.
pub(crate) async fn read(peer: PeerKey, mut stream: Stream, report: &mut Report) {
    let mut decoder = wire::Decoder::default();
    let mut buffer = vec![0; READ_LEN];
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        decoder.push(Bytes::copy_from_slice(&buffer[..count]));
        loop {
            match decoder.next() {
                Ok(Some(message)) => report.hear(Input::Content { peer, message }).await,
                Ok(None) => break,
                Err(error) => {
                    log::warn!("{peer}: not a content message: {error}");
                    report.hear(Input::ContentMalformed { peer }).await;
                    return;
                }
            }
        }
    }
}
