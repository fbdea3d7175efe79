//! The picture: sky, land, water, birds and reeds, from back to front.

use super::canvas::{Canvas, Point};
use super::noise::{Chance, smooth};
use super::sky::Sky;
use super::{flock, land, reeds, water};

pub(super) const WIDTH: usize = 1920;
pub(super) const HEIGHT: usize = 1200;
/// Where the water begins: four fifths of the picture are sky.
const HORIZON: usize = 936;
const SUN: Point = Point { x: 1322.0, y: 893.0 };

/// Paints it.
pub(super) fn paint() -> Canvas {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let sky = Sky::new(WIDTH, HORIZON, SUN);
    let land = land::Land::new(&sky, WIDTH);
    let birds = flock::birds(WIDTH, HEIGHT);
    canvas.fill(0..HORIZON, |x, y| land.at(x as f32 + 0.5, y as f32 + 0.5));
    water::paint(&mut canvas, &land, &birds);
    flock::paint(&mut canvas, &birds);
    reeds::paint(&mut canvas, HORIZON as f32);
    vignetted(&canvas)
}

/// The corners a little darker, as through a lens.
fn vignetted(canvas: &Canvas) -> Canvas {
    let mut darker = Canvas::new(canvas.width, canvas.height);
    let (middle_x, middle_y) = (canvas.width as f32 / 2.0, canvas.height as f32 * 0.54);
    darker.fill(0..canvas.height, |x, y| {
        let (dx, dy) = ((x as f32 - middle_x) / middle_x, (y as f32 - middle_y) / middle_y);
        canvas.get(x, y).times(1.0 - 0.26 * smooth((dx * dx + dy * dy - 0.35) / 1.6))
    });
    darker
}

/// The noise that rounding needs.
pub(super) fn grain() -> Chance {
    Chance::new(81)
}
