//! Reading time series: CSV rows `probe,t_s,rtt_ms,change`, one header, an empty round trip = lost.

use crate::lines::quantile;
use crate::matrix::read;
use anyhow::{Context, ensure};
use std::path::Path;

pub(crate) struct Trace {
    /// Milliseconds; a lost sample repeats the one before, as in the reference script.
    pub(crate) ms: Vec<f64>,
    /// Where a person marked the beginning of a new level.
    pub(crate) changes: Vec<usize>,
}

/// Rows of one probe as they stand in the file; NaN is lost.
#[derive(Default)]
struct Rows {
    ms: Vec<f64>,
    changes: Vec<usize>,
}

pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Trace>> {
    let text = String::from_utf8(read(path)?)?;
    let mut probes: Vec<(&str, Rows)> = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1) {
        let mut fields = line.split(',').map(str::trim);
        let mut field = || fields.next().with_context(|| format!("line {}: too few fields", number + 1));
        let (probe, _seconds, ms, change) = (field()?, field()?, field()?, field()?);
        let ms: f64 = if ms.is_empty() { f64::NAN } else { ms.parse().unwrap_or(f64::NAN) };
        let place = probes.iter().rposition(|(known, _)| *known == probe).unwrap_or_else(|| {
            probes.push((probe, Rows::default()));
            probes.len() - 1
        });
        let rows = &mut probes[place].1;
        if change == "1" {
            rows.changes.push(rows.ms.len());
        }
        rows.ms.push(if ms > 0.0 { ms } else { f64::NAN });
    }
    let traces: Vec<Trace> = probes.into_iter().filter_map(|(_, rows)| trace(rows)).collect();
    ensure!(!traces.is_empty(), "{}: no round trips", path.display());
    Ok(traces)
}

fn trace(Rows { ms: rows, changes }: Rows) -> Option<Trace> {
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
    Some(Trace { ms, changes })
}
