//! Two peers, one serving the other, and a ledger that says yes: nobody is ever owed more than a window, or paid for more
//! than was verified. The rules of the ledger itself are real where they matter here: cheques and their channels.

use super::page::{UNIT, WINDOW_MIN, limit};
use super::wire::{Message, Session};
use super::{Credit, LedgerNews, LedgerWish, Turn};
use crate::outbox::Outbox;
use crate::snapshot::Standing;
use crate::{Config, Output, PeerKey};
use clock::Time;
use content::Root;
use core::time::Duration;
use ed25519_dalek::SigningKey;
use ledger::account::AccountId;
use ledger::amount::Credits;
use ledger::channel::Channel;
use ledger::cheque::Cheque;
use ledger::hash::{ChainId, ChannelId};
use ledger::parameters::Parameters;
use ledger::signing::{self, Purpose};
use ledger::transaction::Body;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

const CHAIN: ChainId = ChainId([7; 32]);
const ROOT: Root = Root([3; 32]);
const READ: u64 = 256 * 1024;
const BALANCE: Credits = Credits(1 << 20);

struct Tab {
    key: PeerKey,
    account: AccountId,
    credit: Credit,
    out: Outbox,
    /// What it keeps for the tab after it.
    kept: Vec<u8>,
}

/// Tabs in one room: what one sends, another hears when it is delivered.
struct Room {
    now: Time,
    tabs: Vec<Tab>,
    /// From, to, message.
    sent: VecDeque<(usize, usize, Message)>,
    channels: BTreeMap<ChannelId, Channel>,
    redeemed: Vec<Cheque>,
    nonce: u64,
    /// Messages of this tab about paying are lost from now on: it never pays again.
    silent: Option<usize>,
}

impl Room {
    fn new(tabs: usize, ledger: bool) -> Self {
        Self::with_tabs(tabs, ledger, 1)
    }

    /// The keys of the tabs begin at `first`; the accounts are always the same.
    fn with_tabs(tabs: usize, ledger: bool, first: u8) -> Self {
        let mut room = Self {
            now: Time::ZERO + Duration::from_secs(1),
            tabs: Vec::new(),
            sent: VecDeque::new(),
            channels: BTreeMap::new(),
            redeemed: Vec::new(),
            nonce: 0,
            silent: None,
        };
        for tab in 0..tabs {
            let signer = SigningKey::from_bytes(&[tab as u8 + first; 32]);
            let owner = SigningKey::from_bytes(&[tab as u8 + 101; 32]);
            let (key, account) = (PeerKey(signer.verifying_key().to_bytes()), signing::account_of(&owner));
            let config = Config { signer: Some(signer), ..Config::default() };
            let mut credit = Credit::new(room.now, key, &config);
            let mut out = Outbox::default();
            if ledger {
                let until = 1_000;
                let signature = signing::sign(Purpose::Session, &CHAIN, &owner, &Session::message(&key.0, until));
                let session = Session { chain: CHAIN, account, until, signature };
                let parameters = Box::new(Parameters::default());
                credit.on_news(room.now, LedgerNews::Ready { parameters, session }, &mut out);
                credit.on_news(room.now, LedgerNews::Balance(Some(BALANCE)), &mut out);
            }
            room.tabs.push(Tab { key, account, credit, out, kept: Vec::new() });
        }
        for one in 0..tabs {
            for other in (0..tabs).filter(|other| *other != one) {
                let key = room.tabs[other].key;
                let Tab { credit, out, .. } = &mut room.tabs[one];
                credit.on_connected(room.now, key, out);
            }
        }
        room.settle();
        room
    }

