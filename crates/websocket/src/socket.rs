//! One open WebSocket as a byte stream.
//!
//! Callbacks only store and wake; nothing is polled from inside one. The handlers are detached before the
//! closures behind them are dropped, so no event can reach a closure that is gone.
//!
//! Invariants: at most [`READ_QUEUE_MAX`] unread bytes, at most [`WRITE_BUDGET`] bytes plus one write in the
//! browser's buffer. A WebSocket has no back-pressure towards the sender: a peer that overruns the queue is
//! disconnected.

use bytes::{Buf as _, Bytes};
use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures::{AsyncRead, AsyncWrite};
use js_sys::{ArrayBuffer, Uint8Array};
use send_wrapper::SendWrapper;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, Event, MessageChannel, MessageEvent, WebSocket};

/// Bytes the browser may hold for us before writes wait: several round trips of a fast line, and still little
/// for a tab.
pub const WRITE_BUDGET: usize = 4 * 1024 * 1024;

/// Unread bytes before the connection is given up. The protocols on the relay hop hold far less (yamux windows).
pub const READ_QUEUE_MAX: usize = 8 * 1024 * 1024;

/// Longest slice handed to the browser in one message, so that one write cannot overshoot the budget by much.
const MESSAGE_MAX: usize = 256 * 1024;

/// RFC 6455, section 7.4.1.
const NORMAL_CLOSURE: u16 = 1000;

/// An open WebSocket. Dropping it closes it.
pub struct Connection(SendWrapper<Socket>);

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection").field("url", &self.0.socket.url()).finish_non_exhaustive()
    }
}

struct Socket {
    socket: WebSocket,
    state: Rc<RefCell<State>>,
    drain: Option<DrainCheck>,
    _handlers: Handlers,
}

#[derive(Default)]
struct State {
    phase: Phase,
    unread: VecDeque<Bytes>,
    unread_len: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Connecting,
    Open,
    Closed {
        code: u16,
        clean: bool,
    },
    /// The peer sent more than [`READ_QUEUE_MAX`] ahead of us.
    Overrun,
    /// A text message arrived; libp2p only sends binary ones.
    Text,
}

