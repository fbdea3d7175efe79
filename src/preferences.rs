//! What the person chose for this browser. Kept in its storage where there is one; nothing here is needed to work.

use crate::browser;

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

/// Also read by start.js, before the first paint.
const THEME: &str = "starling.theme";

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    fn word(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    /// What was chosen before.
    pub(crate) fn load() -> Self {
        match storage().and_then(|storage| storage.get_item(THEME).ok().flatten()).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Uses it from now on.
    pub(crate) fn apply(self) {
        if let Some(root) = browser::document().document_element() {
            drop(match self.word() {
                Some(word) => root.set_attribute("data-theme", word),
                None => root.remove_attribute("data-theme"),
            });
        }
        if let Some(storage) = storage() {
            drop(match self.word() {
                Some(word) => storage.set_item(THEME, word),
                None => storage.remove_item(THEME),
            });
        }
    }
}

fn storage() -> Option<web_sys::Storage> {
    browser::window().local_storage().ok().flatten()
}