    /// Performs all wishes; messages wait to be delivered.
    fn perform(&mut self) {
        for tab in 0..self.tabs.len() {
            while let Some(output) = self.tabs[tab].out.pop() {
                match output {
                    Output::SendCredit { peer, message } => {
                        let to = self.tabs.iter().position(|other| other.key == peer).expect("only tabs in the room");
                        if self.silent != Some(tab) {
                            self.sent.push_back((tab, to, message));
                        }
                    }
                    Output::KeepBooks { bytes } => self.tabs[tab].kept = bytes,
                    other => panic!("books wish for nothing else: {other:?}"),
                }
            }
            while let Some(wish) = self.tabs[tab].credit.take_wish() {
                self.write(tab, wish);
            }
        }
    }

    fn write(&mut self, tab: usize, wish: LedgerWish) {
        let mut news = Vec::new();
        match wish {
            LedgerWish::Submit { token, body } => {
                self.nonce += 1;
                news.push(LedgerNews::Sent { token, nonce: self.nonce });
                self.apply(tab, &body);
                news.push(LedgerNews::Final { token });
                let Body::Redeem(redemption) = *body else { return self.tell(tab, news) };
                for entry in redemption.entries() {
                    let id = entry.cheque.promise.channel;
                    news.push(LedgerNews::Channel { id, channel: self.channels.get(&id).copied() });
                }
            }
            LedgerWish::Watch { channel } => {
                news.push(LedgerNews::Channel { id: channel, channel: self.channels.get(&channel).copied() });
            }
            LedgerWish::Unwatch { .. } => {}
        }
        self.tell(tab, news);
    }

    fn apply(&mut self, tab: usize, body: &Body) {
        let payer = self.tabs[tab].account;
        match body {
            Body::OpenChannels(opened) => {
                for (index, entry) in opened.entries().iter().enumerate() {
                    let id = Channel::id(&CHAIN, &payer, &entry.payee, self.nonce, index as u16);
                    let (payee, signer, deposit) = (entry.payee, entry.signer, entry.deposit);
                    let (redeemed, opened, expires, close_after) = (Credits::ZERO, 0, 1_000, 0);
                    self.channels
                        .insert(id, Channel { payer, payee, signer, deposit, redeemed, opened, expires, close_after });
                }
            }
            Body::TopUp { channel, amount } => {
                let channel = self.channels.get_mut(channel).expect("only what was opened is topped up");
                channel.deposit = channel.deposit.checked_add(*amount).expect("far below the end");
            }
            Body::Redeem(redemption) => {
                for entry in redemption.entries() {
                    let promise = entry.cheque.promise;
                    let channel = self.channels.get_mut(&promise.channel).expect("only what was opened is redeemed");
                    channel
                        .check(&entry.cheque, 1, &CHAIN, &Parameters::default())
                        .expect("only good cheques are redeemed");
                    channel.redeemed = promise.total;
                    self.redeemed.push(entry.cheque);
                }
            }
            Body::CloseChannel { channel } => _ = self.channels.remove(channel),
            other => panic!("paying has no use for {other:?}"),
        }
    }

    fn tell(&mut self, tab: usize, news: Vec<LedgerNews>) {
        for news in news {
            let Tab { credit, out, .. } = &mut self.tabs[tab];
            credit.on_news(self.now, news, out);
        }
    }

    fn deliver(&mut self) -> bool {
        self.perform();
        let Some((from, to, message)) = self.sent.pop_front() else { return false };
        let key = self.tabs[from].key;
        let Tab { credit, out, .. } = &mut self.tabs[to];
        assert!(!credit.on_message(self.now, key, message, out), "no honest tab is banned: {message:?}");
        true
    }

    fn settle(&mut self) {
        while self.deliver() {}
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
        for tab in &mut self.tabs {
            tab.credit.tick(self.now, &mut tab.out);
        }
        self.perform();
    }

