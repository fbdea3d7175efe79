//! Who is behind which gate, whom a packet is for, and which packet goes next.
//!
//! An ICE agent is known by its username fragment; where it is, by the address its first check came from. From then on
//! that address speaks for it, and everything it sends is for the agent its last check named. A packet for an agent that
//! has not been heard of is dropped and counted: agents repeat their checks. Only one address speaks for an agent, so of
//! several network interfaces one carries the connection.
//!
//! Same contract as every state machine here: `handle`, drain `poll_output`, sleep until `next_deadline`.

use super::link::{Lane, Link, Traffic};
use super::stun;
use clock::Time;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddrV4;

/// Agents remembered: two per peer connection, and no test makes so many.
const AGENTS_MAX: usize = 4_096;
/// Packets on their way: a second of 100 MB/s. A test that needs more has a sender without congestion control.
const ON_THE_WAY_MAX: usize = 100_000;

/// One browser's socket, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gate(pub u16);

/// A packet that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Where.
    pub gate: Gate,
    /// From whom.
    pub from: SocketAddrV4,
    /// What.
    pub bytes: &'a [u8],
}

/// A packet that is to go out now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where: the addressee's gate, the only address it knows.
    pub gate: Gate,
    /// To whom.
    pub to: SocketAddrV4,
    /// What, unchanged.
    pub bytes: Vec<u8>,
}

/// A browser's socket of one peer connection, seen from its gate.
type End = (Gate, SocketAddrV4);

/// All gates and links of a test.
#[derive(Debug, Default)]
pub struct Switch {
    links: BTreeMap<(Gate, Gate), Lane>,
    /// Where an agent is, by its fragment.
    agents: BTreeMap<String, End>,
    /// Which agent the packets of an address are for.
    addressees: BTreeMap<End, String>,
    on_the_way: BinaryHeap<Reverse<Travelling>>,
    accepted: u64,
    unclaimed: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Travelling {
    due: Time,
    /// Of two that are due together, the first accepted goes first.
    number: u64,
    gate: Gate,
    to: SocketAddrV4,
    bytes: Vec<u8>,
}

impl Switch {
    /// Other properties for the link between two gates, both ways.
    pub fn set(&mut self, one: Gate, other: Gate, link: &Link) {
        for (direction, way) in [(0, (one, other)), (1, (other, one))] {
            self.lane(way, direction).change(link.clone(), direction);
        }
    }

    /// What went one way so far.
    pub fn traffic(&self, from: Gate, to: Gate) -> Traffic {
        self.links.get(&(from, to)).map(Lane::traffic).unwrap_or_default()
    }

    /// Packets that were for nobody known.
    pub fn unclaimed(&self) -> u64 {
        self.unclaimed
    }

    /// Takes one packet.
    pub fn handle(&mut self, now: Time, arrival: Arrival<'_>) {
        let sender = (arrival.gate, arrival.from);
        if let Some((addressee, fragment)) = stun::agents(arrival.bytes) {
            self.on_check(sender, addressee, fragment);
        }
        let Some(&(gate, to)) = self.addressees.get(&sender).and_then(|agent| self.agents.get(agent)) else {
            self.unclaimed += 1;
            return;
        };
        let length = u64::try_from(arrival.bytes.len()).expect("a packet is short");
        let way = (arrival.gate, gate);
        let due = self.lane(way, u64::from(arrival.gate > gate)).pass(now, length);
        if let Some(due) = due.filter(|_| self.on_the_way.len() < ON_THE_WAY_MAX) {
            self.accepted += 1;
            let bytes = arrival.bytes.to_vec();
            self.on_the_way.push(Reverse(Travelling { due, number: self.accepted, gate, to, bytes }));
        }
    }

    /// The next packet that is due.
    pub fn poll_output(&mut self, now: Time) -> Option<Departure> {
        let next = self.on_the_way.peek().is_some_and(|Reverse(next)| next.due <= now);
        let Reverse(Travelling { gate, to, bytes, .. }) = next.then(|| self.on_the_way.pop()).flatten()?;
        Some(Departure { gate, to, bytes })
    }

    /// When the next packet is due.
    pub fn next_deadline(&self) -> Option<Time> {
        self.on_the_way.peek().map(|Reverse(next)| next.due)
    }

    fn on_check(&mut self, sender: End, addressee: &str, fragment: &str) {
        if self.agents.len() >= AGENTS_MAX && !self.agents.contains_key(fragment) {
            return;
        }
        let speaks = *self.agents.entry(fragment.to_owned()).or_insert(sender) == sender;
        if speaks && self.addressees.get(&sender).is_none_or(|known| known != addressee) {
            self.addressees.insert(sender, addressee.to_owned());
        }
    }

