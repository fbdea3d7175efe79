//! A sheet of linear light: colours mix on it as light does, and become bytes at the very end.

use super::noise::{Chance, mix};

/// A colour in linear light, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Light {
    pub(super) red: f32,
    pub(super) green: f32,
    pub(super) blue: f32,
}

impl Light {
    /// From the six digits that a style sheet would have.
    pub(super) fn from_hex(hex: u32) -> Self {
        let part = |shift: u32| linear(((hex >> shift) & 0xff) as f32 / 255.0);
        Self { red: part(16), green: part(8), blue: part(0) }
    }

    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        self.with(other, |mine, theirs| mix(mine, theirs, share))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        self.with(other, |mine, theirs| mine + theirs)
    }

    pub(super) fn times(self, factor: f32) -> Self {
        Self { red: self.red * factor, green: self.green * factor, blue: self.blue * factor }
    }

    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self { red: f(self.red, other.red), green: f(self.green, other.green), blue: f(self.blue, other.blue) }
    }
}

/// The sRGB curve, from the screen's number to light.
fn linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { libm::powf((value + 0.055) / 1.055, 2.4) }
}

/// Steps of the table from light to bytes: four to the smallest difference in the darkest dark.
const STEPS: usize = 16_384;

/// A point, in pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

/// The picture while it is painted.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pixels: Vec<Light>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: vec![Light::default(); width * height] }
    }

    /// Gives every pixel the light that `light` has for it.
    pub(super) fn fill(&mut self, rows: core::ops::Range<usize>, light: impl Fn(usize, usize) -> Light) {
        for y in rows {
            for x in 0..self.width {
                self.pixels[y * self.width + x] = light(x, y);
            }
        }
    }

    pub(super) fn get(&self, x: usize, y: usize) -> Light {
        self.pixels[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }

    /// Covers a share of a pixel. Outside the sheet nothing happens.
    pub(super) fn cover(&mut self, x: i32, y: i32, light: Light, share: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.width && y < self.height {
            let pixel = &mut self.pixels[y * self.width + x];
            *pixel = pixel.mix(light, share.clamp(0.0, 1.0));
        }
    }

    /// A stroke with round ends that may be of different widths, its edge one pixel soft.
    pub(super) fn stroke(&mut self, from: Point, to: Point, radii: (f32, f32), light: Light, share: f32) {
        let reach = radii.0.max(radii.1) + 1.0;
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length2 = (dx * dx + dy * dy).max(1e-6);
        let (top, bottom) = (from.y.min(to.y) - reach, from.y.max(to.y) + reach);
        let (left, right) = (from.x.min(to.x) - reach, from.x.max(to.x) + reach);
        for y in top.floor() as i32..=bottom.ceil() as i32 {
            for x in left.floor() as i32..=right.ceil() as i32 {
                let (px, py) = (x as f32 + 0.5 - from.x, y as f32 + 0.5 - from.y);
                let along = ((px * dx + py * dy) / length2).clamp(0.0, 1.0);
                let (ox, oy) = (px - along * dx, py - along * dy);
                let inside = mix(radii.0, radii.1, along) + 0.5 - (ox * ox + oy * oy).sqrt();
                if inside > 0.0 {
                    self.cover(x, y, light, share * inside.min(1.0));
                }
            }
        }
    }

    /// The same picture, `factor` times smaller each way.
    pub(super) fn smaller(&self, factor: usize) -> Self {
        let mut small = Self::new(self.width / factor, self.height / factor);
        let share = 1.0 / (factor * factor) as f32;
        small.fill(0..small.height, |x, y| {
            let mut sum = Light::default();
            for row in 0..factor {
                for column in 0..factor {
                    sum = sum.plus(self.get(x * factor + column, y * factor + row));
                }
            }
            sum.times(share)
        });
        small
    }

    /// Three bytes per pixel. Half a step of noise goes in before rounding, so that a wide sky has no bands.
    pub(super) fn to_bytes(&self, mut chance: Chance) -> Vec<u8> {
        let table: Vec<f32> = (0..=STEPS).map(|step| 255.0 * screen(step as f32 / STEPS as f32)).collect();
        let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
        for pixel in &self.pixels {
            // One grain for all three: it lightens or darkens, and never colours.
            let grain = chance.unit();
            for light in [pixel.red, pixel.green, pixel.blue] {
                let step = (light.clamp(0.0, 1.0) * STEPS as f32) as usize;
                bytes.push((table[step] + grain).min(255.0) as u8);
            }
        }
        bytes
    }
}

/// The sRGB curve, from light to the screen's number.
fn screen(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * libm::powf(light, 1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_comes_back_as_it_went_in() {
        let mut canvas = Canvas::new(2, 1);
        canvas.fill(0..1, |x, _| Light::from_hex(if x == 0 { 0x0b_14_20 } else { 0xf6_c8_89 }));
        let bytes = canvas.to_bytes(Chance::new(1));
        let expected = [0x0b, 0x14, 0x20, 0xf6, 0xc8, 0x89];
        assert!(bytes.iter().zip(expected).all(|(found, wanted)| found.abs_diff(wanted) <= 1), "{bytes:x?}");
    }

    #[test]
    fn a_stroke_covers_its_middle_and_nothing_far_away() {
        let mut canvas = Canvas::new(20, 20);
        let white = Light::from_hex(0xff_ff_ff);
        canvas.stroke(Point { x: 2.0, y: 10.0 }, Point { x: 18.0, y: 10.0 }, (2.0, 2.0), white, 1.0);
        assert_eq!(canvas.get(10, 10), white);
        assert_eq!(canvas.get(10, 14), Light::default());
        let half = canvas.smaller(20).get(0, 0).red;
        assert!((0.1..0.3).contains(&half), "{half}");
    }
}
