//! The codes of everything that can go wrong, as the screen, the tests and `docs/protocol.md` spell them.

use serde::Serialize;

/// Why something did not work, in a form that a program can hold on to. [`Code::as_str`] is the wire of
/// `data-error` and `data-code`; the sentence beside it belongs to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The link does not parse, or its content id is not one of ours.
    MalformedLink,
    /// Nobody we can ask has it; we keep asking.
    NoProvider,
    /// A peer sent bytes that do not match the link.
    BadBytes,
    /// The last peer that had it is gone; we keep asking.
    ProviderLeft,
    /// Peers were found but no direct path to any of them could be made.
    NoDirectPath,
    /// No relay answers.
    RelayUnreachable,
    /// This browser, or a policy in it, does not let the page use WebRTC.
    WebrtcBlocked,
    /// The browser refused to keep or to give back bytes.
    StorageRefused,
    /// The browser has no room left.
    StorageFull,
    /// What was not used for longest made way for something else.
    MadeRoom,
    /// A private link's key is wrong or missing.
    WrongKey,
    /// The page is not on a secure origin: no crypto store, service worker or private file system.
    InsecureOrigin,
    /// The file on disk is no longer the one that was shared.
    FileChanged,
    /// The browser wants the person's yes before it reads a file of an earlier visit again.
    PermissionNeeded,
    /// The manifest is not one this version understands, or lies about its length.
    BadManifest,
    /// A relay of another host was named; the person has not confirmed it yet.
    RelayUnconfirmed,
    /// The text given as `?relay=` is not an address of a relay.
    MalformedRelay,
    /// More than this tab may hold at once was asked for (peers, items, requests).
    LimitReached,
    /// The operator's sample could not be read from the relay.
    SampleUnavailable,
}

impl Code {
    /// The code in kebab case, as in `first-screen.md`: `malformed-link`, `no-provider`, ...
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedLink => "malformed-link",
            Self::NoProvider => "no-provider",
            Self::BadBytes => "bad-bytes",
            Self::ProviderLeft => "provider-left",
            Self::NoDirectPath => "no-direct-path",
            Self::RelayUnreachable => "relay-unreachable",
            Self::WebrtcBlocked => "webrtc-blocked",
            Self::StorageRefused => "storage-refused",
            Self::StorageFull => "storage-full",
            Self::MadeRoom => "made-room",
            Self::WrongKey => "wrong-key",
            Self::InsecureOrigin => "insecure-origin",
            Self::FileChanged => "file-changed",
            Self::PermissionNeeded => "permission-needed",
            Self::BadManifest => "bad-manifest",
            Self::RelayUnconfirmed => "relay-unconfirmed",
            Self::MalformedRelay => "malformed-relay",
            Self::LimitReached => "limit-reached",
            Self::SampleUnavailable => "sample-unavailable",
        }
    }
}
