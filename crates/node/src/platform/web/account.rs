//! The account's key: made once in this browser, kept by its crypto store, and read by nobody, this page included.
//!
//! Its handle is in IndexedDB, for every tab of this browser. A page that came over plain HTTP has no crypto store: there
//! the key is in memory, and the account ends with the tab.

use super::database::{settled, store};
use super::locks::TabLock;
use super::opfs::{DiskError, wait};
use ed25519_dalek::{Signer, SigningKey};
use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use ledger::account::AccountId;
use ledger::signing::Signature;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CryptoKey, IdbTransactionMode, SubtleCrypto};

const DATABASE: &str = "starling-account";
const STORE: &str = "keys";
/// The one entry: `[CryptoKey, Uint8Array]`, the key and the account that it signs for.
const ENTRY: &str = "account";
const ALGORITHM: &str = "Ed25519";

/// What stands before the seed in the form that crypto stores read (PKCS #8 with RFC 8410).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// An account whose key can be asked to sign.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    id: AccountId,
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    /// In the browser's crypto store; `lasting` if later visits find it.
    Browser { key: CryptoKey, lasting: bool },
    /// In this tab's memory.
    Tab(Box<SigningKey>),
}

impl Account {
    /// The account of this browser, or a new one. `None` without randomness.
    pub(crate) async fn open() -> Option<Self> {
        // Two tabs opened at once must not make two.
        let _alone = TabLock::request("starling.account", true).await;
        if let Some(found) = find().await {
            return Some(found);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).ok()?;
        let software = SigningKey::from_bytes(&seed);
        let id = AccountId(software.verifying_key().to_bytes());
        let made = import(&seed).await;
        seed.fill(0);
        Some(match made {
            Ok(key) => {
                let lasting = keep(&key, id).await.is_ok();
                Self { id, key: Key::Browser { key, lasting } }
            }
            Err(_) => Self { id, key: Key::Tab(Box::new(software)) },
        })
    }

    pub(crate) fn id(&self) -> AccountId {
        self.id
    }

    /// Whether a later visit finds it.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(self.key, Key::Browser { lasting: true, .. })
    }

    /// Signs; `None` if the browser will not.
    pub(crate) async fn sign(self, bytes: Vec<u8>) -> Option<Signature> {
        match self.key {
            Key::Browser { key, .. } => {
                let bytes = Uint8Array::from(&bytes[..]);
                let signing = subtle()?.sign_with_str_and_buffer_source(ALGORITHM, &key, &bytes).ok()?;
                let signature: ArrayBuffer = wait(signing).await.ok()?;
                Uint8Array::new(&signature).to_vec().try_into().ok().map(Signature)
            }
            Key::Tab(key) => Some(Signature(key.sign(&bytes).to_bytes())),
        }
    }
}

fn subtle() -> Option<SubtleCrypto> {
    let crypto = Reflect::get(&js_sys::global(), &"crypto".into()).ok()?;
    let subtle = Reflect::get(&crypto, &"subtle".into()).ok().filter(JsValue::is_object)?;
    Some(subtle.unchecked_into())
}

async fn find() -> Option<Account> {
    let keys = store(DATABASE, STORE, IdbTransactionMode::Readonly).await.ok()?;
    let found: Array = settled(&keys.get(&ENTRY.into()).ok()?).await.ok()?.dyn_into().ok()?;
    let key: CryptoKey = found.get(0).dyn_into().ok()?;
    let id: [u8; 32] = found.get(1).dyn_into::<Uint8Array>().ok()?.to_vec().try_into().ok()?;
    Some(Account { id: AccountId(id), key: Key::Browser { key, lasting: true } })
}

async fn import(seed: &[u8; 32]) -> Result<CryptoKey, DiskError> {
    let bytes = Uint8Array::from(&[&PKCS8_PREFIX[..], seed].concat()[..]);
    let usages = Array::of1(&"sign".into());
    let importing =
        subtle().ok_or(DiskError::Absent)?.import_key_with_str("pkcs8", &bytes, ALGORITHM, false, &usages)?;
    wait(importing).await
}

async fn keep(key: &CryptoKey, id: AccountId) -> Result<(), DiskError> {
    let entry = Array::of2(key, &Uint8Array::from(&id.0[..]));
    let keys = store(DATABASE, STORE, IdbTransactionMode::Readwrite).await?;
    settled(&keys.put_with_key(&entry, &ENTRY.into())?).await.map(drop)
}
