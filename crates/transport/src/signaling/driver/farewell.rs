//! The end of a signalling stream, after the connection it was for exists.
//!
//! Our half is closed and the peer's is read to its end, so that a peer which is still looking for its path, and may
//! still write candidates, never meets a stream that is gone. js-libp2p gives a connection up when that happens.

use super::wire::Wire;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures::FutureExt as _;
use futures_timer::Delay;

/// Ready when both halves are closed, the stream broke, or the time is up. Dropped earlier, it resets the stream.
pub(crate) struct Farewell {
    wire: Wire,
    timer: Delay,
    peer_finished: bool,
}

impl Farewell {
    pub(super) fn new(mut wire: Wire, timeout: Duration) -> Self {
        wire.finish();
        let peer_finished = wire.peer_finished();
        Self { wire, timer: Delay::new(timeout), peer_finished }
    }
}

impl Future for Farewell {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let finished = match this.wire.poll_write(cx) {
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
        };
        while !this.peer_finished {
            match this.wire.poll_read(cx) {
                // What the peer says now is of no use any more.
                Poll::Ready(Ok(Some(_))) => {}
                Poll::Ready(Ok(None)) => this.peer_finished = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        if finished && this.peer_finished { Poll::Ready(()) } else { this.timer.poll_unpin(cx) }
    }
}
