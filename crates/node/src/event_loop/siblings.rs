//! The other tabs of this person: waits for what one of them has open, and tells them how far it is when it is ours.

use super::{EventLoop, Internal, Report};
use crate::platform;
use crate::store::{Reserved, Turn};
use clock::Time;
use content::{Manifest, Root};
use protocol::{Input, TabReport};

/// Contents whose progress is told to other tabs: as many as there are items in a list.
const AWAITED_MAX: usize = providers::IDS_MAX;

/// What one tab says to all others of the same person.
#[derive(Debug)]
pub(crate) enum FromTab {
    /// It waits for a content; `claims`: the person asks for it there.
    Who { root: Root, claims: bool },
    /// It has removed a content from the store that all tabs have.
    Gone { root: Root },
    /// It has a content open, and this is how far it is.
    At { root: Root, report: TabReport },
}

/// Hands what other tabs say to the loop.
pub(super) fn listener(report: Report) -> impl Fn(FromTab) + 'static {
    move |said| {
        let mut report = report.clone();
        platform::spawn(async move { report.send(Internal::FromTab(said)).await });
    }
}

impl EventLoop {
    /// Asks who has a content open, and waits for it.
    pub(super) fn wait_for_tab(&mut self, root: Root, turn: Turn) {
        if let Some((turn, waiting)) = self.store.wait(root, turn) {
            self.await_place(root, turn, waiting);
            self.tabs.say(&FromTab::Who { root, claims: false });
        }
    }

    pub(super) fn give_way(&mut self, manifest: &Manifest) {
        if let Some((turn, waiting)) = self.store.give_way(manifest) {
            self.await_place(manifest.root, turn, waiting);
            self.tabs.say(&FromTab::Who { root: manifest.root, claims: false });
        }
    }

    pub(super) fn await_place(&self, root: Root, turn: Turn, waiting: impl Future<Output = Reserved> + platform::Task) {
        let mut report = self.report.clone();
        platform::spawn(async move { report.send(Internal::Reserved { root, turn, outcome: waiting.await }).await });
    }

    pub(super) fn on_tab(&mut self, said: FromTab) {
        match said {
            FromTab::At { root, report } => self.hear(Input::Elsewhere { root, report }),
            FromTab::Gone { root } => {
                if self.store.is_on_disk(root) {
                    self.store.on_evicted(root);
                    self.hear(Input::Gone { root });
                }
            }
            FromTab::Who { root, claims } => {
                if self.awaited.len() < AWAITED_MAX {
                    self.awaited.insert(root);
                }
                if claims {
                    self.hear(Input::Claimed { root });
                }
                self.tell_tabs(self.clock.now());
            }
        }
    }

    /// Tells the other tabs how far everything is that they wait for and we have open.
    pub(super) fn tell_tabs(&self, now: Time) {
        for &root in &self.awaited {
            if let Some(report) = self.peer.report_of(now, root) {
                self.tabs.say(&FromTab::At { root, report });
            }
        }
    }
}
