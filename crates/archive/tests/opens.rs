//! What we write, other people's programs open: Python's zipfile, and Info-ZIP where it is installed.

#![cfg(not(target_arch = "wasm32"))]

use archive::{Zip, zip_len};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::Command;

fn write(name: &str, files: &[(String, Vec<u8>)]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut bytes = Vec::new();
    let mut zip = Zip::new();
    for (name, content) in files {
        bytes.extend(zip.begin(name, content.len() as u64).unwrap());
        for part in content.chunks(1000) {
            zip.pass(part).unwrap();
            bytes.extend_from_slice(part);
        }
        bytes.extend(zip.end().unwrap());
    }
    bytes.extend(zip.finish().unwrap());
    let expected = zip_len(files.iter().map(|(name, content)| (name.as_str(), content.len() as u64)));
    assert_eq!(bytes.len() as u64, expected);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What a line of Python says about the archive `z` that it opened.
fn python(path: &PathBuf, says: &str) -> String {
    let script = format!("import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; {says}");
    let output = Command::new("python3").args(["-c", &script]).arg(path).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Info-ZIP's own test, where it is installed.
fn unzip_tests(path: &PathBuf) {
    if let Ok(output) = Command::new("unzip").arg("-tq").arg(path).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn text(name: &str, content: &str) -> (String, Vec<u8>) {
    (name.to_owned(), content.as_bytes().to_vec())
}

#[test]
fn files_folders_and_names_in_every_script_are_read_back() {
    let files =
        [text("birds/椋鳥.txt", "seven"), text("birds/nest/", ""), text("empty", ""), ("long".into(), vec![7; 70_000])];
    let path = write("scripts.zip", &files);
    unzip_tests(&path);
    let names = python(&path, "print([(i.filename, i.file_size, i.is_dir()) for i in z.infolist()])");
    assert_eq!(
        names,
        "[('birds/椋鳥.txt', 5, False), ('birds/nest/', 0, True), ('empty', 0, False), ('long', 70000, False)]"
    );
    assert_eq!(python(&path, "print(z.read('birds/椋鳥.txt').decode(), sum(z.read('long')))"), "seven 490000");
}

#[test]
fn names_that_clash_are_told_apart_before_they_are_written() {
    let clashing = ["A.txt", "a.txt", "con", "b?", "b*", "Cafe\u{301}", "Caf\u{e9}", "d/../e", "d/x"];
    let nfd = |text: &str| icu_normalizer::DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned();
    let places = content::names::places(clashing, nfd);
    let files: Vec<(String, Vec<u8>)> = places.iter().map(|place| text(place, place)).collect();
    let path = write("clashing.zip", &files);
    unzip_tests(&path);
    let folded = python(&path, "print(len({n.casefold() for n in z.namelist()}), len(z.namelist()))");
    assert_eq!(folded, "9 9");
    assert_eq!(python(&path, "print(z.read('a (2).txt').decode(), z.read('con_').decode())"), "a (2).txt con_");
}

#[test]
fn an_empty_archive_and_one_of_seventy_thousand_files_open() {
    assert_eq!(python(&write("empty.zip", &[]), "print(z.namelist())"), "[]");
    let many: Vec<(String, Vec<u8>)> = (0..70_000).map(|n| text(&format!("{}/{n}", n % 100), "")).collect();
    let path = write("many.zip", &many);
    unzip_tests(&path);
    assert_eq!(python(&path, "print(len(z.namelist()), z.namelist()[-1])"), "70000 99/69999");
}

#[test]
fn a_file_behind_another_of_five_gibibytes_is_found() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("long.zip");
    let mut file = File::create(&path).unwrap();
    let mut zip = Zip::new();
    let length: u64 = 5 << 30;
    file.write_all(&zip.begin("zeros", length).unwrap()).unwrap();
    let zeros = vec![0; 64 << 20];
    for _ in 0..length / zeros.len() as u64 {
        zip.pass(&zeros).unwrap();
    }
    // A hole in the file: the disk is not asked to hold them.
    file.seek(SeekFrom::Current(length as i64)).unwrap();
    file.write_all(&zip.end().unwrap()).unwrap();
    file.write_all(&zip.begin("behind", 4).unwrap()).unwrap();
    zip.pass(b"here").unwrap();
    file.write_all(b"here").unwrap();
    file.write_all(&zip.end().unwrap()).unwrap();
    file.write_all(&zip.finish().unwrap()).unwrap();
    drop(file);
    let script = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); i = z.infolist(); \
                  print(i[0].file_size, hex(i[0].CRC), z.open('zeros').read(3), z.read('behind').decode())";
    let output = Command::new("python3").args(["-c", script]).arg(&path).output().expect("python3 is installed");
    let expected = format!("{length} 0x193838c3 b'\\x00\\x00\\x00' here");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected);
    std::fs::remove_file(path).unwrap();
}
