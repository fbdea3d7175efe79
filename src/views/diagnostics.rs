//! Diagnostics: the cause as title, the path drawn to its break, what to do, what was checked, this tab in numbers.

mod path;
mod report;

use crate::app::{Page, use_page};
use crate::bridge::{Bridge, use_bridge};
use crate::browser;
use crate::components::copy_button::copy_button;
use crate::components::icon::{glyph, icon};
use crate::format::{count, duration, size};
use crate::names::Name;
use crate::reading::cause::{Cause, cause};
use crate::reading::peers::connected;
use crate::views::settings;
use crate::words::{Weight, sentence};
use leptos::prelude::*;
use protocol::snapshot::{PathView, RelayState};
use protocol::{Code, Command};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// What this browser allows and how much room it has, once that is known.
#[derive(Clone, Debug, Default, PartialEq)]
struct Browser {
    checks: Option<node::Checks>,
    /// Used and allowed bytes.
    room: Option<(u64, u64)>,
}

/// The screen.
pub(crate) fn diagnostics() -> impl IntoView {
    let bridge = use_bridge();
    let page = use_page();
    let browser = RwSignal::new(Browser::default());
    // Asked again whenever the node's state changes: at the first drawing it may not run yet.
    let status = bridge.live(|snapshot| (snapshot.status, snapshot.me.is_empty()));
    Effect::new(move |_| {
        status.get();
        spawn_local(async move {
            let now = Browser { checks: bridge.checks().await, room: room().await };
            browser.try_set(now);
        });
    });
    let cause = bridge.calm(move |snapshot| {
        browser.with(|browser| cause(snapshot, browser.checks.is_some_and(|checks| !checks.webrtc.ok)))
    });
    view! {
        <div class="screen diagnostics">
            {move || view! { <section class="card cause" data-code=cause.get().map(|c| c.code.as_str())>{title(cause.get())} {path::drawn(cause.get())}</section> }}
            <div class="columns">
                <section aria-labelledby="do">
                    <h2 class="setting-title" id="do">"What you can do"</h2>
                    {move || steps(bridge, cause.get())}
                    <p class="note with-icon">
                        {icon(glyph::INFO)}
                        <span>
                            {copy_button("Copy report", "text-button", move || report::text(&bridge.newest(), page, &browser.get_untracked()))}
                            " leaves out all addresses."
                        </span>
                    </p>
                </section>
                <section aria-labelledby="checked">
                    <h2 class="setting-title" id="checked">
                        "What was checked"
                        {move || cause.get().map(|cause| view! { <span class="code-tag">{cause.code.as_str()}</span> })}
                    </h2>
                    {checked(bridge, browser)}
                </section>
                <section aria-labelledby="tab">
                    <h2 class="setting-title" id="tab">"This tab, now"</h2>
                    {numbers(bridge, page, browser)}
                </section>
            </div>
        </div>
    }
}

fn title(cause: Option<Cause>) -> impl IntoView {
    let (weight, path, title, body) = match &cause {
        None => (
            "fine",
            glyph::CHECK,
            "Nothing is wrong".to_owned(),
            "Everything this page needs works. If a file does not move, the other end is the place to look.",
        ),
        Some(cause) => {
            let said = sentence(cause.code);
            let title = match &cause.peer {
                Some(peer) => format!("{} to {}", said.title, Name::of(peer)),
                None => said.title.to_owned(),
            };
            let path = if said.weight == Weight::Info { glyph::INFO } else { glyph::WARNING };
            (said.weight.as_str(), path, title, said.body)
        }
    };
    view! {
        <div class="cause-head">
            <span class=format!("notice-tile {weight}")>{icon(path)}</span>
            <div>
                <h1 class="title">{title}</h1>
                <p class="lead">{body}</p>
            </div>
        </div>
    }
}

/// Three steps at most, by how likely they are to help.
fn steps(bridge: Bridge, cause: Option<Cause>) -> impl IntoView {
    let retry = move || bridge.command(Command::RetryRelays);
    let again =
        view! { <button type="button" class="button" on:click=move |_| retry()>"Try again"</button> }.into_any();
    let reload = || {
        let on_click = move |_| drop(browser::window().location().reload());
        view! { <button type="button" class="button" on:click=on_click>"Reload"</button> }.into_any()
    };
    let nothing = || ().into_any();
    let steps: Vec<(&str, &str, AnyView)> = match cause.as_ref().map(|cause| cause.code) {
        None => vec![
            ("Ask the other side", "Their Diagnostics names what their browser or network does not allow.", nothing()),
            ("Try the relays again", "It does no harm: what runs goes on.", again),
        ],
        Some(Code::RelayUnreachable) => vec![
            ("Try the relays again", "They are tried by themselves too, every few seconds.", again),
            ("Keep this tab open", "Peers you are connected to stay connected and introduce others.", nothing()),
            ("Change network, then reload", "Some guest and office networks close WebSockets.", reload()),
        ],
        Some(Code::WebrtcBlocked) => vec![
            (
                "Allow WebRTC for this page",
                "Look at the browser's privacy settings and at extensions that hide addresses.",
                nothing(),
            ),
            ("Reload", "The browser is asked again at the start.", reload()),
            ("Open the link in another browser", "Chromium, Firefox and Safari all work.", nothing()),
        ],
        Some(Code::NoDirectPath) => vec![
            ("Fetch it from someone else", "Anybody else who has the file is asked by itself.", nothing()),
            (
                "Change network, then try again",
                "Home Wi-Fi works more often than mobile data or a guest network.",
                again,
            ),
        ],
        Some(_) => vec![
            ("Try again", "Relays and peers are asked once more; what runs goes on.", again),
            ("Reload", "Unsaved items in this tab are forgotten.", reload()),
        ],
    };
    let steps = steps.into_iter().enumerate().map(|(i, (title, body, button))| {
        view! {
            <li class="step">
                <span class="step-number" aria-hidden="true">{i + 1}</span>
                <div><h3 class="step-title">{title}</h3><p class="note">{body}</p></div>
                {button}
            </li>
        }
    });
    view! { <ol class="steps">{steps.collect_view()}</ol> }
}

