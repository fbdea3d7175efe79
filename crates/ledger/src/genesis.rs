//! How a chain begins. Its hash is the chain's name, so two chains that differ in one number are two chains.

use crate::account::{Account, AccountId};
use crate::amount::{Credits, SUPPLY};
use crate::hash::{ChainId, Key, hash, tag};
use crate::leaf::{Bond, InForce, Leaf, Meta};
use crate::parameters::Parameters;
use crate::seal::Engine;
use crate::state::{Rules, State};
use crate::validators::Validators;
use crate::wire::{Reader, Wire, WireError, decode_list, encode_list, list_len_max, wire_struct};
use clock::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Issuers named for good, where they are not the authorities.
pub const ISSUERS_MAX: usize = 16;

/// Accounts that begin with credit. A chain that follows another starts from a snapshot of it instead.
pub const ALLOCATIONS_MAX: usize = 1_024;

/// Keys that can name new authorities after a halt.
pub const RECOVERY_MAX: usize = 8;

/// Credit that an account begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Whose.
    pub account: AccountId,
    /// How much.
    pub amount: Credits,
}

wire_struct!(Allocation { account: AccountId, amount: Credits });

/// The first block, in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// When ledger time begins.
    pub started: Timestamp,
    /// Who may seal.
    pub engine: Engine,
    /// The numbers.
    pub parameters: Parameters,
    /// Who seals first. Under stake, power is the credit they begin with as a bond.
    pub validators: Validators,
    /// Who admits newcomers under stake and work; under authority the authorities do.
    pub issuers: Vec<AccountId>,
    /// Who begins with credit; accounts rising.
    pub allocations: Vec<Allocation>,
    /// Offline keys that can replace the authorities after a halt.
    pub recovery: Vec<AccountId>,
    /// How many of them it takes.
    pub recovery_quorum: u8,
}

impl Wire for Genesis {
    const LEN_MAX: usize = 8
        + 1
        + Parameters::LEN_MAX
        + Validators::LEN_MAX
        + list_len_max::<AccountId>(ISSUERS_MAX)
        + list_len_max::<Allocation>(ALLOCATIONS_MAX)
        + list_len_max::<AccountId>(RECOVERY_MAX)
        + 1;

    fn encode(&self, out: &mut Vec<u8>) {
        self.started.encode(out);
        self.engine.encode(out);
        self.parameters.encode(out);
        self.validators.encode(out);
        encode_list(&self.issuers, out);
        encode_list(&self.allocations, out);
        encode_list(&self.recovery, out);
        self.recovery_quorum.encode(out);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            started: Wire::decode(input)?,
            engine: Wire::decode(input)?,
            parameters: Wire::decode(input)?,
            validators: Wire::decode(input)?,
            issuers: decode_list(input, 0, ISSUERS_MAX)?,
            allocations: decode_list(input, 0, ALLOCATIONS_MAX)?,
            recovery: decode_list(input, 0, RECOVERY_MAX)?,
            recovery_quorum: Wire::decode(input)?,
        })
    }
}

/// Why no chain begins like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Numbers that no chain can run on.
    #[error("{0}")]
    Parameters(&'static str),
    /// Validators where none may be, or none where some must be.
    #[error("{found} validators cannot run engine {engine:?}")]
    Validators {
        /// The engine.
        engine: Engine,
        /// How many it got.
        found: usize,
    },
    /// Accounts not in order, or more credit than there is.
    #[error("allocations are out of order or exceed the supply")]
    Allocations,
    /// More signatures needed for recovery than there are keys.
    #[error("recovery needs {quorum} of {keys} keys")]
    Recovery {
        /// How many are needed.
        quorum: u8,
        /// How many there are.
        keys: usize,
    },
    /// A list longer than its format allows.
    #[error("a list is too long")]
    TooLong,
}

impl Genesis {
    /// A chain of these authorities with the usual numbers and all credit in the treasury.
    pub fn authority(authorities: &[AccountId], started: Timestamp) -> Option<Self> {
        Some(Self {
            started,
            engine: Engine::Authority,
            parameters: Parameters::default(),
            validators: Validators::equal(authorities).ok()?,
            issuers: Vec::new(),
            allocations: Vec::new(),
            recovery: Vec::new(),
            recovery_quorum: 0,
        })
    }

    /// The chain's name.
    pub fn chain(&self) -> ChainId {
        hash(&tag("genesis"), &[&self.to_bytes()]).into()
    }

    fn check(&self) -> Result<(), GenesisError> {
        if let Some(fault) = self.parameters.fault() {
            return Err(GenesisError::Parameters(fault));
        }
        let (engine, found) = (self.engine, self.validators.len());
        let validators_fit = match engine {
            Engine::Authority => (1..=crate::validators::AUTHORITIES_MAX).contains(&found),
            Engine::Stake => found >= 1,
            Engine::Work => found == 0,
        };
        if !validators_fit {
            return Err(GenesisError::Validators { engine, found });
        }
        if !self.allocations.windows(2).all(|pair| pair[0].account < pair[1].account) {
            return Err(GenesisError::Allocations);
        }
        let (quorum, keys) = (self.recovery_quorum, self.recovery.len());
        if usize::from(quorum) > keys || (quorum == 0) != (keys == 0) {
            return Err(GenesisError::Recovery { quorum, keys });
        }
        let too_long = self.issuers.len() > ISSUERS_MAX
            || self.allocations.len() > ALLOCATIONS_MAX
            || self.recovery.len() > RECOVERY_MAX;
        if too_long { Err(GenesisError::TooLong) } else { Ok(()) }
    }

    /// What the chain must know besides its state.
    pub fn rules(&self) -> Result<Arc<Rules>, GenesisError> {
        self.check()?;
        Ok(Arc::new(Rules {
            chain: self.chain(),
            engine: self.engine,
            parameters: self.parameters,
            issuers: self.issuers.clone(),
            started: self.started,
        }))
    }

    /// The state at height 0: who begins with credit, and everything else in the treasury.
    pub fn state(&self) -> Result<State, GenesisError> {
        let rules = self.rules()?;
        let bonds: Vec<_> = match self.engine {
            Engine::Stake => self.validators.iter().map(|one| (one.id, Credits(one.power))).collect(),
            Engine::Authority | Engine::Work => Vec::new(),
        };
        let given = self.allocations.iter().map(|one| one.amount).chain(bonds.iter().map(|(_, amount)| *amount));
        let given = Credits::checked_sum(given).ok_or(GenesisError::Allocations)?;
        let balance = SUPPLY.checked_sub(given).ok_or(GenesisError::Allocations)?;
        let parameters = hash(&tag("parameters"), &[&self.parameters.to_bytes()]);
        let mut leaves: BTreeMap<_, _> = [
            (Key::treasury(), Leaf::Treasury { balance }),
            (Key::meta(), Leaf::Meta(Meta { chain: rules.chain, parameters, engine: self.engine })),
            (Key::validators(InForce::Now), Leaf::Validators(self.validators.clone())),
            (Key::validators(InForce::Next), Leaf::Validators(self.validators.clone())),
        ]
        .into();
        for (account, amount) in bonds {
            leaves.insert(Key::account(&account), Leaf::Account(Account::new(Credits::ZERO, 0)));
            leaves.insert(Key::bond(&account), Leaf::Bond(Bond { account, amount, jailed_until: 0 }));
        }
        for Allocation { account, amount } in &self.allocations {
            leaves.insert(Key::account(account), Leaf::Account(Account::new(*amount, 0)));
        }
        State::from_leaves(rules, 0, 0, leaves).map_err(|_| GenesisError::Allocations)
    }
}
