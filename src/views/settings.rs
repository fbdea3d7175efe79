//! Settings: who you are, how the page looks, what is passed on, which relays are used.

use crate::app::use_page;
use crate::bridge::use_bridge;
use crate::browser;
use crate::components::copy_button::copy_button;
use crate::components::identicon::identicon;
use crate::components::switch::serve_switch;
use crate::format::round_trip;
use crate::names::Name;
use crate::preferences::Theme;
use crate::reading::giving::{DAYS, RATES, day_label, passing_on, rate_label};
use leptos::prelude::*;
use protocol::snapshot::{RelayState, RelayView};
use protocol::{Caps, Command, Spent};

/// The screen.
pub(crate) fn settings() -> impl IntoView {
    view! {
        <div class="screen settings">
            <header class="screen-head"><h1 class="title">"Settings"</h1></header>
            {you()} {look()} {serving()} {relays()}
        </div>
    }
}

fn you() -> impl IntoView {
    let me = use_bridge().live(|snapshot| snapshot.me.clone());
    view! {
        <section class="setting" aria-labelledby="setting-you">
            <h2 class="setting-title" id="setting-you">"You"</h2>
            {move || {
                let me = me.get();
                let id = me.clone();
                (!me.is_empty()).then(|| view! {
                    <div class="you">
                        {identicon(&me)}
                        <div class="you-words">
                            <p class="card-title">{Name::of(&me).to_string()}</p>
                            <p class="note peer-id">{me.clone()}</p>
                        </div>
                        {copy_button("Copy id", "button small", move || id.clone())}
                    </div>
                })
            }}
            <p class="note">"Name and picture come from a key that this tab made. A reload makes a new one."</p>
            <div class="card-link">
                <a class="field" href="#/">{move || browser::origin().split_once("://").map(|(_, rest)| format!("{rest}/#/"))}</a>
                {copy_button("Copy link", "button", || format!("{}/#/", browser::origin()))}
            </div>
        </section>
    }
}

fn look() -> impl IntoView {
    let theme = RwSignal::new(Theme::load());
    Effect::new(move |_| theme.get().apply());
    view! {
        <section class="setting" aria-labelledby="setting-look">
            <h2 class="setting-title" id="setting-look">"Look"</h2>
            <div class="segments" role="radiogroup" aria-labelledby="setting-look">
                {Theme::ALL
                    .map(|choice| view! {
                        <label class="segment">
                            <input
                                type="radio"
                                name="theme"
                                prop:checked=move || theme.get() == choice
                                on:change=move |_| theme.set(choice)
                            />
                            <span>{choice.label()}</span>
                        </label>
                    })
                    .into_iter()
                    .collect_view()}
            </div>
        </section>
    }
}

fn serving() -> impl IntoView {
    let words = use_bridge().calm(passing_on);
    view! {
        <section class="setting row" aria-labelledby="setting-serving">
            <div>
                <h2 class="setting-title" id="setting-serving">"Pass on what you fetch"</h2>
                <p class="note">"Others can then fetch from this tab what you fetched. " {words}</p>
            </div>
            {serve_switch("setting-serving")}
        </section>
        <section class="setting" aria-labelledby="setting-limits">
            <h2 class="setting-title" id="setting-limits">"Limits"</h2>
            <p class="note">
                "They hold for what this tab sends. On a metered connection nothing is passed on, and everything you open asks first."
            </p>
            <div class="choices">
                {limit("Passed on, speed", "limit-rate", &RATES, rate_label, |caps| caps.pass_on_rate, |caps, to| caps.pass_on_rate = to)}
                {limit("Passed on, a day", "limit-day", &DAYS, day_label, |caps| caps.pass_on_daily, |caps, to| caps.pass_on_daily = to)}
                {limit("Everything, speed", "limit-all", &RATES, rate_label, |caps| caps.upload_rate, |caps, to| caps.upload_rate = to)}
            </div>
        </section>
    }
}

/// One limit and what can be chosen for it.
fn limit(
    label: &'static str,
    testid: &'static str,
    choices: &'static [Option<u64>],
    say: fn(Option<u64>) -> String,
    read: fn(&Caps) -> Option<u64>,
    write: fn(&mut Caps, Option<u64>),
) -> impl IntoView {
    let bridge = use_bridge();
    let chosen = bridge.live(move |snapshot| read(&snapshot.allowance.caps));
    let on_change = move |event: leptos::ev::Event| {
        let place: Option<usize> = event_target_value(&event).parse().ok();
        if let Some(choice) = place.and_then(|place| choices.get(place)) {
            let mut caps = bridge.newest().allowance.caps;
            write(&mut caps, *choice);
            bridge.command(Command::Limit { caps, spent: Spent::default() });
        }
    };
    let options = choices.iter().enumerate().map(|(place, choice)| {
        view! { <option value=place selected=move || chosen.get() == *choice>{say(*choice)}</option> }
    });
    view! {
        <label class="choice">
            <span class="note">{label}</span>
            <select class="select" data-testid=testid on:change=on_change>{options.collect_view()}</select>
        </label>
    }
}

fn relays() -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let relays = bridge
        .calm(|snapshot| snapshot.relays.iter().map(|relay| (relay.name.clone(), state(relay))).collect::<Vec<_>>());
    let addresses = move || page.published.with(|published| published.addresses.clone());
    view! {
        <section class="setting" aria-labelledby="setting-relays">
            <h2 class="setting-title" id="setting-relays">"Relays"</h2>
            <p class="note">"A relay serves this page and introduces peers. Files do not pass through it. Add ?relay= and an address to this page's link to use another one."</p>
            <ul class="facts">
                {move || relays.get().into_iter().map(|(name, state)| view! { <li><b>{name}</b> <span class="number">{state}</span></li> }).collect_view()}
            </ul>
            {move || addresses().into_iter().map(|address| view! { <p class="note peer-id">{address}</p> }).collect_view()}
            <button type="button" class="button" on:click=move |_| bridge.command(Command::RetryRelays)>"Try all again"</button>
        </section>
    }
}

/// Where a relay stands, in words.
pub(crate) fn state(relay: &RelayView) -> String {
    let way = relay.way.map(way).unwrap_or_default();
    match (relay.state, relay.rtt_ms) {
        (RelayState::Connecting, _) => format!("Connecting, {}", crate::format::seconds(relay.since_ms)),
        (RelayState::Connected, _) => format!("Connected{way}, not registered yet"),
        (RelayState::Reserved, Some(ms)) => format!("Connected{way}, {}", round_trip(ms)),
        (RelayState::Reserved, None) => format!("Connected{way}"),
        (RelayState::Lost, _) => match relay.retry_in_ms {
            Some(ms) => format!("No answer, next try in {}", crate::format::duration(ms)),
            None => "No answer".into(),
        },
    }
}

fn way(way: &str) -> &'static str {
    match way {
        "websocket" => " by WebSocket",
        "webrtc-direct" => " by WebRTC",
        "tcp" => " by TCP",
        _ => "",
    }
}
