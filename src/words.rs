//! What the screen says about codes, paths and reasons. Short, calm, exact; what happened, what still works, what to do.
//!
//! Every [`Code`] has a sentence here and the match names them all, so a new code stops the build until it has one.

use crate::names::Name;
use protocol::snapshot::{Met, PathView, Reason, SourceState, Status};
use protocol::{Candidate, Code, Failure, Keeping, Stage};

/// Who can read what a link names, beside the link.
pub fn privacy(private: bool) -> &'static str {
    match private {
        true => "Private. The key is only in the link.",
        false => "Not private: whoever has the link can fetch it, and the relay knows that you have it.",
    }
}

/// How loud a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    Info,
    Care,
    Fault,
}

impl Weight {
    /// Its class in the style sheet.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Care => "care",
            Self::Fault => "fault",
        }
    }
}

/// The one button a notice may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    RetryRelays,
    Diagnostics,
    Home,
}

impl Step {
    /// What the button says.
    pub fn label(self) -> &'static str {
        match self {
            Self::RetryRelays => "Try again",
            Self::Diagnostics => "See why",
            Self::Home => "Share something",
        }
    }
}

/// What a code means to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub weight: Weight,
    /// What happened.
    pub title: &'static str,
    /// What still works, and what to do.
    pub body: &'static str,
    pub step: Option<Step>,
}

/// The sentence of a code.
pub fn sentence(code: Code) -> Sentence {
    use Step::{Diagnostics, Home, RetryRelays};
    use Weight::{Care, Fault, Info};
    let (weight, title, body, step) = match code {
        Code::MalformedLink => (
            Fault,
            "This link is not complete",
            "Part of it is missing or changed, so there is nothing to look for. Ask for it again and copy all of it.",
            Some(Home),
        ),
        Code::NoProvider => (
            Care,
            "Nobody here has it yet",
            "It starts by itself when somebody who has it opens Starling. Ask the sender to keep the tab open.",
            None,
        ),
        Code::BadBytes => (
            Care,
            "A peer sent bytes that do not match",
            "They were thrown away and that peer is not asked again. The others go on.",
            None,
        ),
        Code::ProviderLeft => (
            Care,
            "The last peer that had it has left",
            "What is here is verified and stays. It goes on by itself when somebody who has the rest comes back.",
            None,
        ),
        Code::NoDirectPath => (
            Fault,
            "No direct path",
            "Nothing is broken: some mobile and office networks work this way. Another network, such as home Wi-Fi, \
             often helps. Other peers are not affected.",
            Some(Diagnostics),
        ),
        Code::RelayUnreachable => (
            Fault,
            "No relay answers",
            "Peers you are connected to stay connected, and what runs goes on. New ones cannot be found until a relay is \
             back. It is tried again by itself.",
            Some(RetryRelays),
        ),
        Code::WebrtcBlocked => (
            Fault,
            "This browser does not allow direct connections",
            "WebRTC is turned off here, by a setting, an extension or your organisation. Allow it for this page, or open \
             the link in another browser.",
            Some(Diagnostics),
        ),
        Code::StorageRefused => (
            Info,
            "Kept in memory only",
            "This browser gave no storage. Sharing and fetching work; reloading forgets everything.",
            None,
        ),
        Code::StorageFull => (
            Fault,
            "No room left in this browser",
            "What is verified stays and can be saved. Remove or unpin something in the Library, or free some space, then \
             resume.",
            None,
        ),
        Code::MadeRoom => (
            Info,
            "An older item made room",
            "The browser gives this page no more. What was not used for longest went first; its link brings it back. Pin \
             what should stay.",
            None,
        ),
        Code::WrongKey => (
            Fault,
            "The key in this link is wrong or missing",
            "The item is private and opens only with its whole link. Ask the sender for the link again and copy all of it.",
            Some(Home),
        ),
        Code::InsecureOrigin => (
            Info,
            "This page came over plain HTTP",
            "Sharing and fetching work and stay encrypted between tabs. Files are kept in memory: reloading forgets them.",
            None,
        ),
        Code::FileChanged => (
            Fault,
            "The file has changed since it was shared",
            "Its link names the old bytes, so it cannot be served any more. Share it anew to get a new link.",
            Some(Home),
        ),
        Code::PermissionNeeded => (
            Care,
            "The browser asks before it reads this file again",
            "It remembers which file you shared. One click offers it again under the same link.",
            None,
        ),
        Code::BadManifest => (
            Fault,
            "This item cannot be read",
            "Its description is damaged, or made for a newer Starling. Reload this page to get the newest one, then try \
             again.",
            None,
        ),
        Code::RelayUnconfirmed => (
            Care,
            "This link asks to use another relay",
            "A relay introduces peers and sees your network address. Files do not pass through it.",
            None,
        ),
        Code::MalformedRelay => (
            Care,
            "The relay in this address cannot be read",
            "The page's own relay is used instead. A relay looks like /dns4/relay.example/tcp/443/wss.",
            None,
        ),
        Code::LimitReached => (
            Care,
            "That is more than this tab can hold",
            "Everything that runs goes on. Remove something from the Library first, then try again.",
            None,
        ),
        Code::SampleUnavailable => (
            Care,
            "The sample could not be read",
            "The relay's operator may have moved it. Sharing and fetching work as before.",
            None,
        ),
    };
    Sentence { weight, title, body, step }
}

