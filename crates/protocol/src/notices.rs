//! What the person should know.
//!
//! One notice per code, so they are as bounded as the codes are. A notice stands as long as its condition does:
//! whoever raised it clears it. Put away by the person, it stays away until the condition ended and came back.

use crate::Code;
use crate::snapshot::NoticeView;
use clock::Time;
use std::collections::BTreeMap;

/// The notices, standing or put away.
#[derive(Debug, Default)]
pub(crate) struct Notices(BTreeMap<Code, Notice>);

#[derive(Debug)]
struct Notice {
    since: Time,
    subject: Option<String>,
    dismissed: bool,
}

impl Notices {
    /// The condition holds. Raised again about another subject, it is a new notice.
    pub(crate) fn raise(&mut self, now: Time, code: Code, subject: Option<String>) {
        match self.0.get(&code) {
            Some(notice) if notice.subject == subject => {}
            Some(_) | None => {
                self.0.insert(code, Notice { since: now, subject, dismissed: false });
            }
        }
    }

    /// The condition has ended.
    pub(crate) fn clear(&mut self, code: Code) {
        self.0.remove(&code);
    }

    /// `raise` or `clear`, by whether the condition holds.
    pub(crate) fn set(&mut self, now: Time, code: Code, holds: bool) {
        if holds { self.raise(now, code, None) } else { self.clear(code) }
    }

    /// The person has read it.
    pub(crate) fn dismiss(&mut self, code: Code) {
        if let Some(notice) = self.0.get_mut(&code) {
            notice.dismissed = true;
        }
    }

    /// Those to show, newest first.
    pub(crate) fn views(&self, now: Time) -> Vec<NoticeView> {
        let mut views: Vec<NoticeView> = self
            .0
            .iter()
            .filter(|(_, notice)| !notice.dismissed)
            .map(|(code, notice)| NoticeView {
                code: *code,
                since_ms: millis(now - notice.since),
                subject: notice.subject.clone(),
            })
            .collect();
        views.sort_by_key(|view| view.since_ms);
        views
    }
}

/// Whole milliseconds, saturating: how every length of time reaches the screen.
pub(crate) fn millis(length: core::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dismissed_notice_returns_only_after_its_condition_ended() {
        let mut notices = Notices::default();
        notices.raise(at(0), Code::RelayUnreachable, None);
        notices.dismiss(Code::RelayUnreachable);
        notices.raise(at(1), Code::RelayUnreachable, None);
        assert_eq!(notices.views(at(2)), []);

        notices.clear(Code::RelayUnreachable);
        notices.raise(at(3), Code::RelayUnreachable, None);
        assert_eq!(notices.views(at(4)).len(), 1);
    }

    #[test]
    fn one_notice_per_code_newest_first() {
        let mut notices = Notices::default();
        notices.raise(at(0), Code::BadBytes, Some("a".into()));
        notices.raise(at(1), Code::RelayUnreachable, None);
        notices.raise(at(2), Code::BadBytes, Some("b".into()));
        let views = notices.views(at(5));
        assert_eq!(views.len(), 2);
        assert_eq!((views[0].code, views[0].subject.as_deref(), views[0].since_ms), (Code::BadBytes, Some("b"), 3_000));
        assert_eq!(views[1].code, Code::RelayUnreachable);
    }

    fn at(seconds: u64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }
}
