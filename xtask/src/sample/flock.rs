//! A murmuration: one long sheet of birds that rolls as it flies.
//!
//! Each bird has a place on the sheet, `along` it and `across`. Where the sheet is seen edge-on or folds over itself,
//! places far apart on it lie close together in the picture, and the flock darkens; nothing paints those ridges.

use super::canvas::{Canvas, Light, Point};
use super::noise::{Chance, Noise, mix, smooth};
use core::f32::consts::{PI, TAU};

/// Birds.
const BIRDS: usize = 90_000;
/// Where the sheet's middle flies, in shares of width and height.
const COURSE: [(f32, f32); 13] = [
    (0.070, 0.430),
    (0.110, 0.470),
    (0.190, 0.500),
    (0.270, 0.420),
    (0.345, 0.290),
    (0.425, 0.235),
    (0.500, 0.300),
    (0.570, 0.425),
    (0.640, 0.505),
    (0.712, 0.440),
    (0.772, 0.315),
    (0.845, 0.330),
    (0.880, 0.420),
];
/// The sheet lies across the direction between two places this far apart on the course: it is too stiff for more.
const STIFFNESS: f32 = 0.085;
/// Half of the sheet's width in pixels, along the course.
const BREADTH: [f32; 9] = [9.0, 40.0, 56.0, 86.0, 100.0, 88.0, 104.0, 84.0, 15.0];

/// One bird in the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bird {
    pub(super) place: Point,
    heading: f32,
    /// Half of what its wings span, pixels.
    span: f32,
    /// From far (0) to near (1).
    near: f32,
}

/// All of them, the far ones first.
pub(super) fn birds(width: usize, height: usize) -> Vec<Bird> {
    let (width, height) = (width as f32, height as f32);
    let mut chance = Chance::new(0x5747_1119);
    let (streaks, warp) = (Noise::new(21), Noise::new(22));
    let mut birds = Vec::with_capacity(BIRDS);
    while birds.len() < BIRDS {
        let (along, across) = (chance.unit(), chance.between(-1.0, 1.0));
        let crowd = 0.22 + 0.78 * smooth(0.5 + 1.2 * streaks.rough(along * 15.0, across * 2.2, 3));
        if chance.unit() > crowd * density(along) {
            continue;
        }
        let at = |along: f32| place(along + 0.016 * across, width, height);
        let (middle, before, after) = (at(along), at(along - STIFFNESS), at(along + STIFFNESS));
        let course = libm::atan2f(after.y - before.y, after.x - before.x);
        let roll = 0.35 + 5.2 * along + 0.8 * across * across;
        let fold = 0.40 * libm::sinf(PI * (0.9 * across + 2.7 * along));
        let breadth = table(&BREADTH, along);
        let aside = breadth * (across * libm::cosf(roll) + fold);
        let near = 0.5 + 0.5 * across * libm::sinf(roll);
        let (cos, sin) = (libm::cosf(course), libm::sinf(course));
        let mut x = middle.x - sin * aside;
        let mut y = middle.y + cos * aside;
        let (u, v) = (x, y);
        x += 30.0 * warp.rough(u / 190.0, v / 190.0, 3) + 9.0 * warp.at(u / 31.0, v / 31.0);
        y += 30.0 * warp.rough(u / 190.0 + 50.0, v / 190.0, 3) + 9.0 * warp.at(u / 31.0 + 50.0, v / 31.0);
        let loose = match chance.unit() {
            share if share < 0.72 => mix(2.5, 7.0, breadth / 104.0),
            share if share < 0.965 => 18.0,
            _ => 42.0,
        };
        x += loose * chance.bell();
        y += 0.8 * loose * chance.bell();
        let size = mix(0.60, 1.45, near) * mix(0.75, 1.35, chance.unit());
        let heading = course + 0.5 * chance.bell();
        birds.push(Bird { place: Point { x, y }, heading, span: size, near });
    }
    birds.sort_by(|a, b| a.near.total_cmp(&b.near));
    birds
}

/// Paints them.
pub(super) fn paint(canvas: &mut Canvas, birds: &[Bird]) {
    let (far, near) = (Light::from_hex(0x1d_26_30), Light::from_hex(0x06_08_0d));
    let mut chance = Chance::new(31);
    for bird in birds {
        let light = far.mix(near, bird.near);
        let share = mix(0.58, 0.96, bird.near);
        let Bird { place, heading, span, .. } = *bird;
        // Wings somewhere between up and down; from far away they are one short line.
        let beat = chance.between(-0.9, 0.9);
        for side in [-1.0, 1.0] {
            let angle = heading + side * (PI / 2.0 + beat);
            let tip = Point { x: place.x + span * libm::cosf(angle), y: place.y + 0.8 * span * libm::sinf(angle) };
            canvas.stroke(place, tip, (0.18 + 0.34 * span, 0.10 + 0.10 * span), light, share);
        }
    }
}

/// How many fly at this part of the course.
fn density(along: f32) -> f32 {
    let ends = smooth(along / 0.10) * smooth((1.0 - along) / 0.05);
    (0.12 + 0.88 * ends) * (0.70 + 0.30 * libm::sinf(TAU * (along * 1.4 - 0.20)))
}

/// A place on the course, by a Catmull-Rom curve.
fn place(along: f32, width: f32, height: f32) -> Point {
    let point = |index: usize| Point { x: COURSE[index].0 * width, y: COURSE[index].1 * height };
    let parts = COURSE.len() - 3;
    let scaled = along.clamp(0.0, 0.9999) * parts as f32;
    let (part, t) = (scaled as usize, scaled.fract());
    let [a, b, c, d] = [point(part), point(part + 1), point(part + 2), point(part + 3)];
    let value = |a: f32, b: f32, c: f32, d: f32| {
        0.5 * (2.0 * b + t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * b - a - 3.0 * c + d))))
    };
    Point { x: value(a.x, b.x, c.x, d.x), y: value(a.y, b.y, c.y, d.y) }
}

/// A value between the entries of a table, smoothly.
fn table(values: &[f32], at: f32) -> f32 {
    let scaled = at.clamp(0.0, 0.9999) * (values.len() - 1) as f32;
    let index = scaled as usize;
    mix(values[index], values[index + 1], smooth(scaled.fract()))
}