/// The word in the header.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Starting => "Starting",
        Status::Online => "Online",
        Status::Degraded => "No relay",
        Status::Offline => "Offline",
    }
}

/// The value of `data-status`.
pub fn status_attribute(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Online => "online",
        Status::Degraded => "degraded",
        Status::Offline => "offline",
    }
}

/// The value of `data-path`.
pub fn path_attribute(path: PathView) -> &'static str {
    match path {
        PathView::Direct => "direct",
        PathView::Relayed => "relayed",
        PathView::Connecting => "connecting",
        PathView::Gone => "gone",
    }
}

/// A path in words.
pub fn path(path: PathView) -> &'static str {
    match path {
        PathView::Direct => "Direct",
        PathView::Relayed => "Through the relay",
        PathView::Connecting => "Connecting",
        PathView::Gone => "Gone",
    }
}

/// How far a connection attempt has come.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Introducing => "being introduced",
        Stage::Signalling => "exchanging offer and answer",
        Stage::Checking => "trying address pairs",
        Stage::Opening => "opening the first streams",
    }
}

/// Why there is no connection.
pub fn failure(failure: Failure) -> &'static str {
    match failure {
        Failure::NotIntroduced => "Nobody could introduce this peer: it may have left.",
        Failure::Signalling => "The offer or answer could not be used.",
        Failure::NoDirectPath => "No address pair answered. Nothing is broken: some networks work this way.",
        Failure::WebRtcBlocked => "This browser does not allow direct connections.",
        Failure::Limit => "One of the two tabs has all the connections it may have.",
        Failure::TimedOut => "It took longer than it may.",
        Failure::Closed => "The other tab closed the connection or is gone.",
        Failure::Banned => "It sent bytes that did not match. It is not asked again.",
    }
}

/// The kind of address one end of a path uses.
pub fn candidate(candidate: Candidate) -> &'static str {
    match candidate {
        Candidate::Host => "its own address",
        Candidate::ServerReflexive => "the address its network shows outside",
        Candidate::PeerReflexive => "an address found while connecting",
        Candidate::Relay => "a TURN relay",
    }
}

/// Who brought us together.
pub fn met(met: &Met) -> String {
    match met {
        Met::Relay(name) => format!("Introduced by {name}."),
        Met::Neighbour(peer) => format!("Introduced by {}, without a relay.", Name::of(peer)),
        Met::Inbound => "It came to you.".into(),
    }
}

