//! The round picture: zones and rings below, specks on a canvas, nodes and labels as SVG above.
//!
//! Each node is a button. Arrow keys go round by angle, Home is the nearest, End the farthest, Enter selects.

use super::Selection;
use super::shapes::shape;
use super::specks::{Speckled, paint};
use crate::bridge::use_bridge;
use crate::browser;
use crate::components::icon::mark_specks;
use crate::format::round_trip;
use crate::picture::scene::{Memory, Node, Scene, own_disc};
use crate::picture::{FARTHEST_MS, Kind, Point, RINGS, ticks};
use crate::reading::peer;
use crate::reading::peers::{picture_items, rtt_attribute, spoken};
use crate::words;
use leptos::html;
use leptos::prelude::*;
use protocol::snapshot::PathView;
use wasm_bindgen::JsCast;
use web_sys::KeyboardEvent;

/// A bead runs along the link in this many times the measured round trip.
const BEAD_SLOWER: f64 = 10.0;

/// The picture.
pub(super) fn picture(selection: Selection) -> impl IntoView {
    let bridge = use_bridge();
    let frame = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let size = browser::size_of(frame);
    let focused = RwSignal::new(None::<String>);
    let memory = StoredValue::new(Memory::default());
    let items = bridge.calm(picture_items);
    let scene = Memo::new(move |_| {
        let size = size.get();
        let (items, selected, focused) = (items.get(), selection.peer.get(), focused.get());
        (size.0 > 0.0).then(|| {
            memory
                .try_update_value(|memory| Scene::lay_out(items, size, selected.as_deref(), focused.as_deref(), memory))
        })?
    });
    paint(canvas, size, move |snapshot| {
        let wings = |scene: &Scene| {
            let wing = |node: &Node| {
                let near = node.is_neighbour() || node.item.kind == Kind::Relay;
                let spread = if scene.width < 480.0 { 0.55 } else { 1.0 };
                Speckled::of(&node.item, snapshot, scene.centre, node.angle, scene.scale, spread, near)
            };
            scene.nodes.iter().map(wing).collect()
        };
        scene.with(|scene| scene.as_ref().map(wings))
    });
    let geometry = Memo::new(move |_| {
        scene.with(|scene| scene.as_ref().map(|scene| (scene.width, scene.height, scene.centre, scene.scale)))
    });
    let ids = Memo::new(move |_| {
        scene
            .with(|scene| scene.as_ref().map(|s| s.nodes.iter().map(|n| n.item.id.clone()).collect::<Vec<_>>()))
            .unwrap_or_default()
    });
    let on_keys = move |event: KeyboardEvent| {
        let next =
            scene.with_untracked(|scene| next_node(scene.as_ref()?, focused.get_untracked().as_deref(), &event.key()));
        if let Some(id) = next {
            event.prevent_default();
            focus_node(&id);
        }
    };
    view! {
        <div class="picture" node_ref=frame role="group" aria-label="Peers around this tab, by round trip" on:keydown=on_keys>
            <svg class="zones" aria-hidden="true">{move || geometry.get().map(|_| scene.with_untracked(|s| s.as_ref().map(zones)))}</svg>
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <svg class="nodes">
                <g aria-hidden="true">
                    {move || scene.with(|scene| scene.as_ref().map(|scene| chosen_ring(scene, selection.peer.get().as_deref())))}
                    {move || scene.with(|scene| scene.as_ref().map(|s| links(s, selection.peer.get().as_deref())))}
                    {move || geometry.get().map(|(_, _, centre, scale)| own(centre, own_disc(scale)))}
                </g>
                <For each=move || ids.get() key=String::clone children=move |id| node(id, scene, selection, focused) />
                <g aria-hidden="true">{move || scene.with(|scene| scene.as_ref().map(labels))}</g>
            </svg>
        </div>
    }
}

/// What the shapes mean.
pub(super) fn key() -> impl IntoView {
    let entry = |kind: Kind, words: &'static str| {
        view! {
            <li>
                <svg viewBox="-10 -10 20 20" aria-hidden="true"><g class=format!("node {}", kind.as_str())>{shape(kind)}</g></svg>
                {words}
            </li>
        }
    };
    view! {
        <ul class="picture-key axis">
            <li>
                <svg viewBox="-10 -10 20 20" aria-hidden="true"><circle class="own-disc" r="7" /><circle class="own-dot" r="2.2" /></svg>
                "This tab"
            </li>
            {entry(Kind::Direct, "Direct")}
            {entry(Kind::Relayed, "Through the relay")}
            {entry(Kind::Connecting, "Connecting")}
            {entry(Kind::Relay, "Relay")}
            <li class="key-specks">
                <svg class="direct" viewBox="-10 -10 20 20" aria-hidden="true">
                    <circle cx="-5" cy="-2" r="1.6" /><circle cx="0" cy="-5" r="1.3" /><circle cx="1" cy="2" r="2" />
                    <circle cx="-2" cy="6" r="1.2" /><circle cx="6" cy="-1" r="1.2" /><circle cx="6" cy="6" r="1" />
                </svg>
                "Each speck is one measured round trip; older ones sit further out on the wing"
            </li>
        </ul>
    }
}

