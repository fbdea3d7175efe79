//! An archive, opened by somebody else's program (Python's zipfile), and trees of files compared.

use crate::Folder;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The names in an archive, exactly as they stand there, and the files that came out of it. Sums are checked.
pub fn unpacked(archive: &Path) -> Result<(Vec<String>, Folder)> {
    let folder = Folder::new()?;
    let script = "import json, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
z.extractall(sys.argv[2])
print(json.dumps(z.namelist()))";
    let output = Command::new("python3").args(["-c", script]).arg(archive).arg(folder.path()).output();
    let output = output.context("python3 is not installed")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((serde_json::from_slice(&output.stdout)?, folder))
}

/// Every file below `folder`, by its path with `/`; a folder with nothing in it ends with one.
pub fn tree(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    walk(folder, "", &mut files)?;
    Ok(files)
}

fn walk(folder: &Path, above: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let mut empty = true;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{above}{}", entry.file_name().to_string_lossy());
        empty = false;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, std::fs::read(entry.path())?);
        }
    }
    if empty && !above.is_empty() {
        files.insert(above.to_owned(), Vec::new());
    }
    Ok(())
}
