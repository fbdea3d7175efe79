//! The Ledger: credits are not part of this version, and the screen says so.

use crate::components::icon::mark;
use leptos::prelude::*;

/// The screen.
pub(crate) fn ledger() -> impl IntoView {
    view! {
        <div class="screen">
            <header class="screen-head"><h1 class="title">"Ledger"</h1></header>
            <section class="card empty">
                {mark()}
                <div>
                    <h2 class="card-title">"Nothing is charged in this version"</h2>
                    <p class="note">"Everybody serves everybody, and no credits are earned or spent. What this tab gave and took is on Home."</p>
                </div>
            </section>
        </div>
    }
}