fn zones(scene: &Scene) -> impl IntoView + use<> {
    let Point { x, y } = scene.centre;
    let discs = [FARTHEST_MS, 300.0, 100.0, 30.0, 10.0];
    let discs = discs.into_iter().enumerate().map(|(i, ms)| {
        view! { <circle class=format!("zone zone-{i}") cx=x cy=y r=scene.scale.radius(ms) /> }
    });
    let rings = RINGS.map(|ms| view! { <circle class="ring" cx=x cy=y r=scene.scale.radius(ms) /> });
    let (inner, outer) = (scene.scale.inner, scene.scale.outer);
    let marks = (0..24).map(|i| {
        let angle = f64::from(i) * 15.0;
        let length = if i % 6 == 0 { 8.0 } else { 4.0 };
        let (from, to) = (scene.centre.away(angle, outer + 2.0), scene.centre.away(angle, outer + 2.0 + length));
        view! { <line class="tick" x1=from.x y1=from.y x2=to.x y2=to.y /> }
    });
    let ruler = ticks().map(|(ms, ring)| {
        let (half, y) = (if ring { 6.0 } else { 3.0 }, y - scene.scale.radius(ms));
        view! { <line class="tick strong" x1=x - half y1=y x2=x + half y2=y /> }
    });
    let narrow = scene.width < 480.0;
    let numbers = RINGS.map(|ms| {
        let (x, y) = (x - 11.0, y - scene.scale.radius(ms) + 4.0);
        // On a phone the unit stands once.
        let unit = if narrow && ms < 300.0 { "" } else { " ms" };
        view! { <text class="axis-text" x=x y=y text-anchor="end">{format!("{ms:.0}{unit}")}</text> }
    });
    view! {
        {discs.collect_view()}
        {rings.into_iter().collect_view()}
        {marks.collect_view()}
        <line class="tick strong" x1=x y1=y - inner x2=x y2=y - outer - 10.0 />
        {ruler.collect_view()}
        {numbers.into_iter().collect_view()}
    }
}

/// The selected peer's own thin circle, and its number on the ruler.
fn chosen_ring(scene: &Scene, selected: Option<&str>) -> Option<impl IntoView + use<>> {
    let node = scene.nodes.iter().find(|node| selected == Some(&node.item.id))?;
    let ms = node.item.ms?;
    let Point { x, y } = scene.centre;
    let top = y - node.radius;
    let narrow = scene.width < 480.0;
    let number = round_trip(ms);
    let width = number.len() as f64 * 7.2 + 16.0;
    let flag = format!("M{x:.1} {top:.1}l8-6v-7.500h{width:.1}v27h-{width:.1}v-7.500z");
    Some(view! {
        <circle class="chosen-ring" cx=x cy=y r=node.radius />
        {(!narrow).then(|| view! {
            <path class="flag" d=flag />
            <text class="flag-text" x=x + 8.0 + width / 2.0 y=top + 4.5 text-anchor="middle">{number}</text>
        })}
    })
}

fn links(scene: &Scene, selected: Option<&str>) -> impl IntoView + use<> {
    scene
        .nodes
        .iter()
        .filter_map(|node| {
            let link = node.link?;
            let chosen = selected == Some(node.item.id.as_str());
            let class = format!("link {}{}", node.item.kind.as_str(), if chosen { " chosen" } else { "" });
            let bead = link.bead.map(|bead| {
                view! { <rect class="bead" x=bead.x - 4.0 y=bead.y - 4.0 width="8" height="8" /> }
            });
            let runner = (chosen && node.item.kind == Kind::Direct && !browser::less_motion()).then(|| {
                let seconds = node.item.ms.unwrap_or(100.0) * BEAD_SLOWER / 1000.0;
                let dx = format!("{:.1}px", link.to.x - link.from.x);
                let dy = format!("{:.1}px", link.to.y - link.from.y);
                view! {
                    <circle
                        class="runner"
                        cx=link.from.x
                        cy=link.from.y
                        r="3.5"
                        style=("--dx", dx)
                        style=("--dy", dy)
                        style:animation-duration=format!("{seconds:.2}s")
                    />
                }
            });
            Some(view! {
                <line class=class x1=link.from.x y1=link.from.y x2=link.to.x y2=link.to.y /> {bead} {runner}
            })
        })
        .collect_view()
}

fn own(centre: Point, radius: f64) -> impl IntoView {
    let scale = radius / 22.0;
    view! {
        <g class="own" transform=format!("translate({:.1} {:.1}) scale({scale:.2})", centre.x, centre.y)>
            <circle class="own-disc" r="22" />
            <g transform="translate(-11.6 -12) scale(0.97)">{mark_specks()}</g>
        </g>
    }
}

