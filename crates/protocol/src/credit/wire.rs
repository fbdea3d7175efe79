//! What two peers say about paying, on one stream each way (`/starling/credit/1`), and its bytes.
//!
//! ```text
//! frame = length u16 (of what follows) | kind u8 | fields, fixed by the kind
//! ```
//!
//! Amounts are units (one KiB at the base price), totals are of the whole channel, integers are little-endian. Every kind
//! has one length, so a frame that says another is refused before it is waited for. Nothing here is kept that did not
//! arrive: a decoder holds one frame at most.

use clock::Time;
use core::time::Duration;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::cheque::{Cheque, Promise};
use ledger::hash::{ChainId, ChannelId};
use ledger::signing::{self, Purpose, Signature};
use ledger::wire::Wire;

/// Bytes of the longest frame, its length included.
pub const FRAME_LEN_MAX: usize = 2 + 1 + 136;

/// Messages of one peer in one second. A signature costs a tab 60 us and a check 130 us, so this is a hundredth of a core;
/// a sixteenth of this many would hold back a fast transfer whose window is still small.
pub const MESSAGES_PER_SECOND_MAX: u32 = 128;

/// "Whoever holds this tab key is paid to this account."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// On this chain.
    pub chain: ChainId,
    /// Who is paid.
    pub account: AccountId,
    /// The last block in which this holds.
    pub until: u64,
    /// By the account, over the tab key and `until`.
    pub signature: Signature,
}

impl Session {
    /// What the account signs for the tab key `tab`.
    pub fn message(tab: &[u8; 32], until: u64) -> [u8; 40] {
        let mut message = [0; 40];
        message[..32].copy_from_slice(tab);
        message[32..].copy_from_slice(&until.to_le_bytes());
        message
    }

    /// Whether the account says so of this tab key.
    pub fn is_signed_for(&self, tab: &[u8; 32]) -> bool {
        signing::verify(Purpose::Session, &self.chain, &self.account, &Self::message(tab, self.until), &self.signature)
    }
}

/// Why a channel or a cheque was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// No final block has this channel, or it is of somebody else.
    NoChannel,
    /// It promises more than is locked.
    AboveDeposit,
    /// It promises nothing new, or too little to be worth a check.
    NothingNew,
    /// It is a receipt for more bytes than were sent.
    Bytes,
    /// The channel's time is over.
    TooLate,
}

/// Why nothing is sent for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChokeReason {
    /// What is owed is more than the window allows.
    Debt,
    /// It was not paid in time: served from now on with those who do not pay.
    Unpaid,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Whom I am paid as.
    Hello(Session),
    /// I opened this channel to you; look it up.
    Open {
        /// Which.
        channel: ChannelId,
    },
    /// I have found it final: cheques on it count from here on.
    Accepted {
        /// Which.
        channel: ChannelId,
        /// Units per KiB.
        price: u64,
        /// Units that may be owed before I stop sending.
        window: u64,
    },
    /// I owe you this much in all.
    Cheque(Cheque),
    /// That one I do not take.
    Rejected {
        /// Drawn on this channel.
        channel: ChannelId,
        /// Why.
        why: Refused,
        /// The best I hold: units, and bytes.
        best: Promise,
    },
    /// I send no more for the moment.
    Choke {
        /// Why.
        why: ChokeReason,
        /// Units you owe me, by my books.
        owed: u64,
    },
    /// I send again.
    Unchoke,
    /// I draw no more cheques on this channel.
    Bye {
        /// Which.
        channel: ChannelId,
    },
    /// I owe more than is left on this channel: serve me for the moment as one who does not pay.
    Short {
        /// Which.
        channel: ChannelId,
    },
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A kind that there is not.
    #[error("message kind {found}")]
    Kind {
        /// Its byte.
        found: u8,
    },
    /// Another length than messages of this kind have.
    #[error("a frame of {found} bytes, expected {expected}")]
    Length {
        /// What the kind has.
        expected: usize,
        /// What the frame says.
        found: usize,
    },
    /// A field that is no value of its type.
    #[error("a field is malformed")]
    Field,
}

const HELLO: u8 = 0;
const OPEN: u8 = 1;
const ACCEPTED: u8 = 2;
const CHEQUE: u8 = 3;
const REJECTED: u8 = 4;
const CHOKE: u8 = 5;
const UNCHOKE: u8 = 6;
const BYE: u8 = 7;
const SHORT: u8 = 8;

