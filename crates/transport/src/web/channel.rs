//! One `RTCDataChannel`.

use super::callbacks::Callbacks;
use crate::backend::{BackendError, Budget, Channel, ChannelEvents};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::JsCast as _;
use web_sys::{Event, MessageEvent, RtcDataChannel, RtcDataChannelState, RtcDataChannelType};

/// A data channel with its handlers attached.
pub struct WebChannel {
    channel: RtcDataChannel,
    events: ChannelEvents,
    callbacks: Callbacks,
}

impl WebChannel {
    /// Call it in the task in which the channel came to be, or messages are lost.
    pub(super) fn new(channel: RtcDataChannel, budget: &Budget, send_low: usize) -> Self {
        // Other engines than Chromium deliver blobs unless told otherwise.
        channel.set_binary_type(RtcDataChannelType::Arraybuffer);
        channel.set_buffered_amount_low_threshold(to_u32(send_low));
        let events = ChannelEvents::new(budget);
        let mut callbacks = Callbacks::new(&channel);

        callbacks.on("message", {
            let (events, channel) = (events.clone(), channel.clone());
            move |event: MessageEvent| match event.data().dyn_into::<ArrayBuffer>() {
                Ok(data) => events.on_message(Uint8Array::new(&data).to_vec().into()),
                Err(_) => {
                    log::debug!("a text message; libp2p only sends binary ones");
                    channel.close();
                    events.on_closed();
                }
            }
        });
        callbacks.on("open", {
            let events = events.clone();
            move |_: Event| events.on_open()
        });
        callbacks.on("bufferedamountlow", {
            let events = events.clone();
            move |_: Event| events.on_low()
        });
        callbacks.on("close", {
            let events = events.clone();
            move |_: Event| events.on_closed()
        });
        if channel.ready_state() == RtcDataChannelState::Open {
            events.on_open();
        }
        Self { channel, events, callbacks }
    }
}

impl Channel for WebChannel {
    fn send(&self, message: &[u8]) -> Result<(), BackendError> {
        // A view of our memory; the browser copies it before `send` returns.
        self.channel.send_with_u8_array(message).map_err(|_| match self.channel.ready_state() {
            RtcDataChannelState::Open => BackendError::Full,
            _ => BackendError::Closed,
        })
    }

    fn buffered(&self) -> usize {
        self.channel.buffered_amount() as usize
    }

    fn set_low(&self, bytes: usize) {
        self.channel.set_buffered_amount_low_threshold(to_u32(bytes));
    }

    fn events(&self) -> &ChannelEvents {
        &self.events
    }

    fn close(&self) {
        self.channel.close();
    }
}

impl Drop for WebChannel {
    fn drop(&mut self) {
        self.callbacks.clear();
        self.channel.close();
    }
}

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl core::fmt::Debug for WebChannel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WebChannel").field("events", &self.events).finish_non_exhaustive()
    }
}
