//! The page over real sockets: what is served, to whom, with which headers.

use crate::support::{config, exchange, folder, get, send, start};
use relay::{Config, Sample};
use std::fs;
use std::time::Duration;

const WASM: &str = "app-1a2b3c4d5e6f7a8b_bg.wasm";

#[tokio::test]
async fn the_page_is_served_with_its_policy() {
    let relay = start(config()).await;
    let reply = get(&relay, "/", &[]).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body, b"<!doctype html><title>page</title>");
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-cache");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("referrer-policy"), "no-referrer");
    assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin");
    assert!(reply.header("permissions-policy").contains("camera=(), microphone=(), geolocation=()"));
    let policy = reply.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.split("; ").any(|directive| directive == part), "{part} in {policy}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn the_smallest_file_a_client_can_read_is_sent() {
    let config = config();
    fs::write(config.page.join(WASM), "plain bytes").expect("writable");
    fs::write(config.page.join(format!("{WASM}.br")), "br").expect("writable");
    fs::write(config.page.join(format!("{WASM}.gz")), "gzip").expect("writable");
    let relay = start(config).await;
    let path = format!("/{WASM}");
    let mut etags = Vec::new();
    for (accepted, encoding, body) in [
        ("accept-encoding: gzip, deflate, br", "br", &b"br"[..]),
        ("accept-encoding: gzip", "gzip", b"gzip"),
        ("accept-encoding: br;q=0", "", b"plain bytes"),
        ("accept: */*", "", b"plain bytes"),
    ] {
        let reply = get(&relay, &path, &[accepted]).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, body), "{accepted}");
        assert_eq!(reply.header("content-encoding"), encoding);
        assert_eq!(reply.header("content-type"), "application/wasm");
        assert_eq!(reply.header("vary"), "accept-encoding");
        assert_eq!(reply.header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(reply.header("content-length"), body.len().to_string());
        etags.push(reply.header("etag").to_owned());
    }
    assert_eq!(etags[2], etags[3]);
    assert!(etags[0] != etags[1] && etags[1] != etags[2], "each encoding is a version of its own: {etags:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_known_version_is_not_sent_again() {
    let config = config();
    let start_js = config.page.join("start.js");
    fs::write(&start_js, "one").expect("writable");
    let relay = start(config).await;
    let first = get(&relay, "/start.js", &[]).await;
    assert_eq!(first.header("cache-control"), "no-cache");
    let known = format!("if-none-match: \"other\", W/{}", first.header("etag"));
    let again = get(&relay, "/start.js", &[&known]).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), first.header("etag"));
    fs::write(&start_js, "longer").expect("writable");
    assert_eq!(get(&relay, "/start.js", &[&known]).await.body, b"longer");
    relay.stop().await;
}

#[tokio::test]
async fn a_compressed_file_of_an_earlier_build_is_not_sent() {
    let config = config();
    let (plain, compressed) = (config.page.join("start.js"), config.page.join("start.js.gz"));
    fs::write(&plain, "new").expect("writable");
    fs::write(&compressed, "old").expect("writable");
    let relay = start(config).await;
    let date = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    let built = |path, seconds| fs::File::options().write(true).open(path)?.set_modified(date(seconds));
    built(&plain, 2_000).expect("our file");
    built(&compressed, 1_000).expect("our file");
    assert_eq!(get(&relay, "/start.js", &["accept-encoding: gzip"]).await.body, b"new");
    built(&compressed, 2_000).expect("our file");
    assert_eq!(get(&relay, "/start.js", &["accept-encoding: gzip"]).await.body, b"old");
    relay.stop().await;
}

#[tokio::test]
async fn a_range_is_of_the_plain_bytes() {
    let config = config();
    let sample: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    fs::create_dir(config.page.join("sample")).expect("writable");
    fs::write(config.page.join("sample/tune.mp3"), &sample).expect("writable");
    fs::write(config.page.join("sample/tune.mp3.br"), "compressed").expect("writable");
    let relay = start(config).await;
    let path = "/sample/tune.mp3";
    let part = get(&relay, path, &["range: bytes=100-199999", "accept-encoding: br"]).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), "bytes 100-199999/200000");
    assert_eq!(part.header("content-type"), "audio/mpeg");
    assert_eq!(part.body, sample[100..]);
    let tail = get(&relay, path, &["range: bytes=-3"]).await;
    assert_eq!(tail.body, sample[sample.len() - 3..]);
    let beyond = get(&relay, path, &["range: bytes=200000-"]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */200000"));
    let changed = get(&relay, path, &["range: bytes=0-0", "if-range: \"older\""]).await;
    assert_eq!((changed.status, changed.body.len()), (200, 200_000));
    let same = format!("if-range: {}", changed.header("etag"));
    assert_eq!(get(&relay, path, &["range: bytes=0-0", &same]).await.status, 206);
    relay.stop().await;
}

