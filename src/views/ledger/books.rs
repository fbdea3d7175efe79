//! The books: what this tab gave and took, with whom and for which item, what that earned and cost, and the spending limit.

use crate::bridge::use_bridge;
use crate::components::identicon::identicon;
use crate::format::{credits, credits_adding_up};
use crate::names::Name;
use crate::reading::credit::{SPENDING, moved, owed, receipt, spending_label, standing, title, why};
use leptos::prelude::*;
use protocol::snapshot::{CreditPeerView, CreditView, Standing};
use protocol::{Command, Snapshot};

/// The section.
pub(crate) fn books() -> impl IntoView {
    let bridge = use_bridge();
    let hooks = bridge.live(|snapshot| {
        let credit = &snapshot.credit;
        (credit.ledger.is_some(), credit.earned, credit.spent)
    });
    let followed = Memo::new(move |_| hooks.get().0);
    let heading = bridge.calm(|snapshot| title(&snapshot.credit));
    let reason = bridge.calm(|snapshot| why(&snapshot.credit));
    let owing = bridge.calm(|snapshot| owed(&snapshot.credit));
    let peers = bridge.live(|snapshot| by_most(&snapshot.credit));
    let items = bridge.calm(items);
    let none = Memo::new(move |_| peers.with(Vec::is_empty));
    view! {
        <section
            class="books"
            aria-labelledby="books-title"
            data-testid="books"
            data-ledger=move || if followed.get() { "followed" } else { "none" }
            data-earned=move || followed.get().then(|| hooks.get().1.to_string())
            data-spent=move || followed.get().then(|| hooks.get().2.to_string())
        >
            <h2 class="card-title" id="books-title">{heading}</h2>
            <p class="note books-why">{reason}</p>
            {move || owing.get().map(|(to_us, by_us)| view! {
                <p class="note number">{format!("{} owed to you, {} owed by you: signed for as bytes are verified.", credits(to_us), credits(by_us))}</p>
            })}
            {move || none.get().then(|| view! { <p class="note">"No bytes have moved in this visit."</p> })}
            <ul class="books-rows">
                <For each=move || peers.get() key=String::clone children=move |id| peer_row(id, followed) />
            </ul>
            {move || {
                let rows = items.get();
                (!rows.is_empty()).then(|| view! {
                    <h3 class="setting-title">"By item"</h3>
                    <ul class="books-rows">{rows.into_iter().map(|row| item_row(row, followed.get_untracked())).collect_view()}</ul>
                })
            }}
            {spending()}
        </section>
    }
}

/// Those with whom most was exchanged come first; their order changes only when somebody is new.
fn by_most(credit: &CreditView) -> Vec<String> {
    let mut peers: Vec<&CreditPeerView> = credit.peers.iter().collect();
    peers.sort_by_key(|peer| core::cmp::Reverse((peer.given.max(peer.taken) >> 20, peer.peer.clone())));
    peers.into_iter().map(|peer| peer.peer.clone()).collect()
}

