//! Everything about one peer: how far, since when, a history, who brought it, and in plain words why it is here.

use super::Selection;
use crate::bridge::use_bridge;
use crate::chart::{Band, axis, band, line};
use crate::components::icon::{glyph, icon};
use crate::components::identicon::identicon;
use crate::components::path_glyph::path_glyph;
use crate::format::{duration, round_trip, size, speed};
use crate::names::Name;
use crate::reading::peers::path_line;
use crate::reading::{learning, peer};
use crate::words;
use leptos::prelude::*;
use protocol::snapshot::{ForecastView, PathView, PeerView, Reason};
use protocol::{Command, PeerKey};

/// The panel of the peer with this id.
pub(super) fn panel(id: String, selection: Selection) -> impl IntoView {
    let bridge = use_bridge();
    let path = {
        let id = id.clone();
        bridge.live(move |snapshot| peer(snapshot, &id).map_or(PathView::Gone, |peer| peer.path))
    };
    let read = move |which: fn(&PeerView) -> Option<String>| {
        let id = id.clone();
        bridge.calm(move |snapshot| peer(snapshot, &id).and_then(which))
    };
    let since = read(|peer| Some(since(peer)));
    let rtt = read(|peer| peer.rtt_ms.map(round_trip));
    let pace = read(|peer| Some(speed(peer.take_rate + peer.give_rate)));
    let alone = read(|peer| peer.stun_ms.map(round_trip));
    let reason = read(|peer| Some(words::reason(peer.reason)));
    let picked = read(|peer| peer.picked.as_ref().map(learning::picked));
    let facts = {
        let read = read.clone();
        move || {
            [
                ("Stage", read(|peer| peer.stage.map(|stage| words::stage(stage).to_owned()))),
                ("Met", read(|peer| Some(words::met(&peer.met)))),
                ("Dialled by", read(|peer| Some(if peer.dialled_by_us { "this tab" } else { "the other tab" }.into()))),
                (
                    "Path",
                    read(|peer| {
                        peer.candidates.map(|(ours, theirs)| {
                            format!("You use {}, it uses {}.", words::candidate(ours), words::candidate(theirs))
                        })
                    }),
                ),
                ("Given and taken", read(|peer| Some(format!("{} and {}", size(peer.given), size(peer.taken))))),
                ("What went wrong", read(|peer| peer.failure.map(|failure| words::failure(failure).to_owned()))),
                ("Tried again", read(|peer| peer.retry_in_ms.map(|ms| format!("in {}", duration(ms))))),
            ]
        }
    };
    let id = selection.peer.get_untracked().unwrap_or_default();
    let name = Name::of(&id).to_string();
    view! {
        <section class="card panel">
            <header class="card-head">
                {identicon(&id)}
                <div class="card-words">
                    <h2 class="title">{name}</h2>
                    <p class="panel-path note">{move || path_glyph(path.get())} <span>{since}</span></p>
                </div>
                <button type="button" class="icon-button" aria-label="Close" on:click=move |_| selection.close()>{icon(glyph::CROSS)}</button>
            </header>
            <dl class="numbers">
                <div><dt>"round trip"</dt><dd>{move || rtt.get().unwrap_or("not yet".into())}</dd></div>
                <div><dt>"last ten seconds"</dt><dd>{pace}</dd></div>
                <div><dt>"the path alone"</dt><dd>{move || alone.get().unwrap_or("not yet".into())}</dd></div>
            </dl>
            {history(&id)}
            <h3 class="setting-title">"Why this peer"</h3>
            <p class="panel-why" data-testid="peer-reason">{reason}</p>
            {move || picked.get().map(|picked| view! { <p class="panel-why" data-testid="peer-picked">{picked}</p> })}
            <dl class="facts">
                {facts()
                    .into_iter()
                    .map(|(name, value)| view! {
                        {move || value.get().map(|value| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })}
                    })
                    .collect_view()}
            </dl>
            {buttons(id)}
        </section>
    }
}

/// "Direct since 13:41", with the wall clock that the person has on the desk.
fn since(peer: &PeerView) -> String {
    match peer.path {
        PathView::Direct | PathView::Relayed => {
            let then = js_sys::Date::new(&(js_sys::Date::now() - peer.since_ms as f64).into());
            format!("{} since {:02}:{:02}", words::path(peer.path), then.get_hours(), then.get_minutes())
        }
        PathView::Connecting | PathView::Gone => path_line(peer),
    }
}

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 132.0;
/// Left for the numbers of the axis, and below for the times.
const RIGHT: f64 = 46.0;
const BELOW: f64 = 26.0;

