//! Numbers as the screen says them: round trips, sizes, speeds, times, shares.
//!
//! Below one second in ms, then in s, from 90 s in minutes; sizes in MiB from one MiB on, because one credit will pay one
//! MiB. Nothing here knows what a number means.

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// A round trip: `0.4 ms`, `12 ms`, `1.2 s`.
pub fn round_trip(ms: f64) -> String {
    format!("{} {}", round_trip_number(ms), if ms < 999.5 { "ms" } else { "s" })
}

/// The number of [`round_trip`] without its unit.
pub fn round_trip_number(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1}"),
        ms if ms < 999.5 => format!("{ms:.0}"),
        ms => format!("{:.1}", ms / 1000.0),
    }
}

/// A size: `0 bytes`, `16 KiB`, `38.4 MiB`, `2.1 GiB`.
pub fn size(bytes: u64) -> String {
    let exact = bytes as f64;
    match bytes {
        1 => "1 byte".into(),
        0..1024 => format!("{bytes} bytes"),
        _ if exact < 10.0 * KIB => format!("{:.1} KiB", exact / KIB),
        _ if exact < MIB - KIB / 2.0 => format!("{:.0} KiB", exact / KIB),
        _ if exact < GIB => format!("{:.1} MiB", exact / MIB),
        _ => format!("{:.2} GiB", exact / GIB),
    }
}

/// Units as credits, to two decimals: `6.40`. One credit is 1,024 units.
pub fn credits(units: u64) -> String {
    hundredths((units * 100 + 512) >> 10)
}

/// Several amounts as credits, rounded so that the lines add up to their sum as [`credits`] says it.
pub fn credits_adding_up(units: impl Iterator<Item = u64>) -> Vec<String> {
    let (mut sum, mut said) = (0, 0);
    let lines = units.map(|units| {
        sum += units;
        let upto = (sum * 100 + 512) >> 10;
        let line = upto - said;
        said = upto;
        hundredths(line)
    });
    lines.collect()
}

fn hundredths(hundredths: u64) -> String {
    format!("{}.{:02}", grouped(hundredths / 100), hundredths % 100)
}

/// A whole number with a narrow space between thousands, from five digits on.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How much of how much, with the unit once: `23.8 of 38.4 MiB`.
pub fn part_of(part: u64, whole: u64) -> String {
    let (unit, name, digits) = match whole as f64 {
        w if w < KIB => (1.0, "bytes", 0),
        w if w < MIB => (KIB, "KiB", 0),
        w if w < GIB => (MIB, "MiB", 1),
        _ => (GIB, "GiB", 2),
    };
    format!("{:.digits$} of {:.digits$} {name}", part as f64 / unit, whole as f64 / unit)
}

/// A speed: `1.6 MiB/s`.
pub fn speed(bytes_per_second: f64) -> String {
    match bytes_per_second {
        s if s < KIB => format!("{s:.0} B/s"),
        s if s < 0.1 * MIB => format!("{:.0} KiB/s", s / KIB),
        s if s < 10.0 * MIB => format!("{:.1} MiB/s", s / MIB),
        s => format!("{:.0} MiB/s", s / MIB),
    }
}

/// A share of a whole in whole per cent, rounded down: 100 % means all of it.
pub fn per_cent(part: u64, whole: u64) -> u64 {
    match whole {
        0 => 100,
        _ => (u128::from(part) * 100 / u128::from(whole)).min(100) as u64,
    }
}

/// A length of time: `120 ms`, `0.4 s`, `9 s`, `1 min 30 s`, `2 h 5 min`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..100 => format!("{ms} ms"),
        100..9_950 => format!("{:.1} s", ms as f64 / 1000.0),
        9_950..90_000 => format!("{} s", (ms + 500) / 1000),
        _ => long_duration((ms + 500) / 1000),
    }
}

/// A length of time in whole seconds, for things that count up: `3 s`, `1 min 30 s`.
pub fn seconds(ms: u64) -> String {
    match ms / 1000 {
        s @ 0..90 => format!("{s} s"),
        s => long_duration(s),
    }
}

