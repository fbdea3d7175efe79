//! IndexedDB, as far as it is used here: databases with one store each, opened for each wish.

use super::opfs::DiskError;
use futures::channel::oneshot;
use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbDatabase, IdbFactory, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransactionMode};

/// Changes with what is in a database.
const VERSION: u32 = 1;

/// The store of a database, which is made with it.
pub(super) async fn store(
    database: &'static str,
    store: &'static str,
    mode: IdbTransactionMode,
) -> Result<IdbObjectStore, DiskError> {
    let transaction = open(database, store).await?.transaction_with_str_and_mode(store, mode)?;
    Ok(transaction.object_store(store)?)
}

/// Opened for each wish and closed by the browser when nobody has it any more: wishes are as rare as shares.
async fn open(database: &'static str, store: &'static str) -> Result<IdbDatabase, DiskError> {
    let factory: IdbFactory =
        Reflect::get(&js_sys::global(), &"indexedDB".into())?.dyn_into().map_err(|_| DiskError::Absent)?;
    let opening: IdbOpenDbRequest = factory.open_with_u32(database, VERSION)?;
    let request = opening.clone();
    let on_new = Closure::once(move || {
        let made = request.result().map(|made| made.unchecked_into::<IdbDatabase>().create_object_store(store));
        if !matches!(made, Ok(Ok(_))) {
            log::warn!("{store} cannot be kept in this browser");
        }
    });
    opening.set_onupgradeneeded(Some(on_new.as_ref().unchecked_ref()));
    Ok(settled(&opening).await?.unchecked_into())
}

/// What came of a request.
pub(super) async fn settled(request: &IdbRequest) -> Result<JsValue, DiskError> {
    let (sender, heard) = oneshot::channel();
    let sender = std::rc::Rc::new(std::cell::Cell::new(Some(sender)));
    let on_either = Closure::<dyn FnMut()>::new(move || {
        if let Some(sender) = sender.take() {
            // Whoever waited may be gone.
            _ = sender.send(());
        }
    });
    request.set_onsuccess(Some(on_either.as_ref().unchecked_ref()));
    request.set_onerror(Some(on_either.as_ref().unchecked_ref()));
    heard.await.map_err(|_| DiskError::Refused)?;
    request.set_onsuccess(None);
    request.set_onerror(None);
    Ok(request.result()?)
}