/// Measured round trips over the last minute, or the last five once there are that many.
fn history(id: &str) -> impl IntoView + use<> {
    let bridge = use_bridge();
    let id = id.to_owned();
    let drawn = bridge.calm(move |snapshot| {
        let peer = peer(snapshot, &id)?;
        let samples = &peer.samples;
        let oldest = samples.last()?.age_ms;
        let (span, label) = if oldest > 70_000 { (300_000, "5 min ago") } else { (60_000, "1 min ago") };
        let within: Vec<_> = samples.iter().copied().filter(|sample| sample.age_ms <= span).collect();
        let axis = axis(&within);
        let line = line(&within, &axis, span, WIDTH - RIGHT - 10.0, HEIGHT - BELOW);
        let band = band(&within, &axis, span, WIDTH - RIGHT - 10.0, HEIGHT - BELOW);
        Some((line, band, axis, label, within.iter().filter(|sample| !sample.hidden).count(), peer.next))
    });
    move || {
        drawn.get().map(|(line, band, axis, label, count, next)| {
            let y = |ms: f64| (HEIGHT - BELOW) * (1.0 - (ms - axis.low) / (axis.high - axis.low));
            let last = axis.grid.len() - 1;
            let grid: Vec<_> = axis
                .grid
                .iter()
                .enumerate()
                .map(|(i, ms)| {
                    let digits = usize::from(axis.grid[1] - axis.grid[0] < 1.0);
                    let text = if i == last { format!("{ms:.digits$} ms") } else { format!("{ms:.digits$}") };
                    view! {
                        <line class="ring" x1="0" x2=WIDTH - RIGHT y1=y(*ms) y2=y(*ms) />
                        <text class="axis-text" x=WIDTH - RIGHT + 8.0 y=y(*ms) + 4.0>{text}</text>
                    }
                })
                .collect();
            let hidden: Vec<_> = line
                .hidden
                .iter()
                .map(|(x, width)| view! { <rect x=*x y="0" width=*width height=HEIGHT - BELOW fill="url(#hatch)" /> })
                .collect();
            let said = format!(
                "{} since {label}. {}",
                crate::format::count(count, "measurement", "measurements"),
                if hidden.is_empty() { "" } else { "Hatched: the tab was hidden, so nothing was measured." }
            );
            let score = forecast_score(&band, next);
            let clamped = |ms: f64| y(ms).clamp(0.0, HEIGHT - BELOW);
            let ahead = next.map(|next| {
                let (top, bottom) = (clamped(next.high_ms), clamped(next.low_ms));
                view! { <rect class="band-ahead" x=WIDTH - RIGHT - 10.0 y=top width="10" height=(bottom - top).max(2.0) /> }
            });
            let misses: Vec<_> = band
                .misses
                .iter()
                .map(|(x, y)| view! { <path class="band-miss" d=format!("M{x:.1} {:.1}l4 7h-8z", y - 5.0) /> })
                .collect();
            view! {
                <figure class="history">
                    <svg viewBox=format!("0 -4 {WIDTH} {}", HEIGHT + 4.0) aria-hidden="true">
                        {grid}
                        {hidden}
                        <path class="band" d=band.area />
                        {ahead}
                        <path class="history-line" d=line.path />
                        {misses}
                        {line.end.map(|(x, y)| view! { <circle class="history-end" cx=x cy=y r="3.5" /> })}
                        <text class="axis-text" x="0" y=HEIGHT - 6.0>{label}</text>
                        <text class="axis-text" x=WIDTH - RIGHT - 10.0 y=HEIGHT - 6.0 text-anchor="end">"now"</text>
                    </svg>
                    <figcaption class="note">{said} <span data-testid="forecast-score">{score}</span></figcaption>
                </figure>
            }
        })
    }
}

/// How good the forecasts that are drawn were, and what is forecast next: counted, never claimed.
fn forecast_score(band: &Band, next: Option<ForecastView>) -> Option<String> {
    let miss = round_trip(band.typical_miss?);
    let next = next.map(|next| {
        let (ms, low, high) = (round_trip(next.ms), round_trip(next.low_ms), round_trip(next.high_ms));
        format!(" Next: {ms}, between {low} and {high}.")
    });
    Some(format!(
        "{} of {} fell inside what was forecast (the band), typical miss {miss}.{}",
        band.inside,
        band.told,
        next.unwrap_or_default()
    ))
}

fn buttons(id: String) -> impl IntoView {
    let bridge = use_bridge();
    let state = {
        let id = id.clone();
        bridge.live(move |snapshot| peer(snapshot, &id).map(|peer| (peer.path, peer.reason)))
    };
    let Some(peer) = PeerKey::from_text(&id) else { return ().into_any() };
    (move || {
        let (path, reason) = state.get()?;
        let up = matches!(path, PathView::Direct | PathView::Relayed | PathView::Connecting);
        let banned = reason == Reason::SentWrongBytes;
        Some(view! {
            <div class="card-actions">
                {(!banned && path != PathView::Direct).then(|| view! {
                    <button type="button" class="button" on:click=move |_| bridge.command(Command::Retry { peer })>"Try again"</button>
                })}
                {up.then(|| view! {
                    <button type="button" class="button" on:click=move |_| bridge.command(Command::Disconnect { peer })>"Disconnect"</button>
                })}
            </div>
        })
    })
    .into_any()
}
