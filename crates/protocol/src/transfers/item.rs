//! One item of the person's list: shared, or being fetched.

use super::providers_of::ProvidersOf;
use super::search::Search;
use crate::ranking::Pick;
use crate::{Code, Keeping, PeerKey};
use clock::Time;
use content::{
    Cipher, ContentId, Details, GROUP_LEN, GroupRange, Kind, LinkKey, Manifest, PrivateError, Root, private,
};
use core::ops::Range;
use core::time::Duration;

/// One item.
#[derive(Debug)]
pub(crate) struct Item {
    /// Stable while this tab lives.
    pub(crate) key: u64,
    pub(crate) id: ContentId,
    /// When it was shared or asked for, the last time.
    pub(crate) since: Time,
    pub(crate) manifest: Option<Manifest>,
    /// The secret half of its link, if it is a private one.
    pub(crate) link_key: Option<LinkKey>,
    /// What the manifest says, opened. Missing beside a manifest: it is private, kept from an earlier visit, and its
    /// link has not been opened in this one.
    pub(crate) details: Option<Details>,
    pub(crate) phase: Phase,
    /// The plain bytes that the person wants of it, beside the index of a folder; nothing means all.
    pub(crate) wanted: Option<Vec<Range<u64>>>,
    /// The person's own file.
    pub(crate) own: bool,
    /// How it outlives the visit, once that is settled.
    pub(crate) keeping: Option<Keeping>,
    /// The person said that it stays when room is made for others.
    pub(crate) pinned: bool,
    /// How long hashing or fetching took, once done.
    pub(crate) took: Option<Duration>,
}

/// How far an item is.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Only the link is known; somebody has to send the manifest.
    Seeking(Quest),
    /// The manifest is here, and it is large: the person has to say yes. Of a folder the list is here, too.
    Asking(Quest),
    /// Its content is being fetched.
    Loading(Quest),
    /// All of it is here, or all that the person wants of it.
    Held,
    /// It cannot go on by itself.
    Failed(Code),
}

/// What fetching needs besides the content itself: whom to ask.
#[derive(Debug)]
pub(crate) struct Quest {
    pub(crate) search: Search,
    pub(crate) providers: ProvidersOf,
    /// Who was chosen to be asked first, once somebody could be.
    pub(crate) pick: Option<Pick>,
    pub(crate) began: Time,
    /// The person said stop.
    pub(crate) paused: bool,
    /// The person said yes to its size.
    pub(crate) accepted: bool,
    /// Why nothing is happening, if nothing is.
    pub(crate) waiting: Option<Code>,
}

/// Who may be asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum First {
    Anybody,
    Only(Vec<PeerKey>),
}

impl First {
    pub(crate) fn allows(&self, peer: PeerKey) -> bool {
        match self {
            Self::Anybody => true,
            Self::Only(peers) => peers.contains(&peer),
        }
    }
}

impl Quest {
    pub(crate) fn new(now: Time) -> Self {
        Self {
            search: Search::new(now),
            providers: ProvidersOf::default(),
            pick: None,
            began: now,
            paused: false,
            accepted: false,
            waiting: None,
        }
    }

    /// Who may be asked for the manifest now: those chosen, as long as something may come of it.
    pub(crate) fn first(&self, now: Time, is_direct: impl Fn(PeerKey) -> bool) -> First {
        let alone = self.pick.as_ref().filter(|pick| pick.is_alone(now));
        match alone {
            Some(pick) if pick.peers.iter().any(|peer| self.providers.is_promising(*peer, &is_direct)) => {
                First::Only(pick.peers.clone())
            }
            Some(_) | None => First::Anybody,
        }
    }

    /// As [`first`](Self::first), for the bytes.
    pub(crate) fn first_for_bytes(&mut self, now: Time, is_direct: impl Fn(PeerKey) -> bool) -> First {
        if let Some(pick) = &mut self.pick {
            pick.on_bytes(now);
        }
        self.first(now, is_direct)
    }

    /// Looks for others at once when no source is left.
    pub(crate) fn search_if_alone(&mut self, now: Time) {
        if self.providers.sources().next().is_none() {
            self.search.restart(now);
        }
    }
}

/// What `manifest` says to whoever has `key`.
///
/// # Errors
/// `WrongKey` when it is private and the key is missing or another's, `BadManifest` when what it hides is nonsense.
pub(crate) fn open(manifest: &Manifest, key: Option<&LinkKey>) -> Result<Details, Code> {
    if let Some(details) = manifest.details() {
        return Ok(details);
    }
    let cipher = key.map(Cipher::new).ok_or(Code::WrongKey)?;
    cipher.details(manifest).map_err(|error| match error {
        PrivateError::WrongKey => Code::WrongKey,
        PrivateError::NotPrivate | PrivateError::Length { .. } | PrivateError::Group { .. } | PrivateError::Details => {
            Code::BadManifest
        }
    })
}

impl Item {
    /// What its bytes are known by, once its manifest is here.
    pub(crate) fn root(&self) -> Option<Root> {
        self.manifest.as_ref().map(|manifest| manifest.root)
    }

    /// Plain bytes in one of its groups.
    pub(crate) fn plain_group_len(&self) -> u64 {
        let sealed = self.manifest.as_ref().is_some_and(|manifest| matches!(manifest.kind, Kind::Private(_)));
        u64::from(if sealed { private::PLAIN_LEN } else { GROUP_LEN })
    }

    /// The groups that hold the index, if it is a folder: they are needed before all others.
    pub(crate) fn index_groups(&self) -> Option<GroupRange> {
        let index_len = u64::from(self.details.as_ref()?.index_len?);
        Some(GroupRange::new(0, u32::try_from(index_len.div_ceil(self.plain_group_len())).ok()?))
    }

    /// The groups that hold these plain bytes.
    pub(crate) fn groups_of(&self, bytes: &Range<u64>) -> GroupRange {
        let group = |offset: u64| u32::try_from(offset / self.plain_group_len()).unwrap_or(u32::MAX);
        let first = group(bytes.start);
        let count = if bytes.is_empty() { 0 } else { (group(bytes.end - 1) - first).saturating_add(1) };
        GroupRange::new(first, count)
    }

    /// The search, while there is one.
    pub(crate) fn quest(&self) -> Option<&Quest> {
        match &self.phase {
            Phase::Seeking(quest) | Phase::Asking(quest) | Phase::Loading(quest) => Some(quest),
            Phase::Held | Phase::Failed(_) => None,
        }
    }

    pub(crate) fn quest_mut(&mut self) -> Option<&mut Quest> {
        match &mut self.phase {
            Phase::Seeking(quest) | Phase::Asking(quest) | Phase::Loading(quest) => Some(quest),
            Phase::Held | Phase::Failed(_) => None,
        }
    }

    /// The search, if it is to go on now: neither paused nor waiting for the person.
    pub(crate) fn active_quest_mut(&mut self) -> Option<&mut Quest> {
        match &mut self.phase {
            Phase::Seeking(quest) | Phase::Loading(quest) if !quest.paused => Some(quest),
            Phase::Seeking(_) | Phase::Asking(_) | Phase::Loading(_) | Phase::Held | Phase::Failed(_) => None,
        }
    }

    /// As [`active_quest_mut`](Self::active_quest_mut), to look at.
    pub(crate) fn active_quest(&self) -> Option<&Quest> {
        match &self.phase {
            Phase::Seeking(quest) | Phase::Loading(quest) if !quest.paused => Some(quest),
            Phase::Seeking(_) | Phase::Asking(_) | Phase::Loading(_) | Phase::Held | Phase::Failed(_) => None,
        }
    }
}
