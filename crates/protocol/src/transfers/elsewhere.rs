//! Two tabs of one person with one item: one of them fetches it, both show it.
//!
//! The store of a browser gives a content to one tab at a time, and to the next in line when that one lets go of it:
//! because all is here, because the tab is gone, or because it does nothing with it while the person asks for it in another
//! ([`Output::Claim`](crate::Output::Claim)). Until then a tab in line shows what the other tells of itself and asks nobody
//! for bytes; then it goes on with what is verified.

use super::held::{Content, Place};
use super::item::Phase;
use super::serve::HeldRead;
use super::views::map;
use super::{Context, Transfers};
use crate::Output;
use crate::snapshot::{Cell, TransferState};
use clock::Time;
use content::{ContentId, DownloadInput, Refusal, Root, UploadInput};
use std::collections::VecDeque;

/// How far a content is in the tab that has it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabReport {
    /// Bytes proved.
    pub verified: u64,
    /// Verified bytes per second.
    pub rate: u64,
    /// Nothing is fetched there, by the person's word or because it cannot go on.
    pub paused: bool,
    /// The verified map, as the snapshot has it.
    pub map: Vec<Cell>,
}

/// A content that another tab has open.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    pub(crate) report: TabReport,
    /// The person asked for it here since the other tab does nothing with it.
    claimed: bool,
}

impl Elsewhere {
    pub(crate) fn state(report: &TabReport) -> TransferState {
        match (report.paused, report.rate) {
            (true, _) => TransferState::Paused,
            (false, 0) => TransferState::Waiting,
            (false, _) => TransferState::Active,
        }
    }
}

impl Content {
    /// What another tab says of it, if it is open there.
    pub(crate) fn elsewhere(&self) -> Option<&TabReport> {
        match &self.place {
            Place::Elsewhere(elsewhere) => Some(&elsewhere.report),
            Place::Opening | Place::Own(_) | Place::Loading(_) | Place::Stored(_) => None,
        }
    }
}

impl Transfers {
    /// The tab that has a content open says how far it is.
    pub(crate) fn on_elsewhere(&mut self, ctx: &mut Context<'_>, root: Root, report: TabReport) {
        let idle = report.paused && self.is_wanted(root);
        let Some(content) = self.contents.get_mut(&root) else { return };
        match &mut content.place {
            Place::Elsewhere(elsewhere) => {
                elsewhere.claimed &= report.paused;
                elsewhere.report = report;
            }
            Place::Opening => {
                content.place = Place::Elsewhere(Box::new(Elsewhere { report, claimed: idle }));
                if idle {
                    ctx.out.push(Output::Claim { root });
                }
            }
            // Said before it was ours.
            Place::Own(_) | Place::Loading(_) | Place::Stored(_) => {}
        }
    }

    /// The person asks for an item here: the other tab need not keep what it does not fetch.
    pub(crate) fn claim(&mut self, ctx: &mut Context<'_>, id: ContentId) {
        let Some(root) = self.root_of(id) else { return };
        if let Some(Place::Elsewhere(elsewhere)) = self.contents.get_mut(&root).map(|content| &mut content.place)
            && elsewhere.report.paused
        {
            elsewhere.claimed = true;
            ctx.out.push(Output::Claim { root });
        }
    }

    /// Another tab asks for a content that we have open: it is theirs, unless we fetch it.
    pub(crate) fn on_claimed(&mut self, ctx: &mut Context<'_>, root: Root) {
        if self.is_wanted(root) {
            return;
        }
        let manifest = self.items.values().filter(|item| item.is_of(root)).find_map(|item| item.manifest.clone());
        let loading = self.contents.get_mut(&root).and_then(Content::download_mut);
        let (Some(download), Some(manifest)) = (loading, manifest) else { return };
        download.handle(ctx.now, &mut self.flows, DownloadInput::HandOver);
        self.drive_download(ctx, root);
        self.end_download(ctx, root);
        self.withdraw(ctx, root);
        if let Some(content) = self.contents.get_mut(&root) {
            content.place = Place::Opening;
            ctx.out.push(Output::GiveWay { manifest });
        }
    }

    /// The store has given us what another tab had. What the person stopped there and did not ask for here stays stopped.
    pub(super) fn take_over(&mut self, root: Root) {
        let Some(content) = self.contents.get_mut(&root) else { return };
        let Place::Elsewhere(elsewhere) = &content.place else { return };
        let stopped = elsewhere.report.paused && !elsewhere.claimed;
        content.place = Place::Opening;
        if stopped {
            for item in self.items.values_mut().filter(|item| item.is_of(root)) {
                if let Phase::Loading(quest) = &mut item.phase {
                    quest.paused = true;
                }
            }
        }
    }

    pub(crate) fn is_elsewhere(&self, id: ContentId) -> bool {
        let content = self.root_of(id).and_then(|root| self.contents.get(&root));
        content.is_some_and(|content| content.elsewhere().is_some())
    }

    /// What our other tabs may show of a content that we have open.
    pub(crate) fn report_of(&self, now: Time, root: Root) -> Option<TabReport> {
        let content = self.contents.get(&root).filter(|content| matches!(content.place, Place::Loading(_)))?;
        Some(TabReport {
            verified: content.verified(),
            rate: content.rate.per_second(now) as u64,
            paused: !self.is_wanted(root),
            map: map(content),
        })
    }

    fn is_wanted(&self, root: Root) -> bool {
        self.items.values().any(|item| item.is_of(root) && item.active_quest().is_some())
    }

    /// Takes back the offer of a content, and with it what consumers asked of it: nothing can be read for a while.
    pub(super) fn withdraw(&mut self, ctx: &mut Context<'_>, root: Root) {
        let (ours, others): (VecDeque<HeldRead>, VecDeque<HeldRead>) =
            core::mem::take(&mut self.held_reads).into_iter().partition(|held| held.is_of(root));
        self.held_reads = others;
        for read in ours.into_iter().filter_map(|held| self.reads.remove(&held.token())) {
            self.uploads.handle(ctx.now, UploadInput::ReadFailed { read: read.id(), reason: Refusal::Withdrawn });
        }
        if let Some(content) = self.contents.get_mut(&root)
            && core::mem::take(&mut content.offered)
        {
            self.uploads.handle(ctx.now, UploadInput::Withdraw { root });
        }
        self.drive_uploads(ctx);
    }
}
