//! Far hills, a line of trees, and the mist between them.

use super::canvas::Light;
use super::noise::{Noise, smooth};
use super::sky::Sky;

/// Everything above the water but birds: what is painted there, and what the water mirrors.
#[derive(Debug)]
pub(super) struct Land<'a> {
    sky: &'a Sky,
    /// The upper edge of each, column by column.
    hills: Vec<f32>,
    trees: Vec<f32>,
}

impl<'a> Land<'a> {
    pub(super) fn new(sky: &'a Sky, width: usize) -> Self {
        let edge = |height: fn(f32) -> f32| (0..width).map(|x| sky.horizon() - height(x as f32)).collect();
        Self { sky, hills: edge(hill_height), trees: edge(tree_height) }
    }

    pub(super) fn sky(&self) -> &Sky {
        self.sky
    }

    /// The light at a place above the horizon.
    pub(super) fn at(&self, x: f32, y: f32) -> Light {
        let column = (x.max(0.0) as usize).min(self.trees.len() - 1);
        let (hill_edge, tree_edge) = (self.hills[column], self.trees[column]);
        let air = self.sky.at(x, y);
        if y < hill_edge - 1.0 && y < tree_edge - 1.0 {
            return air;
        }
        let warm = self.sky.warmth(x, self.sky.horizon());
        let hill = Light::from_parts(0.36, 0.25, 0.20).mix(Light::from_parts(0.86, 0.47, 0.21), 0.85 * warm);
        let behind = air.mix(hill, (y - hill_edge + 0.5).clamp(0.0, 1.0));
        let tree = Light::from_parts(0.006, 0.009, 0.013).mix(Light::from_parts(0.11, 0.045, 0.018), warm * warm);
        // Mist lies on the water and thins upwards.
        let mist = smooth(1.0 - (self.sky.horizon() - y) / 22.0);
        let tree = tree.mix(Light::from_parts(0.62, 0.36, 0.22), mist * (0.05 + 0.30 * warm));
        behind.mix(tree, (y - tree_edge + 0.5).clamp(0.0, 1.0))
    }
}

fn hill_height(x: f32) -> f32 {
    26.0 + 26.0 * Noise::new(51).rough(x / 420.0, 0.5, 3)
}

/// Crowns of several sizes, with gaps where the marsh opens.
fn tree_height(x: f32) -> f32 {
    let stand = smooth(0.55 + 1.3 * Noise::new(52).rough(x / 330.0, 0.5, 2));
    let crowns = Noise::new(53).at(x / 37.0, 0.5).abs() * 9.0 + Noise::new(54).at(x / 13.0, 0.5).abs() * 5.0;
    let twigs = Noise::new(55).at(x / 3.1, 0.5) * 1.6;
    3.0 + stand * (9.0 + crowns + twigs)
}
