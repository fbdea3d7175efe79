//! Journey: who has the whole link reads it; who has less of it, passes it on or keeps it, does not.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Folder, Pattern, Tab, journey, saves, tree, unpacked};

const SOON: Duration = Duration::from_secs(30);
const MIB: u64 = 1024 * 1024;
/// What must not be found anywhere.
const SECRET: &str = "the starling nests in the third chimney";
const NAME: &str = "where the starling nests";

#[test]
fn private_link_opens_with_its_key_and_with_no_other() {
    journey("private-key", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let file = folder.file("minutes.bin", 9 * MIB + 11, Pattern(4))?;
        let (first, second, third) = (stage.browser().await?, stage.browser().await?, stage.browser().await?);
        let provider = first.open(&relay.url()).await?;
        let (consumer, other) = (second.open(&relay.url()).await?, third.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        other.online().await?;
        let (id, key) = shared_privately(&provider, &file).await?;

        // The first letter changed, the last cut off, and no key at all.
        let changed = format!("{}{}", if key.starts_with('a') { "b" } else { "a" }, &key[1..]);
        for wrong in [format!("{id}~{changed}"), format!("{id}~{}", &key[..51]), id.clone()] {
            other.fetch(&wrong).await?;
            let refused = other.transfer(&id, "fetch", "item.state === 'failed'", SOON).await?;
            ensure!(refused.error == "wrong-key" && refused.bytes == "0", "{wrong}: {refused:?}");
            let said = other.read("return document.querySelector('main').innerText").await?;
            ensure!(said.as_str().is_some_and(|said| said.contains("key")), "nothing is said: {said}");
            ensure!(!said.to_string().contains("minutes"), "its name is shown: {said}");
        }
        other.fetch(&format!("{id}~{key}")).await?;
        other.fetched(&id, Duration::from_secs(60)).await?;

        // Longer than what is saved from memory: through the service worker, and opened on the way.
        consumer.fetch(&format!("{id}~{key}")).await?;
        consumer.fetched(&id, Duration::from_secs(60)).await?;
        saves(&consumer, &id, &file).await?;
        let part = "const bytes = async (range) => {
                const answer = await fetch('/save/ID', { headers: { range } });
                return [answer.status, [...new Uint8Array(await answer.arrayBuffer())]];
            };
            await served();
            return [await bytes('bytes=16366-16369'), await bytes('bytes=-3')];";
        let read = consumer.script(&part.replace("ID", &id), SOON).await?;
        let bytes = std::fs::read(&file)?;
        ensure!(read == json!([[206, &bytes[16_366..16_370]], [206, &bytes[bytes.len() - 3..]]]), "{read}");
        Ok(())
    });
}

#[test]
fn neither_the_relay_nor_a_disk_on_the_way_holds_anything_to_read() {
    journey("private-secret", async |stage| {
        let relay = stage.talkative_relay().await?;
        let folder = Folder::new()?;
        let file = folder.path().join(format!("{NAME}.txt"));
        std::fs::write(&file, format!("{SECRET}\n").repeat(30_000))?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        let (id, key) = shared_privately(&provider, &file).await?;
        consumer.fetch(&format!("{id}~{key}")).await?;
        consumer.fetched(&id, SOON).await?;
        saves(&consumer, &id, &file).await?;

        // All that this browser keeps: files of the origin, and the page's own storage.
        let kept = consumer
            .script(
                "const found = [JSON.stringify({ ...localStorage }), JSON.stringify(starling.snapshot())];
                const walk = async (folder) => {
                    for await (const [name, handle] of folder.entries()) {
                        found.push(name);
                        if (handle.kind === 'directory') await walk(handle);
                        else found.push(new TextDecoder('latin1').decode(await (await handle.getFile()).arrayBuffer()));
                    }
                };
                await walk(await navigator.storage.getDirectory());
                return found;",
                SOON,
            )
            .await?;
        let kept: Vec<String> = serde_json::from_value(kept)?;
        ensure!(kept.iter().any(|text| text.len() > 100_000), "the content is not on the disk: {}", kept.len());
        ensure!(!kept.iter().any(|text| text.contains(&SECRET[4..])), "it is on the disk as it is");
        ensure!(!kept.iter().any(|text| text.contains(&key)), "its key is kept");
        ensure!(!kept[2..].iter().any(|text| text.contains(NAME)), "its name is on the disk");

        // All that the relay was asked for, was told and wrote down; and its circuits carried a fraction of it.
        let asked = "return [location.href.split('#')[0], ...performance.getEntriesByType('resource').map((entry) => entry.name)]";
        let asked = [provider.read(asked).await?, consumer.read(asked).await?];
        let written = relay.written()?;
        let knows = |what: &[u8]| written.windows(what.len()).any(|window| window == what);
        ensure!(knows(provider.peer_id().await?.as_bytes()), "the relay wrote nothing down");
        for (what, said) in [("key", key.as_str()), ("plain text", &SECRET[4..]), ("name", NAME)] {
            ensure!(!knows(said.as_bytes()), "the relay knows the {what}");
            ensure!(
                asked.iter().all(|asked| !asked.to_string().contains(said)),
                "the {what} was sent to it: {asked:?}"
            );
        }
        let carried = relay.circuit_bytes().await?;
        ensure!(carried > 0 && carried < std::fs::metadata(&file)?.len() / 10, "{carried} bytes went over circuits");
        Ok(())
    });
}

