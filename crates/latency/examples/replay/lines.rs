//! One JSON object per line on standard output.

use std::io::Write;

#[derive(Default)]
pub(crate) struct Line(Vec<String>);

impl Line {
    /// Four decimals: beyond that the traces themselves are rounded. What is no number is written as null.
    pub(crate) fn number(mut self, name: &str, value: f64) -> Self {
        let value = if value.is_finite() { format!("{}", (value * 1e4).round() / 1e4) } else { "null".to_owned() };
        self.0.push(format!("\"{name}\":{value}"));
        self
    }

    pub(crate) fn count(mut self, name: &str, value: usize) -> Self {
        self.0.push(format!("\"{name}\":{value}"));
        self
    }

    /// For names of ours, which need no escaping.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.0.push(format!("\"{name}\":\"{value}\""));
        self
    }

    pub(crate) fn print(self) -> anyhow::Result<()> {
        writeln!(std::io::stdout(), "{{{}}}", self.0.join(","))?;
        Ok(())
    }
}

/// The value below which a share `q` lies, interpolated between neighbours as numpy does.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = q * last as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    values[below] + (values[above] - values[below]) * (at - at.floor())
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
