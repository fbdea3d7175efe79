//! `cargo xtask run`: builds the page and the relay, serves them, says where, and stops cleanly on Ctrl-C.

use crate::compress::Effort;
use crate::workspace::Workspace;
use crate::{page, step, system};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal};
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the relay prints when a browser can open the page.
const LISTENING: &str = "listening on ";
/// How long the relay may take to close its connections after Ctrl-C.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What `run` takes; everything after `--` goes to the relay as it is.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The one port of page and relay
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where the relay keeps its key and certificate
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    data: PathBuf,
    /// The address others reach this machine by; shown as a QR code for a phone
    #[arg(long, value_name = "ADDR")]
    host: Option<IpAddr>,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// Further arguments of the relay
    #[arg(last = true, value_name = "RELAY ARGS")]
    relay: Vec<OsString>,
}

/// Serves until Ctrl-C, or until the relay ends by itself.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    page::build(workspace, Effort::Release)?;
    let mut build = workspace.cargo(&["build", "--locked", "--package", "relay", "--profile", "relay"]);
    step::run(workspace, "building the relay (profile relay)", &mut build)?;
    let mut relay = start(workspace, options)?;
    let stopping = forward_ctrl_c(relay.id())?;
    announce(&mut relay, options)?;
    wait(&mut relay, &stopping)
}

fn start(workspace: &Workspace, options: &Options) -> Result<Child> {
    let data = workspace.root.join(&options.data);
    std::fs::create_dir_all(&data)
        .with_context(|| format!("the data folder {} cannot be made: choose another with --data", data.display()))?;
    let mut command = Command::new(workspace.binary("relay", "relay"));
    command.arg("--port").arg(options.port.to_string()).arg("--data").arg(data).arg("--page").arg(workspace.dist());
    if let Some(host) = options.host {
        command.arg("--host").arg(host.to_string());
    }
    command.args(&options.relay).stdin(Stdio::null()).stdout(Stdio::piped());
    out_of_our_group(&mut command);
    command.spawn().context("the relay was built but could not be started")
}

/// A terminal sends Ctrl-C to its whole foreground group; the relay shall hear it once, from us.
#[cfg(unix)]
fn out_of_our_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn out_of_our_group(_: &mut Command) {}

fn forward_ctrl_c(relay: u32) -> Result<Arc<AtomicBool>> {
    let stopping = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopping);
    ctrlc::set_handler(move || {
        if !flag.swap(true, Ordering::SeqCst) {
            interrupt(relay);
        }
    })
    .context("Ctrl-C cannot be listened for")?;
    Ok(stopping)
}

fn interrupt(process: u32) {
    // A failure means that it is gone already, which is what we want.
    let _ = Command::new("kill").args(["-INT", &process.to_string()]).stderr(Stdio::null()).status();
}

/// Passes on what the relay prints, and adds what a person wants beside the line that says where it listens.
fn announce(relay: &mut Child, options: &Options) -> Result<()> {
    let output = relay.stdout.take().expect("the relay's stdout is piped");
    let mut lines = BufReader::new(output).lines();
    for line in lines.by_ref() {
        let line = line.context("the relay's output broke off")?;
        println!("{line}");
        let Some(url) = line.strip_prefix(LISTENING) else { continue };
        if let Some(host) = options.host {
            show_for_a_phone(&format!("http://{}/", address(reachable(host), options.port)))?;
        }
        if !options.no_open && std::io::stdout().is_terminal() {
            open_browser(url);
        }
        break;
    }
    // The relay may go on printing; a full pipe would stop it.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| println!("{line}")));
    Ok(())
}

fn wait(relay: &mut Child, stopping: &AtomicBool) -> Result<ExitCode> {
    let mut asked: Option<Instant> = None;
    loop {
        if let Some(status) = relay.try_wait().context("the relay cannot be waited for")? {
            if stopping.load(Ordering::SeqCst) || status.success() {
                return Ok(ExitCode::SUCCESS);
            }
            bail!("the relay ended with {status}; what it said stands above");
        }
        if stopping.load(Ordering::SeqCst) && asked.get_or_insert_with(Instant::now).elapsed() > STOP_TIMEOUT {
            relay.kill().context("the relay does not stop")?;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The address to show when asked to listen everywhere: the one this machine would speak from.
fn reachable(host: IpAddr) -> IpAddr {
    if !host.is_unspecified() {
        return host;
    }
    // Connecting a datagram socket sends nothing; it only makes the system choose an address of ours.
    let (bind, towards) = if host.is_ipv4() { ("0.0.0.0:0", "192.0.2.1:9") } else { ("[::]:0", "[2001:db8::1]:9") };
    UdpSocket::bind(bind)
        .and_then(|socket| socket.connect(towards).and_then(|()| socket.local_addr()))
        .map_or(host, |address| address.ip())
}

fn address(host: IpAddr, port: u16) -> String {
    std::net::SocketAddr::new(host, port).to_string()
}

fn show_for_a_phone(url: &str) -> Result<()> {
    let code = qrcode::QrCode::new(url).context("the address does not fit a QR code")?;
    let picture = code.render::<qrcode::render::unicode::Dense1x2>().quiet_zone(true).build();
    for line in picture.lines() {
        // Black on white whatever the terminal's colours are: not every phone reads an inverted code.
        println!(
            "{}",
            if std::io::stdout().is_terminal() { format!("\x1b[30;107m{line}\x1b[0m") } else { line.to_owned() }
        );
    }
    println!("\non a phone in the same network: {url}");
    Ok(())
}

fn open_browser(url: &str) {
    let opener = ["xdg-open", "open"].into_iter().find(|name| system::which(name).is_some());
    let opened = opener
        .is_some_and(|name| Command::new(name).arg(url).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok());
    if !opened {
        step::say(&format!("open {url} in a browser"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_addresses_get_their_brackets() {
        assert_eq!(address("::1".parse().unwrap(), 8080), "[::1]:8080");
        assert_eq!(address("192.168.1.5".parse().unwrap(), 80), "192.168.1.5:80");
    }

    #[test]
    fn a_named_address_is_shown_as_named() {
        let named = "192.168.1.5".parse().unwrap();
        assert_eq!(reachable(named), named);
    }
}
