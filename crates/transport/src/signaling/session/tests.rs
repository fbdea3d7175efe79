//! Sessions as both roles, with peers that keep the order and peers that do not.

use super::super::sdp::tests::CHROMIUM;
use super::*;
use proptest::prelude::*;

const NOW: Duration = Duration::ZERO;
const OPEN: Policy = Policy { lan: false };

fn answer() -> String {
    CHROMIUM.replace("actpass", "active")
}

fn candidate(host: &str, port: u16) -> String {
    format!(r#"{{"candidate":"candidate:1 1 udp 1 {host} {port} typ host","sdpMid":"0","sdpMLineIndex":0}}"#)
}

fn ours() -> Trickled {
    Trickled::from_json(&candidate("a.local", 4000)).expect("valid").expect("not the end")
}

struct Driven(Session);

impl Driven {
    fn new(role: Role) -> Self {
        Self(Session::new(role, OPEN, Timeouts::default(), 64 * 1024))
    }

    fn drain(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.0.poll_output()).collect()
    }

    fn handle(&mut self, input: Input) -> Vec<Output> {
        self.at(NOW, input)
    }

    fn at(&mut self, now: Duration, input: Input) -> Vec<Output> {
        self.0.handle(now, input);
        self.drain()
    }

    fn receive(&mut self, kind: SignalKind, data: &str) -> Vec<Output> {
        self.handle(Input::Received { signal: Signal::new(kind, data.to_owned()), len: data.len() })
    }

    /// An initiator whose offer is out and set.
    fn offered() -> Self {
        let mut session = Self::new(Role::Initiator);
        assert_eq!(session.drain(), [Output::Stage(Stage::Signalling), Output::Offer]);
        session.handle(Input::Described(CHROMIUM.to_owned()));
        session.handle(Input::Sent);
        session.handle(Input::LocalSet);
        session
    }

    /// A responder that waits for a path.
    fn answered() -> Self {
        let mut session = Self::new(Role::Responder);
        session.receive(SignalKind::Offer, CHROMIUM);
        session.handle(Input::RemoteSet);
        session.handle(Input::Described(answer()));
        session.handle(Input::Sent);
        assert_eq!(session.handle(Input::LocalSet), [Output::Stage(Stage::Checking)]);
        session
    }
}

fn error(outputs: &[Output]) -> Option<SessionError> {
    outputs.iter().find_map(|output| match output {
        Output::Over(Err(error)) => Some(*error),
        _ => None,
    })
}

fn added(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::AddCandidate(..))).count()
}

#[test]
fn the_initiator_offers_checks_and_drains_init() {
    let mut session = Driven::new(Role::Initiator);
    session.drain();
    let offer = Signal::new(SignalKind::Offer, sdp::outgoing(CHROMIUM, 64 * 1024));
    assert_eq!(session.handle(Input::Described(CHROMIUM.to_owned())), [Output::Write(offer)]);
    assert_eq!(session.handle(Input::Sent), [Output::SetLocal(Kind::Offer, CHROMIUM.to_owned())]);
    assert_eq!(session.handle(Input::LocalSet), []);
    let outputs = session.receive(SignalKind::Answer, &answer());
    assert!(matches!(&outputs[..], [Output::SetRemote(Kind::Answer, _)]));
    assert_eq!(session.handle(Input::RemoteSet), [Output::Stage(Stage::Checking)]);
    assert_eq!(session.handle(Input::Connected), [Output::Stage(Stage::Opening)]);
    assert_eq!(session.handle(Input::InitOpen), [Output::CloseInit]);
    assert_eq!(session.handle(Input::InitClosed), [Output::Over(Ok(Agreed { max_frame: None }))]);
    assert_eq!(session.0.next_deadline(), None);
}

#[test]
fn the_responder_sets_the_offer_before_it_answers() {
    let mut session = Driven::new(Role::Responder);
    assert_eq!(session.drain(), [Output::Stage(Stage::Signalling)]);
    let outputs = session.receive(SignalKind::Offer, &sdp::outgoing(CHROMIUM, 64 * 1024));
    assert!(matches!(&outputs[..], [Output::SetRemote(Kind::Offer, _)]));
    assert_eq!(session.handle(Input::RemoteSet), [Output::Answer]);
    let outputs = session.handle(Input::Described(answer()));
    assert!(matches!(&outputs[..], [Output::Write(Signal { kind: Some(SignalKind::Answer), .. })]));
    assert_eq!(session.handle(Input::Sent), [Output::SetLocal(Kind::Answer, answer())]);
    assert_eq!(session.handle(Input::LocalSet), [Output::Stage(Stage::Checking)]);
    let agreed = Output::Over(Ok(Agreed { max_frame: Some(64 * 1024) }));
    assert_eq!(session.handle(Input::Connected), [Output::Stage(Stage::Opening), agreed]);
}

