//! The inner transport of libp2p's WebSocket: connections that our acceptor took and hands over.
//!
//! libp2p-websocket expects to own the listening socket. Ours is shared with the page, so this [`Transport`] listens
//! in name only: it announces the address it is told, and its connections come out of a queue, each with the
//! request head still to be read and with the client's true address. It dials nobody, so nobody can make the
//! relay dial.

use crate::replayed::Replayed;
use futures::future::{Pending, Ready, ready};
use libp2p::Multiaddr;
use libp2p::core::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// Connections waiting for libp2p to look. It looks at once, so a full queue means that it is overloaded, and the
/// newest client is told to come again.
pub(crate) const HANDED_OVER_MAX: usize = 256;

/// What libp2p reads and writes.
pub(crate) type Handed = Compat<Replayed<TcpStream>>;

/// A connection that asked to become a WebSocket.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) stream: Replayed<TcpStream>,
    /// The address the client used.
    pub(crate) local: SocketAddr,
    /// The client, through a trusted proxy if there is one.
    pub(crate) remote: SocketAddr,
}

/// The libp2p end of the queue.
#[derive(Debug)]
pub(crate) struct AcceptQueue {
    accepted: mpsc::Receiver<Accepted>,
    listener: Option<ListenerId>,
    announce: Option<Multiaddr>,
    closed: Option<ListenerId>,
}

/// A queue of [`HANDED_OVER_MAX`].
pub(crate) fn channel() -> (mpsc::Sender<Accepted>, AcceptQueue) {
    let (sender, accepted) = mpsc::channel(HANDED_OVER_MAX);
    (sender, AcceptQueue { accepted, listener: None, announce: None, closed: None })
}

impl Transport for AcceptQueue {
    type Output = Handed;
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<Handed>>;
    type Dial = Pending<io::Result<Handed>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        if self.listener.is_some() {
            return Err(TransportError::Other(io::ErrorKind::AddrInUse.into()));
        }
        self.listener = Some(id);
        self.announce = Some(address);
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        if self.listener != Some(id) {
            return false;
        }
        self.closed = self.listener.take();
        true
    }

    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        if let Some(listener_id) = self.closed.take() {
            return Poll::Ready(TransportEvent::ListenerClosed { listener_id, reason: Ok(()) });
        }
        let Some(listener_id) = self.listener else {
            return Poll::Pending;
        };
        if let Some(listen_addr) = self.announce.take() {
            return Poll::Ready(TransportEvent::NewAddress { listener_id, listen_addr });
        }
        match self.accepted.poll_recv(cx) {
            Poll::Ready(Some(Accepted { stream, local, remote })) => Poll::Ready(TransportEvent::Incoming {
                listener_id,
                upgrade: ready(Ok(stream.compat())),
                local_addr: tcp_address(local),
                send_back_addr: tcp_address(remote),
            }),
            // The acceptor has stopped; so will we.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// `/ip4/192.0.2.1/tcp/8080`
pub(crate) fn tcp_address(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip().to_canonical()).with(Protocol::Tcp(address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::AsyncReadExt;
    use futures::future::poll_fn;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_handed_connection_comes_out_with_its_head_and_its_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let local = listener.local_addr().expect("it is bound");
        let mut client = TcpStream::connect(local).await.expect("we listen");
        let (stream, _) = listener.accept().await.expect("somebody dialled");
        let (sender, mut queue) = channel();

        let id = ListenerId::next();
        queue.listen_on(id, tcp_address(local)).expect("the first listener");
        let remote = SocketAddr::from(([203, 0, 113, 9], 7));
        let stream = Replayed::new(b"head ".to_vec(), stream);
        sender.try_send(Accepted { stream, local, remote }).expect("the queue is empty");

        let announced = poll_fn(|cx| Pin::new(&mut queue).poll(cx)).await;
        assert_eq!(announced.into_new_address(), Some(tcp_address(local)));
        let incoming = poll_fn(|cx| Pin::new(&mut queue).poll(cx)).await;
        let (upgrade, from) = incoming.into_incoming().expect("a connection waits");
        assert_eq!(from, "/ip4/203.0.113.9/tcp/7".parse().expect("an address"));
        client.write_all(b"body").await.expect("connected");
        let mut bytes = [0; 9];
        upgrade.await.expect("handed over").read_exact(&mut bytes).await.expect("nine bytes");
        assert_eq!(&bytes, b"head body");
    }

    #[test]
    fn the_relay_cannot_be_made_to_dial() {
        let (_sender, mut queue) = channel();
        let options =
            DialOpts { role: libp2p::core::Endpoint::Dialer, port_use: libp2p::core::transport::PortUse::New };
        let refused = queue.dial("/ip4/127.0.0.1/tcp/22".parse().expect("an address"), options);
        assert!(matches!(refused, Err(TransportError::MultiaddrNotSupported(_))));
    }
}
