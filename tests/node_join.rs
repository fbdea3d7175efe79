//! Joining, without a browser: nodes meet through a relay, keep each other without it, and rejoin when it returns.

use anyhow::Result;
use protocol::Code;
use protocol::snapshot::{PathView, RelayState, Status};
use std::time::{Duration, Instant};
use tests::Flock;

/// How soon nodes are back once their relay is.
const REJOIN_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_meet_directly_and_measure_each_other() -> Result<()> {
    let flock = Flock::start().await?;
    let nodes = [flock.node()?, flock.node()?, flock.node()?];
    for node in &nodes {
        for other in nodes.iter().filter(|other| other.id() != node.id()) {
            node.until_sees(other).await;
        }
        let snapshot = node.until_online().await;
        assert_eq!(snapshot.peers.len(), 2, "nobody else is here: {:#?}", snapshot.peers);
        assert!(snapshot.peers.iter().all(|peer| peer.rtt_ms.is_some_and(|rtt| rtt > 0.0)));
        assert_eq!(snapshot.relays[0].way, Some("websocket"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_keep_each_other_without_the_relay_and_rejoin_when_it_returns() -> Result<()> {
    let mut flock = Flock::start().await?;
    let (one, two) = (flock.node()?, flock.node()?);
    one.until_sees(&two).await;
    two.until_sees(&one).await;
    reserved(&one).await;
    reserved(&two).await;

    flock.stop_relay().await;
    for node in [&one, &two] {
        let snapshot = node.until("the relay is missed", |snapshot| snapshot.status == Status::Degraded).await;
        assert_eq!(snapshot.peers[0].path, PathView::Direct, "neighbours stay");
        node.until("the person is told", |snapshot| {
            snapshot.notices.iter().any(|notice| notice.code == Code::RelayUnreachable)
        })
        .await;
    }

    flock.restart_relay().await?;
    let returned = Instant::now();
    for node in [&one, &two] {
        let snapshot = reserved(node).await;
        assert!(returned.elapsed() < REJOIN_WITHIN, "only after {:?}", returned.elapsed());
        assert!(snapshot.notices.iter().all(|notice| notice.code != Code::RelayUnreachable), "the notice goes");
    }
    // They are known to newcomers again.
    let three = flock.node()?;
    three.until_sees(&one).await;
    three.until_sees(&two).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_before_its_relay_joins_when_the_relay_comes() -> Result<()> {
    let mut flock = Flock::start().await?;
    flock.stop_relay().await;
    let node = flock.node()?;
    node.until("it gave up for now", |snapshot| snapshot.status == Status::Offline).await;
    flock.restart_relay().await?;
    let returned = Instant::now();
    reserved(&node).await;
    assert!(returned.elapsed() < REJOIN_WITHIN, "only after {:?}", returned.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_is_shown_as_gone() -> Result<()> {
    let flock = Flock::start().await?;
    let (one, two) = (flock.node()?, flock.node()?);
    one.until_sees(&two).await;
    let gone = two.id();
    drop(two);
    one.until("the other is gone", |snapshot| {
        snapshot.peers.iter().any(|peer| peer.peer == gone && peer.path == PathView::Gone)
    })
    .await;
    Ok(())
}

async fn reserved(node: &tests::Node) -> node::SharedSnapshot {
    node.until("others can reach it through the relay", |snapshot| {
        snapshot.status == Status::Online && snapshot.relays[0].state == RelayState::Reserved
    })
    .await
}
