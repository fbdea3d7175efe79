//! A peer's picture and name.

use crate::identicon::{DISC, specks};
use crate::names::Name;
use leptos::prelude::*;

/// The identicon of a peer. The name always stands beside it, so it is silent to assistive technology.
pub(crate) fn identicon(peer: &str) -> impl IntoView + use<> {
    let tint = Name::of(peer).tint;
    let specks = specks(peer);
    let view_box = format!("{} {} {} {}", -DISC, -DISC, 2.0 * DISC, 2.0 * DISC);
    view! {
        <svg class="identicon" viewBox=view_box aria-hidden="true">
            <circle class="disc" r=DISC />
            {specks
                .into_iter()
                .map(|speck| view! { <circle class="speck" cx=two(speck.x) cy=two(speck.y) r=speck.r fill=tint /> })
                .collect_view()}
        </svg>
    }
}

fn two(value: f64) -> String {
    format!("{value:.2}")
}
