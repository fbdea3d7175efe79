//! Tab to tab, against the same machine's ceiling, in one run.
//!
//! Three ways take turns, each between two browser processes of its own: a bare data channel with a flow window granted
//! by the receiver (the ceiling), a bare data channel that sends 16 KiB and waits, and Starling. Only ratios of medians
//! within a run mean anything. A run whose ceiling does not beat the waiting rule is void: something else was slow.

mod figures;

use anyhow::{Context, Result, bail, ensure};
use figures::{Arguments, machine, median};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Browser, Folder, Options, Pattern, Relay, Tab};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: u32 = 5;
/// Long enough that the start does not decide, short enough for five rounds of three.
const FILE_MIB: u64 = 64;
const MIB: u64 = 1024 * 1024;
/// Issue 2, section 7: Starling over the ceiling.
const RATIO_GOAL: f64 = 0.6;
const CONNECTIONS: &str = include_str!("pages/connections.js");
const ROUND_TIMEOUT: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    let arguments = Arguments::read(ROUNDS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(measure(arguments.rounds))?;
    if arguments.json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        print_table(&report);
    }
    if report["void"] == true {
        bail!("void: the ceiling did not beat the stop-and-wait rule in this run");
    }
    Ok(())
}

async fn measure(rounds: u32) -> Result<Value> {
    let raw = Raw::start().await?;
    let starling = Starling::start().await?;
    let mut rows = Vec::new();
    for round in 0..rounds {
        let window = raw.round("window").await.context("raw channel with a window")?;
        let stop = raw.round("stop").await.context("raw channel, stop and wait")?;
        let ours = starling.round(round).await.context("starling")?;
        rows.push(json!({ "window": window, "stopAndWait": stop, "starling": ours }));
    }
    let of = |way: &str, field: &str| median(rows.iter().map(|row| row[way][field].as_f64().unwrap_or(f64::NAN)));
    let medians = |way: &str| json!({ "mibPerSecond": of(way, "mibPerSecond"), "firstByteMs": of(way, "firstByteMs"), "wirePerPayload": of(way, "wirePerPayload") });
    let (ceiling, stop, ours) =
        (of("window", "mibPerSecond"), of("stopAndWait", "mibPerSecond"), of("starling", "mibPerSecond"));
    Ok(json!({
        "bench": "transfer",
        "machine": machine(&starling.consumer),
        "fileMib": FILE_MIB,
        "rounds": rows,
        "median": { "window": medians("window"), "stopAndWait": medians("stopAndWait"), "starling": medians("starling") },
        "ratioToCeiling": ours / ceiling,
        "ratioGoal": RATIO_GOAL,
        "void": ceiling <= stop,
    }))
}

fn print_table(report: &Value) {
    print(&format!("{:<14} {:>8} {:>15} {:>13}", "way", "MiB/s", "first byte ms", "wire/payload"));
    for way in ["window", "stopAndWait", "starling"] {
        let number = |field: &str| report["median"][way][field].as_f64().unwrap_or(f64::NAN);
        print(&format!(
            "{way:<14} {:>8.1} {:>15.0} {:>13.3}",
            number("mibPerSecond"),
            number("firstByteMs"),
            number("wirePerPayload")
        ));
    }
    print(&format!(
        "\nstarling / ceiling: {:.2} (goal: at least {RATIO_GOAL})",
        report["ratioToCeiling"].as_f64().unwrap_or(f64::NAN)
    ));
}

/// Two browsers with the bare page, for both of its rules.
struct Raw {
    sender: Browser,
    receiver: Browser,
}

impl Raw {
    async fn start() -> Result<Self> {
        let url = serve_pages().await?;
        let (sender, receiver) =
            (Browser::start(&Options::default()).await?, Browser::start(&Options::default()).await?);
        for browser in [&sender, &receiver] {
            browser.open(&url).await?;
        }
        Ok(Self { sender, receiver })
    }

