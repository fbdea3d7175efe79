//! The path from this tab outwards, drawn to where it breaks.

use crate::bridge::use_bridge;
use crate::components::icon::{glyph, mark_specks};
use crate::names::Name;
use crate::reading::cause::Cause;
use crate::reading::peers::connected;
use leptos::prelude::*;
use protocol::Code;
use protocol::snapshot::RelayState;

const WIDTH: f64 = 1080.0;
const MIDDLE: f64 = 88.0;
/// Where this tab, the two networks and the other end stand.
const STATIONS: [f64; 4] = [70.0, 330.0, 750.0, 1010.0];
const BREAK: f64 = 540.0;

/// How far the line gets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The browser itself does not let it out.
    Tab,
    /// No relay answers: nobody can be introduced.
    Network,
    /// Both ends are out, nothing between them answers.
    Between,
    Whole,
}

/// The path for a cause; whole when there is none.
pub(super) fn drawn(cause: Option<Cause>) -> impl IntoView {
    let snapshot = use_bridge().newest();
    let reach = match cause.as_ref().map(|cause| cause.code) {
        Some(Code::WebrtcBlocked) => Reach::Tab,
        Some(Code::RelayUnreachable) => Reach::Network,
        Some(Code::NoDirectPath) => Reach::Between,
        _ => Reach::Whole,
    };
    let relay = snapshot.relays.iter().find(|r| matches!(r.state, RelayState::Connected | RelayState::Reserved));
    let peers = connected(&snapshot).count();
    let far = match cause.and_then(|cause| cause.peer) {
        Some(peer) => Name::of(&peer).to_string(),
        None if reach == Reach::Whole && peers > 0 => crate::format::count(peers, "peer", "peers"),
        None => "Peers".into(),
    };
    let said = match reach {
        Reach::Tab => "The path ends in this browser.",
        Reach::Network => "The path ends before the relay.",
        Reach::Between => "Both sides reach the relay; no address pair between them answers.",
        Reach::Whole => "The path is whole.",
    };
    let broken_at = match reach {
        Reach::Tab => Some((STATIONS[0] + STATIONS[1]) / 2.0),
        Reach::Network => Some(BREAK),
        Reach::Between => Some(BREAK),
        Reach::Whole => None,
    };
    let out = if reach == Reach::Tab { "path-line asked" } else { "path-line direct" };
    let met = reach == Reach::Whole && peers > 0;
    let across = if met { "path-line direct" } else { "path-line asked" };
    let beyond = if met || reach == Reach::Between { "path-line direct" } else { "path-line asked" };
    let end = if met { "node direct" } else { "node connecting" };
    let relay_class = if relay.is_some() { "path-relay" } else { "path-relay lost" };
    let relay_name = snapshot.relays.first().map_or("No relay".to_owned(), |relay| relay.name.clone());
    let relay_words = if relay.is_some() { "introduces" } else { "no answer" };
    let arc = format!(
        "M{} {} C {} 8 {} 8 {BREAK} 8 M{BREAK} 8 C {} 8 {} 8 {} {}",
        STATIONS[1],
        MIDDLE - 18.0,
        STATIONS[1] + 30.0,
        STATIONS[1] + 90.0,
        STATIONS[2] - 90.0,
        STATIONS[2] - 30.0,
        STATIONS[2],
        MIDDLE - 18.0
    );
    let caption = |x: f64, first: String, second: &'static str| {
        view! {
            <text class="path-name" x=x y=MIDDLE + 44.0 text-anchor="middle">{first}</text>
            <text class="axis-text" x=x y=MIDDLE + 62.0 text-anchor="middle">{second}</text>
        }
    };
    let network = |x: f64| {
        view! {
            <rect class="path-network" x=x - 16.0 y=MIDDLE - 16.0 width="32" height="32" rx="8" />
            <path class="path-network-lines" d=format!("M{} {}h14M{} {}h14", x - 7.0, MIDDLE - 4.0, x - 7.0, MIDDLE + 4.0) />
        }
    };
    view! {
        <p class="path-said note">{said}</p>
        <div class="path-room">
            <svg class="path-picture" viewBox=format!("0 -12 {WIDTH} 168") aria-hidden="true">
                <path class=relay_class d=arc fill="none" />
                <rect class="path-relay-node" x=BREAK - 9.0 y="-1" width="18" height="18" />
                <text class="path-name" x=BREAK - 8.0 y="36" text-anchor="end">{relay_name}</text>
                <text class="axis-text" x=BREAK + 2.0 y="36">{relay_words}</text>
                <line class=out x1=STATIONS[0] y1=MIDDLE x2=STATIONS[1] y2=MIDDLE />
                <line class=across x1=STATIONS[1] y1=MIDDLE x2=STATIONS[2] y2=MIDDLE />
                <line class=beyond x1=STATIONS[2] y1=MIDDLE x2=STATIONS[3] y2=MIDDLE />
                <g class="own" transform=format!("translate({} {MIDDLE}) scale(0.86)", STATIONS[0])>
                    <circle class="own-disc" r="22" />
                    <g transform="translate(-11.6 -12) scale(0.97)">{mark_specks()}</g>
                </g>
                {network(STATIONS[1])}
                {network(STATIONS[2])}
                <g class=end transform=format!("translate({} {MIDDLE})", STATIONS[3])>
                    <circle class="shape" r="8" />
                </g>
                {broken_at.map(|x| view! {
                    <circle class="path-break" cx=x cy=MIDDLE r="20" />
                    <path class="path-cross" d=glyph::CROSS transform=format!("translate({} {})", x - 12.0, MIDDLE - 12.0) />
                })}
                {caption(STATIONS[0], "This tab".into(), "")}
                {caption(STATIONS[1], "Your network".into(), "")}
                {caption(STATIONS[2], "Their network".into(), "")}
                {caption(STATIONS[3], far, "")}
            </svg>
        </div>
    }
}
