//! What the tabs of one person tell each other: who waits for which content, and how far it is where it is open.
//!
//! Messages are arrays on one `BroadcastChannel` of the origin: `["who", root]` and `["mine", root]` from who waits (the
//! second asks for it), `["gone", root]` from who has removed it, and `["at", root, verified, rate, paused, map]` from who has
//! it open; the map is a letter a cell.
//! A tab of another version that says something else is not understood, and nothing is lost with that: the lock in the store
//! decides who writes.

use super::opfs;
use crate::event_loop::FromTab;
use content::Root;
use js_sys::Array;
use protocol::TabReport;
use protocol::snapshot::Cell;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

/// Changes with what is said.
const CHANNEL: &str = "starling-tabs-1";

/// Cells of a map that are taken from another tab: as many as a screen has.
const CELLS_MAX: usize = 480;

/// The line to the person's other tabs.
#[derive(Debug)]
pub(crate) struct Tabs {
    channel: Option<BroadcastChannel>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Tabs {
    /// Listens from now on; alone where the browser has no such channel.
    pub(crate) fn open(hear: impl Fn(FromTab) + 'static) -> Self {
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(said) = event.data().dyn_ref::<Array>().and_then(parse) {
                hear(said);
            }
        });
        let channel = BroadcastChannel::new(CHANNEL).ok();
        if let Some(channel) = &channel {
            channel.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        }
        Self { channel, _on_message: on_message }
    }

    pub(crate) fn say(&self, said: &FromTab) {
        let message = match said {
            FromTab::Who { root, claims } => {
                Array::of2(&(if *claims { "mine" } else { "who" }).into(), &opfs::name_of(*root).into())
            }
            FromTab::Gone { root } => Array::of2(&"gone".into(), &opfs::name_of(*root).into()),
            FromTab::At { root, report } => {
                let map = report.map.iter().map(letter).collect::<String>();
                let message = Array::of3(&"at".into(), &opfs::name_of(*root).into(), &(report.verified as f64).into());
                let rest: [JsValue; 3] = [(report.rate as f64).into(), report.paused.into(), map.into()];
                rest.iter().for_each(|part| _ = message.push(part));
                message
            }
        };
        if let Some(channel) = &self.channel {
            // A channel takes every array of plain values.
            let _ = channel.post_message(&message);
        }
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.set_onmessage(None);
            channel.close();
        }
    }
}

fn parse(parts: &Array) -> Option<FromTab> {
    let root: Root = parts.get(1).as_string().as_deref().and_then(opfs::root_of)?;
    let number = |at| JsValue::as_f64(&parts.get(at)).map(|number| number as u64);
    Some(match parts.get(0).as_string()?.as_str() {
        "who" => FromTab::Who { root, claims: false },
        "mine" => FromTab::Who { root, claims: true },
        "gone" => FromTab::Gone { root },
        "at" => {
            let map = parts.get(5).as_string()?.chars().take(CELLS_MAX).map(cell).collect();
            let report = TabReport { verified: number(2)?, rate: number(3)?, paused: parts.get(4).as_bool()?, map };
            FromTab::At { root, report }
        }
        _ => return None,
    })
}

fn letter(cell: &Cell) -> char {
    match cell {
        Cell::NotYet => 'n',
        Cell::Asked => 'a',
        Cell::AskedTwice => 't',
        Cell::Verified => 'v',
    }
}

fn cell(letter: char) -> Cell {
    match letter {
        'a' => Cell::Asked,
        't' => Cell::AskedTwice,
        'v' => Cell::Verified,
        _ => Cell::NotYet,
    }
}
