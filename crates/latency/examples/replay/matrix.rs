//! Reading round trips between everybody and everybody.

use crate::arguments::Arguments;
use crate::lines::quantile;
use anyhow::{Context, ensure};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// Milliseconds, row = who measured. Missing and the diagonal are NaN.
#[derive(Clone)]
pub(crate) struct Matrix {
    pub(crate) nodes: usize,
    ms: Vec<f64>,
}

impl Matrix {
    /// The plane asked for, or the median of all.
    pub(crate) fn load(arguments: &Arguments) -> anyhow::Result<Self> {
        let planes = load_planes(arguments)?;
        match arguments.optional::<usize>("plane")? {
            Some(plane) => planes.into_iter().nth(plane).with_context(|| format!("there is no plane {plane}")),
            None => Ok(Self::median(&planes)),
        }
    }

    fn median(planes: &[Self]) -> Self {
        let mut ms = vec![f64::NAN; planes[0].ms.len()];
        let mut values = Vec::new();
        for (at, median) in ms.iter_mut().enumerate() {
            values.clear();
            values.extend(planes.iter().map(|plane| plane.ms[at]).filter(|ms| ms.is_finite()));
            *median = quantile(&mut values, 0.5);
        }
        Self { nodes: planes[0].nodes, ms }
    }

    /// What `from` measured to `to`.
    pub(crate) fn get(&self, from: usize, to: usize) -> Option<f64> {
        let ms = self.ms[from * self.nodes + to];
        ms.is_finite().then_some(ms)
    }

    /// How long news takes over a link, milliseconds: half of the shorter of both measurements.
    pub(crate) fn one_way(&self, a: usize, b: usize) -> Option<f64> {
        match (self.get(a, b), self.get(b, a)) {
            (Some(there), Some(back)) => Some(there.min(back) / 2.0),
            (one, other) => one.or(other).map(|ms| ms / 2.0),
        }
    }
}

/// All planes of the file.
pub(crate) fn load_planes(arguments: &Arguments) -> anyhow::Result<Vec<Matrix>> {
    let nodes: usize = arguments.required("nodes")?;
    ensure!(nodes >= 4, "--nodes {nodes}: at least 4");
    let values: Vec<f64> = read(&arguments.file)?
        .chunks_exact(4)
        .map(|bytes| f64::from(f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])))
        .collect();
    // Nobody who has an upper triangle should have to say so when the length already does.
    let (full, half) = (nodes * nodes, nodes * (nodes - 1) / 2);
    let triangle =
        arguments.has("triangle") || (!values.len().is_multiple_of(full) && values.len().is_multiple_of(half));
    let plane_len = if triangle { half } else { full };
    ensure!(
        !values.is_empty() && values.len().is_multiple_of(plane_len),
        "{} numbers are no whole planes of {nodes} nodes",
        values.len()
    );
    Ok(values.chunks_exact(plane_len).map(|plane| plane_of(plane, nodes, triangle)).collect())
}

fn plane_of(values: &[f64], nodes: usize, triangle: bool) -> Matrix {
    let mut ms = vec![f64::NAN; nodes * nodes];
    let mut next = values.iter().copied();
    for i in 0..nodes {
        for j in if triangle { i + 1 } else { 0 }..nodes {
            let value = next.next().filter(|ms| *ms > 0.0 && ms.is_finite() && i != j).unwrap_or(f64::NAN);
            ms[i * nodes + j] = value;
            if triangle {
                ms[j * nodes + i] = value;
            }
        }
    }
    Matrix { nodes, ms }
}

/// The bytes of a file, gunzipped when they are gzip.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).with_context(|| path.display().to_string())?;
    Ok(plain)
}
