//! `/starling/credit/1`: words about paying on a stream, in both directions.
//!
//! As with content, each side writes on the stream that it opened and reads from the one it accepted. The stream is opened
//! with the first word, so that tabs which follow no ledger never open one.

use crate::event_loop::Report;
use futures::channel::mpsc;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::StreamProtocol;
use libp2p::swarm::Stream;
use protocol::credit::wire::{Decoder, MESSAGES_PER_SECOND_MAX, Message};
use protocol::{Input, PeerKey};

pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/starling/credit/1");

/// Words that may wait for one peer's stream: a second's worth. A stream that stands still for longer is given up.
pub(crate) const MESSAGES_WAITING_MAX: usize = MESSAGES_PER_SECOND_MAX as usize;

/// Bytes taken from the stream at once: a few words.
const READ_LEN: usize = 1024;

/// Writes words as they come, until either side ends it.
pub(crate) async fn write(mut stream: Stream, mut messages: mpsc::Receiver<Message>) {
    let mut buffer = Vec::new();
    while let Some(message) = messages.next().await {
        buffer.clear();
        message.encode(&mut buffer);
        if stream.write_all(&buffer).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
    drop(stream.close().await);
}

/// Reads words until the stream ends, breaks, or carries something else.
pub(crate) async fn read(peer: PeerKey, mut stream: Stream, report: &mut Report) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; READ_LEN];
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        decoder.push(&buffer[..count]);
        loop {
            match decoder.next() {
                Ok(Some(message)) => report.hear(Input::Credit { peer, message }).await,
                Ok(None) => break,
                Err(error) => {
                    log::warn!("{peer}: no word about paying: {error}");
                    report.hear(Input::CreditMalformed { peer }).await;
                    return;
                }
            }
        }
    }
}
