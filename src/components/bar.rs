//! A horizontal bar from zero. The number it stands for is always written beside it.

use leptos::prelude::*;

/// Fills with `part`, 0 to 1.
pub(crate) fn bar(part: impl Fn() -> f64 + Send + Sync + 'static, class: &'static str) -> impl IntoView {
    view! {
        <span class=format!("bar {class}") aria-hidden="true">
            <span class="bar-fill" style:transform=move || format!("scaleX({:.4})", part().clamp(0.0, 1.0))></span>
        </span>
    }
}

/// `part` of `whole` as a number for [`bar`]; nothing of nothing is all of it.
pub(crate) fn part(part: u64, whole: Option<u64>) -> f64 {
    match whole {
        Some(0) => 1.0,
        Some(whole) => part as f64 / whole as f64,
        None => 0.0,
    }
}
