//! The few things the page asks of the browser beyond drawing: its address, the clipboard, saving, sizes, events.

use leptos::html::ElementType;
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, Document, EventTarget, HtmlAnchorElement, HtmlElement, ResizeObserver, Url, Window,
};

/// How long a saved file's address stays valid: browsers read it after the click has returned.
const SAVE_ADDRESS_MS: u64 = 60_000;

pub(crate) fn window() -> Window {
    web_sys::window().expect("views run in a window")
}

pub(crate) fn document() -> Document {
    window().document().expect("a window has a document")
}

/// The page's monotonic clock, ms.
pub(crate) fn now() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// `https://starling.example`, without a slash.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// The part of the address from `#` on.
pub(crate) fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Goes to a screen.
pub(crate) fn go(hash: &str) {
    drop(window().location().set_hash(hash));
}

/// Calls `each` for every `event` on `target`, for as long as the page lives.
pub(crate) fn listen<E: FromWasmAbi + 'static>(target: &EventTarget, event: &str, each: impl FnMut(E) + 'static) {
    let closure = Closure::<dyn FnMut(E)>::new(each);
    drop(target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref()));
    closure.forget();
}

/// Asks the browser not to clear this page's storage by itself; some ask the person.
pub(crate) fn persist() {
    let storage = js_sys::Reflect::get(&window().navigator(), &"storage".into()).unwrap_or(JsValue::UNDEFINED);
    let asked = call(&storage, "persist", &[]).and_then(|asked| asked.dyn_into::<js_sys::Promise>().ok());
    if let Some(asked) = asked {
        // A no changes nothing that is said: the pin holds against this page's own making room.
        wasm_bindgen_futures::spawn_local(async move { _ = JsFuture::from(asked).await });
    }
}

/// Puts text on the clipboard; false if the browser refused.
pub(crate) async fn copy(text: String) -> bool {
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into()).unwrap_or(JsValue::UNDEFINED);
    match clipboard.dyn_into::<web_sys::Clipboard>() {
        Ok(clipboard) => JsFuture::from(clipboard.write_text(&text)).await.is_ok(),
        // Insecure origins have no clipboard object, but the old command still works there.
        Err(_) => copy_by_selection(&text).unwrap_or(false),
    }
}

fn copy_by_selection(text: &str) -> Option<bool> {
    let document = document();
    let area: HtmlElement = document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_class_name("unseen");
    area.set_text_content(Some(text));
    document.body()?.append_child(&area).ok()?;
    call(&area, "select", &[])?;
    let copied = call(&document, "execCommand", &["copy".into()])?.is_truthy();
    area.remove();
    Some(copied)
}

fn call(target: &JsValue, method: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let function: js_sys::Function = js_sys::Reflect::get(target, &method.into()).ok()?.dyn_into().ok()?;
    function.apply(target, &arguments.iter().collect::<js_sys::Array>()).ok()
}

/// Offers a blob for saving under a name.
pub(crate) fn save(blob: &Blob, name: &str) {
    let Ok(address) = Url::create_object_url_with_blob(blob) else { return };
    let Ok(anchor) = document().create_element("a") else { return };
    let anchor: HtmlAnchorElement = anchor.unchecked_into();
    anchor.set_href(&address);
    anchor.set_download(name);
    anchor.click();
    set_timeout(move || drop(Url::revoke_object_url(&address)), core::time::Duration::from_millis(SAVE_ADDRESS_MS));
}

/// Offers a text for saving under a name.
pub(crate) fn save_text(text: &str, media_type: &str, name: &str) {
    let options = BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = js_sys::Array::of1(&text.into());
    if let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &options) {
        save(&blob, name);
    }
}

/// Offers anything as JSON for saving under a name.
pub(crate) fn save_json(value: &impl serde::Serialize, name: &str) {
    if let Some(text) = to_json(value) {
        save_text(&text, "application/json", name);
    }
}

/// A value as JSON, written by the browser's own code rather than by a second library in the page.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Option<String> {
    let plain = serde_wasm_bindgen::Serializer::json_compatible();
    js_sys::JSON::stringify(&value.serialize(&plain).ok()?).ok()?.as_string()
}

