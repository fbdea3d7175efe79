//! What the screen may know: plain data in the screen's words, and nothing else reaches it.
//!
//! Field names become kebab-case for JavaScript (`window.starling.snapshot()`). Times are ages in
//! milliseconds at the moment the snapshot was taken, so that no clock has to be shared.

mod credit;

pub use credit::{
    AccountState, ChequeView, CreditAccountView, CreditItemView, CreditPeerView, CreditView, DeniedView, LedgerView,
    Standing,
};

use crate::{Candidate, Caps, Code, Failure, Keeping, Stage};
use serde::Serialize;

pub use crate::chain::views::*;

/// The whole state of this tab, for drawing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Our libp2p `PeerId`.
    pub me: String,
    /// The one word for the header.
    pub status: Status,
    /// How long the node has run, ms.
    pub uptime_ms: u64,
    /// The relays we were given, in the order given.
    pub relays: Vec<RelayView>,
    /// Everybody we are connected or connecting to, or lost less than a minute ago; nearest first.
    pub peers: Vec<PeerView>,
    /// Items shared or fetched, newest first.
    pub transfers: Vec<TransferView>,
    /// What the person should know, newest first.
    pub notices: Vec<NoticeView>,
    /// The chain, as far as this tab has checked it.
    pub chain: ChainView,
    /// Whether what was fetched is served.
    pub pass_on: bool,
    /// What may be given, and what was.
    pub allowance: AllowanceView,
    /// The browser says that bytes cost money: everything new asks first, and nothing is passed on.
    pub metered: bool,
    /// Content bytes given, taken and thrown away since the start.
    pub totals: Totals,
    /// Who owes whom for what was served.
    pub credit: CreditView,
    /// What choosing by measurements does.
    pub learning: LearningView,
}

/// What choosing by measurements does, compared with chance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LearningView {
    /// Off, all choices are made by chance.
    pub on: bool,
    /// Small items fetched from where learning, and from where chance, said, when there was a choice; the newest 500.
    pub learned: u64,
    pub control: u64,
    /// Items of either kind before anything is said.
    pub needed: u64,
    /// Their median times, ms.
    pub learned_ms: Option<f64>,
    pub control_ms: Option<f64>,
    /// The difference.
    pub saved: Option<SavedView>,
    /// Bytes that came twice because two were asked at once, or for other reasons, and how many may have.
    pub duplicates: u64,
    pub duplicates_max: u64,
    /// The newest choices, newest first.
    pub choices: Vec<ChoiceView>,
}

/// What learning saved per small item, ms; negative if it cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedView {
    /// Chance's median minus learning's.
    pub median_ms: f64,
    /// The true difference lies between these 95 times in 100.
    pub low_ms: f64,
    pub high_ms: f64,
    /// Zero is not between them: only then is it a saving, or a loss.
    pub certain: bool,
}

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// What was measured.
    Learned,
    /// Chance, for comparison: one choice in twenty.
    Control,
    /// Chance, because learning is off.
    Off,
}

/// One choice among the providers of an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChoiceView {
    pub age_ms: u64,
    pub way: Way,
    /// Those it was made among, the one expected first comes first.
    pub candidates: Vec<CandidateView>,
    /// From the choice to the last byte, ms; for small items.
    pub took_ms: Option<f64>,
}

/// One of those a choice was made among.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateView {
    pub peer: String,
    /// What one round trip with its part of the work was expected to take, ms; `None` if it was never measured.
    pub expected_ms: Option<f64>,
    pub chosen: bool,
}

/// How a peer fared in the choices it was part of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PickedView {
    /// How often it was chosen, of how many choices.
    pub times: u64,
    pub of: u64,
    /// The last one: whether it was chosen, who decided, what was expected of it and of the best other, ms.
    pub chosen: bool,
    pub way: Way,
    pub expected_ms: Option<f64>,
    pub best_ms: Option<f64>,
}

/// Limits on giving, and the present day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowanceView {
    pub caps: Caps,
    /// Bytes passed on since the day began.
    pub passed_on_today: u64,
    /// When the day ends, ms from now; `None` before its first byte.
    pub day_ends_in_ms: Option<u64>,
}

