//! Where the two worlds differ: the transport stack, tasks, clock, files, hashing. Both siblings export the
//! same names, and nothing outside this module asks what the target is.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use web::*;
#[cfg(target_arch = "wasm32")]
pub use web::{Check, Checks, FolderFile, Subscription, run_worker};

/// Bytes that one read for hashing takes from a file: large enough to be cheap, small enough to report progress.
pub(crate) const HASH_SLICE: u64 = 1024 * 1024;
