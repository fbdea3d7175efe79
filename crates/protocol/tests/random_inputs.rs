//! A peer hears anything at all, in any order, and keeps its budgets, its promises and its head.
//!
//! Beside the peer stands the obvious model of its connections: what was reported up, minus what was reported
//! down or hung up on.

use bytes::Bytes;
use clock::Time;
use content::{Bitfield, ContentId, GroupRange, Manifest, Message, Outboard, Refusal, Root};
use core::time::Duration;
use proptest::prelude::*;
use protocol::snapshot::Cell;
use protocol::{
    AskToken, Candidate, Caps, Code, Command, Config, Failure, Input, Introducer, Keeping, Output, Path, Peer, PeerKey,
    ReadToken, RelayIndex, RelayWay, RttKind, ShareToken, Spent, Stage, TabReport,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Wishes after one input that nothing in a small world explains.
const OUTPUTS_MAX: usize = 2_000;

/// What the node would know.
#[derive(Default)]
struct Model {
    /// Path and whether we dialled.
    connected: BTreeMap<PeerKey, (Path, bool)>,
    dialling: BTreeSet<PeerKey>,
    dial_starts: Vec<Time>,
    banned: BTreeSet<PeerKey>,
    unanswered: BTreeSet<AskToken>,
}

impl Model {
    fn on_input(&mut self, input: &Input) {
        match input {
            Input::Connected { peer, path, dialled_by_us } => {
                self.dialling.remove(peer);
                self.connected.insert(*peer, (*path, *dialled_by_us));
            }
            Input::Disconnected { peer, .. } => _ = self.connected.remove(peer),
            Input::DialFailed { peer, .. } => _ = self.dialling.remove(peer),
            Input::ProvidersAsked { token, .. }
            | Input::NeighboursAsked { token, .. }
            | Input::IntroduceAsked { token, .. } => _ = self.unanswered.insert(*token),
            _ => {}
        }
    }

    fn on_output(&mut self, now: Time, output: &Output) -> Result<(), TestCaseError> {
        match output {
            Output::Dial { peer, .. } => {
                prop_assert!(!self.banned.contains(peer), "dialled a banned peer");
                prop_assert!(!self.connected.contains_key(peer), "dialled a connected peer");
                prop_assert!(self.dialling.insert(*peer), "dialled twice at once");
                self.dial_starts.push(now);
            }
            Output::HangUp { peer, why } => {
                self.connected.remove(peer);
                self.dialling.remove(peer);
                if *why == Failure::Banned {
                    self.banned.insert(*peer);
                }
            }
            Output::SendContent { peer, .. } => {
                let path = self.connected.get(peer).map(|(path, _)| *path);
                prop_assert!(path != Some(Path::Relayed), "content over a relayed path");
            }
            Output::ProvidersAnswer { token, .. }
            | Output::NeighboursAnswer { token, .. }
            | Output::IntroduceAnswer { token, .. } => {
                prop_assert!(self.unanswered.remove(token), "an answer nobody waits for");
            }
            _ => {}
        }
        Ok(())
    }

    fn check(&self, now: Time, config: &Config) -> Result<(), TestCaseError> {
        let ours = self.connected.values().filter(|(_, ours)| *ours).count() + self.dialling.len();
        let theirs = self.connected.values().filter(|(_, ours)| !*ours).count();
        prop_assert!(ours <= config.outbound_max, "{ours} of ours");
        prop_assert!(theirs <= config.inbound_max, "{theirs} of theirs");
        prop_assert!(self.dialling.len() <= config.dials_max, "{} at once", self.dialling.len());
        let last_minute = self.dial_starts.iter().filter(|start| now - **start < Duration::from_secs(60)).count();
        prop_assert!(last_minute <= config.dials_per_minute as usize, "{last_minute} in a minute");
        prop_assert!(self.unanswered.is_empty(), "a question was not answered");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn prop_any_inputs_keep_the_budgets(
        seed: u64,
        steps in prop::collection::vec((inputs(), 0u64..3_000), 1..250),
    ) {
        let config =
            Config { relays: 2, seed, outbound_max: 4, inbound_max: 3, dials_max: 3, dials_per_minute: 9, peers_target: 4, ..Config::default() };
        let mut peer = Peer::new(key(0), config.clone(), Time::ZERO);
        let mut model = Model::default();
        let mut now = Time::ZERO;
        for (at, (input, pause_ms)) in steps.into_iter().enumerate() {
            model.on_input(&input);
            peer.handle(now, input);
            let mut outputs = 0;
            while let Some(output) = peer.poll_output() {
                outputs += 1;
                model.on_output(now, &output)?;
            }
            prop_assert!(outputs <= OUTPUTS_MAX, "{outputs} outputs");
            model.check(now, &config)?;
            let deadline = peer.next_deadline();
            prop_assert!(deadline.is_none_or(|deadline| deadline > now), "{deadline:?} is not after {now:?}");
            now = now + Duration::from_millis(pause_ms);
            if at % 16 == 0 {
                let snapshot = peer.snapshot(now);
                prop_assert!(snapshot.peers.len() <= 80 && snapshot.transfers.len() <= 256);
            }
        }
    }

    #[test]
    fn prop_the_same_inputs_have_the_same_outputs(
        seed: u64,
        steps in prop::collection::vec((inputs(), 0u64..3_000), 1..80),
    ) {
        let run = || {
            let config = Config { relays: 2, seed, ..Config::default() };
            let mut peer = Peer::new(key(0), config, Time::ZERO);
            let mut now = Time::ZERO;
            let mut said = String::new();
            for (input, pause_ms) in &steps {
                peer.handle(now, input.clone());
                while let Some(output) = peer.poll_output() {
                    said.push_str(&format!("{output:?}\n"));
                }
                now = now + Duration::from_millis(*pause_ms);
            }
            said
        };
        prop_assert_eq!(run(), run());
    }
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        3 => commands().prop_map(Input::Command),
        4 => connections(),
        2 => relays(),
        4 => (peers(), messages()).prop_map(|(peer, message)| Input::Content { peer, message }),
        2 => questions(),
        2 => storage(),
        1 => Just(Input::Wake),
        1 => any::<bool>().prop_map(Input::Hidden),
        1 => any::<bool>().prop_map(Input::Metered),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        (0u64..6).prop_map(|token| Command::Share {
            token: ShareToken(token),
            name: "bird".into(),
            media_type: String::new(),
            length: 50_000,
        }),
        (0u64..6).prop_map(|token| Command::CancelShare { token: ShareToken(token) }),
        (0u64..20).prop_map(|key| Command::CancelReading { key }),
        ids().prop_map(|id| Command::Fetch { id }),
        ids().prop_map(|id| Command::Accept { id }),
        (ids(), parts()).prop_map(|(id, parts)| Command::Want { id, parts }),
        ids().prop_map(|id| Command::Pause { id }),
        ids().prop_map(|id| Command::Resume { id }),
        (ids(), any::<bool>()).prop_map(|(id, pinned)| Command::Pin { id, pinned }),
        ids().prop_map(|id| Command::KeepInMemory { id }),
        (ids(), any::<u64>()).prop_map(|(id, at)| Command::Play { id, at }),
        ids().prop_map(|id| Command::Remove { id }),
        any::<bool>().prop_map(Command::PassOn),
        (caps(), any::<u32>(), any::<u32>()).prop_map(|(caps, bytes, ago)| Command::Limit {
            caps,
            spent: Spent { bytes: bytes.into(), ago: Duration::from_secs(ago.into()) },
        }),
        peers().prop_map(|peer| Command::Disconnect { peer }),
        peers().prop_map(|peer| Command::Retry { peer }),
        Just(Command::RetryRelays),
        Just(Command::DismissNotice { code: Code::BadBytes }),
    ]
}

fn caps() -> impl Strategy<Value = Caps> {
    let limit = || prop::option::of(any::<u64>());
    (limit(), limit(), limit()).prop_map(|(upload_rate, pass_on_rate, pass_on_daily)| Caps {
        upload_rate,
        pass_on_rate,
        pass_on_daily,
    })
}

fn connections() -> impl Strategy<Value = Input> {
    let failures = prop_oneof![
        Just(Failure::NotIntroduced),
        Just(Failure::NoDirectPath),
        Just(Failure::TimedOut),
        Just(Failure::Closed),
        Just(Failure::Limit),
    ];
    let paths = prop_oneof![3 => Just(Path::Direct), 1 => Just(Path::Relayed)];
    prop_oneof![
        2 => (introducers(), prop::collection::vec(peers(), 0..20))
            .prop_map(|(from, peers)| Input::Discovered { from, peers }),
        4 => (peers(), paths, any::<bool>())
            .prop_map(|(peer, path, dialled_by_us)| Input::Connected { peer, path, dialled_by_us }),
        1 => (peers(), failures.clone()).prop_map(|(peer, failure)| Input::Disconnected { peer, failure }),
        1 => (peers(), failures).prop_map(|(peer, failure)| Input::DialFailed { peer, failure }),
        1 => peers().prop_map(|peer| Input::Dialling { peer, stage: Stage::Checking }),
        1 => (peers(), 0u64..u64::MAX, any::<bool>()).prop_map(|(peer, micros, stun)| Input::Rtt {
            peer,
            rtt: Duration::from_micros(micros),
            kind: if stun { RttKind::Stun } else { RttKind::Ping },
        }),
        1 => peers().prop_map(|peer| Input::Candidates {
            peer,
            local: Candidate::Host,
            remote: Candidate::ServerReflexive,
        }),
    ]
}

fn relays() -> impl Strategy<Value = Input> {
    // One more than we were given.
    let relay = || (0u8..3).prop_map(RelayIndex);
    prop_oneof![
        relay().prop_map(|relay| Input::RelayConnected { relay, key: key(200), way: RelayWay::WebSocket }),
        relay().prop_map(|relay| Input::RelayReserved { relay }),
        relay().prop_map(|relay| Input::RelayRefused { relay }),
        relay().prop_map(|relay| Input::RelayLost { relay }),
        relay().prop_map(|relay| Input::RelayRtt { relay, rtt: Duration::from_millis(9) }),
    ]
}

fn questions() -> impl Strategy<Value = Input> {
    let announce = prop::collection::btree_set(any::<u8>(), 0..20).prop_map(|ids| {
        let ids = ids.into_iter().map(|n| providers::Id([n; 32]));
        providers::Request::Announce(providers::IdSet::from_first(ids))
    });
    let find = ids().prop_map(|id| providers::Request::Find(providers::Id(id.0)));
    let token = || any::<u64>().prop_map(AskToken);
    prop_oneof![
        (peers(), prop_oneof![announce, find], token()).prop_map(|(peer, request, token)| Input::ProvidersAsked {
            peer,
            request,
            token
        }),
        (peers(), token()).prop_map(|(peer, token)| Input::NeighboursAsked { peer, token }),
        (peers(), peers(), token()).prop_map(|(from, to, token)| Input::IntroduceAsked { from, to, token }),
        (0u64..5).prop_map(|token| Input::IntroduceEnded { token: AskToken(token) }),
        (ids(), prop::collection::vec(peers(), 0..25), introducers())
            .prop_map(|(root_of, peers, from)| Input::Providers { root_of, peers, from }),
    ]
}

fn storage() -> impl Strategy<Value = Input> {
    prop_oneof![
        (0u64..6, any::<u64>()).prop_map(|(token, hashed)| Input::ShareProgress { token: ShareToken(token), hashed }),
        (0u64..6, files()).prop_map(|(token, (manifest, outboard))| Input::Shared {
            token: ShareToken(token),
            manifest,
            key: None,
            outboard,
        }),
        (0u64..6).prop_map(|token| Input::ShareFailed { token: ShareToken(token), code: Code::StorageRefused }),
        (roots(), ranges()).prop_map(|(root, range)| Input::Stored { root, range }),
        (files(), any::<bool>()).prop_map(|((manifest, _), pinned)| Input::Found { manifest, pinned }),
        (roots(), 0u64..200_000).prop_map(|(root, short)| Input::NoRoom { root, short }),
        (roots(), any::<bool>()).prop_map(|(root, gone)| Input::Evicted { root, gone }),
        roots().prop_map(|root| Input::Gone { root }),
        ids().prop_map(|id| Input::Used { id }),
        roots().prop_map(|root| Input::Keeping { root, keeping: Keeping::Device }),
        (files(), any::<bool>()).prop_map(|((manifest, _), any)| {
            let kept = any.then(|| Box::new(content::Recovery::new(&manifest).finish()));
            Input::Reserved { root: manifest.root, kept }
        }),
        (roots(), 0u64..70_000, any::<bool>()).prop_map(|(root, verified, paused)| {
            let report = TabReport { verified, rate: verified / 2, paused, map: vec![Cell::Verified; 3] };
            Input::Elsewhere { root, report }
        }),
        roots().prop_map(|root| Input::Claimed { root }),
        Just(Input::Leaving),
        roots().prop_map(|root| Input::StoreFailed { root, code: Code::StorageFull }),
        (0u64..9, 0usize..60_000)
            .prop_map(|(token, len)| Input::ReadDone { token: ReadToken(token), bytes: vec![0; len].into() }),
        (0u64..9).prop_map(|token| Input::ReadFailed { token: ReadToken(token), code: Code::StorageRefused }),
        (peers(), any::<u32>()).prop_map(|(peer, bytes)| Input::ContentFlushed { peer, bytes }),
        peers().prop_map(|peer| Input::ContentClosed { peer }),
        peers().prop_map(|peer| Input::ContentMalformed { peer }),
    ]
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        1 => ids().prop_map(|id| Message::GetManifest { id }),
        4 => files().prop_map(|(manifest, _)| Message::Manifest { id: manifest.id(), bytes: manifest.encode().into() }),
        1 => (ids(), prop::collection::vec(any::<u8>(), 0..80))
            .prop_map(|(id, bytes)| Message::Manifest { id, bytes: bytes.into() }),
        1 => ids().prop_map(|id| Message::NoContent { id }),
        1 => roots().prop_map(|root| Message::Follow { root }),
        1 => roots().prop_map(|root| Message::Unfollow { root }),
        3 => roots().prop_map(|root| Message::Holds { root, bits: Bitfield::full(1) }),
        1 => (roots(), 0u32..9).prop_map(|(root, len)| Message::Holds { root, bits: Bitfield::full(len) }),
        1 => (roots(), ranges()).prop_map(|(root, range)| Message::Have { root, range }),
        1 => (roots(), ranges(), 0u8..9).prop_map(|(root, range, known)| Message::Want { root, range, known }),
        1 => (roots(), ranges()).prop_map(|(root, range)| Message::Cancel { root, range }),
        3 => groups(),
        1 => (roots(), ranges()).prop_map(|(root, range)| Message::Refuse { root, range, reason: Refusal::Busy }),
    ]
}

