//! Any order, loss, duplication and reordering of events, against the plainest model of a provider.

use super::*;

/// One thing that happens to the download.
#[derive(Clone, Debug)]
enum Event {
    /// The oldest (or another) message on its way to us arrives.
    Arrive {
        at: usize,
    },
    /// One is lost.
    Lose {
        at: usize,
    },
    /// One arrives and stays on its way.
    Repeat {
        at: usize,
    },
    /// Time passes.
    Wait {
        millis: u64,
    },
    Gone {
        peer: u8,
    },
    Found {
        peer: u8,
    },
    /// A chunk is gained by a source that holds a part.
    Have {
        peer: u8,
        chunk: u32,
    },
    Refuse {
        peer: u8,
        at: u32,
        reason: u8,
    },
    Corrupt {
        at: usize,
    },
    StoreLater,
    StoreFails,
    Pause,
    Resume,
    Play {
        group: Option<u32>,
        window: u32,
    },
    /// The person wants these groups, or all.
    Want {
        ranges: Option<Vec<(u32, u32)>>,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (0usize..4).prop_map(|at| Event::Arrive { at }),
        2 => (0usize..20).prop_map(|at| Event::Lose { at }),
        2 => (0usize..20).prop_map(|at| Event::Repeat { at }),
        2 => (0u64..7_000).prop_map(|millis| Event::Wait { millis }),
        1 => (0u8..4).prop_map(|peer| Event::Gone { peer }),
        2 => (0u8..4).prop_map(|peer| Event::Found { peer }),
        2 => (0u8..4, 0u32..5).prop_map(|(peer, chunk)| Event::Have { peer, chunk }),
        1 => (0u8..4, 0u32..70, 0u8..4).prop_map(|(peer, at, reason)| Event::Refuse { peer, at, reason }),
        1 => (0usize..20).prop_map(|at| Event::Corrupt { at }),
        1 => Just(Event::StoreLater),
        1 => Just(Event::StoreFails),
        1 => Just(Event::Pause),
        3 => Just(Event::Resume),
        1 => (prop::option::of(0u32..90), 0u32..40).prop_map(|(group, window)| Event::Play { group, window }),
        1 => wanted().prop_map(|ranges| Event::Want { ranges }),
    ];
    prop::collection::vec(event, 0..200)
}

/// Some runs of groups, overlapping or outside, or all.
fn wanted() -> impl Strategy<Value = Option<Vec<(u32, u32)>>> {
    prop::option::weighted(0.7, prop::collection::vec((0u32..90, 0u32..30), 0..4))
}

/// The world around one download: messages on their way to it, and a store that answers when told.
struct World {
    content: Content,
    download: Download<u8>,
    flows: Flows<u8>,
    now: Time,
    on_way: Vec<(u8, Message)>,
    storing: Vec<GroupRange>,
    stored: BTreeMap<u32, Bytes>,
    /// What the person chose last; nothing means all.
    chosen: Option<BTreeSet<u32>>,
    /// Times that it was said that all of that is here.
    enough: u32,
    done: bool,
    dropped: BTreeSet<u8>,
}

impl World {
    fn new(length: u64, seed: u64) -> Self {
        let content = Content::new(length);
        let download = Download::new(content.manifest(), DownloadConfig::default(), seed);
        let (on_way, storing, stored, dropped, chosen) = Default::default();
        let flows = Flows::new(FlowConfig::default());
        let (now, enough, done) = (Time::ZERO, 0, false);
        Self { content, download, flows, now, on_way, storing, stored, chosen, enough, done, dropped }
    }

