//! One port: takes connections, reads who they want, and hands them on.
//!
//! A request to upgrade goes to libp2p through the accept queue, with its head replayed and the client's true address;
//! everything else is answered here. Whatever a client does, it costs a bounded number of seats for a bounded time.

use crate::accept_queue::Accepted;
use crate::head::{self, Route};
use crate::http::{Client, Site, may_be_proxy};
use crate::patience::Patience;
use crate::replayed::Replayed;
use crate::seats::{Seat, Seats};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// An idle connection kept for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// hyper's smallest buffer for a request head; ours is checked before it sees one.
const HTTP_BUFFER_LEN: usize = 16 * 1024;

/// Out of files or memory: let others finish before the next attempt.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Responses under way when the relay stops get this long.
const FAREWELL_TIME: Duration = Duration::from_millis(500);

/// A client that was refused gets this long to stop sending, and may send so much.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_LEN_MAX: u64 = 64 * 1024;

const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// The listening socket and where its connections go.
pub(crate) struct Acceptor {
    pub(crate) listener: TcpListener,
    pub(crate) door: Arc<Door>,
}

/// What each connection needs.
pub(crate) struct Door {
    pub(crate) site: Site,
    pub(crate) websockets: mpsc::Sender<Accepted>,
    pub(crate) seats: Seats,
    pub(crate) head_time: Duration,
}

impl Acceptor {
    /// Runs until `stop`; then finishes the responses under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut clients = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
                // Finished ones are forgotten as they finish.
                Some(_) = clients.join_next() => continue,
            };
            match accepted {
                Ok((stream, remote)) => match self.door.seats.take(remote.ip()) {
                    Some(seat) => {
                        clients.spawn(self.door.clone().welcome(stream, remote, seat, stop.clone()));
                    }
                    None => self.door.turn_away(remote, "no seat left"),
                },
                Err(error) => {
                    log::warn!("cannot accept: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        let finished = async { while clients.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL_TIME, finished).await;
    }
}

impl Door {
    async fn welcome(self: Arc<Self>, mut stream: TcpStream, remote: SocketAddr, seat: Seat, stop: CancellationToken) {
        let Ok(local) = stream.local_addr() else { return };
        // Signalling is small messages in both directions; waiting to fill a packet would double every round trip.
        let _ = stream.set_nodelay(true);
        let read = tokio::select! {
            () = stop.cancelled() => return,
            read = head::read(&mut stream, self.head_time) => read,
        };
        match read {
            Ok((head, bytes)) => {
                let stream = Replayed::new(bytes, stream);
                let client = Client { local, neighbour: remote };
                match head.route {
                    Route::WebSocket => {
                        let forwarded =
                            head.forwarded_for.filter(|_| self.site.behind_proxy && may_be_proxy(remote.ip()));
                        let remote = forwarded.map_or(remote, |ip| SocketAddr::new(ip, remote.port()));
                        self.hand_over(Accepted { stream, local, remote }).await;
                    }
                    Route::Page => self.serve(stream, client, stop).await,
                }
            }
            Err(error) => {
                if error.is_fault() {
                    self.turn_away(remote, &error);
                }
                if let Some(response) = error.response() {
                    // The client is at fault, and may be gone.
                    let _ = tokio::time::timeout(LINGER_TIME, refuse(&mut stream, response)).await;
                }
            }
        }
        drop(seat);
    }

    async fn hand_over(&self, accepted: Accepted) {
        match self.websockets.try_send(accepted) {
            Ok(()) => {}
            Err(TrySendError::Full(mut refused) | TrySendError::Closed(mut refused)) => {
                self.turn_away(refused.remote, "the queue of new connections is full");
                let _ = tokio::time::timeout(LINGER_TIME, refuse(&mut refused.stream, BUSY)).await;
            }
        }
    }

    async fn serve(&self, stream: Replayed<TcpStream>, client: Client, stop: CancellationToken) {
        let service = service_fn(async |request| Ok::<_, Infallible>(self.site.respond(request, client).await));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(KEEP_ALIVE)
            .max_buf_size(HTTP_BUFFER_LEN)
            // A proxy may reuse a connection for an upgrade, which is told apart by the first request only.
            .keep_alive(!self.site.behind_proxy)
            .serve_connection(TokioIo::new(Patience::new(stream)), service);
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            log::debug!("{}: {error}", client.neighbour);
        }
    }

    fn turn_away(&self, remote: SocketAddr, reason: impl std::fmt::Display) {
        log::info!("refused {remote}: {reason}");
        self.site.counters.turned_away.fetch_add(1, Ordering::Relaxed);
    }
}

/// Says no and waits for the client to have heard it: closing with unread bytes would reset the connection, and the
/// reset may overtake the answer (RFC 9112, section 9.6).
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, response: &[u8]) -> io::Result<()> {
    stream.write_all(response).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(LINGER_LEN_MAX), &mut tokio::io::sink()).await?;
    Ok(())
}

/// Listens at `address`.
pub(crate) async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
