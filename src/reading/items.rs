//! What the screen says about one item: its hooks, its name, where it stands, what can be done with it.

use crate::format::{count, duration, part_of, size};
use crate::words;
use content::ContentId;
use protocol::snapshot::{Direction, SourceState, TransferState, TransferView};
use protocol::{Code, Keeping};

/// The attributes of `transfer`, as tests read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Hooks {
    pub content_id: String,
    pub direction: &'static str,
    pub state: &'static str,
    pub bytes: u64,
    pub total: Option<u64>,
    pub wanted: Option<u64>,
    pub sources: usize,
    pub error: Option<&'static str>,
}

/// The attributes of an item.
pub fn hooks(item: &TransferView) -> Hooks {
    Hooks {
        content_id: item.content_id.clone(),
        direction: match item.direction {
            Direction::Share => "share",
            Direction::Fetch => "fetch",
        },
        state: match item.state {
            TransferState::Preparing => "preparing",
            TransferState::Waiting => "waiting",
            TransferState::Active => "active",
            TransferState::Paused => "paused",
            TransferState::Done => "done",
            TransferState::Failed => "failed",
        },
        bytes: item.bytes,
        total: item.total,
        wanted: item.wanted,
        sources: item.sources.iter().filter(|s| !matches!(s.state, SourceState::Dropped | SourceState::Left)).count(),
        error: item.error.map(protocol::Code::as_str),
    }
}

/// What an item is called before and after its name is known.
pub fn title(item: &TransferView) -> String {
    match (item.name.is_empty(), item.total) {
        (false, _) => item.name.clone(),
        (true, Some(_)) if item.locked => "Something private".into(),
        (true, None) => "Something you were sent".into(),
        (true, Some(_)) => "Without a name".into(),
    }
}

/// Bytes that are to be here in the end: all, or those of the files that were chosen.
pub fn goal(item: &TransferView) -> Option<u64> {
    item.wanted.or(item.total)
}

/// Where an item stands, in one line.
pub fn state_line(item: &TransferView) -> String {
    let length = item.total.map(size).unwrap_or_default();
    let of = |item: &TransferView| goal(item).map(|total| part_of(item.bytes, total)).unwrap_or_default();
    match (item.direction, item.state) {
        (Direction::Share, TransferState::Preparing | TransferState::Waiting | TransferState::Active)
            if item.content_id.is_empty() =>
        {
            format!("Reading {}", of(item))
        }
        (Direction::Share, TransferState::Failed) | (Direction::Fetch, TransferState::Failed) => {
            item.error.map_or("Failed".into(), |code| words::sentence(code).title.into())
        }
        (Direction::Share, _) => match item.took_ms {
            Some(ms) => format!("{length}. Checked and ready in {}.", duration(ms)),
            None => format!("{length}. Ready."),
        },
        (Direction::Fetch, TransferState::Preparing) => "Looking for somebody who has it".into(),
        (Direction::Fetch, TransferState::Waiting) if item.asks => format!("{length}. Starts when you say so."),
        (Direction::Fetch, TransferState::Waiting) => match item.error {
            Some(code) => words::sentence(code).title.into(),
            None => "Waiting for somebody who has it".into(),
        },
        (Direction::Fetch, TransferState::Active) if item.elsewhere => {
            format!("{} verified, fetched by another tab of yours", of(item))
        }
        (Direction::Fetch, TransferState::Active) => format!("{} verified", of(item)),
        (Direction::Fetch, TransferState::Paused) => format!("Paused at {}", of(item)),
        (Direction::Fetch, TransferState::Done) if item.locked => {
            format!("{length}, encrypted. Open its link again to read it.")
        }
        (Direction::Fetch, TransferState::Done) if item.wanted.is_some() => {
            format!("{} of {length}: the files you chose. Every chunk was checked.", size(item.bytes))
        }
        (Direction::Fetch, TransferState::Done) => match item.took_ms {
            Some(ms) => format!("{length} in {}. Every chunk was checked.", duration(ms)),
            None => format!("{length}. Every chunk was checked."),
        },
    }
}