    /// `from` reads for `to` and sends, if it is its turn; `lost` bytes do not arrive. Returns whether it was.
    fn serve(&mut self, from: usize, to: usize, bytes: u64, lost: u64) -> bool {
        let (giver, taker) = (self.tabs[from].key, self.tabs[to].key);
        let credit = &mut self.tabs[from].credit;
        if credit.turn(self.now, taker, bytes) != Turn::Now {
            return false;
        }
        let (pays, before) = (credit.pages[&taker].standing() == Standing::Pays, credit.pages[&taker].balance);
        credit.on_reading(self.now, taker, bytes);
        credit.on_read_over(taker, bytes);
        credit.on_given(self.now, taker, ROOT, bytes);
        let page = &credit.pages[&taker];
        let grew = page.balance > before;
        assert!(!pays || !grew || page.balance <= limit(page.window()), "{} owed by a peer that pays", page.balance);
        let Tab { credit, out, .. } = &mut self.tabs[to];
        credit.on_taken(self.now, giver, ROOT, bytes - lost, out);
        self.perform();
        true
    }

    fn page(&self, of: usize, about: usize) -> &super::Page {
        &self.tabs[of].credit.pages[&self.tabs[about].key]
    }

    /// From now on somebody else who pays waits at `of`, so that nothing is free.
    fn crowd(&mut self, of: usize) {
        let mut stranger = super::Page::new(self.now);
        stranger.first_until = self.now + Duration::from_secs(1 << 20);
        self.tabs[of].credit.pages.insert(PeerKey([255; 32]), stranger);
    }

    /// Serves a peer that does not pay as long as it is served as one that does. Returns how much it took.
    fn exhaust(&mut self, from: usize, to: usize) -> u64 {
        let before = self.page(from, to).given;
        for _ in 0..40 {
            while self.page(from, to).standing() == Standing::Pays && self.serve(from, to, 16 * 1024, 0) {}
            self.wait(Duration::from_millis(500));
        }
        self.page(from, to).given - before
    }

    /// Serves until `to` pays for what it takes.
    fn until_paying(&mut self) {
        for _ in 0..16 {
            self.serve(0, 1, READ, 0);
            self.settle();
            self.wait(Duration::from_millis(20));
        }
        self.settle();
        assert_eq!(self.page(0, 1).standing(), Standing::Pays);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for one in 0..self.tabs.len() {
            for other in (0..self.tabs.len()).filter(|other| *other != one) {
                let (mine, theirs) = (self.page(one, other), self.page(other, one));
                let spent = mine.pays.map_or(0, |pays| pays.total.0);
                prop_assert!(spent <= mine.taken / 1024, "signed for {} units, verified {} bytes", spent, mine.taken);
                if let Some(pays) = mine.pays {
                    prop_assert!(pays.total <= pays.deposit, "within the deposit");
                    let earned = theirs.paid_by.map_or(Credits::ZERO, |paid_by| paid_by.total());
                    prop_assert!(earned <= pays.total, "what is earned was signed");
                }
            }
        }
        Ok(())
    }
}

#[test]
fn a_newcomer_opens_a_channel_pays_and_is_paid_class_from_then_on() {
    let mut room = Room::new(2, true);
    assert!(room.serve(0, 1, READ, 0));
    assert_eq!(room.page(0, 1).standing(), Standing::Unpaid);
    room.until_paying();
    let (serving, fetching) = (room.page(0, 1), room.page(1, 0));
    assert!(serving.paid_by.is_some_and(|by| by.receipted() <= fetching.taken));
    // All is delivered. What was on its way when the channel began to count is in one book only, and is less than a read.
    let differ = serving.balance + fetching.balance;
    assert!((0..READ as i64).contains(&differ), "the books differ by {differ}");
}

#[test]
fn without_a_ledger_nothing_is_said_and_nobody_waits() {
    let mut room = Room::new(2, false);
    for _ in 0..100 {
        assert!(room.serve(0, 1, READ, 0));
    }
    assert!(room.sent.is_empty());
    assert_eq!(room.page(0, 1).standing(), Standing::Unpaid);
    assert_eq!(room.page(1, 0).standing(), Standing::GivesMore);
}

