//! Who seals this chain, and what that can and cannot promise, in plain words.

use crate::bridge::use_bridge;
use crate::format::{count, shorten_middle};
use leptos::prelude::*;
use protocol::snapshot::{ChainSourceView, SourceStateView};

struct Words {
    title: &'static str,
    can: &'static str,
    cannot: &'static str,
}

const fn words(engine: &str) -> Words {
    match engine.as_bytes() {
        b"authority" => Words {
            title: "Sealed by authority",
            can: "A block is final as soon as more than two thirds of the named keys have signed it. This tab checks the \
                  signatures, and that all credit adds up to what there was at the beginning. Nobody can move your credit \
                  without your key.",
            cannot: "Those who hold the keys can leave a transaction out, stop, or, all together, sign a second history. They \
                     cannot do that unseen: both histories carry their signatures.",
        },
        b"stake" => Words {
            title: "Sealed by stake",
            can: "A block is final as soon as more than two thirds of the bonded credit has signed it. Who signs twice \
                  loses a part of the bond, by evidence that anybody can bring.",
            cannot: "Whoever holds a third of the bonded credit can stop the chain. A tab that was away for days needs the \
                     page again before it can tell an old history from a made-up one.",
        },
        b"work" => Words {
            title: "Sealed by work",
            can: "A block counts by the puzzle it solves; anybody may try. The branch with the most work is followed.",
            cannot: "Nothing is ever final here, only deeper. On a small network one rented graphics card can outvote all \
                     tabs and undo blocks. For experiments.",
        },
        _ => Words { title: "", can: "", cannot: "" },
    }
}

/// The card.
pub(super) fn promise() -> impl IntoView {
    let bridge = use_bridge();
    let engine = bridge.live(|snapshot| snapshot.chain.engine);
    let facts = bridge.calm(|snapshot| {
        let chain = &snapshot.chain;
        (chain.id.clone(), chain.validators, chain.quorum.clone(), chain.checked, chain.sources.clone())
    });
    let rows = move || {
        let (id, validators, quorum, checked, sources) = facts.get();
        let needs = if validators == 0 { "a solved puzzle".to_owned() } else { format!("{quorum} by weight") };
        let sealers = count(validators, "validator", "validators");
        view! {
            <div><dt>"Chain"</dt><dd class="peer-id">{shorten_middle(&id, 8)}</dd></div>
            <div><dt>"Sealed by"</dt><dd>{if validators == 0 { "whoever solves".to_owned() } else { sealers }}</dd></div>
            <div><dt>"A seal needs"</dt><dd>{needs}</dd></div>
            <div><dt>"Checked in this tab"</dt><dd>{count(usize::try_from(checked).unwrap_or(usize::MAX), "seal", "seals")}</dd></div>
            {sources.into_iter().map(source).collect_view()}
        }
    };
    view! {
        <section class="promise" data-testid="engine">
            <h2 class="card-title">{move || words(engine.get()).title}</h2>
            <h3 class="label-name">"What it can promise"</h3>
            <p class="note">{move || words(engine.get()).can}</p>
            <h3 class="label-name">"What it cannot"</h3>
            <p class="note">{move || words(engine.get()).cannot}</p>
            <dl class="facts">{rows}</dl>
        </section>
    }
}

fn source(source: ChainSourceView) -> impl IntoView {
    let state = match source.state {
        SourceStateView::Waiting => "tells the next block at once",
        SourceStateView::Pausing => "asked again in a moment",
    };
    let words = format!("block {}, {state}", source.height);
    view! { <div><dt>{source.name}</dt><dd>{words}</dd></div> }
}
