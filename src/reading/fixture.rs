//! Snapshots for tests: one relay that answers, nobody else, nothing shared.

use content::ContentId;
use protocol::Snapshot;
use protocol::snapshot::{
    AllowanceView, Cell, ChainView, CreditView, Direction, LearningView, Met, PathView, PeerView, Reason, RelayState,
    RelayView, SourceState, SourceView, Status, Totals, TransferState, TransferView,
};

pub(crate) fn snapshot() -> Snapshot {
    let relay = RelayView {
        peer: Some("relay".into()),
        name: "Relay".into(),
        state: RelayState::Reserved,
        way: Some("websocket"),
        since_ms: 1_000,
        retry_in_ms: None,
        rtt_ms: Some(18.0),
        samples: Vec::new(),
    };
    Snapshot {
        me: "me".into(),
        status: Status::Online,
        uptime_ms: 2_000,
        relays: vec![relay],
        peers: Vec::new(),
        transfers: Vec::new(),
        notices: Vec::new(),
        chain: ChainView::default(),
        pass_on: false,
        allowance: AllowanceView::default(),
        metered: false,
        totals: Totals::default(),
        learning: LearningView { on: true, ..LearningView::default() },
        credit: CreditView::default(),
    }
}

pub(crate) fn direct(id: &str, ms: f64) -> PeerView {
    PeerView {
        peer: id.into(),
        path: PathView::Direct,
        stage: None,
        since_ms: 1_000,
        rtt_ms: Some(ms),
        stun_ms: None,
        samples: Vec::new(),
        next: None,
        candidates: None,
        met: Met::Inbound,
        dialled_by_us: false,
        given: 0,
        taken: 0,
        give_rate: 0.0,
        take_rate: 0.0,
        failure: None,
        retry_in_ms: None,
        reason: Reason::TheyAsked,
        picked: None,
    }
}

/// A share that is ready.
pub(crate) fn share(key: u64) -> TransferView {
    TransferView {
        content_id: ContentId([key as u8; 32]).to_string(),
        link_key: None,
        private: false,
        locked: false,
        folder: false,
        key,
        name: "field-recordings.zip".into(),
        media_type: "application/zip".into(),
        direction: Direction::Share,
        state: TransferState::Done,
        bytes: 1 << 20,
        total: Some(1 << 20),
        wanted: None,
        wasted: 0,
        error: None,
        keeping: None,
        elsewhere: false,
        pinned: None,
        fits_memory: false,
        asks: false,
        rate: 0.0,
        eta_s: None,
        took_ms: Some(40),
        since_ms: 1_000,
        first_byte_ms: None,
        sources: Vec::new(),
        receivers: Vec::new(),
        replicas: 0,
        map: vec![Cell::Verified; 4],
    }
}

/// A fetch from two sources, half way.
pub(crate) fn fetch(key: u64) -> TransferView {
    let source = |peer: &str| SourceView { peer: peer.into(), state: SourceState::Active, bytes: 1 << 18, rate: 1e6 };
    TransferView {
        direction: Direction::Fetch,
        state: TransferState::Active,
        bytes: 1 << 19,
        rate: 2e6,
        took_ms: None,
        sources: vec![source("a"), source("b")],
        map: vec![Cell::Verified, Cell::Verified, Cell::Asked, Cell::NotYet],
        ..share(key)
    }
}
