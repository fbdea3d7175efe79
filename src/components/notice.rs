//! One thing the person should know: what happened, what still works or what to do, at most one button.

use super::icon::{glyph, icon};
use crate::words::{Sentence, Weight};
use leptos::prelude::*;
use protocol::Code;

/// Draws a sentence. `button` comes last and may be empty.
pub(crate) fn notice(code: Code, sentence: Sentence, button: impl IntoView + 'static) -> impl IntoView {
    let (path, role) = match sentence.weight {
        Weight::Info => (glyph::INFO, "status"),
        Weight::Care => (glyph::CLOCK, "status"),
        Weight::Fault => (glyph::WARNING, "alert"),
    };
    view! {
        <section class=format!("notice {}", sentence.weight.as_str()) data-testid="notice" data-code=code.as_str() role=role>
            <span class="notice-tile">{icon(path)}</span>
            <div class="notice-say">
                <p class="notice-title">{sentence.title}</p>
                <p class="note">{sentence.body}</p>
            </div>
            {button}
        </section>
    }
}