#[tokio::test]
async fn head_has_the_headers_and_no_body() {
    let relay = start(config()).await;
    let (got, head) = (get(&relay, "/", &[]).await, send(&relay, "HEAD /", &[]).await);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), got.header("content-length"));
    assert_eq!(head.header("etag"), got.header("etag"));
    relay.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_other_methods_are_refused() {
    let relay = start(config()).await;
    for path in ["/nothing", "/sample/nothing", "/index.html/", "/.well-known/other"] {
        let reply = get(&relay, path, &[]).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
    let posted = send(&relay, "POST /", &["content-length: 0"]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
    relay.stop().await;
}

#[tokio::test]
async fn no_path_leaves_the_page() {
    let config = config();
    let secret = folder().join("secret.txt");
    fs::write(&secret, "secret").expect("writable");
    fs::write(config.page.join(".hidden"), "hidden").expect("writable");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, config.page.join("link.txt")).expect("writable");
    let relay = start(config).await;
    let inside = secret.parent().and_then(|parent| parent.file_name()).and_then(|name| name.to_str()).expect("named");
    for path in [
        format!("/../{inside}/secret.txt"),
        format!("/%2e%2e/{inside}/secret.txt"),
        format!("/..%2f{inside}%2fsecret.txt"),
        format!("/..\\{inside}\\secret.txt"),
        format!("//{}", secret.display()),
        "/link.txt".to_owned(),
        "/.hidden".to_owned(),
        "/%2ehidden".to_owned(),
        "/%00".to_owned(),
    ] {
        assert_eq!(get(&relay, &path, &[]).await.status, 404, "{path}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn the_relay_says_where_it_is_for_the_host_that_was_asked() {
    let relay = start(config()).await;
    let url = "/.well-known/starling.json";
    let here = get(&relay, url, &[]).await.json();
    let port = relay.url().trim_end_matches('/').rsplit(':').next().expect("a port").to_owned();
    let peer = relay.peer_id().to_string();
    assert_eq!(here["version"], 1);
    assert_eq!(here["network"], "starling");
    assert_eq!(here["peerId"], peer.as_str());
    assert_eq!(here["addresses"][0], format!("/ip4/127.0.0.1/tcp/{port}/ws/p2p/{peer}"));
    let direct = here["addresses"][1].as_str().expect("webrtc-direct is on");
    let udp = relay.webrtc_direct_port().expect("it is on");
    assert!(direct.starts_with(&format!("/ip4/127.0.0.1/udp/{udp}/webrtc-direct/certhash/u")), "{direct}");
    assert!(direct.ends_with(&format!("/p2p/{peer}")), "{direct}");
    assert_eq!(here["stun"][0], format!("stun:127.0.0.1:{}", relay.stun_port().expect("it is on")));
    assert!(here.get("sample").is_none());

    let phone = get(&relay, url, &["Host: 192.168.1.5:8080"]).await.json();
    assert_eq!(phone["addresses"][0], format!("/ip4/192.168.1.5/tcp/8080/ws/p2p/{peer}"));
    let named = get(&relay, url, &["Host: Relay.Example"]).await.json();
    assert_eq!(named["addresses"][0], format!("/dns/relay.example/tcp/80/ws/p2p/{peer}"));
    relay.stop().await;
}

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    let relay = start(config()).await;
    for hosts in [
        &["Host: a'; script-src *"][..],
        &["Host: evil.example/p2p"],
        &["Host: 1.2.3.4.5"],
        &["Host:"],
        &["Host: a", "Host: b"],
    ] {
        assert_eq!(get(&relay, "/.well-known/starling.json", hosts).await.status, 400, "{hosts:?}");
    }
    assert_eq!(exchange(&relay, b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.status, 400);
    assert_eq!(exchange(&relay, b"GET / HTTP/1.0\r\n\r\n").await.status, 200);
    relay.stop().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_that_it_speaks_tls_and_a_stranger_does_not() {
    let secure = ["Host: relay.example", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9"];
    let url = "/.well-known/starling.json";
    let behind = start(Config { behind_proxy: true, ..config() }).await;
    let told = get(&behind, url, &secure).await;
    let peer = behind.peer_id();
    assert_eq!(told.json()["addresses"], serde_json::json!([format!("/dns/relay.example/tcp/443/tls/ws/p2p/{peer}")]));
    assert!(told.header("content-security-policy").contains(" wss://relay.example:443;"));
    assert_eq!(get(&behind, "/metrics.json", &secure).await.status, 404, "the proxy's client is not this machine");
    behind.stop().await;

    let open = start(config()).await;
    let told = get(&open, url, &secure).await.json();
    assert_eq!(told["addresses"][0], format!("/dns/relay.example/tcp/80/ws/p2p/{}", open.peer_id()));
    open.stop().await;
}

#[tokio::test]
async fn public_addresses_are_told_as_they_are_with_what_only_the_relay_knows() {
    let public_addresses = ["/dns4/r.example/tcp/443/tls/ws", "/ip4/203.0.113.7/udp/9/webrtc-direct"]
        .map(|text| text.parse().expect("an address"))
        .to_vec();
    let relay = start(Config { public_addresses, ..config() }).await;
    let told = get(&relay, "/.well-known/starling.json", &["Host: 192.168.1.5:8080"]).await.json();
    assert_eq!(told["addresses"][0], format!("/dns4/r.example/tcp/443/tls/ws/p2p/{}", relay.peer_id()));
    let direct = told["addresses"][1].as_str().expect("two addresses");
    assert!(direct.starts_with("/ip4/203.0.113.7/udp/9/webrtc-direct/certhash/u"), "{direct}");
    assert!(told["stun"][0].as_str().expect("on").starts_with("stun:r.example:"));
    relay.stop().await;
}

#[tokio::test]
async fn the_sample_is_the_first_file_and_carries_its_id() {
    let config = config();
    let sample = config.page.join("sample");
    fs::create_dir(&sample).expect("writable");
    fs::write(sample.join("b.txt"), "second").expect("writable");
    fs::write(sample.join("a tune.mp3"), "first").expect("writable");
    fs::write(sample.join("a tune.mp3.id"), "bafkr4iabcdefghijklmnopqrstuvwxyz234567\n").expect("writable");
    for beside in ["a tune.manifest", "Z.outboard", "A.br", "thumb.png"] {
        fs::write(sample.join(beside), "not an item").expect("writable");
    }
    let relay = start(config.clone()).await;
    let told = get(&relay, "/.well-known/starling.json", &[]).await.json();
    assert_eq!(
        told["sample"],
        serde_json::json!({
            "name": "a tune.mp3",
            "length": 5,
            "mediaType": "audio/mpeg",
            "url": "/sample/a%20tune.mp3",
            "id": "bafkr4iabcdefghijklmnopqrstuvwxyz234567",
        })
    );
    assert_eq!(get(&relay, "/sample/a%20tune.mp3", &[]).await.body, b"first");
    relay.stop().await;

    let file = folder().join("ü.bin");
    fs::write(&file, "elsewhere").expect("writable");
    fs::write(file.with_file_name("ü.bin.manifest"), "what it is").expect("writable");
    let relay = start(Config { sample: Sample::File(file), ..config }).await;
    let told = get(&relay, "/.well-known/starling.json", &[]).await.json();
    let url = told["sample"]["url"].as_str().expect("a path");
    assert_eq!(get(&relay, url, &["range: bytes=4-"]).await.body, b"where");
    assert_eq!(get(&relay, &format!("{url}.manifest"), &[]).await.body, b"what it is");
    assert_eq!(get(&relay, &format!("{url}.outboard"), &[]).await.status, 404, "there is none");
    assert_eq!(get(&relay, &format!("{url}.key"), &[]).await.status, 404);
    relay.stop().await;
}

#[tokio::test]
async fn health_and_metrics_are_answered_to_this_machine() {
    let relay = start(config()).await;
    assert_eq!(get(&relay, "/healthz", &[]).await.body, b"ok\n");
    let metrics = get(&relay, "/metrics.json", &[]).await.json();
    for field in ["/connections/now", "/circuit_bytes/total", "/rendezvous/registrations", "/providers/announcements"] {
        assert_eq!(metrics.pointer(field), Some(&serde_json::json!(0)), "{field}");
    }
    assert_eq!(metrics["http"]["requests"], 2);
    relay.stop().await;
}
