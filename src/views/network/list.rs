//! The same as the picture, as a table.

use super::Selection;
use crate::bridge::use_bridge;
use crate::components::identicon::identicon;
use crate::components::path_glyph::path_glyph;
use crate::components::sparkline::sparkline;
use crate::format::round_trip;
use crate::names::Name;
use crate::reading::peer;
use crate::reading::peers::{ids, path_line, rtt_attribute};
use crate::views::peers::path_words;
use crate::words;
use leptos::prelude::*;
use protocol::snapshot::PathView;

/// One row per peer, nearest first.
pub(super) fn list(selection: Selection) -> impl IntoView {
    let everybody = use_bridge().live(ids);
    view! {
        <table class="peer-table">
            <thead>
                <tr>
                    <th scope="col">"Peer"</th>
                    <th scope="col">"Path"</th>
                    <th scope="col" class="right">"Round trip"</th>
                    <th scope="col" class="wide">"Last minute"</th>
                    <th scope="col" class="wide">"Why"</th>
                </tr>
            </thead>
            <tbody>
                <For each=move || everybody.get() key=String::clone children=move |id| row(id, selection) />
            </tbody>
        </table>
    }
}

fn row(id: String, selection: Selection) -> impl IntoView {
    let bridge = use_bridge();
    let of = {
        let id = id.clone();
        move || id.clone()
    };
    let (a, b, c, d, e) = (of(), of(), of(), of(), of());
    let hooks = bridge.live(move |snapshot| {
        peer(snapshot, &a).map_or((PathView::Gone, None), |peer| (peer.path, rtt_attribute(peer)))
    });
    let path = Memo::new(move |_| hooks.with(|(path, _)| *path));
    let line = bridge.calm(move |snapshot| peer(snapshot, &b).map(path_line).unwrap_or_default());
    let rtt = bridge.calm(move |snapshot| peer(snapshot, &c).and_then(|peer| peer.rtt_ms).map(round_trip));
    let samples = bridge.calm(move |snapshot| peer(snapshot, &d).map(|peer| peer.samples.clone()).unwrap_or_default());
    let reason = bridge.calm(move |snapshot| peer(snapshot, &e).map(|peer| words::reason(peer.reason)));
    let select = of();
    view! {
        <tr
            data-testid="peer"
            data-peer-id=id.clone()
            data-path=move || words::path_attribute(path.get())
            data-rtt-ms=move || hooks.with(|(_, rtt)| rtt.clone())
        >
            <th scope="row">
                <button type="button" class="table-name" on:click=move |_| selection.choose(&select)>
                    {identicon(&id)} <span>{Name::of(&id).to_string()}</span>
                </button>
            </th>
            <td><span class="peer-path">{move || path_glyph(path.get())} {path_words(line)}</span></td>
            <td class="number right">{rtt}</td>
            <td class="wide">{sparkline(move || samples.get())}</td>
            <td class="wide note" data-testid="peer-reason">{reason}</td>
        </tr>
    }
}