/// Where we stand with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing has answered yet and nothing has failed yet.
    Starting,
    /// A relay knows us.
    Online,
    /// No relay, but peers: connected tabs carry on and introduce each other.
    Degraded,
    /// Neither.
    Offline,
}

/// Content bytes since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Served to others.
    pub given: u64,
    /// Fetched and verified.
    pub taken: u64,
    /// Received and thrown away: wrong, late or twice.
    pub wasted: u64,
}

/// One relay.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelayView {
    /// The relay's `PeerId`, once known.
    pub peer: Option<String>,
    /// What the screen calls it: "Relay", or "Relay A", "Relay B" when there are several.
    pub name: String,
    pub state: RelayState,
    /// `websocket`, `webrtc-direct` or `tcp`, once connected.
    pub way: Option<&'static str>,
    /// Time in this state, ms.
    pub since_ms: u64,
    /// When the next attempt starts, ms from now, if one is planned.
    pub retry_in_ms: Option<u64>,
    /// Median of the last five round trips, ms.
    pub rtt_ms: Option<f64>,
    /// Newest first, at most 250.
    pub samples: Vec<SampleView>,
}

/// Where we stand with a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RelayState {
    Connecting,
    /// Connected; no reservation (yet): we can dial but not be dialled through it.
    Connected,
    /// Others can reach us through it.
    Reserved,
    Lost,
}

/// One measured round trip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleView {
    /// When, ms before this snapshot.
    pub age_ms: u64,
    /// How long, ms.
    pub rtt_ms: f64,
    /// Taken while the tab was in the background, so it says little.
    pub hidden: bool,
    /// What had been forecast for it before it came; `None` for the first ones and for relays.
    pub forecast: Option<ForecastView>,
}

/// A round trip that is forecast, with the range it falls into nine times in ten.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForecastView {
    pub ms: f64,
    pub low_ms: f64,
    pub high_ms: f64,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerView {
    pub peer: String,
    pub path: PathView,
    /// While connecting: how far it has come.
    pub stage: Option<Stage>,
    /// Time on this path (or in this stage while connecting), ms.
    pub since_ms: u64,
    /// Median of the last five pings, ms; `None` until the first.
    pub rtt_ms: Option<f64>,
    /// The browser's own figure for the path, ms.
    pub stun_ms: Option<f64>,
    /// Pings, newest first, at most 250.
    pub samples: Vec<SampleView>,
    /// The next ping, once there is a forecast with a known error.
    pub next: Option<ForecastView>,
    /// Kinds of address the direct path uses: ours, theirs.
    pub candidates: Option<(Candidate, Candidate)>,
    /// Who brought us together.
    pub met: Met,
    /// We dialled it, or it dialled us.
    pub dialled_by_us: bool,
    /// Content bytes to and from it.
    pub given: u64,
    pub taken: u64,
    /// Content bytes per second over the last ten seconds.
    pub give_rate: f64,
    pub take_rate: f64,
    /// Why the last attempt or connection ended.
    pub failure: Option<Failure>,
    /// When the next attempt starts, ms from now, if one is planned.
    pub retry_in_ms: Option<u64>,
    /// Why it is or is not among those we talk to.
    pub reason: Reason,
    /// How often it was chosen as a source, and why; `None` while it was no candidate.
    pub picked: Option<PickedView>,
}

/// Where a peer stands on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathView {
    Direct,
    Relayed,
    Connecting,
    /// Lost; keeps its place for 60 s.
    Gone,
}

/// Who brought us together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "who")]
pub enum Met {
    /// Through this relay (its name).
    Relay(String),
    /// Through this neighbour (its `PeerId`).
    Neighbour(String),
    /// It came to us.
    Inbound,
}

