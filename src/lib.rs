//! The page: draws what the node knows and sends what the person asks for. It decides nothing about the network.
//!
//! | to | see |
//! |---|---|
//! | follow a snapshot from the node to the screen | `bridge`, the only place that holds the node's handle |
//! | find a screen | `views`: one file each; what several share is in `components` |
//! | change what is said | [`reading`], [`words`], [`mod@format`], [`names`] |
//! | change what the pictures look like | [`picture`], [`chart`], [`identicon`], [`qr`] |
//!
//! Everything that only computes is built and tested natively as well; what touches the browser is wasm only.

#![forbid(unsafe_code)]

pub mod chart;
pub mod format;
pub mod history;
pub mod identicon;
pub mod names;
pub mod picture;
pub mod qr;
pub mod reading;
pub mod relay_address;
pub mod route;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
pub mod bridge;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod components;
#[cfg(target_arch = "wasm32")]
pub mod config;
#[cfg(target_arch = "wasm32")]
mod dropped;
#[cfg(target_arch = "wasm32")]
mod js;
#[cfg(target_arch = "wasm32")]
mod preferences;
#[cfg(target_arch = "wasm32")]
mod streaming;
#[cfg(target_arch = "wasm32")]
mod views;