#[test]
fn who_stops_paying_keeps_one_window_and_a_quarter_and_is_served_last() {
    let mut room = Room::new(3, true);
    room.until_paying();
    room.wait(Duration::from_millis(600));
    room.settle();
    room.silent = Some(1);
    room.crowd(0);
    while room.serve(0, 1, 16 * 1024, 0) {}
    let at_once = room.page(0, 1).balance;
    assert!(at_once <= limit(room.page(0, 1).window()), "kept {at_once} at once");
    let (more, page) = (room.exhaust(0, 1) as i64, room.page(0, 1));
    assert!(at_once + more <= limit(page.window()) + page.paid_to_us() / 16, "kept {at_once}, then {more}");
    assert_eq!(room.page(0, 1).standing(), Standing::Owes);
    assert!(room.serve(0, 1, READ, 0), "served while nobody else waits");
    room.tabs[0].credit.unpaid.on_paid_waits(room.now);
    while room.serve(0, 1, READ, 0) {}
    assert!(!room.serve(0, 1, READ, 0), "and not beyond the floor while somebody does");
}

#[test]
fn a_debtor_that_comes_back_under_another_tab_begins_where_it_stopped() {
    let mut room = Room::new(2, true);
    room.until_paying();
    room.silent = Some(1);
    room.crowd(0);
    room.exhaust(0, 1);
    let (debtor, owes) = (room.tabs[1].key, room.page(0, 1).balance);
    assert!(owes > 0);
    let session = room.page(0, 1).session.expect("it said hello");
    let tab = SigningKey::from_bytes(&[99; 32]);
    let again = PeerKey(tab.verifying_key().to_bytes());
    let owner = SigningKey::from_bytes(&[102; 32]);
    let signature = signing::sign(Purpose::Session, &CHAIN, &owner, &Session::message(&again.0, session.until));
    let Tab { credit, out, .. } = &mut room.tabs[0];
    credit.on_disconnected(room.now, debtor);
    credit.on_connected(room.now, again, out);
    assert!(!credit.on_message(room.now, again, Message::Hello(Session { signature, ..session }), out));
    assert_eq!((credit.pages[&again].standing(), credit.pages[&again].balance), (Standing::Owes, owes));
}

#[test]
fn a_forged_cheque_and_a_forged_account_are_told_from_mistakes() {
    let mut room = Room::new(2, true);
    room.until_paying();
    let by = room.page(0, 1).paid_by.expect("it pays");
    let (payer, now) = (room.tabs[1].key, room.now);
    let mut promise = by.held();
    promise.total = Credits(promise.total.0 + 100);
    let forged = Cheque::sign(promise, &CHAIN, &SigningKey::from_bytes(&[77; 32]));
    let stale = by.best.expect("it paid");
    let session = room.page(0, 1).session.expect("it said hello");
    let Tab { credit, out, key, .. } = &mut room.tabs[0];
    let stolen = Session { account: signing::account_of(&SigningKey::from_bytes(&[8; 32])), ..session };
    assert!(!credit.on_message(now, payer, Message::Cheque(stale), out), "an old cheque is no crime");
    assert!(credit.on_message(now, payer, Message::Cheque(forged), out));
    assert!(credit.on_message(now, payer, Message::Hello(stolen), out));
    assert_ne!(*key, payer);
}

#[test]
fn a_cheque_on_a_channel_to_somebody_else_pays_nothing() {
    let mut room = Room::new(3, true);
    room.until_paying();
    let by = room.page(0, 1).paid_by.expect("it pays");
    let payer = room.tabs[1].key;
    let Tab { credit, out, .. } = &mut room.tabs[2];
    credit.on_message(room.now, payer, Message::Open { channel: by.id }, out);
    room.settle();
    assert_eq!(room.page(2, 1).paid_by, None);
}

#[test]
fn the_spending_cap_is_kept_and_fetching_goes_on() {
    let mut room = Room::new(2, true);
    let now = room.now;
    room.tabs[1].credit.set_cap(now, Some(Credits(300)));
    for _ in 0..200 {
        room.serve(0, 1, READ, 0);
        room.settle();
        room.wait(Duration::from_millis(500));
    }
    let spent = room.tabs[1].credit.spent;
    assert!(spent <= Credits(300) && spent > Credits::ZERO, "{spent}");
    assert!(room.page(1, 0).taken > 40 * READ, "served without pay, too");
}

