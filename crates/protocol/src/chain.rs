//! Following the chain: whom to ask for its newest header, and checking everything that comes.
//!
//! Each source is asked for a header above its last one and takes its time to answer, so a new block is here as soon as
//! it is told, without a topic to subscribe to and without a way to push anything at us. What is trusted is what
//! [`ledger`] has checked in this tab, from the genesis on; a source whose answer can never hold is not asked again, and
//! is named.
//!
//! Invariant: nothing reaches the screen but what follows from a checked header.

mod look;
mod source;
pub(crate) mod views;

use crate::chain::look::Looking;
use crate::chain::source::{Next, Source};
use crate::outbox::Outbox;
use crate::{Directory, Output};
use clock::{Time, Timestamp};
use core::time::Duration;
use ledger::chain::{Chain, Import};
use ledger::genesis::Genesis;
use ledger::hash::BlockId;
use ledger::header::Header;
use ledger::question::{Answer, Question};
use ledger::seal::{Engine, Seal};
use ledger::state::Rules;
use ledger::sync::{self, Sync};
use std::collections::{BTreeMap, VecDeque};

pub(crate) use views::Wrong;

pub use look::Look;

/// Blocks whose time of arrival is remembered, for the screen.
const RECENT_MAX: usize = 32;

/// Questions under way: a few for each source.
const ASKS_MAX: usize = 64;

/// How a chain begins, and what this browser knows of it from before.
#[derive(Clone, Debug)]
pub struct ChainStart {
    /// Its genesis; its hash is the chain's name.
    pub genesis: Genesis,
    /// The chain that this browser followed here before is another one.
    pub is_other: bool,
}

/// One question, to match its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainAsk(pub u64);

/// What a question was for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Head,
    Sync,
    Show,
    Look {
        /// The tip that the answer is proved against.
        under: u64,
    },
    /// Somebody else's: the answer is theirs to check.
    Errand,
}

/// What came of an errand. `None`: there will be no answer.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) ask: ChainAsk,
    pub(crate) at: Directory,
    pub(crate) answer: Option<Answer>,
}

/// Under engine work, blocks on top of one before anything is built on what it says: an attacker with a third of all
/// trials undoes it once in sixty-four times.
const CONFIRMATIONS: u64 = 6;

/// The chain as this tab follows it.
#[derive(Debug)]
pub(crate) struct Following {
    sync: Option<Sync<Directory>>,
    is_other: bool,
    sources: BTreeMap<Directory, Source>,
    asks: BTreeMap<ChainAsk, (Directory, Purpose)>,
    next_ask: u64,
    /// When the newest blocks were checked here, the newest last.
    recent: VecDeque<(BlockId, Time)>,
    /// Seals checked in this tab.
    checked: u64,
    tip_at: Option<Time>,
    refused: Vec<(Directory, Wrong)>,
    looking: Option<Looking>,
}

impl Following {
    pub(crate) fn new(start: Option<&ChainStart>) -> Self {
        let is_other = start.is_some_and(|start| start.is_other);
        // A genesis that cannot begin is as none: the page's relay made it up.
        let state = start.filter(|start| !start.is_other).and_then(|start| start.genesis.state().ok());
        Self {
            sync: state.map(|state| Sync::new(Chain::new(state))),
            is_other,
            sources: BTreeMap::new(),
            asks: BTreeMap::new(),
            next_ask: 0,
            recent: VecDeque::new(),
            checked: 0,
            tip_at: None,
            refused: Vec::new(),
            looking: None,
        }
    }

    fn chain(&self) -> Option<&Chain> {
        self.sync.as_ref().map(Sync::chain)
    }

    /// The height that is trusted.
    pub(crate) fn height(&self) -> u64 {
        self.chain().map_or(0, |chain| chain.tip().height)
    }

