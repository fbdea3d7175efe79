//! The binary as scripts and systemd see it.

use crate::support::{config, soon};
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

fn relay() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.env_remove("RUST_LOG").kill_on_drop(true);
    command
}

async fn run(arguments: &[&str]) -> Output {
    soon("the relay to refuse", relay().args(arguments).output()).await.expect("it was built")
}

#[cfg(unix)]
#[tokio::test]
async fn it_says_one_line_when_it_can_be_opened_and_stops_when_told() {
    let config = config();
    for signal in ["-TERM", "-INT"] {
        let mut child = relay()
            .args(["--port", "0", "--stun-port", "0", "--page"])
            .arg(&config.page)
            .arg("--data")
            .arg(&config.data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was built");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        soon("the line", stdout.read_line(&mut line)).await.expect("text");
        let address = line.strip_prefix("listening on http://").and_then(|rest| rest.strip_suffix("/\n"));
        let address = address.expect("one line with the address");
        drop(tokio::net::TcpStream::connect(address).await.expect("a browser can open it"));

        let id = child.id().expect("it runs").to_string();
        let told = Command::new("kill").args([signal, &id]).status().await.expect("kill is everywhere");
        assert!(told.success());
        let status = soon("a clean stop", child.wait()).await.expect("it ends");
        assert_eq!(status.code(), Some(0), "{signal}");
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).await.expect("text");
        assert_eq!(rest, "", "nothing but the one line");
    }
}

#[tokio::test]
async fn a_bad_value_ends_with_code_2_and_a_refused_start_with_1() {
    let bad = run(&["--stun-port", "sometimes"]).await;
    assert_eq!(bad.status.code(), Some(2));
    let said = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(said.contains("--stun-port") && said.contains("sometimes") && said.contains("`off`"), "{said}");
    assert!(bad.stdout.is_empty());

    let refused = run(&["--port", "0", "--page", "/nowhere/at/all"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("/nowhere/at/all") && said.contains("--page"), "{said}");
    assert!(refused.stdout.is_empty());
}
