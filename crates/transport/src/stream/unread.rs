//! Bytes that arrived and were not read yet.
//!
//! Long payloads are kept as they came, without copying. Short ones are collected, so that a peer that sends single
//! bytes costs us bytes and not queue entries.

use bytes::{Buf as _, Bytes, BytesMut};
use std::collections::VecDeque;

/// Payloads below this are copied together; an entry of the queue costs about a tenth of it.
const COLLECT_BELOW: usize = 512;

#[derive(Debug, Default)]
pub(crate) struct Unread {
    chunks: VecDeque<Bytes>,
    tail: BytesMut,
    len: usize,
}

impl Unread {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, payload: Bytes) {
        self.len += payload.len();
        if payload.len() < COLLECT_BELOW {
            self.tail.extend_from_slice(&payload);
            return;
        }
        if !self.tail.is_empty() {
            self.chunks.push_back(self.tail.split().freeze());
        }
        self.chunks.push_back(payload);
    }

    /// Moves the oldest bytes into `buf`, as many as fit.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> usize {
        let mut n = 0;
        while n < buf.len() {
            let left = buf.len() - n;
            let Some(first) = self.chunks.front_mut() else {
                let len = self.tail.len().min(left);
                self.tail.copy_to_slice(&mut buf[n..n + len]);
                n += len;
                break;
            };
            let len = first.len().min(left);
            first.copy_to_slice(&mut buf[n..n + len]);
            n += len;
            if first.is_empty() {
                self.chunks.pop_front();
            }
        }
        self.len -= n;
        n
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_bytes_make_no_entries() {
        let mut unread = Unread::default();
        for byte in 0..100 {
            unread.push(vec![byte].into());
        }
        assert_eq!((unread.len(), unread.chunks.len()), (100, 0));
    }

    proptest! {
        #[test]
        fn prop_bytes_come_out_in_order(lens in proptest::collection::vec(0..1500usize, 0..12), reads in proptest::collection::vec(1..2000usize, 0..30)) {
            let mut unread = Unread::default();
            let (mut sent, mut got) = (Vec::new(), Vec::new());
            for (i, len) in lens.iter().enumerate() {
                let payload: Vec<u8> = (0..*len).map(|j| (i * 31 + j) as u8).collect();
                sent.extend_from_slice(&payload);
                unread.push(payload.into());
                if let Some(size) = reads.get(i) {
                    let mut buf = vec![0; *size];
                    let n = unread.read(&mut buf);
                    got.extend_from_slice(&buf[..n]);
                }
            }
            let mut rest = vec![0; unread.len()];
            prop_assert_eq!(unread.read(&mut rest), rest.len());
            got.extend_from_slice(&rest);
            prop_assert_eq!(got, sent);
            prop_assert_eq!(unread.len(), 0);
        }
    }
}
