//! The chain of a real relay process: made, kept through `kill -9`, refused when damaged.

use crate::support::{config, folder, soon};
use ledger::genesis::Genesis;
use ledger::wire::Wire;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

const CHAIN_FILE: &str = "chain.redb";

struct Process {
    child: Child,
    address: String,
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(["--port", "0", "--stun-port", "off", "--webrtc-direct-port", "off", "--page"]);
    command.arg(config().page).arg("--data").arg(data).args(arguments);
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Process {
    async fn start(data: &Path, arguments: &[&str]) -> Self {
        let mut child = command(data, arguments).stderr(Stdio::null()).spawn().expect("it was built");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        soon("the relay to listen", stdout.read_line(&mut line)).await.expect("text");
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.strip_suffix("/\n"));
        Self { child, address: address.expect("one line with the address").to_owned() }
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// What `/.well-known/starling.json` says of the chain.
    async fn chain(&self) -> serde_json::Value {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await.expect("it listens");
        let request =
            format!("GET /.well-known/starling.json HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.expect("text");
        let (_, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
        let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
        json["chain"].clone()
    }

    async fn height(&self) -> u64 {
        self.chain().await["checkpoint"]["height"].as_u64().expect("a height")
    }

    async fn until_height(&self, height: u64) -> u64 {
        let grown = async {
            loop {
                match self.height().await {
                    found if found >= height => return found,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        soon("blocks", grown).await
    }
}

#[tokio::test]
async fn a_new_relay_makes_a_chain_and_says_how_it_begins() {
    let data = folder();
    for engine in ["authority", "stake", "work"] {
        let data = data.join(engine);
        let relay = Process::start(&data, &["--engine", engine, "--heartbeat", "1"]).await;
        relay.until_height(2).await;
        let chain = relay.chain().await;
        assert_eq!(chain["engine"], engine);
        let genesis = chain["genesis"].as_str().expect("hexadecimal");
        let bytes =
            genesis.as_bytes().chunks(2).map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap());
        let genesis = Genesis::from_bytes(&bytes.collect::<Vec<_>>()).expect("canonical");
        assert_eq!(chain["id"], genesis.chain().to_string());
        genesis.state().expect("it can begin");
        relay.kill().await;
    }
}

#[tokio::test]
async fn a_chain_outlives_kill_at_any_point() {
    let data = folder();
    let arguments = ["--engine", "work", "--heartbeat", "1"];
    let mut last = 0;
    let mut id = serde_json::Value::Null;
    for round in 0_u64..6 {
        let relay = Process::start(&data, &arguments).await;
        let chain = relay.chain().await;
        assert!(id.is_null() || chain["id"] == id, "another chain");
        id = chain["id"].clone();
        let found = chain["checkpoint"]["height"].as_u64().expect("a height");
        assert!(found >= last, "round {round}: block {last} was told and is lost; {found} is the newest");
        last = relay.until_height(found + 1).await;
        // Not at a quiet moment: blocks are being made all the time.
        tokio::time::sleep(Duration::from_millis(37 * round)).await;
        last = last.max(relay.height().await);
        relay.kill().await;
    }
}

#[tokio::test]
async fn a_killed_authority_listens_and_then_goes_on_from_the_same_block() {
    let data = folder();
    let relay = Process::start(&data, &["--heartbeat", "1"]).await;
    let before = relay.until_height(2).await;
    let before = before.max(relay.height().await);
    relay.kill().await;
    let relay = Process::start(&data, &["--heartbeat", "1"]).await;
    let chain = relay.chain().await;
    let found = chain["checkpoint"]["height"].as_u64().expect("a height");
    assert!(found >= before);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(relay.height().await, found, "it signed before it had listened");
    relay.until_height(found + 2).await;
    relay.kill().await;
}

#[tokio::test]
async fn a_damaged_store_and_another_engine_are_refused_with_a_way_out() {
    let data = folder();
    let relay = Process::start(&data, &["--engine", "work", "--heartbeat", "1"]).await;
    relay.until_height(3).await;
    relay.kill().await;

    let other = soon("a refusal", command(&data, &["--engine", "stake"]).output()).await.expect("it was built");
    assert_eq!(other.status.code(), Some(1));
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains("engine work") && said.contains("--data"), "{said}");

    let file = data.join(CHAIN_FILE);
    let good = fs::read(&file).expect("it was made");
    // Into what was written, not into the room that is kept for later.
    let written: Vec<usize> = good
        .chunks(512)
        .enumerate()
        .filter(|(_, chunk)| chunk.iter().any(|byte| *byte != 0))
        .map(|(at, _)| at)
        .collect();
    let mut refused = 0;
    for part in 1..8 {
        let mut bad = good.clone();
        let at = written[written.len() * part / 8] * 512;
        bad[at..at + 512].iter_mut().for_each(|byte| *byte ^= 0xff);
        fs::write(&file, &bad).expect("writable");
        let mut starting = command(&data, &[]).spawn().expect("it was built");
        let ended = tokio::time::timeout(Duration::from_secs(4), starting.wait()).await;
        match ended {
            // What was hit had been freed before, or repaired from its copy.
            Err(_) => starting.kill().await.expect("it runs"),
            Ok(status) => {
                let mut said = String::new();
                starting.stderr.take().expect("piped").read_to_string(&mut said).await.expect("text");
                assert_eq!(status.expect("it ended").code(), Some(1), "{said}");
                assert!(said.contains("restore the folder from a backup"), "{said}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 2, "only {refused} of seven damages were noticed");
    fs::write(&file, &good).expect("writable");
    Process::start(&data, &[]).await.kill().await;
}
