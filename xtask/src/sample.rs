//! The item a visitor can fetch when nobody else is here: a picture, and what proves its bytes, in `dist/sample/`.
//!
//! The picture is painted by a program, so nobody's photograph has to be licensed, shipped or trusted: "Dusk over the
//! marsh", a murmuration of starlings. Beside it lie its manifest and its outboard, so that a tab can ask the relay for
//! ranges by HTTP and verify every group as if a peer had sent it, its content id, which the relay announces, and a
//! thumbnail for the page.
//!
//! Painted once: the picture waits in the target folder, named after the sources that made it.

mod canvas;
mod flock;
mod land;
mod noise;
mod picture;
mod png;
mod reeds;
mod sky;
mod water;

use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use content::{Manifest, OutboardBuilder};
use std::path::Path;
use std::time::Instant;

/// The file as a person saves it.
const NAME: &str = "Dusk over the marsh.png";
const MEDIA_TYPE: &str = "image/png";
const THUMBNAIL: &str = "thumb.png";
/// Pixels of the picture to one of the thumbnail, each way: 240 by 150.
const THUMBNAIL_FACTOR: usize = 8;

/// What decides how the picture looks.
const SOURCES: [&str; 10] = [
    include_str!("sample.rs"),
    include_str!("sample/canvas.rs"),
    include_str!("sample/flock.rs"),
    include_str!("sample/land.rs"),
    include_str!("sample/noise.rs"),
    include_str!("sample/picture.rs"),
    include_str!("sample/png.rs"),
    include_str!("sample/reeds.rs"),
    include_str!("sample/sky.rs"),
    include_str!("sample/water.rs"),
];

/// Leaves the sample and its companions in `dist/sample/`. What is there already is not touched, so that browsers keep it.
pub(crate) fn place(workspace: &Workspace) -> Result<()> {
    let folder = workspace.dist().join("sample");
    std::fs::create_dir_all(&folder).context("dist cannot be written")?;
    let (picture, thumbnail) = painted(workspace)?;
    for (name, bytes) in proved(picture)?.into_iter().chain([(THUMBNAIL.to_owned(), thumbnail)]) {
        write_if_other(&folder.join(name), &bytes)?;
    }
    Ok(())
}

/// Picture and thumbnail, painted now or before.
fn painted(workspace: &Workspace) -> Result<(Vec<u8>, Vec<u8>)> {
    let folder = workspace.notes().join("sample");
    let version = blake3::hash(SOURCES.concat().as_bytes()).to_hex();
    let [picture, thumbnail] = ["picture", "thumbnail"].map(|what| folder.join(format!("{what}-{version}.png")));
    if let (Ok(picture), Ok(thumbnail)) = (std::fs::read(&picture), std::fs::read(&thumbnail)) {
        return Ok((picture, thumbnail));
    }
    let started = Instant::now();
    let canvas = picture::paint();
    let encode = |canvas: &canvas::Canvas| png::encode(canvas.width, canvas.height, &canvas.to_bytes(picture::grain()));
    let (large, small) = (encode(&canvas)?, encode(&canvas.smaller(THUMBNAIL_FACTOR))?);
    std::fs::create_dir_all(&folder).context("the target folder cannot be written")?;
    for (path, bytes) in [(thumbnail, &small), (picture, &large)] {
        std::fs::write(path, bytes).context("the target folder cannot be written")?;
    }
    step::done("painting the sample, a dusk over the marsh", started);
    Ok((large, small))
}

/// The sample and what proves it, by file name.
fn proved(bytes: Vec<u8>) -> Result<[(String, Vec<u8>); 4]> {
    let length = bytes.len() as u64;
    let mut builder = OutboardBuilder::new(length);
    builder.push(&bytes);
    let outboard = builder.finish().context("all bytes were hashed")?;
    let (name, media_type) = (NAME.to_owned(), MEDIA_TYPE.to_owned());
    let manifest = Manifest { length, root: outboard.root(), kind: content::Kind::File, media_type, name };
    let beside = |kind: &str| format!("{NAME}.{kind}");
    Ok([
        (beside("manifest"), manifest.encode()),
        (beside("outboard"), outboard.to_bytes()),
        (beside("id"), format!("{}\n", manifest.id()).into_bytes()),
        // Last: a relay that starts meanwhile finds either nothing or all of it.
        (NAME.to_owned(), bytes),
    ])
}

fn write_if_other(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use content::{ContentId, Outboard};

    #[test]
    fn companions_prove_the_sample() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let [(_, manifest), (_, outboard), (id_name, id), (name, kept)] = proved(bytes.clone()).unwrap();
        let id: ContentId = std::str::from_utf8(&id).unwrap().trim().parse().unwrap();
        assert_eq!((name.as_str(), id_name), (NAME, format!("{NAME}.id")));
        assert_eq!(kept, bytes);
        assert_eq!(ContentId::of(&manifest), id);
        let manifest = Manifest::decode(&manifest).unwrap();
        let outboard = Outboard::from_bytes(&outboard).unwrap();
        assert_eq!((manifest.length, manifest.root), (100_000, outboard.root()));
    }

    #[test]
    fn a_second_time_nothing_is_written() {
        let root = std::env::temp_dir().join(format!("starling-sample-{}", std::process::id()));
        let workspace = Workspace { target: root.join("target"), root: root.clone() };
        let placed = || {
            place(&workspace).unwrap();
            let files = std::fs::read_dir(workspace.dist().join("sample")).unwrap().map(Result::unwrap);
            let mut files: Vec<_> = files.map(|f| (f.file_name(), f.metadata().unwrap().modified().unwrap())).collect();
            files.sort();
            files
        };
        let first = placed();
        assert_eq!(first.len(), 5);
        assert_eq!(placed(), first);
        std::fs::remove_dir_all(root).unwrap();
    }

    /// The relay announces a content id: every build on every machine has to make the same bytes.
    #[test]
    fn the_picture_is_the_same_everywhere() {
        let canvas = picture::paint();
        let pixels = blake3::hash(&canvas.to_bytes(picture::grain())).to_hex();
        assert_eq!(pixels.as_str(), "cd452dfb17e689c9e212045e87895d616b97fd4c8ca18742d19221eda396ad3d");
    }
}
