//! Bugs put in on purpose: each must be caught by a test, or the tests are worth less than they look.
//!
//! `cargo test -p ledger --test mutants` copies what is under version control into the target folder, puts in one bug
//! after the other and runs this crate's tests on it. It takes minutes, so a plain `cargo test` leaves it out.
//! `LEDGER_MUTANTS=window` runs those whose name contains the word.

#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::print_stdout, reason = "minutes without a word look like a hang")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// A name, a file of `src`, what stands there once, and the bug.
type Mutant = (&'static str, &'static str, &'static str, &'static str);

const MUTANTS: [Mutant; 20] = [
    ("credit without debit in Admit", "state/accounts.rs", "        self.put_treasury(left);\n", ""),
    ("missing fee in the balance check", "state/draft.rs", "self.debit(id, fee)?;", "let _ = self.debit(id, fee);"),
    ("equal total pays again", "channel.rs", "if total <= redeemed {", "if total < redeemed {"),
    ("deposit bound off by one", "channel.rs", "if total > deposit {", "if total.0 > deposit.0 + 1 {"),
    ("channel id without nonce", "channel.rs", "&nonce.to_le_bytes()", "&(nonce * 0).to_le_bytes()"),
    (
        "nonce reset on re-creation",
        "account.rs",
        "height.saturating_mul(NONCES_PER_HEIGHT)",
        "height.saturating_mul(0)",
    ),
    (
        "no challenge window",
        "state/channels.rs",
        "self.height.saturating_add(self.parameters().close_window)",
        "self.height.saturating_add(self.parameters().close_window * 0)",
    ),
    ("window end off by one", "channel.rs", "if height > last {", "if height >= last {"),
    (
        "settled a block early",
        "channel.rs",
        ".saturating_add(1)\n    }\n\n    /// Whether its payer",
        ".saturating_add(0)\n    }\n\n    /// Whether its payer",
    ),
    (
        "settlement fee rounded down",
        "channel.rs",
        "delta.share_up(parameters.settle_permyriad).max(Credits(1)).min(delta)",
        "delta.share_down(parameters.settle_permyriad)",
    ),
    (
        "cap counter not stored",
        "state/accounts.rs",
        "        serials.mark(admission.serial);\n",
        "        serials.mark(512);\n",
    ),
    (
        "sums not hashed",
        "tree.rs",
        "&[&left.hash.0, &sums.0, &right.hash.0, &sums.1]",
        "&[&left.hash.0, &right.hash.0, &sums.0[..0]]",
    ),
    (
        "child sums hashed as a total",
        "tree.rs",
        "&[&left.hash.0, &sums.0, &right.hash.0, &sums.1]",
        "&[&left.hash.0, &right.hash.0, &sum.0.to_le_bytes(), &sums.0[..0]]",
    ),
    ("sum of a proof not checked", "tree/proof.rs", "found.sum != SUPPLY", "found.sum > Credits(u64::MAX - 1)"),
    ("two thirds are enough", "validators.rs", "power as u128 * 3 > self", "power as u128 * 3 >= self"),
    ("validators taken from the header", "verify.rs", "if found == expected {", "if found == header.validators {"),
    (
        "clock decides about final headers",
        "chain.rs",
        "if engine.reorg_max() > 0 {\n            if verify::is_ahead",
        "if engine.reorg_max() < 1_000 {\n            if verify::is_ahead",
    ),
    ("power grows at once", "state/power.rs", ".min(allowance)", ".min(allowance.max(u64::MAX))"),
    ("jail is open", "state/power.rs", "bond.jailed_until <= epoch", "bond.jailed_until <= u32::MAX"),
    ("treasury not watched", "verify.rs", "if header.treasury >= least", "if header.treasury >= Credits(least.0 * 0)"),
];

fn cargo(tree: &Path, build: &Path, arguments: &[&str]) -> bool {
    let tests = ["--lib", "--test", "state_machine", "--test", "chain", "--test", "follow", "--test", "vectors"];
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--offline", "--package", "ledger"]).args(tests).args(arguments);
    command.current_dir(tree).env("CARGO_TARGET_DIR", build).env_remove("LEDGER_VECTORS").env("RUST_BACKTRACE", "0");
    let output = command.output().expect("cargo runs");
    output.status.success()
}

/// Copies what is under version control; what has not changed is left alone, so that little is compiled again.
fn copy(root: &Path, tree: &Path) {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output().expect("git runs");
    for name in String::from_utf8(listed.stdout).expect("our names are text").split_terminator('\0') {
        let (from, to) = (root.join(name), tree.join(name));
        std::fs::create_dir_all(to.parent().expect("a file is in a folder")).expect("the target folder can be written");
        let bytes = std::fs::read(&from).unwrap_or_default();
        if std::fs::read(&to).ok().as_ref() != Some(&bytes) {
            std::fs::write(&to, bytes).expect("the target folder can be written");
        }
    }
}

#[test]
fn every_bug_put_in_on_purpose_is_caught() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let (tree, build) = (target.join("mutants/tree"), target.join("mutants/build"));
    copy(&root, &tree);
    assert!(cargo(&tree, &build, &[]), "the tests fail without any bug");
    let wanted = std::env::var("LEDGER_MUTANTS").unwrap_or_default();
    let mut survived = Vec::new();
    for (name, file, from, to) in MUTANTS.into_iter().filter(|(name, ..)| name.contains(&wanted)) {
        let file = tree.join("crates/ledger/src").join(file);
        let honest = std::fs::read_to_string(&file).expect("the copy is there");
        assert_eq!(honest.matches(from).count(), 1, "{name}: its place has moved");
        std::fs::write(&file, honest.replace(from, to)).expect("the copy can be written");
        assert!(cargo(&tree, &build, &["--no-run"]), "{name}: does not compile");
        let is_caught = !cargo(&tree, &build, &[]);
        println!("{} {name}", if is_caught { "caught  " } else { "SURVIVED" });
        if !is_caught {
            survived.push(name);
        }
        std::fs::write(&file, honest).expect("the copy can be written");
    }
    assert!(survived.is_empty(), "not caught by any test: {survived:?}");
}
