//! `/starling/providers/1` on libp2p streams: one request and one answer a stream, each as its length (u32, little
//! endian) and its canonical bytes. What they mean is decided in crate `providers`.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::{self, Codec as CodecTrait, ProtocolSupport};
use libp2p::{PeerId, StreamProtocol};
use providers::{PROTOCOL, Request, Response, WirePeer};
use std::io;
use std::time::Duration;

/// Both messages are small; who needs longer is not coming back.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests under way with one peer.
const STREAMS_MAX: usize = 8;

/// An ed25519 [`PeerId`]: an identity multihash of the key's protobuf (libp2p peer ids, "Keys").
const PEER_ID_HEAD: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

pub(crate) type Behaviour = request_response::Behaviour<Codec>;

/// Answers, and asks nothing.
pub(crate) fn behaviour() -> Behaviour {
    let config = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(STREAMS_MAX);
    let protocol = StreamProtocol::new(PROTOCOL);
    request_response::Behaviour::with_codec(Codec, [(protocol, ProtocolSupport::Inbound)], config)
}

/// The peer's ed25519 key, which is all of its id, or `None` for an id of another kind.
pub(crate) fn wire_peer(peer: PeerId) -> Option<WirePeer> {
    peer.to_bytes().strip_prefix(&PEER_ID_HEAD)?.try_into().ok()
}

/// Lengths and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Codec;

impl CodecTrait for Codec {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response<WirePeer>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        Request::decode(&read_frame(io, Request::LEN_MAX).await?).map_err(invalid)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response<WirePeer>>
    where
        T: AsyncRead + Unpin + Send,
    {
        Response::decode(&read_frame(io, Response::LEN_MAX).await?).map_err(invalid)
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &request.encode()).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response<WirePeer>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &response.encode()).await
    }
}

pub(crate) async fn read_frame<T: AsyncRead + Unpin>(io: &mut T, len_max: usize) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    io.read_exact(&mut head).await?;
    let len = u32::from_le_bytes(head) as usize;
    if len > len_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, FrameTooLong { len, len_max }));
    }
    let mut bytes = vec![0; len];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

pub(crate) async fn write_frame<T: AsyncWrite + Unpin>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).expect("messages are a few kilobytes");
    io.write_all(&len.to_le_bytes()).await?;
    io.write_all(bytes).await?;
    io.flush().await
}

fn invalid(error: providers::ProvidersError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[derive(Debug, thiserror::Error)]
#[error("a message of {len} bytes, at most {len_max}")]
struct FrameTooLong {
    len: usize,
    len_max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::io::Cursor;
    use providers::{Id, IdSet};

    #[test]
    fn a_request_has_its_length_in_front() {
        let mut bytes = Cursor::new(Vec::new());
        let request = Request::Announce(IdSet::from_first([Id([1; 32]), Id([2; 32])]));
        let protocol = StreamProtocol::new(PROTOCOL);
        block_on(Codec.write_request(&protocol, &mut bytes, request.clone())).expect("memory does not fail");
        assert_eq!(bytes.get_ref()[..4], [67, 0, 0, 0]);
        bytes.set_position(0);
        assert_eq!(block_on(Codec.read_request(&protocol, &mut bytes)).expect("as written"), request);
    }

    #[test]
    fn a_length_above_any_message_is_refused_before_it_is_allocated() {
        let mut bytes = Cursor::new(u32::MAX.to_le_bytes().to_vec());
        let refused = block_on(Codec.read_request(&StreamProtocol::new(PROTOCOL), &mut bytes));
        assert_eq!(refused.expect_err("4 GiB").kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_ed25519_peer_is_its_key_and_others_have_no_wire_form() {
        let key = libp2p::identity::Keypair::generate_ed25519().public();
        let bytes = key.clone().try_into_ed25519().expect("just made").to_bytes();
        assert_eq!(wire_peer(key.to_peer_id()), Some(bytes));
        assert_eq!(wire_peer(PeerId::random()), None);
    }
}