struct Handlers {
    _open: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Connection {
    /// Starts to dial; `None` when the browser refuses the URL outright.
    pub(crate) fn dial(url: &str) -> Option<Self> {
        let socket = WebSocket::new(url).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let state = Rc::new(RefCell::new(State::default()));
        let handlers = Handlers::attach(&socket, &state);
        Some(Self(SendWrapper::new(Socket { socket, state, drain: None, _handlers: handlers })))
    }

    /// Waits until the connection is open, or tells the code it closed with.
    pub(crate) async fn opened(&mut self) -> Result<(), u16> {
        core::future::poll_fn(|cx| {
            let mut state = self.0.state.borrow_mut();
            match state.phase {
                Phase::Connecting => {
                    state.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
                Phase::Closed { code, .. } => Poll::Ready(Err(code)),
                Phase::Open | Phase::Overrun | Phase::Text => Poll::Ready(Ok(())),
            }
        })
        .await
    }
}

impl Handlers {
    fn attach(socket: &WebSocket, state: &Rc<RefCell<State>>) -> Self {
        let open = Closure::new({
            let state = state.clone();
            move |_: Event| State::update(&state, |state| state.phase = Phase::Open)
        });
        let message = Closure::new({
            let (state, socket) = (state.clone(), socket.clone());
            move |event: MessageEvent| {
                let bytes = event.data().dyn_into::<ArrayBuffer>().map(|data| Uint8Array::new(&data).to_vec());
                State::update(&state, |state| state.receive(bytes.ok()));
                if matches!(state.borrow().phase, Phase::Overrun | Phase::Text) {
                    let _already_closing = socket.close();
                }
            }
        });
        let close = Closure::new({
            let state = state.clone();
            move |event: CloseEvent| {
                let (code, clean) = (event.code(), event.was_clean());
                State::update(&state, |state| {
                    if matches!(state.phase, Phase::Connecting | Phase::Open) {
                        state.phase = Phase::Closed { code, clean };
                    }
                });
            }
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Self { _open: open, _message: message, _close: close }
    }
}

impl State {
    /// Changes the state, then wakes both halves with no borrow held.
    fn update(state: &Rc<RefCell<Self>>, change: impl FnOnce(&mut Self)) {
        let wakers = {
            let mut state = state.borrow_mut();
            change(&mut state);
            [state.reader.take(), state.writer.take()]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn receive(&mut self, bytes: Option<Vec<u8>>) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        let Some(bytes) = bytes else {
            self.phase = Phase::Text;
            return;
        };
        if self.unread_len + bytes.len() > READ_QUEUE_MAX {
            self.phase = Phase::Overrun;
            return;
        }
        if !bytes.is_empty() {
            self.unread_len += bytes.len();
            self.unread.push_back(bytes.into());
        }
    }

    /// What a read finds once the queue is empty.
    fn end(&self) -> Option<io::Result<usize>> {
        match self.phase {
            Phase::Connecting | Phase::Open => None,
            Phase::Closed { clean: true, .. } => Some(Ok(0)),
            Phase::Closed { clean: false, .. } => Some(Err(io::ErrorKind::ConnectionReset.into())),
            Phase::Overrun => Some(Err(io::ErrorKind::OutOfMemory.into())),
            Phase::Text => Some(Err(io::ErrorKind::InvalidData.into())),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.state.borrow_mut();
        let Some(first) = state.unread.front_mut() else {
            if let Some(end) = state.end() {
                return Poll::Ready(end);
            }
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let n = first.len().min(buf.len());
        first.copy_to_slice(&mut buf[..n]);
        if first.is_empty() {
            state.unread.pop_front();
        }
        state.unread_len -= n;
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self.0;
        if this.state.borrow().phase != Phase::Open {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let n = buf.len().min(MESSAGE_MAX);
        if this.socket.buffered_amount() as usize + n > WRITE_BUDGET {
            this.state.borrow_mut().writer = Some(cx.waker().clone());
            this.drain.get_or_insert_with(|| DrainCheck::new(&this.state)).ask();
            return Poll::Pending;
        }
        this.socket.send_with_u8_array(&buf[..n]).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Poll::Ready(Ok(n))
    }

    /// Done at once: `send` has taken every byte that `poll_write` accepted.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0.state.borrow().phase {
            Phase::Open => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Done at once: the browser sends what it holds, then performs the closing handshake by itself.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _already_closing = self.0.socket.close_with_code(NORMAL_CLOSURE);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _already_closing = self.socket.close();
    }
}

/// Looks at the browser's buffer again in a later task.
///
/// No event says that a WebSocket's buffer drained, and timers are throttled in hidden tabs. A message to
/// ourselves comes back in the next turn of the event loop, throttled or not, and lets the network run in between.
struct DrainCheck {
    channel: MessageChannel,
    _message: Closure<dyn FnMut(MessageEvent)>,
}

impl DrainCheck {
    fn new(state: &Rc<RefCell<State>>) -> Self {
        let channel = MessageChannel::new().expect("every browser with WebSocket has MessageChannel");
        let state = state.clone();
        let message = Closure::new(move |_: MessageEvent| {
            let writer = state.borrow_mut().writer.take();
            if let Some(writer) = writer {
                writer.wake();
            }
        });
        channel.port1().set_onmessage(Some(message.as_ref().unchecked_ref()));
        Self { channel, _message: message }
    }

    fn ask(&self) {
        self.channel.port2().post_message(&wasm_bindgen::JsValue::NULL).expect("null can be cloned into a message");
    }
}

impl Drop for DrainCheck {
    fn drop(&mut self) {
        self.channel.port1().set_onmessage(None);
        self.channel.port1().close();
    }
}
