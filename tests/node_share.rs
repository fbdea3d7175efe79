//! Sharing and fetching, without a browser: real files, real sockets, every byte compared.

use anyhow::Result;
use protocol::snapshot::{SourceState, TransferState, TransferView};
use protocol::{Code, Command};
use std::path::PathBuf;
use tests::{Flock, Node, Pattern};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Around every edge of groups (16 KiB) and chunks (256 KiB).
const LENGTHS: [u64; 8] = [0, 1, 16 * KIB - 1, 16 * KIB, 16 * KIB + 1, MIB, MIB + 1, 20 * MIB];
/// Long enough to be interrupted, whatever the machine.
const LONG: u64 = 32 * MIB;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_length_arrive_byte_for_byte() -> Result<()> {
    let flock = Flock::start().await?;
    let (provider, consumer) = (flock.node()?, flock.node()?);
    consumer.until_sees(&provider).await;
    for length in LENGTHS {
        let path = flock.folder().file(&format!("Zahlen, 数字, {length}.bin"), length, Pattern(length))?;
        let id = provider.share(&path).await?;
        consumer.fetch(&id);
        let item = consumer.until_done(&id).await;
        assert_eq!(item.name, format!("Zahlen, 数字, {length}.bin"));
        assert_eq!((item.bytes, item.total, item.error), (length, Some(length), None));
        assert_same(&consumer, &id, path).await?;
    }
    let totals = consumer.0.snapshot().totals;
    assert_eq!((totals.taken, totals.wasted), (LENGTHS.iter().sum(), 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_providers_share_the_work() -> Result<()> {
    let flock = Flock::start().await?;
    let (one, two, consumer) = (flock.node()?, flock.node()?, flock.node()?);
    consumer.until_sees(&one).await;
    consumer.until_sees(&two).await;
    let path = flock.folder().file("both have it", 20 * MIB, Pattern(1))?;
    let id = one.share(&path).await?;
    assert_eq!(two.share(&path).await?, id, "the same bytes under the same name are the same item");
    consumer.fetch(&id);
    let item = consumer.until_done(&id).await;
    assert_same(&consumer, &id, path).await?;
    assert_eq!(item.sources.len(), 2);
    for source in &item.sources {
        assert!(source.bytes > MIB, "{source:?}");
    }
    assert_eq!(item.sources.iter().map(|source| source.bytes).sum::<u64>(), 20 * MIB);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_knows_only_the_link_finds_the_provider() -> Result<()> {
    let flock = Flock::start().await?;
    let provider = flock.node()?;
    let path = flock.folder().file("found by its link", 3 * MIB, Pattern(2))?;
    let id = provider.share(&path).await?;
    let consumer = flock.node()?;
    consumer.fetch(&id);
    consumer.until_done(&id).await;
    assert_same(&consumer, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_opened_before_anybody_shares_it_waits_and_then_arrives() -> Result<()> {
    let flock = Flock::start().await?;
    let path = flock.folder().file("later", MIB, Pattern(3))?;
    let id = {
        let passer_by = flock.node()?;
        passer_by.share(&path).await?
    };
    let consumer = flock.node()?;
    consumer.fetch(&id);
    let waits = |item: &TransferView| item.state == TransferState::Waiting && item.error == Some(Code::NoProvider);
    consumer.until_item("it says that nobody has it", &id, waits).await;
    let provider = flock.node()?;
    provider.share(&path).await?;
    consumer.until_done(&id).await;
    assert_same(&consumer, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_fetched_is_passed_on_once_the_person_says_so() -> Result<()> {
    let flock = Flock::start().await?;
    let (first, second) = (flock.node()?, flock.node()?);
    second.0.command(Command::PassOn(true));
    let path = flock.folder().file("passed on", 5 * MIB, Pattern(4))?;
    let id = first.share(&path).await?;
    second.fetch(&id);
    second.until_done(&id).await;
    let gone = first.id();
    drop(first);
    second.until("the first is gone", |snapshot| !direct_to(snapshot, &gone)).await;
    let third = flock.node()?;
    third.fetch(&id);
    let item = third.until_done(&id).await;
    assert_eq!(item.sources[0].peer, second.id());
    assert_same(&third, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_transfer_does_not_notice_that_the_relay_went() -> Result<()> {
    let mut flock = Flock::start().await?;
    let (provider, consumer) = (flock.node()?, flock.node()?);
    consumer.until_sees(&provider).await;
    let path = flock.folder().file("long", LONG, Pattern(5))?;
    let id = provider.share(&path).await?;
    consumer.fetch(&id);
    let begun = until_begun(&consumer, &id).await;
    assert!(begun.bytes < LONG, "the relay is stopped too late to prove anything");
    assert_eq!(flock.stats().map(|stats| stats.circuit_bytes.total), Some(0), "content never touches the relay");
    flock.stop_relay().await;
    let item = consumer.until_done(&id).await;
    assert_eq!(item.wasted, 0);
    assert_same(&consumer, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_stops_sharing_is_missed_and_taken_back() -> Result<()> {
    let flock = Flock::start().await?;
    let (provider, consumer) = (flock.node()?, flock.node()?);
    consumer.until_sees(&provider).await;
    let path = flock.folder().file("withdrawn", LONG, Pattern(6))?;
    let id = provider.share(&path).await?;
    consumer.fetch(&id);
    let begun = until_begun(&consumer, &id).await;
    assert!(begun.bytes < LONG, "the share is removed too late to prove anything");
    provider.0.command(Command::Remove { id: id.parse()? });
    let left = |item: &TransferView| item.state == TransferState::Waiting && item.error == Some(Code::ProviderLeft);
    let item = consumer.until_item("the provider is missed", &id, left).await;
    assert!(item.bytes < LONG && item.sources.iter().all(|source| source.state == SourceState::Left), "{item:?}");

    provider.share(&path).await?;
    consumer.until_done(&id).await;
    assert_same(&consumer, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_leaves_gives_its_work_to_the_other() -> Result<()> {
    let flock = Flock::start().await?;
    let (stays, leaves, consumer) = (flock.node()?, flock.node()?, flock.node()?);
    consumer.until_sees(&stays).await;
    consumer.until_sees(&leaves).await;
    let path = flock.folder().file("one leaves", LONG, Pattern(7))?;
    let id = stays.share(&path).await?;
    leaves.share(&path).await?;
    consumer.fetch(&id);
    let leaver = leaves.id();
    let both = |item: &TransferView| item.sources.iter().any(|source| source.peer == leaver && source.bytes > 0);
    let item = consumer.until_item("the one that leaves has sent something", &id, both).await;
    assert!(item.bytes < LONG, "it leaves too late to prove anything");
    drop(leaves);
    consumer.until_done(&id).await;
    assert_same(&consumer, &id, path).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changed_on_disk_is_not_served() -> Result<()> {
    let flock = Flock::start().await?;
    let (provider, consumer) = (flock.node()?, flock.node()?);
    consumer.until_sees(&provider).await;
    let path = flock.folder().file("changes", MIB, Pattern(8))?;
    let id = provider.share(&path).await?;
    flock.folder().file("changes", MIB, Pattern(9))?;
    consumer.fetch(&id);
    let changed = |item: &TransferView| item.error == Some(Code::FileChanged);
    provider.until_item("the provider is told", &id, changed).await;
    let item = consumer.until_item("the consumer waits", &id, |item| item.state == TransferState::Waiting).await;
    assert_eq!((item.bytes, item.wasted), (0, 0));
    Ok(())
}

fn direct_to(snapshot: &protocol::Snapshot, peer: &str) -> bool {
    use protocol::snapshot::PathView;
    snapshot.peers.iter().any(|view| view.peer == peer && view.path == PathView::Direct)
}

async fn until_begun(node: &Node, id: &str) -> TransferView {
    node.until_item("the first bytes are here", id, |item| item.bytes > 0).await
}

async fn assert_same(node: &Node, id: &str, path: PathBuf) -> Result<()> {
    let (found, expected) = (node.bytes(id).await?, std::fs::read(path)?);
    // Not assert_eq: nobody wants to read twenty mebibytes.
    assert!(found == expected, "{} bytes differ from the {} shared", found.len(), expected.len());
    Ok(())
}
