//! Which screen the address names. The part after `#` never leaves the browser, so links and their keys do not either.

use content::{ContentId, LinkKey};
use protocol::Command;

/// A screen, or an opened link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Home,
    Library,
    Network,
    Ledger,
    Diagnostics,
    Settings,
    /// `/#/get/<id>`.
    Get(Link),
}

/// What stands after `/#/get/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    Content(ContentId),
    /// `<id>~<key>`: private content. `None` for a key that is none: that opens nothing, and the item says so.
    Private(ContentId, Option<LinkKey>),
    /// Not a link of ours.
    Malformed,
}

impl Route {
    /// The route in `location.hash`. What is unknown is Home: an old bookmark should not end on an error.
    pub fn parse(hash: &str) -> Self {
        let path = hash.trim_start_matches('#').trim_start_matches('/');
        let (screen, rest) = path.split_once('/').unwrap_or((path, ""));
        match screen {
            "library" => Self::Library,
            "network" => Self::Network,
            "ledger" => Self::Ledger,
            "diagnostics" => Self::Diagnostics,
            "settings" => Self::Settings,
            "get" => Self::Get(Link::parse_id(rest)),
            _ => Self::Home,
        }
    }

    /// The word of the screen that `route` belongs to, as start.js and the style sheet know it.
    pub fn screen(&self) -> &'static str {
        match self {
            Self::Home | Self::Get(_) => "home",
            Self::Library => "library",
            Self::Network => "network",
            Self::Ledger => "ledger",
            Self::Diagnostics => "diagnostics",
            Self::Settings => "settings",
        }
    }

    /// What the window's title says after "Starling".
    pub fn title(&self) -> Option<&'static str> {
        match self {
            Self::Home => None,
            Self::Get(_) => Some("Fetch"),
            Self::Library => Some("Library"),
            Self::Network => Some("Network"),
            Self::Ledger => Some("Ledger"),
            Self::Diagnostics => Some("Diagnostics"),
            Self::Settings => Some("Settings"),
        }
    }
}

impl Link {
    /// The command that fetches what the link names; `None` when it names nothing.
    pub fn command(self) -> Option<Command> {
        match self {
            Self::Content(id) | Self::Private(id, None) => Some(Command::Fetch { id }),
            Self::Private(id, Some(key)) => Some(Command::FetchPrivate { id, key }),
            Self::Malformed => None,
        }
    }

    /// What it names.
    pub fn id(&self) -> Option<ContentId> {
        match self {
            Self::Content(id) | Self::Private(id, _) => Some(*id),
            Self::Malformed => None,
        }
    }

    /// A link as people paste it: a whole address of any host, `#/get/<id>`, or the bare id.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        Self::parse_id(text.rsplit_once("#/get/").map_or(text, |(_, id)| id))
    }

    fn parse_id(text: &str) -> Self {
        let (id, key) = text.split_once('~').map_or((text, None), |(id, key)| (id, Some(key)));
        match (id.parse(), key) {
            (Ok(id), None) => Self::Content(id),
            (Ok(id), Some(key)) => Self::Private(id, key.parse().ok()),
            (Err(_), _) => Self::Malformed,
        }
    }
}

/// The link that fetches `id` from the page at `origin`; with its key when it is private.
pub fn link_to(origin: &str, id: &str, key: Option<&str>) -> String {
    let separator = if key.is_some() { "~" } else { "" };
    format!("{origin}/#/get/{id}{separator}{}", key.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ContentId = ContentId([7; 32]);

    #[test]
    fn every_screen_has_an_address() {
        for route in [Route::Home, Route::Library, Route::Network, Route::Ledger, Route::Diagnostics, Route::Settings] {
            let word = match route.screen() {
                "home" => "",
                word => word,
            };
            assert_eq!(Route::parse(&format!("#/{word}")), route);
        }
        assert_eq!(Route::parse(""), Route::Home);
        assert_eq!(Route::parse("#/no-such-screen"), Route::Home);
    }

    #[test]
    fn a_link_reads_back_as_it_was_written() {
        let link = link_to("https://starling.example", &ID.to_string(), None);
        assert_eq!(Link::parse(&link), Link::Content(ID));
        assert_eq!(Link::parse(&format!(" {ID}\n")), Link::Content(ID));
        assert_eq!(Route::parse(&format!("#/get/{ID}")), Route::Get(Link::Content(ID)));
    }

    #[test]
    fn a_private_link_is_told_from_a_broken_one() {
        let key = LinkKey::new([7; 32]);
        let link = link_to("https://starling.example", &ID.to_string(), Some(&key.to_string()));
        assert_eq!(Link::parse(&link), Link::Private(ID, Some(key)));
        assert_eq!(Route::parse(&format!("#/get/{ID}~secret")), Route::Get(Link::Private(ID, None)));
        for broken in ["", "nonsense", "bafkr4i", "../../etc/passwd", "<script>", "~", "bafkr4i~key"] {
            assert_eq!(Route::parse(&format!("#/get/{broken}")), Route::Get(Link::Malformed), "{broken}");
        }
    }
}
