//! The shapes of nodes, around the origin. Shape means path, so that colour is never needed to read it.

use crate::picture::Kind;
use leptos::prelude::*;

/// A disc, a diamond, a dotted circle, a cross, or the relay's square.
pub(crate) fn shape(kind: Kind) -> AnyView {
    match kind {
        Kind::Direct => view! { <circle class="shape" r="6.5" /> }.into_any(),
        Kind::Relayed => view! { <path class="shape" d="M0-8.5l8.5 8.5-8.5 8.5-8.5-8.5z" /> }.into_any(),
        Kind::Connecting => view! { <circle class="shape" r="6.5" /> }.into_any(),
        Kind::Gone => {
            view! { <circle class="shape-ground" r="7" /> <path class="shape" d="M-4.5-4.5l9 9M4.5-4.5l-9 9" /> }
                .into_any()
        }
        Kind::Relay => view! { <rect class="shape" x="-6" y="-6" width="12" height="12" /> }.into_any(),
    }
}
