//! Reading time series: CSV rows `probe,t_s,rtt_ms,change`, one header, an empty round trip = lost.

use crate::lines::quantile;
use crate::matrix::read;
use anyhow::Context;
use std::path::Path;

pub(crate) struct Trace {
    /// Seconds of the first and the last sample.
    pub(crate) span_s: f64,
    /// Milliseconds; a lost sample repeats the one before, as in the reference script.
    pub(crate) ms: Vec<f64>,
    /// Which samples a human marked as the first of a new level.
    pub(crate) changes: Vec<usize>,
}

pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Trace>> {
    let text = String::from_utf8(read(path)?)?;
    let mut rows: Vec<(&str, Vec<(f64, f64, bool)>)> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let mut fields = line.split(',').map(str::trim);
        let mut field = || fields.next().with_context(|| format!("line {}: too few fields", number + 1));
        let (probe, seconds, ms, change) = (field()?, field()?, field()?, field()?);
        let seconds: f64 = seconds.parse().with_context(|| format!("line {}: time {seconds:?}", number + 1))?;
        let ms: f64 = if ms.is_empty() { f64::NAN } else { ms.parse().unwrap_or(f64::NAN) };
        let row = (seconds, if ms > 0.0 { ms } else { f64::NAN }, change == "1");
        match rows.iter_mut().find(|(known, _)| *known == probe) {
            Some((_, rows)) => rows.push(row),
            None => rows.push((probe, vec![row])),
        }
    }
    Ok(rows.into_iter().filter_map(|(_, rows)| trace(&rows)).collect())
}

fn trace(rows: &[(f64, f64, bool)]) -> Option<Trace> {
    let mut measured: Vec<f64> = rows.iter().map(|row| row.1).filter(|ms| ms.is_finite()).collect();
    let mut last = *measured.first()?;
    if rows[0].1.is_nan() {
        last = quantile(&mut measured, 0.5);
    }
    let ms = rows
        .iter()
        .map(|row| {
            last = if row.1.is_finite() { row.1 } else { last };
            last
        })
        .collect();
    let changes = rows.iter().enumerate().filter(|(_, row)| row.2).map(|(at, _)| at).collect();
    Some(Trace { span_s: rows[rows.len() - 1].0 - rows[0].0, ms, changes })
}