fn long_duration(s: u64) -> String {
    match (s / 60, s % 60) {
        (minutes @ 0..10, seconds @ 1..) => format!("{minutes} min {seconds} s"),
        (minutes @ 0..60, _) => format!("{minutes} min"),
        _ => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}

/// Time left as one number, never a fraction of a second: `9 s left`.
pub fn left(seconds_left: f64) -> String {
    format!("{} left", seconds((seconds_left.max(1.0).round() * 1000.0) as u64))
}

/// Time left with its range: (`20 s`, `between 17 and 25`); without a range worth naming only the first.
pub fn time_left(low: f64, high: f64) -> (String, Option<String>) {
    let middle = seconds((f64::midpoint(low, high).max(1.0) * 1000.0) as u64);
    let (low, high) = (low.max(0.0).floor() as u64, high.ceil() as u64);
    let range = match high {
        0..90 if high > low + 1 => Some(format!("between {low} and {high}")),
        0..90 => None,
        _ => Some(format!("between {} and {}", seconds(low * 1000), seconds(high * 1000))),
    };
    (middle, range)
}

/// `text` with its middle left out, at most `keep` characters, the end longer than the start: ends tell links apart.
pub fn shorten_middle(text: &str, keep: usize) -> String {
    let count = text.chars().count();
    if count <= keep {
        return text.to_owned();
    }
    let tail = (keep - 1).min(5);
    let head = keep - 1 - tail;
    let end: String = text.chars().skip(count - tail).collect();
    text.chars().take(head).chain(['…']).chain(end.chars()).collect()
}

/// The median; `None` of nothing.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// `1 peer`, `4 peers`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_change_unit_at_a_second() {
        assert_eq!(round_trip(0.42), "0.4 ms");
        assert_eq!(round_trip(9.96), "10 ms");
        assert_eq!(round_trip(118.2), "118 ms");
        assert_eq!(round_trip(999.4), "999 ms");
        assert_eq!(round_trip(999.6), "1.0 s");
    }

    #[test]
    fn sizes_never_say_1024_of_the_smaller_unit() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(16 * 1024), "16 KiB");
        assert_eq!(size(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(size(40_265_318), "38.4 MiB");
        assert_eq!(size(3 << 30), "3.00 GiB");
        assert_eq!(part_of(24_956_108, 40_265_318), "23.8 of 38.4 MiB");
    }

    #[test]
    fn a_hundred_per_cent_means_all_of_it() {
        assert_eq!(per_cent(999_999, 1_000_000), 99);
        assert_eq!(per_cent(5, 5), 100);
        assert_eq!(per_cent(0, 0), 100);
        assert_eq!(per_cent(u64::MAX, u64::MAX), 100);
    }

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(duration(40), "40 ms");
        assert_eq!(duration(420), "0.4 s");
        assert_eq!(duration(89_400), "89 s");
        assert_eq!(duration(90_000), "1 min 30 s");
        assert_eq!(seconds(120_000), "2 min");
        assert_eq!(seconds(7_500_000), "2 h 5 min");
        assert_eq!(time_left(17.0, 24.2), ("20 s".into(), Some("between 17 and 25".into())));
        assert_eq!(time_left(2.0, 2.4), ("2 s".into(), None));
    }

    #[test]
    fn a_shortened_link_keeps_its_end() {
        assert_eq!(shorten_middle("starling.example/#/get/bafkr4im2xe", 22), "starling.example…im2xe");
        assert_eq!(shorten_middle("äöü", 3), "äöü");
    }

    #[test]
    fn lines_of_credits_add_up_to_their_sum() {
        assert_eq!(
            (credits(0), credits(6_554), credits(1 << 50)),
            ("0.00".into(), "6.40".into(), "1\u{202f}099\u{202f}511\u{202f}627\u{202f}776.00".into())
        );
        let lines = [5_u64; 7];
        let said: f64 = credits_adding_up(lines.into_iter()).iter().map(|line| line.parse::<f64>().unwrap()).sum();
        assert_eq!(format!("{said:.2}"), credits(lines.iter().sum()));
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
    }
}
