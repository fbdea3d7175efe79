//! Reading time series: CSV rows `probe,t_s,rtt_ms,change`, one header, an empty round trip = lost.

use crate::lines::quantile;
use crate::matrix::read;
use anyhow::Context;
use std::path::Path;

pub(crate) struct Trace {
    /// Milliseconds; a lost sample repeats the one before, as in the reference script.
    pub(crate) ms: Vec<f64>,
}

pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Trace>> {
    let text = String::from_utf8(read(path)?)?;
    let mut rows: Vec<(&str, Vec<f64>)> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let mut fields = line.split(',').map(str::trim);
        let mut field = || fields.next().with_context(|| format!("line {}: too few fields", number + 1));
        let (probe, _seconds, ms, _change) = (field()?, field()?, field()?, field()?);
        let ms: f64 = if ms.is_empty() { f64::NAN } else { ms.parse().unwrap_or(f64::NAN) };
        let row = if ms > 0.0 { ms } else { f64::NAN };
        match rows.iter_mut().find(|(known, _)| *known == probe) {
            Some((_, rows)) => rows.push(row),
            None => rows.push((probe, vec![row])),
        }
    }
    Ok(rows.into_iter().filter_map(|(_, rows)| trace(&rows)).collect())
}

fn trace(rows: &[f64]) -> Option<Trace> {
    let mut measured: Vec<f64> = rows.iter().copied().filter(|ms| ms.is_finite()).collect();
    let mut last = *measured.first()?;
    if rows[0].is_nan() {
        last = quantile(&mut measured, 0.5);
    }
    let ms = rows
        .iter()
        .map(|row| {
            last = if row.is_finite() { *row } else { last };
            last
        })
        .collect();
    Some(Trace { ms })
}
