//! Journey: a film plays while it is fetched, and a place is played that nothing had been asked of.
//!
//! How long that takes on a machine that does other things says little, so what is asserted is what was here by then;
//! `docs/benchmarks.md` has the times.

use anyhow::{Context, ensure};
use serde_json::Value;
use std::time::Duration;
use tests::{Folder, Video, journey};

const SOON: Duration = Duration::from_secs(60);
const MIB: u64 = 1024 * 1024;
/// A 1080p film's bits a second.
const BITRATE: u64 = 8_000_000;
/// Below the length that asks first.
const FILM_LEN: u64 = 128 * MIB;
/// What the provider gives a second at the most: several times what the film plays, and a fetch of half a minute.
const GIVEN: u64 = 5 * MIB;
/// How much of the film may be here when it shows its first picture, and when it plays on after the seek, per cent:
/// without a scheduler that follows the player, both would wait for nearly all of it.
const HERE_AT_FIRST_MAX: f64 = 20.0;
const HERE_AT_NINETY_MAX: f64 = 60.0;

#[test]
fn film_plays_at_once_and_seeks_where_nothing_is() {
    journey("film", async |stage| {
        let relay = stage.relay().await?;
        let (first, second) = (stage.browser().await?, stage.browser().await?);
        let (provider, consumer) = (first.open(&relay.url()).await?, second.open(&relay.url()).await?);
        let provider_id = provider.online().await?;
        consumer.online().await?;
        let folder = Folder::new()?;
        let path = folder.path().join("film.webm");
        let seconds = Video::encode(&provider, BITRATE).await?.write(&path, FILM_LEN)?;
        provider.limit_giving("5 MiB/s", GIVEN).await?;
        provider.screen("home").await?;
        let id = provider.share(&path).await?;
        consumer.screen("network").await?;
        consumer.peer(&provider_id, "direct", SOON).await?;

        let started = consumer.open_and_play(&id, SOON).await?;
        let first_picture = started["firstFrameMs"].as_f64().context("no first picture")?;
        eprintln!("first picture {first_picture:.0} ms after the link, {:.1} % here", here(&started));
        ensure!(here(&started) < HERE_AT_FIRST_MAX, "it waited to play: {started}");
        let duration = started["duration"].as_f64().unwrap_or_default();
        ensure!((duration - seconds).abs() < 0.5, "{duration} of {seconds} s");

        let sought = consumer.seek_and_play(&id, 0.9 * seconds, SOON).await?;
        let took = sought["tookMs"].as_f64().context("no time")?;
        eprintln!("playing at 90 % after {took:.0} ms, {:.1} % here", here(&sought));
        ensure!(here(&sought) < HERE_AT_NINETY_MAX, "the seek waited for what lies before: {sought}");
        Ok(())
    });
}

/// How much of the film was verified at that moment, per cent.
fn here(seen: &Value) -> f64 {
    100.0 * seen["bytes"].as_f64().unwrap_or(f64::NAN) / FILM_LEN as f64
}