#[test]
fn no_candidate_of_ours_precedes_our_description() {
    let mut session = Driven::new(Role::Initiator);
    session.drain();
    assert_eq!(session.handle(Input::Found(ours())), []);
    let first = session.handle(Input::Described(CHROMIUM.to_owned()));
    assert!(matches!(&first[..], [Output::Write(Signal { kind: Some(SignalKind::Offer), .. })]));
    assert_eq!(session.handle(Input::Found(ours())), []);
    let after = session.handle(Input::Sent);
    assert!(matches!(&after[0], Output::SetLocal(..)));
    assert_eq!(after.len(), 3, "both candidates follow");
}

#[test]
fn an_answer_that_overtakes_the_browser_waits_for_it() {
    let mut session = Driven::new(Role::Initiator);
    session.handle(Input::Described(CHROMIUM.to_owned()));
    session.handle(Input::Sent);
    assert_eq!(session.receive(SignalKind::Answer, &answer()), []);
    let outputs = session.handle(Input::LocalSet);
    assert!(matches!(&outputs[..], [Output::SetRemote(Kind::Answer, _)]));
}

#[test]
fn the_peers_candidates_wait_for_its_description() {
    let mut session = Driven::offered();
    assert_eq!(session.receive(SignalKind::Candidate, &candidate("a.local", 4000)), []);
    session.receive(SignalKind::Answer, &answer());
    assert_eq!(added(&session.handle(Input::RemoteSet)), 1);
    assert_eq!(added(&session.receive(SignalKind::Candidate, &candidate("b.local", 4000))), 1);
}

#[test]
fn candidates_after_the_connection_are_ignored() {
    let mut session = Driven::offered();
    session.receive(SignalKind::Answer, &answer());
    session.handle(Input::RemoteSet);
    session.handle(Input::Connected);
    assert_eq!(session.receive(SignalKind::Candidate, &candidate("a.local", 4000)), []);
    assert_eq!(session.handle(Input::Found(ours())), []);
}

#[test]
fn messages_out_of_order_are_fatal() {
    let unexpected = |outputs: Vec<Output>| matches!(error(&outputs), Some(SessionError::Unexpected { .. }));
    assert!(unexpected(Driven::offered().receive(SignalKind::Offer, CHROMIUM)));
    assert!(unexpected(Driven::answered().receive(SignalKind::Offer, CHROMIUM)));
    assert!(unexpected(Driven::answered().receive(SignalKind::Answer, &answer())));
    assert!(unexpected(Driven::new(Role::Responder).receive(SignalKind::Answer, &answer())));
    assert!(unexpected(Driven::new(Role::Responder).receive(SignalKind::Candidate, "null")));
    let mut twice = Driven::offered();
    twice.receive(SignalKind::Answer, &answer());
    assert!(unexpected(twice.receive(SignalKind::Answer, &answer())));
}

#[test]
fn a_description_that_is_refused_ends_the_session() {
    let outputs = Driven::new(Role::Responder).receive(SignalKind::Offer, &answer());
    assert_eq!(error(&outputs), Some(SessionError::Sdp(SdpError::Setup)));
}

#[test]
fn a_thousand_candidates_are_filtered_and_capped() {
    let mut session = Driven::answered();
    let mut reached = 0;
    for i in 0..1000u16 {
        let host = match i % 4 {
            0 => "127.0.0.1".to_owned(),
            1 => "192.168.1.1".to_owned(),
            2 => "224.0.0.1".to_owned(),
            _ => format!("{i}.local"),
        };
        let outputs = session.receive(SignalKind::Candidate, &candidate(&host, 2000 + i));
        for output in &outputs {
            let Output::AddCandidate(trickled, _) = output else { panic!("{output:?}") };
            assert!(matches!(trickled.candidate.host, super::super::candidate::Host::Mdns(_)));
        }
        reached += outputs.len();
    }
    assert_eq!(reached, CANDIDATES_MAX.min(CANDIDATE_MESSAGES_MAX / 4));
}

#[test]
fn candidates_inside_a_description_pass_the_same_policy() {
    let near = "a=candidate:1 1 udp 1 192.168.1.1 4000 typ host\r\n";
    let named = "a=candidate:1 1 udp 1 a.local 4000 typ host\r\n";
    let mut session = Driven::new(Role::Responder);
    session.receive(SignalKind::Offer, &format!("{CHROMIUM}{near}{named}"));
    assert_eq!(added(&session.handle(Input::RemoteSet)), 1);
}

