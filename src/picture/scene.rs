//! The whole round picture as plain values: nodes, links, labels, computed from what was measured and nothing else.

use super::labels::{Area, LINE, Placer, Spot, text_width};
use super::slots::{Slots, angle};
use super::{Kind, NEIGHBOURS, Point, RINGS, Scale};
use std::collections::BTreeMap;

/// A peer or a relay, as the picture needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    /// Median of the last round trips.
    pub ms: Option<f64>,
    /// Round trip of the relay it is reached through.
    pub via_ms: Option<f64>,
}

/// Where and how one item stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub item: Item,
    pub at: Point,
    /// Degrees clockwise from 12 o'clock.
    pub angle: f64,
    /// Distance from this tab, px.
    pub radius: f64,
    /// Its place among the measured peers, 0 = nearest; `None` for relays and peers not measured.
    pub rank: Option<usize>,
    pub link: Option<Link>,
    pub label: Option<Label>,
}

impl Node {
    /// One of the nearest, which have links, names and full wings.
    pub fn is_neighbour(&self) -> bool {
        self.rank.is_some_and(|rank| rank < NEIGHBOURS)
    }
}

/// The line to a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    pub from: Point,
    pub to: Point,
    /// For a relayed peer: at the relay's own round trip.
    pub bead: Option<Point>,
}

/// What stands beside a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub spot: Spot,
    /// Only the seven, relays, and what is selected are named; for the rest the number says enough.
    pub name: Option<String>,
    pub number: String,
}

/// The picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    pub width: f64,
    pub height: f64,
    pub centre: Point,
    pub scale: Scale,
    pub nodes: Vec<Node>,
}

/// What the picture remembers from one drawing to the next, so that nothing jumps.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    slots: Slots,
    places: BTreeMap<String, u8>,
}

/// Radius of this tab's own disc, px; a phone's is smaller.
pub fn own_disc(scale: Scale) -> f64 {
    if scale.inner < 30.0 { 17.0 } else { 22.0 }
}

/// Beyond the seven a relayed peer's link is a stub of this length.
const STUB: f64 = 40.0;
/// Half of the largest shape.
const SHAPE: f64 = 8.0;
/// Font size of labels; at this width of the picture and below, only what is selected is named.
const LABEL_SIZE: f64 = 13.0;
const NARROW: f64 = 480.0;
/// Above this many peers the ones beyond the seven have no numbers either.
const CROWD: usize = 24;

impl Scene {
    /// Lays out `items` on `width` by `height` px. `selected` and `focused` get their labels first.
    pub fn lay_out(
        items: Vec<Item>,
        (width, height): (f64, f64),
        selected: Option<&str>,
        focused: Option<&str>,
        memory: &mut Memory,
    ) -> Self {
        let scale = Scale::round(width.min(height));
        let centre = Point { x: width / 2.0, y: height / 2.0 };
        let shown: Vec<_> = items.iter().map(|item| (item.id.as_str(), item.ms)).collect();
        memory.slots.settle(&shown);
        let ranks = ranks(&items);
        let nodes = items.into_iter().map(|item| {
            let angle = angle(memory.slots.of(&item.id));
            // Not measured: at the rim, where new peers come in.
            let radius = item.ms.map_or(scale.outer, |ms| scale.radius(ms));
            let rank = ranks.get(&item.id).copied();
            Node { at: centre.away(angle, radius), angle, radius, rank, link: None, label: None, item }
        });
        let mut scene = Self { width, height, centre, scale, nodes: nodes.collect() };
        scene.draw_links(selected);
        scene.place_labels(selected, focused, memory);
        scene
    }

    fn draw_links(&mut self, selected: Option<&str>) {
        let (centre, scale) = (self.centre, self.scale);
        for node in &mut self.nodes {
            let chosen = selected == Some(node.item.id.as_str());
            let start = own_disc(scale) + 1.0;
            let end = node.radius - SHAPE;
            let bead = node.item.via_ms.map(|ms| scale.radius(ms).min(end - SHAPE));
            let from = match (node.item.kind, node.is_neighbour() || chosen) {
                (Kind::Direct | Kind::Connecting, true) => start,
                (Kind::Relayed, true) => start,
                (Kind::Relayed, false) => end - STUB,
                _ => continue,
            };
            if end <= from {
                continue;
            }
            let bead = bead.filter(|_| node.item.kind == Kind::Relayed).map(|bead| bead.max(from));
            let on_line = |distance| centre.away(node.angle, distance);
            node.link = Some(Link { from: on_line(from), to: on_line(end), bead: bead.map(on_line) });
        }
    }