/// Why a peer is, or is not, one we talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Reason {
    /// One of the first found, and there was room: nobody was measured yet.
    RoomForMore,
    /// It dialled us and there was room.
    TheyAsked,
    /// It holds something we are fetching.
    HoldsContent,
    /// Its place among all measured peers, 1 = nearest.
    Nearest { place: u32, of: u32 },
    /// It did not answer; tried again later.
    NotAnswering,
    /// It sent bytes that did not match the link: never asked again.
    SentWrongBytes,
    /// The person disconnected it.
    PersonSaidNo,
}

/// Shared by us, or fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    Share,
    Fetch,
}

/// The states of `data-state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferState {
    /// Being hashed (share), or the manifest is being fetched.
    Preparing,
    /// Asks first, or nobody has it at the moment.
    Waiting,
    Active,
    Paused,
    /// All of it, or all that is wanted of it, is here and verified.
    Done,
    Failed,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferView {
    /// The content id's text, empty while the file is still being hashed.
    pub content_id: String,
    /// What follows the id in its link when it is private. For the person's own screen: it is left out wherever the
    /// snapshot is written down.
    #[serde(skip)]
    pub link_key: Option<String>,
    /// Only those who have the link can read it.
    pub private: bool,
    /// It is kept from an earlier visit, and its link has to be opened again before it can be read.
    pub locked: bool,
    /// It is a folder.
    pub folder: bool,
    /// Stable while this tab lives, also before there is a content id.
    pub key: u64,
    pub name: String,
    pub media_type: String,
    pub direction: Direction,
    pub state: TransferState,
    /// Bytes verified (fetch) or hashed (share).
    pub bytes: u64,
    /// All bytes; `None` until the manifest is here.
    pub total: Option<u64>,
    /// Bytes to be fetched, when that is not all: the files of a folder that the person chose, as far as groups go.
    pub wanted: Option<u64>,
    /// Received for it and thrown away.
    pub wasted: u64,
    pub error: Option<Code>,
    /// How it outlives the visit, once that is settled.
    pub keeping: Option<Keeping>,
    /// Whether it stays when room is made for others; `None` for what cannot be pinned.
    pub pinned: Option<bool>,
    /// There was no room for it on the device, and memory could take it.
    pub fits_memory: bool,
    /// Another tab of this person fetches it, into the store that both have: state, bytes and rate are that tab's.
    pub elsewhere: bool,
    /// It waits for a yes.
    pub asks: bool,
    /// Verified bytes per second over the last five seconds; 0 when idle.
    pub rate: f64,
    /// Seconds left, low and high, when a range is known.
    pub eta_s: Option<(f64, f64)>,
    /// How long it took, once done, ms; hashing for a share.
    pub took_ms: Option<u64>,
    /// Age of the item, ms.
    pub since_ms: u64,
    /// Time to the first verified byte, ms, once there is one.
    pub first_byte_ms: Option<u64>,
    /// Whom we fetch it from, best first; a dropped one stays listed.
    pub sources: Vec<SourceView>,
    /// Who fetches it from us.
    pub receivers: Vec<ReceiverView>,
    /// Peers known to hold all of it, ourselves not counted.
    pub replicas: u32,
    /// At most 480 cells over the length of the content.
    pub map: Vec<Cell>,
}

/// One cell of the verified map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    NotYet,
    Asked,
    AskedTwice,
    Verified,
}

/// A peer we fetch from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceView {
    pub peer: String,
    pub state: SourceState,
    /// Verified bytes from it for this item.
    pub bytes: u64,
    pub rate: f64,
}

/// Where a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// Has it, or part of it; not asked at the moment.
    Idle,
    Active,
    /// It failed us or turned slow: what was asked of it is asked of others, and it is left alone for a while.
    Resting,
    /// Sent bytes that did not verify.
    Dropped,
    Left,
}

/// A peer that fetches from us.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiverView {
    pub peer: String,
    /// Bytes we sent it for this item.
    pub bytes: u64,
    /// Bytes it holds, as it told us.
    pub holds: u64,
    pub rate: f64,
}

/// One thing the person should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    pub code: Code,
    /// Age, ms.
    pub since_ms: u64,
    /// The peer or item it is about, if it is about one.
    pub subject: Option<String>,
}
