//! `/starling/chain/1` on a stream: one question, one answer, then both halves close.
//!
//! Frame: length as u32 little-endian, then canonical bytes (`ledger::question`). An answer may take as long as the
//! next block; one that is longer than any is refused before room is made for it.

use crate::streams::Opening;
use clock::Timestamp;
use futures::future::{Either, select};
use futures::{AsyncReadExt, AsyncWriteExt};
use futures_timer::Delay;
use ledger::question::{ANSWER_LEN_MAX, Answer, PROTOCOL as NAME, Question, WAIT_SECS};
use ledger::wire::Wire;
use libp2p::StreamProtocol;
use std::pin::pin;
use std::time::Duration;
use web_time::{SystemTime, UNIX_EPOCH};

const PROTOCOL: StreamProtocol = StreamProtocol::new(NAME);

/// The longest that an honest peer takes: a question that waits for the next block, and a bad link.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(WAIT_SECS + 15);

/// The protocol, to open a stream for.
pub(crate) const fn protocol() -> StreamProtocol {
    PROTOCOL
}

/// Asks a relay or a neighbour. `None` when it does not answer in time, or not in our words.
pub(crate) async fn ask(opening: Opening, question: Question) -> Option<Answer> {
    let asking = pin!(exchange(opening, question));
    match select(asking, Delay::new(ANSWER_TIMEOUT)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => None,
    }
}

async fn exchange(opening: Opening, question: Question) -> Option<Answer> {
    let mut stream = opening.await.ok()?.ok()?;
    let bytes = question.to_bytes();
    let length = u32::try_from(bytes.len()).ok()?;
    stream.write_all(&[&length.to_le_bytes(), bytes.as_slice()].concat()).await.ok()?;
    stream.flush().await.ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.ok()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok().filter(|length| *length <= ANSWER_LEN_MAX)?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    // A peer that does not close has answered all the same.
    drop(stream.close().await);
    Answer::from_bytes(&bytes).ok()
}

/// The world's time as this machine has it. It decides nothing about a final block.
pub(crate) fn clock_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
