//! A link as a QR code, dark on white in both themes: scanners expect it so.

use crate::qr;
use leptos::prelude::*;

/// The code of `text`, which `label` names for those who cannot see it.
pub(crate) fn qr_code(text: &str, label: &'static str) -> impl IntoView + use<> {
    qr::encode(text).map(|code| {
        let view_box = format!("0 0 {0} {0}", code.side);
        view! {
            <div class="qr">
                <svg viewBox=view_box shape-rendering="crispEdges" role="img" aria-label=label>
                    <path d=code.path />
                </svg>
            </div>
        }
    })
}
