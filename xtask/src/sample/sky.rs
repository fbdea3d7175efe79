//! The sky as the sun goes, as a function: what is above the horizon, and what the water mirrors.

use super::canvas::{Light, Point};
use super::noise::{Noise, mix, smooth};

/// From the zenith of the picture (0) to the horizon (1).
const AIR: [(f32, u32); 9] = [
    (0.00, 0x1d_2f_4b),
    (0.22, 0x2f_50_72),
    (0.42, 0x4f_78_8e),
    (0.56, 0x7d_90_92),
    (0.67, 0xb5_a0_88),
    (0.77, 0xdc_a9_78),
    (0.87, 0xef_b8_78),
    (0.95, 0xf8_cd_90),
    (1.00, 0xfc_dc_a8),
];
/// Cloud is soft: a quarter of the resolution is enough.
const CLOUD_STEP: usize = 4;

/// The light of every place above the horizon.
#[derive(Clone, Debug)]
pub(super) struct Sky {
    horizon: f32,
    sun: Point,
    rows: Vec<Light>,
    cloud: Vec<f32>,
    cloud_width: usize,
}

impl Sky {
    pub(super) fn new(width: usize, horizon: usize, sun: Point) -> Self {
        let rows = (0..=horizon).map(|y| air(y as f32 / horizon as f32)).collect();
        let (cloud_width, cloud_height) = (width / CLOUD_STEP + 2, horizon / CLOUD_STEP + 2);
        let mut cloud = Vec::with_capacity(cloud_width * cloud_height);
        for row in 0..cloud_height {
            for column in 0..cloud_width {
                let (x, y) = ((column * CLOUD_STEP) as f32, (row * CLOUD_STEP) as f32);
                cloud.push(cloudiness(x, y, y / horizon as f32));
            }
        }
        Self { horizon: horizon as f32, sun, rows, cloud, cloud_width }
    }

    pub(super) fn sun(&self) -> Point {
        self.sun
    }

    pub(super) fn horizon(&self) -> f32 {
        self.horizon
    }

    /// The light at a place; below the horizon, that of the horizon.
    pub(super) fn at(&self, x: f32, y: f32) -> Light {
        let y = y.clamp(0.0, self.horizon);
        let height = y / self.horizon;
        let row = y as usize;
        let next = self.rows[(row + 1).min(self.rows.len() - 1)];
        let air = self.rows[row].mix(next, y - row as f32);
        let glow = self.glow(x, y);
        let lit = air.plus(Light { red: 1.0, green: 0.55, blue: 0.20 }.times(glow));
        let under =
            Light::from_parts(0.30, 0.25, 0.36).mix(Light::from_parts(0.98, 0.46, 0.24), smooth(height * 1.5 - 0.4));
        let under = under.times(0.55 + 0.9 * self.warmth(x, y));
        lit.mix(under, self.cloud_at(x, y)).plus(self.disc(x, y))
    }

    /// How near the sun is, from 0 to 1; wider than high, as light is in mist.
    pub(super) fn warmth(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.sun.x) / 620.0, (y - self.sun.y) / 300.0);
        1.0 / (1.0 + dx * dx + dy * dy)
    }

    fn glow(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.sun.x, y - self.sun.y);
        let near = 1.0 / (1.0 + (dx * dx * 0.5 + dy * dy) / (95.0 * 95.0));
        0.16 * self.warmth(x, y) + 0.42 * near * near
    }

    fn disc(&self, x: f32, y: f32) -> Light {
        let (dx, dy) = (x - self.sun.x, y - self.sun.y);
        let inside = smooth((30.0 - (dx * dx + dy * dy).sqrt()) / 5.0);
        Light::from_parts(0.75, 0.52, 0.26).times(inside)
    }

    fn cloud_at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x.max(0.0) / CLOUD_STEP as f32, y / CLOUD_STEP as f32);
        let (column, row) = ((x as usize).min(self.cloud_width - 2), y as usize);
        let (u, v) = ((x - column as f32).min(1.0), y - row as f32);
        let at = row * self.cloud_width + column;
        let upper = mix(self.cloud[at], self.cloud[at + 1], u);
        let lower = mix(self.cloud[at + self.cloud_width], self.cloud[at + self.cloud_width + 1], u);
        mix(upper, lower, v)
    }
}

fn air(height: f32) -> Light {
    let above = AIR.windows(2).find(|pair| height <= pair[1].0).unwrap_or(&AIR[AIR.len() - 2..]);
    let share = (height - above[0].0) / (above[1].0 - above[0].0);
    Light::from_hex(above[0].1).mix(Light::from_hex(above[1].1), share)
}

/// Long thin bands, most of them low.
fn cloudiness(x: f32, y: f32, height: f32) -> f32 {
    let drift = Noise::new(11).rough(x / 700.0, y / 160.0, 3) * 60.0;
    let bands = Noise::new(12).rough(x / 640.0, (y + drift) / 42.0, 4);
    let veil = Noise::new(13).rough(x / 900.0 + 4.0, y / 210.0, 3);
    let low = smooth((height - 0.38) / 0.3) * (1.0 - 0.75 * smooth((height - 0.86) / 0.14));
    let thin = 0.72 * smooth((bands + 0.6 * veil - 0.06) / 0.40) * (0.22 + 0.78 * low);
    thin * smooth((height - 0.06) / 0.3)
}

impl Light {
    /// From linear parts.
    pub(super) const fn from_parts(red: f32, green: f32, blue: f32) -> Self {
        Self { red, green, blue }
    }
}
