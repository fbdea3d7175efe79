//! The command line, and nothing else: words in, a [`Config`] out.

use crate::config::{Config, Limits, Sample, UdpPort};
use clap::Parser;
use ledger::seal::Engine;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Serves the Starling page, introduces tabs to each other, and forwards their signalling.
#[derive(Clone, Debug, Parser)]
#[command(name = "relay", version, about, max_term_width = 100)]
pub struct Arguments {
    /// TCP port for page and WebSocket; 0 takes any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,

    /// Address to listen on; 0.0.0.0 for everybody who can reach this machine
    #[arg(long, default_value = "127.0.0.1", value_parser = parse_host)]
    host: IpAddr,

    /// Folder with the built page
    #[arg(long, value_name = "DIR", default_value = "dist")]
    page: PathBuf,

    /// Folder for the relay's keys, certificate and chain
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,

    /// Address to tell visitors, such as /dns4/relay.example/tcp/443/tls/ws; may be given several times
    #[arg(long = "public-address", value_name = "MULTIADDR", value_parser = parse_public_address)]
    public_addresses: Vec<Multiaddr>,

    /// UDP port that tells tabs their address: a number, `auto` (3478, or any free one) or `off`
    #[arg(long, value_name = "PORT", default_value = "auto", value_parser = parse_udp_port)]
    stun_port: UdpPort,

    /// UDP port of the way in without WebSocket: a number, `auto` (as --port, or any free one) or `off`
    #[arg(long, value_name = "PORT", default_value = "auto", value_parser = parse_udp_port)]
    webrtc_direct_port: UdpPort,

    /// Name under which tabs look for each other
    #[arg(long, value_name = "NAME", default_value = "starling", value_parser = parse_network)]
    network: String,

    /// Who may seal blocks of a new chain: authority (this relay), stake (bonded credit) or work (puzzles; never final)
    #[arg(long, value_name = "ENGINE", value_parser = parse_engine)]
    engine: Option<Engine>,

    /// Seconds between blocks while nothing happens
    #[arg(long, value_name = "SECONDS", default_value_t = sealing::HEARTBEAT.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    heartbeat: u64,

    /// Give newcomers a grant of credit for a stamp of so many bits: each doubles the work; 6 is about three seconds of a
    /// laptop. Without it nobody is granted any, and nothing is paid
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(0..=12))]
    stamp_bits: Option<u8>,

    /// File to offer to visitors when nobody else is here, or `off`; by default the first in the page's sample/
    #[arg(long, value_name = "FILE|off", value_parser = parse_sample)]
    sample: Option<Sample>,

    /// Believe X-Forwarded-For and X-Forwarded-Proto from a proxy with a loopback or private address
    #[arg(long)]
    behind_proxy: bool,

    /// Answer /metrics.json to everybody, not only to this machine
    #[arg(long)]
    public_metrics: bool,

    /// Let only this peer connect; may be given several times
    #[arg(long = "allow-peer", value_name = "PEER_ID")]
    allow_peers: Vec<PeerId>,

    /// Do not let this peer connect; may be given several times
    #[arg(long = "deny-peer", value_name = "PEER_ID")]
    deny_peers: Vec<PeerId>,

    /// Peers connected at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections, value_parser = at_least_one_u32())]
    max_connections: u32,

    /// Reservations at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().reservations, value_parser = parse_count)]
    max_reservations: usize,

    /// Circuits at once
    #[arg(long, value_name = "N", default_value_t = Limits::default().circuits, value_parser = parse_count)]
    max_circuits: usize,

    /// Bytes one circuit may carry, both ways together
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().circuit_bytes,
          value_parser = clap::value_parser!(u64).range(1024..))]
    max_circuit_bytes: u64,

    /// Seconds one circuit may last
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    max_circuit_time: u32,

    /// Memory above which no new peer may connect, in MiB; by default half of this machine's
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    max_memory: Option<u32>,
}

