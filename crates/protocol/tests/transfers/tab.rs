//! The tab under test: a real peer, its clock, and the words to speak with it.

use bytes::Bytes;
use clock::Time;
use content::{Bitfield, ContentId, GroupRange, Kept, Manifest, Message, Outboard, Record, Recovery, Root, Verifier};
use core::time::Duration;
use protocol::snapshot::TransferView;
use protocol::{
    Code, Command, Config, Directory, Failure, Input, Introducer, Output, Path, Peer, PeerKey, ReadToken, RelayIndex,
    RelayWay, ShareToken,
};
use std::sync::Arc;

pub(crate) const RELAY: RelayIndex = RelayIndex(0);

/// A peer, its clock, and a node that remembers what it was told to do.
pub(crate) struct Tab {
    pub(crate) now: Time,
    pub(crate) peer: Peer,
    /// The store finds nothing of any content, and says so at once.
    pub(crate) empty_store: bool,
}

impl Tab {
    pub(crate) fn new(config: Config) -> Self {
        let mut tab = Self { now: Time::ZERO, peer: Peer::new(key(0), config, Time::ZERO), empty_store: true };
        tab.drain();
        tab
    }

    /// Online, with direct connections to these peers.
    pub(crate) fn connected_to(peers: &[u8]) -> Self {
        let mut tab = Self::new(Config::default());
        tab.hear(Input::RelayConnected { relay: RELAY, key: key(255), way: RelayWay::WebSocket });
        tab.hear(Input::RelayReserved { relay: RELAY });
        for peer in peers {
            tab.connect(*peer);
        }
        tab
    }

    pub(crate) fn hear(&mut self, input: Input) -> Vec<Output> {
        self.peer.handle(self.now, input);
        let mut outputs = self.drain();
        if self.empty_store {
            for root in reserved(&outputs) {
                outputs.extend(self.hear(Input::Reserved { root, kept: None }));
            }
        }
        outputs
    }

    pub(crate) fn command(&mut self, command: Command) -> Vec<Output> {
        self.hear(Input::Command(command))
    }

    pub(crate) fn says(&mut self, peer: u8, message: Message) -> Vec<Output> {
        self.hear(Input::Content { peer: key(peer), message })
    }

    pub(crate) fn connect(&mut self, peer: u8) -> Vec<Output> {
        self.hear(Input::Connected { peer: key(peer), path: Path::Direct, dialled_by_us: false })
    }

    pub(crate) fn pass(&mut self, time: Duration) -> Vec<Output> {
        let until = self.now + time;
        let mut outputs = Vec::new();
        while let Some(deadline) = self.peer.next_deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline;
            outputs.extend(self.hear(Input::Wake));
        }
        self.now = until;
        outputs
    }

    pub(crate) fn drain(&mut self) -> Vec<Output> {
        core::iter::from_fn(|| self.peer.poll_output()).collect()
    }

    pub(crate) fn share(&mut self, token: u64, file: &File) -> Vec<Output> {
        let (name, media_type) = (file.manifest.name.clone(), file.manifest.media_type.clone());
        let length = file.manifest.length;
        let mut outputs = self.command(Command::Share { token: ShareToken(token), name, media_type, length });
        let (manifest, outboard) = (file.manifest.clone(), Arc::clone(&file.outboard));
        outputs.extend(self.hear(Input::Shared { token: ShareToken(token), manifest, key: None, outboard }));
        outputs
    }

    /// Fetches from `peer`, which a relay names and which answers with the manifest.
    pub(crate) fn fetch_from(&mut self, peer: u8, file: &File) -> Vec<Output> {
        self.command(Command::Fetch { id: file.id });
        self.named(file, &[peer]);
        self.says(peer, Message::Manifest { id: file.id, bytes: file.manifest.encode().into() })
    }

    pub(crate) fn named(&mut self, file: &File, peers: &[u8]) -> Vec<Output> {
        let peers = peers.iter().copied().map(key).collect();
        self.hear(Input::Providers { root_of: file.id, peers, from: Introducer::Relay(RELAY) })
    }

    /// Stores at once whatever it is told to store, until nothing more comes of it.
    pub(crate) fn store(&mut self, outputs: Vec<Output>) -> Vec<Output> {
        let mut all = Vec::new();
        let mut next = outputs;
        while !next.is_empty() {
            let stored: Vec<(Root, GroupRange)> = next
                .iter()
                .filter_map(|output| match output {
                    Output::Store { root, range, .. } => Some((*root, *range)),
                    _ => None,
                })
                .collect();
            all.append(&mut next);
            for (root, range) in stored {
                next.extend(self.hear(Input::Stored { root, range }));
            }
        }
        all
    }

    pub(crate) fn items(&self) -> Vec<TransferView> {
        self.peer.snapshot(self.now).transfers
    }

    pub(crate) fn item(&self) -> TransferView {
        let [item] = <[TransferView; 1]>::try_from(self.items()).expect("one item");
        item
    }

    pub(crate) fn notices(&self) -> Vec<Code> {
        self.peer.snapshot(self.now).notices.into_iter().map(|notice| notice.code).collect()
    }
}

