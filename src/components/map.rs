//! The verified map of an item: squares in columns, so that x is the place in the file.
//!
//! Solid is verified, an outline with one dot was asked for, with two dots asked twice, pale is not yet here. One SVG path
//! per state, so that a map of 480 cells is four elements.

use crate::bridge::use_bridge;
use crate::browser;
use crate::reading::item;
use leptos::prelude::*;
use protocol::snapshot::Cell;

/// Pitch of the grid, side and corner of a square, in the picture's own units.
const PITCH: f64 = 13.25;
const SIDE: f64 = 10.6;
const CORNER: f64 = 2.4;
/// The least time between two looks at a running item.
const LOOK_EVERY_MS: f64 = 400.0;
/// Squares in a list's row, and columns on an item's own screen.
const ROW: usize = 48;
const COLUMNS: usize = 60;

/// How many squares are above each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// In lists.
    One,
    /// On an item's own screen.
    Eight,
}

/// The map of the item with this key.
pub(crate) fn verified_map(key: u64, rows: Rows) -> impl IntoView {
    let bridge = use_bridge();
    let newest =
        bridge.live(move |snapshot| item(snapshot, key).map(|item| cells(&item.map, rows)).unwrap_or_default());
    // Filling squares draw every frame: with a rest between two looks, a transfer leaves the processor to the bytes.
    let looked_at = StoredValue::new(f64::NEG_INFINITY);
    let cells = Memo::new(move |before: Option<&Vec<Cell>>| {
        let (cells, now) = (newest.get(), browser::now());
        let done = cells.iter().all(|cell| *cell == Cell::Verified);
        match before {
            Some(before) if before.len() == cells.len() && !done && now - looked_at.get_value() < LOOK_EVERY_MS => {
                before.clone()
            }
            _ => {
                looked_at.set_value(now);
                cells
            }
        }
    });
    let count = Memo::new(move |_| cells.with(Vec::len));
    let deep = if rows == Rows::One { 1 } else { 8 };
    let view_box = move || {
        // A short item has few squares, not large ones.
        let columns = count.get().div_ceil(deep).max(if rows == Rows::One { ROW } else { COLUMNS });
        format!("0 0 {:.2} {:.2}", columns as f64 * PITCH - (PITCH - SIDE), deep as f64 * PITCH - (PITCH - SIDE))
    };
    let squares = move |which: &'static [Cell], inset: f64| {
        Memo::new(move |_| cells.with(|cells| path(cells, deep, |cell| which.contains(&cell), inset)))
    };
    let dots = Memo::new(move |_| cells.with(|cells| dots(cells, deep)));
    let not_yet = squares(&[Cell::NotYet], 0.0);
    let asked = squares(&[Cell::Asked, Cell::AskedTwice], 0.9);
    let verified = squares(&[Cell::Verified], 0.0);
    // What arrived since the last look fills by scale; everything at once, as at a first look, does not.
    let before = StoredValue::new(Vec::new());
    let fresh = Memo::new(move |_| {
        let now = cells.get();
        let fresh = before.with_value(|before: &Vec<Cell>| fresh(before, &now));
        before.set_value(now);
        fresh
    });
    view! {
        <svg class="map" class:map-row=rows == Rows::One viewBox=view_box preserveAspectRatio="none" aria-hidden="true">
            <path class="map-not-yet" d=not_yet />
            <path class="map-asked" d=asked />
            <path class="map-dots" d=dots />
            <path class="map-verified" d=verified />
            <For each=move || fresh.get() key=|i| *i children=move |i| {
                let (x, y) = place(i, deep);
                view! { <rect class="map-fresh" x=x y=y width=SIDE height=SIDE rx=CORNER /> }
            } />
        </svg>
    }
}

/// The squares that became verified between two looks at the same item.
fn fresh(before: &[Cell], now: &[Cell]) -> Vec<usize> {
    if before.len() != now.len() {
        return Vec::new();
    }
    let became = |(i, (before, now)): (usize, (&Cell, &Cell))| {
        (*before != Cell::Verified && *now == Cell::Verified).then_some(i)
    };
    before.iter().zip(now).enumerate().filter_map(became).collect()
}

/// What the squares of [`verified_map`] mean.
pub(crate) fn map_key() -> impl IntoView {
    let square = |class: &'static str, cell: Cell| {
        let cells = [cell];
        let inset = if cell == Cell::Verified || cell == Cell::NotYet { 0.0 } else { 0.9 };
        let (square, dots) = (path(&cells, 1, |_| true, inset), dots(&cells, 1));
        view! {
            <svg class="map-key-square" viewBox=format!("0 0 {SIDE} {SIDE}") aria-hidden="true">
                <path class=class d=square />
                <path class="map-dots" d=dots />
            </svg>
        }
    };
    view! {
        <ul class="map-key axis">
            <li>{square("map-verified", Cell::Verified)} "Verified"</li>
            <li>{square("map-asked", Cell::Asked)} "Asked"</li>
            <li>{square("map-asked", Cell::AskedTwice)} "Asked twice, first one wins"</li>
            <li>{square("map-not-yet", Cell::NotYet)} "Not yet"</li>
        </ul>
    }
}

/// A row has 48 squares: each stands for the least that is true of all its cells.
fn cells(map: &[Cell], rows: Rows) -> Vec<Cell> {
    match rows {
        Rows::One if map.len() > ROW => (0..ROW)
            .map(|i| {
                let cells = &map[i * map.len() / ROW..(i + 1) * map.len() / ROW];
                let all = |cell| cells.iter().all(|c| *c == cell);
                let any = |cell| cells.contains(&cell);
                match () {
                    () if all(Cell::Verified) => Cell::Verified,
                    () if any(Cell::AskedTwice) => Cell::AskedTwice,
                    () if any(Cell::Asked) => Cell::Asked,
                    () => Cell::NotYet,
                }
            })
            .collect(),
        _ => map.to_vec(),
    }
}

fn place(i: usize, deep: usize) -> (f64, f64) {
    ((i / deep) as f64 * PITCH, (i % deep) as f64 * PITCH)
}

fn path(cells: &[Cell], deep: usize, which: impl Fn(Cell) -> bool, inset: f64) -> String {
    let side = SIDE - 2.0 * (CORNER + inset);
    cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| which(**cell))
        .map(|(i, _)| {
            let (x, y) = place(i, deep);
            let (x, y) = (x + CORNER + inset, y + inset);
            let c = CORNER;
            format!("M{x:.2} {y:.2}h{side:.2}q{c} 0 {c} {c}v{side:.2}q0 {c}-{c} {c}h-{side:.2}q-{c} 0-{c}-{c}v-{side:.2}q0-{c} {c}-{c}z")
        })
        .collect()
}

fn dots(cells: &[Cell], deep: usize) -> String {
    let dot = |x: f64, y: f64| format!("M{:.2} {:.2}h2.2v2.2h-2.2z", x - 1.1, y - 1.1);
    cells
        .iter()
        .enumerate()
        .map(|(i, cell)| {
            let (x, y) = place(i, deep);
            let (x, y) = (x + SIDE / 2.0, y + SIDE / 2.0);
            match cell {
                Cell::Asked => dot(x, y),
                Cell::AskedTwice => dot(x - 2.0, y) + &dot(x + 2.0, y),
                Cell::NotYet | Cell::Verified => String::new(),
            }
        })
        .collect()
}
