//! A switch that reads without colour: on shows a bar, off a ring.

use crate::bridge::use_bridge;
use leptos::prelude::*;
use protocol::Command;

/// Serving on what was fetched; `label` is the id of the words beside it.
pub(crate) fn serve_switch(label: &'static str) -> impl IntoView {
    let bridge = use_bridge();
    let on = bridge.live(|snapshot| snapshot.pass_on);
    view! {
        <button
            type="button"
            role="switch"
            class="switch"
            data-testid="serve-switch"
            aria-labelledby=label
            aria-checked=move || on.get().to_string()
            on:click=move |_| bridge.command(Command::PassOn(!on.get_untracked()))
        >
            <span class="switch-track"><span class="switch-sign"></span><span class="switch-knob"></span></span>
        </button>
    }
}
