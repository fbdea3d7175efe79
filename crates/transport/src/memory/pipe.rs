//! Two ends of an in-memory byte stream, as a substrate for signalling.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures::{AsyncRead, AsyncWrite};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes in flight one way before a write waits; small, so that tests see writes that wait.
const CAPACITY: usize = 1024;

#[derive(Debug, Default)]
struct Half {
    bytes: VecDeque<u8>,
    /// The writer ended well.
    finished: bool,
    /// Either end was dropped in mid-stream.
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Half {
    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

/// One end. Dropping it before it is closed breaks the stream, as a reset does.
#[derive(Debug)]
pub struct Pipe {
    read: Arc<Mutex<Half>>,
    write: Arc<Mutex<Half>>,
}

/// Both ends of a new stream.
pub fn pipe() -> (Pipe, Pipe) {
    let (a, b) = (Arc::<Mutex<Half>>::default(), Arc::<Mutex<Half>>::default());
    (Pipe { read: Arc::clone(&a), write: Arc::clone(&b) }, Pipe { read: b, write: a })
}

fn with<T>(half: &Mutex<Half>, f: impl FnOnce(&mut Half) -> T) -> T {
    f(&mut half.lock().unwrap_or_else(PoisonError::into_inner))
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        with(&self.read, |half| {
            if half.bytes.is_empty() {
                if half.finished {
                    return Poll::Ready(Ok(0));
                }
                if half.broken {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                half.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let n = buf.len().min(half.bytes.len());
            for (to, byte) in buf.iter_mut().zip(half.bytes.drain(..n)) {
                *to = byte;
            }
            half.wake();
            Poll::Ready(Ok(n))
        })
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        with(&self.write, |half| {
            if half.finished || half.broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let n = buf.len().min(CAPACITY.saturating_sub(half.bytes.len()));
            if n == 0 && !buf.is_empty() {
                half.writer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            half.bytes.extend(&buf[..n]);
            half.wake();
            Poll::Ready(Ok(n))
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(&self.write, |half| {
            half.finished = true;
            half.wake();
        });
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for half in [&self.read, &self.write] {
            with(half, |half| {
                half.broken = true;
                half.wake();
            });
        }
    }
}
