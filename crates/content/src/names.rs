//! Names from strangers, made fit for any disk.
//!
//! A folder's index keeps the names its sharer has ([`crate::folder`]); this file decides under which names they
//! are saved. Nothing here trusts the platform it runs on: what one system takes and another does not is
//! replaced everywhere, so that the same folder is saved under the same names wherever it is opened.
//!
//! Refused or replaced: everything that climbs (`..`, `/`, `\`, drive letters), what Windows takes for a device
//! (`con.txt`), for a stream (`a:b`) or silently cuts (trailing dots and spaces), controls, direction overrides,
//! endings that a desktop runs when it only shows them, and names that two systems hold for one: they differ in
//! case, in Unicode normalisation, or in characters nobody sees.
//!
//! Invariants: a portable name is its own portable name; no two places of one folder have the same clash key in
//! one parent, files and folders together; a place has as many components as the path it is for.
//!
//! The tables of Unicode are lent by the caller ([`Nfd`]): every browser has them, so a page need not bring its own.
//!
//! Sources: Microsoft, "Naming Files, Paths, and Namespaces"; UAX #15; the ignorable characters of CVE-2014-9390.

use crate::manifest::{NAME_LEN_MAX, is_name_char};
use std::collections::{BTreeMap, BTreeSet};

/// Canonical decomposition (UAX #15, form D) of a text, by whoever has the tables. What is assigned in a version of
/// Unicode decomposes alike in all later ones, so two hosts differ in newer characters at most.
pub type Nfd = fn(&str) -> String;

/// Takes the place of what a name may not hold.
const REPLACEMENT: char = '_';

/// An extension longer than this is cut like the rest of the name.
const EXTENSION_LEN_MAX: usize = 16;

/// Windows opens a device under these names, whatever extension follows.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Devices with a number, which may be written as a superscript.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// A desktop follows files with these endings when it merely lists their folder. Browsers refuse to write them.
const FOLLOWED: [&str; 4] = ["lnk", "local", "scf", "url"];

/// The name under which one file or folder called `name` can be saved anywhere: one component, at most
/// [`NAME_LEN_MAX`] bytes, never empty.
pub fn portable(name: &str) -> String {
    let replaced: String = name.chars().map(|c| if is_portable_char(c) { c } else { REPLACEMENT }).collect();
    let mut name = off_the_end(&shorten(&replaced, NAME_LEN_MAX - 1));
    if let Some(stem) = device_stem(&name) {
        name.insert(stem, REPLACEMENT);
    }
    if name.rsplit_once('.').is_some_and(|(_, end)| FOLLOWED.iter().any(|known| end.eq_ignore_ascii_case(known))) {
        name.push(REPLACEMENT);
    }
    name
}

/// What two names have in common when some disk takes them for the same.
pub fn clash_key(name: &str, nfd: Nfd) -> String {
    let seen: String = nfd(name).chars().filter(|&c| !is_unseen(c)).collect();
    // By way of upper case: it joins what lower case alone keeps apart (ß and SS, ſ and S, final sigma).
    nfd(&seen.to_uppercase().to_lowercase())
}

/// Where each of `paths` is saved: portable names, clashes numbered in the order given (`a.txt`, `A (2).txt`).
///
/// Paths are components joined by `/`; one that ends with `/` is a folder with nothing in it, and so is its
/// place. The work is in proportion to the text, whatever the names.
pub fn places<'a>(paths: impl IntoIterator<Item = &'a str>, nfd: Nfd) -> Vec<String> {
    Tree::new(portable, Some(nfd)).place_all(paths)
}

/// As [`places`], but only as strict as an index is: for what a sharer's own disk holds.
pub(crate) fn paths_for_an_index<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    Tree::new(indexable, None).place_all(paths)
}

/// The nearest component that an index can hold.
fn indexable(name: &str) -> String {
    let replaced: String = name.chars().map(|c| if is_name_char(c) { c } else { REPLACEMENT }).collect();
    match shorten(&replaced, NAME_LEN_MAX) {
        name if matches!(name.as_str(), "" | "." | "..") => REPLACEMENT.to_string(),
        name => name,
    }
}

/// Cuts `name` to `len_max` bytes between characters, keeping a short extension.
pub(crate) fn shorten(name: &str, len_max: usize) -> String {
    if name.len() <= len_max {
        return name.to_owned();
    }
    let (_, extension) = split_extension(name);
    let mut end = len_max.saturating_sub(extension.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &name[..end])
}

/// The stem, and a short extension with its dot.
fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= EXTENSION_LEN_MAX => name.split_at(dot),
        Some(_) | None => (name, ""),
    }
}

/// Windows cuts dots and spaces off the end, so that `..` with a space climbs and `con.` is a device.
fn off_the_end(name: &str) -> String {
    let kept = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if kept.len() == name.len() && !name.is_empty() { name.to_owned() } else { format!("{kept}{REPLACEMENT}") }
}