/// Bytes of the fields of a kind.
const fn fields_len(kind: u8) -> Result<usize, WireError> {
    Ok(match kind {
        HELLO => 32 + 32 + 8 + 64,
        OPEN | BYE | SHORT => 32,
        ACCEPTED => 32 + 8 + 8,
        CHEQUE => 32 + 8 + 8 + 64,
        REJECTED => 32 + 1 + 8 + 8,
        CHOKE => 1 + 8,
        UNCHOKE => 0,
        found => return Err(WireError::Kind { found }),
    })
}

impl Message {
    const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => HELLO,
            Self::Open { .. } => OPEN,
            Self::Accepted { .. } => ACCEPTED,
            Self::Cheque(_) => CHEQUE,
            Self::Rejected { .. } => REJECTED,
            Self::Choke { .. } => CHOKE,
            Self::Unchoke => UNCHOKE,
            Self::Bye { .. } => BYE,
            Self::Short { .. } => SHORT,
        }
    }

    /// Appends one frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0, 0, self.kind()]);
        match self {
            Self::Hello(Session { chain, account, until, signature }) => {
                chain.encode(out);
                account.encode(out);
                until.encode(out);
                signature.encode(out);
            }
            Self::Open { channel } | Self::Bye { channel } | Self::Short { channel } => channel.encode(out),
            Self::Accepted { channel, price, window } => {
                channel.encode(out);
                price.encode(out);
                window.encode(out);
            }
            Self::Cheque(cheque) => cheque.encode(out),
            Self::Rejected { channel, why, best } => {
                channel.encode(out);
                why.byte().encode(out);
                best.total.encode(out);
                best.bytes.encode(out);
            }
            Self::Choke { why, owed } => {
                why.byte().encode(out);
                owed.encode(out);
            }
            Self::Unchoke => {}
        }
        let len = (out.len() - begin - 2) as u16;
        out[begin..begin + 2].copy_from_slice(&len.to_le_bytes());
    }

    fn decode(kind: u8, fields: &[u8]) -> Result<Self, WireError> {
        let mut fields = ledger::wire::Reader::new(fields);
        let input = &mut fields;
        let message = Self::fields(kind, input)?;
        fields.finish().map_err(|_| WireError::Field)?;
        Ok(message)
    }

    fn fields(kind: u8, input: &mut ledger::wire::Reader<'_>) -> Result<Self, WireError> {
        Ok(match kind {
            HELLO => Self::Hello(Session {
                chain: take(input)?,
                account: take(input)?,
                until: take(input)?,
                signature: take(input)?,
            }),
            OPEN => Self::Open { channel: take(input)? },
            ACCEPTED => Self::Accepted { channel: take(input)?, price: take(input)?, window: take(input)? },
            CHEQUE => Self::Cheque(take(input)?),
            REJECTED => {
                let channel = take(input)?;
                let why = Refused::read(take(input)?)?;
                let (total, bytes): (Credits, u64) = (take(input)?, take(input)?);
                Self::Rejected { channel, why, best: Promise { channel, total, bytes } }
            }
            CHOKE => Self::Choke { why: ChokeReason::read(take(input)?)?, owed: take(input)? },
            UNCHOKE => Self::Unchoke,
            BYE => Self::Bye { channel: take(input)? },
            SHORT => Self::Short { channel: take(input)? },
            found => return Err(WireError::Kind { found }),
        })
    }
}

fn take<T: Wire>(input: &mut ledger::wire::Reader<'_>) -> Result<T, WireError> {
    T::decode(input).map_err(|_| WireError::Field)
}

impl Refused {
    const ALL: [Self; 5] = [Self::NoChannel, Self::AboveDeposit, Self::NothingNew, Self::Bytes, Self::TooLate];

    const fn byte(self) -> u8 {
        self as u8
    }

    fn read(found: u8) -> Result<Self, WireError> {
        Self::ALL.get(usize::from(found)).copied().ok_or(WireError::Field)
    }
}

impl ChokeReason {
    const fn byte(self) -> u8 {
        self as u8
    }

    const fn read(found: u8) -> Result<Self, WireError> {
        match found {
            0 => Ok(Self::Debt),
            1 => Ok(Self::Unpaid),
            _ => Err(WireError::Field),
        }
    }
}

/// Finds messages in a stream that arrives in pieces of any size. After an error it stays in error.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The beginning of the next frame, and at most what was pushed after it.
    waiting: Vec<u8>,
    failed: Option<WireError>,
}

