//! `/starling/providers/1` on a stream: one question, one answer, then both halves close.
//!
//! Frame: length of the body as u32 little-endian, then the body (crate `providers`).

use crate::streams::Opening;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::swarm::Stream;
use protocol::PeerKey;
use providers::{Request, Response};
use std::io;

pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new(providers::PROTOCOL);

/// The longest body: an announcement of 256 ids of 32 bytes, or 20 peers, and their heads.
const BODY_MAX: u32 = 16 * 1024;

/// Asks a relay or a neighbour. `None` when it does not answer, or not in our words.
pub(crate) async fn ask(opening: Opening, request: Request) -> Option<Response<PeerKey>> {
    let mut stream = opening.await.ok()?.ok()?;
    write_frame(&mut stream, &request.encode()).await.ok()?;
    let body = read_frame(&mut stream).await.ok()?;
    drop(stream.close().await);
    Some(Response::<[u8; 32]>::decode(&body).ok()?.filter_map(|key| Some(PeerKey(key))))
}

/// Reads a neighbour's question.
pub(crate) async fn read_request(stream: &mut Stream) -> Option<Request> {
    Request::decode(&read_frame(stream).await.ok()?).ok()
}

/// Answers it.
pub(crate) async fn answer(mut stream: Stream, response: Response<PeerKey>) {
    let body = response.filter_map(|key| Some(key.0)).encode();
    // An asker that went away has no use for the answer.
    if write_frame(&mut stream, &body).await.is_ok() {
        drop(stream.close().await);
    }
}

async fn write_frame(stream: &mut Stream, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    stream.write_all(&[&length.to_le_bytes(), body].concat()).await?;
    stream.flush().await
}

async fn read_frame(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length);
    if length > BODY_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
