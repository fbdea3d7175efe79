//! Choosing by measurements: the switch, what it saved, and the newest choices with the numbers they went by.

use crate::bridge::use_bridge;
use crate::components::switch::switch;
use crate::reading::learning;
use leptos::prelude::*;
use protocol::Command;

/// Choices listed; the rest are in `window.starling.snapshot()`.
const LISTED: usize = 4;

/// The section under the panel.
pub(super) fn learning_card() -> impl IntoView {
    let bridge = use_bridge();
    let on = bridge.live(|snapshot| snapshot.learning.on);
    let saved = bridge.calm(|snapshot| learning::saved(&snapshot.learning));
    let certain = bridge.calm(|snapshot| snapshot.learning.saved.map(|saved| saved.certain.to_string()));
    let duplicates = bridge.calm(|snapshot| learning::duplicates(&snapshot.learning));
    let choices = bridge.calm(|snapshot| {
        let real = snapshot.learning.choices.iter().filter(|choice| choice.candidates.len() > 1);
        real.take(LISTED).map(learning::choice).collect::<Vec<_>>()
    });
    view! {
        <section class="learning" aria-labelledby="learning">
            <div class="learning-head">
                <h2 class="setting-title" id="learning">"Choose sources by measurement"</h2>
                {switch("learning-switch", "learning", on, Command::Learn)}
            </div>
            <p class="note" data-testid="learning-saved" data-certain=move || certain.get()>{saved}</p>
            {move || on.get().then(|| view! { <p class="note">{duplicates}</p> })}
            {move || {
                let choices = choices.get();
                (!choices.is_empty()).then(|| view! {
                    <h3 class="setting-title">"Newest choices"</h3>
                    <ol class="learning-choices" data-testid="learning-choices">
                        {choices.into_iter().map(|line| view! { <li class="note">{line}</li> }).collect_view()}
                    </ol>
                })
            }}
        </section>
    }
}