fn peer_row(id: String, followed: Memo<bool>) -> impl IntoView {
    let bridge = use_bridge();
    let find = {
        let id = id.clone();
        move |snapshot: &Snapshot| snapshot.credit.peers.iter().find(|peer| peer.peer == id).cloned()
    };
    let (live, calm) = (bridge.live(find.clone()), bridge.calm(find));
    let hook = move |pick: fn(&CreditPeerView) -> String| move || live.with(|peer| peer.as_ref().map(pick));
    let line = move || calm.with(|peer| peer.as_ref().map(|peer| standing(peer, followed.get())));
    let word = move || calm.with(|peer| peer.as_ref().and_then(receipt));
    let bytes = move || calm.with(|peer| peer.as_ref().map(|peer| moved(peer.given, peer.taken)));
    let paid = move || {
        let paid = |peer: &CreditPeerView| format!("+{} −{}", credits(peer.earned), credits(peer.spent));
        calm.with(|peer| peer.as_ref().filter(|_| followed.get()).map(paid))
    };
    view! {
        <li
            class="books-row"
            data-testid="books-peer"
            data-peer-id=id.clone()
            data-given=hook(|peer| peer.given.to_string())
            data-taken=hook(|peer| peer.taken.to_string())
            data-balance=hook(|peer| peer.balance.to_string())
            data-standing=hook(|peer| word_of(peer.standing).to_owned())
            data-earned=hook(|peer| peer.earned.to_string())
            data-spent=hook(|peer| peer.spent.to_string())
            data-redeemed=hook(|peer| peer.redeemed.to_string())
            data-drawn=hook(|peer| peer.drawn.to_string())
        >
            {identicon(&id)}
            <span class="books-name">{Name::of(&id).to_string()}</span>
            <span class="books-moved number">{bytes} <b>{paid}</b></span>
            <span class="books-line note">{line} " " {word}</span>
        </li>
    }
}

/// As `data-standing` spells it.
fn word_of(standing: Standing) -> &'static str {
    match standing {
        Standing::GivesMore => "gives-more",
        Standing::Pays => "pays",
        Standing::Unpaid => "unpaid",
        Standing::Owes => "owes",
    }
}

/// One item of the list: name, bytes, and credits that add up to the sums above.
#[derive(Clone, Debug, PartialEq)]
struct ItemRow {
    id: String,
    name: String,
    given: u64,
    taken: u64,
    earned: String,
    spent: String,
}

fn items(snapshot: &Snapshot) -> Vec<ItemRow> {
    let items = &snapshot.credit.items;
    let earned = credits_adding_up(items.iter().map(|item| item.earned));
    let spent = credits_adding_up(items.iter().map(|item| item.spent));
    let name = |id: &str| {
        let listed = snapshot.transfers.iter().find(|item| item.content_id == id);
        listed.map(crate::reading::items::title).unwrap_or_default()
    };
    let rows = items.iter().zip(earned).zip(spent).map(|((item, earned), spent)| ItemRow {
        id: item.content_id.clone(),
        name: name(&item.content_id),
        given: item.given,
        taken: item.taken,
        earned,
        spent,
    });
    rows.collect()
}

fn item_row(row: ItemRow, followed: bool) -> impl IntoView {
    let ItemRow { id, name, given, taken, earned, spent } = row;
    view! {
        <li class="books-row item" data-testid="books-item" data-content-id=id data-given=given.to_string() data-taken=taken.to_string()>
            <span class="books-name file-name">{name}</span>
            <span class="books-moved number">
                {moved(given, taken)} " " <b>{followed.then(|| format!("+{earned} −{spent}"))}</b>
            </span>
        </li>
    }
}

/// The most that this tab may sign away.
fn spending() -> impl IntoView {
    let bridge = use_bridge();
    let cap = bridge.live(|snapshot| snapshot.credit.cap);
    let followed = bridge.live(|snapshot| snapshot.credit.ledger.is_some());
    let on_change = move |event: leptos::ev::Event| {
        let place: Option<usize> = event_target_value(&event).parse().ok();
        if let Some(cap) = place.and_then(|place| SPENDING.get(place)) {
            bridge.command(Command::SpendAtMost(*cap));
        }
    };
    let options = SPENDING.iter().enumerate().map(|(place, choice)| {
        view! { <option value=place selected=move || cap.get() == *choice>{spending_label(*choice)}</option> }
    });
    view! {
        <label class="choice books-cap">
            <span class="setting-title">"Spend at most, in one visit"</span>
            <select class="select" data-testid="spending-cap" on:change=on_change>{options.collect_view()}</select>
            <span class="note">
                {move || match followed.get() {
                    true => "Then fetching goes on without paying: served last, never refused.",
                    false => "It counts as soon as this tab has an account.",
                }}
            </span>
        </label>
    }
}
