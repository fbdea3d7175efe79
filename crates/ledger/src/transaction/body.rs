//! What a transaction can ask for, one kind each.

use crate::account::AccountId;
use crate::amount::Credits;
use crate::cheque::Cheque;
use crate::hash::{ChainId, ChannelId, ContentRoot, ValidatorsHash};
use crate::signing::{self, Purpose, Signature};
use crate::ticket::Ticket;
use crate::validators::{AUTHORITIES_MAX, Validators};
use crate::vote::Evidence;
use crate::wire::{Reader, Wire, WireError, decode_bytes, decode_list, encode_bytes, encode_list, wire_struct};
use ed25519_dalek::SigningKey;

/// Channels opened at once: enough for everybody a tab is likely to be served by.
pub const ENTRIES_MAX: usize = 16;

/// Cheques redeemed at once.
pub const CHEQUES_MAX: usize = 32;

/// Bytes of the longest title.
pub const TITLE_LEN_MAX: usize = 120;

/// A list that is never empty and never longer than its kind allows.
macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident of $item:ty, at most $max:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Vec<$item>);

        impl $name {
            /// The list, unless it is empty or too long.
            pub fn new(entries: Vec<$item>) -> Option<Self> {
                (1..=$max).contains(&entries.len()).then_some(Self(entries))
            }

            /// In order.
            pub fn entries(&self) -> &[$item] {
                &self.0
            }
        }
    };
}

/// One channel to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    /// Whom it pays.
    pub payee: AccountId,
    /// The tab key whose cheques count.
    pub signer: AccountId,
    /// Locked.
    pub deposit: Credits,
    /// Blocks it lives.
    pub ttl: u32,
}

wire_struct!(OpenChannel { payee: AccountId, signer: AccountId, deposit: Credits, ttl: u32 });

bounded! {
    /// Channels to open.
    Opened of OpenChannel, at most ENTRIES_MAX
}

/// One cheque to redeem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeemEntry {
    /// The cheque.
    pub cheque: Cheque,
    /// And close its channel; only the payee may.
    pub close: bool,
}

wire_struct!(RedeemEntry { cheque: Cheque, close: bool });

bounded! {
    /// Cheques to redeem.
    Cheques of RedeemEntry, at most CHEQUES_MAX
}

/// Cheques to redeem, and who pays for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The cheques.
    pub cheques: Cheques,
    /// The flat fee comes out of what they pay, for a mailbox that helps a tab which is away.
    pub fee_from_proceeds: bool,
}

impl Redemption {
    /// The cheques, in order.
    pub fn entries(&self) -> &[RedeemEntry] {
        self.cheques.entries()
    }
}

/// "I was here with this first."
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The content.
    pub root: ContentRoot,
    /// The version it follows, or [`ContentRoot::NONE`].
    pub parent: ContentRoot,
    title: String,
}

impl Publication {
    /// The record, unless its title is too long.
    pub fn new(root: ContentRoot, parent: ContentRoot, title: &str) -> Option<Self> {
        (title.len() <= TITLE_LEN_MAX).then(|| Self { root, parent, title: title.to_owned() })
    }

    /// What its publisher calls it. Text, never markup.
    pub fn title(&self) -> &str {
        &self.title
    }
}

/// A new list of authorities: agreed by the old ones and by everybody on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    /// The epoch from which it counts: the next one, or the transaction is too late.
    pub epoch: u32,
    /// The new list, in order; all weigh the same.
    ids: Vec<AccountId>,
    /// Of the old list: place and signature, places rising.
    old: Vec<OldSignature>,
    /// Of the new list, one each, in its order.
    new: Vec<Signature>,
}

/// One signature of the old list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldSignature {
    /// Its place in the list.
    pub place: u8,
    /// By the one that stands there.
    pub signature: Signature,
}

wire_struct!(OldSignature { place: u8, signature: Signature });

impl Authorities {
    /// Collects what the old and the new ones signed, or `None` if this can be no list.
    pub fn new(epoch: u32, ids: Vec<AccountId>, mut old: Vec<OldSignature>, new: Vec<Signature>) -> Option<Self> {
        old.sort_by_key(|signature| signature.place);
        let found = Self { epoch, ids, old, new };
        found.is_formed().then_some(found)
    }

