//! The running hash of all that happened.
//!
//! Every input of every peer, with its time, in a fixed encoding: peers are functions of their inputs, so two
//! runs with the same hash are the same run. Nothing here depends on the width of a pointer, on a hasher's seed
//! or on how `Debug` prints.

use clock::Time;
use core::time::Duration;
use ledger::wire::Wire;
use protocol::{Code, Failure, Input, Introducer, Path, PeerKey, RelayWay, RttKind, Stage};

/// The hash so far.
#[derive(Debug)]
pub(crate) struct Trace(blake3::Hasher);

impl Trace {
    pub(crate) fn new(seed: u64) -> Self {
        let mut trace = Self(blake3::Hasher::new());
        trace.text("starling sim 1").number(seed);
        trace
    }

    pub(crate) fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }

    /// Folds in one input. `wire`: the bytes of a content message.
    pub(crate) fn input(&mut self, now: Time, peer: usize, input: &Input, wire: &[u8]) {
        self.number(now.as_micros()).number(peer as u64);
        match input {
            // Commands come from the scenario, which is part of what a run is a function of.
            Input::Command(_) => self.text("command"),
            Input::Notice { code } => self.text("notice").code(*code),
            Input::RelayConnected { relay, key, way } => {
                self.text("relay connected").number(relay.0.into()).key(*key).number(way_number(*way))
            }
            Input::RelayReserved { relay } => self.text("relay reserved").number(relay.0.into()),
            Input::RelayRefused { relay } => self.text("relay refused").number(relay.0.into()),
            Input::RelayLost { relay } => self.text("relay lost").number(relay.0.into()),
            Input::RelayRtt { relay, rtt } => self.text("relay rtt").number(relay.0.into()).length(*rtt),
            Input::Discovered { from, peers } => self.text("discovered").introducer(*from).keys(peers),
            Input::Dialling { peer, stage } => self.text("dialling").key(*peer).number(stage_number(*stage)),
            Input::Connected { peer, path, dialled_by_us } => self
                .text("connected")
                .key(*peer)
                .number(u64::from(*path == Path::Direct))
                .number(u64::from(*dialled_by_us)),
            Input::Disconnected { peer, failure } => self.text("disconnected").key(*peer).failure(*failure),
            Input::DialFailed { peer, failure } => self.text("dial failed").key(*peer).failure(*failure),
            Input::Rtt { peer, rtt, kind } => {
                self.text("rtt").key(*peer).length(*rtt).number(u64::from(*kind == RttKind::Stun))
            }
            Input::Candidates { peer, .. } => self.text("candidates").key(*peer),
            Input::Content { peer, message: _ } => self.text("content").key(*peer).bytes(wire),
            Input::ContentFlushed { peer, bytes } => self.text("flushed").key(*peer).number((*bytes).into()),
            Input::ContentClosed { peer } => self.text("content closed").key(*peer),
            Input::ContentMalformed { peer } => self.text("content malformed").key(*peer),
            Input::Credit { peer, message: _ } => self.text("credit").key(*peer).bytes(wire),
            Input::CreditMalformed { peer } => self.text("credit malformed").key(*peer),
            Input::Providers { root_of, peers, from } => {
                self.text("providers").bytes(&root_of.0).introducer(*from).keys(peers)
            }
            Input::ProvidersAsked { peer, request, token } => {
                self.text("providers asked").key(*peer).bytes(&request.encode()).number(token.0)
            }
            Input::NeighboursAsked { peer, token } => self.text("neighbours asked").key(*peer).number(token.0),
            Input::IntroduceAsked { from, to, token } => {
                self.text("introduce asked").key(*from).key(*to).number(token.0)
            }
            Input::IntroduceEnded { token } => self.text("introduce ended").number(token.0),
            Input::ChainAnswered { ask, answer, .. } => {
                let bytes = answer.as_ref().map(|answer| answer.to_bytes()).unwrap_or_default();
                self.text("chain answered").number(ask.0).bytes(&bytes)
            }
            Input::Account { id, .. } => self.text("account").bytes(&id.0),
            Input::BooksFound { bytes } => self.text("books found").bytes(bytes),
            Input::Signed { token, signature } => {
                self.text("signed").number(token.0).bytes(&signature.map(|signature| signature.0).unwrap_or([0; 64]))
            }
            Input::Solved { counter, .. } => self.text("solved").number(counter.unwrap_or(u64::MAX)),
            Input::WebSource { id, key } => self.text("web source").bytes(&id.0).key(*key),
            Input::ShareProgress { token, hashed } => self.text("share progress").number(token.0).number(*hashed),
            Input::Shared { token, manifest, .. } => self.text("shared").number(token.0).bytes(&manifest.encode()),
            Input::ShareFailed { token, code } => self.text("share failed").number(token.0).code(*code),
            Input::Restored { manifest, .. } => self.text("restored").bytes(&manifest.root.0),
            Input::Keeping { root, .. } => self.text("keeping").bytes(&root.0),
            Input::Found { manifest, .. } => self.text("found").bytes(&manifest.encode()),
            Input::NoRoom { root, short } => self.text("no room").bytes(&root.0).number(*short),
            Input::Evicted { root, gone } => self.text("evicted").bytes(&root.0).number(u64::from(*gone)),
            Input::Gone { root } => self.text("gone").bytes(&root.0),
            Input::Used { id } => self.text("used").bytes(&id.0),
            Input::Reserved { root, kept } => self
                .text("reserved")
                .bytes(&root.0)
                .bytes(&kept.as_ref().map(|kept| kept.to_bytes()).unwrap_or_default()),
            Input::Elsewhere { root, .. } => self.text("elsewhere").bytes(&root.0),
            Input::Claimed { root } => self.text("claimed").bytes(&root.0),
            Input::Stored { root, range } => {
                self.text("stored").bytes(&root.0).number(range.first.into()).number(range.count.into())
            }
            Input::StoreFailed { root, code } => self.text("store failed").bytes(&root.0).code(*code),
            Input::ReadDone { token, bytes } => self.text("read done").number(token.0).bytes(bytes),
            Input::ReadFailed { token, code } => self.text("read failed").number(token.0).code(*code),
            Input::Hidden(hidden) => self.text("hidden").number(u64::from(*hidden)),
            Input::Metered(metered) => self.text("metered").number(u64::from(*metered)),
            Input::Leaving => self.text("leaving"),
            Input::Wake => self.text("wake"),
        };
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn key(&mut self, key: PeerKey) -> &mut Self {
        self.0.update(&key.0);
        self
    }

    fn keys(&mut self, keys: &[PeerKey]) -> &mut Self {
        self.number(keys.len() as u64);
        for key in keys {
            self.key(*key);
        }
        self
    }

    fn length(&mut self, length: Duration) -> &mut Self {
        self.number(length.as_micros() as u64)
    }

    fn code(&mut self, code: Code) -> &mut Self {
        self.text(code.as_str())
    }

    fn introducer(&mut self, by: Introducer) -> &mut Self {
        match by {
            Introducer::Relay(relay) => self.number(0).number(relay.0.into()),
            Introducer::Neighbour(peer) => self.number(1).key(peer),
        }
    }

    fn failure(&mut self, failure: Failure) -> &mut Self {
        self.number(match failure {
            Failure::NotIntroduced => 1,
            Failure::Signalling => 2,
            Failure::NoDirectPath => 3,
            Failure::WebRtcBlocked => 4,
            Failure::Limit => 5,
            Failure::TimedOut => 6,
            Failure::Closed => 7,
            Failure::Banned => 8,
        })
    }
}

const fn stage_number(stage: Stage) -> u64 {
    match stage {
        Stage::Introducing => 1,
        Stage::Signalling => 2,
        Stage::Checking => 3,
        Stage::Opening => 4,
    }
}

const fn way_number(way: RelayWay) -> u64 {
    match way {
        RelayWay::WebSocket => 1,
        RelayWay::WebRtcDirect => 2,
        RelayWay::Tcp => 3,
    }
}
