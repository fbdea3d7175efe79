//! The only bridge between the node and the screen: commands go in, snapshots come out as signals.
//!
//! Two clocks. `live` follows every snapshot (at most ten a second) and moves bars, maps, specks and the attributes that
//! tests read. `calm` changes at most once a second unless something happened, and feeds every number a person reads.
//! Views never hold a snapshot: they read slices of one through memos, so only what changed is drawn again.

use crate::dropped::{self, Found};
use crate::format::count;
use crate::reading;
use content::ContentId;
use leptos::prelude::*;
use protocol::snapshot::{AllowanceView, ChainView, CreditView, LearningView, Status, Totals};
use protocol::{Code, Command, Snapshot};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use web_sys::{Blob, File, FileSystemDirectoryHandle, FileSystemFileHandle};

/// Numbers a person reads change at most this often, ms.
const CALM_MS: f64 = 1000.0;

/// The node as the views see it. Cheap to copy; the same one everywhere (see [`use_bridge`]).
#[derive(Clone, Copy, Debug)]
pub struct Bridge {
    live: RwSignal<Arc<Snapshot>>,
    calm: RwSignal<Arc<Snapshot>>,
    calmed_at: StoredValue<f64>,
    /// Names of files that wait for the node to start.
    waiting: RwSignal<Vec<String>>,
    private: RwSignal<bool>,
    choices: RwSignal<Choices>,
    node: StoredValue<Node, LocalStorage>,
}

/// What is fetched of folders of which it is not all: their bytes as runs (first, end), by content id.
pub(crate) type Choices = BTreeMap<String, Vec<(u64, u64)>>;

/// The node itself, or what to tell it first.
#[derive(Debug)]
enum Node {
    Waiting(Vec<Wish>),
    Running { handle: node::Handle, _subscription: node::Subscription },
}

#[derive(Debug)]
enum Wish {
    Command(Command),
    Share { found: Found, private: bool, handle: Option<FileSystemFileHandle> },
}

/// The bridge of this page.
pub(crate) fn use_bridge() -> Bridge {
    expect_context()
}

impl Default for Bridge {
    fn default() -> Self {
        let nothing = Arc::new(nothing_yet());
        Self {
            live: RwSignal::new(nothing.clone()),
            calm: RwSignal::new(nothing),
            calmed_at: StoredValue::new(f64::NEG_INFINITY),
            waiting: RwSignal::new(Vec::new()),
            private: RwSignal::new(false),
            choices: RwSignal::new(Choices::new()),
            node: StoredValue::new_local(Node::Waiting(Vec::new())),
        }
    }
}

impl Bridge {
    /// Starts the node and hands it everything that was asked for before.
    ///
    /// # Errors
    /// What the node could not start with.
    pub fn start(self, config: node::Config) -> Result<(), node::StartError> {
        let handle = node::start(config)?;
        let subscription = handle.subscribe(move |snapshot| self.show(snapshot));
        self.show(handle.snapshot());
        let running = Node::Running { handle: handle.clone(), _subscription: subscription };
        let before = self.node.try_update_value(|node| core::mem::replace(node, running));
        if let Some(Node::Waiting(wishes)) = before {
            for wish in wishes {
                perform(&handle, wish);
            }
        }
        self.waiting.set(Vec::new());
        Ok(())
    }

    /// Draws a snapshot.
    pub fn show(self, snapshot: Arc<Snapshot>) {
        let now = crate::browser::now();
        let happened = self.calm.with_untracked(|calm| events(calm) != events(&snapshot));
        if happened || now - self.calmed_at.get_value() >= CALM_MS {
            self.calmed_at.set_value(now);
            self.calm.set(snapshot.clone());
        }
        self.live.set(snapshot);
    }

    /// Asks for something in the person's name.
    pub(crate) fn command(self, command: Command) {
        let fetched = match &command {
            Command::Fetch { id } | Command::FetchPrivate { id, .. } => Some(*id),
            Command::Remove { id } => {
                let id = id.to_string();
                if self.choices.with_untracked(|choices| choices.contains_key(&id)) {
                    self.choices.update(|choices| drop(choices.remove(&id)));
                }
                None
            }
            _ => None,
        };
        self.wish(Wish::Command(command));
        if let Some(id) = fetched {
            self.repeat_choice(id);
        }
    }

    /// What is fetched of folders, where it is not all.
    pub(crate) fn choices(self) -> RwSignal<Choices> {
        self.choices
    }

