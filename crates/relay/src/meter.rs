//! Counts what circuits carry, where it cannot be missed.
//!
//! libp2p's relay forwards bytes and does not say how many. Every byte of every circuit crosses exactly one stream
//! between the relay and the circuit's destination, the one on which the relay said
//! `/libp2p/circuit/relay/0.2.0/stop`. So the meter sits around the stream multiplexer, looks at the start of each
//! stream that the relay opens, and counts the rest of those.
//!
//! On a stop stream each direction starts with three length-prefixed frames: the multistream header, the protocol
//! name, and the message that asks for the circuit or grants it (circuit relay v2, "stop protocol"). They are not
//! counted: what is counted is exactly what the two ends of the circuit sent each other, their own encryption
//! included.

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// The protocol name as multistream-select sends it.
const STOP: &[u8] = b"/libp2p/circuit/relay/0.2.0/stop\n";

/// What all circuits together have carried since the relay started.
#[derive(Debug, Default)]
pub(crate) struct CircuitBytes {
    to_destination: AtomicU64,
    to_source: AtomicU64,
}

impl CircuitBytes {
    pub(crate) fn to_destination(&self) -> u64 {
        self.to_destination.load(Ordering::Relaxed)
    }

    pub(crate) fn to_source(&self) -> u64 {
        self.to_source.load(Ordering::Relaxed)
    }
}

/// A stream multiplexer whose outbound streams are metered.
#[derive(Debug)]
pub(crate) struct Metered<M> {
    muxer: M,
    counted: Arc<CircuitBytes>,
}

impl<M> Metered<M> {
    pub(crate) fn new(muxer: M, counted: Arc<CircuitBytes>) -> Self {
        Self { muxer, counted }
    }
}

impl<M> StreamMuxer for Metered<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
{
    type Substream = MeteredStream<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, Self::Error>> {
        let inbound = Pin::new(&mut self.muxer).poll_inbound(cx);
        inbound.map_ok(|stream| MeteredStream { stream, meter: None })
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, Self::Error>> {
        let outbound = Pin::new(&mut self.muxer).poll_outbound(cx);
        outbound.map_ok(|stream| MeteredStream { stream, meter: Some(Meter::new(self.counted.clone())) })
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.muxer).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Pin::new(&mut self.muxer).poll(cx)
    }
}

/// A stream that may be half of a circuit.
#[derive(Debug)]
pub(crate) struct MeteredStream<S> {
    stream: S,
    meter: Option<Meter>,
}

#[derive(Debug)]
struct Meter {
    written: Preamble,
    read: Preamble,
    counted: Arc<CircuitBytes>,
}

impl Meter {
    fn new(counted: Arc<CircuitBytes>) -> Self {
        Self { written: Preamble::new(), read: Preamble::new(), counted }
    }

    fn on_written(&mut self, bytes: &[u8]) {
        self.counted.to_destination.fetch_add(self.written.payload_len(bytes), Ordering::Relaxed);
    }

    fn on_read(&mut self, bytes: &[u8]) {
        self.counted.to_source.fetch_add(self.read.payload_len(bytes), Ordering::Relaxed);
    }
}

/// Where one direction is in its three frames.
#[derive(Debug)]
enum Preamble {
    /// In the length of frame `frame`: seven bits a byte, lowest first.
    Length { frame: u8, len: u64, shift: u32 },
    /// In the body of frame `frame`, of which `left` bytes are to come; `matched` of the name so far.
    Body { frame: u8, left: u64, matched: usize, is_stop: bool },
    /// Past all three: everything is payload.
    Circuit,
    /// Another protocol.
    Other,
}

/// The frame with the protocol's name, of 0, 1, 2.
const NAME_FRAME: u8 = 1;
const LAST_FRAME: u8 = 2;

impl Preamble {
    fn new() -> Self {
        Self::Length { frame: 0, len: 0, shift: 0 }
    }