    fn hear(&mut self, input: DownloadInput<u8>) {
        self.download.handle(self.now, &mut self.flows, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.download.poll_output() {
            match output {
                DownloadOutput::Send { peer, message } => self.answer(peer, message),
                DownloadOutput::Store { range, bytes } => self.keep(range, &bytes),
                DownloadOutput::Held { .. } => {}
                DownloadOutput::DropSource { peer, .. } => assert!(self.dropped.insert(peer), "dropped twice"),
                DownloadOutput::Enough => {
                    assert!(self.missing().is_empty(), "not all that was chosen is here");
                    self.enough += 1;
                }
                DownloadOutput::Done => self.done = true,
            }
        }
        audit(&self.download, &self.flows);
    }

    /// What a provider that has all, or source 3 that has a part, answers.
    fn answer(&mut self, peer: u8, message: Message) {
        assert!(!self.dropped.contains(&peer), "a dropped source is never asked");
        let answers = match message {
            Message::Follow { root } => {
                let mut bits = Bitfield::full(self.content.chunks());
                if peer == 3 {
                    bits.remove(0);
                }
                vec![Message::Holds { root, bits }]
            }
            Message::Want { range, known, .. } => {
                let chosen = |group| self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&group));
                assert!(range.iter().all(chosen), "only what was chosen is asked for");
                self.content.serve(range, known).unwrap()
            }
            _ => Vec::new(),
        };
        self.on_way.extend(answers.into_iter().map(|answer| (peer, answer)));
    }

    fn keep(&mut self, range: GroupRange, bytes: &Bytes) {
        assert_eq!(bytes, &self.content.slice(range), "only true bytes are stored");
        for group in range.iter() {
            self.stored.insert(group, self.content.slice(GroupRange::single(group)));
        }
        self.storing.push(range);
    }

    fn arrive(&mut self, at: usize, remove: bool) {
        if self.on_way.is_empty() {
            return;
        }
        let at = at % self.on_way.len();
        let (peer, message) = if remove { self.on_way.remove(at) } else { self.on_way[at].clone() };
        self.hear(DownloadInput::Message { peer, message });
    }

    fn happen(&mut self, event: Event) {
        let root = self.content.root();
        match event {
            Event::Arrive { at } => self.arrive(at, true),
            Event::Repeat { at } => self.arrive(at, false),
            Event::Lose { at } => {
                if !self.on_way.is_empty() {
                    self.on_way.remove(at % self.on_way.len());
                }
            }
            Event::Wait { millis } => {
                self.now = self.now + Duration::from_millis(millis);
                self.hear(DownloadInput::Wake);
            }
            Event::Gone { peer } => {
                self.on_way.retain(|(from, _)| *from != peer);
                self.hear(DownloadInput::SourceGone { peer });
            }
            Event::Found { peer } => self.hear(DownloadInput::SourceFound { peer }),
            Event::Have { peer, chunk } => {
                let range = GroupRange::of_chunk(chunk % self.content.chunks(), self.content.outboard.length());
                self.hear(DownloadInput::Message { peer, message: Message::Have { root, range } });
            }
            Event::Refuse { peer, at, reason } => {
                // The honest source 0 refuses only what it can mean.
                let reason = match (peer, reason) {
                    (0, _) | (_, 0) => Refusal::Busy,
                    (_, 1) => Refusal::NotHeld,
                    (_, 2) => Refusal::Withdrawn,
                    _ => Refusal::Unreadable,
                };
                let range = GroupRange::new(at, 5);
                self.hear(DownloadInput::Message { peer, message: Message::Refuse { root, range, reason } });
            }
            Event::Corrupt { at } => self.corrupt(at),
            Event::StoreLater => {
                if let Some(range) = self.storing.pop() {
                    self.hear(DownloadInput::Stored { range });
                }
            }
            Event::StoreFails => {
                self.storing.clear();
                self.hear(DownloadInput::StoreFailed);
            }
            Event::Pause => self.hear(DownloadInput::Pause),
            Event::Resume => self.hear(DownloadInput::Resume),
            Event::Play { group, window } => {
                self.download.set_playhead(self.now, &mut self.flows, group, window);
                self.drain();
            }
            Event::Want { ranges } => self.want(ranges.as_deref()),
        }
    }

    fn want(&mut self, ranges: Option<&[(u32, u32)]>) {
        let ranges: Option<Vec<GroupRange>> =
            ranges.map(|ranges| ranges.iter().map(|&(first, count)| GroupRange::new(first, count)).collect());
        let groups = 0..group_count(self.content.outboard.length());
        self.chosen = ranges
            .as_ref()
            .map(|ranges| groups.filter(|&group| ranges.iter().any(|range| range.contains(group))).collect());
        self.download.set_wanted(self.now, &mut self.flows, ranges.as_deref());
        self.drain();
    }

    /// Groups that were chosen and are not stored.
    fn missing(&self) -> Vec<u32> {
        let groups = 0..group_count(self.content.outboard.length());
        let chosen = |group: &u32| self.chosen.as_ref().is_none_or(|chosen| chosen.contains(group));
        groups.filter(|group| chosen(group) && !self.download.groups.is_stored(*group)).collect()
    }

    /// A group from anyone but the honest source is changed on its way.
    fn corrupt(&mut self, at: usize) {
        let others: Vec<usize> = (0..self.on_way.len()).filter(|&at| self.on_way[at].0 != 0).collect();
        if let Some(&at) = others.get(at % others.len().max(1))
            && let (_, Message::Group { bytes, .. }) = &mut self.on_way[at]
        {
            let mut wrong = bytes.to_vec();
            wrong[0] ^= 0x80;
            *bytes = wrong.into();
        }
    }

    /// From here on the honest source is reachable and nothing is lost: all that is chosen comes.
    fn settle(&mut self) {
        self.hear(DownloadInput::Resume);
        for _ in 0..3_000 {
            if self.done || (self.chosen.is_some() && self.download.enough) {
                return;
            }
            self.hear(DownloadInput::SourceFound { peer: 0 });
            while !self.on_way.is_empty() {
                self.now = self.now + Duration::from_micros(100);
                self.arrive(0, true);
            }
            while let Some(range) = self.storing.pop() {
                self.hear(DownloadInput::Stored { range });
            }
            if let Some(at) = self.download.next_deadline(&self.flows) {
                self.now = self.now.max(at);
                self.hear(DownloadInput::Wake);
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::cases(200))]

    #[test]
    fn prop_any_run_of_events_keeps_the_invariant_and_completes_with_one_honest_source(
        length in 1u64..5 * CHUNK,
        seed: u64,
        events in events(),
    ) {
        let mut world = World::new(length, seed);
        world.hear(DownloadInput::SourceFound { peer: 0 });
        for event in events {
            world.happen(event);
        }
        world.settle();
        prop_assert!(world.missing().is_empty(), "{:?}", world.download.progress());
        prop_assert!(world.done || world.enough > 0);
        // Wanting the rest goes on where it stopped.
        world.want(None);
        world.settle();
        prop_assert!(!world.dropped.contains(&0), "the honest source was dropped");
        prop_assert!(world.done, "{:?}", world.download.progress());
        prop_assert_eq!(world.stored.len() as u32, group_count(length));
        let outboard = world.download.outboard();
        prop_assert_eq!(outboard.as_ref(), Some(&world.content.outboard));
    }
}
