//! Where a node's label goes: the first place around it that hits nothing, or nowhere.
//!
//! Six places are tried in a fixed order: outward, above, below, inward, over, under. A label that found none stays silent
//! until its node is pointed at; it never covers another one.

use super::Point;

/// An upright box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    /// The box of this half-size around a point.
    pub fn around(centre: Point, half: f64) -> Self {
        Self { left: centre.x - half, top: centre.y - half, width: 2.0 * half, height: 2.0 * half }
    }

    fn hits(&self, other: &Self) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }

    fn inside(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.top >= other.top
            && self.left + self.width <= other.left + other.width
            && self.top + self.height <= other.top + other.height
    }
}

/// A placed label: its baseline's left end, as SVG text wants it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    pub x: f64,
    pub y: f64,
    /// Which of the six it is, so that a label can keep its place while it is free.
    pub place: u8,
}

/// How tall a label is, and how far below its top the baseline runs, px.
pub const LINE: f64 = 18.0;
const BASELINE: f64 = 13.5;
/// Half a node: nothing may come closer.
const NODE: f64 = 11.0;
/// From a node's centre to its label.
const GAP: f64 = 16.0;
const PLACES: u8 = 6;
/// A line is kept free in squares of twice `LINE_ROOM`, one every `LINE_STEP` px.
const LINE_STEP: f64 = 8.0;
const LINE_ROOM: f64 = 2.0;

/// Finds room for labels, one after the other: the first asked is served first.
#[derive(Clone, Debug)]
pub struct Placer {
    bounds: Area,
    taken: Vec<Area>,
}

impl Placer {
    /// Labels stay within `bounds` and off the `nodes`.
    pub fn new(bounds: Area, nodes: impl IntoIterator<Item = Point>) -> Self {
        Self { bounds, taken: nodes.into_iter().map(|node| Area::around(node, NODE)).collect() }
    }

    /// Keeps labels off an area.
    pub fn block(&mut self, area: Area) {
        self.taken.push(area);
    }

    /// Keeps labels off a straight line.
    pub fn block_line(&mut self, from: Point, to: Point) {
        let steps = ((to.x - from.x).hypot(to.y - from.y) / LINE_STEP).ceil().max(1.0) as u32;
        let on_line = |step: u32| from.towards(to, f64::from(step) / f64::from(steps));
        self.taken.extend((0..=steps).map(|step| Area::around(on_line(step), LINE_ROOM)));
    }

    /// A place for a label `width` wide at a node; `centre` is where "inward" points, `was` the place it had.
    pub fn place(&mut self, node: Point, centre: Point, width: f64, was: Option<u8>) -> Option<Spot> {
        let right = node.x >= centre.x;
        let kept = was.into_iter();
        for place in kept.chain(0..PLACES) {
            let area = self.area_of(place, node, right, width);
            if area.inside(&self.bounds) && !self.taken.iter().any(|taken| taken.hits(&area)) {
                self.taken.push(area);
                return Some(Spot { x: area.left, y: area.top + BASELINE, place });
            }
        }
        None
    }

    /// The box of one of the six places; the two centred ones move sideways to stay within bounds.
    fn area_of(&self, place: u8, node: Point, right: bool, width: f64) -> Area {
        let beside = |right: bool, dy: f64| {
            let left = if right { node.x + GAP } else { node.x - GAP - width };
            Area { left, top: node.y + dy - LINE / 2.0, width, height: LINE }
        };
        let across = |dy: f64| {
            let most = (self.bounds.left + self.bounds.width - width).max(self.bounds.left);
            let left = (node.x - width / 2.0).clamp(self.bounds.left, most);
            Area { left, top: node.y + dy - LINE / 2.0, width, height: LINE }
        };
        match place {
            0 => beside(right, 0.0),
            1 => beside(right, -LINE),
            2 => beside(right, LINE),
            3 => beside(!right, 0.0),
            4 => across(-LINE - 6.0),
            _ => across(LINE + 6.0),
        }
    }
}

/// About how wide Inter sets `text` at `size` px: within a tenth, which is what room for a label needs.
pub fn text_width(text: &str, size: f64) -> f64 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'l' | 'j' | 'I' | '.' | ',' | '\'' | ' ' => 0.29,
            'f' | 't' | 'r' => 0.38,
            'm' | 'w' | 'M' | 'W' => 0.88,
            c if c.is_uppercase() => 0.68,
            _ => 0.6,
        })
        .sum();
    ems * size
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Area = Area { left: 0.0, top: 0.0, width: 400.0, height: 400.0 };
    const CENTRE: Point = Point { x: 200.0, y: 200.0 };

    #[test]
    fn outward_is_away_from_the_middle() {
        let (left, right) = (Point { x: 120.0, y: 200.0 }, Point { x: 280.0, y: 200.0 });
        let mut placer = Placer::new(BOUNDS, [left, right]);
        assert_eq!(placer.place(right, CENTRE, 60.0, None).unwrap().x, 280.0 + GAP);
        assert_eq!(placer.place(left, CENTRE, 60.0, None).unwrap().x, 120.0 - GAP - 60.0);
    }

    #[test]
    fn no_two_labels_and_no_label_and_node_overlap() {
        let nodes: Vec<Point> =
            (0..12).map(|i| CENTRE.away(f64::from(i) * 30.0, 60.0 + f64::from(i % 4) * 25.0)).collect();
        let mut placer = Placer::new(BOUNDS, nodes.clone());
        for node in &nodes {
            placer.place(*node, CENTRE, 80.0, None);
        }
        let (nodes, labels) = placer.taken.split_at(nodes.len());
        assert!(labels.len() >= 6, "{}", labels.len());
        for (n, label) in labels.iter().enumerate() {
            assert!(label.inside(&BOUNDS));
            assert!(!nodes.iter().chain(&labels[n + 1..]).any(|other| other.hits(label)));
        }
    }

    #[test]
    fn a_label_keeps_its_place_while_it_is_free() {
        let node = Point { x: 280.0, y: 200.0 };
        let mut placer = Placer::new(BOUNDS, [node]);
        assert_eq!(placer.place(node, CENTRE, 60.0, Some(2)).unwrap().place, 2);
        assert_eq!(placer.place(node, CENTRE, 60.0, Some(2)).unwrap().place, 0, "taken by now");
    }

    #[test]
    fn without_room_there_is_no_label() {
        let node = Point { x: 200.0, y: 200.0 };
        let mut placer = Placer::new(BOUNDS, [node]);
        placer.block(BOUNDS);
        assert_eq!(placer.place(node, CENTRE, 60.0, None), None);
    }
}
