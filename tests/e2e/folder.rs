//! Journey: a folder is dropped, travels as one item, and is saved as it was, under names that any disk takes.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tests::{Folder, Pattern, Stage, Tab, journey, root, tree, unpacked};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// What is verified at once.
const GROUP: u64 = 16 * 1024;

/// A folder of the browser's own, in place of the one that a person would pick: no dialog can be clicked without a screen.
const PICK: &str = "const top = await navigator.storage.getDirectory();
    const picked = await top.getDirectoryHandle('picked', { create: true });
    Object.defineProperty(window, 'showDirectoryPicker', { configurable: true, value: async () => picked });
    return true;";
/// What is in it: paths and lengths.
const PICKED: &str = "const files = {};
    const walk = async (folder, above) => {
        let empty = true;
        for await (const [name, handle] of folder.entries()) {
            empty = false;
            if (handle.kind === 'directory') await walk(handle, above + name + '/');
            else files[above + name] = [...new Uint8Array(await (await handle.getFile()).arrayBuffer())].slice(0, 64);
        }
        if (empty) files[above] = [];
    };
    await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle('picked'), '');
    return files;";

#[test]
fn two_thousand_small_files_are_one_link_and_come_out_as_they_went_in() {
    journey("folder-many", async |stage| {
        let shared = Folder::new()?;
        let top = shared.path().join("field notes");
        for n in 0..2000u32 {
            let folder = top.join(format!("{}/{:02}", ["june", "july", "august", "september"][n as usize % 4], n % 25));
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("note {n:04}.txt")), format!("{n} ").repeat(n as usize % 300))?;
        }
        std::fs::create_dir_all(top.join("an empty nest"))?;

        let (provider, consumer) = two_tabs(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let id = dropped(&provider, &top).await?;
        ensure!(provider.transfers().await?.len() == 1, "a folder is one item");
        consumer.fetch(&id).await?;
        consumer.fetched(&id, Duration::from_secs(60)).await?;
        ensure!(files(&consumer, &id).await? == 2000, "{}", consumer.describe().await);

        let (names, out) = unpacked(&consumer.save(&id, SOON).await?)?;
        ensure!(names.iter().all(|name| name.starts_with("field notes/")), "outside of its folder: {names:?}");
        ensure!(tree(out.path())? == tree(shared.path())?, "the archive holds another tree");
        Ok(())
    });
}

