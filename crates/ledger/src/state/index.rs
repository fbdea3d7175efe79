//! What begins of blocks must find without walking the whole state. Everything here follows from the leaves.

use crate::account::AccountId;
use crate::hash::{ChannelId, Key};
use crate::leaf::Leaf;
use crate::parameters::Parameters;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Channels by the block that settles them.
type Due = BTreeMap<u64, Arc<BTreeSet<ChannelId>>>;

/// Found without walking; shared until it changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    due: Arc<Due>,
    bonded: Arc<BTreeSet<AccountId>>,
    issued: Arc<BTreeSet<(u32, AccountId)>>,
}

impl Index {
    /// Follows one leaf from what it was to what it is.
    pub(super) fn record(&mut self, key: &Key, was: Option<&Leaf>, is: Option<&Leaf>, parameters: &Parameters) {
        match was {
            Some(Leaf::Channel(channel)) => self.drop_due(channel.due(parameters), &ChannelId(key.0)),
            Some(Leaf::Bond(bond)) => {
                Arc::make_mut(&mut self.bonded).remove(&bond.account);
            }
            Some(Leaf::Issued(issued)) => {
                Arc::make_mut(&mut self.issued).remove(&(issued.epoch, issued.issuer));
            }
            _ => {}
        }
        match is {
            Some(Leaf::Channel(channel)) => {
                let due = Arc::make_mut(&mut self.due).entry(channel.due(parameters)).or_default();
                Arc::make_mut(due).insert(ChannelId(key.0));
            }
            Some(Leaf::Bond(bond)) => {
                Arc::make_mut(&mut self.bonded).insert(bond.account);
            }
            Some(Leaf::Issued(issued)) => {
                Arc::make_mut(&mut self.issued).insert((issued.epoch, issued.issuer));
            }
            _ => {}
        }
    }

    fn drop_due(&mut self, height: u64, channel: &ChannelId) {
        let due = Arc::make_mut(&mut self.due);
        if let Some(channels) = due.get_mut(&height) {
            Arc::make_mut(channels).remove(channel);
            if channels.is_empty() {
                due.remove(&height);
            }
        }
    }

    /// Channels whose time is over, the longest first.
    pub(super) fn due(&self, height: u64) -> impl Iterator<Item = &ChannelId> {
        self.due.range(..=height).flat_map(|(_, channels)| channels.iter())
    }

    /// Everybody with a bond.
    pub(super) fn bonded(&self) -> impl Iterator<Item = &AccountId> {
        self.bonded.iter()
    }

    /// The books of issuers for epochs before this one.
    pub(super) fn issued_before(&self, epoch: u32) -> impl Iterator<Item = (u32, AccountId)> {
        self.issued.iter().copied().take_while(move |(of, _)| *of < epoch)
    }
}
