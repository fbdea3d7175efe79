//! What the screen says about choosing by measurements: what it saved, or that nobody can tell, and why this peer.

use crate::format::{count, round_trip, size};
use crate::names::Name;
use protocol::snapshot::{ChoiceView, LearningView, PickedView, SavedView, Way};

/// What choosing by measurements saved, from the control group and nothing else.
pub fn saved(learning: &LearningView) -> String {
    let LearningView { learned, control, needed, .. } = *learning;
    if !learning.on {
        return "Off. Who is asked first is left to chance.".into();
    }
    let Some(saved) = learning.saved else {
        return format!(
            "One choice in twenty is left to chance, for comparison. So far {} came by measurements and {control} by chance; \
             with {needed} of each it can be said what that saves.",
            count(learned as usize, "small item", "small items"),
        );
    };
    let SavedView { median_ms, low_ms, high_ms, certain } = saved;
    let (least, most) = if median_ms < 0.0 { (-high_ms, -low_ms) } else { (low_ms, high_ms) };
    let half = match (learning.learned_ms, learning.control_ms) {
        (Some(by), Some(chance)) => {
            format!(" Half of them within {}, by chance within {}.", round_trip(by), round_trip(chance))
        }
        _ => String::new(),
    };
    let of = format!("Counted: {learned} by measurements, {control} by chance.");
    match certain {
        true => format!(
            "Small items come {} {} than by chance, between {} and {} (95 in 100).{half} {of}",
            round_trip(median_ms.abs()),
            if median_ms < 0.0 { "later" } else { "sooner" },
            round_trip(least),
            round_trip(most),
        ),
        false => format!(
            "No difference from chance can be told yet: it lies between {} later and {} sooner (95 in 100).{half} {of}",
            round_trip(-low_ms.min(0.0)),
            round_trip(high_ms.max(0.0)),
        ),
    }
}

/// What may come twice, and what did.
pub fn duplicates(learning: &LearningView) -> String {
    format!(
        "Asking two at once has cost {} of the {} it may: one byte in fifty, and 1 MiB to begin with.",
        size(learning.duplicates),
        size(learning.duplicates_max)
    )
}

/// Why a peer was asked first for an item, or was not; `None` while there was nothing to choose.
pub fn picked(picked: &PickedView) -> String {
    let PickedView { times, of, chosen, way, expected_ms, best_ms } = *picked;
    let expected = expected_ms.map_or("not measured yet".into(), |ms| format!("{} expected", round_trip(ms)));
    let other = best_ms.map(|ms| format!(", {} from the best other", round_trip(ms))).unwrap_or_default();
    let last = match (chosen, way) {
        (true, Way::Learned) => "Chosen the last time",
        (true, Way::Control) => "Chosen the last time by chance, for comparison",
        (true, Way::Off) => "Chosen the last time by chance",
        (false, Way::Learned) => "Left out the last time",
        (false, Way::Control | Way::Off) => "Left out the last time by chance",
    };
    format!(
        "Asked first for {times} of {} that it and others had. {last}: {expected}{other}.",
        count(of as usize, "item", "items")
    )
}

/// One choice in a sentence.
pub fn choice(choice: &ChoiceView) -> String {
    let named = |chosen: bool| {
        let of = choice.candidates.iter().filter(move |one| one.chosen == chosen);
        of.map(|one| {
            let expected = one.expected_ms.map_or("not measured".into(), round_trip);
            format!("{} ({expected})", Name::of(&one.peer))
        })
        .collect::<Vec<_>>()
    };
    let (chosen, others) = (named(true), named(false));
    let who = chosen.join(" and ");
    let way = match (choice.way, chosen.len()) {
        (Way::Learned, ..=1) => "Measured best",
        (Way::Learned, _) => "A race",
        (Way::Control, _) => "By chance, for comparison",
        (Way::Off, _) => "By chance",
    };
    let rest = match others.len() {
        0 => String::new(),
        1..=3 => format!(", not {}", others.join(", ")),
        more => format!(", not {} and {} others", others[..2].join(", "), more - 2),
    };
    let took = choice.took_ms.map(|ms| format!(". Took {}", round_trip(ms))).unwrap_or_default();
    format!("{way}: {who}{rest}{took}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::snapshot::CandidateView;

    #[test]
    fn a_saving_is_claimed_only_when_the_interval_excludes_zero() {
        let said = saved(&learning(Some(SavedView { median_ms: 80.0, low_ms: 30.0, high_ms: 130.0, certain: true })));
        assert!(said.starts_with("Small items come 80 ms sooner than by chance, between 30 ms and 130 ms"), "{said}");
        let said = saved(&learning(Some(SavedView { median_ms: 80.0, low_ms: -20.0, high_ms: 180.0, certain: false })));
        assert!(
            said.starts_with(
                "No difference from chance can be told yet: it lies between 20 ms later and 180 ms sooner"
            ),
            "{said}"
        );
    }

    #[test]
    fn a_loss_is_said_as_one() {
        let said = saved(&learning(Some(SavedView { median_ms: -50.0, low_ms: -90.0, high_ms: -10.0, certain: true })));
        assert!(said.starts_with("Small items come 50 ms later than by chance, between 10 ms and 90 ms"), "{said}");
    }

    #[test]
    fn too_few_items_and_off_claim_nothing() {
        let said = saved(&LearningView { learned: 1, control: 0, ..learning(None) });
        assert!(said.contains("So far 1 small item came by measurements and 0 by chance; with 8 of each"), "{said}");
        assert_eq!(saved(&LearningView { on: false, ..learning(None) }), "Off. Who is asked first is left to chance.");
    }

    #[test]
    fn the_numbers_behind_a_choice_are_said() {
        let view = PickedView {
            times: 3,
            of: 9,
            chosen: false,
            way: Way::Learned,
            expected_ms: Some(120.0),
            best_ms: Some(43.0),
        };
        assert_eq!(
            picked(&view),
            "Asked first for 3 of 9 items that it and others had. Left out the last time: 120 ms expected, 43 ms from the best other."
        );
        let candidate = |peer: &str, ms, chosen| CandidateView { peer: peer.into(), expected_ms: Some(ms), chosen };
        let candidates = vec![candidate("a", 43.0, true), candidate("b", 120.0, false)];
        let said = choice(&ChoiceView { age_ms: 0, way: Way::Learned, candidates, took_ms: Some(131.0) });
        let (a, b) = (Name::of("a"), Name::of("b"));
        assert_eq!(said, format!("Measured best: {a} (43 ms), not {b} (120 ms). Took 131 ms."));
    }

    fn learning(saved: Option<SavedView>) -> LearningView {
        LearningView { on: true, learned: 100, control: 12, needed: 8, saved, ..LearningView::default() }
    }
}
