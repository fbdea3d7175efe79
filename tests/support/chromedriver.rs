//! A ChromeDriver process, and the one command of it that WebDriver does not name: a DevTools call.

use anyhow::{Context, Result, bail};
use fantoccini::wd::WebDriverCompatibleCommand;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// One driver for one browser, so that they share nothing; it ends with this value.
#[derive(Debug)]
pub(crate) struct ChromeDriver {
    port: u16,
    _process: Child,
}

impl ChromeDriver {
    pub(crate) async fn start() -> Result<Self> {
        let binary = std::env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut command = Command::new(&binary);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command
            .spawn()
            .with_context(|| format!("{} cannot be started: install chromium-driver", binary.to_string_lossy()))?;
        let mut lines = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(port) = port_of(&line) {
                    return Ok(port);
                }
            }
            bail!("chromedriver ended before it listened")
        };
        let port =
            tokio::time::timeout(START_TIMEOUT, listening).await.context("chromedriver did not listen in time")??;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { port, _process: process })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Reads `ChromeDriver was started successfully on port 12345.`
fn port_of(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// A command of ChromeDriver's own, below the session.
#[derive(Debug)]
pub(crate) struct Extension {
    path: &'static str,
    body: Value,
}

impl Extension {
    /// A DevTools call.
    pub(crate) fn devtools(command: &str, parameters: &Value) -> Self {
        Self { path: "goog/cdp/execute", body: json!({ "cmd": command, "params": parameters }) }
    }

    /// What the browser traced since the last call.
    pub(crate) fn performance_log() -> Self {
        Self { path: "se/log", body: json!({ "type": "performance" }) }
    }

    /// What the browser logged since the last call.
    pub(crate) fn browser_log() -> Self {
        Self { path: "se/log", body: json!({ "type": "browser" }) }
    }
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::port_of;

    #[test]
    fn port_is_read_from_the_line_of_success() {
        assert_eq!(port_of("ChromeDriver was started successfully on port 40123."), Some(40123));
        assert_eq!(port_of("Starting ChromeDriver 156.0"), None);
    }
}