/// One line of "What was checked".
fn check(ok: bool, name: String, said: String, took: Option<String>) -> impl IntoView {
    view! {
        <li class=if ok { "check ok" } else { "check failed" }>
            <span class="check-sign">{icon(if ok { glyph::CHECK } else { glyph::CROSS })}<span class="unseen">{if ok { "works: " } else { "failed: " }}</span></span>
            <div><h3 class="step-title">{name}</h3><p class="note">{said}</p></div>
            <span class="note number">{took}</span>
        </li>
    }
}

fn checked(bridge: Bridge, browser: RwSignal<Browser>) -> impl IntoView {
    let relays = bridge.calm(|snapshot| {
        snapshot
            .relays
            .iter()
            .map(|relay| {
                let ok = matches!(relay.state, RelayState::Connected | RelayState::Reserved);
                (ok, relay.name.clone(), settings::state(relay))
            })
            .collect::<Vec<_>>()
    });
    let direct = bridge.calm(|snapshot| snapshot.peers.iter().filter(|peer| peer.path == PathView::Direct).count());
    let allowed = move || {
        let checks = browser.with(|browser| browser.checks)?;
        let line = |check: node::Check, name: &str, yes: &str, no: &str| {
            let said = if check.ok { yes } else { no };
            let took = (check.took_ms >= 0.05).then(|| format!("{:.1} ms", check.took_ms));
            self::check(check.ok, name.to_owned(), said.to_owned(), took)
        };
        Some(
            [
                line(
                    checks.secure_origin,
                    "Secure origin",
                    "the page came over HTTPS or from this machine",
                    "plain HTTP: files stay in memory",
                ),
                line(checks.webrtc, "WebRTC", "direct connections are allowed", "this browser does not allow it here"),
                line(checks.websocket, "WebSocket", "relays can be reached", "this browser does not allow it here"),
                line(
                    checks.worker,
                    "Worker",
                    "files are hashed beside the page",
                    "files are hashed in the page, in slices",
                ),
                line(checks.storage, "Storage", "the browser keeps bytes for this page", "kept in memory only"),
            ]
            .into_iter()
            .collect_view(),
        )
    };
    view! {
        <ul class="checks">
            {allowed}
            {move || relays.get().into_iter().map(|(ok, name, said)| check(ok, name, said, None)).collect_view()}
            {move || check(direct.get() > 0, "Direct path".into(), match direct.get() {
                0 => "no peer is connected directly".into(),
                n => format!("{} connected directly", count(n, "peer is", "peers are")),
            }, None)}
        </ul>
    }
}

fn numbers(bridge: Bridge, page: Page, browser: RwSignal<Browser>) -> impl IntoView {
    let facts = bridge.calm(|snapshot| {
        let direct = snapshot.peers.iter().filter(|peer| peer.path == PathView::Direct).count();
        vec![
            ("Open for", duration(snapshot.uptime_ms / 1000 * 1000)),
            ("Direct peers", format!("{direct} of {}", connected(snapshot).count())),
            ("Given", size(snapshot.totals.given)),
            ("Taken", size(snapshot.totals.taken)),
            ("Thrown away", size(snapshot.totals.wasted)),
        ]
    });
    let kinds = bridge.calm(report::candidate_kinds);
    let pause = move || match page.longest_pause.get() {
        ms if ms <= 50.0 => "under 50 ms".to_owned(),
        ms => duration(ms as u64),
    };
    let room = move || {
        browser.with(|browser| browser.room).map(|(used, allowed)| format!("{} of {}", size(used), size(allowed)))
    };
    let fact = |name: &'static str, value: String| view! { <div><dt>{name}</dt><dd class="number">{value}</dd></div> };
    view! {
        <dl class="facts tab-facts">
            {move || fact("Longest page pause", pause())}
            {move || room().map(|room| fact("Kept on this device", room))}
            {move || facts.get().into_iter().map(|(name, value)| fact(name, value)).collect_view()}
            {move || kinds.get().map(|kinds| fact("Addresses in use", kinds))}
        </dl>
    }
}

/// How much this origin keeps and may keep.
async fn room() -> Option<(u64, u64)> {
    // Insecure origins have no storage manager, although its type says otherwise.
    let storage = js_sys::Reflect::get(&browser::window().navigator(), &"storage".into()).ok()?;
    let storage: web_sys::StorageManager = storage.dyn_into().ok()?;
    let estimate = JsFuture::from(storage.estimate().ok()?).await.ok()?;
    let read = |name: &str| js_sys::Reflect::get(&estimate, &name.into()).ok()?.as_f64();
    Some((read("usage")? as u64, read("quota")? as u64))
}
