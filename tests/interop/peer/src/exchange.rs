//! Both ends of the two test protocols: write, end our half, read to the end, compare.

use crate::node::Node;
use crate::streams::{ECHO, HOLD};
use futures::future::{join_all, try_join};
use futures::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use libp2p::swarm::Stream;
use libp2p::{PeerId, StreamProtocol};
use serde::Serialize;
use std::io;
use wasm_bindgen::JsError;
use web_time::Instant;

const READ: usize = 64 * 1024;

/// What some streams together did.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exchanged {
    bytes: usize,
    same: bool,
    ms: f64,
    /// How long ending our half took, at most.
    end_ms: f64,
}

/// Opens `count` streams at once over the direct connection and exchanges `length` bytes on each.
pub(crate) async fn exchange(
    node: &Node,
    peer: PeerId,
    protocol: StreamProtocol,
    length: usize,
    count: u32,
) -> Result<Exchanged, JsError> {
    let started = Instant::now();
    let ones = (1..=count).map(|seed| {
        let protocol = protocol.clone();
        async move {
            let opening = node.act(move |swarm| swarm.behaviour_mut().streams.open(peer, protocol)).await;
            let stream =
                opening.await.map_err(|_| JsError::new("the connection ended while a stream was opened"))??;
            Ok::<_, JsError>(one(stream, length, seed).await?)
        }
    });
    let ones: Vec<One> = join_all(ones).await.into_iter().collect::<Result<_, JsError>>()?;
    Ok(Exchanged {
        bytes: ones.iter().map(|one| one.length).sum(),
        same: ones.iter().all(|one| one.same),
        ms: milliseconds(started),
        end_ms: ones.iter().map(|one| one.end_ms).fold(0.0, f64::max),
    })
}

struct One {
    length: usize,
    same: bool,
    end_ms: f64,
}

async fn one(stream: Stream, length: usize, seed: u32) -> io::Result<One> {
    let sent = pattern(length, seed);
    let (mut reader, mut writer) = stream.split();
    let writing = async {
        writer.write_all(&sent).await?;
        let ending = Instant::now();
        writer.close().await?;
        Ok(milliseconds(ending))
    };
    let (end_ms, received) = try_join(writing, read_to_end(&mut reader)).await?;
    Ok(One { length: received.len(), same: received == sent, end_ms })
}

/// Answers one stream of a peer.
pub(crate) async fn serve(protocol: StreamProtocol, stream: Stream) {
    let served = if protocol == HOLD { hold(stream).await } else { echo(stream).await };
    if let Err(error) = served {
        log::warn!("serving {protocol} failed: {error}");
    }
}

/// [`ECHO`]: sends back what comes, as it comes.
async fn echo(mut stream: Stream) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.close().await;
        }
        stream.write_all(&buffer[..length]).await?;
        stream.flush().await?;
    }
}

/// [`HOLD`]: sends back what came, once the other side has ended its half.
async fn hold(mut stream: Stream) -> io::Result<()> {
    let all = read_to_end(&mut stream).await?;
    stream.write_all(&all).await?;
    stream.close().await
}

/// `AsyncReadExt::read_to_end` clears all free memory before each read: seconds in a debug build.
async fn read_to_end(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; READ]);
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(all),
            length => all.extend_from_slice(&buffer[..length]),
        }
    }
}

/// What this peer answers.
pub(crate) fn offered() -> Vec<StreamProtocol> {
    vec![ECHO, HOLD]
}

/// Bytes that no two streams share (xorshift).
fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
