//! The transport in a real browser: two peers in one page, signalling in memory, everything else real.

#![cfg(target_arch = "wasm32")]

#[path = "web/connection.rs"]
mod connection;
mod end;
#[path = "web/ends.rs"]
mod ends;
#[path = "web/page.rs"]
mod page;
#[path = "web/window.rs"]
mod window;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
