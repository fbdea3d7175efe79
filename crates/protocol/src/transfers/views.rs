//! Items as the screen draws them.

use super::Transfers;
use super::elsewhere::Elsewhere;
use super::held::{Content, Place};
use super::item::{Item, Phase, Quest};
use super::providers_of::Role;
use super::room::{can_be_pinned, would_fit_memory};
use super::share::Hashing;
use crate::notices::millis;
use crate::snapshot::{Cell, Direction, ReceiverView, SourceState, SourceView, TransferState, TransferView};
use crate::{Code, PeerKey};
use clock::Time;
use content::layout::chunk_count;
use content::{Kind, Manifest};
use std::collections::BTreeSet;

/// Cells of the map: enough for the widest screen, few enough to draw sixty times a second.
const CELLS_MAX: u32 = 480;

impl Transfers {
    /// All items, newest first.
    pub(crate) fn views(&self, now: Time) -> Vec<TransferView> {
        let items = self.items.values().map(|item| (item.since, item.key, self.view(now, item)));
        let hashing = self.hashing.values().map(|hashing| (hashing.since, hashing.key, hashing_view(now, hashing)));
        let mut views: Vec<(Time, u64, TransferView)> = items.chain(hashing).collect();
        views.sort_by_key(|(since, key, _)| core::cmp::Reverse((*since, *key)));
        views.into_iter().map(|(_, _, view)| view).collect()
    }

    fn view(&self, now: Time, item: &Item) -> TransferView {
        let content = item.manifest.as_ref().and_then(|manifest| self.contents.get(&manifest.root));
        let loading = content.filter(|_| matches!(item.phase, Phase::Loading(_)));
        let bytes = content.map_or(0, Content::verified);
        let wanted = content.map(Content::wanted).filter(|_| !matches!(item.phase, Phase::Asking(_)));
        let some = wanted.zip(content).filter(|(wanted, content)| *wanted < content.length);
        let plain = |bytes: u64| plain_of(item, bytes);
        let details = item.details.as_ref();
        let elsewhere = loading.and_then(Content::elsewhere);
        let rate = elsewhere
            .map_or_else(|| loading.map_or(0.0, |content| content.rate.per_second(now)), |report| report.rate as f64);
        let opening = content.is_some_and(|content| matches!(content.place, Place::Opening));
        TransferView {
            content_id: item.id.to_string(),
            link_key: item.link_key.as_ref().map(ToString::to_string),
            private: is_private(item),
            locked: item.manifest.is_some() && item.details.is_none(),
            folder: details.is_some_and(|details| details.index_len.is_some()),
            key: item.key,
            name: details.map(|details| details.name.clone()).unwrap_or_default(),
            media_type: details.map(|details| details.media_type.clone()).unwrap_or_default(),
            direction: if item.own { Direction::Share } else { Direction::Fetch },
            state: if opening {
                TransferState::Preparing
            } else {
                elsewhere.map_or_else(|| state(item), Elsewhere::state)
            },
            bytes: plain(bytes),
            total: details.map(|details| details.length).or(item.manifest.as_ref().map(|manifest| manifest.length)),
            wanted: some.map(|(wanted, _)| plain(wanted)),
            wasted: content.map_or(0, |content| content.wasted),
            error: error(item).filter(|_| elsewhere.is_none()),
            elsewhere: elsewhere.is_some(),
            keeping: item.keeping,
            pinned: can_be_pinned(item).then_some(item.pinned),
            fits_memory: would_fit_memory(item) && content.is_none(),
            asks: matches!(item.phase, Phase::Asking(_)),
            rate,
            eta_s: loading.and_then(|content| eta(now, item, content, rate)),
            took_ms: item.took.map(millis),
            since_ms: millis(now - item.since),
            first_byte_ms: content.and_then(|content| content.first_byte).map(|first| millis(first - item.since)),
            sources: self.source_views(now, item, content),
            receivers: content.map(|content| receiver_views(now, content, plain)).unwrap_or_default(),
            replicas: self.replicas(item, content),
            map: content.map(map).unwrap_or_default(),
        }
    }

