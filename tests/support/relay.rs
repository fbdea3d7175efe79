//! A relay process: the built binary on a free port, with a data folder of its own; killed and started again at will.

use crate::{Folder, get, root};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// What signalling may cost a relay in one journey: content never goes through it.
pub const CIRCUIT_BYTES_MAX: u64 = 64 * 1024;
/// How long a relay may take until a browser can open the page.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// What the relay prints then.
const LISTENING: &str = "listening on http://";

/// One relay. Its port and its data folder stay the same over a restart.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    data: Folder,
    arguments: Vec<String>,
    /// How much it writes into its log, as `RUST_LOG` has it; what it writes by itself when there is nothing.
    detail: &'static str,
    process: Mutex<Option<Child>>,
}

impl Relay {
    /// Starts one on a free port.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_saying("", arguments).await
    }

    /// Starts one that writes down this much, as `RUST_LOG` has it.
    pub async fn start_saying(detail: &'static str, arguments: &[&str]) -> Result<Self> {
        let data = Folder::new()?;
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let (child, port) = spawn(0, &data, &arguments, detail).await?;
        Ok(Self { port, data, arguments, detail, process: Mutex::new(Some(child)) })
    }

    /// All that it has written: its log, and every file of its folder, as bytes one behind the other.
    pub fn written(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.data.path())? {
            let path = entry?.path();
            if path.is_file() {
                all.extend(std::fs::read(path)?);
            }
        }
        Ok(all)
    }

    /// The one port of page and network.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it keeps its keys and its chain.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Kills it at once (SIGKILL): nothing is said, nothing is closed.
    pub async fn kill(&self) -> Result<()> {
        let mut child = self.process.lock().await.take().context("the relay is dead already")?;
        child.kill().await.context("the relay cannot be killed")
    }

    /// Starts it again on the same port with the same data.
    pub async fn restart(&self) -> Result<()> {
        let mut process = self.process.lock().await;
        if process.is_some() {
            bail!("the relay still runs");
        }
        let (child, _) = spawn(self.port, &self.data, &self.arguments, self.detail).await?;
        *process = Some(child);
        Ok(())
    }

    /// `GET` on the relay.
    pub async fn get(&self, path: &str) -> Result<crate::Answer> {
        get(self.port, path, "").await
    }

    /// The relay's own counters.
    pub async fn metrics(&self) -> Result<Value> {
        let answer = self.get("/metrics.json").await?;
        if answer.status != 200 {
            bail!("GET /metrics.json answered {}", answer.status);
        }
        serde_json::from_slice(&answer.body).context("/metrics.json is not JSON")
    }

    /// Its own WebSocket address, as it says it.
    pub async fn address(&self) -> Result<String> {
        let about: Value = serde_json::from_slice(&self.get("/.well-known/starling.json").await?.body)?;
        let addresses = about["addresses"].as_array().context("no addresses in starling.json")?;
        let text = addresses.iter().filter_map(|address| address.as_str()).find(|text| text.contains("/ws"));
        Ok(text.with_context(|| format!("no WebSocket address in {about}"))?.to_owned())
    }

    /// Bytes forwarded over circuits, both ways together.
    pub async fn circuit_bytes(&self) -> Result<u64> {
        let metrics = self.metrics().await?;
        metrics["circuit_bytes"]["total"].as_u64().with_context(|| format!("no circuit_bytes in {metrics}"))
    }

    /// Whether it has been started and not killed.
    pub async fn is_alive(&self) -> bool {
        self.process.lock().await.is_some()
    }
}

async fn spawn(port: u16, data: &Folder, arguments: &[String], detail: &str) -> Result<(Child, u16)> {
    let binary = binary();
    let mut command = Command::new(&binary);
    command.arg("--port").arg(port.to_string()).arg("--data").arg(data.path()).args(arguments);
    if !arguments.iter().any(|argument| argument == "--page") {
        command.arg("--page").arg(page_folder()?);
    }
    if !detail.is_empty() {
        command.env("RUST_LOG", detail);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_to(data)?).kill_on_drop(true);
    let mut child = command
        .spawn()
        .with_context(|| format!("{} cannot be started: run `cargo xtask test --only journeys`", binary.display()))?;
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await? {
            if let Some(port) = line.strip_prefix(LISTENING).and_then(port_of) {
                return Ok(port);
            }
        }
        bail!("the relay ended before it listened: {}", log_of(data))
    };
    let port = tokio::time::timeout(START_TIMEOUT, listening)
        .await
        .with_context(|| format!("the relay did not listen in time: {}", log_of(data)))??;
    // It may go on printing; a full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, port))
}

fn port_of(address: &str) -> Option<u16> {
    address.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
}

fn log_to(data: &Folder) -> Result<std::fs::File> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.path().join("relay.log"));
    log.context("the relay's log cannot be written")
}

fn log_of(data: &Folder) -> String {
    std::fs::read_to_string(data.path().join("relay.log")).unwrap_or_default()
}

fn binary() -> PathBuf {
    std::env::var_os("STARLING_RELAY").map_or_else(|| root().join("target/debug/relay"), PathBuf::from)
}

fn page_folder() -> Result<PathBuf> {
    let folder = std::env::var_os("STARLING_PAGE").map_or_else(|| root().join("dist"), PathBuf::from);
    if !folder.join("index.html").is_file() {
        bail!("there is no page in {}: run `cargo xtask page`", folder.display());
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::port_of;

    #[test]
    fn port_is_what_follows_the_last_colon() {
        assert_eq!(port_of("127.0.0.1:8080/"), Some(8080));
        assert_eq!(port_of("[::1]:9/"), Some(9));
        assert_eq!(port_of("example"), None);
    }
}
