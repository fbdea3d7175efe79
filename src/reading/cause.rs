//! What is wrong, if anything is: the one cause that Diagnostics explains.

use crate::words::{Weight, sentence};
use protocol::snapshot::{PathView, PeerView, RelayState};
use protocol::{Code, Failure, Snapshot};

/// What is wrong, the gravest first; `None` when nothing is.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    pub code: Code,
    /// The peer it is about.
    pub peer: Option<String>,
}

/// The cause; `webrtc_blocked` is what the browser answered when it was asked.
pub fn cause(snapshot: &Snapshot, webrtc_blocked: bool) -> Option<Cause> {
    let about_page = |code| Some(Cause { code, peer: None });
    if webrtc_blocked {
        return about_page(Code::WebrtcBlocked);
    }
    let reachable = snapshot.relays.iter().any(|r| matches!(r.state, RelayState::Connected | RelayState::Reserved));
    let lost = snapshot.relays.iter().any(|relay| relay.state == RelayState::Lost);
    if !reachable && (lost || snapshot.relays.is_empty()) && !snapshot.me.is_empty() {
        return about_page(Code::RelayUnreachable);
    }
    let no_path = |peer: &&PeerView| peer.path != PathView::Direct && peer.failure == Some(Failure::NoDirectPath);
    if let Some(peer) = snapshot.peers.iter().find(no_path) {
        return Some(Cause { code: Code::NoDirectPath, peer: Some(peer.peer.clone()) });
    }
    let grave = snapshot.notices.iter().map(|notice| notice.code).filter(|code| sentence(*code).weight > Weight::Info);
    grave.max_by_key(|code| sentence(*code).weight).and_then(about_page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{direct, snapshot};
    use protocol::snapshot::NoticeView;

    fn code(snapshot: &Snapshot) -> Option<Code> {
        cause(snapshot, false).map(|cause| cause.code)
    }

    #[test]
    fn nothing_is_wrong_when_a_relay_answers() {
        assert_eq!(cause(&snapshot(), false), None);
        assert_eq!(cause(&snapshot(), true).unwrap().code, Code::WebrtcBlocked);
    }

    #[test]
    fn a_lost_relay_matters_only_when_no_other_answers() {
        let mut two = snapshot();
        two.relays.push(two.relays[0].clone());
        two.relays[0].state = RelayState::Lost;
        assert_eq!(code(&two), None);
        two.relays[1].state = RelayState::Connecting;
        assert_eq!(code(&two), Some(Code::RelayUnreachable));
    }

    #[test]
    fn a_peer_out_of_reach_is_named() {
        let mut snapshot = snapshot();
        let failed = PeerView { path: PathView::Relayed, failure: Some(Failure::NoDirectPath), ..direct("b", 90.0) };
        snapshot.peers = vec![direct("a", 30.0), failed];
        assert_eq!(cause(&snapshot, false), Some(Cause { code: Code::NoDirectPath, peer: Some("b".into()) }));
        snapshot.peers[1].path = PathView::Direct;
        assert_eq!(cause(&snapshot, false), None, "it was reached after all");
    }

    #[test]
    fn what_only_informs_is_not_a_cause() {
        let mut snapshot = snapshot();
        let notice = |code| NoticeView { code, since_ms: 0, subject: None };
        snapshot.notices = vec![notice(Code::InsecureOrigin)];
        assert_eq!(code(&snapshot), None);
        snapshot.notices.push(notice(Code::StorageFull));
        assert_eq!(code(&snapshot), Some(Code::StorageFull));
    }
}
