//! The light ledger: who owns how much credit, and why nobody has to be believed about it.
//!
//! # The chain on one page
//!
//! **Credit.** All of it exists from the beginning: 2^50 units, in one treasury ([`amount::SUPPLY`]). Nothing makes more.
//! Whoever serves is paid by whoever fetches, out of credit that they have: claiming to have served earns nothing.
//!
//! **Accounts** are Ed25519 keys ([`account`]). A newcomer gets a grant from the treasury with a [`ticket`]; the ledger
//! counts each issuer's tickets, and that count is all that bounds free identities.
//!
//! **Payment** happens beside the ledger. A payer locks a deposit in a [`channel`] to one payee, then signs [`cheque`]s
//! while bytes arrive. Each cheque says the whole of what is owed so far, so only the newest matters. The payee redeems
//! it, in its own time, with a [`transaction`]. Channels live by block heights: a ledger that stands still takes nobody's
//! money.
//!
//! **State** is a map from keys to leaves ([`leaf`]), committed to by a Merkle-sum [`tree`]. Every proof of one leaf also
//! proves that all leaves add up to the supply: to print credit, a block must take it from a leaf whose owner will look.
//! [`state`] is the only place where a balance changes; a transaction applies wholly or not at all, and a [`block`] with
//! one that does not apply is no block.
//!
//! **Blocks.** A [`header`] commits to the transactions ([`merkle`]), the state after them, and all earlier blocks
//! ([`history`]). A [`seal`] makes it count: signatures of more than two thirds of the known power (engines authority and
//! stake: final at once), or a solved puzzle (engine work: never final). Who seals is announced before it seals; it is
//! never taken from the header that it sealed.
//!
//! **A tab** checks all of this without the blocks: [`verify`] has one function per rule, [`chain`] follows the branch that
//! counts and stops at two sealed blocks that contradict each other, [`sync`] says whom to ask for headers, [`question`] in which
//! words. [`mempool`] holds what waits for a block.
//!
//! Everything is pure. Time is an argument, there is no randomness, no network, no float, no order but that of keys, and
//! bytes have one spelling ([`wire`]): the same blocks give the same roots on every target. No bytes of a stranger can
//! do worse than be refused.
//!
//! # Reading order
//!
//! [`amount`], [`transaction`], [`state`], [`tree`], [`header`], [`verify`], [`chain`]. The rules follow the light-ledger
//! design of this project; what it left open is in `docs/decisions/0008-the-ledger-where-its-design-was-silent.md`.

#![forbid(unsafe_code)]

pub mod account;
pub mod amount;
pub mod block;
pub mod chain;
pub mod channel;
pub mod cheque;
pub mod genesis;
pub mod hash;
pub mod header;
pub mod history;
pub mod leaf;
pub mod mempool;
pub mod merkle;
pub mod parameters;
pub mod question;
pub mod seal;
pub mod signing;
pub mod stamp;
pub mod state;
pub mod sync;
pub mod ticket;
pub mod transaction;
pub mod tree;
pub mod validators;
pub mod verify;
pub mod vote;
pub mod wire;

/// How property tests here run: the same cases every time, unless `PROPTEST_CASES` or `PROPTEST_RNG_SEED` say
/// otherwise.
#[cfg(all(test, not(target_arch = "wasm32")))]
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
