//! What the state consists of: one map from keys to leaves.
//!
//! A key is a hash of what the leaf is about, so nobody chooses where it stands. The value of a leaf is the credit it
//! holds; all values together are the supply, at every height, and the tree over them proves it.

use crate::account::{Account, AccountId};
use crate::amount::Credits;
use crate::channel::Channel;
use crate::hash::{ChainId, ChannelId, ContentRoot, Digest, Key, hash, tag};
use crate::seal::Engine;
use crate::ticket::Serials;
use crate::validators::Validators;
use crate::vote::Step;
use crate::wire::{Reader, Wire, WireError, wire_struct};

/// One entry of the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// What nobody owns yet. There is one.
    Treasury {
        /// What is left.
        balance: Credits,
    },
    /// Somebody's account.
    Account(Account),
    /// A payment channel.
    Channel(Channel),
    /// Credit locked as voting power.
    Bond(Bond),
    /// Credit that was voting power and waits to be withdrawn.
    Unbonding(Unbonding),
    /// The tickets an issuer gave out in one epoch.
    Issued(Issued),
    /// Who seals: now, or from the next epoch on.
    Validators(Validators),
    /// Which chain this is. There is one.
    Meta(Meta),
    /// Who published a content first.
    Published(Published),
    /// A double signature that was punished already.
    Fault,
}

/// Voting power and whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bond {
    /// Whose.
    pub account: AccountId,
    /// How much.
    pub amount: Credits,
    /// The first epoch for which it may be chosen again, after a double signature.
    pub jailed_until: u32,
}

wire_struct!(Bond { account: AccountId, amount: Credits, jailed_until: u32 });

/// Credit on its way from a bond back to its account; can be slashed until it is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbonding {
    /// Whose.
    pub account: AccountId,
    /// The epoch from which it can be withdrawn.
    pub release: u32,
    /// How much.
    pub amount: Credits,
}

wire_struct!(Unbonding { account: AccountId, release: u32, amount: Credits });

/// The tickets an issuer gave out in one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The issuer.
    pub issuer: AccountId,
    /// The epoch on the tickets.
    pub epoch: u32,
    /// Which of them were used.
    pub serials: Serials,
}

wire_struct!(Issued { issuer: AccountId, epoch: u32, serials: Serials });

/// Which chain this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The hash of its genesis.
    pub chain: ChainId,
    /// The hash of its numbers.
    pub parameters: Digest,
    /// Who may seal.
    pub engine: Engine,
}

wire_struct!(Meta { chain: ChainId, parameters: Digest, engine: Engine });

/// Who published a content first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Who.
    pub publisher: AccountId,
    /// In which block.
    pub height: u64,
    /// The version it follows, or none.
    pub parent: ContentRoot,
    /// The hash of the title they gave it.
    pub title: Digest,
}

wire_struct!(Published { publisher: AccountId, height: u64, parent: ContentRoot, title: Digest });

impl Published {
    /// What the leaf keeps of a title.
    pub fn title_hash(title: &str) -> Digest {
        hash(&tag("title"), &[title.as_bytes()])
    }
}

impl Leaf {
    /// The credit it holds.
    pub const fn value(&self) -> Credits {
        match self {
            Self::Treasury { balance } => *balance,
            Self::Account(account) => account.balance,
            Self::Channel(channel) => channel.rest(),
            Self::Bond(bond) => bond.amount,
            Self::Unbonding(unbonding) => unbonding.amount,
            Self::Issued(_) | Self::Validators(_) | Self::Meta(_) | Self::Published(_) | Self::Fault => Credits::ZERO,
        }
    }

    const fn byte(&self) -> u8 {
        match self {
            Self::Treasury { .. } => 0,
            Self::Account(_) => 1,
            Self::Channel(_) => 2,
            Self::Bond(_) => 3,
            Self::Unbonding(_) => 4,
            Self::Issued(_) => 5,
            Self::Validators(_) => 6,
            Self::Meta(_) => 7,
            Self::Published(_) => 8,
            Self::Fault => 9,
        }
    }
}

