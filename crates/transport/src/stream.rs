//! One libp2p stream on one data channel.
//!
//! [`Core`] is shared by the stream's owner, who reads and writes, and by its connection, which answers flags
//! while nobody reads and closes the channel when both halves have ended. Bytes are decoded by whoever looks first.
//!
//! Writing: what is written is collected into frames as full as the peer takes, or until a flush, and handed to the
//! channel at once. A write waits only when the channel's own buffer is high, or its connection's and its own is not low; in
//! both cases that buffer is above its low-water mark, so its event will come.
//!
//! Invariant: what arrived before an error is read before it. Source: libp2p/specs webrtc, "closing a stream".

pub(crate) mod frame;
pub(crate) mod state;
mod unread;

use crate::backend::{Attention, BackendError, Channel, ChannelPhase, Overload, StreamId};
use crate::proto::{Flag, Frame, ProtoError};
use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll};
use frame::Decoder;
use futures::{AsyncRead, AsyncWrite};
use send_wrapper::SendWrapper;
use state::{ReadHalf, State, WriteHalf};
use std::io;
use std::rc::Rc;
use unread::Unread;

/// How much is sent ahead, and in which frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendLimits {
    pub(crate) payload_max: usize,
    pub(crate) high: usize,
    pub(crate) low: usize,
    pub(crate) connection: usize,
}