#[test]
fn names_that_climb_clash_or_mean_something_to_a_system_are_harmless_wherever_they_are_saved() {
    journey("folder-names", async |stage| {
        let shared = Folder::new()?;
        let top = shared.path().join("names");
        std::fs::create_dir_all(top.join("CON"))?;
        std::fs::create_dir_all(top.join("con"))?;
        let given = [
            "CON/inside.txt",
            "con/inside.txt",
            "aux.txt",
            "Read me.txt",
            "read ME.txt",
            "caf\u{e9}",
            "cafe\u{301}",
            "trailing dot.",
            "trailing space ",
            "..\\..\\climb.txt",
            "a:stream",
            "what?.txt",
            "what*.txt",
            "run.lnk",
            "\u{202e}gpj.exe",
        ];
        for (n, name) in given.iter().enumerate() {
            std::fs::write(top.join(name), format!("file {n}"))?;
        }
        let (provider, consumer) = two_tabs(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let id = dropped(&provider, &top).await?;
        consumer.fetch(&id).await?;
        consumer.fetched(&id, SOON).await?;
        let (names, out) = unpacked(&consumer.save(&id, SOON).await?)?;
        harmless(&names)?;
        let saved = tree(out.path())?;
        let contents: BTreeSet<&[u8]> = saved.values().map(Vec::as_slice).collect();
        ensure!(saved.len() == given.len() && contents.len() == given.len(), "a file was lost: {names:?}");

        // Into a folder: the same names, and what is there already stays.
        consumer.script(PICK, SOON).await?;
        for said in ["Saved as “names”.", "Saved as “names (2)”."] {
            consumer.click("[data-testid='save-folder']").await?;
            let written = "one('folder-written')?.textContent";
            consumer.wait(&format!("{written} === {}", json!(said)), SOON).await?;
        }
        let picked: BTreeMap<String, Vec<u8>> = serde_json::from_value(consumer.script(PICKED, SOON).await?)?;
        let twice: BTreeMap<String, Vec<u8>> = saved
            .iter()
            .flat_map(|(path, bytes)| {
                let again = path.replacen("names/", "names (2)/", 1);
                [(path.clone(), bytes.clone()), (again, bytes.clone())]
            })
            .collect();
        ensure!(picked == twice, "{:?} instead of {:?}", picked.keys(), twice.keys());
        Ok(())
    });
}

#[test]
fn some_files_are_chosen_one_is_saved_alone_and_a_picture_is_looked_at() {
    journey("folder-some", async |stage| {
        let shared = Folder::new()?;
        let top = shared.path().join("album");
        std::fs::create_dir_all(top.join("sketches"))?;
        std::fs::copy(root().join("docs/images/home.png"), top.join("cover.png"))?;
        for n in 0..6 {
            shared.file(&format!("album/sketches/{n}.bin"), 300_000, Pattern(n))?;
        }
        shared.file("album/z.bin", 9 * MIB, Pattern(99))?;
        let (provider, consumer) = two_tabs(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let id = dropped(&provider, &top).await?;
        consumer.fetch(&id).await?;
        consumer.fetched(&id, Duration::from_secs(60)).await?;
        ensure!(files(&consumer, &id).await? == 8, "{}", consumer.describe().await);

        // The folder of sketches but for one of them.
        consumer.click(&row("sketches", "input")).await?;
        consumer.click(&row("3.bin", "input")).await?;
        let zip = consumer.download("[data-testid='save-chosen']", SOON).await?;
        let (_, out) = unpacked(&zip)?;
        let mut expected = tree(shared.path())?;
        expected.retain(|path, _| path.contains("/sketches/") && !path.ends_with("3.bin"));
        ensure!(tree(out.path())? == expected, "{:?} is in the archive", tree(out.path())?.keys());

        let alone = consumer.download(&row("z.bin", "[data-testid='save-file']"), SOON).await?;
        ensure!(std::fs::read(&alone)? == std::fs::read(top.join("z.bin"))?, "another file was saved");
        ensure!(alone.file_name().is_some_and(|name| name == "z.bin"), "{}", alone.display());

        consumer.click(&row("cover.png", "[data-testid='look']")).await?;
        let shown = consumer.player("const player = await shown(); return player.naturalWidth;", SOON).await?;
        ensure!(shown.as_u64().is_some_and(|width| width > 0), "{shown}");
        let page = "const answer = await fetch('/stream/ID'); return answer.status".replace("ID", &id);
        ensure!(consumer.script(&page, SOON).await? == Value::from(403), "a whole folder was streamed");
        Ok(())
    });
}

#[test]
fn reload_in_the_middle_goes_on_with_the_folder() {
    journey("folder-reload", async |stage| {
        let shared = Folder::new()?;
        let top = shared.path().join("long");
        std::fs::create_dir_all(&top)?;
        for n in 0..12 {
            shared.file(&format!("long/{n}.bin"), 4 * MIB + n, Pattern(n))?;
        }
        let (provider, consumer) = two_tabs(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        let id = dropped(&provider, &top).await?;
        consumer.fetch(&id).await?;
        let enough = format!("Number(item.bytes) >= {} || item.state === 'done'", 16 * MIB);
        let item = consumer.transfer(&id, "fetch", &enough, Duration::from_secs(60)).await?;
        ensure!(item.state == "active", "it was too quick to be interrupted: {item:?}");
        // The list is there long before the files are.
        ensure!(files(&consumer, &id).await? == 12, "{}", consumer.describe().await);
        consumer.browser().client().refresh().await?;
        consumer.fetched(&id, Duration::from_secs(90)).await?;
        let (_, out) = unpacked(&consumer.save(&id, SOON).await?)?;
        ensure!(tree(out.path())? == tree(shared.path())?, "the archive holds another tree");
        Ok(())
    });
}

#[test]
fn two_files_of_many_are_fetched_alone_and_the_rest_when_they_are_wanted() {
    journey("folder-part", async |stage| {
        const FILES: u64 = 40;
        const LEN: u64 = MIB / 4;
        let shared = Folder::new()?;
        let top = shared.path().join("album");
        std::fs::create_dir_all(&top)?;
        for n in 0..FILES {
            shared.file(&format!("album/{n:02}.bin"), LEN, Pattern(n))?;
        }
        let relay = stage.relay().await?;
        let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
        // Where bytes cost money a folder asks first, as a large one does anywhere.
        consumer.devtools("Emulation.setDataSaverOverride", &json!({ "dataSaverEnabled": true })).await?;
        let provider = provider.open(&relay.url()).await?;
        provider.online().await?;
        let consumer = consumer.open(&relay.url()).await?;
        consumer.online().await?;
        let id = dropped(&provider, &top).await?;
        consumer.fetch(&id).await?;
        consumer.transfer(&id, "fetch", "item.state === 'waiting' && item.total", SOON).await?;
        ensure!(files(&consumer, &id).await? == FILES, "the list is not there before the yes");
        let list = given(&provider).await?;
        ensure!(list <= GROUP && consumer.item(&id).await?["asks"] == true, "{list} bytes before the yes");

        for name in ["07.bin", "31.bin"] {
            consumer.click(&row(name, "input")).await?;
        }
        consumer.click("[data-testid='fetch-chosen']").await?;
        consumer.transfer(&id, "fetch", "item.state === 'done'", SOON).await?;
        // Each file shares a group with its neighbours at either end.
        let some = given(&provider).await? - list;
        ensure!((2 * LEN..=2 * (LEN + 2 * GROUP)).contains(&some), "{some} bytes were given for two files");
        let mut expected = tree(shared.path())?;
        expected.retain(|path, _| path.ends_with("07.bin") || path.ends_with("31.bin"));
        let zip = consumer.save(&id, SOON).await?;
        let (_, out) = unpacked(&zip)?;
        ensure!(tree(out.path())? == expected, "{:?} is in the archive", tree(out.path())?.keys());
        // The next archive has the same name, and only a new file is noticed.
        std::fs::remove_file(&zip)?;

        // The choice outlives the visit: nothing is asked for, and the rest is still offered.
        consumer.browser().client().refresh().await?;
        consumer.online().await?;
        consumer.transfer(&id, "fetch", "item.state === 'done'", SOON).await?;
        ensure!(files(&consumer, &id).await? == FILES, "{}", consumer.describe().await);
        let fetched = "document.querySelectorAll(\"[data-testid='folder-row'][data-fetched='true']\").length === 2";
        consumer.wait(fetched, SOON).await?;
        ensure!(given(&provider).await? == list + some, "the reload fetched something");
        consumer.click("[data-testid='fetch-rest']").await?;
        let whole = "item.state === 'done' && item.bytes === item.total";
        consumer.transfer(&id, "fetch", whole, Duration::from_secs(90)).await?;
        let all = given(&provider).await?;
        ensure!(all <= list + FILES * LEN + 2 * GROUP, "{all} bytes for {FILES} files: some went twice");
        let (_, out) = unpacked(&consumer.save(&id, Duration::from_secs(90)).await?)?;
        ensure!(tree(out.path())? == tree(shared.path())?, "the archive holds another tree");
        Ok(())
    });
}

#[test]
fn a_folder_on_its_way_is_narrowed_to_one_file() {
    journey("folder-narrowed", async |stage| {
        const FILES: u64 = 24;
        let shared = Folder::new()?;
        std::fs::create_dir_all(shared.path().join("long"))?;
        for n in 0..FILES {
            shared.file(&format!("long/{n:02}.bin"), 4 * MIB, Pattern(n))?;
        }
        let (provider, consumer) = two_tabs(stage).await?;
        let (provider, consumer) = (Tab::of(&provider), Tab::of(&consumer));
        provider.limit_giving("5 MiB/s", 5 * MIB).await?;
        provider.screen("home").await?;
        let id = dropped(&provider, &shared.path().join("long")).await?;
        consumer.fetch(&id).await?;
        ensure!(files(&consumer, &id).await? == FILES, "{}", consumer.describe().await);
        consumer.click(&row("20.bin", "input")).await?;
        consumer.click("[data-testid='fetch-chosen']").await?;
        let item = consumer.transfer(&id, "fetch", "item.state === 'done'", Duration::from_secs(60)).await?;
        let bytes: u64 = item.bytes.parse()?;
        ensure!((4 * MIB..FILES * 4 * MIB / 2).contains(&bytes), "{bytes} bytes came for one file");
        let alone = consumer.download(&row("20.bin", "[data-testid='save-file']"), SOON).await?;
        ensure!(std::fs::read(&alone)? == std::fs::read(shared.path().join("long/20.bin"))?, "another file was saved");
        Ok(())
    });
}

/// Bytes of content that a tab has given so far.
async fn given(tab: &Tab<'_>) -> Result<u64> {
    tab.snapshot().await?["totals"]["given"].as_u64().context("nothing is said of what was given")
}

async fn two_tabs(stage: &Stage) -> Result<(std::sync::Arc<tests::Browser>, std::sync::Arc<tests::Browser>)> {
    let relay = stage.relay().await?;
    let (provider, consumer) = (stage.browser().await?, stage.browser().await?);
    provider.open(&relay.url()).await?.online().await?;
    consumer.open(&relay.url()).await?.online().await?;
    Ok((provider, consumer))
}

async fn dropped(tab: &Tab<'_>, folder: &Path) -> Result<String> {
    tab.drop(&[folder]).await?;
    let id = tab.wait("one('share-link')?.dataset.contentId || null", Duration::from_secs(60)).await?;
    id.as_str().map(str::to_owned).context("the folder has no link")
}

/// The files that the tree shows.
async fn files(tab: &Tab<'_>, id: &str) -> Result<u64> {
    let shown = format!("document.querySelector(\"[data-content-id='{id}'] [data-testid='folder']\")?.dataset.files");
    let files = tab.wait(&shown, SOON).await?;
    Ok(files.as_str().context("data-files is not text")?.parse()?)
}

/// An element of the row of a file or folder.
fn row(name: &str, what: &str) -> String {
    format!("[data-testid='folder-row'][data-name='{name}'] {what}")
}

/// No name climbs, means a device or a stream, or is another's on some system.
fn harmless(names: &[String]) -> Result<()> {
    for name in names {
        for part in name.trim_end_matches('/').split('/') {
            let stem = part.split('.').next().unwrap_or_default().to_lowercase();
            let climbs = matches!(part, "" | "." | "..") || part.contains(['\\', ':', '?', '*', '\u{202e}']);
            let means = ["con", "aux"].contains(&stem.as_str()) || part.ends_with(['.', ' ']) || part.ends_with(".lnk");
            ensure!(!climbs && !means, "{name:?} is in the archive");
        }
    }
    let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase().replace("e\u{301}", "\u{e9}")).collect();
    ensure!(folded.len() == names.len(), "two names are one on some disk: {names:?}");
    Ok(())
}
