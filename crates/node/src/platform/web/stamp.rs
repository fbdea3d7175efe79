//! Solving the stamp of a newcomer in a worker of its own, which ends with it and gives its 16 MiB back.
//!
//! To the worker: the stamp's bytes. From it: the counter, as a number; `2^bits` trials stay far below where numbers
//! become inexact.

use super::worker::{self, Role};
use futures::StreamExt;
use futures::channel::mpsc;
use futures_timer::Delay;
use js_sys::Uint8Array;
use ledger::stamp::{Stamp, Stamping};
use ledger::wire::Wire;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{DedicatedWorkerGlobalScope, Event, MessageEvent};

/// Between two trials on the page's own thread: a trial is as long as a frame or two.
const BREATH: Duration = Duration::from_millis(40);

/// The counter that solves it; on this thread, in pieces, where there is no worker.
pub(crate) async fn solve(script: Option<String>, stamp: Stamp) -> Option<u64> {
    if let Some(counter) = in_worker(script, stamp).await {
        return Some(counter);
    }
    let mut stamping = Stamping::default();
    for counter in 0..u64::MAX {
        if stamping.solves(&stamp, counter) {
            return Some(counter);
        }
        Delay::new(BREATH).await;
    }
    None
}

async fn in_worker(script: Option<String>, stamp: Stamp) -> Option<u64> {
    let worker = worker::start(script.as_deref()?, Role::Stamp)?;
    let (sender, mut heard) = mpsc::unbounded();
    let failed = sender.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        drop(sender.unbounded_send(event.data().as_f64().map(|counter| counter as u64)));
    });
    let on_error = Closure::<dyn FnMut(Event)>::new(move |_| drop(failed.unbounded_send(None)));
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    let asked = worker.post_message(&Uint8Array::from(&stamp.to_bytes()[..]));
    let counter = if asked.is_ok() { heard.next().await.flatten() } else { None };
    worker.set_onmessage(None);
    worker.set_onerror(None);
    worker.terminate();
    counter
}

/// The worker's side.
pub(super) fn run(scope: DedicatedWorkerGlobalScope) {
    let port = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Ok(bytes) = event.data().dyn_into::<Uint8Array>() else { return };
        let Ok(stamp) = Stamp::from_bytes(&bytes.to_vec()) else { return };
        let mut stamping = Stamping::default();
        if let Some(counter) = (0..u64::MAX).find(|counter| stamping.solves(&stamp, *counter)) {
            // A page that is gone has no use for it.
            drop(port.post_message(&(counter as f64).into()));
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker lives as long as its message handler.
    on_message.forget();
}
