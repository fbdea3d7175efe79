//! The numbers of a chain, each with its reason. They are part of the genesis, so part of the chain's name.
//!
//! Limits of the format (how long a list may be) are constants beside their types: changing one is another format.

use crate::amount::Credits;
use crate::wire::wire_struct;

/// What a chain charges, grants and allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Every transaction: worth 32 KiB, invisible to a person; a full block costs half a grant.
    pub transaction_fee: Credits,
    /// Each channel opened or cheque redeemed, on top.
    pub entry_fee: Credits,
    /// A provenance record, on top.
    pub publish_fee: Credits,
    /// Of what a cheque newly pays, in ten-thousandths, at least one unit: makes every self-payment a loss.
    pub settle_permyriad: u64,
    /// The least transfer that makes an account: more than the state it uses.
    pub new_account_min: Credits,
    /// What a ticket brings: one or two items, not an hour of use.
    pub grant: Credits,
    /// Tickets per issuer and epoch: the bound on what free identities cost.
    pub issuer_cap: u32,
    /// Tickets per block; bounds what leaves the treasury.
    pub admits_per_block: u32,
    /// Sweeps per block: they are free, so they are few.
    pub sweeps_per_block: u32,
    /// Ledger time between validator changes and ticket budgets.
    pub epoch_ms: u64,
    /// The longest a signed transaction stays valid, blocks: what is lost dies.
    pub transaction_ttl: u64,
    /// The least a channel locks.
    pub deposit_min: Credits,
    /// Channels one account may pay from: bounds its state.
    pub channels_max: u32,
    /// The longest life of a channel, blocks.
    pub channel_ttl_max: u32,
    /// Blocks in which the best cheque can still be redeemed after its payer closes: two minutes at the fastest.
    pub close_window: u64,
    /// Blocks in which it can after expiry: a second chance.
    pub grace: u64,
    /// What each channel of a stranger's redeem must newly bring before the flat fee may come out of it.
    pub proceeds_min: Credits,
    /// Blocks without a transaction before a tiny account may be swept.
    pub dormant: u64,
    /// Channels settled by themselves per block; the rest wait their turn.
    pub settles_per_block: u32,
    /// What a block brings its producer (engines stake and work), while the treasury lasts.
    pub reward: Credits,
    /// Epochs between unbonding and the credit: seven days of hours.
    pub unbonding_epochs: u32,
    /// Of a bond, burnt to the treasury for signing twice, in ten-thousandths.
    pub slash_permyriad: u64,
    /// Of a slash, for who reported it, in ten-thousandths.
    pub reporter_permyriad: u64,
    /// Epochs without power after a slash.
    pub jail_epochs: u32,
    /// How much voting power may grow in one epoch, in ten-thousandths of what there is.
    pub growth_permyriad: u64,
    /// What one validator may always add in an epoch, however small the rest; also the least bond that counts.
    pub bond_min: Credits,
    /// Ledger time between blocks at the least.
    pub block_interval_ms: u64,
    /// Ledger time between blocks that engine work aims at.
    pub work_interval_ms: u64,
    /// Difficulty of the first block of engine work: trials expected.
    pub work_difficulty: u64,
}

wire_struct!(Parameters {
    transaction_fee: Credits,
    entry_fee: Credits,
    publish_fee: Credits,
    settle_permyriad: u64,
    new_account_min: Credits,
    grant: Credits,
    issuer_cap: u32,
    admits_per_block: u32,
    sweeps_per_block: u32,
    epoch_ms: u64,
    transaction_ttl: u64,
    deposit_min: Credits,
    channels_max: u32,
    channel_ttl_max: u32,
    close_window: u64,
    grace: u64,
    proceeds_min: Credits,
    dormant: u64,
    settles_per_block: u32,
    reward: Credits,
    unbonding_epochs: u32,
    slash_permyriad: u64,
    reporter_permyriad: u64,
    jail_epochs: u32,
    growth_permyriad: u64,
    bond_min: Credits,
    block_interval_ms: u64,
    work_interval_ms: u64,
    work_difficulty: u64,
});

impl Default for Parameters {
    fn default() -> Self {
        Self {
            transaction_fee: Credits(32),
            entry_fee: Credits(8),
            publish_fee: Credits(256),
            settle_permyriad: 100,
            new_account_min: Credits(512),
            grant: Credits(16_384),
            issuer_cap: 512,
            admits_per_block: 64,
            sweeps_per_block: 8,
            epoch_ms: 3_600_000,
            transaction_ttl: 600,
            deposit_min: Credits(256),
            channels_max: 64,
            channel_ttl_max: 2_880,
            close_window: 120,
            grace: 240,
            proceeds_min: Credits(4_096),
            dormant: 200_000,
            settles_per_block: 1_000,
            reward: Credits(64),
            unbonding_epochs: 168,
            slash_permyriad: 500,
            reporter_permyriad: 500,
            jail_epochs: 8,
            growth_permyriad: 200,
            bond_min: Credits(1 << 20),
            block_interval_ms: 1_000,
            work_interval_ms: 30_000,
            work_difficulty: 256,
        }
    }
}

impl Parameters {
    /// The most by which the treasury may fall from one block to the next: every ticket, and the reward.
    ///
    /// A tab holds every header to it, so that even all producers together cannot empty the treasury unseen.
    pub const fn outflow_max(&self) -> Credits {
        Credits((self.admits_per_block as u64).saturating_mul(self.grant.0).saturating_add(self.reward.0))
    }

    /// Why no chain can run on these numbers, if none can.
    pub const fn fault(&self) -> Option<&'static str> {
        if self.epoch_ms == 0 || self.work_interval_ms == 0 || self.work_difficulty == 0 {
            return Some("an interval or the first difficulty is zero");
        }
        if self.settle_permyriad > 10_000
            || self.slash_permyriad > 10_000
            || self.reporter_permyriad > 10_000
            || self.growth_permyriad > 10_000
        {
            return Some("a share is more than the whole");
        }
        if self.issuer_cap as usize > crate::ticket::SERIALS {
            return Some("more tickets than serials");
        }
        // Locks are released at most this long after they were made; sums of heights never overflow below it.
        if self.close_window > u32::MAX as u64 || self.grace > u32::MAX as u64 || self.unbonding_epochs > 10_000 {
            return Some("a window is too long");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_can_run_and_drain_the_treasury_slowly() {
        let parameters = Parameters::default();
        assert_eq!(parameters.fault(), None);
        assert_eq!(parameters.outflow_max(), Credits(64 * 16_384 + 64));
    }
}
