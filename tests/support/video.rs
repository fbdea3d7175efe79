//! A real video of any length, made anywhere a browser is: a few seconds of 1080p from the browser's own VP9 encoder,
//! repeated in one WebM file with its index in front, as tools that prepare films for the web write it.
//!
//! Each repetition is a cluster that begins with a key frame, so the index names a place for every few seconds.

use crate::Tab;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

const FRAMES: &str = include_str!("frames.js");
const WIDTH: u64 = 1920;
const HEIGHT: u64 = 1080;
const RATE: u64 = 12;
/// One cluster: two seconds, within the 32 that a block's relative time can say.
const CLUSTER_FRAMES: u64 = 24;
const CLUSTER_MS: u64 = CLUSTER_FRAMES * 1000 / RATE;

/// Two seconds of moving pictures.
#[derive(Debug)]
pub struct Video {
    frames: Vec<Vec<u8>>,
}

impl Video {
    /// Has a browser encode them, at about this many bits a second.
    pub async fn encode(tab: &Tab<'_>, bitrate: u64) -> Result<Self> {
        let arguments = [WIDTH, HEIGHT, RATE, CLUSTER_FRAMES, bitrate].map(|number| json!(number)).to_vec();
        let answer = tab.browser().client().execute_async(FRAMES, arguments).await?;
        ensure!(answer["error"].is_null(), "the browser cannot encode: {}", answer["error"]);
        let texts = answer["frames"].as_array().context("no frames")?;
        let frames: Vec<Vec<u8>> =
            texts.iter().filter_map(Value::as_str).map(base64).collect::<Option<_>>().context("not base64")?;
        ensure!(frames.len() as u64 == CLUSTER_FRAMES, "{} frames", frames.len());
        Ok(Self { frames })
    }

    /// Writes a file of at least `length` bytes; returns how many seconds it plays.
    pub fn write(&self, path: &Path, length: u64) -> Result<f64> {
        let cluster = self.cluster(0).len() as u64;
        let count = length.div_ceil(cluster);
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let about = [self.info(count), tracks()].concat();
        let cues_len = cues(count, 0, cluster).len() as u64;
        let cues = cues(count, about.len() as u64 + cues_len, cluster);
        file.write_all(&head())?;
        file.write_all(&[0x18, 0x53, 0x80, 0x67])?;
        file.write_all(&size(about.len() as u64 + cues_len + count * cluster))?;
        file.write_all(&about)?;
        file.write_all(&cues)?;
        for index in 0..count {
            file.write_all(&self.cluster(index * CLUSTER_MS))?;
        }
        file.flush()?;
        Ok((count * CLUSTER_MS) as f64 / 1000.0)
    }

    fn info(&self, count: u64) -> Vec<u8> {
        let duration = ((count * CLUSTER_MS) as f64).to_be_bytes();
        let parts = [
            number(&[0x2A, 0xD7, 0xB1], 1_000_000),
            element(&[0x44, 0x89], &duration),
            element(&[0x4D, 0x80], b"starling"),
            element(&[0x57, 0x41], b"starling"),
        ];
        element(&[0x15, 0x49, 0xA9, 0x66], &parts.concat())
    }

    /// The pictures, from `start` milliseconds on. Of one length whatever the start.
    fn cluster(&self, start: u64) -> Vec<u8> {
        let mut parts = number(&[0xE7], start);
        for (index, frame) in self.frames.iter().enumerate() {
            let at = u16::try_from(index as u64 * 1000 / RATE).expect("a cluster is short");
            let mut block = vec![0x81];
            block.extend(at.to_be_bytes());
            block.push(if index == 0 { 0x80 } else { 0 });
            block.extend(frame);
            parts.extend(element(&[0xA3], &block));
        }
        element(&[0x1F, 0x43, 0xB6, 0x75], &parts)
    }
}

fn head() -> Vec<u8> {
    let parts = [
        number(&[0x42, 0x86], 1),
        number(&[0x42, 0xF7], 1),
        number(&[0x42, 0xF2], 4),
        number(&[0x42, 0xF3], 8),
        element(&[0x42, 0x82], b"webm"),
        number(&[0x42, 0x87], 4),
        number(&[0x42, 0x85], 2),
    ];
    element(&[0x1A, 0x45, 0xDF, 0xA3], &parts.concat())
}

fn tracks() -> Vec<u8> {
    let picture = [number(&[0xB0], WIDTH), number(&[0xBA], HEIGHT)].concat();
    let parts = [
        number(&[0xD7], 1),
        number(&[0x73, 0xC5], 1),
        number(&[0x83], 1),
        element(&[0x86], b"V_VP9"),
        // Said, so that no player has to read on until it knows.
        number(&[0x23, 0xE3, 0x83], 1_000_000_000 / RATE),
        element(&[0xE0], &picture),
    ];
    element(&[0x16, 0x54, 0xAE, 0x6B], &element(&[0xAE], &parts.concat()))
}

/// The index: where each cluster begins, counted from the segment's first byte.
fn cues(count: u64, before: u64, cluster: u64) -> Vec<u8> {
    let point = |index: u64| {
        let place = [number(&[0xF7], 1), number(&[0xF1], before + index * cluster)].concat();
        element(&[0xBB], &[number(&[0xB3], index * CLUSTER_MS), element(&[0xB7], &place)].concat())
    };
    element(&[0x1C, 0x53, 0xBB, 0x6B], &(0..count).flat_map(point).collect::<Vec<_>>())
}

/// An EBML element (RFC 8794): id, length, content.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &size(content.len() as u64), content].concat()
}

/// Always eight bytes, so that no length depends on a value.
fn number(id: &[u8], value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

fn size(length: u64) -> [u8; 8] {
    (length | 1 << 56).to_be_bytes()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0u32;
        for &byte in four {
            bits = bits << 6 | u32::from(value(byte)?);
        }
        bits <<= 6 * (4 - four.len());
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_it_is_written() {
        assert_eq!(base64("TWFu").as_deref(), Some(&b"Man"[..]));
        assert_eq!(base64("TWE=").as_deref(), Some(&b"Ma"[..]));
        assert_eq!(base64("TQ==").as_deref(), Some(&b"M"[..]));
        assert_eq!(base64("T?=="), None);
    }

    #[test]
    fn index_points_at_clusters() {
        let video = Video { frames: vec![vec![1; 100]; 2] };
        let folder = crate::Folder::new().unwrap();
        let path = folder.path().join("a.webm");
        let seconds = video.write(&path, 1_000).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let cluster = video.cluster(0).len();
        let count = 1_000usize.div_ceil(cluster);
        assert!((seconds - (count as u64 * CLUSTER_MS) as f64 / 1000.0).abs() < 1e-9);
        for index in 0..count {
            let at = bytes.len() - (count - index) * cluster;
            assert_eq!(&bytes[at..at + 4], &[0x1F, 0x43, 0xB6, 0x75]);
        }
    }
}