    fn lane(&mut self, way: (Gate, Gate), direction: u64) -> &mut Lane {
        self.links.entry(way).or_insert_with(|| Lane::new(Link::default(), direction))
    }
}

#[cfg(test)]
mod tests {
    use super::stun::check;
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const LEFT: Gate = Gate(0);
    const RIGHT: Gate = Gate(1);

    fn address(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    fn at(millis: u64) -> Time {
        Time::from_micros(millis * 1_000)
    }

    fn take(switch: &mut Switch, now: Time, gate: Gate, port: u16, bytes: &[u8]) {
        switch.handle(now, Arrival { gate, from: address(port), bytes });
    }

    /// Two agents, `l` behind the left gate and `r` behind the right, which have heard of each other.
    fn acquainted(link: &Link) -> Switch {
        let mut switch = Switch::default();
        take(&mut switch, at(0), LEFT, 1, &check("r", "l"));
        take(&mut switch, at(0), RIGHT, 2, &check("l", "r"));
        while switch.poll_output(at(0)).is_some() {}
        switch.set(LEFT, RIGHT, link);
        switch
    }

    #[test]
    fn check_for_an_agent_nobody_heard_of_is_dropped() {
        let mut switch = Switch::default();
        take(&mut switch, at(0), LEFT, 1, &check("r", "l"));
        assert_eq!((switch.next_deadline(), switch.unclaimed()), (None, 1));
        take(&mut switch, at(1), RIGHT, 2, &check("l", "r"));
        let out = switch.poll_output(at(1)).expect("the left agent is known");
        assert_eq!((out.gate, out.to, out.bytes), (LEFT, address(1), check("l", "r")));
    }

    #[test]
    fn packet_leaves_from_its_addressees_gate_when_it_is_due() {
        let mut switch = acquainted(&Link::with_round_trip(Duration::from_millis(20)));
        take(&mut switch, at(5), LEFT, 1, b"encrypted");
        assert_eq!(switch.next_deadline(), Some(at(15)));
        assert_eq!(switch.poll_output(at(14)), None);
        let out = Departure { gate: RIGHT, to: address(2), bytes: b"encrypted".to_vec() };
        assert_eq!(switch.poll_output(at(15)), Some(out));
        assert_eq!(switch.next_deadline(), None);
    }

    #[test]
    fn each_pair_of_gates_has_its_own_link_and_count() {
        let mut switch = acquainted(&Link::with_round_trip(Duration::from_millis(20)));
        let third = Gate(2);
        take(&mut switch, at(0), third, 3, &check("m", "t"));
        take(&mut switch, at(0), LEFT, 4, &check("t", "m"));
        switch.set(LEFT, third, &Link::with_round_trip(Duration::from_millis(100)));
        while switch.poll_output(at(0)).is_some() {}
        take(&mut switch, at(1), LEFT, 4, b"to the third");
        take(&mut switch, at(1), LEFT, 1, b"to the right");
        let order: Vec<_> = std::iter::from_fn(|| switch.poll_output(at(100))).map(|out| out.gate).collect();
        assert_eq!(order, [RIGHT, third]);
        let sent = b"to the third".len() as u64;
        assert_eq!(switch.traffic(LEFT, third).bytes - check("t", "m").len() as u64, sent);
        assert_eq!(switch.traffic(third, LEFT).packets, 0, "its check came before the left agent was known");
    }

    #[test]
    fn only_the_first_address_of_an_agent_speaks_for_it() {
        let mut switch = acquainted(&Link::default());
        take(&mut switch, at(1), LEFT, 9, &check("r", "l"));
        assert_eq!(switch.poll_output(at(1)), None);
        take(&mut switch, at(1), RIGHT, 2, b"answer");
        assert_eq!(switch.poll_output(at(1)).map(|out| out.to), Some(address(1)));
    }

    #[test]
    fn packets_due_together_keep_their_order() {
        let mut switch = acquainted(&Link::default());
        for byte in 0..100 {
            take(&mut switch, at(1), LEFT, 1, &[byte]);
        }
        let bytes: Vec<u8> = std::iter::from_fn(|| switch.poll_output(at(1))).flat_map(|out| out.bytes).collect();
        assert_eq!(bytes, (0..100).collect::<Vec<u8>>());
    }

    #[test]
    fn lost_packet_never_leaves() {
        let mut switch = acquainted(&Link { lost_per_million: 1_000_000, ..Link::default() });
        take(&mut switch, at(1), LEFT, 1, b"gone");
        assert_eq!((switch.next_deadline(), switch.traffic(LEFT, RIGHT).lost), (None, 1));
    }
}
