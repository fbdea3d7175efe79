//! Hashing a file off the main thread: the page's side of the worker.
//!
//! One worker, started at the first share. A page that may not have one (or whose worker cannot start) hashes
//! on its own thread, a slice at a time, so that sharing always works.

use super::FileHandle;
use super::worker::{self, Answer, Ask, hash_in_slices};
use content::Outboard;
use futures::channel::mpsc;
use futures::{FutureExt, StreamExt, select};
use protocol::{Code, ShareToken};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, MessageEvent, Worker};

type Waiting = Rc<RefCell<BTreeMap<u64, mpsc::UnboundedSender<Answer>>>>;

/// Hashes files, in a worker where there is one.
#[derive(Debug)]
pub(crate) struct Hasher {
    script: Option<String>,
    worker: Option<HashWorker>,
}

impl Hasher {
    pub(crate) fn new(script: Option<String>) -> Self {
        Self { script, worker: None }
    }

    /// Starts hashing `file`. `progress` hears how many bytes are done, at most once per slice.
    pub(crate) fn hash<F: FnMut(u64) + 'static>(
        &mut self,
        token: ShareToken,
        file: FileHandle,
        mut progress: F,
    ) -> impl Future<Output = Result<Outboard, Code>> + use<F> {
        if self.worker.is_none() {
            self.worker = self.script.as_deref().and_then(HashWorker::start);
        }
        let answers = self.worker.as_ref().and_then(|worker| worker.ask(token, &file));
        async move {
            let Some((mut answers, mut broken)) = answers else {
                return hash_in_slices(&file, progress, || false).await;
            };
            loop {
                let answer = select! { answer = answers.next() => answer, _ = broken.next().fuse() => None };
                match answer {
                    Some(Answer::Progress(hashed)) => progress(hashed),
                    Some(Answer::Done(bytes)) => return Outboard::from_bytes(&bytes).map_err(|_| Code::StorageRefused),
                    Some(Answer::Failed(code)) => return Err(code),
                    // The worker died: the file can still be hashed here.
                    None => return hash_in_slices(&file, progress, || false).await,
                }
            }
        }
    }

    /// Gives up; the future of [`Self::hash`] is dropped by its owner.
    pub(crate) fn cancel(&mut self, token: ShareToken) {
        if let Some(worker) = &self.worker {
            worker.cancel(token);
        }
    }
}

#[derive(Debug)]
struct HashWorker {
    worker: Worker,
    waiting: Waiting,
    broken: Rc<RefCell<Vec<mpsc::UnboundedSender<()>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl HashWorker {
    fn start(script: &str) -> Option<Self> {
        let worker = worker::start(script, worker::Role::Hash)?;
        let waiting = Waiting::default();
        let broken = Rc::new(RefCell::new(Vec::<mpsc::UnboundedSender<()>>::new()));
        let answers = waiting.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some((token, answer)) = Answer::from_js(&event.data()) else { return };
            let last = !matches!(answer, Answer::Progress(_));
            let mut waiting = answers.borrow_mut();
            if let Some(sender) = waiting.get(&token) {
                drop(sender.unbounded_send(answer));
            }
            if last {
                waiting.remove(&token);
            }
        });
        let failures = broken.clone();
        let on_error = Closure::<dyn FnMut(Event)>::new(move |_| {
            for sender in failures.borrow_mut().drain(..) {
                drop(sender.unbounded_send(()));
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self { worker, waiting, broken, _on_message: on_message, _on_error: on_error })
    }

    fn ask(
        &self,
        token: ShareToken,
        file: &FileHandle,
    ) -> Option<(mpsc::UnboundedReceiver<Answer>, mpsc::UnboundedReceiver<()>)> {
        self.worker.post_message(&Ask::hash(token.0, file)).ok()?;
        let (sender, answers) = mpsc::unbounded();
        self.waiting.borrow_mut().insert(token.0, sender);
        let (failed, broken) = mpsc::unbounded();
        let mut failures = self.broken.borrow_mut();
        failures.retain(|sender| !sender.is_closed());
        failures.push(failed);
        Some((answers, broken))
    }

    fn cancel(&self, token: ShareToken) {
        self.waiting.borrow_mut().remove(&token.0);
        // A worker that is gone has nothing to cancel.
        _ = self.worker.post_message(&Ask::cancel(token.0));
    }
}

impl Drop for HashWorker {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}
