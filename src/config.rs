//! Where the relays are: from the relay that served the page, else from `config.json`, else from the address bar.
//!
//! A relay in the address (`?relay=`, repeatable) is followed silently only when it is the page's own host. Anybody can
//! make a link, and a relay sees who uses it: for another host the person is asked first, by that host's name.

use crate::browser;
use crate::preferences::{pin_chain, pinned_chain};
use crate::relay_address::{host, is_own};
use futures::future::{Either, select};
use futures_timer::Delay;
use serde::Deserialize;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

/// What a relay, or the page's own file, says about itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Published {
    /// Ways to relays, each ending in `/p2p/<peer id>`.
    pub addresses: Vec<String>,
    pub stun: Vec<String>,
    /// The rendezvous namespace; empty means the node's default.
    pub network: String,
    /// How the relay's chain begins.
    pub chain: Option<Chain>,
    /// Something to fetch while nobody else is here.
    pub sample: Option<Sample>,
}

/// The chain a relay names. Everything else about it is checked by the node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Chain {
    /// Its name.
    pub id: String,
    /// Its genesis: canonical bytes in hexadecimal.
    pub genesis: String,
}

/// The item a relay's operator ships.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    pub name: String,
    pub length: u64,
    /// Where its bytes are, on this origin.
    pub url: String,
    /// The content id its bytes must have; without one there is nothing to check them against, and no sample.
    #[serde(default)]
    pub id: String,
}

/// Relays the address bar asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    /// The page's own host: nobody new learns anything.
    Own(Vec<String>),
    /// Others: these hosts have to be confirmed.
    Others {
        hosts: Vec<String>,
        relays: Vec<String>,
    },
    /// At least one is not a relay's address.
    Malformed,
}

/// The relay serves this; other hosts of the page may not.
const WELL_KNOWN: &str = "/.well-known/starling.json";
/// The fallback, a file of the page.
const FILE: &str = "/config.json";
/// A server that accepts and then says nothing must not keep the node from starting.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// Reads what there is; nothing at all is an answer too: such a tab works alone until somebody is introduced.
pub async fn published() -> Published {
    match fetch(WELL_KNOWN).await {
        Some(published) => published,
        None => fetch(FILE).await.unwrap_or_default(),
    }
}

/// What `?relay=` asks for.
pub fn asked() -> Asked {
    let location = browser::window().location();
    let search = location.search().unwrap_or_default();
    let Ok(parameters) = web_sys::UrlSearchParams::new_with_str(&search) else { return Asked::Nothing };
    let relays: Vec<String> = parameters.get_all("relay").iter().filter_map(|value| value.as_string()).collect();
    if relays.is_empty() {
        return Asked::Nothing;
    }
    let Some(hosts) = relays.iter().map(|relay| host(relay)).collect::<Option<Vec<&str>>>() else {
        return Asked::Malformed;
    };
    let page = location.hostname().unwrap_or_default();
    let mut others: Vec<String> = hosts.into_iter().filter(|host| !is_own(host, &page)).map(str::to_owned).collect();
    others.dedup();
    match others.is_empty() {
        true => Asked::Own(relays),
        false => Asked::Others { hosts: others, relays },
    }
}

/// How the node starts with these relays.
pub fn node_config(published: &Published, relays: Vec<String>) -> node::Config {
    let mut config = node::Config {
        relays,
        stun: published.stun.clone(),
        lan: page_is_local(),
        worker: worker_script(),
        ..node::Config::default()
    };
    config.chain = published.chain.as_ref().map(|chain| {
        let pinned = pinned_chain();
        if pinned.is_none() {
            pin_chain(Some(&chain.id));
        }
        node::ChainConfig { genesis: chain.genesis.clone(), pinned }
    });
    if !published.network.is_empty() {
        config.network.clone_from(&published.network);
    }
    config
}

/// The page came from this machine or its own network, so addresses there are nobody's secret.
fn page_is_local() -> bool {
    let host = browser::window().location().hostname().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    match bare.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => host == "localhost" || host.ends_with(".local"),
    }
}

/// The worker's script with the names of the app's files, which carry hashes; start.js knows them.
fn worker_script() -> Option<String> {
    let files = js_sys::Reflect::get(&browser::window(), &"starlingFiles".into()).ok()?;
    let name = |key: &str| js_sys::Reflect::get(&files, &key.into()).ok()?.as_string();
    let (js, wasm) = (name("js")?, name("wasm")?);
    let encoded = |text: &str| String::from(js_sys::encode_uri_component(text));
    Some(format!("/worker.js?js={}&wasm={}", encoded(&js), encoded(&wasm)))
}

async fn fetch(path: &str) -> Option<Published> {
    match select(Box::pin(fetch_json(path)), Delay::new(ANSWER_WITHIN)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => None,
    }
}

async fn fetch_json(path: &str) -> Option<Published> {
    let response = JsFuture::from(browser::window().fetch_with_str(path)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let json = JsFuture::from(response.json().ok()?).await.ok()?;
    serde_wasm_bindgen::from_value(json).map_err(|error| log::warn!("{path} cannot be used: {error}")).ok()
}
