//! A button that puts a text on the clipboard and says so for a moment.

use super::icon::{glyph, icon};
use crate::browser;
use leptos::prelude::*;
use std::time::Duration;

/// How long the button says that it worked.
const SAID_FOR: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq)]
enum Said {
    Nothing,
    Copied,
    Refused,
}

/// Copies what `text` gives at the moment of the click.
pub(crate) fn copy_button(
    label: &'static str,
    class: &'static str,
    text: impl Fn() -> String + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let said = RwSignal::new(Said::Nothing);
    let on_click = move |_| {
        let text = text();
        wasm_bindgen_futures::spawn_local(async move {
            let outcome = if browser::copy(text).await { Said::Copied } else { Said::Refused };
            said.try_set(outcome);
            set_timeout(move || _ = said.try_set(Said::Nothing), SAID_FOR);
        });
    };
    let words = move || match said.get() {
        Said::Nothing => label,
        Said::Copied => "Copied",
        Said::Refused => "Copy it by hand",
    };
    let path = move || if said.get() == Said::Copied { glyph::CHECK } else { glyph::COPY };
    view! {
        <button type="button" class=class on:click=on_click>
            {move || icon(path())}
            <span aria-live="polite">{words}</span>
        </button>
    }
}
