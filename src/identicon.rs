//! The picture of a peer: seven places on a disc, each empty or one of three sizes, turned, all from the hash of its id.
//!
//! The same seven that make up the mark. It never stands on the network picture: there, shape means path.

/// One speck of an identicon, on a disc of radius 16 around the origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speck {
    pub x: f64,
    pub y: f64,
    pub r: f64,
}

/// Radius of the disc.
pub const DISC: f64 = 16.0;
/// Where six of the seven places are.
const CIRCLE: f64 = 8.2;
/// The three sizes; the fourth is empty.
const SIZES: [f64; 3] = [1.5, 2.3, 3.2];
/// Fewer specks than this do not tell peers apart.
const SPECKS_MIN: usize = 4;

/// The specks of the peer with this id.
pub fn specks(peer: &str) -> Vec<Speck> {
    let hash = blake3::hash(peer.as_bytes());
    let bytes = &hash.as_bytes()[8..];
    let turn = f64::from(bytes[7]) / 256.0 * core::f64::consts::TAU;
    let mut sizes: Vec<usize> = bytes[..7].iter().map(|b| usize::from(b % 4)).collect();
    let mut filled = sizes.iter().filter(|size| **size > 0).count();
    for (place, size) in sizes.iter_mut().enumerate() {
        if *size == 0 && filled < SPECKS_MIN {
            *size = 1 + usize::from(bytes[8 + place] % 3);
            filled += 1;
        }
    }
    sizes
        .iter()
        .enumerate()
        .filter(|(_, size)| **size > 0)
        .map(|(place, size)| {
            let (x, y) = match place {
                6 => (0.0, 0.0),
                _ => {
                    let angle = turn + place as f64 * core::f64::consts::TAU / 6.0;
                    (CIRCLE * angle.cos(), CIRCLE * angle.sin())
                }
            };
            Speck { x, y, r: SIZES[size - 1] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_stay_on_the_disc_and_apart() {
        for i in 0..500 {
            let specks = specks(&format!("peer {i}"));
            assert!((SPECKS_MIN..=7).contains(&specks.len()));
            for (n, a) in specks.iter().enumerate() {
                assert!(a.x.hypot(a.y) + a.r < DISC - 2.0);
                for b in &specks[n + 1..] {
                    assert!((a.x - b.x).hypot(a.y - b.y) > a.r + b.r);
                }
            }
        }
    }

    #[test]
    fn two_peers_look_different() {
        assert_ne!(specks("a"), specks("b"));
    }
}
