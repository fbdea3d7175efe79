//! A connection whose first bytes were read already, and are read again.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads `head` first, then the connection. Writes go straight through.
#[derive(Debug)]
pub(crate) struct Replayed<S> {
    head: Vec<u8>,
    /// How much of `head` was read again.
    read: usize,
    stream: S,
}

impl<S> Replayed<S> {
    pub(crate) fn new(head: Vec<u8>, stream: S) -> Self {
        Self { head, read: 0, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = &self.head[self.read..];
        if left.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = left.len().min(buf.remaining());
        buf.put_slice(&left[..len]);
        self.read += len;
        if self.read == self.head.len() {
            // A WebSocket lives for hours; its head has been read.
            self.head = Vec::new();
            self.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn the_head_comes_first_whatever_the_size_of_the_reads() {
        for size in 1..12 {
            let mut stream = Replayed::new(b"head ".to_vec(), &b"and body"[..]);
            let mut all = Vec::new();
            let mut buf = vec![0; size];
            loop {
                let len = stream.read(&mut buf).await.expect("memory does not fail");
                if len == 0 {
                    break;
                }
                all.extend_from_slice(&buf[..len]);
            }
            assert_eq!(all, b"head and body");
        }
    }
}