impl From<Arguments> for Config {
    fn from(arguments: Arguments) -> Self {
        let memory = arguments.max_memory.map(|mib| usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1 << 20));
        Self {
            host: arguments.host,
            port: arguments.port,
            page: arguments.page,
            data: arguments.data,
            public_addresses: arguments.public_addresses,
            stun: arguments.stun_port,
            webrtc_direct: arguments.webrtc_direct_port,
            network: arguments.network,
            engine: arguments.engine,
            heartbeat: Duration::from_secs(arguments.heartbeat),
            stamp_bits: arguments.stamp_bits,
            sample: arguments.sample.unwrap_or(Sample::FromPage),
            behind_proxy: arguments.behind_proxy,
            metrics_for_all: arguments.public_metrics,
            allow_peers: arguments.allow_peers,
            deny_peers: arguments.deny_peers,
            limits: Limits {
                connections: arguments.max_connections,
                connections_per_prefix: (arguments.max_connections / 4).max(1),
                reservations: arguments.max_reservations,
                circuits: arguments.max_circuits,
                circuit_bytes: arguments.max_circuit_bytes,
                circuit_time: Duration::from_secs(arguments.max_circuit_time.into()),
                memory_bytes: memory,
                ..Limits::default()
            },
        }
    }
}

fn at_least_one_u32() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn parse_count(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number of at least 1 is needed"),
        Ok(count) => Ok(count),
    }
}

fn parse_host(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "an IP address of this machine is needed, such as 127.0.0.1, 0.0.0.0 or ::")
}

fn parse_udp_port(text: &str) -> Result<UdpPort, &'static str> {
    match text {
        "auto" => Ok(UdpPort::Auto),
        "off" => Ok(UdpPort::Off),
        _ => text.parse().map(UdpPort::Fixed).map_err(|_| "a port from 0 to 65535, `auto` or `off` is needed"),
    }
}

fn parse_network(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.len() > crate::NETWORK_LEN_MAX {
        return Err("a name of 1 to 255 bytes is needed");
    }
    Ok(text.to_owned())
}

fn parse_engine(text: &str) -> Result<Engine, &'static str> {
    [Engine::Authority, Engine::Stake, Engine::Work]
        .into_iter()
        .find(|engine| crate::chain::name(*engine) == text)
        .ok_or("authority, stake or work is needed")
}

fn parse_sample(text: &str) -> Result<Sample, &'static str> {
    Ok(if text == "off" { Sample::Off } else { Sample::File(PathBuf::from(text)) })
}

/// A tab can only dial WebSocket and webrtc-direct, so nothing else is worth telling it.
fn parse_public_address(text: &str) -> Result<Multiaddr, String> {
    const EXAMPLE: &str = "/dns4/relay.example/tcp/443/tls/ws or /ip4/203.0.113.7/udp/8080/webrtc-direct";
    let address: Multiaddr = text.parse().map_err(|error| format!("{error}; an example is {EXAMPLE}"))?;
    let has = |wanted: fn(&Protocol<'_>) -> bool| address.iter().any(|part| wanted(&part));
    if has(|part| matches!(part, Protocol::P2p(_) | Protocol::P2pCircuit)) {
        return Err("leave out /p2p: the relay adds its own peer id".to_owned());
    }
    if !has(|part| matches!(part, Protocol::Ws(_) | Protocol::Wss(_) | Protocol::WebRTCDirect)) {
        return Err(format!("a browser cannot dial it; an example is {EXAMPLE}"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_arguments_give_the_default() {
        let config = Config::from(Arguments::parse_from(["relay"]));
        assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_bad_value_is_refused_with_its_name_and_a_reason() {
        let cases = [
            (["--port", "70000"], "--port", "65535"),
            (["--host", "localhost"], "--host", "IP address"),
            (["--stun-port", "maybe"], "--stun-port", "`off`"),
            (["--public-address", "relay.example"], "--public-address", "/dns4/"),
            (["--public-address", "/ip4/1.2.3.4/tcp/80"], "--public-address", "cannot dial"),
            (["--max-circuits", "0"], "--max-circuits", "at least 1"),
            (["--deny-peer", "me"], "--deny-peer", "invalid"),
            (["--engine", "trust"], "--engine", "stake"),
            (["--network", ""], "--network", "1 to 255"),
        ];
        for (arguments, name, reason) in cases {
            let error = Arguments::try_parse_from([["relay"].as_slice(), &arguments].concat()).expect_err(name);
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(reason), "{text}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
