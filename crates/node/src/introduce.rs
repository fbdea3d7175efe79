//! `/starling/introduce/1`: neighbours that introduce each other, so that tabs carry on without a relay.
//!
//! A asks its neighbour B for C. B opens a stream to C, both agree, and B splices the two streams: 64 KiB,
//! 30 s. The ends run Noise over what B forwards, so B can neither read nor change the signalling that follows.
//! libp2p's own circuit relay cannot do this over `/webrtc` connections (docs/architecture.md, section 4).
//!
//! Messages are a kind byte and fixed-width fields, little-endian:
//!
//! | kind | message | fields |
//! |---|---|---|
//! | 0 | `List` | |
//! | 1 | `Connect` | target, 32 bytes |
//! | 2 | `Incoming` | from, 32 bytes |
//! | 3 | `Peers` | count u16, count x 32 bytes |
//! | 4 | `Accepted` | |
//! | 5 | `Refused` | |

use crate::platform::delay;
use crate::streams::Opening;
use futures::future::{Either, select};
use futures::io::{ReadHalf, WriteHalf};
use futures::{AsyncReadExt, AsyncWriteExt, pin_mut};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::identity::Keypair;
use libp2p::noise;
use libp2p::swarm::Stream;
use protocol::PeerKey;
use std::io;
use std::time::Duration;
use transport::SignalingStream;

pub(crate) const PROTOCOL: StreamProtocol = StreamProtocol::new("/starling/introduce/1");

/// Bytes that one splice forwards, both ways together: an offer, an answer and 64 candidates fit several times.
const SPLICE_BYTES_MAX: usize = 64 * 1024;
/// How long a splice may last: a `/webrtc` dial is over by then.
const SPLICE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long each single answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Peers in one answer to `List`.
const PEERS_MAX: u16 = 32;
/// The protocol name Noise binds to: libp2p's own.
const NOISE: &str = "/noise";

