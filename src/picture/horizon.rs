//! The horizon of Home: a slice of the network picture, this tab at the left end, rings as arcs.

use super::labels::{Area, Placer, Spot, text_width};
use super::scene::Item;
use super::{Kind, NEIGHBOURS, Point, Scale};
use crate::format::round_trip;
use std::collections::BTreeMap;

/// Where one item stands on the horizon.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub item: Item,
    pub at: Point,
    pub radius: f64,
    /// For a relayed peer: at the relay's own round trip.
    pub bead: Option<Point>,
    pub label: Option<(Spot, String)>,
}

/// The slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Horizon {
    pub width: f64,
    pub height: f64,
    /// Where this tab stands.
    pub here: Point,
    pub scale: Scale,
    pub nodes: Vec<Node>,
}

/// Heights that peers keep, so that nothing moves but along its line; relays keep the middle to themselves.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    lanes: BTreeMap<String, i8>,
    places: BTreeMap<String, u8>,
}

/// From the top edge of the slice to the ruler's labels below it, px.
pub const RULER: f64 = 40.0;
/// Below this width labels leave room only for shapes: the list under the horizon has the names.
const NARROW: f64 = 600.0;
const LABEL_SIZE: f64 = 13.0;
/// Two nodes in one lane keep this much apart, px.
const APART: f64 = 150.0;

impl Horizon {
    /// Lays out the nearest of `items` on `width` by `height` px.
    pub fn lay_out(items: Vec<Item>, (width, height): (f64, f64), memory: &mut Memory) -> Self {
        let middle = (height - RULER) / 2.0;
        let narrow = width < NARROW;
        let here = Point { x: if narrow { 18.0 } else { 26.0 }, y: middle };
        let scale = Scale { inner: if narrow { 26.0 } else { 30.0 }, outer: width - here.x - 14.0 };
        let items = nearest(items);
        memory.lanes.retain(|id, _| items.iter().any(|item| item.id == *id));
        let step = middle / 3.4;
        let mut nodes: Vec<Node> = Vec::with_capacity(items.len());
        for item in items {
            let radius = item.ms.map_or(scale.outer, |ms| scale.radius(ms));
            let lane = match memory.lanes.get(&item.id) {
                Some(lane) => *lane,
                None => free_lane(&item, radius, &nodes, here, step),
            };
            memory.lanes.insert(item.id.clone(), lane);
            let at = on_arc(here, radius, f64::from(lane) * step);
            let bead = item
                .via_ms
                .filter(|_| item.kind == Kind::Relayed)
                .map(|ms| here.towards(at, (scale.radius(ms) / radius).min(0.9)));
            nodes.push(Node { item, at, radius, bead, label: None });
        }
        let mut horizon = Self { width, height, here, scale, nodes };
        if !narrow {
            horizon.place_labels(memory);
        }
        horizon
    }

    /// The arc of the ring at `ms`: its two ends and its radius.
    pub fn arc(&self, ms: f64) -> (Point, Point, f64) {
        let radius = self.scale.radius(ms);
        let half = self.here.y.min(radius * 0.9);
        (on_arc(self.here, radius, -half), on_arc(self.here, radius, half), radius)
    }

    fn place_labels(&mut self, memory: &mut Memory) {
        let bounds = Area { left: 0.0, top: 0.0, width: self.width, height: self.height - RULER };
        let mut placer = Placer::new(bounds, self.nodes.iter().map(|node| node.at));
        for bead in self.nodes.iter().filter_map(|node| node.bead) {
            placer.block(Area::around(bead, 7.0));
        }
        // Links run nearly level here, so a label beside a node would lie on the link of one further out.
        for node in self.nodes.iter().filter(|node| node.item.kind != Kind::Gone) {
            placer.block_line(self.here, node.at);
        }
        let mut places = BTreeMap::new();
        for node in &mut self.nodes {
            let number = match (node.item.kind, node.item.ms) {
                (Kind::Connecting, _) => "connecting".into(),
                (Kind::Gone, _) => "gone".into(),
                (Kind::Relayed, Some(ms)) => format!("{}, through the relay", round_trip(ms)),
                (_, Some(ms)) => round_trip(ms),
                (_, None) => String::new(),
            };
            let width = text_width(&node.item.name, LABEL_SIZE) + 8.0 + text_width(&number, LABEL_SIZE);
            let was = memory.places.get(&node.item.id).copied();
            if let Some(spot) = placer.place(node.at, self.here, width, was) {
                places.insert(node.item.id.clone(), spot.place);
                node.label = Some((spot, number));
            }
        }
        memory.places = places;
    }
}