/// What is said aloud when an item changes its state, and at no other time.
pub fn said(item: &TransferView) -> String {
    let happened = match (item.direction, item.state) {
        (Direction::Share, TransferState::Failed) | (Direction::Fetch, TransferState::Failed) => "failed",
        (Direction::Share, _) if item.content_id.is_empty() => "is being read",
        (Direction::Share, _) => "is ready to be shared",
        (Direction::Fetch, TransferState::Preparing) => "is being looked for",
        (Direction::Fetch, TransferState::Waiting) if item.asks => "waits for your yes",
        (Direction::Fetch, TransferState::Waiting) => "waits for somebody who has it",
        (Direction::Fetch, TransferState::Active) => "is being fetched",
        (Direction::Fetch, TransferState::Paused) => "is paused",
        (Direction::Fetch, TransferState::Done) if item.wanted.is_some() => "is here as far as you chose",
        (Direction::Fetch, TransferState::Done) => "is here, and every chunk was checked",
    };
    format!("{} {happened}", title(item))
}

/// The content id of an item, once it has one.
pub fn id_of(item: &TransferView) -> Option<ContentId> {
    item.content_id.parse().ok()
}

/// The one folder that all `paths` are in, if they are in one.
pub fn common_folder<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut paths = paths.into_iter();
    let (folder, _) = paths.next()?.split_once('/')?;
    let inside = |path: &str| path.split_once('/').is_some_and(|(other, _)| other == folder);
    paths.all(inside).then(|| folder.to_owned())
}

/// What can be done with an item in its state, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    /// Give up reading, or put away what could not be read.
    pub cancel: bool,
    pub copy_link: bool,
    pub accept: bool,
    pub pause: bool,
    pub resume: bool,
    pub save: bool,
    /// The click that the browser wants before it reads the file again.
    pub regain: bool,
    pub anew: Option<Anew>,
    /// There is no room on the device, and memory could take it.
    pub in_memory: bool,
    /// Whether it stays when room is made, where that can be said.
    pub pinned: Option<bool>,
    pub remove: bool,
}

/// How a file that has changed is shared as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anew {
    /// The browser remembers it.
    AtOnce,
    /// The person has to choose it again.
    Choose,
}

/// The actions that make sense now.
pub fn actions(item: &TransferView) -> Actions {
    let known = !item.content_id.is_empty();
    let fetch = item.direction == Direction::Fetch;
    Actions {
        cancel: !fetch && !known,
        copy_link: known && !item.locked && item.state != TransferState::Failed,
        accept: item.asks,
        // What another tab fetches is stopped there.
        pause: fetch
            && matches!(item.state, TransferState::Active | TransferState::Waiting)
            && !item.asks
            && !item.elsewhere,
        resume: fetch && matches!(item.state, TransferState::Paused | TransferState::Failed),
        save: fetch && item.state == TransferState::Done && !item.locked,
        regain: !fetch && item.error == Some(Code::PermissionNeeded),
        anew: (!fetch && known && item.error == Some(Code::FileChanged)).then_some(match item.keeping {
            Some(Keeping::File) => Anew::AtOnce,
            Some(Keeping::Device | Keeping::Tab) | None => Anew::Choose,
        }),
        in_memory: item.fits_memory,
        pinned: item.pinned,
        remove: known,
    }
}

/// What happened to an item, in a sentence or three.
pub fn numbers(item: &TransferView) -> String {
    let mut said = Vec::new();
    if let Some(ms) = item.first_byte_ms {
        said.push(format!("First verified byte after {}.", duration(ms)));
    }
    match item.replicas {
        0 => said.push("Nobody else here has all of it.".into()),
        n => said.push(format!(
            "{} here {} all of it.",
            count(n as usize, "peer", "peers"),
            if n == 1 { "has" } else { "have" }
        )),
    }
    if item.direction == Direction::Fetch && item.bytes > 0 {
        said.push(match item.wasted {
            0 => "Every square was checked against the link before it was kept. Nothing was thrown away.".into(),
            n => format!("Every square was checked against the link before it was kept. {} thrown away.", size(n)),
        });
    }
    if let Some(keeping) = item.keeping.filter(|_| item.state != TransferState::Failed) {
        said.push(words::keeping(keeping, item.direction == Direction::Share).into());
    }
    if item.pinned == Some(true) {
        said.push("Pinned: it stays when room is made for others.".into());
    }
    said.join(" ")
}

