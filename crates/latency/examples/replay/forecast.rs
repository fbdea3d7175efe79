//! How well the next round trip and a later one are forecast.
//!
//! As the reference script: the first 3,000 samples of every probe, judged from the 50th on, a lost sample counted
//! as the one before it; errors are means over probes of each probe's figure. A forecast for sample t + h - 1 uses
//! samples up to t - 1.

use crate::arguments::Arguments;
use crate::lines::{Line, mean, quantile};
use crate::traces::{self, Trace};
use latency::{Forecaster, Rtt, Series};

const SAMPLES: usize = 3_000;
const FIRST_JUDGED: usize = 50;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let traces = traces::load(&arguments.file)?;
    for horizon in [1, 15] {
        let figures: Vec<Figures> = traces
            .iter()
            .filter(|trace| trace.ms.len() > FIRST_JUDGED + horizon)
            .map(|trace| judge(trace, horizon))
            .collect();
        let over = |figure: fn(&Figures) -> f64| mean(&figures.iter().map(figure).collect::<Vec<f64>>());
        Line::default()
            .count("horizon", horizon)
            .number("mae_ms", over(|figures| figures.mae_ms))
            .number("median_ape_pct", over(|figures| figures.median_ape_pct))
            .number("coverage_90_pct", over(|figures| figures.coverage_pct))
            .number("width_90_ms", over(|figures| figures.width_ms))
            .print()?;
    }
    Ok(())
}

struct Figures {
    mae_ms: f64,
    median_ape_pct: f64,
    coverage_pct: f64,
    width_ms: f64,
}

fn judge(trace: &Trace, horizon: usize) -> Figures {
    let truth = &trace.ms[..trace.ms.len().min(SAMPLES)];
    let (mut series, mut forecaster) = (Series::default(), Forecaster::new(horizon));
    let (mut errors, mut shares, mut held, mut widths) = (Vec::new(), Vec::new(), 0, Vec::new());
    for t in 0..truth.len() {
        if let (true, Some(ms), Some(forecast)) =
            (t >= FIRST_JUDGED, truth.get(t + horizon - 1), forecaster.forecast(&series))
        {
            let error = (forecast.rtt.as_millis_f64() - ms).abs();
            errors.push(error);
            shares.push(100.0 * error / ms);
            let (low, high) = (forecast.low.as_millis_f64(), forecast.high.as_millis_f64());
            held += usize::from(low <= *ms && *ms <= high);
            widths.push(high - low);
        }
        if let Some(rtt) = Rtt::from_millis_f64(truth[t]) {
            series.push(rtt);
            forecaster.observe(&series);
        }
    }
    Figures {
        mae_ms: mean(&errors),
        median_ape_pct: quantile(&mut shares, 0.5),
        coverage_pct: 100.0 * held as f64 / errors.len() as f64,
        width_ms: mean(&widths),
    }
}
