//! The shell: header, screens, the one notice; and the start of everything behind it.

use crate::bridge::Bridge;
use crate::browser;
use crate::components::drop_zone::accept_files;
use crate::components::icon::{glyph, icon, mark};
use crate::components::identicon::identicon;
use crate::components::sparkline::hatch;
use crate::config::{self, Asked, Published};
use crate::names::Name;
use crate::preferences::{follow_choices, follow_giving, follow_learning, follow_spending};
use crate::route::Route;
use crate::words;
use crate::{js, streaming, views};
use leptos::prelude::*;
use protocol::snapshot::{RelayState, Status};
use protocol::{Code, Snapshot};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{BeforeUnloadEvent, HtmlElement};

/// What the page knows besides the node's snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    pub(crate) route: RwSignal<Route>,
    /// What the relay says about itself, once it has answered.
    pub(crate) published: RwSignal<Published>,
    /// Relays of other hosts that the address bar asks for, until the person has answered.
    pub(crate) asked: RwSignal<Option<Asked>>,
    /// What the page itself found wrong before or beside the node.
    pub(crate) notices: RwSignal<Vec<Code>>,
    /// The longest time the page did not answer, ms.
    pub(crate) longest_pause: RwSignal<f64>,
    /// Whether the service worker answers this tab, so that items play, show and save while they load.
    pub(crate) streams: RwSignal<bool>,
}

pub(crate) fn use_page() -> Page {
    expect_context()
}

/// Draws the page into `#app` and takes the place of its still picture, then starts the node.
pub fn run() {
    let bridge = Bridge::default();
    let page = mount(bridge);
    spawn_local(start(bridge, page));
}

/// Draws the page around a bridge.
pub fn mount(bridge: Bridge) -> Page {
    let root: HtmlElement = browser::document().get_element_by_id("app").expect("index.html has #app").unchecked_into();
    let page = Page {
        route: RwSignal::new(Route::parse(&browser::hash())),
        published: RwSignal::new(Published::default()),
        asked: RwSignal::new(None),
        notices: RwSignal::new(Vec::new()),
        longest_pause: RwSignal::new(0.0),
        streams: RwSignal::new(false),
    };
    let attributes = root.clone();
    leptos::mount::mount_to(root, move || {
        provide_context(bridge);
        provide_context(page);
        follow_choices(bridge);
        accept_files(bridge);
        follow_address(page);
        watch_pauses(page);
        streaming::start(page.streams);
        ask_before_leaving(bridge);
        follow_giving(bridge);
        follow_learning(bridge);
        follow_spending(bridge);
        views::history::follow(bridge);
        js::offer(bridge);
        set_root_attributes(bridge, &attributes);
        shell(bridge, page)
    })
    .forget();
    // In the same task as the first drawing: nobody ever sees both, or neither.
    if let Some(still) = browser::document().get_element_by_id("shell") {
        still.remove();
    }
    page
}

/// Finds out where the relays are and starts the node with them; for relays of another host only after a yes.
async fn start(bridge: Bridge, page: Page) {
    let published = config::published().await;
    page.published.set(published.clone());
    match config::asked() {
        Asked::Nothing => start_with(bridge, page, published.addresses),
        Asked::Own(relays) => start_with(bridge, page, relays),
        asked @ Asked::Others { .. } => page.asked.set(Some(asked)),
        Asked::Malformed => {
            page.notices.update(|notices| notices.push(Code::MalformedRelay));
            start_with(bridge, page, published.addresses);
        }
    }
}

/// Starts the node with these relays.
pub(crate) fn start_with(bridge: Bridge, page: Page, relays: Vec<String>) {
    page.asked.set(None);
    let config = page.published.with_untracked(|published| config::node_config(published, relays));
    if let Err(error) = bridge.start(config) {
        log::error!("the node did not start: {error}");
        page.notices.update(|notices| notices.push(Code::WebrtcBlocked));
    }
}

fn follow_address(page: Page) {
    browser::listen(&browser::window(), "hashchange", move |_: web_sys::Event| {
        let route = Route::parse(&browser::hash());
        if page.route.get_untracked() != route {
            page.route.set(route);
            browser::window().scroll_to_with_x_and_y(0.0, 0.0);
        }
    });
    Effect::new(move |_| {
        page.route.with(|route| {
            let document = browser::document();
            document.set_title(&route.title().map_or("Starling".into(), |title| format!("{title} · Starling")));
            if let Some(root) = document.document_element() {
                drop(root.set_attribute("data-route", route.screen()));
            }
        });
    });
}

/// The browser names every task of more than 50 ms; the longest is on Diagnostics.
fn watch_pauses(page: Page) {
    use wasm_bindgen::closure::Closure;
    use web_sys::{PerformanceEntry, PerformanceObserver, PerformanceObserverEntryList, PerformanceObserverInit};
    let heard = Closure::<dyn FnMut(PerformanceObserverEntryList)>::new(move |list: PerformanceObserverEntryList| {
        let entries = list.get_entries();
        let longest = entries.iter().map(|entry| entry.unchecked_into::<PerformanceEntry>().duration());
        let longest = longest.fold(page.longest_pause.get_untracked(), f64::max);
        page.longest_pause.set(longest);
    });
    if let Ok(observer) = PerformanceObserver::new(heard.as_ref().unchecked_ref()) {
        let options = PerformanceObserverInit::new(&js_sys::Array::new());
        drop(js_sys::Reflect::delete_property(&options, &"entryTypes".into()));
        drop(js_sys::Reflect::set(&options, &"type".into(), &"longtask".into()));
        drop(js_sys::Reflect::set(&options, &"buffered".into(), &true.into()));
        observer.observe(&options);
    }
    heard.forget();
}