/// Bytes of an item that this tab holds for others; a share stays on the disk it came from.
pub fn held(item: &TransferView) -> Option<u64> {
    (item.direction == Direction::Fetch).then_some(item.bytes).or(item.total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::fixture::{fetch, share};

    #[test]
    fn a_file_that_is_read_has_no_link_to_copy() {
        let reading = TransferView { content_id: String::new(), state: TransferState::Preparing, ..share(1) };
        assert!(!actions(&reading).copy_link && !actions(&reading).remove && actions(&reading).cancel);
        assert!(!actions(&share(1)).cancel && !actions(&fetch(1)).cancel);
        assert!(state_line(&reading).starts_with("Reading "));
        assert!(actions(&share(1)).copy_link);
    }

    #[test]
    fn only_a_finished_fetch_can_be_saved() {
        for state in [
            TransferState::Preparing,
            TransferState::Waiting,
            TransferState::Active,
            TransferState::Paused,
            TransferState::Failed,
            TransferState::Done,
        ] {
            let item = TransferView { state, ..fetch(1) };
            assert_eq!(actions(&item).save, state == TransferState::Done, "{state:?}");
        }
        assert!(!actions(&share(1)).save);
    }

    #[test]
    fn an_item_that_asks_offers_its_yes_and_no_pause() {
        let asking = TransferView { state: TransferState::Waiting, asks: true, ..fetch(1) };
        assert!(actions(&asking).accept && !actions(&asking).pause);
    }

    #[test]
    fn what_another_tab_fetches_says_so_and_is_stopped_there() {
        let elsewhere = TransferView { elsewhere: true, ..fetch(1) };
        assert!(state_line(&elsewhere).contains("another tab") && !actions(&elsewhere).pause);
        assert!(actions(&fetch(1)).pause);
        let stopped = TransferView { state: TransferState::Paused, ..elsewhere };
        assert!(actions(&stopped).resume);
    }

    #[test]
    fn a_file_that_changed_is_shared_anew_at_once_only_where_it_is_remembered() {
        let changed = TransferView { state: TransferState::Failed, error: Some(Code::FileChanged), ..share(1) };
        assert_eq!(actions(&changed).anew, Some(Anew::Choose));
        let remembered = TransferView { keeping: Some(Keeping::File), ..changed };
        assert_eq!(actions(&remembered).anew, Some(Anew::AtOnce));
        assert!(!actions(&remembered).copy_link, "its link names bytes that are gone");
        assert_eq!(actions(&share(1)).anew, None);
    }

    #[test]
    fn an_item_that_waits_says_what_for() {
        let waiting = TransferView { state: TransferState::Waiting, error: Some(Code::NoProvider), ..fetch(1) };
        assert_eq!(state_line(&waiting), words::sentence(Code::NoProvider).title);
        assert_eq!(hooks(&waiting).error, Some("no-provider"));
        assert_eq!(hooks(&waiting).state, "waiting");
    }

    #[test]
    fn a_folder_of_which_some_files_were_chosen_counts_towards_those() {
        let item = TransferView { folder: true, wanted: Some(1 << 19), state: TransferState::Done, ..fetch(1) };
        assert!(state_line(&item).contains("the files you chose") && actions(&item).save);
        assert_ne!(said(&item), said(&TransferView { wanted: None, ..item.clone() }));
        let running = TransferView { state: TransferState::Active, bytes: 1 << 18, ..item };
        let whole = TransferView { wanted: None, ..running.clone() };
        assert_eq!((goal(&running), goal(&whole)), (Some(1 << 19), Some(1 << 20)));
        assert_ne!(state_line(&running), state_line(&whole));
    }

    #[test]
    fn sources_that_left_are_listed_but_not_counted() {
        let mut item = fetch(1);
        assert_eq!(hooks(&item).sources, 2);
        item.sources[0].state = SourceState::Dropped;
        assert_eq!(hooks(&item).sources, 1);
    }

    #[test]
    fn what_is_locked_is_neither_saved_nor_handed_on() {
        let locked =
            TransferView { private: true, locked: true, name: String::new(), state: TransferState::Done, ..fetch(1) };
        assert_eq!(title(&locked), "Something private");
        assert!(!actions(&locked).save && !actions(&locked).copy_link && actions(&locked).remove);
        assert!(state_line(&locked).contains("Open its link"));
    }

    #[test]
    fn files_of_one_folder_are_called_by_it() {
        assert_eq!(common_folder(["birds/a", "birds/b/c", "birds/d/"]).as_deref(), Some("birds"));
        assert_eq!(common_folder(["birds/"]).as_deref(), Some("birds"));
        for apart in [&["a", "b"][..], &["birds/a", "b"], &["birds/a", "fish/a"], &[]] {
            assert_eq!(common_folder(apart.iter().copied()), None, "{apart:?}");
        }
    }

    #[test]
    fn what_is_said_aloud_does_not_change_with_every_byte() {
        let more = TransferView { bytes: fetch(1).bytes + 16_384, ..fetch(1) };
        assert_eq!(said(&fetch(1)), said(&more));
        assert_ne!(state_line(&TransferView { bytes: 0, ..fetch(1) }), state_line(&more));
    }
}
