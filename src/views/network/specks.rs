//! Specks on a canvas: thousands of measured round trips, drawn again only when a new one came, at most four times a second.

use crate::bridge::use_bridge;
use crate::browser;
use crate::picture::scene::Item;
use crate::picture::wing::{NEIGHBOUR_SPECKS, OTHER_SPECKS, Speck, specks};
use crate::picture::{Kind, Point, Scale};
use leptos::html;
use leptos::prelude::*;
use protocol::Snapshot;
use protocol::snapshot::SampleView;
use std::collections::BTreeMap;
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

/// The least time between two paintings.
const PAINT_EVERY_MS: f64 = 250.0;
/// How long a new speck takes to appear.
const APPEAR_MS: f64 = 160.0;
/// Without motion it is this much larger instead, for as long as is said here.
const LARGE: f64 = 2.0;
const LARGE_FOR: Duration = Duration::from_secs(1);
/// Wings beyond the seven are this much paler.
const PALE: f64 = 0.62;

/// One wing, ready to be painted.
#[derive(Clone, Debug)]
pub(crate) struct Speckled {
    id: String,
    kind: Kind,
    pale: bool,
    /// Told apart by it: how many samples, and the newest one's bits.
    newest: (usize, u64),
    dots: Vec<Dot>,
}

/// A speck that has just been measured.
#[derive(Clone, Debug)]
struct Fresh {
    kind: Kind,
    alpha: f64,
    dot: Dot,
}

#[derive(Clone, Copy, Debug)]
struct Dot {
    at: Point,
    size: f64,
    opacity: f64,
}

impl Speckled {
    /// The wing of an item that stands in direction `angle` from `centre`.
    pub(crate) fn of(
        item: &Item,
        snapshot: &Snapshot,
        centre: Point,
        angle: f64,
        scale: Scale,
        spread: f64,
        neighbour: bool,
    ) -> Self {
        let most = if neighbour { NEIGHBOUR_SPECKS } else { OTHER_SPECKS };
        let dot = |speck: Speck| {
            let radius = scale.radius(speck.ms);
            let turn = (speck.along / radius.max(1.0)).to_degrees();
            Dot { at: centre.away(angle + turn, radius), size: speck.size, opacity: speck.opacity }
        };
        let samples = samples(snapshot, item).unwrap_or_default();
        Self {
            id: item.id.clone(),
            kind: item.kind,
            pale: !neighbour,
            newest: newest(samples),
            dots: specks(samples, most, spread).map(dot).collect(),
        }
    }

    fn alpha(&self, dot: &Dot) -> f64 {
        dot.opacity * if self.pale { PALE } else { 1.0 }
    }
}

fn newest(samples: &[SampleView]) -> (usize, u64) {
    (samples.len(), samples.first().map_or(0, |sample| sample.rtt_ms.to_bits()))
}

fn samples<'a>(snapshot: &'a Snapshot, item: &Item) -> Option<&'a [SampleView]> {
    match item.kind {
        Kind::Relay => snapshot
            .relays
            .iter()
            .find(|relay| relay.peer.as_deref() == Some(&item.id) || relay.name == item.id)
            .map(|relay| &relay.samples[..]),
        Kind::Connecting => None,
        Kind::Direct | Kind::Relayed | Kind::Gone => {
            crate::reading::peer(snapshot, &item.id).map(|peer| &peer.samples[..])
        }
    }
}

/// Keeps `canvas` painted with what `wings` makes of the newest snapshot; signals that `wings` reads repaint too.
pub(crate) fn paint(
    canvas: NodeRef<html::Canvas>,
    size: ReadSignal<(f64, f64)>,
    wings: impl Fn(&Snapshot) -> Option<Vec<Speckled>> + 'static,
) {
    let bridge = use_bridge();
    let newest = bridge.live(newest_samples);
    let late = RwSignal::new(0u32);
    let painted_at = StoredValue::new(f64::NEG_INFINITY);
    let planned = StoredValue::new(false);
    let shown = StoredValue::new(BTreeMap::new());
    Effect::new(move |_| {
        newest.with(|_| ());
        late.track();
        let size = size.get();
        let Some(wings) = wings(&bridge.newest()) else { return };
        let Some(canvas) = canvas.get() else { return };
        let now = browser::now();
        let wait = painted_at.get_value() + PAINT_EVERY_MS - now;
        if wait <= 1.0 {
            painted_at.set_value(now);
            let before = shown.try_update_value(|shown| {
                core::mem::replace(shown, wings.iter().map(|wing| (wing.id.clone(), wing.newest)).collect())
            });
            let fresh = draw(&canvas, size, &wings, &before.unwrap_or_default());
            if fresh.is_empty() {
            } else if browser::less_motion() {
                stamp(&canvas, &fresh, LARGE);
                set_timeout(move || _ = late.try_update(|late| *late += 1), LARGE_FOR);
            } else {
                grow(canvas, fresh, painted_at, now);
            }
        } else if !planned.get_value() {
            // One painting for everything that comes until then.
            planned.set_value(true);
            let paint = move || {
                planned.try_set_value(false);
                late.try_update(|late| *late += 1);
            };
            set_timeout(paint, Duration::from_millis(wait as u64));
        }
    });
}

