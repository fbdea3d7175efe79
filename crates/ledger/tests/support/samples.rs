//! One of everything, and the files it is compared with.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::cheque::{Cheque, Promise};
use ledger::hash::{BlockId, ChainId, ChannelId, ContentRoot, ValidatorsHash};
use ledger::signing::account_of;
use ledger::ticket::{Admission, Ticket};
use ledger::transaction::{
    Authorities, Body, Cheques, OldSignature, OpenChannel, Opened, Publication, RedeemEntry, Redemption, Transaction,
};
use ledger::vote::{Ballot, Evidence, Step, Vote};
use std::fmt::Write;

/// The chain that samples are signed for.
pub(crate) const CHAIN: ChainId = ChainId([0x5c; 32]);

pub(crate) fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

pub(crate) fn id(byte: u8) -> AccountId {
    account_of(&key(byte))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// A transaction of every kind, sent by `sender`.
pub(crate) fn every_kind(sender: u8) -> Vec<Transaction> {
    let channel = ChannelId([0xc4; 32]);
    let promise = Promise { channel, total: Credits(4_096), bytes: 4_194_304 };
    let cheque = Cheque::sign(promise, &CHAIN, &key(9));
    let admission = Admission { issuer: id(5), account: id(sender), epoch: 3, serial: 511, prefix_tag: [7; 8] };
    let vote = |block| Vote::sign(Step::Precommit, Ballot { height: 12, round: 1, block }, &CHAIN, &key(5));
    let (ids, replaces) = (vec![id(5), id(6)], ValidatorsHash([1; 32]));
    let agreed = |byte| Authorities::sign(4, &ids, replaces, &CHAIN, &key(byte));
    let old = vec![OldSignature { place: 0, signature: agreed(5) }];
    let authorities = Authorities::new(4, ids.clone(), old, vec![agreed(5), agreed(6)]).unwrap();
    let opened = |payee, deposit| OpenChannel { payee: id(payee), signer: id(9), deposit: Credits(deposit), ttl: 120 };
    let bodies = [
        Body::OpenChannels(Opened::new(vec![opened(2, 8_192), opened(3, 256)]).unwrap()),
        Body::TopUp { channel, amount: Credits(1) },
        Body::Redeem(Redemption {
            cheques: Cheques::new(vec![RedeemEntry { cheque, close: true }]).unwrap(),
            fee_from_proceeds: true,
        }),
        Body::CloseChannel { channel },
        Body::Transfer { to: id(2), amount: Credits(1 << 49) },
        Body::Admit(Ticket::sign(admission, &CHAIN, &key(5))),
        Body::Sweep { account: id(2) },
        Body::Evidence(Evidence::new(vote(BlockId([1; 32])), vote(BlockId::NONE)).unwrap()),
        Body::Publish(Publication::new(ContentRoot([3; 32]), ContentRoot::NONE, "Étourneau 椋鳥").unwrap()),
        Body::Bond { amount: Credits(1 << 20) },
        Body::Unbond { amount: Credits(2) },
        Body::Withdraw { release: 171 },
        Body::SetAuthorities(authorities),
    ];
    let nonces = 65_536_u64..;
    bodies
        .into_iter()
        .zip(nonces)
        .map(|(body, nonce)| Transaction { sender: id(sender), nonce, valid_until: 600, body })
        .collect()
}

/// Compares with a file of `tests/vectors/ledger`, or writes it when asked to.
pub(crate) fn same_as(file: &str, expected: &str, found: &str) {
    if std::env::var("LEDGER_VECTORS").is_ok_and(|wish| wish == "write") {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ledger");
        std::fs::write(format!("{folder}/{file}"), found).expect("the vectors can be written");
    } else {
        assert!(expected == found, "{file} differs; found:\n{found}");
    }
}