    /// Fetches these bytes of an item from now on, or all of it.
    pub(crate) fn want(self, id: ContentId, parts: Option<Vec<Range<u64>>>) {
        self.choices.update(|choices| {
            let runs = parts.as_ref().map(|parts| parts.iter().map(|part| (part.start, part.end)).collect());
            match runs {
                Some(runs) => drop(choices.insert(id.to_string(), runs)),
                None => drop(choices.remove(&id.to_string())),
            }
        });
        self.wish(Wish::Command(Command::Want { id, parts }));
    }

    /// Tells the node what the person chose of this item before, if it is not all.
    pub(crate) fn repeat_choice(self, id: ContentId) {
        let runs = self.choices.with_untracked(|choices| choices.get(&id.to_string()).cloned());
        if let Some(runs) = runs {
            let parts = Some(runs.into_iter().map(|(start, end)| start..end).collect());
            self.wish(Wish::Command(Command::Want { id, parts }));
        }
    }

    /// Shares files, by one link; before the node has started they wait.
    pub(crate) fn share(self, files: Vec<File>) {
        self.share_found(dropped::of_files(files), None);
    }

    /// As [`share`](Self::share), with folders among them. `handle` is what the browser remembers a single file by.
    pub(crate) fn share_found(self, found: Found, handle: Option<FileSystemFileHandle>) {
        if found.is_empty() {
            return;
        }
        if self.node.with_value(|node| matches!(node, Node::Waiting(_))) {
            self.waiting.update(|names| names.extend(found.iter().map(|(path, _)| path.clone())));
        }
        self.wish(Wish::Share { found, private: self.private.get_untracked(), handle });
    }

    /// Whether what is shared from now on gets a private link.
    pub(crate) fn private(self) -> RwSignal<bool> {
        self.private
    }

    fn wish(self, wish: Wish) {
        self.node.update_value(|node| match node {
            Node::Waiting(wishes) => wishes.push(wish),
            Node::Running { handle, .. } => perform(handle, wish),
        });
    }

    /// Fetches the operator's sample.
    pub(crate) fn fetch_sample(self, url: String, id: ContentId) {
        if let Some(handle) = self.handle() {
            handle.fetch_sample(url, id);
        }
    }

    /// The bytes of a finished item.
    pub(crate) async fn bytes_of(self, id: ContentId) -> Result<Blob, Code> {
        match self.handle() {
            Some(handle) => handle.save(id).await,
            None => Err(Code::NoProvider),
        }
    }

    /// Writes a finished item into a file that the person picked.
    pub(crate) async fn save_as(self, id: ContentId, file: FileSystemFileHandle) -> Result<(), Code> {
        self.handle().ok_or(Code::NoProvider)?.save_as(id, &file).await
    }

    /// An item, open for reading; `None` before the node runs.
    pub(crate) async fn open(self, id: ContentId) -> Option<Result<node::streaming::Reader, Code>> {
        match self.handle() {
            Some(handle) => Some(handle.open(id).await),
            None => None,
        }
    }

    /// The files of a folder, once its index is here.
    pub(crate) async fn folder_files(self, id: ContentId) -> Result<Vec<node::FolderFile>, Code> {
        self.handle().ok_or(Code::NoProvider)?.folder_files(id).await
    }

    /// Chosen files of a finished folder as an archive.
    pub(crate) async fn zip_of(self, id: ContentId, chosen: Option<Vec<Range<u32>>>) -> Result<Blob, Code> {
        self.handle().ok_or(Code::NoProvider)?.save_zip(id, chosen.as_deref()).await
    }

    /// One file of a finished folder.
    pub(crate) async fn file_of(self, id: ContentId, place: u32) -> Result<Blob, Code> {
        self.handle().ok_or(Code::NoProvider)?.save_file(id, place).await
    }

    /// Writes chosen files of a finished folder into a directory.
    pub(crate) async fn save_into(
        self,
        id: ContentId,
        chosen: Option<Vec<Range<u32>>>,
        directory: FileSystemDirectoryHandle,
        progress: impl FnMut(usize, usize),
    ) -> Result<String, Code> {
        self.handle().ok_or(Code::NoProvider)?.save_into(id, chosen.as_deref(), directory, progress).await
    }

    /// What this browser allows; `None` before the node runs.
    pub(crate) async fn checks(self) -> Option<node::Checks> {
        match self.handle() {
            Some(handle) => Some(handle.checks().await),
            None => None,
        }
    }

