//! One file per screen, in folders where a screen has parts.

pub(crate) mod diagnostics;
pub(crate) mod folder;
pub(crate) mod history;
pub(crate) mod home;
pub(crate) mod items;
pub(crate) mod ledger;
pub(crate) mod library;
pub(crate) mod network;
pub(crate) mod notices;
pub(crate) mod peers;
pub(crate) mod preview;
pub(crate) mod settings;
