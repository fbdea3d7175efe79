//! The Ledger: what was given and taken, and what that earned and cost. Without a ledger nothing did, and the screen says so.

mod books;

use books::books;
use leptos::prelude::*;

/// The screen.
pub(crate) fn ledger() -> impl IntoView {
    view! {
        <div class="screen">
            <header class="screen-head"><h1 class="title">"Ledger"</h1></header>
            {books()}
        </div>
    }
}
