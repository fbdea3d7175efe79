//! Who holds what: the table and the wire form of `/starling/providers/1`.
//!
//! Rendezvous says who is here; this says who holds a content. Relays and tabs keep the same [`Table`], tabs
//! for their neighbours only. A peer announces all it serves at once ([`Request::Announce`]), and the list
//! replaces what it announced before, so that a lost message costs one renewal and never leaves a stale entry
//! behind. Nothing here is believed: whoever is named still has to prove every byte.
//!
//! One request per stream: the asker writes it and closes its half, the other side answers and closes.
//!
//! ```
//! use clock::Time;
//! use providers::{Id, IdSet, Limits, Request, Response, Table};
//!
//! let (video, now) = (Id([7; 32]), Time::ZERO);
//! let mut table = Table::new(Limits::RELAY);
//! table.handle(now, [1; 32], Request::Announce(IdSet::from_first([video])));
//!
//! let asked = Request::decode(&Request::Find(video).encode())?;
//! let answer = table.handle(now, [2; 32], asked);
//! assert_eq!(answer, Response::Found(vec![[1; 32]]));
//! assert_eq!(Response::decode(&answer.encode())?, answer);
//! # Ok::<(), providers::ProvidersError>(())
//! ```

#![forbid(unsafe_code)]

mod table;
mod wire;

pub use table::{Limits, TTL, Table};
pub use wire::{FOUND_MAX, IDS_MAX, Id, IdSet, PROTOCOL, ProvidersError, Request, Response, WirePeer};
