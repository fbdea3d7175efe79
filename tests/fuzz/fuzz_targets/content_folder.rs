//! Any bytes as an index, any text as a name: one spelling each, and places that neither climb nor clash.

#![no_main]

use content::{Folder, names};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

fn nfd(text: &str) -> String {
    icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned()
}

fuzz_target!(|input: (u64, &[u8])| {
    let (length, bytes) = input;
    if let Ok(folder) = Folder::decode(bytes, length) {
        assert_eq!(folder.encode(), bytes);
        let places = folder.places(nfd);
        let keys: BTreeSet<Vec<String>> = places.iter().map(|place| place.split('/').map(|part| names::clash_key(part, nfd)).collect()).collect();
        assert_eq!(keys.len(), places.len());
        for (entry, place) in folder.entries().iter().zip(&places) {
            assert_eq!(entry.path().split('/').count(), place.split('/').count());
            assert!(place.split('/').all(|part| !matches!(part, "." | "..") && !part.contains(['\\', ':', '\0'])));
        }
    }
    if let Ok(text) = core::str::from_utf8(bytes) {
        let safe = names::portable(text);
        assert_eq!(names::portable(&safe), safe);
        let (folder, _) = match Folder::arrange(&[(text.to_owned(), length % 1000)]) {
            Ok(arranged) => arranged,
            Err(_) => return,
        };
        assert_eq!(Folder::decode(&folder.encode(), folder.length()), Ok(folder));
    }
});