    /// How many of `bytes`, the next ones, belong to a circuit.
    fn payload_len(&mut self, bytes: &[u8]) -> u64 {
        for (at, byte) in bytes.iter().enumerate() {
            match self {
                Self::Circuit => return (bytes.len() - at) as u64,
                Self::Other => return 0,
                Self::Length { .. } | Self::Body { .. } => self.step(*byte),
            }
        }
        0
    }

    fn step(&mut self, byte: u8) {
        *self = match *self {
            Self::Length { shift, .. } if shift > 28 => Self::Other,
            Self::Length { frame, len, shift } => {
                let len = len | (u64::from(byte & 0x7f) << shift);
                if byte & 0x80 != 0 {
                    Self::Length { frame, len, shift: shift + 7 }
                } else if len == 0 || (frame == NAME_FRAME && len != STOP.len() as u64) {
                    Self::Other
                } else {
                    Self::Body { frame, left: len, matched: 0, is_stop: true }
                }
            }
            Self::Body { frame, left, matched, is_stop } => {
                let is_stop = is_stop && (frame != NAME_FRAME || STOP.get(matched) == Some(&byte));
                match (left, frame) {
                    (1, _) if !is_stop => Self::Other,
                    (1, LAST_FRAME) => Self::Circuit,
                    (1, _) => Self::Length { frame: frame + 1, len: 0, shift: 0 },
                    (_, _) => Self::Body { frame, left: left - 1, matched: matched + 1, is_stop },
                }
            }
            Self::Circuit => Self::Circuit,
            Self::Other => Self::Other,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let (Poll::Ready(Ok(len)), Some(meter)) = (&read, &mut self.meter) {
            meter.on_read(&buf[..*len]);
        }
        read
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read_vectored(cx, bufs);
        if let (Poll::Ready(Ok(len)), Some(meter)) = (&read, &mut self.meter) {
            each_filled(bufs.iter().map(|buf| &buf[..]), *len, |bytes| meter.on_read(bytes));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let (Poll::Ready(Ok(len)), Some(meter)) = (&written, &mut self.meter) {
            meter.on_written(&buf[..*len]);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let (Poll::Ready(Ok(len)), Some(meter)) = (&written, &mut self.meter) {
            each_filled(bufs.iter().map(|buf| &buf[..]), *len, |bytes| meter.on_written(bytes));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// The first `len` bytes of `bufs`, piece by piece.
fn each_filled<'a>(bufs: impl Iterator<Item = &'a [u8]>, mut len: usize, mut see: impl FnMut(&[u8])) {
    for buf in bufs {
        let here = buf.len().min(len);
        see(&buf[..here]);
        len -= here;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One direction of a stop stream, up to the circuit.
    fn preamble(protocol: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for frame in [b"/multistream/1.0.0\n", protocol, &[5; 300]] {
            let len = frame.len();
            if len < 128 {
                bytes.push(len as u8);
            } else {
                bytes.extend([(len % 128) as u8 | 0x80, (len / 128) as u8]);
            }
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn a_circuit_is_counted_to_the_byte_however_it_is_cut() {
        let mut bytes = preamble(STOP);
        bytes.extend([9; 1_000]);
        for piece in [1, 2, 3, 7, 64, 333, 10_000] {
            let mut preamble = Preamble::new();
            let counted: u64 = bytes.chunks(piece).map(|piece| preamble.payload_len(piece)).sum();
            assert_eq!(counted, 1_000, "in pieces of {piece}");
        }
    }

    #[test]
    fn other_protocols_are_not_counted() {
        for protocol in [&b"/ipfs/ping/1.0.0\n"[..], b"/libp2p/circuit/relay/0.2.0/stoP\n", b"na\n"] {
            let mut bytes = preamble(protocol);
            bytes.extend([9; 1_000]);
            assert_eq!(Preamble::new().payload_len(&bytes), 0);
        }
    }

    #[test]
    fn bytes_that_are_no_frames_are_not_counted() {
        assert_eq!(Preamble::new().payload_len(&[0xff; 4_096]), 0);
        assert_eq!(Preamble::new().payload_len(&[0; 4_096]), 0);
    }
}
