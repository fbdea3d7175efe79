//! Reeds: far tufts that stand in the water, and near blades with their plumes.

use super::canvas::{Canvas, Light, Point};
use super::noise::{Chance, Noise, mix, smooth};

/// Blades in tufts half-way to the horizon, and at our feet.
const FAR: usize = 1_500;
const NEAR: usize = 1_250;
/// A blade is bent, so it is painted in straight parts.
const PARTS: usize = 7;

/// Paints them, far ones first.
pub(super) fn paint(canvas: &mut Canvas, horizon: f32) {
    let mut chance = Chance::new(71);
    far(canvas, horizon, &mut chance);
    near(canvas, &mut chance);
}

fn far(canvas: &mut Canvas, horizon: f32, chance: &mut Chance) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let tufts = Noise::new(72);
    let mut blades = Vec::with_capacity(FAR);
    while blades.len() < FAR {
        let (x, near) = (chance.unit() * width, chance.between(0.05, 0.5));
        let tuft = smooth((tufts.rough(x / 170.0, near * 9.0, 2) - 0.12) / 0.2);
        if chance.unit() < tuft * (0.25 + 0.75 * (2.0 * x / width - 1.0).abs()) {
            blades.push((near, x));
        }
    }
    blades.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (near, x) in blades {
        let foot = Point { x, y: horizon + near * (height - horizon) };
        let length = mix(9.0, 105.0, near) * chance.between(0.45, 1.1);
        let lean = 0.12 * chance.bell() + 0.05;
        let light = Light::from_hex(0x2a_22_22).mix(Light::from_hex(0x0a_0c_10), smooth(near * 2.2));
        blade(canvas, foot, length, lean, 0.5 + 1.3 * near, light, 0.9);
        // Its own mirror image, short and faint.
        blade(canvas, foot, -0.45 * length, -lean, 0.4 + near, light, 0.35);
    }
}

fn near(canvas: &mut Canvas, chance: &mut Chance) {
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let stands = Noise::new(73);
    let mut blades: Vec<(f32, f32)> = (0..NEAR).map(|_| (chance.unit(), chance.unit() * width)).collect();
    blades.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (close, x) in blades {
        // Low in the middle, high at both sides: a window on the water.
        let side = (2.0 * x / width - 0.96).abs();
        let stand = 0.30 + 0.62 * smooth((side - 0.18) / 0.8) + 0.42 * stands.rough(x / 210.0, 0.5, 2);
        let length = height * 0.30 * stand.max(0.10) * chance.between(0.45, 1.12);
        let foot = Point { x, y: height + mix(4.0, 26.0, close) };
        let lean = 0.16 * chance.bell() + 0.10;
        let light = Light::from_hex(0x17_16_1b).mix(Light::from_hex(0x04_05_08), smooth(0.25 + close));
        let thick = mix(0.9, 2.5, close) * chance.between(0.7, 1.2);
        let tip = blade(canvas, foot, length, lean, thick, light, 0.97);
        if chance.unit() < 0.17 && length > 120.0 {
            plume(canvas, tip, lean, length, light, chance);
        } else if chance.unit() < 0.6 {
            leaf(canvas, foot, length, lean, light, chance);
        }
    }
}

/// One bent blade, thick at the foot; returns where its tip is.
fn blade(canvas: &mut Canvas, foot: Point, length: f32, lean: f32, thick: f32, light: Light, share: f32) -> Point {
    let at = |part: usize| {
        let up = part as f32 / PARTS as f32;
        Point { x: foot.x + length.abs() * lean * (0.35 * up + 0.9 * up * up), y: foot.y - length * up }
    };
    for part in 0..PARTS {
        let radius = |part: usize| thick * (1.0 - 0.86 * part as f32 / PARTS as f32) * 0.5;
        canvas.stroke(at(part), at(part + 1), (radius(part), radius(part + 1)), light, share);
    }
    at(PARTS)
}

/// A leaf leaves the stalk, rises and hangs over.
fn leaf(canvas: &mut Canvas, foot: Point, length: f32, lean: f32, light: Light, chance: &mut Chance) {
    let up = chance.between(0.35, 0.75);
    let mut from = Point { x: foot.x + length * lean * (0.35 * up + 0.9 * up * up), y: foot.y - length * up };
    let side = if chance.unit() < 0.7 { 1.0 } else { -1.0 };
    let reach = length * chance.between(0.14, 0.38);
    let (start, droop) = (from, chance.between(0.1, 0.85));
    for part in 1..=PARTS {
        let t = part as f32 / PARTS as f32;
        let to = Point { x: start.x + side * reach * 0.8 * t, y: start.y - reach * (1.1 * t - droop * t * t * t) };
        let thick = 1.5 * (1.0 - t) + 0.25;
        canvas.stroke(from, to, (thick, thick * 0.8), light, 0.95);
        from = to;
    }
}

/// The feathery head of a reed: a fan of short hairs, all blown to one side.
fn plume(canvas: &mut Canvas, tip: Point, lean: f32, length: f32, light: Light, chance: &mut Chance) {
    let tall = (0.13 * length).clamp(14.0, 46.0);
    for _ in 0..46 {
        let down = chance.unit();
        let from = Point { x: tip.x - lean * tall * down, y: tip.y + tall * down };
        let hair = tall * chance.between(0.12, 0.34) * (0.35 + down * (1.25 - down));
        let to = Point { x: from.x + hair * chance.between(0.1, 1.0), y: from.y - hair * chance.between(0.1, 0.9) };
        canvas.stroke(from, to, (0.75, 0.25), light, 0.75);
    }
}
