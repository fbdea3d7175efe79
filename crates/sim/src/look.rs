//! Looking at what came of it: nobody's bytes are wrong, lost, or said to be here when they are not.

use crate::dice::at_s;
use crate::host::Host;
use crate::report::{FetchReport, Report, Violation};
use crate::world::World;
use protocol::snapshot::{Direction, TransferState};

impl World {
    pub(crate) fn look(&mut self) -> Result<(), Violation> {
        for peer in 0..self.hosts.len() {
            let waits = |fetch: &FetchReport| fetch.peer == peer && fetch.began <= self.now && fetch.done.is_none();
            if self.fetches.iter().any(waits) {
                self.look_at(peer)?;
            }
        }
        Ok(())
    }

    pub(crate) fn look_at(&mut self, peer: usize) -> Result<(), Violation> {
        let Some(snapshot) = self.hosts[peer].peer.as_ref().map(|state| state.snapshot(self.now)) else {
            return Ok(());
        };
        for share in 0..self.truths.len() {
            let id = self.truths[share].id.to_string();
            let Some(view) = snapshot.transfers.iter().find(|view| view.content_id == id) else { continue };
            let before = self.hosts[peer].verified.insert(share, view.bytes).unwrap_or(0);
            if view.bytes < before {
                return Err(Violation::GroupsLost { peer, share, before, after: view.bytes });
            }
            if view.state == TransferState::Done && view.direction == Direction::Fetch {
                self.check_done(peer, share)?;
                let fetches = self.fetches.iter_mut().filter(|fetch| fetch.peer == peer && fetch.share == share);
                for fetch in fetches {
                    fetch.done.get_or_insert(self.now);
                }
            }
        }
        Ok(())
    }

    fn check_done(&self, peer: usize, share: usize) -> Result<(), Violation> {
        let (truth, store) = (&self.truths[share], &self.hosts[peer].store);
        let root = truth.manifest.root;
        let here = store.stored_len(root) == truth.manifest.length && store.whole(root).as_ref() == Some(&truth.bytes);
        if here { Ok(()) } else { Err(Violation::FalselyDone { peer, share }) }
    }

    pub(crate) fn check_expectations(&self) -> Result<(), Violation> {
        for (fetch, plan) in self.fetches.iter().zip(&self.scenario.fetch) {
            let Some(seconds) = plan.done_by_s else { continue };
            if fetch.done.is_none_or(|done| done > at_s(seconds)) {
                return Err(Violation::NotFetched { peer: fetch.peer, share: fetch.share, seconds });
            }
        }
        let expect = &self.scenario.expect;
        for (peer, host) in self.hosts.iter().enumerate().filter(|(_, host)| host.peer.is_some()) {
            let found = host.direct_count();
            if found < expect.neighbours_min && !expect.shunned.contains(&peer) {
                return Err(Violation::Lonely { peer, found, min: expect.neighbours_min });
            }
            if let Some(shunned) = expect.shunned.iter().find(|shunned| host.is_direct(**shunned)) {
                return Err(Violation::NotShunned { peer, shunned: *shunned });
            }
            if expect.registered {
                self.check_registered(peer, host)?;
            }
        }
        if let Some(max) = expect.lies_heard_max.filter(|max| self.lies_heard > *max) {
            return Err(Violation::LiesHeard { found: self.lies_heard, max });
        }
        let wasted = self.report().wasted;
        match expect.wasted_max {
            Some(max) if wasted > max => Err(Violation::Wasted { found: wasted, max }),
            Some(_) | None => Ok(()),
        }
    }

    fn check_registered(&self, peer: usize, host: &Host) -> Result<(), Violation> {
        let living = self.relays.iter().enumerate().filter(|(_, relay)| relay.alive);
        for (relay, model) in living {
            if !model.is_registered(self.now, host.key) {
                return Err(Violation::NotRegistered { peer, relay });
            }
        }
        Ok(())
    }

    pub(crate) fn report(&self) -> Report {
        let totals = self.hosts.iter().filter_map(|host| host.peer.as_ref()).map(|peer| peer.snapshot(self.now).totals);
        let (taken, wasted) =
            totals.fold((0, 0), |(taken, wasted), totals| (taken + totals.taken, wasted + totals.wasted));
        Report {
            hash: self.trace.finish(),
            steps: self.steps,
            ended: self.now,
            fetches: self.fetches.clone(),
            taken,
            wasted,
            wire: self.wire,
            lies_heard: self.lies_heard,
            credit: self.earned_and_spent(),
            first_direct: self.hosts.iter().map(|host| host.first_direct).collect(),
            neighbours: self.hosts.iter().map(|host| host.peer.as_ref().map(|_| host.direct_count())).collect(),
        }
    }
}