fn node(
    id: String,
    scene: Memo<Option<Scene>>,
    selection: Selection,
    focused: RwSignal<Option<String>>,
) -> impl IntoView {
    let bridge = use_bridge();
    let stands = {
        let id = id.clone();
        Memo::new(move |_| {
            scene.with(|scene| {
                let node = scene.as_ref()?.nodes.iter().find(|node| node.item.id == id)?;
                Some((node.at, node.item.kind, node.is_neighbour()))
            })
        })
    };
    let kind = Memo::new(move |_| stands.get().map_or(Kind::Gone, |(_, kind, _)| kind));
    let is_peer = Memo::new(move |_| kind.get() != Kind::Relay);
    let attributes = {
        let id = id.clone();
        bridge.live(move |snapshot| peer(snapshot, &id).map(|peer| (peer.path, rtt_attribute(peer))))
    };
    let name = {
        let id = id.clone();
        bridge.calm(move |snapshot| match spoken(snapshot, &id) {
            said if said.is_empty() => relay_name(snapshot, &id),
            said => said,
        })
    };
    let chosen = {
        let id = id.clone();
        Memo::new(move |_| selection.peer.with(|peer| peer.as_deref() == Some(id.as_str())))
    };
    // One node is always in the tab order: the selected one, or the first.
    let reachable = {
        let id = id.clone();
        Memo::new(move |_| {
            let first = |scene: &Scene| scene.nodes.first().is_some_and(|node| node.item.id == id);
            selection.peer.with(Option::is_none) && scene.with(|scene| scene.as_ref().is_some_and(first))
        })
    };
    let at = move || {
        let at = stands.get().map_or(Point::default(), |(at, ..)| at);
        format!("translate({:.1}px, {:.1}px)", at.x, at.y)
    };
    let class = move || {
        let (kind, near) = stands.get().map_or((Kind::Gone, false), |(_, kind, near)| (kind, near));
        format!("node {}{}", kind.as_str(), if near { "" } else { " far" })
    };
    let (select, select_by_key, focus, anchor) = (id.clone(), id.clone(), id.clone(), id.clone());
    let choose = move |id: &str| {
        if is_peer.get_untracked() {
            selection.choose(id);
        }
    };
    view! {
        <g
            class=class
            class:chosen=chosen
            id=format!("node-{anchor}")
            role="button"
            tabindex=move || if chosen.get() || reachable.get() { "0" } else { "-1" }
            aria-label=name
            aria-pressed=move || chosen.get().to_string()
            data-testid=move || is_peer.get().then_some("peer")
            data-peer-id=move || is_peer.get().then(|| id.clone())
            data-path=move || attributes.get().map(|(path, _): (PathView, _)| words::path_attribute(path))
            data-rtt-ms=move || attributes.get().and_then(|(_, rtt)| rtt)
            style:transform=at
            on:click=move |_| choose(&select)
            on:keydown=move |event: KeyboardEvent| if matches!(event.key().as_str(), "Enter" | " ") {
                event.prevent_default();
                choose(&select_by_key);
            }
            on:focus=move |_| focused.set(Some(focus.clone()))
            on:blur=move |_| focused.set(None)
        >
            <circle class="target" r="22" />
            <circle class="halo" r="14" />
            {move || shape(kind.get())}
        </g>
    }
}

fn relay_name(snapshot: &protocol::Snapshot, id: &str) -> String {
    let relay = snapshot.relays.iter().find(|relay| relay.peer.as_deref() == Some(id) || relay.name == id);
    relay
        .map(|relay| {
            format!(
                "{}, a relay{}",
                relay.name,
                relay.rtt_ms.map(|ms| format!(", {}", round_trip(ms))).unwrap_or_default()
            )
        })
        .unwrap_or_default()
}

fn labels(scene: &Scene) -> impl IntoView + use<> {
    scene
        .nodes
        .iter()
        .filter_map(|node| {
            let label = node.label.clone()?;
            let gap = if label.name.is_some() { "5" } else { "0" };
            Some(view! {
                <text class="label" x=label.spot.x y=label.spot.y>
                    <tspan class="label-name">{label.name}</tspan>
                    <tspan class="label-number" dx=gap>{label.number}</tspan>
                </text>
            })
        })
        .collect_view()
}

/// Where a key leads from the focused node.
fn next_node(scene: &Scene, focused: Option<&str>, key: &str) -> Option<String> {
    let mut round: Vec<&Node> = scene.nodes.iter().collect();
    round.sort_by(|a, b| a.angle.total_cmp(&b.angle));
    let at = round.iter().position(|node| focused == Some(node.item.id.as_str()))?;
    let next = match key {
        "ArrowRight" | "ArrowDown" => round[(at + 1) % round.len()],
        "ArrowLeft" | "ArrowUp" => round[(at + round.len() - 1) % round.len()],
        "Home" => scene.nodes.iter().min_by(|a, b| a.radius.total_cmp(&b.radius))?,
        "End" => scene.nodes.iter().max_by(|a, b| a.radius.total_cmp(&b.radius))?,
        _ => return None,
    };
    Some(next.item.id.clone())
}

fn focus_node(id: &str) {
    let node = browser::document().get_element_by_id(&format!("node-{id}"));
    if let Some(node) = node.and_then(|node| node.dyn_into::<web_sys::SvgElement>().ok()) {
        drop(node.focus());
    }
}