/// One message; the table above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    List,
    Connect(PeerKey),
    Incoming(PeerKey),
    Peers(Vec<PeerKey>),
    Accepted,
    Refused,
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::List => vec![0],
            Self::Connect(target) => [&[1][..], &target.0].concat(),
            Self::Incoming(from) => [&[2][..], &from.0].concat(),
            Self::Peers(peers) => {
                let count = u16::try_from(peers.len()).unwrap_or(PEERS_MAX).min(PEERS_MAX);
                let mut bytes = vec![3];
                bytes.extend(count.to_le_bytes());
                peers.iter().take(usize::from(count)).for_each(|peer| bytes.extend(peer.0));
                bytes
            }
            Self::Accepted => vec![4],
            Self::Refused => vec![5],
        }
    }

    async fn read(stream: &mut (impl futures::AsyncRead + Unpin)) -> io::Result<Self> {
        Ok(match read_array(stream).await? {
            [0] => Self::List,
            [1] => Self::Connect(PeerKey(read_array(stream).await?)),
            [2] => Self::Incoming(PeerKey(read_array(stream).await?)),
            [3] => {
                let count = u16::from_le_bytes(read_array(stream).await?);
                if count > PEERS_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                let mut peers = Vec::with_capacity(usize::from(count));
                for _ in 0..count {
                    peers.push(PeerKey(read_array(stream).await?));
                }
                Self::Peers(peers)
            }
            [4] => Self::Accepted,
            [5] => Self::Refused,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

async fn read_array<const N: usize>(stream: &mut (impl futures::AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn send(stream: &mut Stream, message: &Message) -> io::Result<()> {
    stream.write_all(&message.encode()).await?;
    stream.flush().await
}

async fn in_time<T>(timeout: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    pin_mut!(step);
    match select(step, delay(timeout)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Asks a neighbour whom it knows.
pub(crate) async fn list(opening: Opening) -> Option<Vec<PeerKey>> {
    let mut stream = opening.await.ok()?.ok()?;
    send(&mut stream, &Message::List).await.ok()?;
    match in_time(ANSWER_TIMEOUT, Message::read(&mut stream)).await.ok()? {
        Message::Peers(peers) => Some(peers),
        _ => None,
    }
}

/// Answers `List`.
pub(crate) async fn answer_list(mut stream: Stream, peers: Vec<PeerKey>) {
    if send(&mut stream, &Message::Peers(peers)).await.is_ok() {
        drop(stream.close().await);
    }
}

/// Asks a neighbour for a way to `target`: a stream that only `target` can read.
///
/// # Errors
/// Whatever ended it: the neighbour refused, `target` refused, or the other end is not `target`.
pub(crate) async fn connect(opening: Opening, keypair: Keypair, target: PeerKey) -> io::Result<SignalingStream> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let mut stream = opening.await.map_err(|_| refused())?.map_err(|_| refused())?;
    send(&mut stream, &Message::Connect(target)).await?;
    if in_time(ANSWER_TIMEOUT, Message::read(&mut stream)).await? != Message::Accepted {
        return Err(refused());
    }
    let noise = noise::Config::new(&keypair).map_err(io::Error::other)?;
    let upgrade = async { noise.upgrade_outbound(stream, NOISE).await.map_err(io::Error::other) };
    let (peer, secured) = in_time(ANSWER_TIMEOUT, upgrade).await?;
    if crate::peer_id::to_key(&peer) == Some(target) { Ok(Box::new(secured)) } else { Err(refused()) }
}

/// Accepts being introduced: the stream is from a neighbour that says `from` is behind it.
///
/// # Errors
/// Whatever ended it, such as somebody else than `from` at the other end.
pub(crate) async fn accept(mut stream: Stream, keypair: Keypair, from: PeerKey) -> io::Result<SignalingStream> {
    send(&mut stream, &Message::Accepted).await?;
    let noise = noise::Config::new(&keypair).map_err(io::Error::other)?;
    let upgrade = async { noise.upgrade_inbound(stream, NOISE).await.map_err(io::Error::other) };
    let (peer, secured) = in_time(ANSWER_TIMEOUT, upgrade).await?;
    if crate::peer_id::to_key(&peer) == Some(from) {
        Ok(Box::new(secured))
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Reads the first message of a stream that a neighbour opened.
pub(crate) async fn read_ask(stream: &mut Stream) -> Option<Message> {
    in_time(ANSWER_TIMEOUT, Message::read(stream)).await.ok()
}

/// Says no.
pub(crate) async fn refuse(mut stream: Stream) {
    if send(&mut stream, &Message::Refused).await.is_ok() {
        drop(stream.close().await);
    }
}

/// Introduces: forwards between `asker` and a stream to whom it asked for, within the bounds.
pub(crate) async fn splice(mut asker: Stream, from: PeerKey, opening: Opening) {
    let target = async {
        let mut target = opening.await.ok()?.ok()?;
        send(&mut target, &Message::Incoming(from)).await.ok()?;
        let answer = in_time(ANSWER_TIMEOUT, Message::read(&mut target)).await.ok()?;
        (answer == Message::Accepted).then_some(target)
    };
    let Some(target) = target.await else { return refuse(asker).await };
    if send(&mut asker, &Message::Accepted).await.is_err() {
        return;
    }
    let ((from_asker, to_asker), (from_target, to_target)) = (asker.split(), target.split());
    let both = async {
        futures::join!(forward(from_asker, to_target), forward(from_target, to_asker));
        Ok(())
    };
    // Time over: both streams are dropped, which resets them.
    drop(in_time(SPLICE_TIMEOUT, both).await);
}

/// Forwards one direction until it ends or has had its half of the bytes.
async fn forward(mut from: ReadHalf<Stream>, mut to: WriteHalf<Stream>) {
    let mut buffer = vec![0; 4 * 1024];
    let mut left = SPLICE_BYTES_MAX / 2;
    while left > 0 {
        let want = left.min(buffer.len());
        match from.read(&mut buffer[..want]).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
                    return;
                }
                left -= count;
            }
        }
    }
    drop(to.close().await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;

    #[test]
    fn every_message_survives_the_wire() {
        let key = PeerKey([3; 32]);
        let messages = [
            Message::List,
            Message::Connect(key),
            Message::Incoming(key),
            Message::Peers(vec![key; 3]),
            Message::Accepted,
            Message::Refused,
        ];
        for message in messages {
            assert_eq!(block_on(Message::read(&mut Cursor::new(message.encode()))).unwrap(), message);
        }
    }

    #[test]
    fn lies_about_length_end_before_any_allocation() {
        for bytes in [&[3, 0xff, 0xff][..], &[9], &[], &[1, 2, 3]] {
            assert!(block_on(Message::read(&mut Cursor::new(bytes))).is_err());
        }
    }
}