    fn is_formed(&self) -> bool {
        let rises = self.old.windows(2).all(|pair| pair[0].place < pair[1].place);
        let fits = (1..=AUTHORITIES_MAX).contains(&self.ids.len()) && self.old.len() <= AUTHORITIES_MAX;
        rises && fits && self.new.len() == self.ids.len() && Validators::equal(&self.ids).is_ok()
    }

    /// What everybody signs: the list, the one it replaces, and when. So no agreement can be used twice.
    pub fn message(epoch: u32, ids: &[AccountId], replaces: ValidatorsHash) -> Vec<u8> {
        let mut out = Vec::new();
        epoch.encode(&mut out);
        replaces.encode(&mut out);
        encode_list(ids, &mut out);
        out
    }

    /// Signs as an old or a new authority.
    pub fn sign(
        epoch: u32,
        ids: &[AccountId],
        replaces: ValidatorsHash,
        chain: &ChainId,
        key: &SigningKey,
    ) -> Signature {
        signing::sign(Purpose::AuthoritySet, chain, key, &Self::message(epoch, ids, replaces))
    }

    /// The new list, if more than two thirds of the old one and all of the new one signed it.
    pub fn agreed(&self, old: &Validators, chain: &ChainId) -> Option<Validators> {
        let message = Self::message(self.epoch, &self.ids, old.hash());
        let holds = |id: &AccountId, signature: &Signature| {
            signing::verify(Purpose::AuthoritySet, chain, id, &message, signature)
        };
        let mut power = 0;
        for OldSignature { place, signature } in &self.old {
            let validator = old.get(usize::from(*place))?;
            if !holds(&validator.id, signature) {
                return None;
            }
            power += validator.power;
        }
        let all_new = self.ids.iter().zip(&self.new).all(|(id, signature)| holds(id, signature));
        if old.is_quorum(power) && all_new { Validators::equal(&self.ids).ok() } else { None }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Lock deposits for payees.
    OpenChannels(Opened),
    /// Lock more on a channel.
    TopUp {
        /// Which.
        channel: ChannelId,
        /// How much more.
        amount: Credits,
    },
    /// Turn cheques into credit.
    Redeem(Redemption),
    /// End a channel: now if the payee asks, after a window if the payer does.
    CloseChannel {
        /// Which.
        channel: ChannelId,
    },
    /// Send credit.
    Transfer {
        /// To whom.
        to: AccountId,
        /// How much.
        amount: Credits,
    },
    /// Join with a ticket.
    Admit(Ticket),
    /// Clear away a tiny account that nobody has used for long.
    Sweep {
        /// Which.
        account: AccountId,
    },
    /// Show that a validator signed twice.
    Evidence(Evidence),
    /// Record who published a content first.
    Publish(Publication),
    /// Lock credit as voting power (engine stake).
    Bond {
        /// How much.
        amount: Credits,
    },
    /// Begin to unlock it.
    Unbond {
        /// How much.
        amount: Credits,
    },
    /// Take back what has been unlocked.
    Withdraw {
        /// What was released in this epoch.
        release: u32,
    },
    /// Change who seals (engine authority).
    SetAuthorities(Authorities),
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named as the variants of Body, which say what they are")]
pub enum Kind {
    OpenChannels,
    TopUp,
    Redeem,
    CloseChannel,
    Transfer,
    Admit,
    Sweep,
    Evidence,
    Publish,
    Bond,
    Unbond,
    Withdraw,
    SetAuthorities,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::OpenChannels,
        Self::TopUp,
        Self::Redeem,
        Self::CloseChannel,
        Self::Transfer,
        Self::Admit,
        Self::Sweep,
        Self::Evidence,
        Self::Publish,
        Self::Bond,
        Self::Unbond,
        Self::Withdraw,
        Self::SetAuthorities,
    ];

    /// The byte that names it.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    pub(super) fn read(found: u8) -> Result<Self, WireError> {
        let kind = Self::ALL.get(usize::from(found)).copied();
        kind.ok_or(WireError::Choice { what: "transaction kind", found })
    }
}

