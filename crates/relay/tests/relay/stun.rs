//! "What is my address?" over UDP.

use crate::support::{config, soon, start};
use std::net::Ipv4Addr;
use tokio::net::UdpSocket;

#[tokio::test]
async fn a_tab_learns_its_own_address_and_nonsense_is_ignored() {
    let relay = start(config()).await;
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    client.connect((Ipv4Addr::LOCALHOST, relay.stun_port().expect("on"))).await.expect("loopback");
    client.send(b"not stun").await.expect("sent");
    let mut request = vec![0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    request.extend(*b"twelve bytes");
    client.send(&request).await.expect("sent");

    let mut answer = [0; 128];
    let len = soon("an answer", client.recv(&mut answer)).await.expect("received");
    let answer = &answer[..len];
    assert_eq!(answer[..2], [0x01, 0x01]);
    assert_eq!(&answer[8..20], b"twelve bytes");
    assert_eq!(answer[20..26], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01]);
    let port = u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]);
    assert_eq!(port, client.local_addr().expect("bound").port());
    assert_eq!([answer[28] ^ 0x21, answer[29] ^ 0x12, answer[30] ^ 0xa4, answer[31] ^ 0x42], [127, 0, 0, 1]);
    let stun = relay.stats().stun;
    assert_eq!((stun.answered, stun.dropped), (1, 1));
    relay.stop().await;
}
