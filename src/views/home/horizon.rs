//! The horizon: who is here and how far, in one glance. The list below it says the same in words.

use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::browser;
use crate::components::icon::mark_specks;
use crate::picture::horizon::{Horizon, Memory, Node, RULER};
use crate::picture::{Kind, RINGS, ticks};
use crate::reading::peers::picture_items;
use crate::views::network::specks::{Speckled, paint};
use leptos::html;
use leptos::prelude::*;

/// The wing of a node is this much shorter here than on the round picture.
const SPREAD: f64 = 0.82;
const NARROW_SPREAD: f64 = 0.5;

/// The slice of the network picture.
pub(super) fn horizon() -> impl IntoView {
    use_page();
    let bridge = use_bridge();
    let frame = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let size = browser::size_of(frame);
    let memory = StoredValue::new(Memory::default());
    let items = bridge.calm(picture_items);
    let scene = Memo::new(move |_| {
        let (width, height) = size.get();
        let items = items.get();
        (width > 0.0).then(|| memory.try_update_value(|memory| Horizon::lay_out(items, (width, height), memory)))?
    });
    paint(canvas, size, move |snapshot| {
        let scene = scene.get_untracked()?;
        let spread = if scene.width < 600.0 { NARROW_SPREAD } else { SPREAD };
        Some(scene.nodes.iter().map(|node| speckled(node, snapshot, spread, scene.scale, scene.here)).collect())
    });
    view! {
        <div class="horizon" node_ref=frame>
            <canvas node_ref=canvas aria-hidden="true"></canvas>
            <svg aria-hidden="true">{move || scene.with(|scene| scene.as_ref().map(draw))}</svg>
        </div>
    }
}

fn speckled(
    node: &Node,
    snapshot: &protocol::Snapshot,
    spread: f64,
    scale: crate::picture::Scale,
    here: crate::picture::Point,
) -> Speckled {
    // On the slice a ring runs nearly upright, so that "along" is down and "out" is right.
    let angle = 90.0 + ((node.at.y - here.y) / node.radius.max(1.0)).asin().to_degrees();
    Speckled::of(&node.item, snapshot, here, angle, scale, spread, true)
}

fn draw(scene: &Horizon) -> impl IntoView + use<> {
    let here = scene.here;
    let floor = scene.height - RULER + 8.0;
    let arcs = RINGS.map(|ring| {
        let (top, bottom, radius) = scene.arc(ring);
        let path = format!("M{:.1} {:.1}A{radius:.1} {radius:.1} 0 0 1 {:.1} {:.1}", top.x, top.y, bottom.x, bottom.y);
        let x = top.x;
        let label = if ring == 300.0 { "300 ms".to_owned() } else { format!("{ring:.0}") };
        view! {
            <path class="ring" d=path />
            <text class="axis-text" x=x y=floor + 26.0 text-anchor="middle">{label}</text>
        }
    });
    let ruler: Vec<_> = ticks()
        .map(|(ms, ring)| {
            // Ticks stand where the arcs end, so that a ring and its tick agree at the bottom.
            let (_, bottom, _) = scene.arc(ms);
            let length = if ring { 6.0 } else { 3.5 };
            view! { <line class="tick" x1=bottom.x y1=floor x2=bottom.x y2=floor + length /> }
        })
        .collect();
    let links: Vec<_> = scene.nodes.iter().filter_map(|node| link(node, here)).collect();
    let shapes: Vec<_> = scene.nodes.iter().map(shape).collect();
    let labels: Vec<_> = scene.nodes.iter().filter_map(label).collect();
    let disc = if scene.width < 600.0 { 15.0 } else { 16.0 };
    view! {
        {arcs.into_iter().collect_view()}
        {ruler}
        {links}
        <g class="own" transform=format!("translate({:.1} {:.1})", here.x, here.y)>
            <circle class="own-disc" r=disc />
            <g transform="translate(-8.6 -8.9) scale(0.72)">{mark_specks()}</g>
        </g>
        {shapes}
        {labels}
    }
}

fn link(node: &Node, here: crate::picture::Point) -> Option<impl IntoView + use<>> {
    if node.item.kind == Kind::Gone {
        return None;
    }
    let start = here.towards(node.at, (17.0 / node.radius).min(1.0));
    let end = here.towards(node.at, (1.0 - 9.0 / node.radius).max(0.0));
    let class = format!("link {}", node.item.kind.as_str());
    let bead = node.bead.map(|bead| {
        view! { <rect class="bead" x=bead.x - 4.0 y=bead.y - 4.0 width="8" height="8" /> }
    });
    Some(view! { <line class=class x1=start.x y1=start.y x2=end.x y2=end.y /> {bead} })
}

fn shape(node: &Node) -> impl IntoView + use<> {
    let class = format!("node {}", node.item.kind.as_str());
    view! {
        <g class=class transform=format!("translate({:.1} {:.1})", node.at.x, node.at.y)>
            {crate::views::network::shapes::shape(node.item.kind)}
        </g>
    }
}

fn label(node: &Node) -> Option<impl IntoView + use<>> {
    let (spot, number) = node.label.as_ref()?;
    Some(view! {
        <text class="label" x=spot.x y=spot.y>
            <tspan class="label-name">{node.item.name.clone()}</tspan>
            <tspan class="label-number" dx="6">{number.clone()}</tspan>
        </text>
    })
}