/// Changes exactly when somebody was measured.
fn newest_samples(snapshot: &Snapshot) -> Vec<(usize, u64)> {
    let relays = snapshot.relays.iter().map(|relay| newest(&relay.samples));
    relays.chain(snapshot.peers.iter().map(|peer| newest(&peer.samples))).collect()
}

/// Paints everything but what was measured since `before`, which is returned.
fn draw(
    canvas: &HtmlCanvasElement,
    (width, height): (f64, f64),
    wings: &[Speckled],
    before: &BTreeMap<String, (usize, u64)>,
) -> Vec<Fresh> {
    let mut fresh = Vec::new();
    let density = browser::window().device_pixel_ratio().clamp(1.0, 3.0);
    // Setting the size clears the canvas.
    canvas.set_width((width * density) as u32);
    canvas.set_height((height * density) as u32);
    let Some(context) = context_of(canvas) else { return fresh };
    drop(context.scale(density, density));
    let colours = Colours::of(canvas);
    for wing in wings {
        context.set_fill_style_str(colours.of_kind(wing.kind));
        // A wing that was not there has nothing new: all of it came at once.
        let grown = usize::from(before.get(&wing.id).is_some_and(|before| *before != wing.newest));
        fresh.extend(wing.dots.iter().take(grown).map(|dot| Fresh {
            kind: wing.kind,
            alpha: wing.alpha(dot),
            dot: *dot,
        }));
        for dot in wing.dots.iter().skip(grown) {
            context.set_global_alpha(wing.alpha(dot));
            fill(&context, dot.at, dot.size);
        }
    }
    fresh
}

/// Lets new specks appear. A speck only grows, so it is painted over itself and the rest is left alone; the next painting
/// of everything ends it.
fn grow(canvas: HtmlCanvasElement, fresh: Vec<Fresh>, painted_at: StoredValue<f64>, started: f64) {
    request_animation_frame(move || {
        if painted_at.try_get_value() != Some(started) {
            return;
        }
        let now = browser::now();
        let part = ((now - started) / APPEAR_MS).clamp(0.0, 1.0);
        stamp(&canvas, &fresh, part);
        if part < 1.0 {
            grow(canvas, fresh, painted_at, started);
        }
    });
}

/// Paints new specks at `scale` of their size.
fn stamp(canvas: &HtmlCanvasElement, fresh: &[Fresh], scale: f64) {
    let Some(context) = context_of(canvas) else { return };
    let colours = Colours::of(canvas);
    for Fresh { kind, alpha, dot } in fresh {
        context.set_fill_style_str(colours.of_kind(*kind));
        context.set_global_alpha(*alpha);
        fill(&context, dot.at, dot.size * scale);
    }
}

fn context_of(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    Some(canvas.get_context("2d").ok().flatten()?.unchecked_into())
}

fn fill(context: &CanvasRenderingContext2d, at: Point, radius: f64) {
    context.begin_path();
    drop(context.arc(at.x, at.y, radius, 0.0, core::f64::consts::TAU));
    context.fill();
}

/// The style sheet's colours as the canvas wants them.
struct Colours {
    direct: String,
    relay: String,
    ink: String,
}

impl Colours {
    fn of(canvas: &HtmlCanvasElement) -> Self {
        if browser::forced_colours() {
            let text = || "CanvasText".to_owned();
            return Self { direct: text(), relay: text(), ink: text() };
        }
        let style = browser::window().get_computed_style(canvas).ok().flatten();
        let colour = |name: &str| style.as_ref().and_then(|s| s.get_property_value(name).ok()).unwrap_or_default();
        Self { direct: colour("--direct"), relay: colour("--relay"), ink: colour("--ink3") }
    }

    fn of_kind(&self, kind: Kind) -> &str {
        match kind {
            Kind::Direct => &self.direct,
            Kind::Relayed => &self.relay,
            Kind::Relay | Kind::Connecting | Kind::Gone => &self.ink,
        }
    }
}
