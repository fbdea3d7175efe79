//! The account's key: opening it, and signing with it. What is signed is the machine's affair.

use super::{EventLoop, Internal};
use crate::platform::{self, Account};
use ledger::stamp::Stamp;
use protocol::{Input, SignToken};

impl EventLoop {
    pub(super) fn open_account(&self) {
        let (mut report, books) = (self.report.clone(), self.books.clone());
        platform::spawn(async move {
            report.send(Internal::Account(Account::open().await)).await;
            for bytes in books.found().await {
                report.hear(Input::BooksFound { bytes }).await;
            }
        });
    }

    pub(super) fn on_account(&mut self, account: Option<Account>) {
        if let Some(account) = &account {
            self.hear(Input::Account { id: account.id(), lasting: account.is_lasting() });
        }
        self.account = account;
    }

    pub(super) fn sign(&mut self, token: SignToken, bytes: Vec<u8>) {
        let (account, mut report) = (self.account.clone(), self.report.clone());
        platform::spawn(async move {
            let signature = match account {
                Some(account) => account.sign(bytes).await,
                None => None,
            };
            report.hear(Input::Signed { token, signature }).await;
        });
    }

    pub(super) fn solve(&mut self, stamp: Stamp) {
        let (solving, mut report) = (platform::solve(self.script.clone(), stamp), self.report.clone());
        platform::spawn(async move {
            let counter = solving.await;
            report.hear(Input::Solved { stamp, counter }).await;
        });
    }
}