#[test]
fn what_both_give_cancels_out_and_no_cheque_is_written() {
    let mut room = Room::new(2, true);
    room.serve(0, 1, READ, 0);
    for _ in 0..200 {
        room.serve(1, 0, READ / 4, 0);
        room.serve(0, 1, READ / 4, 0);
        room.settle();
        room.wait(Duration::from_millis(100));
    }
    let signed = |of: usize, about| room.page(of, about).pays.map_or(0, |pays| pays.total.0);
    assert!(signed(0, 1) + signed(1, 0) <= 512, "{} and {}", signed(0, 1), signed(1, 0));
}

#[test]
fn eight_mebibytes_are_redeemed_and_the_deposit_is_filled_up() {
    let mut room = Room::new(2, true);
    for _ in 0..100 {
        room.serve(0, 1, READ, 0);
        room.settle();
        room.wait(Duration::from_millis(50));
        room.settle();
    }
    assert!(!room.redeemed.is_empty(), "nothing redeemed of {:?}", room.page(0, 1).paid_by);
    assert!(room.page(0, 1).paid_by.is_some_and(|by| by.total() > Credits(16 * 1024)), "more than the first deposit");
}

#[test]
fn a_small_debt_from_before_does_not_stall_a_large_read() {
    let mut room = Room::new(2, true);
    room.until_paying();
    room.wait(Duration::from_millis(600));
    room.settle();
    // So little that the debtor would let it stand, so much that the next read does not fit.
    room.wait(Duration::from_secs(20));
    for _ in 0..4 {
        room.serve(0, 1, 24 * 1024, 0);
    }
    let mut waited = 0;
    while !room.serve(0, 1, READ, 0) {
        room.wait(Duration::from_millis(50));
        room.settle();
        waited += 50;
        assert!(waited <= 700, "held for {waited} ms");
    }
}

#[test]
fn a_window_holds_nobody_back_while_nobody_else_waits() {
    let mut room = Room::new(2, true);
    room.until_paying();
    let before = room.page(0, 1).given;
    for _ in 0..64 {
        assert!(room.serve(0, 1, READ, 0), "held alone");
    }
    assert_eq!(room.page(0, 1).given - before, 64 * READ);
    // What was beyond the window is not owed by these books; the debtor pays for what it verified, and more is no harm.
    assert!(room.page(0, 1).balance <= limit(room.page(0, 1).window()));
    room.settle();
    room.wait(Duration::from_millis(600));
    room.settle();
    room.check().expect("signed for no more than was verified");
}