impl Wire for Leaf {
    const LEN_MAX: usize = 1 + Validators::LEN_MAX;

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.byte());
        match self {
            Self::Treasury { balance } => balance.encode(out),
            Self::Account(account) => account.encode(out),
            Self::Channel(channel) => channel.encode(out),
            Self::Bond(bond) => bond.encode(out),
            Self::Unbonding(unbonding) => unbonding.encode(out),
            Self::Issued(issued) => issued.encode(out),
            Self::Validators(validators) => validators.encode(out),
            Self::Meta(meta) => meta.encode(out),
            Self::Published(published) => published.encode(out),
            Self::Fault => {}
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::decode(input)? {
            0 => Self::Treasury { balance: Wire::decode(input)? },
            1 => Self::Account(Wire::decode(input)?),
            2 => Self::Channel(Wire::decode(input)?),
            3 => Self::Bond(Wire::decode(input)?),
            4 => Self::Unbonding(Wire::decode(input)?),
            5 => Self::Issued(Wire::decode(input)?),
            6 => Self::Validators(Wire::decode(input)?),
            7 => Self::Meta(Wire::decode(input)?),
            8 => Self::Published(Wire::decode(input)?),
            9 => Self::Fault,
            found => return Err(WireError::Choice { what: "leaf", found }),
        })
    }
}

/// Which of the two lists of validators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InForce {
    /// Seals now.
    Now,
    /// Seals from the next epoch on.
    Next,
}

impl Key {
    fn of(kind: &str, parts: &[&[u8]]) -> Self {
        hash(&tag(kind), parts).into()
    }

    /// The treasury's.
    pub fn treasury() -> Self {
        Self::of("key/treasury", &[])
    }

    /// An account's.
    pub fn account(id: &AccountId) -> Self {
        Self::of("key/account", &[&id.0])
    }

    /// A channel's: its id, which is a hash of its own purpose already.
    pub const fn channel(id: &ChannelId) -> Self {
        Self(id.0)
    }

    /// A bond's.
    pub fn bond(account: &AccountId) -> Self {
        Self::of("key/bond", &[&account.0])
    }

    /// That of what an account gets back in an epoch.
    pub fn unbonding(account: &AccountId, release: u32) -> Self {
        Self::of("key/unbonding", &[&account.0, &release.to_le_bytes()])
    }

    /// That of an issuer's epoch.
    pub fn issued(issuer: &AccountId, epoch: u32) -> Self {
        Self::of("key/issued", &[&issuer.0, &epoch.to_le_bytes()])
    }

    /// A list of validators'.
    pub fn validators(which: InForce) -> Self {
        Self::of("key/validators", &[&[which as u8]])
    }

    /// That of the chain itself.
    pub fn meta() -> Self {
        Self::of("key/meta", &[])
    }

    /// A content's.
    pub fn published(root: &ContentRoot) -> Self {
        Self::of("key/published", &[root.as_bytes()])
    }

    /// That of a double signature.
    pub fn fault(validator: &AccountId, height: u64, round: u32, step: Step) -> Self {
        let step = step.to_bytes();
        Self::of("key/fault", &[&validator.0, &height.to_le_bytes(), &round.to_le_bytes(), &step])
    }

    /// Bit `depth`, the most significant first: whether the way goes right.
    pub const fn bit(&self, depth: usize) -> bool {
        self.0[depth / 8] & (0x80 >> (depth % 8)) != 0
    }

    /// Bits that both begin with.
    pub fn common_bits(&self, other: &Self) -> usize {
        let differ = self.0.iter().zip(&other.0).position(|(one, other)| one != other);
        differ.map_or(256, |byte| byte * 8 + (self.0[byte] ^ other.0[byte]).leading_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaf_of_a_channel_counts_what_is_still_locked() {
        let who = AccountId([1; 32]);
        let channel = Channel {
            payer: who,
            payee: who,
            signer: who,
            deposit: Credits(100),
            redeemed: Credits(40),
            opened: 1,
            expires: 2,
            close_after: 0,
        };
        assert_eq!(Leaf::Channel(channel).value(), Credits(60));
    }

    #[test]
    fn common_bits_stop_at_the_first_difference() {
        let mut other = Key([0; 32]);
        assert_eq!(Key([0; 32]).common_bits(&other), 256);
        other.0[1] = 0b0001_0000;
        assert_eq!(Key([0; 32]).common_bits(&other), 11);
        assert!(other.bit(11) && !other.bit(10));
    }
}
