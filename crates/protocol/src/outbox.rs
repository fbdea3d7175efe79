//! What the rooms wish during one input, in order.
//!
//! Drained by the node after every input, so it is empty in between; what one input can put in is bounded by the
//! rooms: a dial per free place, an announcement per directory, a read or request per source and receiver.

use crate::Output;
use std::collections::VecDeque;

/// Outputs not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Outbox(VecDeque<Output>);

impl Outbox {
    pub(crate) fn push(&mut self, output: Output) {
        self.0.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.0.pop_front()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