/// Bytes with all that is known about them.
pub(crate) struct File {
    pub(crate) id: ContentId,
    pub(crate) manifest: Manifest,
    pub(crate) outboard: Arc<Outboard>,
    pub(crate) bytes: Bytes,
}

impl File {
    pub(crate) fn new(name: &str, len: usize) -> Self {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let outboard = Outboard::of(&bytes);
        let manifest = Manifest::of_file(&outboard, "image/png", name);
        Self { id: manifest.id(), manifest, outboard: Arc::new(outboard), bytes: bytes.into() }
    }

    pub(crate) fn root(&self) -> Root {
        self.manifest.root
    }

    pub(crate) fn holds_all(&self) -> Message {
        let chunks = content::layout::chunk_count(self.manifest.length);
        Message::Holds { root: self.root(), bits: Bitfield::full(chunks) }
    }

    /// What a store gives back that kept these groups.
    pub(crate) fn kept(&self, runs: &[GroupRange]) -> Option<Box<Kept>> {
        let mut verifier = Verifier::new(self.manifest.root, self.manifest.length);
        let mut recovery = Recovery::new(&self.manifest);
        for &range in runs {
            for group in self.groups(range, 0) {
                let Message::Group { group, parents, bytes, .. } = group else { continue };
                verifier.check(group, &parents, bytes).expect("the groups are the file's");
            }
            let place = range.byte_range(self.manifest.length);
            let record = Record { range, proof: verifier.proof(range).expect("it was just proved") };
            assert!(recovery.replay(&record, &self.bytes.slice(place.start as usize..place.end as usize)));
        }
        Some(Box::new(recovery.finish()))
    }

    pub(crate) fn groups(&self, range: GroupRange, known: u8) -> Vec<Message> {
        let place = range.byte_range(self.manifest.length);
        let bytes = self.bytes.slice(place.start as usize..place.end as usize);
        self.outboard.encode(range, known, &bytes).expect("the bytes are the file's")
    }
}

pub(crate) fn key(n: u8) -> PeerKey {
    PeerKey([n; 32])
}

pub(crate) fn sent_to(peer: u8, outputs: &[Output]) -> Vec<Message> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::SendContent { peer: to, message } if *to == key(peer) => Some(message.clone()),
            _ => None,
        })
        .collect()
}

pub(crate) fn wants(messages: &[Message]) -> Vec<(GroupRange, u8)> {
    messages
        .iter()
        .filter_map(|message| match message {
            Message::Want { range, known, .. } => Some((*range, *known)),
            _ => None,
        })
        .collect()
}

pub(crate) fn announced(outputs: &[Output]) -> Vec<(Directory, usize)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Announce { to, ids } => Some((*to, ids.len())),
            _ => None,
        })
        .collect()
}

pub(crate) fn found_at(outputs: &[Output]) -> Vec<Directory> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::FindProviders { at, .. } => Some(*at),
            _ => None,
        })
        .collect()
}

pub(crate) fn reads(outputs: &[Output]) -> Vec<ReadToken> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Read { token, .. } => Some(*token),
            _ => None,
        })
        .collect()
}

pub(crate) fn reserved(outputs: &[Output]) -> Vec<Root> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Reserve { manifest } | Output::GiveWay { manifest } => Some(manifest.root),
            _ => None,
        })
        .collect()
}

pub(crate) fn drops(outputs: &[Output]) -> Vec<Root> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Drop { root } => Some(*root),
            _ => None,
        })
        .collect()
}

pub(crate) fn hung_up(outputs: &[Output]) -> Vec<(PeerKey, Failure)> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::HangUp { peer, why } => Some((*peer, *why)),
            _ => None,
        })
        .collect()
}

pub(crate) fn dialled(outputs: &[Output]) -> Vec<PeerKey> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Dial { peer, .. } => Some(*peer),
            _ => None,
        })
        .collect()
}
