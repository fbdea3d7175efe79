//! Blocks as they arrive, each checked before it is shown.

use crate::bridge::use_bridge;
use crate::components::icon::{glyph, icon};
use crate::format::{seconds, shorten_middle};
use leptos::prelude::*;
use protocol::snapshot::{BlockView, FinalityView};
use protocol::{Command, Look};

/// Rows of the list.
const BLOCKS_MAX: usize = 8;

/// The newest blocks.
pub(super) fn blocks() -> impl IntoView {
    let bridge = use_bridge();
    let blocks = bridge.live(|snapshot| {
        let newest = snapshot.chain.blocks.iter().take(BLOCKS_MAX);
        // Ages move by themselves; a row is made once.
        newest.map(|block| BlockView { age_ms: None, ..block.clone() }).collect::<Vec<_>>()
    });
    view! {
        <section class="card">
            <div class="card-head"><h2 class="card-title">"Blocks, as they arrive"</h2></div>
            <Show when=move || blocks.with(Vec::is_empty)>
                <p class="note">"A block comes with the first transaction, and every half minute without one."</p>
            </Show>
            <ol class="blocks" data-testid="blocks" aria-live="polite">
                <For each=move || blocks.get() key=|block| (block.id.clone(), finality(block.finality).1) children=row />
            </ol>
        </section>
    }
}

fn row(block: BlockView) -> impl IntoView {
    let bridge = use_bridge();
    let (height, id) = (block.height, block.id.clone());
    let age = {
        let id = id.clone();
        bridge.calm(move |snapshot| {
            let known = snapshot.chain.blocks.iter().find(|one| one.id == id);
            known
                .and_then(|one| one.age_ms)
                .map_or_else(String::new, |age| format!("{} ago", seconds(age / 1_000 * 1_000)))
        })
    };
    let open = move |_| bridge.command(Command::Look(Some(Look::Block(height))));
    let (kind, words) = finality(block.finality);
    view! {
        <li class="block-row" data-testid="block" data-height=height.to_string() data-id=id.clone() data-finality=kind>
            <button type="button" class="text-button" on:click=open>{format!("Block {height}")}</button>
            <span class="note block-id">{shorten_middle(&id, 8)}</span>
            <span class=format!("finality {kind}")>{icon(glyph::CHECK)} {words}</span>
            <span class="note number">{age}</span>
        </li>
    }
}

/// The word, and the sentence behind it.
pub(super) fn finality(finality: FinalityView) -> (&'static str, String) {
    match finality {
        FinalityView::Final => ("final", "Final".to_owned()),
        FinalityView::Confirmed { depth, .. } => ("confirmed", format!("Confirmed {depth}")),
    }
}