    /// What there is to know of the chain besides headers; `None` while none is followed or none can be trusted.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.chain().filter(|chain| chain.conflict().is_none()).map(|chain| &**chain.rules())
    }

    /// The newest block that may be built on: the newest final one, or one that is deep enough.
    pub(crate) fn settled(&self) -> u64 {
        match self.rules().map(|rules| rules.engine) {
            Some(Engine::Work) => self.height().saturating_sub(CONFIRMATIONS),
            Some(Engine::Authority | Engine::Stake) | None => self.height(),
        }
    }

    /// Asks a source on somebody's behalf: the one that is furthest. `None` while there is none to ask.
    pub(crate) fn errand(&mut self, question: Question, out: &mut Outbox) -> Option<ChainAsk> {
        let at = self.sources.iter().max_by_key(|(_, source)| source.height).map(|(at, _)| *at)?;
        self.ask(at, question, Purpose::Errand, out)
    }

    /// The header at a height of the followed branch.
    pub(crate) fn header_at(&self, height: u64) -> Option<&Header> {
        let chain = self.chain()?;
        chain.header(&chain.at(height)?).map(|(header, _)| header)
    }

    /// What the person wants to see; `None` puts it away.
    pub(crate) fn look(&mut self, look: Option<Look>, out: &mut Outbox) {
        self.looking = look.map(Looking::new);
        self.ask_look(out);
    }

    /// Does what is due. `up` are the sources that can be asked.
    pub(crate) fn tick(&mut self, now: Time, up: impl Iterator<Item = Directory>, out: &mut Outbox) {
        if self.sync.is_none() {
            return;
        }
        let up: Vec<Directory> = up.filter(|source| !self.is_refused(*source)).collect();
        let gone: Vec<Directory> = self.sources.keys().filter(|source| !up.contains(source)).copied().collect();
        gone.into_iter().for_each(|source| self.forget(now, source));
        for source in up {
            self.sources.entry(source).or_insert(Source { height: 0, next: Next::At(now) });
        }
        let due: Vec<Directory> =
            self.sources.iter().filter(|(_, source)| source.is_due(now)).map(|(at, _)| *at).collect();
        for at in due {
            let after = self.sources.get(&at).map_or(0, |source| source.height);
            _ = self.ask(at, Question::Head { after }, Purpose::Head, out);
            self.set_next(at, Next::Asked);
        }
        if self.sync.as_ref().and_then(Sync::next_deadline).is_some_and(|deadline| deadline <= now) {
            self.tell(now, Timestamp::default(), sync::Input::Wake, out);
        }
        if self.looking.as_ref().is_some_and(Looking::wants_source) {
            self.ask_look(out);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Time> {
        let sources = self.sources.values().filter_map(Source::due_at);
        sources.chain(self.sync.as_ref().and_then(Sync::next_deadline)).min()
    }

    fn is_refused(&self, source: Directory) -> bool {
        self.refused.iter().any(|(refused, _)| *refused == source)
    }

    fn set_next(&mut self, at: Directory, next: Next) {
        if let Some(source) = self.sources.get_mut(&at) {
            source.next = next;
        }
    }

    fn forget(&mut self, now: Time, source: Directory) {
        self.sources.remove(&source);
        // Whoever runs an errand hears of its end, too.
        self.asks.retain(|_, (asked, purpose)| *asked != source || matches!(purpose, Purpose::Errand));
        if let Some(sync) = &mut self.sync {
            // Nothing that this leads to needs an answer: whoever else is here is asked with the next head.
            sync.handle(now, Timestamp::default(), sync::Input::Gone { peer: source });
        }
    }

    fn ask(&mut self, at: Directory, question: Question, purpose: Purpose, out: &mut Outbox) -> Option<ChainAsk> {
        (self.asks.len() < ASKS_MAX).then(|| {
            self.next_ask += 1;
            let ask = ChainAsk(self.next_ask);
            self.asks.insert(ask, (at, purpose));
            out.push(Output::AskChain { at, ask, question: Box::new(question) });
            ask
        })
    }

    /// An answer came, or none will. `clock` is the world's time as this machine has it. The answer to an errand is
    /// given back.
    pub(crate) fn on_answer(
        &mut self,
        now: Time,
        clock: Timestamp,
        ask: ChainAsk,
        answer: Option<Answer>,
        out: &mut Outbox,
    ) -> Option<Errand> {
        let (at, purpose) = self.asks.remove(&ask)?;
        match purpose {
            Purpose::Errand => return Some(Errand { ask, at, answer: answer.filter(|_| !self.is_refused(at)) }),
            Purpose::Head => self.on_head(now, clock, at, answer, out),
            Purpose::Sync => self.on_sync(now, clock, at, answer, out),
            Purpose::Show => {}
            Purpose::Look { under } => self.on_look(at, under, answer, out),
        }
        None
    }

    fn on_head(&mut self, now: Time, clock: Timestamp, at: Directory, answer: Option<Answer>, out: &mut Outbox) {
        let Some(source) = self.sources.get_mut(&at) else { return };
        let before = source.height;
        match answer {
            Some(Answer::Head(header, seal)) => {
                source.height = header.height;
                source.next = Next::after_head(now, before, header.height);
                if header.height < self.height() {
                    self.show(now, at, out);
                }
                self.tell(now, clock, sync::Input::Head { peer: at, header, seal }, out);
            }
            Some(Answer::Unknown) => source.next = Next::after_nothing(now),
            Some(_) => self.refuse(now, at, Wrong::Answer),
            None => source.next = Next::after_failure(now),
        }
    }

    /// A source that is behind a block that we have checked is shown it: if it seals, it must not seal that height again.
    fn show(&mut self, now: Time, at: Directory, out: &mut Outbox) {
        let Some(chain) = self.chain() else { return };
        if let Some((header, seal @ Seal::Certificate(_))) = chain.header(&chain.tip_id()) {
            let question = Question::Show { header: Box::new(header.clone()), seal: seal.clone() };
            _ = self.ask(at, question, Purpose::Show, out);
            self.set_next(at, Next::after_show(now));
        }
    }

    fn on_sync(&mut self, now: Time, clock: Timestamp, peer: Directory, answer: Option<Answer>, out: &mut Outbox) {
        let input = match answer {
            Some(Answer::Headers(headers)) => sync::Input::Headers { peer, headers },
            Some(Answer::Path(steps)) => sync::Input::Path { peer, steps },
            Some(Answer::Validators(list)) => sync::Input::Validators { peer, list },
            Some(_) => return self.refuse(now, peer, Wrong::Answer),
            None => sync::Input::Gone { peer },
        };
        self.tell(now, clock, input, out);
    }

    /// Lets the sync hear, and does what it wishes.
    fn tell(&mut self, now: Time, clock: Timestamp, input: sync::Input<Directory>, out: &mut Outbox) {
        let Some(sync) = &mut self.sync else { return };
        sync.handle(now, clock, input);
        while let Some(output) = self.sync.as_mut().and_then(Sync::poll_output) {
            match output {
                sync::Output::AskHeaders { peer, from, count } => {
                    _ = self.ask(peer, Question::Headers { from, count }, Purpose::Sync, out);
                }
                sync::Output::AskPath { peer, from } => {
                    _ = self.ask(peer, Question::Path { from }, Purpose::Sync, out);
                }
                sync::Output::AskValidators { peer, hash } => {
                    _ = self.ask(peer, Question::Validators { hash }, Purpose::Sync, out);
                }
                sync::Output::Imported(Import::TipChanged { reverted, connected }) => {
                    self.on_connected(now, &reverted, &connected);
                }
                sync::Output::Imported(Import::TipUnchanged | Import::Conflict(_)) => {}
                sync::Output::Drop { peer, why } => self.refuse(now, peer, Wrong::of(why)),
            }
        }
    }

    fn on_connected(&mut self, now: Time, reverted: &[BlockId], connected: &[BlockId]) {
        self.recent.retain(|(id, _)| !reverted.contains(id));
        for id in connected {
            self.recent.push_back((*id, now));
        }
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
        self.checked += connected.len() as u64;
        self.tip_at = Some(now);
    }

    /// Never asked again in this visit.
    pub(crate) fn refuse(&mut self, now: Time, source: Directory, why: Wrong) {
        self.forget(now, source);
        if !self.is_refused(source) {
            self.refused.push((source, why));
        }
    }
}

/// How long the chain may be silent before the screen says so: three heartbeats.
pub(crate) const STALLED_AFTER: Duration = Duration::from_secs(90);

#[cfg(test)]
pub(crate) mod tests;
