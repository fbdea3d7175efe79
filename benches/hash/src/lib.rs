//! What verifying costs beyond hashing: the same groups of 16 KiB through `content` and through bare BLAKE3.
//!
//! Compiled with the page's profile and flags, so that it says what the page does. Both sides hash the same bytes at the
//! same place in wasm's memory; copying into it is not counted, the page's figures hold that. Time is the page's.

#![forbid(unsafe_code)]
#![cfg(target_arch = "wasm32")]

use bytes::Bytes;
use content::{GROUP_LEN, GroupRange, Message, Outboard, Verifier};
use wasm_bindgen::prelude::*;

/// Some bytes, and the messages in which a source would send them.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Stage {
    bytes: Bytes,
    messages: Vec<Message>,
    outboard: Outboard,
}

#[wasm_bindgen]
impl Stage {
    /// So many groups of bytes that look random.
    #[wasm_bindgen(constructor)]
    pub fn new(groups: u32) -> Self {
        let mut state = 0x9E37_79B9_u32;
        let byte = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 24) as u8
        };
        let bytes: Bytes = std::iter::repeat_with(byte).take(groups as usize * GROUP_LEN as usize).collect();
        let outboard = Outboard::of(&bytes);
        let messages =
            outboard.encode(GroupRange::whole(outboard.length()), 0, &bytes).expect("the bytes did not change");
        Self { bytes, messages, outboard }
    }

    /// Verifies every group; how many were right.
    pub fn verify(&self) -> usize {
        let mut verifier = Verifier::new(self.outboard.root(), self.outboard.length());
        let right = |message: &&Message| match message {
            Message::Group { group, parents, bytes, .. } => verifier.check(*group, parents, bytes.clone()).is_ok(),
            _ => false,
        };
        self.messages.iter().filter(right).count()
    }

    /// Hashes every group; something that depends on all of them, so that none is left out.
    pub fn bare(&self) -> u8 {
        let groups = self.bytes.chunks(GROUP_LEN as usize);
        groups.fold(0, |sum, group| sum ^ blake3::hash(group).as_bytes()[0])
    }
}

/// Which instructions BLAKE3 uses here.
#[wasm_bindgen]
pub fn platform() -> String {
    format!("{:?}", blake3::platform::Platform::detect())
}
