//! A switch that reads without colour: on shows a bar, off a ring.

use crate::bridge::use_bridge;
use leptos::prelude::*;
use protocol::Command;

/// Serving on what was fetched; `label` is the id of the words beside it.
pub(crate) fn serve_switch(label: &'static str) -> impl IntoView {
    let on = use_bridge().live(|snapshot| snapshot.pass_on);
    switch("serve-switch", label, on, Command::PassOn)
}

/// A switch that shows `on` and commands the opposite.
pub(crate) fn switch(
    testid: &'static str,
    label: &'static str,
    on: Memo<bool>,
    to: fn(bool) -> Command,
) -> impl IntoView {
    let bridge = use_bridge();
    view! {
        <button
            type="button"
            role="switch"
            class="switch"
            data-testid=testid
            aria-labelledby=label
            aria-checked=move || on.get().to_string()
            on:click=move |_| bridge.command(to(!on.get_untracked()))
        >
            <span class="switch-track"><span class="switch-sign"></span><span class="switch-knob"></span></span>
        </button>
    }
}
