//! How well the next round trip and a later one are forecast.
//!
//! As the reference script: the first 3,000 samples of every probe, judged from the 50th on, a lost sample counted
//! as the one before it; errors are means over probes of each probe's figure. A forecast for sample t + h - 1 uses
//! samples up to t - 1.

use crate::arguments::Arguments;
use crate::lines::{Line, mean, quantile};
use crate::traces::{self, Trace};
use latency::{ChangeDetector, Forecaster, Rtt, Series};

const SAMPLES: usize = 3_000;
const FIRST_JUDGED: usize = 50;
const STEP_SAMPLES: usize = 3;
/// One each four minutes.
const SAMPLES_PER_DAY: f64 = 360.0;

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
    steps(&traces).print()
}

/// How many of the marked steps the detector saw with the third sample of the new level at the latest, and how often
/// it spoke where nothing is marked.
fn steps(traces: &[Trace]) -> Line {
    let (mut marked, mut seen, mut false_alarms, mut samples) = (0, 0, 0, 0);
    for trace in traces {
        let alarms = alarms_of(trace);
        let belongs = |alarm: usize, step: usize| (step..step + STEP_SAMPLES).contains(&alarm);
        marked += trace.changes.len();
        seen += trace.changes.iter().filter(|step| alarms.iter().any(|alarm| belongs(*alarm, **step))).count();
        false_alarms += alarms.iter().filter(|alarm| !trace.changes.iter().any(|step| belongs(**alarm, *step))).count();
        samples += trace.ms.len();
    }
    Line::default()
        .count("steps", marked)
        .number("seen_within_3", seen as f64 / marked as f64)
        .number("false_alarms_per_day", false_alarms as f64 * SAMPLES_PER_DAY / samples as f64)
}

fn alarms_of(trace: &Trace) -> Vec<usize> {
    let (mut series, mut detector, mut alarms) = (Series::default(), ChangeDetector::default(), Vec::new());
    for (at, rtt) in trace.ms.iter().enumerate().filter_map(|(at, ms)| Some((at, Rtt::from_millis_f64(*ms)?))) {
        series.push(rtt);
        if detector.observe(&series) {
            alarms.push(at);
        }
    }
    alarms
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
