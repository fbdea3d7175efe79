//! The tree of a folder as rows of a list, and what is chosen of it.

use std::collections::BTreeSet;
use std::ops::Range;

/// One row: a folder, or a file in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its last component.
    pub name: String,
    /// How many folders it is in.
    pub depth: usize,
    /// The files it stands for, by their places in the index: itself, or all that are below it.
    pub first: u32,
    pub end: u32,
    /// Where their bytes begin in the folder: they are one run, as the files are.
    pub start: u64,
    /// Bytes of these files.
    pub bytes: u64,
    pub kind: RowKind,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    File,
    /// A folder; the rows up to this one are below it.
    Folder {
        rows_end: usize,
    },
}

/// The rows of a folder's files, as (path, place of its bytes), which come in the order of their paths.
pub fn rows<'a>(files: impl IntoIterator<Item = (&'a str, Range<u64>)>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // The folders that are open at this point, outermost first, as rows.
    let mut open: Vec<usize> = Vec::new();
    for ((path, range), place) in files.into_iter().zip(0u32..) {
        let (start, length) = (range.start, range.end - range.start);
        let is_folder = path.ends_with('/');
        let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let above = if is_folder { path.len() } else { path.len() - 1 };
        let shared = open.iter().zip(&path[..above]).take_while(|(row, name)| rows[**row].name == **name).count();
        close(&mut rows, &mut open, shared);
        for name in &path[shared..above] {
            open.push(rows.len());
            let (depth, kind) = (open.len() - 1, RowKind::Folder { rows_end: 0 });
            rows.push(Row { name: (*name).to_owned(), depth, first: place, end: place, start, bytes: 0, kind });
        }
        for row in &open {
            rows[*row].end = place + 1;
            rows[*row].bytes += length;
        }
        if !is_folder {
            let name = path[above].to_owned();
            let (depth, kind) = (open.len(), RowKind::File);
            rows.push(Row { name, depth, first: place, end: place + 1, start, bytes: length, kind });
        }
    }
    close(&mut rows, &mut open, 0);
    rows
}

fn close(rows: &mut [Row], open: &mut Vec<usize>, keep: usize) {
    let rows_end = rows.len();
    for row in open.drain(keep..) {
        rows[row].kind = RowKind::Folder { rows_end };
    }
}

/// The rows on screen, as their numbers: all but those below a folder that is closed, and at most `most`. With how many
/// more there are.
pub fn shown(rows: &[Row], closed: &BTreeSet<usize>, most: usize) -> (Vec<usize>, usize) {
    let (mut shown, mut more, mut at) = (Vec::new(), 0, 0);
    while let Some(row) = rows.get(at) {
        if shown.len() < most {
            shown.push(at);
        } else {
            more += 1;
        }
        at = match row.kind {
            RowKind::Folder { rows_end } if closed.contains(&at) => rows_end,
            RowKind::Folder { .. } | RowKind::File => at + 1,
        };
    }
    (shown, more)
}

/// The folders that are closed at first: below the first level, when all of it would not fit on a screen.
pub fn closed_at_first(rows: &[Row], fits: usize) -> BTreeSet<usize> {
    let is_folder = |row: &Row| matches!(row.kind, RowKind::Folder { .. });
    if rows.len() <= fits {
        return BTreeSet::new();
    }
    rows.iter().enumerate().filter(|(_, row)| is_folder(row)).map(|(at, _)| at).collect()
}

/// How much of a row is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    None,
    Some,
    All,
}

/// How much of `row` is chosen.
pub fn chosen(row: &Row, chosen: &BTreeSet<u32>) -> Chosen {
    let some = chosen.range(row.first..row.end).count() as u32;
    match some {
        0 => Chosen::None,
        some if some == row.end - row.first => Chosen::All,
        _ => Chosen::Some,
    }
}

/// The other choice for a row: nothing of it if all of it is chosen, and all of it otherwise.
pub fn toggle(row: &Row, chosen_files: &mut BTreeSet<u32>) {
    let all = chosen(row, chosen_files) == Chosen::All;
    for file in row.first..row.end {
        if all {
            chosen_files.remove(&file);
        } else {
            chosen_files.insert(file);
        }
    }
}