/// Closing the tab while somebody fetches from it asks first.
fn ask_before_leaving(bridge: Bridge) {
    browser::listen(&browser::window(), "beforeunload", move |event: BeforeUnloadEvent| {
        if is_serving(&bridge.newest()) {
            event.prevent_default();
            // Older browsers only ask when there is a text, which none of them shows.
            event.set_return_value("serving");
        }
    });
}

fn is_serving(snapshot: &Snapshot) -> bool {
    snapshot.transfers.iter().any(|item| item.receivers.iter().any(|receiver| receiver.rate > 0.0))
}

fn set_root_attributes(bridge: Bridge, root: &HtmlElement) {
    let status = bridge.live(|snapshot| snapshot.status);
    let me = bridge.live(|snapshot| snapshot.me.clone());
    let root = StoredValue::new_local(root.clone());
    Effect::new(move |_| {
        root.with_value(|root| {
            drop(root.set_attribute("data-status", words::status_attribute(status.get())));
            let me = me.get();
            if !me.is_empty() {
                drop(root.set_attribute("data-peer-id", &me));
            }
        });
    });
}

fn shell(bridge: Bridge, page: Page) -> impl IntoView {
    let screen = Memo::new(move |_| page.route.with(|route| route.screen()));
    let main = NodeRef::<leptos::html::Main>::new();
    view! {
        {hatch()}
        <a class="skip" href="#main" on:click=move |event| {
            event.prevent_default();
            if let Some(main) = main.get_untracked() { drop(main.focus()) }
        }>"Skip to the content"</a>
        <header class="top">
            <a class="brand" href="#/">{mark()} "Starling"</a>
            {navigation(screen)}
            {status(bridge)}
            {me(bridge, screen)}
        </header>
        {views::notices::notices()}
        <main id="main" tabindex="-1" node_ref=main>
            {move || match screen.get() {
                "library" => views::library::library().into_any(),
                "network" => views::network::network().into_any(),
                "ledger" => views::ledger::ledger().into_any(),
                "diagnostics" => views::diagnostics::diagnostics().into_any(),
                "settings" => views::settings::settings().into_any(),
                _ => views::home::home().into_any(),
            }}
        </main>
    }
}

fn navigation(screen: Memo<&'static str>) -> impl IntoView {
    let links = [
        ("home", "#/", "Share", "nav-home", glyph::UPLOAD),
        ("library", "#/library", "Library", "nav-library", glyph::LIBRARY),
        ("network", "#/network", "Network", "nav-network", glyph::NETWORK),
        ("ledger", "#/ledger", "Ledger", "nav-ledger", glyph::LEDGER),
        ("diagnostics", "#/diagnostics", "Diagnostics", "nav-diagnostics", glyph::PULSE),
    ];
    let links = links.map(|(name, href, label, testid, path)| {
        let here = move || (screen.get() == name).then_some("page");
        view! {
            <a class="nav-link" href=href data-testid=testid aria-current=here>{icon(path)}<span>{label}</span></a>
        }
    });
    view! { <nav class="nav" aria-label="Screens">{links.into_iter().collect_view()}</nav> }
}

/// "Online, relay 18 ms": the word first, then the one number that says it is true.
fn status(bridge: Bridge) -> impl IntoView {
    let status = bridge.live(|snapshot| snapshot.status);
    let more = bridge.calm(|snapshot| {
        let nearest = snapshot
            .relays
            .iter()
            .filter(|relay| relay.state == RelayState::Reserved || relay.state == RelayState::Connected);
        let nearest = nearest.filter_map(|relay| relay.rtt_ms).min_by(f64::total_cmp);
        match (snapshot.status, nearest) {
            (Status::Online, Some(ms)) => format!(", relay {}", crate::format::round_trip(ms)),
            (Status::Degraded, _) => ", peers stay connected".into(),
            _ => String::new(),
        }
    });
    view! {
        <p class="status">
            <span class=move || format!("status-dot {}", words::status_attribute(status.get()))></span>
            <span><b role="status">{move || words::status(status.get())}</b><span class="status-more">{more}</span></span>
        </p>
    }
}

fn me(bridge: Bridge, screen: Memo<&'static str>) -> impl IntoView {
    let me = bridge.live(|snapshot| snapshot.me.clone());
    move || {
        let me = me.get();
        let known = !me.is_empty();
        let name = if known { Name::of(&me).to_string() } else { "Settings".into() };
        let label = if known { format!("Settings. You are {name}") } else { name.clone() };
        view! {
            <a
                class="me"
                href="#/settings"
                data-testid="nav-settings"
                aria-label=label
                aria-current=move || (screen.get() == "settings").then_some("page")
            >
                {if known { identicon(&me).into_any() } else { mark().into_any() }}
                <span class="me-name">{name}</span>
            </a>
        }
    }
}
