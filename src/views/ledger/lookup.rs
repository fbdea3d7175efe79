//! Looking up a block, a transaction or an account. What is shown was proved to this tab.

use super::blocks::finality;
use crate::bridge::use_bridge;
use crate::components::icon::{glyph, icon};
use crate::format::{credits, shorten_middle, size};
use leptos::prelude::*;
use protocol::snapshot::{AccountView, BlockView, LookState, LookView, LookedUp, TransactionView};
use protocol::{Command, Look};

/// The form and what came of it.
pub(super) fn lookup() -> impl IntoView {
    let bridge = use_bridge();
    let (text, malformed) = (RwSignal::new(String::new()), RwSignal::new(false));
    let look = move |kind: &'static str| {
        let wanted = text.with_untracked(|text| Look::parse(kind, text.trim()));
        malformed.set(wanted.is_none());
        if wanted.is_some() {
            bridge.command(Command::Look(wanted));
        }
    };
    let on_submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        // A number is a block; a name is most often an account's.
        look(if text.with_untracked(|text| text.trim().len() < 20) { "block" } else { "account" });
    };
    let found = bridge.live(|snapshot| snapshot.chain.look.clone());
    view! {
        <section class="card">
            <div class="card-head"><h2 class="card-title">"Look something up"</h2></div>
            <form class="look-form" on:submit=on_submit>
                <input
                    class="field"
                    data-testid="look-text"
                    aria-label="The height of a block, or the name of a transaction or an account"
                    placeholder="Block height, transaction or account"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=move || text.get()
                    on:input:target=move |event| text.set(event.target().value())
                />
                <button type="submit" class="button" data-testid="look-submit">"Look up"</button>
                <button type="button" class="text-button" data-testid="look-transaction" on:click=move |_| look("transaction")>
                    "As a transaction"
                </button>
            </form>
            <Show when=move || malformed.get()>
                <p class="note" role="alert">"That is neither a height nor a name of 64 hexadecimal digits."</p>
            </Show>
            {move || found.get().map(result)}
        </section>
    }
}

fn result(look: LookView) -> impl IntoView {
    let (state, words) = match look.state {
        LookState::NoSource => ("no-source", "Nobody can be asked at the moment. It is asked again by itself."),
        LookState::Asked => ("asked", "Asked for it, and waiting for the proof."),
        LookState::Missing => ("missing", "The relay says that there is none."),
        LookState::Checked => ("checked", ""),
    };
    let subject = if look.subject.len() > 20 { shorten_middle(&look.subject, 8) } else { look.subject.clone() };
    let title = format!("{} {subject}", capital(look.kind));
    let body = match look.found {
        None => view! { <p class="note">{words}</p> }.into_any(),
        Some(LookedUp::Block { block, transactions, proof_len }) => {
            view! { {block_facts(&block)} {list(transactions)} {proved(block.height, proof_len)} }.into_any()
        }
        Some(LookedUp::Transaction { transaction, block, proof_len }) => {
            let end = proved(block.height, proof_len);
            view! { {transaction_facts(&transaction, &block)} {end} }.into_any()
        }
        Some(LookedUp::Account(account)) => account_facts(&account).into_any(),
    };
    view! {
        <article class="looked" data-testid="look" data-state=state data-kind=look.kind data-subject=look.subject>
            <h3 class="card-title">{title}</h3>
            {body}
        </article>
    }
}

/// What the check was.
fn proved(height: u64, proof_len: usize) -> impl IntoView {
    let words = if proof_len == 0 {
        format!("Checked in this tab: block {height} is the newest one, and its seal holds.")
    } else {
        format!(
            "Checked in this tab: a proof of {} shows that block {height} is an ancestor of the newest one, and its transactions are its own.",
            size(proof_len as u64)
        )
    };
    checked_line(words)
}

fn checked_line(words: String) -> impl IntoView {
    view! { <p class="checked" data-testid="look-checked">{icon(glyph::CHECK)} <span>{words}</span></p> }
}

fn block_facts(block: &BlockView) -> impl IntoView + use<> {
    let sealed = match block.signatures {
        0 => "by its puzzle, or by signatures checked with a later block".to_owned(),
        1 => "1 signature".to_owned(),
        many => format!("{many} signatures"),
    };
    facts(vec![
        ("Finality", finality(block.finality).1),
        ("Name", block.id.clone()),
        ("After", block.parent.clone()),
        ("Made by", block.proposer.clone()),
        ("Sealed", sealed),
        ("Epoch and round", format!("{}, {}", block.epoch, block.round)),
        ("State after it", block.state_root.clone()),
        ("Treasury after it", credits(block.treasury)),
    ])
}

fn transaction_facts(one: &TransactionView, block: &BlockView) -> impl IntoView + use<> {
    let mut rows = vec![
        ("Does", one.what.to_owned()),
        ("By", one.sender.clone()),
        ("Block", format!("{}, {}", block.height, finality(block.finality).1)),
        ("Fee", format!("{} units", one.fee)),
        ("Nonce", one.nonce.to_string()),
    ];
    rows.extend(one.about.clone().map(|about| ("About", about)));
    rows.extend(one.amount.map(|amount| ("Amount", credits(amount))));
    facts(rows)
}

fn account_facts(account: &AccountView) -> impl IntoView + use<> {
    let words = format!(
        "Checked in this tab: a proof of {} with {} neighbours leads to the state after block {}, and all credit under it adds up.",
        size(account.proof_len as u64),
        account.neighbours,
        account.height
    );
    let rows = if account.exists {
        vec![
            ("Balance", credits(account.balance)),
            ("Buys about", size(account.balance.saturating_mul(1_024))),
            ("Since block", account.created.to_string()),
            ("Next nonce", account.nonce.to_string()),
        ]
    } else {
        vec![("Balance", "There is no such account, and the proof shows it".to_owned())]
    };
    let balance = account.exists.then(|| account.balance.to_string());
    view! { <div data-testid="look-account" data-balance=balance>{facts(rows)} {checked_line(words)}</div> }
}

fn list(transactions: Vec<TransactionView>) -> impl IntoView {
    let bridge = use_bridge();
    let row = move |one: TransactionView| {
        let wanted = Look::parse("transaction", &one.id);
        let amount = one.amount.map(credits).unwrap_or_default();
        view! {
            <li class="block-row">
                <button type="button" class="text-button" on:click=move |_| bridge.command(Command::Look(wanted))>
                    {shorten_middle(&one.id, 8)}
                </button>
                <span class="note">{format!("{} {}", shorten_middle(&one.sender, 6), one.what)}</span>
                <span class="number">{amount}</span>
            </li>
        }
    };
    match transactions.len() {
        0 => view! { <p class="note">"No transactions: it only shows that the chain lives."</p> }.into_any(),
        _ => view! { <ol class="blocks">{transactions.into_iter().map(row).collect_view()}</ol> }.into_any(),
    }
}

fn facts(rows: Vec<(&'static str, String)>) -> impl IntoView {
    let row =
        |(name, value): (&'static str, String)| view! { <div><dt>{name}</dt><dd class="peer-id">{value}</dd></div> };
    view! { <dl class="facts">{rows.into_iter().map(row).collect_view()}</dl> }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