#[test]
fn who_has_nothing_left_says_so_and_waits_for_nothing() {
    let mut room = Room::new(2, true);
    room.until_paying();
    let left = room.page(1, 0).pays.expect("it pays").left();
    let (now, spent) = (room.now, room.tabs[1].credit.spent);
    room.tabs[1].credit.set_cap(now, Some(spent));
    room.crowd(0);
    for _ in 0..4 {
        room.serve(0, 1, READ, 0);
        room.settle();
        room.wait(Duration::from_millis(20));
    }
    let page = room.page(0, 1);
    assert_eq!(page.standing(), Standing::Owes, "served last at once, not after ten seconds of nothing");
    assert!(page.balance <= limit(page.window()) && left > Credits::ZERO);
    let owed = room.page(1, 0).balance;
    for _ in 0..4 {
        room.wait(Duration::from_secs(5));
        room.serve(0, 1, READ, 0);
    }
    assert_eq!(room.page(1, 0).balance, owed, "what is served last is for nothing");
    // With something to spend again it pays what it owes, and comes first.
    let now = room.now;
    room.tabs[1].credit.set_cap(now, None);
    room.wait(Duration::from_millis(600));
    room.settle();
    assert!(room.page(0, 1).standing().is_first(), "{:?}", room.page(0, 1).standing());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever order bytes, losses, cheques and time come in.
    #[test]
    fn prop_nobody_is_owed_more_than_a_window_or_paid_for_more_than_was_verified(
        ledger in prop::bool::weighted(0.9),
        steps in prop::collection::vec((0..6_usize, 0..3_usize, 1..=READ / 1024, 0..16_u64, 0..400_u64), 1..400),
    ) {
        let mut room = Room::new(3, ledger);
        for (what, from, kib, lost, ms) in steps {
            let to = (from + 1 + ms as usize % 2) % 3;
            match what {
                0..=2 => _ = room.serve(from, to, kib * 1024, (kib * 1024).min(lost * 512)),
                3 => _ = room.deliver(),
                4 => room.settle(),
                _ => room.wait(Duration::from_millis(ms * 10)),
            }
            room.check()?;
        }
        if !ledger {
            prop_assert!(room.sent.is_empty() && room.channels.is_empty());
        }
    }

    /// A cheat takes what it can whenever it can: beyond the unpaid class it keeps a window, a quarter, and what an honest
    /// peer may lose on the way.
    #[test]
    fn prop_a_cheat_costs_at_most_one_window(
        paid_reads in 1..60_u64,
        greed in prop::collection::vec((1..=READ / 1024, 0..3_000_u64), 1..200),
    ) {
        let mut room = Room::new(2, true);
        room.until_paying();
        for _ in 0..paid_reads {
            room.serve(0, 1, READ, 0);
            room.settle();
            room.wait(Duration::from_millis(100));
            room.settle();
        }
        room.silent = Some(1);
        room.crowd(0);
        let (owed, given) = (room.page(0, 1).balance, room.page(0, 1).given);
        for (kib, ms) in greed {
            // While somebody who pays waits, so that what is free is not.
            let now = room.now;
            room.tabs[0].credit.unpaid.on_paid_waits(now);
            if room.page(0, 1).standing() == Standing::Pays {
                room.serve(0, 1, kib * 1024, 0);
            }
            room.wait(Duration::from_millis(ms));
        }
        let page = room.page(0, 1);
        let kept = owed.max(0) + (page.given - given) as i64;
        let most = limit(page.window()) + page.paid_to_us() / 16;
        prop_assert!(kept <= most, "kept {} of {}, paid {}", kept, most, page.paid_to_us());
        prop_assert!(page.window() >= WINDOW_MIN && page.paid_to_us() % UNIT == 0);
    }
}

#[test]
fn what_a_dead_tab_kept_is_redeemed_and_settled_by_the_tab_after_it() {
    let mut room = Room::new(2, true);
    room.until_paying();
    room.wait(Duration::from_secs(1));
    room.settle();
    let held = room.page(0, 1).paid_by.expect("it pays").held();
    assert!(held.total > Credits(512) && room.redeemed.is_empty());
    // Both tabs are reloaded: new keys, the same accounts, and what the old ones kept.
    let kept: Vec<Vec<u8>> = room.tabs.iter().map(|tab| tab.kept.clone()).collect();
    let channels = core::mem::take(&mut room.channels);
    let mut again = Room::with_tabs(2, true, 50);
    again.channels = channels;
    for (tab, kept) in kept.iter().enumerate() {
        let Tab { credit, out, .. } = &mut again.tabs[tab];
        credit.on_found(again.now, kept, out);
        assert!(!kept.is_empty());
    }
    for _ in 0..4 {
        again.perform();
        again.settle();
        again.wait(Duration::from_millis(600));
    }
    let redeemed: Vec<_> = again.redeemed.iter().map(|cheque| cheque.promise).collect();
    assert_eq!(redeemed, [held], "the best cheque, once");
    // The payer closes what nobody settles.
    again.wait(Duration::from_secs(31));
    again.perform();
    assert!(!again.channels.contains_key(&held.channel), "what was locked is free");
}
