//! Still water: the world above it, upside down, a little torn, and darker the steeper one looks into it.

use super::canvas::{Canvas, Light};
use super::flock::Bird;
use super::land::Land;
use super::noise::{Noise, mix, smooth};

/// Birds are counted in squares of this many pixels for their mirror image: water blurs.
const SHADE_STEP: usize = 8;
/// How much of the height above the horizon one pixel of water mirrors.
const FORESHORTENING: f32 = 1.9;
/// So many birds in one square are as dark as they get.
const DARKEST: f32 = 16.0;

/// Paints everything below the horizon.
pub(super) fn paint(canvas: &mut Canvas, land: &Land<'_>, birds: &[Bird]) {
    let (width, height) = (canvas.width, canvas.height);
    let horizon = land.sky().horizon();
    let shade = Shade::of(birds, width, height);
    let (ripples, glitter) = (Noise::new(61), Noise::new(62));
    let deep = Light::from_parts(0.004, 0.008, 0.014);
    let gold = Light::from_parts(1.0, 0.62, 0.27);
    let sun = land.sky().sun();
    canvas.fill(horizon as usize..height, |x, y| {
        let (x, depth) = (x as f32 + 0.5, y as f32 + 0.5 - horizon);
        let near = depth / (height as f32 - horizon);
        // Equal steps of distance lie closer together towards the horizon.
        let distance = 26.0 / (near + 0.05);
        let breadth = 16.0 + 150.0 * near;
        let slope = ripples.rough(x / breadth, distance * 1.3, 2);
        let mirrored_x = (x + slope * (1.0 + 14.0 * near)).clamp(0.0, width as f32 - 1.0);
        let mirrored_y = (horizon - depth * FORESHORTENING + slope * (3.0 + 70.0 * near)).clamp(0.0, horizon - 0.5);
        let mirrored = land.at(mirrored_x, mirrored_y);
        let mirrored = mirrored.mix(deep, 0.75 * shade.at(mirrored_x, mirrored_y));
        let steep = smooth(near * 1.1);
        let water = mirrored.times(mix(0.86, 0.42, steep)).mix(deep, 0.55 * steep);
        // The sun's road: short bright streaks, wider apart the nearer they are.
        let aside = (x - sun.x - 5.0 * slope) / (26.0 + 190.0 * near);
        let streak = glitter.at(x / (9.0 + 46.0 * near), distance * 2.6);
        let road = smooth((streak - 0.12) / 0.5) / (1.0 + aside * aside * aside * aside);
        water.plus(gold.times(0.62 * road * (1.0 - 0.75 * near) * smooth(depth / 6.0)))
    });
}

/// How dark the flock makes the sky, coarsely.
struct Shade {
    width: usize,
    height: usize,
    squares: Vec<f32>,
}

impl Shade {
    fn of(birds: &[Bird], width: usize, height: usize) -> Self {
        let (width, height) = (width / SHADE_STEP, height / SHADE_STEP);
        let mut squares = vec![0.0; width * height];
        for bird in birds {
            let (x, y) = (bird.place.x / SHADE_STEP as f32, bird.place.y / SHADE_STEP as f32);
            if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
                squares[y as usize * width + x as usize] += 1.0 / DARKEST;
            }
        }
        Self { width, height, squares }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x / SHADE_STEP as f32 - 0.5, y / SHADE_STEP as f32 - 0.5);
        let (column, row) = (x.max(0.0) as usize, y.max(0.0) as usize);
        let get = |column: usize, row: usize| {
            self.squares[row.min(self.height - 1) * self.width + column.min(self.width - 1)]
        };
        let (u, v) = ((x - column as f32).clamp(0.0, 1.0), (y - row as f32).clamp(0.0, 1.0));
        let upper = mix(get(column, row), get(column + 1, row), u);
        let lower = mix(get(column, row + 1), get(column + 1, row + 1), u);
        mix(upper, lower, v).min(1.0)
    }
}
