//! Lines over time: the sparkline of a list and the history of a panel. Gaps stay gaps.

use protocol::snapshot::SampleView;

/// A line's geometry in a box of `width` by `height`, time running right to now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// SVG path data; a new `M` after every gap.
    pub path: String,
    /// Stretches in which the tab was hidden: left edge and width.
    pub hidden: Vec<(f64, f64)>,
    /// The newest point, if there is one.
    pub end: Option<(f64, f64)>,
}

/// The values at the bottom and the top of a box, and the gridlines between.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub low: f64,
    pub high: f64,
    pub grid: Vec<f64>,
}

/// Two samples further apart than this are not joined.
pub const GAP_MS: u64 = 15_000;

/// The axis that holds all samples that count, on round numbers.
pub fn axis(samples: &[SampleView]) -> Axis {
    let seen = || samples.iter().filter(|sample| !sample.hidden).map(|sample| sample.rtt_ms);
    let (low, high) = seen().fold((f64::INFINITY, 0f64), |(low, high), ms| (low.min(ms), high.max(ms)));
    let (low, high) = if low.is_finite() { (low, high) } else { (0.0, 1.0) };
    let step = round_step((high - low).max(high * 0.2).max(0.3) / 2.0);
    let bottom = (low / step).floor() * step;
    // Up to the first line above the highest value, and at least two.
    let at = |i: i32| bottom + f64::from(i) * step;
    let grid: Vec<f64> = (0..6).take_while(|i| *i < 2 || at(i - 1) < high).map(at).collect();
    let top = grid.last().copied().unwrap_or(bottom) + step * 0.35;
    Axis { low: bottom - step * 0.2, high: top, grid }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * decade).find(|step| *step >= least).unwrap_or(10.0 * decade)
}

/// The line of `samples` (newest first) over the last `span_ms`.
pub fn line(samples: &[SampleView], axis: &Axis, span_ms: u64, width: f64, height: f64) -> Line {
    let x = |age: u64| width * (1.0 - age as f64 / span_ms as f64);
    let y = |ms: f64| height * (1.0 - ((ms - axis.low) / (axis.high - axis.low)).clamp(0.0, 1.0));
    let mut line = Line::default();
    let mut last: Option<u64> = None;
    let mut hidden: Option<(u64, u64)> = None;
    for sample in samples.iter().rev().filter(|sample| sample.age_ms <= span_ms) {
        if sample.hidden {
            hidden = Some((hidden.map_or(sample.age_ms, |(from, _)| from), sample.age_ms));
            last = None;
            continue;
        }
        if let Some((from, to)) = hidden.take() {
            line.hidden.push((x(from), (x(to) - x(from)).max(3.0)));
        }
        let joined = last.is_some_and(|last| last - sample.age_ms <= GAP_MS);
        let (px, py) = (x(sample.age_ms), y(sample.rtt_ms));
        line.path += &format!("{}{px:.1} {py:.1}", if joined { "L" } else { "M" });
        line.end = Some((px, py));
        last = Some(sample.age_ms);
    }
    if let Some((from, to)) = hidden {
        line.hidden.push((x(from), (x(to) - x(from)).max(3.0)));
    }
    line
}

/// What was forecast, beside what came: the geometry and the score of everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// SVG path data of the filled band; a new piece after every gap.
    pub area: String,
    /// Where the truth fell outside.
    pub misses: Vec<(f64, f64)>,
    /// Samples with a forecast, and how many of them fell inside.
    pub told: usize,
    pub inside: usize,
    /// Median distance between forecast and truth, ms.
    pub typical_miss: Option<f64>,
}

/// The band of `samples` (newest first), in the box of [`line()`].
pub fn band(samples: &[SampleView], axis: &Axis, span_ms: u64, width: f64, height: f64) -> Band {
    let x = |age: u64| width * (1.0 - age as f64 / span_ms as f64);
    let y = |ms: f64| height * (1.0 - ((ms - axis.low) / (axis.high - axis.low)).clamp(0.0, 1.0));
    let mut band = Band::default();
    let mut piece = Vec::new();
    let mut errors = Vec::new();
    let mut last: Option<u64> = None;
    for sample in samples.iter().rev().filter(|sample| sample.age_ms <= span_ms) {
        let joined = last.is_some_and(|last| last - sample.age_ms <= GAP_MS);
        let Some(told) = sample.forecast.filter(|_| !sample.hidden) else {
            band.area += &outline(&core::mem::take(&mut piece));
            last = None;
            continue;
        };
        if !joined {
            band.area += &outline(&core::mem::take(&mut piece));
        }
        let px = x(sample.age_ms);
        piece.push((px, y(told.high_ms), y(told.low_ms)));
        band.told += 1;
        errors.push((told.ms - sample.rtt_ms).abs());
        if (told.low_ms..=told.high_ms).contains(&sample.rtt_ms) {
            band.inside += 1;
        } else {
            band.misses.push((px, y(sample.rtt_ms)));
        }
        last = Some(sample.age_ms);
    }
    band.area += &outline(&piece);
    band.typical_miss = crate::format::median(errors);
    band
}