    fn source_views(&self, now: Time, item: &Item, content: Option<&Content>) -> Vec<SourceView> {
        let part = |peer: PeerKey| content.and_then(|content| content.from.get(peer));
        let mut sources: Vec<(PeerKey, SourceState)> = match item.quest() {
            Some(quest) => {
                quest.providers.iter().filter_map(|(peer, role)| Some((peer, source_state(role)?))).collect()
            }
            None => Vec::new(),
        };
        let resting: BTreeSet<PeerKey> = content.map(|content| content.resting(&self.flows)).unwrap_or_default();
        for (peer, state) in &mut sources {
            if *state == SourceState::Idle && resting.contains(peer) {
                *state = SourceState::Resting;
            } else if *state == SourceState::Idle && part(*peer).is_some_and(|part| part.rate.is_moving(now)) {
                *state = SourceState::Active;
            }
        }
        if let Some(content) = content.filter(|_| !item.own) {
            let known = content.from.iter().map(|(peer, _)| peer).chain(content.dropped.iter().copied());
            let rest: BTreeSet<PeerKey> =
                known.filter(|peer| !sources.iter().any(|(listed, _)| listed == peer)).collect();
            let over = if item.quest().is_some() { SourceState::Left } else { SourceState::Idle };
            let state = |peer| if content.dropped.contains(&peer) { SourceState::Dropped } else { over };
            sources.extend(rest.into_iter().map(|peer| (peer, state(peer))));
        }
        let mut views: Vec<SourceView> = sources
            .into_iter()
            .map(|(peer, state)| SourceView {
                peer: peer.to_string(),
                state,
                bytes: part(peer).map_or(0, |part| part.bytes),
                rate: part(peer).map_or(0.0, |part| part.rate.per_second(now)),
            })
            .collect();
        views.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.peer.cmp(&b.peer)));
        views
    }

    /// Peers that, as far as we saw, hold all of it.
    fn replicas(&self, item: &Item, content: Option<&Content>) -> u32 {
        let Some(content) = content else { return 0 };
        let chunks = chunk_count(content.length);
        let sources = match &content.place {
            Place::Opening | Place::Elsewhere(_) => 0,
            Place::Loading(download) => download.sources(&self.flows).filter(|source| source.chunks == chunks).count(),
            Place::Own(_) | Place::Stored(_) if item.own => 0,
            Place::Own(_) | Place::Stored(_) => content.from.iter().count(),
        };
        let receivers = content.to.iter().filter(|(_, partner)| partner.bytes >= content.length).count();
        u32::try_from(sources + receivers).unwrap_or(u32::MAX)
    }
}

fn state(item: &Item) -> TransferState {
    let of_quest = |quest: &Quest, busy: TransferState| match (quest.paused, quest.waiting) {
        (true, _) => TransferState::Paused,
        (false, Some(_)) => TransferState::Waiting,
        (false, None) => busy,
    };
    match &item.phase {
        Phase::Seeking(quest) => of_quest(quest, TransferState::Preparing),
        Phase::Asking(_) => TransferState::Waiting,
        Phase::Loading(quest) if quest.providers.sources().next().is_none() => of_quest(quest, TransferState::Waiting),
        Phase::Loading(quest) => of_quest(quest, TransferState::Active),
        Phase::Held => TransferState::Done,
        Phase::Failed(_) => TransferState::Failed,
    }
}

fn error(item: &Item) -> Option<Code> {
    match &item.phase {
        Phase::Failed(code) => Some(*code),
        Phase::Seeking(quest) | Phase::Loading(quest) => quest.waiting,
        Phase::Asking(_) | Phase::Held => None,
    }
}