/// Why a stream broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// We did not read fast enough.
    #[error("reset: the reader was too slow")]
    Overload(#[from] Overload),
    /// The peer's bytes are not frames.
    #[error("reset: malformed frame")]
    Frame(#[from] ProtoError),
    /// The peer reset the stream.
    #[error("reset by the peer")]
    Reset,
    /// The peer asked us to stop writing.
    #[error("the peer reads no more")]
    Stopped,
    /// The channel or its connection closed before the peer ended its half.
    #[error("the channel closed in mid-stream")]
    Closed,
    /// Written after closing.
    #[error("written after closing")]
    Finished,
    /// The channel refused a message.
    #[error("the channel refused a message")]
    Send(#[from] BackendError),
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match error {
            StreamError::Overload(_) => io::ErrorKind::OutOfMemory,
            StreamError::Frame(_) => io::ErrorKind::InvalidData,
            StreamError::Reset => io::ErrorKind::ConnectionReset,
            StreamError::Stopped | StreamError::Finished | StreamError::Send(_) => io::ErrorKind::BrokenPipe,
            StreamError::Closed => io::ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

/// Who opened a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    Us,
    Peer,
}

/// A stream. Dropping it before it is closed resets it.
pub struct Stream<C: Channel>(SendWrapper<Owner<C>>);

struct Owner<C: Channel> {
    id: StreamId,
    core: Rc<RefCell<Core<C>>>,
    attention: Rc<Attention>,
}

/// Both sides' view of a stream.
pub(crate) struct Core<C: Channel> {
    channel: C,
    state: State,
    failure: Option<StreamError>,
    limits: SendLimits,
    decoder: Decoder,
    unread: Unread,
    /// Payload of a frame that is not full yet.
    unsent: Vec<u8>,
    scratch: Vec<u8>,
    /// Unsent bytes of the whole connection, as far as its streams know.
    connection_buffered: Rc<Cell<usize>>,
    /// What of it is ours.
    buffered: usize,
    owned: bool,
    heard: bool,
    opener: Opener,
}

impl<C: Channel> Core<C> {
    pub(crate) fn new(channel: C, opener: Opener, limits: SendLimits, connection_buffered: Rc<Cell<usize>>) -> Self {
        Self {
            channel,
            state: State::new(),
            failure: None,
            limits,
            decoder: Decoder::default(),
            unread: Unread::default(),
            unsent: Vec::new(),
            scratch: Vec::new(),
            connection_buffered,
            buffered: 0,
            owned: true,
            heard: false,
            opener,
        }
    }

    pub(crate) fn opener(&self) -> Opener {
        self.opener
    }

    pub(crate) fn channel(&self) -> &C {
        &self.channel
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Whether the owner still holds the stream.
    pub(crate) fn is_owned(&self) -> bool {
        self.owned
    }

    /// Whether anything ever arrived.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Unsent bytes in the channel, looked up now.
    pub(crate) fn refresh_buffered(&mut self) -> usize {
        let now = self.channel.buffered();
        self.connection_buffered.set(self.connection_buffered.get() + now - self.buffered);
        self.buffered = now;
        now
    }

    /// Decodes everything that arrived and answers its flags.
    pub(crate) fn pump(&mut self) {
        while let Some(message) = self.channel.events().take_message() {
            self.heard = true;
            self.decoder.push(message);
            loop {
                match self.decoder.next() {
                    Ok(Some(frame)) => self.on_frame(frame),
                    Ok(None) => break,
                    Err(error) => return self.fail(error.into()),
                }
            }
        }
        if let Some(overload) = self.channel.events().overload() {
            self.fail(overload.into());
        }
        self.channel.events().keep(self.unread.len() + self.decoder.len());
    }

    fn on_frame(&mut self, frame: Frame) {
        if !frame.payload.is_empty() && self.owned && self.state.read == ReadHalf::Open {
            self.unread.push(frame.payload);
        }
        if let Some(flag) = frame.flag
            && let Some(answer) = self.state.on_flag(flag)
        {
            self.send_flag(answer);
        }
    }

    /// Gives the stream up: tells the peer, forgets what is unread.
    fn fail(&mut self, error: StreamError) {
        if self.failure.is_some() {
            return;
        }
        self.failure = Some(error);
        self.unread.clear();
        self.decoder = Decoder::default();
        self.channel.events().discard();
        self.reset();
    }

    /// Sends RESET unless the stream is over.
    pub(crate) fn reset(&mut self) {
        if !self.state.is_over() {
            self.state.reset();
            self.unsent.clear();
            self.send_flag(Flag::Reset);
        }
    }

    /// Flags are a few bytes and never wait; they must not be lost behind a full buffer.
    fn send_flag(&mut self, flag: Flag) {
        if self.channel.events().phase() == ChannelPhase::Open
            && let Err(error) = self.channel.send(&frame::flag(flag))
        {
            log::debug!("{flag:?} could not be sent: {error}");
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> Poll<Result<usize, StreamError>> {
        self.pump();
        let n = self.unread.read(buf);
        if n > 0 || buf.is_empty() {
            self.channel.events().keep(self.unread.len() + self.decoder.len());
            return Poll::Ready(Ok(n));
        }
        match (self.failure, self.state.read) {
            (Some(error), _) => Poll::Ready(Err(error)),
            (None, ReadHalf::Finished) => Poll::Ready(Ok(0)),
            (None, ReadHalf::Reset) => Poll::Ready(Err(StreamError::Reset)),
            (None, ReadHalf::Open) if self.channel.events().phase() == ChannelPhase::Closed => {
                Poll::Ready(Err(StreamError::Closed))
            }
            (None, ReadHalf::Open) => Poll::Pending,
        }
    }

    /// Whether the write half takes bytes, and whether it does now.
    fn writable(&self) -> Result<bool, StreamError> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        match self.state.write {
            WriteHalf::Open | WriteHalf::Closing => {}
            WriteHalf::FinSent | WriteHalf::FinAcked => return Err(StreamError::Finished),
            WriteHalf::Stopped => return Err(StreamError::Stopped),
            WriteHalf::Reset => return Err(StreamError::Reset),
        }
        match self.channel.events().phase() {
            ChannelPhase::Opening => Ok(false),
            ChannelPhase::Open => Ok(true),
            ChannelPhase::Closed => Err(StreamError::Closed),
        }
    }

    fn has_room(&mut self) -> bool {
        let own = self.refresh_buffered();
        let frame = self.limits.payload_max;
        own + frame <= self.limits.high
            && (own <= self.limits.low || self.connection_buffered.get() + frame <= self.limits.connection)
    }

    fn write(&mut self, buf: &[u8]) -> Poll<Result<usize, StreamError>> {
        self.pump();
        if !self.writable()? {
            return Poll::Pending;
        }
        let mut written = 0;
        while written < buf.len() {
            let rest = &buf[written..];
            let room = self.limits.payload_max - self.unsent.len();
            let full = rest.len() >= room;
            if full && !self.has_room() {
                break;
            }
            let part = &rest[..rest.len().min(room)];
            if full && self.unsent.is_empty() {
                self.send_data(part)?;
            } else {
                self.unsent.extend_from_slice(part);
                if full {
                    self.send_unsent()?;
                }
            }
            written += part.len();
        }
        if written == 0 && !buf.is_empty() { Poll::Pending } else { Poll::Ready(Ok(written)) }
    }

    fn send_data(&mut self, payload: &[u8]) -> Result<(), StreamError> {
        frame::data(&mut self.scratch, payload);
        self.channel.send(&self.scratch)?;
        self.refresh_buffered();
        Ok(())
    }

    fn send_unsent(&mut self) -> Result<(), StreamError> {
        let payload = core::mem::take(&mut self.unsent);
        let result = self.send_data(&payload);
        // The next frame is collected in the same memory.
        self.unsent = payload;
        self.unsent.clear();
        result
    }

    /// Done when everything written was handed to the channel.
    fn flush(&mut self) -> Poll<Result<(), StreamError>> {
        self.pump();
        if self.unsent.is_empty() {
            return Poll::Ready(self.failure.map_or(Ok(()), Err));
        }
        if !self.writable()? || !self.has_room() {
            return Poll::Pending;
        }
        Poll::Ready(self.send_unsent())
    }

    /// Done when FIN was handed to the channel.
    fn close(&mut self) -> Poll<Result<(), StreamError>> {
        self.pump();
        match self.state.write {
            WriteHalf::Open | WriteHalf::Closing => {}
            // Nobody reads on; nothing is lost that anybody wanted.
            WriteHalf::FinSent | WriteHalf::FinAcked | WriteHalf::Stopped => return Poll::Ready(Ok(())),
            WriteHalf::Reset => return Poll::Ready(Err(self.failure.unwrap_or(StreamError::Reset))),
        }
        self.state.write = WriteHalf::Closing;
        if !self.writable()? {
            return Poll::Pending;
        }
        if self.flush()?.is_pending() {
            return Poll::Pending;
        }
        self.channel.send(&frame::flag(Flag::Fin))?;
        self.state.write = WriteHalf::FinSent;
        Poll::Ready(Ok(()))
    }

    /// The owner is gone.
    fn disown(&mut self) {
        self.owned = false;
        self.pump();
        self.unread.clear();
        self.channel.events().keep(self.decoder.len());
        if self.state.needs_reset_on_drop() {
            self.reset();
        }
    }
}

impl<C: Channel> Drop for Core<C> {
    fn drop(&mut self) {
        self.connection_buffered.set(self.connection_buffered.get() - self.buffered);
    }
}

impl<C: Channel> Stream<C> {
    pub(crate) fn new(id: StreamId, core: Rc<RefCell<Core<C>>>, attention: Rc<Attention>) -> Self {
        Self(SendWrapper::new(Owner { id, core, attention }))
    }

    fn poll_with<T>(
        &self,
        step: impl FnOnce(&mut Core<C>) -> Poll<Result<T, StreamError>>,
        register: impl FnOnce(&Core<C>),
    ) -> Poll<io::Result<T>> {
        let mut core = self.0.core.borrow_mut();
        let before = core.state.write;
        let result = step(&mut core);
        if result.is_pending() {
            register(&core);
        }
        if core.state.write != before {
            self.0.attention.call(self.0.id);
        }
        result.map_err(io::Error::from)
    }
}

impl<C: Channel> AsyncRead for Stream<C> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_with(|core| core.read(buf), |core| core.channel.events().register_reader(cx))
    }
}

impl<C: Channel> AsyncWrite for Stream<C> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_with(|core| core.write(buf), |core| core.channel.events().register_writer(cx))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(Core::flush, |core| core.channel.events().register_writer(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_with(Core::close, |core| core.channel.events().register_writer(cx))
    }
}

impl<C: Channel> Drop for Owner<C> {
    fn drop(&mut self) {
        self.core.borrow_mut().disown();
        self.attention.call(self.id);
    }
}

impl<C: Channel> core::fmt::Debug for Stream<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.0.id)
            .field("state", &self.0.core.borrow().state)
            .finish_non_exhaustive()
    }
}