/// Relays, then at most seven peers: connected ones by round trip, then those on their way.
fn nearest(items: Vec<Item>) -> Vec<Item> {
    let (relays, mut peers): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.kind == Kind::Relay);
    let far = |item: &Item| item.ms.unwrap_or(f64::INFINITY);
    let late = |item: &Item| matches!(item.kind, Kind::Connecting | Kind::Gone);
    peers.sort_by(|a, b| late(a).cmp(&late(b)).then(far(a).total_cmp(&far(b))).then_with(|| a.id.cmp(&b.id)));
    peers.truncate(NEIGHBOURS);
    relays.into_iter().chain(peers).collect()
}

/// The point at `radius` from here, `dy` below the middle.
fn on_arc(here: Point, radius: f64, dy: f64) -> Point {
    let dy = dy.clamp(-radius, radius);
    Point { x: here.x + (radius * radius - dy * dy).sqrt(), y: here.y + dy }
}

fn free_lane(item: &Item, radius: f64, nodes: &[Node], here: Point, step: f64) -> i8 {
    if item.kind == Kind::Relay {
        return 0;
    }
    let order: [i8; 4] = match super::slots::own_slot(&item.id) % 2 {
        0 => [-1, 1, -2, 2],
        _ => [1, -1, 2, -2],
    };
    let crowded = |lane: i8| {
        nodes.iter().any(|node| {
            let same = ((node.at.y - here.y) / step - f64::from(lane)).abs() < 0.9;
            same && (node.radius - radius).abs() < APART
        })
    };
    order.into_iter().find(|lane| !crowded(*lane)).unwrap_or(order[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(i: usize, kind: Kind, ms: f64) -> Item {
        Item { id: format!("peer {i}"), name: "Teal Wren".into(), kind, ms: Some(ms), via_ms: None }
    }

    #[test]
    fn nodes_stand_exactly_at_their_round_trip() {
        let items = (0..7).map(|i| item(i, Kind::Direct, 8.0 * (i + 1) as f64)).collect();
        let horizon = Horizon::lay_out(items, (1128.0, 200.0), &mut Memory::default());
        for node in &horizon.nodes {
            let distance = (node.at.x - horizon.here.x).hypot(node.at.y - horizon.here.y);
            assert!((distance - horizon.scale.radius(node.item.ms.unwrap())).abs() < 1e-6);
            assert!(node.at.y > 8.0 && node.at.y < 152.0);
        }
    }

    #[test]
    fn at_most_seven_peers_and_the_nearest_ones() {
        let items = (0..20).map(|i| item(i, Kind::Direct, 300.0 - i as f64 * 10.0)).collect();
        let horizon = Horizon::lay_out(items, (1128.0, 200.0), &mut Memory::default());
        assert_eq!(horizon.nodes.len(), NEIGHBOURS);
        assert!(horizon.nodes.iter().all(|node| node.item.ms.unwrap() <= 170.0));
    }

    #[test]
    fn a_peer_keeps_its_lane_when_others_come() {
        let mut memory = Memory::default();
        let one = Horizon::lay_out(vec![item(3, Kind::Direct, 30.0)], (1128.0, 200.0), &mut memory);
        let all = (0..7).map(|i| item(i, Kind::Direct, 30.0)).collect();
        let many = Horizon::lay_out(all, (1128.0, 200.0), &mut memory);
        let found = many.nodes.iter().find(|node| node.item.id == "peer 3").unwrap();
        assert_eq!(found.at, one.nodes[0].at);
    }
}
