//! A peer as a row of a list.

use crate::bridge::use_bridge;
use crate::components::identicon::identicon;
use crate::components::path_glyph::path_glyph;
use crate::format::round_trip;
use crate::names::Name;
use crate::reading::peer;
use crate::reading::peers::{path_line, rtt_attribute};
use crate::words;
use leptos::prelude::*;
use protocol::snapshot::PathView;

/// [`path_line`] where there may be little room: "Through the relay" has a shorter form for phones.
pub(crate) fn path_words(line: Memo<String>) -> impl IntoView {
    let long = words::path(PathView::Relayed);
    move || match line.get() {
        line if line == long => view! {
            <span><span class="roomy">{line}</span><span class="tight">"Via relay"</span></span>
        }
        .into_any(),
        line => view! { <span>{line}</span> }.into_any(),
    }
}

/// A peer as a row: identicon, name, path, round trip. It carries the hooks of `peer`.
pub(crate) fn peer_row(id: String) -> impl IntoView {
    let hooks = {
        let id = id.clone();
        use_bridge().live(move |snapshot| {
            peer(snapshot, &id).map_or((PathView::Gone, None), |peer| (peer.path, rtt_attribute(peer)))
        })
    };
    let name = view! { <a class="peer-name" href="#/network">{Name::of(&id).to_string()}</a> };
    let body = row_body(id.clone(), name);
    view! {
        <li
            class="peer-row"
            data-testid="peer"
            data-peer-id=id
            data-path=move || hooks.with(|(path, _)| words::path_attribute(*path))
            data-rtt-ms=move || hooks.with(|(_, rtt)| rtt.clone())
        >
            {body}
        </li>
    }
}

/// The same row where another element carries the hooks; choosing it calls `choose`.
pub(crate) fn peer_row_plain(id: String, choose: impl Fn(&str) + 'static) -> impl IntoView {
    let name = Name::of(&id).to_string();
    let chosen = id.clone();
    let button = view! { <button type="button" class="peer-name" on:click=move |_| choose(&chosen)>{name}</button> };
    view! { <li class="peer-row">{row_body(id, button)}</li> }
}

fn row_body(id: String, name: impl IntoView + 'static) -> impl IntoView + 'static {
    let bridge = use_bridge();
    let (a, b, c) = (id.clone(), id.clone(), id.clone());
    let path = bridge.live(move |snapshot| peer(snapshot, &a).map_or(PathView::Gone, |peer| peer.path));
    let line = bridge.calm(move |snapshot| peer(snapshot, &b).map(path_line).unwrap_or_default());
    let ms = bridge.calm(move |snapshot| peer(snapshot, &c).and_then(|peer| peer.rtt_ms));
    view! {
        {identicon(&id)}
        {name}
        <span class="peer-path">{move || path_glyph(path.get())} {path_words(line)}</span>
        <span class="peer-rtt number">{move || ms.get().map(round_trip)}</span>
    }
}