/// Where the name of a device ends in `name`, if it is one.
fn device_stem(name: &str) -> Option<usize> {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let lower = stem.to_lowercase();
    let numbered = NUMBERED_DEVICES.iter().any(|device| {
        let number = lower.strip_prefix(device).unwrap_or_default();
        let mut digits = number.chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    (numbered || DEVICES.contains(&lower.as_str())).then_some(stem.len())
}

/// What every system takes in a name. Marks of direction go as well as overrides: a name shown from the right
/// hides its extension.
fn is_portable_char(c: char) -> bool {
    let refused =
        matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}');
    is_name_char(c) && !refused
}

/// Characters that some file systems leave out of a comparison, and no screen shows.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// A folder while its names are given out.
struct Tree {
    clean: fn(&str) -> String,
    /// Names clash by their clash keys; without the tables only when they are the same.
    nfd: Option<Nfd>,
    /// The number of the folder under each (parent, name as the sharer has it). The top is number 0.
    folders: BTreeMap<(usize, String), usize>,
    /// Each folder's own place, with a slash at its end; the top's is empty.
    places: Vec<String>,
    taken: BTreeSet<(usize, String)>,
    /// Where to go on counting for (parent, clash key), so that many clashes do not count from the start each.
    next: BTreeMap<(usize, String), u32>,
}

impl Tree {
    fn new(clean: fn(&str) -> String, nfd: Option<Nfd>) -> Self {
        Self {
            clean,
            nfd,
            folders: BTreeMap::new(),
            places: vec![String::new()],
            taken: BTreeSet::new(),
            next: BTreeMap::new(),
        }
    }

    fn place_all<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        paths.into_iter().map(|path| self.place(path)).collect()
    }

    fn place(&mut self, path: &str) -> String {
        let (path, is_folder) = path.strip_suffix('/').map_or((path, false), |path| (path, true));
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut parent = 0;
        if !above.is_empty() {
            for component in above.split('/') {
                parent = self.folder(parent, component);
            }
        }
        if is_folder {
            let folder = self.folder(parent, name);
            return self.places[folder].clone();
        }
        let name = self.name(parent, name);
        format!("{}{name}", self.places[parent])
    }

    fn folder(&mut self, parent: usize, name: &str) -> usize {
        let key = (parent, name.to_owned());
        if let Some(&known) = self.folders.get(&key) {
            return known;
        }
        let name = self.name(parent, name);
        self.places.push(format!("{}{name}/", self.places[parent]));
        self.folders.insert(key, self.places.len() - 1);
        self.places.len() - 1
    }

    fn key(&self, name: &str) -> String {
        self.nfd.map_or_else(|| name.to_owned(), |nfd| clash_key(name, nfd))
    }

    /// A name of its own in `parent`, as near to `wish` as can be.
    fn name(&mut self, parent: usize, wish: &str) -> String {
        let clean = (self.clean)(wish);
        let key = self.key(&clean);
        if self.taken.insert((parent, key.clone())) {
            return clean;
        }
        let (stem, extension) = split_extension(&clean);
        let mut number = self.next.get(&(parent, key.clone())).copied().unwrap_or(2);
        loop {
            let suffix = format!(" ({number}){extension}");
            let name = format!("{}{suffix}", shorten_stem(stem, NAME_LEN_MAX - 1 - suffix.len()));
            number += 1;
            if self.taken.insert((parent, self.key(&name))) {
                self.next.insert((parent, key), number);
                return name;
            }
        }
    }
}