    async fn round(&self, rule: &str) -> Result<Value> {
        let offer = call(&self.sender, "raw.offer()").await?;
        let answer = call(&self.receiver, &format!("raw.answer({offer})")).await?;
        call(&self.sender, &format!("raw.accept({answer})")).await?;
        let total = FILE_MIB * MIB;
        let (send, receive) = (format!("raw.send('{rule}', {total})"), format!("raw.receive('{rule}', {total})"));
        let (sent, received) = tokio::try_join!(call(&self.sender, &send), call(&self.receiver, &receive))?;
        ensure!(received["received"] == total, "{received} of {total} bytes arrived");
        row(&received["seconds"], &received["firstByteMs"], &sent["wireBytes"])
    }
}

/// Two browsers with the page, and a relay that only introduces them.
struct Starling {
    provider: Browser,
    consumer: Browser,
    folder: Folder,
    _relay: Relay,
}

impl Starling {
    async fn start() -> Result<Self> {
        let relay = Relay::start(&[]).await?;
        let options = Options::default().script(CONNECTIONS);
        let (provider, consumer) = (Browser::start(&options).await?, Browser::start(&options).await?);
        let provider_id = provider.open(&relay.url()).await?.online().await?;
        let tab = consumer.open(&relay.url()).await?;
        tab.online().await?;
        tab.screen("network").await?;
        tab.peer(&provider_id, "direct", Duration::from_secs(30)).await?;
        tab.screen("home").await?;
        Ok(Self { provider, consumer, folder: Folder::new()?, _relay: relay })
    }

    async fn round(&self, round: u32) -> Result<Value> {
        let (provider, consumer) = (Tab::of(&self.provider), Tab::of(&self.consumer));
        let file = self.folder.file(&format!("round {round}.bin"), FILE_MIB * MIB, Pattern(u64::from(round) + 1))?;
        let id = provider.share(&file).await?;
        let before = call(&self.provider, "__sent()").await?;
        let started = consumer.read("return performance.now()").await?;
        consumer.fetch(&id).await?;
        let done = format!("transfer('{id}', 'fetch')?.state === 'done' && (performance.now() - {started}) / 1000");
        let seconds = consumer.wait(&done, ROUND_TIMEOUT).await?;
        let after = call(&self.provider, "__sent()").await?;
        let wire = after["bytes"].as_f64().context("no bytes")? - before["bytes"].as_f64().context("no bytes")?;
        let snapshot = consumer.snapshot().await?;
        let items = snapshot["transfers"].as_array().context("no transfers")?;
        let item = items.iter().find(|item| item["contentId"] == *id).context("the item is gone")?;
        ensure!(item["bytes"] == item["total"], "not all bytes are verified: {item}");
        row(&seconds, &item["firstByteMs"], &json!(wire))
    }
}

fn row(seconds: &Value, first_byte_ms: &Value, wire: &Value) -> Result<Value> {
    let seconds = seconds.as_f64().context("no time")?;
    let wire = wire.as_f64().context("no bytes on the wire")?;
    let mib_per_second = FILE_MIB as f64 / seconds;
    let wire_per_payload = wire / (FILE_MIB * MIB) as f64;
    Ok(json!({ "mibPerSecond": mib_per_second, "firstByteMs": first_byte_ms, "wirePerPayload": wire_per_payload }))
}

/// Awaits a promise of the page.
async fn call(browser: &Browser, expression: &str) -> Result<Value> {
    let script = format!(
        "const done = arguments[0]; Promise.resolve({expression}).then((value) => done({{ value: value ?? null }}), (error) => done({{ error: String(error) }}));"
    );
    let called = browser.client().execute_async(&script, Vec::new());
    let mut answer =
        tokio::time::timeout(ROUND_TIMEOUT, called).await.with_context(|| format!("{expression:.80} hangs"))??;
    match answer.get("error") {
        Some(error) => bail!("{expression:.80}: {error}"),
        None => Ok(answer["value"].take()),
    }
}

/// Serves the two files of the bare page on a free port of this machine, until the process ends.
async fn serve_pages() -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
    Ok(url)
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    let mut head = [0; 4096];
    let length = stream.read(&mut head).await?;
    let (kind, body) = match &head[..length.min(11)] {
        b"GET /raw.js" => ("text/javascript", include_str!("pages/raw.js")),
        _ => ("text/html", include_str!("pages/raw.html")),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await.context("the page was not taken")
}

#[allow(clippy::print_stdout, reason = "a benchmark reports on standard output")]
fn print(line: &str) {
    println!("{line}");
}
