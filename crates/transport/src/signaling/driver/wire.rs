//! Messages on the signalling stream.
//!
//! One queue for everything we write, so the order the session decided is the order on the stream.

use crate::error::Error;
use crate::proto::{SIGNAL_MAX, Signal, peek_length};
use crate::signaling::SignalingStream;
use bytes::{Buf as _, BytesMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use futures::{AsyncRead as _, AsyncWrite as _};
use std::io;

/// Read at once; a whole exchange is a few KiB.
const READ_LEN: usize = 2048;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    Open,
    /// Closing, once everything is written.
    Finishing,
    Finished,
}

pub(super) struct Wire {
    stream: SignalingStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    flushed: bool,
    ours: Ours,
    peer_finished: bool,
    broken: bool,
}

impl Wire {
    pub(super) fn new(stream: SignalingStream) -> Self {
        Self {
            stream,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            flushed: true,
            ours: Ours::Open,
            peer_finished: false,
            broken: false,
        }
    }

    pub(super) fn push(&mut self, signal: &Signal) {
        let mut bytes = Vec::new();
        signal.encode(&mut bytes);
        self.outgoing.extend_from_slice(&bytes);
        self.flushed = false;
    }

    pub(super) fn finish(&mut self) {
        if self.ours == Ours::Open {
            self.ours = Ours::Finishing;
        }
    }

    /// Whether the peer has closed its half, or the stream broke.
    pub(super) fn peer_finished(&self) -> bool {
        self.peer_finished || self.broken
    }

    pub(super) fn set_broken(&mut self) {
        self.broken = true;
    }

    /// Ready when everything pushed is flushed, and the half closed if it is to be.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        while !self.outgoing.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.outgoing)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) => return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into())),
                Poll::Ready(n) => self.outgoing.advance(n),
            }
        }
        if !self.flushed {
            if Pin::new(&mut self.stream).poll_flush(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.flushed = true;
        }
        if self.ours == Ours::Finishing {
            if Pin::new(&mut self.stream).poll_close(cx)?.is_pending() {
                return Poll::Pending;
            }
            self.ours = Ours::Finished;
        }
        Poll::Ready(Ok(()))
    }

    /// The next message and its length on the wire; `None` once, when the peer closes its half.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<(Signal, usize)>, Error>> {
        if self.peer_finished || self.broken {
            return Poll::Pending;
        }
        loop {
            if let Some((len, prefix)) = peek_length(&self.incoming, SIGNAL_MAX)?
                && self.incoming.len() >= prefix + len
            {
                let signal = Signal::decode(&self.incoming[prefix..prefix + len])?;
                self.incoming.advance(prefix + len);
                return Poll::Ready(Ok(Some((signal, prefix + len))));
            }
            let mut buf = [0; READ_LEN];
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) if self.incoming.is_empty() => {
                    self.peer_finished = true;
                    return Poll::Ready(Ok(None));
                }
                Poll::Ready(0) => return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())),
                Poll::Ready(n) => self.incoming.extend_from_slice(&buf[..n]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::SignalKind;
    use futures::executor::block_on;
    use futures::io::Cursor;

    fn read_all(bytes: Vec<u8>) -> Result<Vec<Signal>, Error> {
        let mut wire = Wire::new(Box::new(Cursor::new(bytes)));
        let mut signals = Vec::new();
        while let Some((signal, _)) = block_on(core::future::poll_fn(|cx| wire.poll_read(cx)))? {
            signals.push(signal);
        }
        Ok(signals)
    }

    fn encoded(data: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        Signal::new(SignalKind::Offer, data.to_owned()).encode(&mut bytes);
        bytes
    }

    #[test]
    fn messages_longer_than_one_read_arrive_whole() {
        let long = "x".repeat(3 * READ_LEN);
        let bytes = [encoded("a"), encoded(&long), encoded("")].concat();
        let data: Vec<_> = read_all(bytes).expect("well formed").into_iter().map(|signal| signal.data).collect();
        assert_eq!(data, ["a", &long, ""]);
    }

    #[test]
    fn an_end_inside_a_message_is_an_error() {
        let mut bytes = encoded("abc");
        bytes.pop();
        assert!(matches!(read_all(bytes), Err(Error::Stream(error)) if error.kind() == io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_at_its_length() {
        assert!(matches!(read_all(vec![0xff, 0xff, 0x7f]), Err(Error::Message(_))));
    }
}