/// One piece of the band: along its upper edge and back along the lower.
fn outline(piece: &[(f64, f64, f64)]) -> String {
    let upper = piece.iter().map(|(x, upper, _)| (x, upper));
    let lower = piece.iter().rev().map(|(x, _, lower)| (x, lower));
    let mut path = String::new();
    for (x, y) in upper.chain(lower) {
        path += &format!("{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
    }
    if piece.len() > 1 { path + "z" } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::snapshot::ForecastView;

    fn sample(age_ms: u64, rtt_ms: f64) -> SampleView {
        SampleView { age_ms, rtt_ms, hidden: false, forecast: None }
    }

    #[test]
    fn a_gap_is_not_joined_up() {
        let samples = [sample(0, 10.0), sample(1_000, 11.0), sample(30_000, 12.0)];
        let line = line(&samples, &axis(&samples), 60_000, 300.0, 40.0);
        assert_eq!(line.path.matches('M').count(), 2);
        assert_eq!(line.path.matches('L').count(), 1);
        assert_eq!(line.end.unwrap().0, 300.0);
    }

    #[test]
    fn what_was_measured_while_hidden_is_hatched_and_not_drawn() {
        let hidden = |age_ms| SampleView { hidden: true, ..sample(age_ms, 900.0) };
        let samples = [sample(0, 10.0), hidden(10_000), hidden(20_000), sample(30_000, 10.0)];
        let axis = axis(&samples);
        let line = line(&samples, &axis, 60_000, 300.0, 40.0);
        assert_eq!(line.path.matches('M').count(), 2);
        let [(left, width)] = line.hidden[..] else { panic!("{:?}", line.hidden) };
        assert!((left - 200.0).abs() < 0.01 && (width - 50.0).abs() < 0.01);
        assert!(axis.high < 100.0);
    }

    #[test]
    fn the_axis_has_round_numbers_around_all_samples() {
        let samples = [sample(0, 34.2), sample(1, 49.0)];
        let axis = axis(&samples);
        assert_eq!(axis.grid, vec![30.0, 40.0, 50.0]);
        assert!(axis.low < 34.2 && axis.high > 49.0);
        for ms in [0.2, 3.0, 118.0, 4000.0] {
            let one = [sample(0, ms)];
            let axis = super::axis(&one);
            assert!(axis.low < ms && ms < axis.high && axis.grid.len() >= 2, "{axis:?}");
        }
    }

    fn told(age_ms: u64, rtt_ms: f64, low_ms: f64, high_ms: f64) -> SampleView {
        let forecast = Some(ForecastView { ms: f64::midpoint(low_ms, high_ms), low_ms, high_ms });
        SampleView { forecast, ..sample(age_ms, rtt_ms) }
    }

    #[test]
    fn the_score_is_counted_from_what_is_drawn() {
        let samples = [
            told(1_000, 30.0, 28.0, 32.0),
            told(2_000, 40.0, 28.0, 32.0),
            told(99_000, 90.0, 1.0, 2.0),
            sample(3_000, 5.0),
        ];
        let band = band(&samples, &axis(&samples), 60_000, 100.0, 50.0);
        assert_eq!((band.told, band.inside, band.misses.len()), (2, 1, 1));
        assert_eq!(band.typical_miss, Some(5.0));
        assert!(band.area.starts_with('M') && band.area.ends_with('z'));
    }

    #[test]
    fn the_band_has_a_gap_where_nothing_was_forecast() {
        let gap = GAP_MS + 1_000;
        let samples = [
            told(0, 30.0, 28.0, 32.0),
            told(1_000, 30.0, 28.0, 32.0),
            told(gap + 1_000, 30.0, 28.0, 32.0),
            told(gap + 2_000, 30.0, 28.0, 32.0),
        ];
        let band = band(&samples, &axis(&samples), 60_000, 100.0, 50.0);
        assert_eq!(band.area.matches('M').count(), 2);
    }
}
