//! What the screen says about passing on: whether it goes on, what limits it, when it goes on again.

use crate::format::{duration, size, speed};
use protocol::{Caps, Snapshot};

/// Speeds that can be chosen, bytes per second.
pub const RATES: [Option<u64>; 6] =
    [Some(256 << 10), Some(1 << 20), Some(2 << 20), Some(5 << 20), Some(20 << 20), None];
/// Bytes a day that can be chosen.
pub const DAYS: [Option<u64>; 5] = [Some(100 << 20), Some(500 << 20), Some(2 << 30), Some(10 << 30), None];

/// A speed that can be chosen.
pub fn rate_label(rate: Option<u64>) -> String {
    rate.map_or("No limit".into(), |rate| round(speed(rate as f64)))
}

/// An amount a day that can be chosen.
pub fn day_label(daily: Option<u64>) -> String {
    daily.map_or("No limit".into(), |daily| round(size(daily)))
}

/// Limits are round numbers and read as such: `2 MiB/s`, not `2.0 MiB/s`.
fn round(number: String) -> String {
    number.replace(".0 ", " ")
}

/// The limits in a sentence: "Up to 2 MiB/s and 500 MiB a day."
pub fn limits(caps: Caps) -> String {
    match (caps.pass_on_rate, caps.pass_on_daily) {
        (Some(rate), Some(daily)) => format!("Up to {} and {} a day.", round(speed(rate as f64)), round(size(daily))),
        (Some(rate), None) => format!("Up to {}.", round(speed(rate as f64))),
        (None, Some(daily)) => format!("Up to {} a day.", round(size(daily))),
        (None, None) => "Without limit.".into(),
    }
}

/// What passing on does now.
pub fn passing_on(snapshot: &Snapshot) -> String {
    let allowance = snapshot.allowance;
    let today = allowance.passed_on_today;
    let spent = allowance.caps.pass_on_daily.is_some_and(|daily| today >= daily);
    match (snapshot.pass_on, allowance.day_ends_in_ms) {
        (false, _) => "Off. What you share yourself is always served.".into(),
        (true, _) if snapshot.metered => "Rests: this connection is metered. What you share yourself is served.".into(),
        (true, Some(ms)) if spent => format!("Rests for {}: {} passed on today.", duration(ms), round(size(today))),
        (true, _) if today > 0 => format!("On. {} {} today.", limits(allowance.caps), size(today)),
        (true, _) => format!("On. {}", limits(allowance.caps)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::snapshot;
    use protocol::snapshot::AllowanceView;

    #[test]
    fn the_limits_are_said_as_they_are() {
        assert_eq!(limits(Caps::default()), "Up to 2 MiB/s and 500 MiB a day.");
        assert_eq!(limits(Caps { upload_rate: None, pass_on_rate: None, pass_on_daily: None }), "Without limit.");
    }

    #[test]
    fn a_spent_day_says_for_how_long_it_rests() {
        let allowance =
            AllowanceView { passed_on_today: 500 << 20, day_ends_in_ms: Some(3_600_000), ..AllowanceView::default() };
        let on = Snapshot { pass_on: true, allowance, ..snapshot() };
        assert_eq!(passing_on(&on), "Rests for 1 h 0 min: 500 MiB passed on today.");
        assert!(passing_on(&Snapshot { pass_on: false, ..on }).starts_with("Off."));
    }

    #[test]
    fn a_metered_connection_is_named() {
        let on = Snapshot { pass_on: true, metered: true, ..snapshot() };
        assert!(passing_on(&on).contains("metered"));
    }

    #[test]
    fn the_defaults_can_be_chosen() {
        let caps = Caps::default();
        assert!(RATES.contains(&caps.pass_on_rate) && RATES.contains(&caps.upload_rate));
        assert!(DAYS.contains(&caps.pass_on_daily));
    }
}