impl Decoder {
    /// Takes what arrived. Drain [`next`](Self::next) before the next push.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.waiting.extend_from_slice(bytes);
        }
    }

    /// The next message, or `None` until more arrives.
    #[expect(clippy::should_implement_trait, reason = "an error ends it, the lack of bytes does not")]
    pub fn next(&mut self) -> Result<Option<Message>, WireError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let message = self.take_frame();
        self.failed = message.as_ref().err().copied();
        if self.failed.is_some() {
            self.waiting = Vec::new();
        }
        message
    }

    /// Bytes kept for a frame that has not arrived whole.
    pub fn buffered(&self) -> usize {
        self.waiting.len()
    }

    fn take_frame(&mut self) -> Result<Option<Message>, WireError> {
        let Some(([low, high, kind], fields)) = self.waiting.split_first_chunk::<3>() else { return Ok(None) };
        let expected = 1 + fields_len(*kind)?;
        let found = usize::from(u16::from_le_bytes([*low, *high]));
        if found != expected {
            return Err(WireError::Length { expected, found });
        }
        let Some(fields) = fields.get(..expected - 1) else { return Ok(None) };
        let message = Message::decode(*kind, fields)?;
        self.waiting.drain(..2 + expected);
        Ok(Some(message))
    }
}

/// Counts a peer's messages, second by second.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    second: u64,
    count: u32,
}

impl Pace {
    /// Whether one more message is one too many.
    pub(crate) fn is_flood(&mut self, now: Time) -> bool {
        let second = now.as_micros() / SECOND_US;
        if second != self.second {
            *self = Self { second, count: 0 };
        }
        self.count += 1;
        self.count > MESSAGES_PER_SECOND_MAX
    }
}

const SECOND_US: u64 = Duration::from_secs(1).as_micros() as u64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages() -> impl Strategy<Value = Message> {
        let promise =
            |channel: [u8; 32], total, bytes| Promise { channel: ChannelId(channel), total: Credits(total), bytes };
        (0..9_u8, any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u64>(), any::<u64>(), any::<u8>()).prop_map(
            move |(kind, a, b, n, m, choice)| {
                let channel = ChannelId(a);
                let signature = Signature([choice; 64]);
                match kind {
                    0 => Message::Hello(Session { chain: ChainId(a), account: AccountId(b), until: n, signature }),
                    1 => Message::Open { channel },
                    2 => Message::Accepted { channel, price: n, window: m },
                    3 => Message::Cheque(Cheque { promise: promise(a, n, m), signature }),
                    4 => Message::Rejected {
                        channel,
                        why: Refused::ALL[usize::from(choice) % 5],
                        best: promise(a, n, m),
                    },
                    5 if choice % 2 == 0 => Message::Choke { why: ChokeReason::Debt, owed: n },
                    5 => Message::Choke { why: ChokeReason::Unpaid, owed: n },
                    6 => Message::Unchoke,
                    7 => Message::Bye { channel },
                    _ => Message::Short { channel },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn prop_messages_survive_any_cutting(sent in prop::collection::vec(messages(), 1..12), piece in 1..200_usize) {
            let mut bytes = Vec::new();
            sent.iter().for_each(|message| message.encode(&mut bytes));
            let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(piece) {
                decoder.push(piece);
                while let Some(message) = decoder.next().unwrap() {
                    heard.push(message);
                }
                prop_assert!(decoder.buffered() < FRAME_LEN_MAX);
            }
            prop_assert_eq!(heard, sent);
        }

        #[test]
        fn prop_any_bytes_are_messages_or_an_error_for_good(bytes in prop::collection::vec(0..9_u8, 0..400)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            let mut again = Vec::new();
            let end = loop {
                match decoder.next() {
                    Ok(Some(message)) => message.encode(&mut again),
                    other => break other,
                }
            };
            prop_assert_eq!(&again, &bytes[..again.len()]);
            prop_assert_eq!(decoder.next(), end);
        }
    }

    #[test]
    fn a_frame_of_another_length_is_refused_before_it_is_waited_for() {
        let mut decoder = Decoder::default();
        decoder.push(&[255, 255, CHEQUE]);
        assert_eq!(decoder.next(), Err(WireError::Length { expected: 113, found: 65_535 }));
        let mut decoder = Decoder::default();
        decoder.push(&[1, 0, 9]);
        assert_eq!(decoder.next(), Err(WireError::Kind { found: 9 }));
    }

    #[test]
    fn no_message_is_longer_than_the_longest() {
        let longest = (0..9).filter_map(|kind| fields_len(kind).ok()).max();
        assert_eq!(longest, Some(FRAME_LEN_MAX - 3));
    }
}
