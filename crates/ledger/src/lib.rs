//! The light ledger.
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
pub mod merkle;
pub mod parameters;
pub mod seal;
pub mod signing;
pub mod state;
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
