//! The one notice: of all that the person should know, the gravest, with its next step. The rest is on Diagnostics.

use crate::app::{Page, start_with, use_page};
use crate::bridge::{Bridge, use_bridge};
use crate::browser;
use crate::components::icon::{glyph, icon};
use crate::components::notice::notice;
use crate::config::Asked;
use crate::route::Route;
use crate::words::{Step, sentence};
use leptos::prelude::*;
use protocol::{Code, Command, Snapshot};

/// The place under the header where it stands.
pub(crate) fn notices() -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let from_node = bridge.live(codes);
    let shown = Memo::new(move |_| {
        let own = page.notices.get();
        // Newest first, and of equals the last one wins: so the other way round.
        let all = own.into_iter().chain(from_node.get()).rev();
        all.max_by_key(|code| sentence(*code).weight)
    });
    // Diagnostics says all of it itself.
    let elsewhere = Memo::new(move |_| page.route.get() != Route::Diagnostics);
    view! {
        <div class="notices">
            {move || match page.asked.get() {
                Some(Asked::Others { hosts, relays }) => confirm(bridge, page, &hosts, relays).into_any(),
                _ if !elsewhere.get() => ().into_any(),
                _ => shown.get().map(|code| one(bridge, page, code)).into_any(),
            }}
        </div>
    }
}

/// Codes of notices that no item on the screen says itself.
fn codes(snapshot: &Snapshot) -> Vec<Code> {
    let said = |subject: &Option<String>, code: Code| {
        snapshot.transfers.iter().any(|item| subject.as_ref() == Some(&item.content_id) && item.error == Some(code))
    };
    snapshot.notices.iter().filter(|notice| !said(&notice.subject, notice.code)).map(|notice| notice.code).collect()
}

fn one(bridge: Bridge, page: Page, code: Code) -> impl IntoView {
    let sentence = sentence(code);
    let step = sentence.step.map(|step| {
        let on_click = move |_| match step {
            Step::RetryRelays => bridge.command(Command::RetryRelays),
            Step::Diagnostics => browser::go("#/diagnostics"),
            Step::Home => browser::go("#/"),
        };
        view! { <button type="button" class="button small" on:click=on_click>{step.label()}</button> }
    });
    let dismiss = move |_| {
        page.notices.update(|notices| notices.retain(|other| *other != code));
        bridge.command(Command::DismissNotice { code });
    };
    let buttons = view! {
        {step}
        <button type="button" class="icon-button" aria-label="Dismiss" on:click=dismiss>{icon(glyph::CROSS)}</button>
    };
    notice(code, sentence, buttons)
}

/// A relay of another host is used only after a yes to that host's name.
fn confirm(bridge: Bridge, page: Page, hosts: &[String], relays: Vec<String>) -> impl IntoView + use<> {
    let code = Code::RelayUnconfirmed;
    let own = move || page.published.with_untracked(|published| published.addresses.clone());
    let hosts = hosts.join(", ");
    let yes = format!("Use {hosts}");
    let buttons = view! {
        <p class="notice-hosts"><b>{hosts}</b></p>
        <button type="button" class="button small primary" data-testid="relay-confirm" on:click=move |_| start_with(bridge, page, relays.clone())>
            {yes}
        </button>
        <button type="button" class="button small" on:click=move |_| start_with(bridge, page, own())>"Use this page's relay"</button>
    };
    notice(code, sentence(code), buttons)
}