/// Groups that belong to one of the files, and some that do not.
fn groups() -> impl Strategy<Value = Message> {
    (0u8..3, 0u32..5, any::<bool>()).prop_map(|(n, group, wrong)| {
        let bytes = file_bytes(n);
        let outboard = Outboard::of(&bytes);
        let range = GroupRange::single(group);
        let place = range.byte_range(bytes.len() as u64);
        let body = bytes.slice(place.start as usize..place.end as usize);
        match outboard.encode(range, 0, &body).map(|mut messages| messages.remove(0)) {
            Ok(Message::Group { root, group, parents, bytes }) if wrong => {
                let bytes = bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>().into();
                Message::Group { root, group, parents, bytes }
            }
            Ok(message) => message,
            Err(_) => Message::Group { root: outboard.root(), group, parents: Bytes::new(), bytes: body },
        }
    })
}

fn files() -> impl Strategy<Value = (Manifest, Arc<Outboard>)> {
    (0u8..3).prop_map(|n| {
        let outboard = Outboard::of(&file_bytes(n));
        (Manifest::of_file(&outboard, "", "bird"), Arc::new(outboard))
    })
}

fn file_bytes(n: u8) -> Bytes {
    vec![n; 20_000 * usize::from(n)].into()
}

fn ids() -> impl Strategy<Value = ContentId> {
    prop_oneof![4 => files().prop_map(|(manifest, _)| manifest.id()), 1 => Just(ContentId([5; 32]))]
}

fn parts() -> impl Strategy<Value = Option<Vec<core::ops::Range<u64>>>> {
    let part = (0u64..900_000, 0u64..400_000).prop_map(|(start, len)| start..start + len);
    prop::option::of(prop::collection::vec(part, 0..4))
}

fn roots() -> impl Strategy<Value = Root> {
    prop_oneof![4 => files().prop_map(|(manifest, _)| manifest.root), 1 => Just(Root([5; 32]))]
}

fn ranges() -> impl Strategy<Value = GroupRange> {
    prop_oneof![
        (0u32..4, 0u32..4).prop_map(|(first, count)| GroupRange { first, count }),
        (any::<u32>(), any::<u32>()).prop_map(|(first, count)| GroupRange { first, count }),
    ]
}

fn introducers() -> impl Strategy<Value = Introducer> {
    prop_oneof![
        (0u8..3).prop_map(|relay| Introducer::Relay(RelayIndex(relay))),
        peers().prop_map(Introducer::Neighbour),
    ]
}

/// A few others, and ourselves.
fn peers() -> impl Strategy<Value = PeerKey> {
    (0u8..12).prop_map(key)
}

fn key(n: u8) -> PeerKey {
    PeerKey([n; 32])
}