fn shorten_stem(stem: &str, len_max: usize) -> &str {
    let mut end = stem.len().min(len_max);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    &stem[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nfd(text: &str) -> String {
        icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned()
    }

    #[test]
    fn names_that_no_disk_minds_stay_as_they_are() {
        for name in
            ["a", ".profile", "photo 1.jpeg", "Étourneau 椋鳥.png", "शब्द", "👩‍👧", "a..b", "common.txt", "com10", "x_"]
        {
            assert_eq!(portable(name), name);
        }
    }

    #[test]
    fn what_climbs_or_names_a_drive_or_a_stream_is_replaced() {
        for (name, safe) in [
            ("", "_"),
            (".", "_"),
            ("..", "_"),
            (".. ", "_"),
            ("...", "_"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:", "C_"),
            ("c:\\boot.ini", "c__boot.ini"),
            ("a.txt:hidden", "a.txt_hidden"),
            ("what?*.txt", "what__.txt"),
        ] {
            assert_eq!(portable(name), safe, "{name:?}");
        }
    }

    #[test]
    fn names_of_devices_and_what_windows_cuts_off_are_changed() {
        for (name, safe) in [
            ("con", "con_"),
            ("CON.txt", "CON_.txt"),
            ("nul.tar.gz", "nul_.tar.gz"),
            ("aux .c", "aux_ .c"),
            ("Com1", "Com1_"),
            ("lpt².log", "lpt²_.log"),
            ("CONOUT$", "CONOUT$_"),
            ("con.", "con_"),
            ("name.", "name_"),
            ("name. .", "name_"),
            ("name\u{a0}", "name_"),
            ("run.lnk", "run.lnk_"),
            ("a.URL", "a.URL_"),
        ] {
            assert_eq!(portable(name), safe, "{name:?}");
        }
    }

    #[test]
    fn controls_and_directions_do_not_survive() {
        assert_eq!(portable("x\u{202e}fdp.exe"), "x_fdp.exe");
        assert_eq!(portable("a\nb\0c\u{7f}\u{85}"), "a_b_c__");
        assert_eq!(portable("a\u{200f}b\u{2066}c"), "a_b_c");
    }

    #[test]
    fn long_names_keep_their_extension_and_fit() {
        let cut = portable(&format!("{}.jpeg", "椋".repeat(200)));
        assert!(cut.ends_with("椋.jpeg") && (250..=255).contains(&cut.len()), "{}", cut.len());
        let both =
            places([format!("{}.jpeg", "n".repeat(400)).as_str(), format!("{}.jpeg", "n".repeat(500)).as_str()], nfd);
        assert!(both[0] != both[1] && both.iter().all(|name| name.len() <= NAME_LEN_MAX), "{both:?}");
    }

    #[test]
    fn names_that_some_disk_takes_for_one_are_numbered() {
        let composed = "Caf\u{e9}.txt";
        let decomposed = "cafe\u{301}.TXT";
        assert_eq!(places([composed, decomposed, "CAFÉ.txt"], nfd), [composed, "cafe\u{301} (2).TXT", "CAFÉ (3).txt"]);
        assert_eq!(places(["straße", "STRASSE"], nfd), ["straße", "STRASSE (2)"]);
        assert_eq!(places([".git/config", ".g\u{200c}it/config"], nfd), [".git/config", ".g\u{200c}it (2)/config"]);
        assert_eq!(places(["a?", "a*", "a_"], nfd), ["a_", "a_ (2)", "a_ (3)"]);
        assert_eq!(places(["a (2)", "a", "A"], nfd), ["a (2)", "a", "A (3)"]);
    }

    #[test]
    fn folders_keep_their_files_together_and_apart_from_others() {
        assert_eq!(places(["A/x", "a/x", "A/y", "a"], nfd), ["A/x", "a (2)/x", "A/y", "a (3)"]);
        assert_eq!(places(["b/", "B/", "con/nul"], nfd), ["b/", "B (2)/", "con_/nul_"]);
    }

    #[test]
    fn a_thousand_clashes_are_counted_once_each() {
        let names: Vec<String> = (0..1000).map(|n| format!("a{}", " ".repeat(n % 7))).collect();
        let placed = places(names.iter().map(String::as_str), nfd);
        assert_eq!(placed.iter().collect::<BTreeSet<_>>().len(), 1000);
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            "[aA.: ()2]{0,6}",
            "(con|COM1|nul|aux|lpt³)[ .]{0,2}[a-z]{0,3}",
            "\\PC{0,90}",
            prop::collection::vec(any::<char>(), 0..90).prop_map(|chars| chars.into_iter().collect()),
        ]
    }

    proptest! {
    #![proptest_config(crate::cases(512))]

        #[test]
        fn prop_a_portable_name_is_one_harmless_component(name in name()) {
            let safe = portable(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= NAME_LEN_MAX);
            prop_assert!(!safe.contains(['/', '\\', ':', '\0']) && safe.chars().all(is_portable_char));
            prop_assert!(!safe.ends_with(['.', ' ']) && device_stem(&safe).is_none());
            prop_assert_eq!(portable(&safe), safe);
        }

        #[test]
        fn prop_no_two_places_clash(paths in prop::collection::vec(prop::collection::vec("[aAbB\u{e9}?*]{1,3}", 1..4), 1..40)) {
            let paths: Vec<String> = paths.into_iter().map(|parts| parts.join("/")).collect();
            let placed = places(paths.iter().map(String::as_str), nfd);
            let mut files = BTreeSet::new();
            let mut folders = BTreeSet::new();
            for (path, place) in paths.iter().zip(&placed) {
                prop_assert_eq!(path.split('/').count(), place.split('/').count());
                let parts: Vec<String> = place.split('/').map(|part| clash_key(part, nfd)).collect();
                for end in 1..parts.len() {
                    folders.insert(parts[..end].to_vec());
                }
                prop_assert!(files.insert(parts), "{} is taken", place);
            }
            prop_assert!(files.is_disjoint(&folders));
        }

        #[test]
        fn prop_a_clash_key_is_its_own(name in name()) {
            let key = clash_key(&name, nfd);
            prop_assert_eq!(clash_key(&key, nfd), key);
        }
    }
}
