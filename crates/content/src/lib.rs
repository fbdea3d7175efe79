//! Content: what a link names, how its bytes are proved group by group, and whom to ask for which of them.
//!
//! Everything here is pure: time, randomness and bytes come in as arguments, wishes go out as values. Peers
//! are a type parameter, so that this crate knows nothing of addresses and tests can call them 0, 1 and 2.
//!
//! | to | see |
//! |---|---|
//! | name a content | [`ContentId`], [`Manifest`], [`Root`] |
//! | hash a file and serve it | [`OutboardBuilder`], [`Outboard`], [`Uploads`] |
//! | share a folder as one content, and save it anywhere | [`Folder`], [`names`] |
//! | keep it from all who lack the link | [`LinkKey`], [`Cipher`] |
//! | fetch and prove it | [`Download`], [`Verifier`] |
//! | go on where an earlier visit stopped | [`Record`], [`Recovery`], [`Kept`] |
//! | make room for it | [`room_for`], [`make_room`] |
//! | talk about it | [`Message`], [`wire::Decoder`] |

#![forbid(unsafe_code)]

pub mod bitfield;
pub mod download;
pub mod folder;
mod hash;
pub mod id;
pub mod kept;
pub mod layout;
pub mod manifest;
pub mod message;
pub mod names;
mod path;
pub mod private;
mod random;
pub mod room;
pub mod tree;
pub mod upload;
pub mod verify;
pub mod wire;

pub use bitfield::Bitfield;
pub use download::{
    Download, DownloadConfig, DownloadInput, DownloadOutput, DropReason, FlowConfig, Flows, Outlook,
    PLAYHEAD_GROUPS_MAX, Progress, SourceView,
};
pub use folder::{Folder, FolderError};
pub use id::{ContentId, IdError, Root};
pub use kept::{Kept, KeptError, Record, Recovery};
pub use layout::{CHUNK_LEN, GROUP_LEN, GROUPS_PER_CHUNK, GroupRange, chunk_count, group_count};
pub use manifest::{Kind, Manifest, ManifestError};
pub use message::{Message, Refusal};
pub use private::{Cipher, Details, LinkKey, PrivateError};
pub use room::{Occupant, make_room, room_for};
pub use tree::{ChangedError, LengthError, Outboard, OutboardBuilder, OutboardError};
pub use upload::{CONSUMERS_MAX, DismissReason, ReadId, UploadConfig, UploadInput, UploadOutput, Uploads};
pub use verify::{VerifiedGroup, Verifier, VerifyError};
pub use wire::{Decoder, WireError};

/// How property tests here run: the same cases every time, unless `PROPTEST_CASES` or `PROPTEST_RNG_SEED` say
/// otherwise.
#[cfg(test)]
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, RngSeed};
    let from_environment = Config::default();
    let rng_seed = match from_environment.rng_seed {
        RngSeed::Random => RngSeed::Fixed(20_231_122),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { from_environment.cases } else { cases };
    Config { cases, rng_seed, failure_persistence: None, ..from_environment }
}
