//! A minute of round trips as a line without axes: the dot and the number at its end say where it is.

use crate::chart::{axis, line};
use leptos::prelude::*;
use protocol::snapshot::SampleView;

/// The line covers this much time, ms.
const SPAN_MS: u64 = 60_000;
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 28.0;

/// The line of `samples`, newest first.
pub(crate) fn sparkline(samples: impl Fn() -> Vec<SampleView> + Send + Sync + 'static) -> impl IntoView {
    let line = Memo::new(move |_| {
        let samples = samples();
        line(&samples, &axis(&samples), SPAN_MS, WIDTH - 6.0, HEIGHT - 6.0)
    });
    let end = move || line.with(|line| line.end);
    view! {
        <svg class="sparkline" viewBox=format!("0 -3 {WIDTH} {HEIGHT}") aria-hidden="true">
            {move || line.with(|line| line.hidden.clone())
                .into_iter()
                .map(|(x, width)| view! { <rect class="hatched" x=x y="-3" width=width height=HEIGHT fill="url(#hatch)" /> })
                .collect_view()}
            <path d=move || line.with(|line| line.path.clone()) />
            {move || end().map(|(x, y)| view! { <circle r="3" cx=x cy=y /> })}
        </svg>
    }
}

/// The pattern that hatched stretches use; the page has it once.
pub(crate) fn hatch() -> impl IntoView {
    view! {
        <svg class="defs" aria-hidden="true">
            <defs>
                <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <line class="hatch-line" x1="0" y1="0" x2="0" y2="6" />
                </pattern>
            </defs>
        </svg>
    }
}
