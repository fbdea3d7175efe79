//! The tab's side of `/stream/<id>` and `/save/<id>`: what the service worker asks is answered here.
//!
//! Every request comes with a port of its own (`www/sw.js` has the other side), so nothing has to be put together
//! again when the browser ends the service worker and starts it anew. On the port: the head of the answer goes out, or
//! `false` for an item that is not here; then each `true` is a wish for the next bytes, which go out as an
//! `ArrayBuffer`, or as the text of a code when they cannot be had; `false` means that nobody reads any more. Bytes
//! leave only when they are wished for: that is the back-pressure, all the way from a paused player to the network.

use crate::handle::Handle;
use crate::streaming::request::{Head, Part, Purpose, Request};
use content::ContentId;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable, Either, select};
use js_sys::{Array, Object, Reflect, Uint8Array};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, MessageEvent, MessagePort, ServiceWorkerContainer};
use web_time::Instant;

/// The version of what is said on a port. A service worker of another build is not answered: it asks another tab.
const SPEECH: f64 = 2.0;

/// Answers under way at once: several players, each with the request it seeks away from. The oldest ends when more are
/// asked for, since a service worker that was ended could not say that nobody reads any more.
const ANSWERS_MAX: usize = 16;

/// A browser ends a service worker that has heard nothing for half a minute, and a long answer with it. While bytes are
/// read, the worker hears from us more often than that.
const AWAKE_EVERY: Duration = Duration::from_secs(15);

/// Answers the service worker for as long as the page lives. Without one (an insecure origin) there is nothing to do.
pub(super) fn listen(handle: &Handle) {
    let Some(container) = container() else { return };
    let asked = Rc::new(Asked {
        handle: handle.clone(),
        container: container.clone(),
        answers: RefCell::default(),
        count: Cell::default(),
        newest: RefCell::default(),
    });
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| asked.on_message(&event));
    // Setting the handler also lets out what came before.
    container.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
}

fn container() -> Option<ServiceWorkerContainer> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"serviceWorker".into()).ok()?.dyn_into().ok()
}

struct Asked {
    handle: Handle,
    container: ServiceWorkerContainer,
    answers: RefCell<VecDeque<AbortHandle>>,
    /// Numbers the requests.
    count: Cell<u64>,
    /// The newest request for the bytes of each item: at most as many as there are items.
    newest: RefCell<BTreeMap<ContentId, u64>>,
}

impl Asked {
    fn on_message(self: &Rc<Self>, event: &MessageEvent) {
        let Some(port) = event.ports().get(0).dyn_into::<MessagePort>().ok() else { return };
        let Some(request) = parse(&event.data()) else {
            drop(port.post_message(&JsValue::FALSE));
            return port.close();
        };
        let (abort, registration) = AbortHandle::new_pair();
        {
            let mut answers = self.answers.borrow_mut();
            answers.retain(|answer| !answer.is_aborted());
            if answers.len() == ANSWERS_MAX
                && let Some(oldest) = answers.pop_front()
            {
                oldest.abort();
            }
            answers.push_back(abort.clone());
        }
        let number = self.count.get() + 1;
        self.count.set(number);
        let asked = self.clone();
        super::spawn(async move {
            _ = Abortable::new(asked.answer(number, &request, Port::new(port)), registration).await;
            // Marks the place as free.
            abort.abort();
        });
    }

    async fn answer(&self, number: u64, request: &Request, mut port: Port) {
        let Ok((head, mut outgoing)) = request.answered_by(&self.handle).await else {
            return port.post(&JsValue::FALSE);
        };
        port.post(&head_to_js(&head));
        if head.body.is_empty() {
            return;
        }
        self.newest.borrow_mut().insert(request.id, number);
        let spoken = Cell::new(Instant::now());
        while port.wishes_more().await {
            self.keep_awake(&spoken);
            // A request that a player seeks away from may not be over yet: it must not pull the fetch back.
            if self.newest.borrow().get(&request.id) == Some(&number) {
                let (reader, at) = outgoing.at();
                reader.play(at);
            }
            let Some(next) = port.unless_over(outgoing.next()).await else { return };
            match next {
                Ok(Some(bytes)) => port.give(&Uint8Array::from(&bytes[..])),
                Ok(None) => return,
                Err(code) => return port.post(&JsValue::from_str(code.as_str())),
            }
        }
    }