/// Has the browser download what `address` answers with as an attachment. A frame that never shows anything, because a
/// link with `download` goes past the service worker in some browsers.
pub(crate) fn download(address: &str) {
    let Ok(frame) = document().create_element("iframe") else { return };
    drop(frame.set_attribute("hidden", ""));
    drop(frame.set_attribute("src", address));
    let Some(body) = document().body() else { return };
    drop(body.append_child(&frame));
    // By then the download has long left the frame.
    set_timeout(move || frame.remove(), core::time::Duration::from_millis(SAVE_ADDRESS_MS));
}

/// True if the system has a sheet for sending links.
pub(crate) fn can_send() -> bool {
    js_sys::Reflect::has(&window().navigator(), &"share".into()).unwrap_or(false)
}

/// Opens that sheet; closing it without choosing anything is not an error.
pub(crate) fn send(link: &str) {
    let what = js_sys::Object::new();
    drop(js_sys::Reflect::set(&what, &"url".into(), &link.into()));
    if let Some(promise) = call(&window().navigator(), "share", &[what.into()]) {
        let settled = JsFuture::from(js_sys::Promise::resolve(&promise));
        wasm_bindgen_futures::spawn_local(async move { drop(settled.await) });
    }
}

/// The size of an element in CSS pixels, kept up to date while it is shown; zero until it is.
pub(crate) fn size_of<E>(node: NodeRef<E>) -> ReadSignal<(f64, f64)>
where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + AsRef<web_sys::Element> + 'static,
{
    let (size, set_size) = signal((0.0, 0.0));
    Effect::new(move |_| {
        let Some(element) = node.get() else { return };
        let element: web_sys::Element = AsRef::<web_sys::Element>::as_ref(&element).clone();
        let measured = element.clone();
        let measure = Closure::<dyn FnMut()>::new(move || {
            let area = measured.get_bounding_client_rect();
            // `None`: the view is gone, and its observer is about to be.
            let _: Option<()> = set_size.try_set((area.width(), area.height())).map(drop);
        });
        let Ok(observer) = ResizeObserver::new(measure.as_ref().unchecked_ref()) else { return };
        observer.observe(&element);
        let watch = StoredValue::new_local((observer, measure));
        on_cleanup(move || {
            watch.try_with_value(|(observer, _)| observer.disconnect());
        });
    });
    size
}

/// True if the person asked for less motion.
pub(crate) fn less_motion() -> bool {
    matches("(prefers-reduced-motion: reduce)")
}

/// True if the system replaces all colours.
pub(crate) fn forced_colours() -> bool {
    matches("(forced-colors: active)")
}

fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// True if a folder can be written where the person says.
pub(crate) fn can_pick_directory() -> bool {
    js_sys::Reflect::has(&window(), &"showDirectoryPicker".into()).unwrap_or(false)
}

/// Asks where to write a folder; `None` when the person closes the picker.
pub(crate) async fn pick_directory() -> Option<web_sys::FileSystemDirectoryHandle> {
    let options = js_sys::Object::new();
    drop(js_sys::Reflect::set(&options, &"mode".into(), &"readwrite".into()));
    let promise = call(&window(), "showDirectoryPicker", &[options.into()])?;
    JsFuture::from(js_sys::Promise::resolve(&promise)).await.ok()?.dyn_into().ok()
}

/// True if the person can say where a file is written.
pub(crate) fn can_pick_file() -> bool {
    js_sys::Reflect::has(&window(), &"showSaveFilePicker".into()).unwrap_or(false)
}

/// Asks where to write a file; `None` when the person closes the picker.
pub(crate) async fn pick_file(name: &str) -> Option<web_sys::FileSystemFileHandle> {
    let options = js_sys::Object::new();
    drop(js_sys::Reflect::set(&options, &"suggestedName".into(), &name.into()));
    let promise = call(&window(), "showSaveFilePicker", &[options.into()])?;
    JsFuture::from(js_sys::Promise::resolve(&promise)).await.ok()?.dyn_into().ok()
}
