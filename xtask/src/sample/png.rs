//! Just enough PNG: eight bits, red, green and blue, one chunk of each kind (W3C PNG, third edition).

use anyhow::{Context, Result};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::Write;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
const BYTES_PER_PIXEL: usize = 3;

/// Encodes `rgb`, three bytes per pixel in rows of `width` pixels.
pub(super) fn encode(width: usize, height: usize, rgb: &[u8]) -> Result<Vec<u8>> {
    let mut file = SIGNATURE.to_vec();
    let side = |length: usize| u32::try_from(length).context("a picture that wide or high").map(u32::to_be_bytes);
    // Depth 8, colour type 2 (truecolour), and the only compression, filter set and order that pages use.
    let header = [&side(width)?[..], &side(height)?[..], &[8, 2, 0, 0, 0]].concat();
    chunk(&mut file, *b"IHDR", &header)?;
    chunk(&mut file, *b"sRGB", &[0])?;
    chunk(&mut file, *b"IDAT", &compressed(width, rgb)?)?;
    chunk(&mut file, *b"IEND", &[])?;
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], body: &[u8]) -> Result<()> {
    let length = u32::try_from(body.len()).context("a chunk of more than 4 GiB")?;
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(body);
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(&kind);
    file.extend_from_slice(body);
    file.extend_from_slice(&crc.sum().to_be_bytes());
    Ok(())
}

fn compressed(width: usize, rgb: &[u8]) -> Result<Vec<u8>> {
    let stride = width * BYTES_PER_PIXEL;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(6));
    let mut above = vec![0; stride];
    let mut filtered = vec![0; stride];
    for row in rgb.chunks_exact(stride) {
        // Paeth, filter type 4: the best single choice for what a brush or a camera makes.
        for at in 0..stride {
            let (left, upper_left) = match at.checked_sub(BYTES_PER_PIXEL) {
                Some(before) => (row[before], above[before]),
                None => (0, 0),
            };
            filtered[at] = row[at].wrapping_sub(paeth(left, above[at], upper_left));
        }
        zlib.write_all(&[4]).and_then(|()| zlib.write_all(&filtered)).context("memory does not refuse")?;
        above.copy_from_slice(row);
    }
    zlib.finish().context("memory does not refuse")
}

/// The neighbour that is nearest to `left + above - upper_left`.
fn paeth(left: u8, above: u8, upper_left: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(upper_left);
    let distance = |byte: u8| (estimate - i16::from(byte)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(upper_left) {
        left
    } else if distance(above) <= distance(upper_left) {
        above
    } else {
        upper_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_pixels_come_back() {
        let (width, height) = (7, 5);
        let rgb: Vec<u8> = (0..width * height * 3).map(|n| (n * 37 % 251) as u8).collect();
        let file = encode(width, height, &rgb).unwrap();
        assert_eq!(file[..8], SIGNATURE);
        assert_eq!(file[file.len() - 12..], [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
        let at = file.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&file[at..]).read_to_end(&mut rows).unwrap();
        let mut found = vec![0; rgb.len()];
        for (y, row) in rows.chunks_exact(1 + width * 3).enumerate() {
            assert_eq!(row[0], 4);
            for x in 0..width * 3 {
                let get = |found: &[u8], x: Option<usize>, y: Option<usize>| match (x, y) {
                    (Some(x), Some(y)) => found[y * width * 3 + x],
                    _ => 0,
                };
                let (left, up) = (x.checked_sub(3), y.checked_sub(1));
                let predicted = paeth(
                    get(&found, left, Some(y)),
                    get(&found, Some(x), up),
                    get(&found, left.filter(|_| up.is_some()), up),
                );
                found[y * width * 3 + x] = row[1 + x].wrapping_add(predicted);
            }
        }
        assert_eq!(found, rgb);
    }
}
