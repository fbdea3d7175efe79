//! How a peer is reached, as a shape: it says the same as the word beside it, and as no colour alone could.

use crate::words;
use leptos::prelude::*;
use protocol::snapshot::PathView;

/// Line and end of a path.
pub(crate) fn path_glyph(path: PathView) -> impl IntoView {
    let class = format!("path-glyph {}", words::path_attribute(path));
    let shape = match path {
        PathView::Direct => view! {
            <line x1="0" y1="6" x2="20" y2="6" />
            <circle class="end" cx="22.5" cy="6" r="4" />
        }
        .into_any(),
        PathView::Relayed => view! {
            <line x1="0" y1="6" x2="6" y2="6" />
            <rect x="7" y="2.7" width="6.6" height="6.6" />
            <line x1="14.6" y1="6" x2="18" y2="6" />
            <path d="M23 1.6l4.4 4.4-4.4 4.4-4.4-4.4z" />
        }
        .into_any(),
        PathView::Connecting => view! {
            <line x1="1" y1="6" x2="18" y2="6" />
            <circle cx="23" cy="6" r="3.4" />
        }
        .into_any(),
        PathView::Gone => view! {
            <line x1="0" y1="6" x2="16" y2="6" />
            <path d="M19 2.5l7 7M26 2.5l-7 7" />
        }
        .into_any(),
    };
    view! { <svg class=class viewBox="0 0 28 12" aria-hidden="true">{shape}</svg> }
}
