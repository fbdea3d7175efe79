//! The report that "Copy report" puts on the clipboard: enough to help from afar, no address and no file name in it.

use super::Browser;
use crate::app::Page;
use crate::browser;
use crate::format::{duration, round_trip, size};
use crate::names::Name;
use crate::views::settings;
use crate::words;
use leptos::prelude::*;
use protocol::snapshot::PathView;
use protocol::{Candidate, Snapshot};

/// The report as text.
pub(super) fn text(snapshot: &Snapshot, page: Page, browser: &Browser) -> String {
    let mut lines = vec![
        format!(
            "Starling {}, {}",
            env!("CARGO_PKG_VERSION"),
            browser::window().navigator().user_agent().unwrap_or_default()
        ),
        format!("status {}, open for {}", words::status_attribute(snapshot.status), duration(snapshot.uptime_ms)),
        format!("longest page pause {:.0} ms", page.longest_pause.get_untracked()),
    ];
    if let Some(checks) = browser.checks {
        let named = [
            ("secure origin", checks.secure_origin),
            ("webrtc", checks.webrtc),
            ("websocket", checks.websocket),
            ("worker", checks.worker),
            ("storage", checks.storage),
        ];
        lines.extend(named.map(|(name, check)| {
            let outcome = if check.ok { "ok" } else { "failed" };
            format!(
                "{name}: {outcome}, {:.1} ms{}",
                check.took_ms,
                check.code.map(|c| format!(", {}", c.as_str())).unwrap_or_default()
            )
        }));
    }
    lines.extend(snapshot.relays.iter().map(|relay| format!("{}: {}", relay.name, settings::state(relay))));
    lines.extend(snapshot.peers.iter().map(|peer| {
        let mut line = format!("{}: {}", Name::of(&peer.peer), words::path_attribute(peer.path));
        if let Some(ms) = peer.rtt_ms {
            line += &format!(", {}", round_trip(ms));
        }
        if let Some((ours, theirs)) = peer.candidates {
            line += &format!(", {} to {}", kind(ours), kind(theirs));
        }
        if let Some(stage) = peer.stage {
            line += &format!(", {}", words::stage(stage));
        }
        if let Some(failure) = peer.failure {
            line += &format!(", {failure:?}");
        }
        line
    }));
    lines.extend(snapshot.transfers.iter().map(|item| {
        let total = item.total.map_or("unknown length".into(), size);
        let error = item.error.map(|code| format!(", {}", code.as_str())).unwrap_or_default();
        format!(
            "{:?} {:?}, {} of {total}, {} sources{error}",
            item.direction,
            item.state,
            size(item.bytes),
            item.sources.len()
        )
    }));
    lines.extend(snapshot.notices.iter().map(|notice| format!("notice {}", notice.code.as_str())));
    lines.join("\n")
}

/// Kinds of address that direct paths use, with how many use them: "2 host, 1 reflexive".
pub(super) fn candidate_kinds(snapshot: &Snapshot) -> Option<String> {
    let direct = || snapshot.peers.iter().filter(|p| p.path == PathView::Direct).filter_map(|p| p.candidates);
    let kinds = [Candidate::Host, Candidate::ServerReflexive, Candidate::PeerReflexive, Candidate::Relay];
    let counts: Vec<String> = kinds
        .into_iter()
        .map(|candidate| (direct().filter(|(ours, _)| *ours == candidate).count(), kind(candidate)))
        .filter(|(n, _)| *n > 0)
        .map(|(n, kind)| format!("{n} {kind}"))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

fn kind(candidate: Candidate) -> &'static str {
    match candidate {
        Candidate::Host => "host",
        Candidate::ServerReflexive => "server reflexive",
        Candidate::PeerReflexive => "peer reflexive",
        Candidate::Relay => "relayed",
    }
}