/// Whether a row is one entry of the index: a file, or a folder with nothing in it.
fn is_entry(row: &Row) -> bool {
    row.end - row.first == 1 && (row.kind == RowKind::File || row.bytes == 0)
}

/// The bytes of these files, as runs that do not touch.
pub fn bytes_of(rows: &[Row], files: &BTreeSet<u32>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for row in rows.iter().filter(|row| row.kind == RowKind::File && files.contains(&row.first)) {
        match runs.last_mut() {
            Some(last) if last.end == row.start => last.end += row.bytes,
            _ => runs.push(row.start..row.start + row.bytes),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The files whose bytes lie in these runs, which are in order and do not touch. What has no bytes always does.
pub fn files_in(rows: &[Row], runs: &[Range<u64>]) -> BTreeSet<u32> {
    let inside = |row: &&Row| {
        let at = runs.partition_point(|run| run.end <= row.start);
        row.bytes == 0 || runs.get(at).is_some_and(|run| run.start <= row.start && row.start + row.bytes <= run.end)
    };
    rows.iter().filter(|row| is_entry(row)).filter(inside).map(|row| row.first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birds() -> Vec<Row> {
        let files = [("a.txt", 1), ("fish/", 0), ("nest/deep/x", 10), ("nest/deep/y", 20), ("nest/egg", 5), ("z", 2)];
        let mut at = 100;
        rows(files.map(|(path, length)| {
            at += length;
            (path, at - length..at)
        }))
    }

    #[test]
    fn chosen_files_are_runs_of_bytes_and_these_runs_are_the_files() {
        let rows = birds();
        let whole = core::array::from_fn::<_, 1, _>(|_| 100..138);
        for (files, runs) in [
            (&[][..], &[][..]),
            (&[0, 3][..], &[100..101, 111..131][..]),
            (&[2, 3, 5][..], &[101..131, 136..138][..]),
            (&[0, 2, 3, 4, 5][..], &whole[..]),
        ] {
            let files: BTreeSet<u32> = files.iter().copied().collect();
            assert_eq!(bytes_of(&rows, &files), runs);
            let empty = BTreeSet::from([1]);
            assert_eq!(files_in(&rows, runs), files.union(&empty).copied().collect(), "{runs:?}");
        }
    }

    #[test]
    fn folders_come_before_what_is_in_them_and_know_how_much_that_is() {
        let said: Vec<(String, usize, u64, u32, u32)> =
            birds().into_iter().map(|row| (row.name, row.depth, row.bytes, row.first, row.end)).collect();
        let expected = [
            ("a.txt", 0, 1, 0, 1),
            ("fish", 0, 0, 1, 2),
            ("nest", 0, 35, 2, 5),
            ("deep", 1, 30, 2, 4),
            ("x", 2, 10, 2, 3),
            ("y", 2, 20, 3, 4),
            ("egg", 1, 5, 4, 5),
            ("z", 0, 2, 5, 6),
        ];
        assert_eq!(said, expected.map(|(name, depth, bytes, first, end)| (name.into(), depth, bytes, first, end)));
    }

    #[test]
    fn what_is_in_a_closed_folder_is_not_shown() {
        let rows = birds();
        assert_eq!(shown(&rows, &BTreeSet::from([2]), 10), (vec![0, 1, 2, 7], 0));
        assert_eq!(shown(&rows, &BTreeSet::from([3]), 4), (vec![0, 1, 2, 3], 2));
        assert_eq!(closed_at_first(&rows, 8), BTreeSet::new());
        assert_eq!(closed_at_first(&rows, 7), BTreeSet::from([1, 2, 3]));
    }

    #[test]
    fn choosing_a_folder_chooses_what_is_in_it() {
        let (rows, mut files) = (birds(), BTreeSet::new());
        toggle(&rows[3], &mut files);
        assert_eq!(files, BTreeSet::from([2, 3]));
        assert_eq!((chosen(&rows[2], &files), chosen(&rows[3], &files)), (Chosen::Some, Chosen::All));
        toggle(&rows[2], &mut files);
        assert_eq!(files, BTreeSet::from([2, 3, 4]));
        toggle(&rows[2], &mut files);
        assert!(files.is_empty());
    }
}
