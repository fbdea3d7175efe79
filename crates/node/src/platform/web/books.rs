//! What a tab keeps of its books for the tab after it: a text each in local storage, which is written before the call
//! returns, so that a tab that is closed has kept what it said.
//!
//! Each tab holds a lock of its name. A text whose lock is free is of a tab that is gone: the first to notice takes it.

use super::locks::TabLock;
use protocol::PeerKey;
use std::cell::RefCell;
use std::rc::Rc;
use web_sys::Storage;

const PREFIX: &str = "starling.books.";

/// This tab's books on the shelf, and its claim to them.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    name: String,
    /// Until the tab is gone.
    claim: Rc<RefCell<Option<TabLock>>>,
}

impl Books {
    pub(crate) fn of(tab: PeerKey) -> Self {
        Self { name: format!("{PREFIX}{tab}"), claim: Rc::default() }
    }

    /// Puts these in place of what was there; nothing takes them away.
    pub(crate) fn keep(&self, bytes: &[u8]) {
        let Some(storage) = storage() else { return };
        let written = match bytes {
            [] => storage.remove_item(&self.name),
            bytes => storage.set_item(&self.name, &to_hex(bytes)),
        };
        if written.is_err() {
            log::warn!("the browser keeps no books: what is not redeemed is lost with this tab");
        }
    }

    /// The books of tabs that are gone, which are nobody else's from now on.
    pub(crate) async fn found(self) -> Vec<Vec<u8>> {
        let claim = TabLock::request(&self.name, true).await.filter(TabLock::is_exclusive);
        let Some(storage) = storage().filter(|_| claim.is_some()) else { return Vec::new() };
        self.claim.replace(claim);
        let names = (0..storage.length().unwrap_or(0)).filter_map(|place| storage.key(place).ok().flatten());
        let names: Vec<String> = names.filter(|name| name.starts_with(PREFIX) && *name != self.name).collect();
        let mut found = Vec::new();
        for name in names {
            if let Some(_gone) = TabLock::request(&name, false).await {
                let text = storage.get_item(&name).ok().flatten();
                found.extend(text.and_then(|text| from_hex(&text)));
                drop(storage.remove_item(&name));
            }
        }
        found
    }
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
