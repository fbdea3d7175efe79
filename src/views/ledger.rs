//! The Ledger: who owes whom, and the chain as this tab has checked it. Nothing stands here that was only said to us.

mod account;
mod blocks;
mod books;
mod lookup;
mod promise;

use crate::bridge::use_bridge;
use crate::browser;
use crate::components::icon::{glyph, icon, mark};
use crate::format::seconds;
use crate::preferences::pin_chain;
use leptos::prelude::*;
use protocol::snapshot::{ChainState, RefusedView, Wrong};

/// The screen.
pub(crate) fn ledger() -> impl IntoView {
    let bridge = use_bridge();
    let state = bridge.live(|snapshot| snapshot.chain.state);
    let attribute = move || word(state.get());
    let height = bridge.live(|snapshot| snapshot.chain.height.to_string());
    let checked = bridge.live(|snapshot| snapshot.chain.checked.to_string());
    let engine = bridge.live(|snapshot| snapshot.chain.engine);
    let id = bridge.live(|snapshot| snapshot.chain.id.clone());
    view! {
        <div
            class="screen ledger"
            data-testid="ledger"
            data-state=attribute
            data-height=move || height.get()
            data-checked=move || checked.get()
            data-engine=move || engine.get()
            data-chain=move || id.get()
        >
            <header class="screen-head">
                <h1 class="title">"Ledger"</h1>
                {standing()}
            </header>
            {refusals()}
            {move || match state.get() {
                ChainState::None => no_chain().into_any(),
                ChainState::OtherChain => other_chain().into_any(),
                ChainState::Conflict => conflict().into_any(),
                ChainState::Starting | ChainState::Following | ChainState::CatchingUp | ChainState::Stalled => ().into_any(),
            }}
            {account::account()}
            {books::books()}
            <Show when=move || !matches!(state.get(), ChainState::None | ChainState::OtherChain)>
                <div class="ledger-columns">
                    <div class="ledger-main">{blocks::blocks()} {lookup::lookup()}</div>
                    <div>{promise::promise()}</div>
                </div>
            </Show>
        </div>
    }
}

const fn word(state: ChainState) -> &'static str {
    match state {
        ChainState::None => "none",
        ChainState::Starting => "starting",
        ChainState::Following => "following",
        ChainState::CatchingUp => "catching-up",
        ChainState::Stalled => "stalled",
        ChainState::Conflict => "conflict",
        ChainState::OtherChain => "other-chain",
    }
}

/// How it stands, in one line.
fn standing() -> impl IntoView {
    let chain = use_bridge().calm(|snapshot| {
        let chain = &snapshot.chain;
        (chain.state, chain.height, chain.tip_age_ms.map(|age| age / 1_000 * 1_000), chain.engine == "work")
    });
    let words = move || {
        let (state, height, age, is_work) = chain.get();
        let age = age.map_or_else(String::new, |age| format!(", {} ago", seconds(age)));
        match state {
            ChainState::None | ChainState::OtherChain => String::new(),
            ChainState::Starting => "Nothing has been checked yet".to_owned(),
            ChainState::Following if is_work => format!("Block {height} has its work{age}"),
            ChainState::Following => format!("Block {height} is final{age}"),
            ChainState::CatchingUp => format!("Catching up; checked as far as block {height}"),
            ChainState::Stalled => format!("Stalled at block {height}{age}"),
            ChainState::Conflict => format!("Stopped at block {height}"),
        }
    };
    view! { <p class="note">{words}</p> }
}

fn no_chain() -> impl IntoView {
    view! {
        <section class="card empty">
            {mark()}
            <div>
                <h2 class="card-title">"No ledger here yet"</h2>
                <p class="note">"No relay has named one. Sharing and fetching work without it."</p>
            </div>
        </section>
    }
}

fn warning(title: &'static str, words: &'static str, action: AnyView) -> impl IntoView {
    view! {
        <section class="notice fault" role="alert">
            <span class="notice-tile">{icon(glyph::WARNING)}</span>
            <div class="notice-say"><p class="notice-title">{title}</p><p class="note">{words}</p></div>
            {action}
        </section>
    }
}

fn conflict() -> impl IntoView {
    warning(
        "Two sealed blocks contradict each other",
        "Whoever seals this chain signed both. This tab trusts nothing after them and keeps both as evidence.",
        ().into_any(),
    )
}

/// The relay's chain is not the one that this browser pinned.
fn other_chain() -> impl IntoView {
    let follow = move |_| {
        pin_chain(None);
        drop(browser::window().location().reload());
    };
    let button = view! { <button type="button" class="button" on:click=follow>"Follow the new chain"</button> };
    warning(
        "This relay names another chain than before",
        "Credit on the chain you knew does not exist on this one. If the relay began anew on purpose, you can follow the new one.",
        button.into_any(),
    )
}

/// Who told something that cannot be.
fn refusals() -> impl IntoView {
    let refused = use_bridge().live(|snapshot| snapshot.chain.refused.clone());
    let row = |one: RefusedView| {
        let (why, words) = match one.why {
            Wrong::Header => {
                ("header", "sent a block header that cannot be: its seal or what it follows does not hold")
            }
            Wrong::Answer => ("answer", "answered something else than was asked"),
            Wrong::Block => ("block", "showed a block that is not in the chain"),
            Wrong::Balance => ("balance", "showed an account whose proof does not hold"),
        };
        let title = format!("{} {words}", one.name);
        view! {
            <section class="notice fault" role="alert" data-testid="chain-refused" data-why=why data-name=one.name>
                <span class="notice-tile">{icon(glyph::WARNING)}</span>
                <div class="notice-say">
                    <p class="notice-title">{title}</p>
                    <p class="note">"It was refused, shown nowhere, and is not asked about the chain any more."</p>
                </div>
            </section>
        }
    };
    move || refused.get().into_iter().map(row).collect_view()
}