    fn handle(self) -> Option<node::Handle> {
        self.node.with_value(|node| match node {
            Node::Waiting(_) => None,
            Node::Running { handle, .. } => Some(handle.clone()),
        })
    }

    /// Files that wait for the node to start.
    pub(crate) fn waiting(self) -> ReadSignal<Vec<String>> {
        self.waiting.read_only()
    }

    /// The newest snapshot, for code outside of views.
    pub(crate) fn newest(self) -> Arc<Snapshot> {
        self.live.get_untracked()
    }

    /// Calls `each` with every snapshot to come, for code outside of views.
    pub(crate) fn every(self, each: impl Fn(Arc<Snapshot>) + 'static) -> Effect<LocalStorage> {
        Effect::new(move |_| each(self.live.get()))
    }

    /// A slice of every snapshot: for what moves, and for attributes.
    pub(crate) fn live<T: PartialEq + Send + Sync + 'static>(
        self,
        slice: impl Fn(&Snapshot) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        slice_of(self.live, Box::new(slice))
    }

    /// A slice that changes at most once a second unless something happened: for what is read.
    pub(crate) fn calm<T: PartialEq + Send + Sync + 'static>(
        self,
        slice: impl Fn(&Snapshot) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        slice_of(self.calm, Box::new(slice))
    }
}

/// Boxed, so that there is one copy of a memo's code for every type of slice, not for every slice: a twentieth of the page.
fn slice_of<T: PartialEq + Send + Sync + 'static>(
    snapshots: RwSignal<Arc<Snapshot>>,
    slice: Box<dyn Fn(&Snapshot) -> T + Send + Sync>,
) -> Memo<T> {
    Memo::new(move |_| snapshots.with(|snapshot| slice(snapshot)))
}

fn perform(handle: &node::Handle, wish: Wish) {
    match wish {
        Wish::Command(command) => handle.command(command),
        Wish::Share { found, private, handle: remembered } => {
            if let Err(code) = share(handle, found, private, remembered) {
                handle.notice(code);
            }
        }
    }
}

/// One file is shared as itself; several, or a folder, as one folder.
fn share(
    handle: &node::Handle,
    mut found: Found,
    private: bool,
    remembered: Option<FileSystemFileHandle>,
) -> Result<(), Code> {
    if let [(path, Some(file))] = &found[..]
        && !path.contains('/')
    {
        let file = file.clone();
        if private {
            return handle.share_privately(file).map(|_token| ());
        }
        handle.share(file, remembered);
        return Ok(());
    }
    let name = reading::items::common_folder(found.iter().map(|(path, _)| path.as_str()));
    if let Some(name) = &name {
        for (path, _) in &mut found {
            path.drain(..=name.len());
        }
        // The folder itself, when there is nothing in it.
        found.retain(|(path, _)| !path.is_empty());
    }
    let name = name.unwrap_or_else(|| count(found.len(), "file", "files"));
    handle.share_folder(name, found, private).map(|_token| ())
}

/// What must reach the reader at once: who is here, by which path, and where every item stands.
fn events(snapshot: &Snapshot) -> impl PartialEq + '_ {
    (
        snapshot.status,
        (snapshot.pass_on, snapshot.allowance.caps, snapshot.metered, snapshot.learning.on),
        &snapshot.me,
        snapshot.relays.iter().map(|relay| (relay.state, relay.rtt_ms.is_some())).collect::<Vec<_>>(),
        snapshot
            .peers
            .iter()
            .map(|peer| (&peer.peer, peer.path, peer.stage, peer.failure, peer.rtt_ms.is_some()))
            .collect::<Vec<_>>(),
        snapshot
            .transfers
            .iter()
            .map(|item| {
                (
                    item.key,
                    item.state,
                    item.error,
                    (item.keeping, item.pinned, item.fits_memory, item.elsewhere),
                    item.asks,
                    item.total,
                    item.sources.len(),
                    item.receivers.len(),
                )
            })
            .collect::<Vec<_>>(),
        snapshot.notices.iter().map(|notice| notice.code).collect::<Vec<_>>(),
        (snapshot.chain.state, snapshot.chain.height),
        (snapshot.credit.account.state, snapshot.credit.ledger.as_ref().map(|ledger| ledger.balance)),
    )
}

/// Before the node has said anything: no peers, no items, and the word "starting".
fn nothing_yet() -> Snapshot {
    Snapshot {
        me: String::new(),
        status: Status::Starting,
        uptime_ms: 0,
        relays: Vec::new(),
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
