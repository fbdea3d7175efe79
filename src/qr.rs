//! Links as QR codes: one SVG path, whole modules, no quiet zone (the white ground around it is one).

use qrcode::{Color, EcLevel, QrCode};

/// A code's side in modules, and the path of its dark modules on a grid of that size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    pub side: usize,
    pub path: String,
}

/// The code of `text`; `None` when it is too long for one.
pub fn encode(text: &str) -> Option<Code> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width();
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(side).enumerate() {
        let mut x = 0;
        while x < side {
            let run = row[x..].iter().take_while(|color| **color == Color::Dark).count();
            if run > 0 {
                path += &format!("M{x} {y}h{run}v1h-{run}z");
            }
            x += run.max(1);
        }
    }
    Some(Code { side, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_starts_with_its_finder_pattern() {
        let code = encode("https://starling.example/#/").unwrap();
        assert!(code.path.starts_with("M0 0h7v1h-7z"));
        assert_eq!(code.side, 25);
    }

    #[test]
    fn what_does_not_fit_has_no_code() {
        assert_eq!(encode(&"x".repeat(4000)), None);
    }
}