#[test]
fn what_is_kept_is_locked_until_its_link_is_opened_again_and_is_passed_on_meanwhile() {
    journey("private-kept", async |stage| {
        let relay = stage.relay().await?;
        let folder = Folder::new()?;
        let top = folder.path().join("letters");
        std::fs::create_dir_all(top.join("drafts"))?;
        std::fs::write(top.join("drafts/one.txt"), SECRET)?;
        folder.file("letters/two.bin", 2 * MIB, Pattern(8))?;
        let (first, second, third) = (stage.browser().await?, stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        provider.online().await?;
        consumer.online().await?;
        provider.click("[data-testid='private-switch']").await?;
        provider.drop(&[&top]).await?;
        let (id, key) = link(&provider).await?;
        consumer.fetch(&format!("{id}~{key}")).await?;
        consumer.fetched(&id, SOON).await?;
        consumer.read("location.hash = '#/'; return true").await?;
        consumer.browser().client().refresh().await?;
        consumer.click("[data-testid='serve-switch']").await?;
        consumer.screen("library").await?;
        consumer.transfer(&id, "fetch", "item.state === 'done'", SOON).await?;
        let item = consumer.item(&id).await?;
        ensure!(item["locked"] == true && item["name"] == "" && item["private"] == true, "{item}");
        ensure!(consumer.read("return !one('save')").await? == Value::Bool(true), "it can be saved");

        // The provider is gone: a tab that cannot read it is the only one that has it, and gives it on.
        stage.forget(&first);
        first.kill().await?;
        let late = third.open(&relay.url()).await?;
        late.online().await?;
        late.fetch(&format!("{id}~{key}")).await?;
        late.fetched(&id, Duration::from_secs(60)).await?;
        let (_, out) = unpacked(&late.save(&id, SOON).await?)?;
        ensure!(tree(out.path())? == tree(folder.path())?, "the archive holds another tree");

        consumer.fetch(&format!("{id}~{key}")).await?;
        consumer.wait("one('save')", SOON).await?;
        let (item, taken) = (consumer.item(&id).await?, consumer.snapshot().await?["totals"]["taken"].clone());
        ensure!(item["locked"] == false && item["name"] == "letters" && taken == 0, "{item}, {taken} taken");
        let (_, out) = unpacked(&consumer.save(&id, SOON).await?)?;
        ensure!(tree(out.path())? == tree(folder.path())?, "the archive holds another tree");
        Ok(())
    });
}

async fn shared_privately(tab: &Tab<'_>, file: &std::path::Path) -> Result<(String, String)> {
    tab.click("[data-testid='private-switch']").await?;
    tab.share(file).await?;
    link(tab).await
}

/// The two halves of the newest link.
async fn link(tab: &Tab<'_>) -> Result<(String, String)> {
    tab.wait("one('share-link')?.dataset.contentId", Duration::from_secs(60)).await?;
    let link = tab.link().await?;
    let (_, halves) = link.split_once("/#/get/").context("not a link")?;
    let (id, key) = halves.split_once('~').with_context(|| format!("{link} has no key"))?;
    ensure!(key.len() == 52, "{key} is no key");
    Ok((id.to_owned(), key.to_owned()))
}
