//! Making blocks. Checking them is crate `ledger`; every tab does that, and only relays link this.
//!
//! A [`Sealer`] is one block maker as a state machine: it hears transactions, messages of other makers and the time, and
//! says in [`Step`]s what is to be kept and what is to be sent. It never waits, stores or sends.
//!
//! **Kept before sent.** A step's messages can only be had by saying that its records are on disk
//! ([`Step::stored`]). A validator that crashed goes on from its records exactly where it was, so it can never sign
//! two different votes for one step.
//!
//! Three engines behind one seam:
//!
//! | engine | module | a block is made by |
//! |---|---|---|
//! | authority, stake | `voting` | proposal, prevote, precommit; more than two thirds of the power ([`agreement`]) |
//! | work | `trials` | whoever solves the puzzle first |
//!
//! Refuses: clocks, randomness, threads. What makes the same inputs lead to the same steps, so that agreement can be
//! simulated by the thousand (`tests/agreement.rs`).

#![forbid(unsafe_code)]

pub mod agreement;
pub mod full_chain;
pub mod message;
mod proposers;
mod sealer;
mod step;
mod trials;
mod voting;

pub use full_chain::{Change, FullChain, RefusedBlock};
pub use message::{BLOCKS_PER_ANSWER_MAX, Message, Proposal, Sealed};
pub use sealer::{HEARTBEAT, Input, PENDING_PAUSE, Sealer};
pub use step::{Record, Send, Sends, Step};
pub use voting::{QUIET, RESEND};