    fn place_labels(&mut self, selected: Option<&str>, focused: Option<&str>, memory: &mut Memory) {
        let bounds = Area { left: 2.0, top: 2.0, width: self.width - 4.0, height: self.height - 4.0 };
        let mut placer = Placer::new(bounds, self.nodes.iter().map(|node| node.at));
        placer.block(Area::around(self.centre, own_disc(self.scale) + 4.0));
        for ring in RINGS {
            let at = self.centre.away(0.0, self.scale.radius(ring));
            placer.block(Area { left: at.x - 62.0, top: at.y - LINE / 2.0, width: 68.0, height: LINE });
        }
        for link in self.nodes.iter().filter_map(|node| node.link) {
            placer.block_line(link.from, link.to);
            link.bead.into_iter().for_each(|bead| placer.block(Area::around(bead, 6.0)));
        }

        let narrow = self.width <= NARROW;
        let crowd = self.nodes.len() > CROWD;
        let turn = |node: &Node| match &node.item {
            item if selected == Some(&item.id) => 0,
            item if focused == Some(&item.id) => 1,
            _ if node.is_neighbour() => 2,
            item if item.kind == Kind::Relay => 3,
            item if item.kind == Kind::Connecting => 4,
            _ => 5,
        };
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|i| (turn(&self.nodes[*i]), self.nodes[*i].rank, self.nodes[*i].item.id.clone()));
        let mut places = BTreeMap::new();
        for i in order {
            let turn = turn(&self.nodes[i]);
            if (narrow && turn > 1) || (crowd && turn > 4) {
                continue;
            }
            let node = &mut self.nodes[i];
            let name = (turn < 5).then(|| node.item.name.clone());
            let number = number(&node.item);
            let width = name.as_deref().map_or(0.0, |name| text_width(name, LABEL_SIZE) + 6.0)
                + text_width(&number, LABEL_SIZE);
            let was = memory.places.get(&node.item.id).copied();
            if let Some(spot) = placer.place(node.at, self.centre, width, was) {
                places.insert(node.item.id.clone(), spot.place);
                node.label = Some(Label { spot, name, number });
            }
        }
        memory.places = places;
    }
}

/// The places of measured peers by round trip; relays, the lost and the connecting have none.
fn ranks(items: &[Item]) -> BTreeMap<String, usize> {
    let mut measured: Vec<(f64, &str)> = items
        .iter()
        .filter(|item| matches!(item.kind, Kind::Direct | Kind::Relayed))
        .filter_map(|item| Some((item.ms?, item.id.as_str())))
        .collect();
    measured.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    measured.into_iter().enumerate().map(|(rank, (_, id))| (id.to_owned(), rank)).collect()
}

fn number(item: &Item) -> String {
    match (item.kind, item.ms) {
        (Kind::Connecting, _) => "connecting".into(),
        (Kind::Gone, _) => "gone".into(),
        (_, Some(ms)) => crate::format::round_trip(ms),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(i: usize, kind: Kind, ms: Option<f64>) -> Item {
        Item { id: format!("peer {i}"), name: format!("Teal Wren {i}"), kind, ms, via_ms: None }
    }

    fn lay_out(items: Vec<Item>, selected: Option<&str>) -> Scene {
        Scene::lay_out(items, (800.0, 760.0), selected, None, &mut Memory::default())
    }

    #[test]
    fn distance_from_the_middle_grows_with_the_round_trip() {
        let scene = lay_out((0..6).map(|i| item(i, Kind::Direct, Some(5.0 * 3f64.powi(i as i32)))).collect(), None);
        let far: Vec<f64> =
            scene.nodes.iter().map(|n| (n.at.x - scene.centre.x).hypot(n.at.y - scene.centre.y)).collect();
        assert!(far.windows(2).all(|w| w[0] < w[1]), "{far:?}");
    }

    #[test]
    fn only_the_seven_nearest_have_links() {
        let scene = lay_out((0..12).map(|i| item(i, Kind::Direct, Some(10.0 + i as f64 * 9.0))).collect(), None);
        let linked: Vec<bool> = scene.nodes.iter().map(|n| n.link.is_some()).collect();
        assert_eq!(linked.iter().filter(|l| **l).count(), NEIGHBOURS);
        assert!(linked[..NEIGHBOURS].iter().all(|l| *l));
    }

    #[test]
    fn a_relayed_link_has_its_bead_between_us_and_the_peer() {
        let relayed = Item { via_ms: Some(18.0), ..item(0, Kind::Relayed, Some(118.0)) };
        let scene = lay_out(vec![relayed], None);
        let bead = scene.nodes[0].link.unwrap().bead.unwrap();
        let distance = (bead.x - scene.centre.x).hypot(bead.y - scene.centre.y);
        assert!((distance - scene.scale.radius(18.0)).abs() < 1e-6);
    }

    #[test]
    fn the_selected_peer_is_always_named() {
        let items: Vec<Item> = (0..20).map(|i| item(i, Kind::Direct, Some(60.0))).collect();
        let scene = lay_out(items, Some("peer 19"));
        let label = scene.nodes[19].label.as_ref().unwrap();
        assert_eq!(label.name.as_deref(), Some("Teal Wren 19"));
    }

    #[test]
    fn a_peer_without_a_round_trip_waits_at_the_rim() {
        let scene = lay_out(vec![item(0, Kind::Connecting, None)], None);
        assert_eq!(scene.nodes[0].radius, scene.scale.outer);
        assert_eq!(scene.nodes[0].rank, None);
    }
}
