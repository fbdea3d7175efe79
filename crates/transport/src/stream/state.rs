//! The two halves of a stream, and what each flag does to them.
//!
//! ```text
//! write: Open -> Closing -> FinSent -> FinAcked        read: Open -> Finished
//!          \________\__________\____-> Stopped               \____-> Reset
//!           \________\__________\____> Reset
//! ```
//!
//! FIN is answered by FIN_ACK at once, whatever is still unread; that is how its sender learns that closing the channel
//! loses nothing. STOP_SENDING is not answered. RESET ends both halves and is not answered.

use crate::proto::Flag;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteHalf {
    Open,
    /// The owner closed it; what it wrote is not yet all handed over.
    Closing,
    FinSent,
    FinAcked,
    /// The peer discards what we write.
    Stopped,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadHalf {
    Open,
    /// The peer's FIN was seen and acknowledged.
    Finished,
    Reset,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) write: WriteHalf,
    pub(crate) read: ReadHalf,
}

impl State {
    pub(crate) fn new() -> Self {
        Self { write: WriteHalf::Open, read: ReadHalf::Open }
    }

    /// The peer's flag; returns what to answer.
    #[must_use]
    pub(crate) fn on_flag(&mut self, flag: Flag) -> Option<Flag> {
        match flag {
            Flag::Fin => {
                if self.read == ReadHalf::Reset {
                    return None;
                }
                self.read = ReadHalf::Finished;
                return Some(Flag::FinAck);
            }
            // An acknowledgement of what we have not said means nothing.
            Flag::FinAck if self.write == WriteHalf::FinSent => self.write = WriteHalf::FinAcked,
            Flag::FinAck => {}
            Flag::StopSending => {
                if matches!(self.write, WriteHalf::Open | WriteHalf::Closing | WriteHalf::FinSent) {
                    self.write = WriteHalf::Stopped;
                }
            }
            Flag::Reset => self.reset(),
        }
        None
    }

    /// Both halves are dead, unless they had ended well before.
    pub(crate) fn reset(&mut self) {
        if self.write != WriteHalf::FinAcked {
            self.write = WriteHalf::Reset;
        }
        if self.read != ReadHalf::Finished {
            self.read = ReadHalf::Reset;
        }
    }

    /// Nothing more is written or awaited: the channel may be closed.
    pub(crate) fn is_over(self) -> bool {
        let written = matches!(self.write, WriteHalf::FinAcked | WriteHalf::Stopped | WriteHalf::Reset);
        written && self.read != ReadHalf::Open
    }

    /// Dropping the stream now has to tell the peer.
    pub(crate) fn needs_reset_on_drop(self) -> bool {
        match self.write {
            WriteHalf::Open | WriteHalf::Closing => true,
            WriteHalf::Stopped => self.read == ReadHalf::Open,
            WriteHalf::FinSent | WriteHalf::FinAcked | WriteHalf::Reset => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fin_is_acknowledged_and_leaves_the_other_half_open() {
        let mut state = State::new();
        assert_eq!(state.on_flag(Flag::Fin), Some(Flag::FinAck));
        assert_eq!((state.write, state.read), (WriteHalf::Open, ReadHalf::Finished));
        assert_eq!(state.on_flag(Flag::Fin), Some(Flag::FinAck), "a repeated FIN is acknowledged again");
    }

    #[test]
    fn a_stream_is_over_when_both_ends_are_acknowledged() {
        let mut state = State::new();
        state.write = WriteHalf::FinSent;
        assert!(!state.is_over());
        assert_eq!(state.on_flag(Flag::FinAck), None);
        assert!(!state.is_over());
        let _ack = state.on_flag(Flag::Fin);
        assert!(state.is_over());
    }

    #[test]
    fn an_acknowledgement_out_of_nowhere_means_nothing() {
        let mut state = State::new();
        assert_eq!(state.on_flag(Flag::FinAck), None);
        assert_eq!(state.write, WriteHalf::Open);
    }

    #[test]
    fn stop_sending_ends_writing_and_is_not_answered() {
        let mut state = State::new();
        assert_eq!(state.on_flag(Flag::StopSending), None);
        assert_eq!((state.write, state.read), (WriteHalf::Stopped, ReadHalf::Open));
    }

    #[test]
    fn reset_ends_both_halves_and_is_not_answered() {
        let mut state = State::new();
        assert_eq!(state.on_flag(Flag::Reset), None);
        assert!(state.is_over());
        assert!(!state.needs_reset_on_drop());
        assert_eq!(state.on_flag(Flag::Fin), None);
    }

    #[test]
    fn a_reset_does_not_undo_what_ended_well() {
        let mut state = State { write: WriteHalf::FinAcked, read: ReadHalf::Finished };
        assert_eq!(state.on_flag(Flag::Reset), None);
        assert_eq!((state.write, state.read), (WriteHalf::FinAcked, ReadHalf::Finished));
    }

    proptest! {
        /// No sequence of flags brings a half back to life.
        #[test]
        fn prop_halves_only_end(flags in proptest::collection::vec(0..4u8, 0..12)) {
            let mut state = State::new();
            for flag in flags {
                let before = state;
                let _answer = state.on_flag([Flag::Fin, Flag::StopSending, Flag::Reset, Flag::FinAck][usize::from(flag)]);
                prop_assert!(before.write == WriteHalf::Open || state.write != WriteHalf::Open);
                prop_assert!(before.read == ReadHalf::Open || state.read != ReadHalf::Open);
                prop_assert!(!before.is_over() || state.is_over());
            }
        }
    }
}