/// Why a peer is, or is not, one we talk to.
pub fn reason(reason: Reason) -> String {
    match reason {
        Reason::RoomForMore => "One of the first found while there was room. Nobody was measured yet.".into(),
        Reason::TheyAsked => "It asked to connect, and there was room.".into(),
        Reason::HoldsContent => "It holds something you are fetching.".into(),
        Reason::Nearest { of: ..=1, .. } => "The only measured peer so far.".into(),
        Reason::Nearest { place: 1, of } => format!("The nearest of {of} measured peers."),
        Reason::Nearest { place, of } => format!("The {} nearest of {of} measured peers.", ordinal(place)),
        Reason::NotAnswering => "It did not answer. It is tried again later, and the others are not affected.".into(),
        Reason::SentWrongBytes => {
            "It sent bytes that did not match the link. Nothing bad was kept, and it is not asked again.".into()
        }
        Reason::PersonSaidNo => "You disconnected it. It stays so until you try again.".into(),
    }
}

/// `second`, `third`, `14th`.
pub fn ordinal(n: u32) -> String {
    const WORDS: [&str; 10] =
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
    match (n, n % 100, n % 10) {
        (1..=10, ..) => WORDS[n as usize - 1].to_owned(),
        (_, 11..=13, _) => format!("{n}th"),
        (_, _, 1) => format!("{n}st"),
        (_, _, 2) => format!("{n}nd"),
        (_, _, 3) => format!("{n}rd"),
        _ => format!("{n}th"),
    }
}

/// How an item outlives the visit; `own` is the person's own share.
pub fn keeping(keeping: Keeping, own: bool) -> &'static str {
    match (keeping, own) {
        (Keeping::Tab, true) => "Only while this tab is open.",
        (Keeping::Tab, false) => "Kept in memory only: gone when this tab closes.",
        (Keeping::Device, false) => "Kept on this device.",
        (Keeping::Device, true) => "Kept on this device: offered again after a reload.",
        (Keeping::File, _) => "Offered again after a reload, from your file.",
    }
}

/// Where a source stands.
pub fn source(state: SourceState) -> &'static str {
    match state {
        SourceState::Idle => "Has it, not asked right now",
        SourceState::Active => "Sending",
        SourceState::Resting => "Left alone for a moment: it turned slow or failed. The others go on.",
        SourceState::Dropped => "Dropped: a chunk failed its check. Nothing bad was kept.",
        SourceState::Left => "Left",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [Code; 19] = [
        Code::MalformedLink,
        Code::NoProvider,
        Code::BadBytes,
        Code::ProviderLeft,
        Code::NoDirectPath,
        Code::RelayUnreachable,
        Code::WebrtcBlocked,
        Code::StorageRefused,
        Code::StorageFull,
        Code::MadeRoom,
        Code::WrongKey,
        Code::InsecureOrigin,
        Code::FileChanged,
        Code::PermissionNeeded,
        Code::BadManifest,
        Code::RelayUnconfirmed,
        Code::MalformedRelay,
        Code::LimitReached,
        Code::SampleUnavailable,
    ];

    #[test]
    fn sentences_keep_to_the_voice() {
        for code in CODES {
            let Sentence { title, body, .. } = sentence(code);
            let all = format!("{title} {body}").to_lowercase();
            assert!(!all.contains('!') && !all.contains("oops"), "{code:?}");
            assert!(!all.split(|c: char| !c.is_alphabetic()).any(|word| word == "we" || word == "our"), "{code:?}");
            assert!(!title.ends_with('.') && body.ends_with('.'), "{code:?}");
            assert!(title.len() <= 48, "{code:?}");
        }
    }

    #[test]
    fn no_two_codes_say_the_same() {
        let titles: std::collections::BTreeSet<_> = CODES.iter().map(|code| sentence(*code).title).collect();
        assert_eq!(titles.len(), CODES.len());
    }

    #[test]
    fn places_read_as_words_and_then_as_numbers() {
        assert_eq!(ordinal(4), "fourth");
        assert_eq!(ordinal(11), "11th");
        assert_eq!(ordinal(22), "22nd");
        assert_eq!(reason(Reason::Nearest { place: 1, of: 3 }), "The nearest of 3 measured peers.");
    }
}