const fn source_state(role: Role) -> Option<SourceState> {
    match role {
        Role::Candidate | Role::Asked { .. } | Role::Resting { .. } => None,
        Role::Source => Some(SourceState::Idle),
        Role::Withdrawn | Role::Left => Some(SourceState::Left),
        Role::Dropped => Some(SourceState::Dropped),
    }
}

/// Between the speed of the last seconds and the speed since the first byte.
fn eta(now: Time, item: &Item, content: &Content, rate: f64) -> Option<(f64, f64)> {
    let verified = content.verified();
    let left = content.wanted().saturating_sub(verified) as f64;
    let running = now - content.first_byte?;
    let average = verified as f64 / running.as_secs_f64().max(1.0);
    let waits = item.active_quest().is_none_or(|quest| quest.waiting.is_some());
    if waits || rate < 1.0 || average < 1.0 {
        return None;
    }
    let (fast, slow) = (rate.max(average), rate.min(average));
    Some((left / fast, left / slow))
}

fn is_private(item: &Item) -> bool {
    let sealed = |manifest: &Manifest| matches!(manifest.kind, Kind::Private(_));
    item.link_key.is_some() || item.manifest.as_ref().is_some_and(sealed) || error(item) == Some(Code::WrongKey)
}

/// Encrypted bytes as the person counts them: in proportion, for the padding is nobody's progress.
fn plain_of(item: &Item, bytes: u64) -> u64 {
    let (Some(details), Some(manifest)) = (&item.details, &item.manifest) else { return bytes };
    let scaled = u128::from(bytes) * u128::from(details.length) / u128::from(manifest.length.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

fn receiver_views(now: Time, content: &Content, plain: impl Fn(u64) -> u64) -> Vec<ReceiverView> {
    content
        .to
        .iter()
        .map(|(peer, partner)| ReceiverView {
            peer: peer.to_string(),
            bytes: plain(partner.bytes),
            holds: plain(partner.bytes.min(content.length)),
            rate: partner.rate.per_second(now),
        })
        .collect()
}

/// A cell is as far as the least of its chunks.
pub(super) fn map(content: &Content) -> Vec<Cell> {
    if let Place::Elsewhere(elsewhere) = &content.place {
        return elsewhere.report.map.clone();
    }
    let chunks = chunk_count(content.length);
    let cells = chunks.min(CELLS_MAX);
    let of_chunk = |chunk: u32| match content.asked.get(&chunk).map(|peers| peers.len()) {
        _ if content.has_enough_of(chunk) => Cell::Verified,
        None | Some(0) => Cell::NotYet,
        Some(1) => Cell::Asked,
        Some(_) => Cell::AskedTwice,
    };
    let order = |cell: &Cell| match cell {
        Cell::NotYet => 0,
        Cell::Asked => 1,
        Cell::AskedTwice => 2,
        Cell::Verified => 3,
    };
    let start = |cell: u32| (u64::from(cell) * u64::from(chunks) / u64::from(cells.max(1))) as u32;
    (0..cells)
        .map(|cell| (start(cell)..start(cell + 1)).map(of_chunk).min_by_key(order).unwrap_or(Cell::NotYet))
        .collect()
}

fn hashing_view(now: Time, hashing: &Hashing) -> TransferView {
    TransferView {
        content_id: String::new(),
        link_key: None,
        private: false,
        locked: false,
        folder: false,
        key: hashing.key,
        name: hashing.name.clone(),
        media_type: hashing.media_type.clone(),
        direction: Direction::Share,
        state: if hashing.failed.is_some() { TransferState::Failed } else { TransferState::Preparing },
        bytes: hashing.hashed,
        total: Some(hashing.length),
        wanted: None,
        wasted: 0,
        error: hashing.failed,
        elsewhere: false,
        pinned: None,
        fits_memory: false,
        keeping: None,
        asks: false,
        rate: 0.0,
        eta_s: None,
        took_ms: None,
        since_ms: millis(now - hashing.since),
        first_byte_ms: None,
        sources: Vec::new(),
        receivers: Vec::new(),
        replicas: 0,
        map: Vec::new(),
    }
}
