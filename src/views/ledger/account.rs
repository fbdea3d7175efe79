//! The account of this browser: what there is, what it buys, and how a newcomer comes to it.

use crate::bridge::use_bridge;
use crate::components::copy_button::copy_button;
use crate::format::{credits, shorten_middle};
use crate::reading::credit::{buys, collectable, newcomer, state_word};
use leptos::prelude::*;
use protocol::Command;
use protocol::snapshot::AccountState;

/// The card; nothing while no chain is followed.
pub(super) fn account() -> impl IntoView {
    let bridge = use_bridge();
    let state = bridge.live(|snapshot| snapshot.credit.account.state);
    let id = bridge.live(|snapshot| snapshot.credit.account.id.clone());
    let lasting = bridge.live(|snapshot| snapshot.credit.account.lasting);
    let denied = bridge.live(|snapshot| snapshot.credit.account.denied.map(crate::reading::credit::denied_word));
    let numbers = bridge.live(|snapshot| {
        let ledger = snapshot.credit.ledger.as_ref();
        ledger.map(|ledger| (ledger.balance.unwrap_or(0), ledger.locked, ledger.height, ledger.collectable))
    });
    let number = move |pick: fn((u64, u64, u64, u64)) -> u64| move || numbers.get().map(|all| pick(all).to_string());
    let waiting = bridge.calm(|snapshot| newcomer(&snapshot.credit.account));
    let body = move || match numbers.get() {
        Some((balance, locked, height, owed)) => there(balance, locked, height, owed).into_any(),
        None => {
            let (title, words) = waiting.get();
            view! { <h2 class="card-title">{title}</h2> <p class="note">{words}</p> }.into_any()
        }
    };
    view! {
        <Show when=move || state.get() != AccountState::None>
            <section
                class="card account"
                data-testid="account"
                data-state=move || state_word(state.get())
                data-account=move || id.get()
                data-denied=move || denied.get()
                data-balance=number(|all| all.0)
                data-locked=number(|all| all.1)
                data-height=number(|all| all.2)
                data-collectable=number(|all| all.3)
                aria-live="polite"
            >
                {body}
                <Show when=move || !lasting.get()>
                    <p class="note">"This browser keeps no key here: what is earned in this tab ends with it."</p>
                </Show>
                <div class="account-id">
                    <span class="note">"Your account " <span class="peer-id">{move || shorten_middle(&id.get(), 8)}</span></span>
                    {copy_button("Copy", "button small", move || id.get_untracked())}
                </div>
            </section>
        </Show>
    }
}

fn there(balance: u64, locked: u64, height: u64, owed: u64) -> impl IntoView {
    let bridge = use_bridge();
    let aside = (locked > 0).then(|| {
        format!(
            "{} of them are set aside for peers that serve you, and come back if they are not used.",
            credits(locked)
        )
    });
    view! {
        <h2 class="card-title">"Your credit"</h2>
        <p class="account-sum number" data-testid="balance">{credits(balance + locked)} <span>" credits"</span></p>
        <p class="note">{buys(balance + locked)} " " {aside}</p>
        <p class="note">{format!("Proved to this tab after block {height}.")}</p>
        {collectable(owed).map(|words| view! {
            <button type="button" class="button" data-testid="collect" on:click=move |_| bridge.command(Command::Collect)>
                {words}
            </button>
        })}
    }
}
