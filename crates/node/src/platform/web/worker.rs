//! Workers: the same wasm module, entered by [`run`]; and what the one that hashes does.
//!
//! Messages are arrays. To the worker: `[token, Blob]` to hash, `[token, Blob, Uint8Array]` to seal with this key and
//! hash, `[token]` to give up. From it:
//! `[token, bytes hashed]`, `[token, Uint8Array]` (the outboard, done) or `[token, "code"]`.

use super::{FileHandle, disk_worker, stamp};
use crate::platform::HASH_SLICE;
use crate::seal::Seal;
use content::{LinkKey, OutboardBuilder};
use js_sys::{Array, Uint8Array};
use protocol::Code;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, DedicatedWorkerGlobalScope, MessageEvent, Worker, WorkerOptions, WorkerType};

/// What the page asks.
pub(super) struct Ask;

impl Ask {
    pub(super) fn hash(token: u64, file: &FileHandle) -> JsValue {
        let ask = Array::of2(&JsValue::from_f64(token as f64), file.blob());
        if let Some(seal) = file.seal() {
            ask.push(&Uint8Array::from(&seal.key().as_bytes()[..]));
        }
        ask.into()
    }

    /// The file of a message, sealed if it says so; `None` when it names none.
    fn file(parts: &Array) -> Option<Result<FileHandle, Code>> {
        let file = FileHandle::new(parts.get(1).dyn_into::<Blob>().ok()?);
        let Ok(key) = parts.get(2).dyn_into::<Uint8Array>() else { return Some(Ok(file)) };
        let key = <[u8; 32]>::try_from(key.to_vec()).map_err(|_| Code::StorageRefused);
        let seal = key.and_then(|key| Seal::with_key(LinkKey::new(key), file.len()));
        Some(seal.map(|seal| file.sealed(seal)))
    }

    pub(super) fn cancel(token: u64) -> JsValue {
        Array::of1(&JsValue::from_f64(token as f64)).into()
    }
}

/// What the worker answers.
#[derive(Debug)]
pub(super) enum Answer {
    Progress(u64),
    Done(Vec<u8>),
    Failed(Code),
}

impl Answer {
    fn to_js(&self, token: u64) -> JsValue {
        let body = match self {
            Self::Progress(hashed) => JsValue::from_f64(*hashed as f64),
            Self::Done(bytes) => Uint8Array::from(&bytes[..]).into(),
            Self::Failed(code) => JsValue::from_str(code.as_str()),
        };
        Array::of2(&JsValue::from_f64(token as f64), &body).into()
    }

    pub(super) fn from_js(value: &JsValue) -> Option<(u64, Self)> {
        let parts = value.dyn_ref::<Array>()?;
        let token = parts.get(0).as_f64()? as u64;
        let body = parts.get(1);
        let answer = match (body.as_f64(), body.dyn_ref::<Uint8Array>()) {
            (Some(hashed), _) => Self::Progress(hashed as u64),
            (None, Some(bytes)) => Self::Done(bytes.to_vec()),
            (None, None) if body.as_string().as_deref() == Some(Code::FileChanged.as_str()) => {
                Self::Failed(Code::FileChanged)
            }
            (None, None) => Self::Failed(Code::StorageRefused),
        };
        Some((token, answer))
    }
}

/// Hashes `file` slice by slice on this thread.
///
/// # Errors
/// The code of the first read that failed, or `FileChanged` when `given_up` says so.
pub(super) async fn hash_in_slices(
    file: &FileHandle,
    mut progress: impl FnMut(u64),
    given_up: impl Fn() -> bool,
) -> Result<content::Outboard, Code> {
    let length = file.len();
    let mut builder = OutboardBuilder::new(length);
    let mut at = 0;
    while at < length {
        if given_up() {
            return Err(Code::FileChanged);
        }
        let end = (at + HASH_SLICE).min(length);
        builder.push(&file.read(at..end).await?);
        at = end;
        progress(at);
    }
    builder.finish().map_err(|_| Code::FileChanged)
}

/// What a worker is for; its name, as the developer's tools show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Hash,
    Store,
    Stamp,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Store => "store",
            Self::Stamp => "stamp",
        }
    }
}

/// Starts a worker of the page's own script.
pub(super) fn start(script: &str, role: Role) -> Option<Worker> {
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    options.set_name(role.name());
    Worker::new_with_options(script, &options).ok()
}

/// Serves the page until it terminates the worker. Call once, as the entry of a dedicated worker.
pub fn run() {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    if scope.name() == Role::Store.name() {
        disk_worker::run(scope);
    } else if scope.name() == Role::Stamp.name() {
        stamp::run(scope);
    } else {
        run_hash(scope);
    }
}

fn run_hash(scope: DedicatedWorkerGlobalScope) {
    let cancelled = Rc::new(RefCell::new(BTreeSet::new()));
    let port = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(parts) = event.data().dyn_into::<Array>().ok() else { return };
        let Some(token) = parts.get(0).as_f64().map(|token| token as u64) else { return };
        let Some(file) = Ask::file(&parts) else {
            cancelled.borrow_mut().insert(token);
            return;
        };
        let (port, cancelled) = (port.clone(), cancelled.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let tell = |answer: Answer| drop(port.post_message(&answer.to_js(token)));
            let given_up = || cancelled.borrow().contains(&token);
            let outcome = match file {
                Ok(file) => hash_in_slices(&file, |hashed| tell(Answer::Progress(hashed)), given_up).await,
                Err(code) => Err(code),
            };
            if !cancelled.borrow_mut().remove(&token) {
                tell(match outcome {
                    Ok(outboard) => Answer::Done(outboard.to_bytes().to_vec()),
                    Err(code) => Answer::Failed(code),
                });
            }
        });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker lives as long as its message handler. What the page posted before this moment was kept by
    // `worker.js`, which replays it to this handler.
    on_message.forget();
}
