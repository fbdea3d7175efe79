//! One end of a connection, driven in the background as a swarm would.

use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, StreamExt as _};
use libp2p_core::StreamMuxer as _;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use transport::backend::{Backend, Peer};
use transport::{ConnectionError, ConnectionOver, StreamOver};

pub(crate) type Stream<B> = StreamOver<<<B as Backend>::Peer as Peer>::Channel>;
type Opened<B> = oneshot::Sender<Stream<B>>;

/// Runs a future in the background.
pub(crate) type Spawn = fn(LocalBoxFuture<'static, ()>);

enum Command<B: Backend> {
    Open(Opened<B>),
    Close,
}

pub(crate) struct End<B: Backend> {
    commands: mpsc::UnboundedSender<Command<B>>,
    accepted: mpsc::UnboundedReceiver<Stream<B>>,
    ended: Option<oneshot::Receiver<Option<ConnectionError>>>,
}

impl<B: Backend> End<B> {
    pub(crate) fn new(connection: ConnectionOver<B::Peer>, spawn: Spawn) -> Self {
        let (commands, inbox) = mpsc::unbounded();
        let (accept, accepted) = mpsc::unbounded();
        let (end, ended) = oneshot::channel();
        spawn(
            async move {
                let _nobody_asks = end.send(drive::<B>(connection, inbox, accept).await);
            }
            .boxed_local(),
        );
        Self { commands, accepted, ended: Some(ended) }
    }

    pub(crate) async fn open(&self) -> Stream<B> {
        let (opened, stream) = oneshot::channel();
        self.commands.unbounded_send(Command::Open(opened)).expect("the connection lives");
        stream.await.expect("the stream opens")
    }

    pub(crate) async fn accept(&mut self) -> Stream<B> {
        self.next().await.expect("the peer opens a stream")
    }

    /// The next stream of the peer; `None` when the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Stream<B>> {
        self.accepted.next().await
    }

    /// How the connection ended; `None` when we closed it.
    pub(crate) async fn ended(&mut self) -> Option<ConnectionError> {
        self.ended.take().expect("asked once").await.expect("the driver tells")
    }

    pub(crate) fn close(&self) {
        self.commands.unbounded_send(Command::Close).expect("the connection lives");
    }
}

async fn drive<B: Backend>(
    mut connection: ConnectionOver<B::Peer>,
    mut inbox: mpsc::UnboundedReceiver<Command<B>>,
    accept: mpsc::UnboundedSender<Stream<B>>,
) -> Option<ConnectionError> {
    let mut opens = VecDeque::<Opened<B>>::new();
    let mut closing = false;
    poll_fn(move |cx| {
        loop {
            match inbox.poll_next_unpin(cx) {
                Poll::Ready(Some(Command::Open(opened))) => opens.push_back(opened),
                // Whoever held this end has dropped it.
                Poll::Ready(Some(Command::Close) | None) if !closing => closing = true,
                _ => break,
            }
        }
        let mut connection = Pin::new(&mut connection);
        if closing {
            return connection.as_mut().poll_close(cx).map(Result::err);
        }
        if let Poll::Ready(Err(error)) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(error));
        }
        while let Poll::Ready(Ok(stream)) = connection.as_mut().poll_inbound(cx) {
            let _nobody_accepts = accept.unbounded_send(stream);
        }
        while !opens.is_empty() {
            match connection.as_mut().poll_outbound(cx) {
                Poll::Ready(Ok(stream)) => drop(opens.pop_front().expect("not empty").send(stream)),
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        Poll::Pending
    })
    .await
}

/// Sends everything back, then ends its own half.
pub(crate) async fn echo<B: Backend>(mut stream: Stream<B>) {
    let mut buf = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buf).await {
            Ok(0) => break,
            Ok(n) => stream.write_all(&buf[..n]).await.expect("the peer reads"),
            Err(_) => return,
        }
        stream.flush().await.expect("the peer reads");
    }
    stream.close().await.expect("the peer reads");
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}