impl Body {
    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::OpenChannels(_) => Kind::OpenChannels,
            Self::TopUp { .. } => Kind::TopUp,
            Self::Redeem(_) => Kind::Redeem,
            Self::CloseChannel { .. } => Kind::CloseChannel,
            Self::Transfer { .. } => Kind::Transfer,
            Self::Admit(_) => Kind::Admit,
            Self::Sweep { .. } => Kind::Sweep,
            Self::Evidence(_) => Kind::Evidence,
            Self::Publish(_) => Kind::Publish,
            Self::Bond { .. } => Kind::Bond,
            Self::Unbond { .. } => Kind::Unbond,
            Self::Withdraw { .. } => Kind::Withdraw,
            Self::SetAuthorities(_) => Kind::SetAuthorities,
        }
    }

    pub(super) fn encode_fields(&self, out: &mut Vec<u8>) {
        match self {
            Self::OpenChannels(opened) => encode_list(opened.entries(), out),
            Self::TopUp { channel, amount } => {
                channel.encode(out);
                amount.encode(out);
            }
            Self::Redeem(redemption) => {
                encode_list(redemption.entries(), out);
                redemption.fee_from_proceeds.encode(out);
            }
            Self::CloseChannel { channel } => channel.encode(out),
            Self::Transfer { to, amount } => {
                to.encode(out);
                amount.encode(out);
            }
            Self::Admit(ticket) => ticket.encode(out),
            Self::Sweep { account } => account.encode(out),
            Self::Evidence(evidence) => evidence.encode(out),
            Self::Publish(publication) => {
                publication.root.encode(out);
                publication.parent.encode(out);
                encode_bytes(publication.title.as_bytes(), out);
            }
            Self::Bond { amount } | Self::Unbond { amount } => amount.encode(out),
            Self::Withdraw { release } => release.encode(out),
            Self::SetAuthorities(authorities) => {
                authorities.epoch.encode(out);
                encode_list(&authorities.ids, out);
                encode_list(&authorities.old, out);
                encode_list(&authorities.new, out);
            }
        }
    }

    pub(super) fn decode_fields(kind: Kind, input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match kind {
            Kind::OpenChannels => Self::OpenChannels(Opened(decode_list(input, 1, ENTRIES_MAX)?)),
            Kind::TopUp => Self::TopUp { channel: Wire::decode(input)?, amount: Wire::decode(input)? },
            Kind::Redeem => Self::Redeem(Redemption {
                cheques: Cheques(decode_list(input, 1, CHEQUES_MAX)?),
                fee_from_proceeds: Wire::decode(input)?,
            }),
            Kind::CloseChannel => Self::CloseChannel { channel: Wire::decode(input)? },
            Kind::Transfer => Self::Transfer { to: Wire::decode(input)?, amount: Wire::decode(input)? },
            Kind::Admit => Self::Admit(Wire::decode(input)?),
            Kind::Sweep => Self::Sweep { account: Wire::decode(input)? },
            Kind::Evidence => Self::Evidence(Wire::decode(input)?),
            Kind::Publish => Self::Publish(decode_publication(input)?),
            Kind::Bond => Self::Bond { amount: Wire::decode(input)? },
            Kind::Unbond => Self::Unbond { amount: Wire::decode(input)? },
            Kind::Withdraw => Self::Withdraw { release: Wire::decode(input)? },
            Kind::SetAuthorities => Self::SetAuthorities(decode_authorities(input)?),
        })
    }
}

fn decode_publication(input: &mut Reader<'_>) -> Result<Publication, WireError> {
    let (root, parent) = (Wire::decode(input)?, Wire::decode(input)?);
    let title = core::str::from_utf8(decode_bytes(input, TITLE_LEN_MAX)?);
    let title = title.map_err(|_| WireError::NotCanonical { what: "a title that is not text" })?;
    Ok(Publication { root, parent, title: title.to_owned() })
}

fn decode_authorities(input: &mut Reader<'_>) -> Result<Authorities, WireError> {
    let found = Authorities {
        epoch: Wire::decode(input)?,
        ids: decode_list(input, 1, AUTHORITIES_MAX)?,
        old: decode_list(input, 0, AUTHORITIES_MAX)?,
        new: decode_list(input, 1, AUTHORITIES_MAX)?,
    };
    if found.is_formed() { Ok(found) } else { Err(WireError::NotCanonical { what: "a list of authorities" }) }
}
