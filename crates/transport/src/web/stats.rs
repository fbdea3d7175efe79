//! The path a connection uses, out of `getStats`.
//!
//! W3C webrtc-stats: the transport names its selected candidate pair, the pair its candidates. Firefox does not name
//! it and marks the pair instead.

use crate::CandidateKind;
use crate::backend::PathReport;
use core::time::Duration;
use js_sys::{Map, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

pub(super) fn read(report: &JsValue) -> Option<PathReport> {
    let report: &Map = report.unchecked_ref();
    let pair = selected_pair(report)?;
    Some(PathReport {
        rtt: number(&pair, "currentRoundTripTime").and_then(|secs| Duration::try_from_secs_f64(secs).ok()),
        local: kind(report, &pair, "localCandidateId")?,
        remote: kind(report, &pair, "remoteCandidateId")?,
        bytes_sent: number(&pair, "bytesSent").unwrap_or(0.0) as u64,
        bytes_received: number(&pair, "bytesReceived").unwrap_or(0.0) as u64,
    })
}

fn selected_pair(report: &Map) -> Option<JsValue> {
    let (mut named, mut marked) = (None, None);
    report.for_each(&mut |entry, _| match text(&entry, "type").as_deref() {
        Some("transport") => named = text(&entry, "selectedCandidatePairId").or(named.take()),
        Some("candidate-pair") => {
            let selected = flag(&entry, "selected");
            let works = flag(&entry, "nominated") && text(&entry, "state").as_deref() == Some("succeeded");
            if selected || works && marked.is_none() {
                marked = Some(entry);
            }
        }
        _ => {}
    });
    named.map(|id| report.get(&id.into())).filter(|pair| pair.is_object()).or(marked)
}

fn kind(report: &Map, pair: &JsValue, side: &str) -> Option<CandidateKind> {
    let candidate = report.get(&text(pair, side)?.into());
    CandidateKind::from_name(&text(&candidate, "candidateType")?)
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name)).ok()
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string()
}

fn number(object: &JsValue, name: &str) -> Option<f64> {
    get(object, name)?.as_f64()
}

fn flag(object: &JsValue, name: &str) -> bool {
    get(object, name).is_some_and(|value| value.is_truthy())
}