#[test]
fn a_candidate_of_another_session_is_dropped() {
    let mut session = Driven::answered();
    let json = candidate("a.local", 4000).replace('}', r#","usernameFragment":"zzzz"}"#);
    assert_eq!(session.receive(SignalKind::Candidate, &json), []);
}

#[test]
fn a_malformed_candidate_costs_nobody_the_session() {
    let mut session = Driven::answered();
    for bad in ["", "{", "null", r#"{"candidate":"candidate:x"}"#] {
        assert_eq!(session.receive(SignalKind::Candidate, bad), []);
    }
    assert_eq!(added(&session.receive(SignalKind::Candidate, &candidate("a.local", 4000))), 1);
}

#[test]
fn too_many_bytes_are_fatal() {
    let mut session = Driven::answered();
    let padding = "x".repeat(60 * 1024);
    let outputs: Vec<_> = (0..5).flat_map(|_| session.receive(SignalKind::Candidate, &padding)).collect();
    assert_eq!(error(&outputs), Some(SessionError::TooMuch));
}

#[test]
fn a_peer_that_leaves_before_its_description_ends_the_session_and_after_it_does_not() {
    assert_eq!(error(&Driven::offered().handle(Input::PeerFinished)), Some(SessionError::PeerLeft));
    let mut session = Driven::answered();
    assert_eq!(session.handle(Input::PeerFinished), []);
    let agreed = Output::Over(Ok(Agreed { max_frame: None }));
    assert_eq!(session.handle(Input::Connected), [Output::Stage(Stage::Opening), agreed]);
}

#[test]
fn a_peer_that_leaves_while_we_look_is_waited_for_less_long() {
    let timeouts = Timeouts::default();
    let mut session = Driven::answered();
    session.handle(Input::PeerFinished);
    assert_eq!(session.0.next_deadline(), Some(timeouts.check_alone));
    let outputs = session.at(timeouts.check_alone, Input::Wake);
    assert_eq!(error(&outputs), Some(SessionError::Timeout("looking for a path")));
}

#[test]
fn every_state_has_its_deadline() {
    let timeouts = Timeouts::default();
    let at = |session: &Driven| session.0.next_deadline().expect("not over");
    assert_eq!(at(&Driven::new(Role::Initiator)), timeouts.description);
    assert_eq!(at(&Driven::offered()), timeouts.remote_description);
    assert_eq!(at(&Driven::new(Role::Responder)), timeouts.remote_description);
    assert_eq!(at(&Driven::answered()), timeouts.check);

    let mut session = Driven::answered();
    assert_eq!(session.at(timeouts.check - Duration::from_millis(1), Input::Wake), []);
    let outputs = session.at(timeouts.check, Input::Wake);
    assert_eq!(error(&outputs), Some(SessionError::Timeout("looking for a path")));
}

#[test]
fn a_slow_init_channel_is_no_failure() {
    let timeouts = Timeouts::default();
    let mut session = Driven::offered();
    session.receive(SignalKind::Answer, &answer());
    session.handle(Input::RemoteSet);
    session.handle(Input::Connected);
    assert_eq!(session.at(timeouts.init, Input::Wake), [Output::Over(Ok(Agreed { max_frame: None }))]);
}

#[test]
fn no_state_outlasts_the_session() {
    let mut session = Driven::offered();
    let late = Timeouts::default().session - Duration::from_secs(1);
    session.at(late, Input::Received { signal: Signal::new(SignalKind::Answer, answer()), len: 1 });
    session.at(late, Input::RemoteSet);
    assert_eq!(session.0.next_deadline(), Some(Timeouts::default().session));
}

#[derive(Clone, Debug)]
enum Step {
    Ours(u8),
    Theirs(u8, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let data = prop_oneof![
        Just(CHROMIUM.to_owned()),
        Just(answer()),
        Just(candidate("a.local", 4000)),
        Just("null".to_owned()),
        ".{0,40}",
    ];
    let step = prop_oneof![(0..8u8).prop_map(Step::Ours), (0..4u8, data).prop_map(|(k, d)| Step::Theirs(k, d))];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever a peer and a browser do, in whatever order: nothing panics, a session ends at most once, no candidate
    /// of ours is written before a description, and few of the peer's reach the browser.
    #[test]
    fn prop_no_order_of_events_breaks_the_invariants(initiator: bool, steps in steps()) {
        let mut session = Driven::new(if initiator { Role::Initiator } else { Role::Responder });
        let (mut described, mut over, mut reached) = (false, 0, 0);
        for (i, step) in steps.into_iter().enumerate() {
            let input = match step {
                Step::Ours(0) => Input::Described(if initiator { CHROMIUM.to_owned() } else { answer() }),
                Step::Ours(1) if described => Input::Sent,
                Step::Ours(2) => Input::LocalSet,
                Step::Ours(3) => Input::RemoteSet,
                Step::Ours(4) => Input::Found(ours()),
                Step::Ours(5) => Input::Connected,
                Step::Ours(6) => Input::InitOpen,
                Step::Ours(_) => Input::InitClosed,
                Step::Theirs(3, _) => Input::PeerFinished,
                Step::Theirs(kind, data) => {
                    let kind = [SignalKind::Offer, SignalKind::Answer, SignalKind::Candidate][usize::from(kind)];
                    Input::Received { len: data.len(), signal: Signal::new(kind, data) }
                }
            };
            for output in session.at(Duration::from_millis(i as u64), input) {
                match output {
                    Output::Write(Signal { kind: Some(SignalKind::Candidate), .. }) => prop_assert!(described),
                    Output::Write(_) => described = true,
                    Output::AddCandidate(..) => reached += 1,
                    Output::Over(_) => over += 1,
                    _ => {}
                }
            }
        }
        prop_assert!(over <= 1 && reached <= CANDIDATES_MAX);
    }
}