    fn keep_awake(&self, spoken: &Cell<Instant>) {
        if spoken.get().elapsed() >= AWAKE_EVERY
            && let Some(worker) = self.container.controller()
        {
            spoken.set(Instant::now());
            drop(worker.post_message(&JsValue::from_str("awake")));
        }
    }
}

/// What the service worker passes on about a request; `None` for another build's words.
fn parse(data: &JsValue) -> Option<Request> {
    let field = |name: &str| Reflect::get(data, &name.into()).ok();
    let text = |name: &str| field(name)?.as_string();
    if field("speech")?.as_f64() != Some(SPEECH) {
        return None;
    }
    let purpose = match text("purpose")?.as_str() {
        "stream" => Purpose::Stream,
        "save" => Purpose::Save,
        _ => return None,
    };
    Some(Request {
        purpose,
        id: text("id")?.parse().ok()?,
        part: Part::parse(&text("query")?)?,
        method: text("method")?,
        range: text("range"),
        if_range: text("ifRange"),
        destination: text("destination")?,
    })
}

fn head_to_js(head: &Head) -> JsValue {
    let pair = |(name, value): &(&str, String)| Array::of2(&JsValue::from_str(name), &JsValue::from_str(value));
    let headers: Array = head.headers.iter().map(pair).collect();
    let object = Object::new();
    for (name, value) in [
        ("status", JsValue::from_f64(f64::from(head.status))),
        ("headers", headers.into()),
        ("length", JsValue::from_f64((head.body.end - head.body.start) as f64)),
    ] {
        // Setting a field of a plain object cannot fail.
        drop(Reflect::set(&object, &name.into(), &value));
    }
    object.into()
}

/// One request's port: wishes come in, bytes go out.
struct Port {
    port: MessagePort,
    wishes: mpsc::UnboundedReceiver<bool>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    on_close: Closure<dyn FnMut(Event)>,
}

impl Port {
    fn new(port: MessagePort) -> Self {
        // Unbounded on this side only: it carries what our own service worker says, one wish per chunk it was given.
        let (said, wishes) = mpsc::unbounded();
        let closed = said.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            drop(said.unbounded_send(event.data() == JsValue::TRUE));
        });
        // Where the browser tells: the other side is gone without a word.
        let on_close = Closure::<dyn FnMut(Event)>::new(move |_| drop(closed.unbounded_send(false)));
        drop(port.add_event_listener_with_callback("close", on_close.as_ref().unchecked_ref()));
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self { port, wishes, _on_message: on_message, on_close }
    }

    /// A port that is closed takes messages and loses them.
    fn post(&self, message: &JsValue) {
        drop(self.port.post_message(message));
    }

    /// Hands the bytes over without copying them again.
    fn give(&self, bytes: &Uint8Array) {
        let buffer = bytes.buffer();
        drop(self.port.post_message_with_transferable(&buffer, &Array::of1(&buffer)));
    }

    /// Waits for the next wish; false when nobody reads any more.
    async fn wishes_more(&mut self) -> bool {
        self.wishes.next().await == Some(true)
    }

    /// What `work` gives, or `None` if nobody reads any more before it is done.
    async fn unless_over<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        match select(Box::pin(work), self.wishes.next()).await {
            Either::Left((done, _)) => Some(done),
            // A second wish before the first was granted is as wrong as a farewell.
            Either::Right(_) => None,
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        drop(self.port.remove_event_listener_with_callback("close", self.on_close.as_ref().unchecked_ref()));
        self.port.close();
    }
}
