//! The page's service worker: put in place at the start, so that items play, show and save while they load.
//!
//! Whether there is one decides what the screen offers: on insecure origins, and in browsers that refuse it, items are
//! only saved when all is here.

use crate::browser;
use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{RegistrationOptions, ServiceWorkerContainer, ServiceWorkerRegistration, ServiceWorkerUpdateViaCache};

const SCRIPT: &str = "/sw.js";

/// Registers the service worker; `ready` follows whether it answers this tab's requests.
pub(crate) fn start(ready: RwSignal<bool>) {
    let Some(container) = container() else { return };
    let follow = {
        let container = container.clone();
        move || ready.set(container.controller().is_some())
    };
    follow();
    browser::listen(&container, "controllerchange", move |_: web_sys::Event| follow());
    wasm_bindgen_futures::spawn_local(async move {
        if let Err(error) = register(&container).await {
            log::warn!("no service worker, so nothing plays before it is saved: {error:?}");
        }
    });
}

async fn register(container: &ServiceWorkerContainer) -> Result<(), JsValue> {
    let options = RegistrationOptions::new();
    // A new build's worker is asked for at every start of the page, whatever a cache holds.
    options.set_update_via_cache(ServiceWorkerUpdateViaCache::None);
    JsFuture::from(container.register_with_options(SCRIPT, &options)).await?;
    let registration: ServiceWorkerRegistration = JsFuture::from(container.ready()?).await?.unchecked_into();
    // A page that was reloaded past its service worker (shift and reload) has none until it is claimed.
    if container.controller().is_none()
        && let Some(worker) = registration.active()
    {
        worker.post_message(&"claim".into())?;
    }
    Ok(())
}

fn container() -> Option<ServiceWorkerContainer> {
    Reflect::get(&browser::window().navigator(), &"serviceWorker".into()).ok()?.dyn_into().ok()
}

/// Where a media or image element finds an item, or one file of a folder, while it loads.
pub(crate) fn stream_address(id: &str, file: Option<u32>) -> String {
    match file {
        Some(place) => format!("/stream/{id}?file={place}"),
        None => format!("/stream/{id}"),
    }
}

/// Where the browser downloads an item from, straight to disk; `query` chooses a part of a folder.
pub(crate) fn save_address(id: &str, query: &str) -> String {
    format!("/save/{id}{query}")
}
