//! One `RTCPeerConnection`.

use super::callbacks::Callbacks;
use super::channel::WebChannel;
use super::{sctp, stats};
use crate::backend::{
    BackendError, BackendFuture, Budget, PathReport, Peer, PeerEvents, PeerPhase, PeerSetup, SdpKind, Step,
};
use crate::config::IceServer;
use core::cell::RefCell;
use futures::FutureExt as _;
use js_sys::{Array, Function, Promise, Reflect};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Event, RtcConfiguration, RtcDataChannelEvent, RtcIceCandidateInit, RtcIceServer, RtcPeerConnection,
    RtcPeerConnectionIceEvent, RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};

/// The channel whose only purpose is to have the offer describe channels. Its opener closes it again.
const INIT_LABEL: &str = "init";

/// A peer connection with its handlers attached.
pub struct WebPeer {
    pc: RtcPeerConnection,
    events: PeerEvents<WebChannel>,
    callbacks: Callbacks,
    /// Listeners on transports that come to be during the handshake.
    transports: Rc<RefCell<Option<[Callbacks; 2]>>>,
    budget: Budget,
    send_low: usize,
}

impl WebPeer {
    pub(super) fn new(setup: &PeerSetup) -> Result<Self, BackendError> {
        let pc = RtcPeerConnection::new_with_configuration(&configuration(&setup.ice_servers))
            .map_err(|_| BackendError::NoPeer)?;
        let events = PeerEvents::new(setup);
        let mut callbacks = Callbacks::new(&pc);

        callbacks.on("datachannel", {
            let (events, budget, send_low) = (events.clone(), setup.budget.clone(), setup.send_low);
            move |event: RtcDataChannelEvent| {
                let channel = event.channel();
                if channel.label() == INIT_LABEL {
                    return;
                }
                // One too many is dropped, which closes it.
                drop(events.on_channel(WebChannel::new(channel, &budget, send_low)));
            }
        });
        callbacks.on("icecandidate", {
            let events = events.clone();
            move |event: RtcPeerConnectionIceEvent| {
                if let Some(candidate) = event.candidate() {
                    let ufrag = get(&candidate, "usernameFragment").ok().and_then(|ufrag| ufrag.as_string());
                    events.on_candidate(&candidate.candidate(), ufrag);
                }
            }
        });
        callbacks.on("connectionstatechange", {
            let (events, pc) = (events.clone(), pc.clone());
            move |_: Event| match pc.connection_state() {
                RtcPeerConnectionState::Connected => events.on_phase(PeerPhase::Connected),
                RtcPeerConnectionState::Failed => events.on_phase(PeerPhase::Failed),
                RtcPeerConnectionState::Closed => events.on_phase(PeerPhase::Closed),
                // An interruption that ICE may still heal is no end.
                _ => {}
            }
        });
        Ok(Self {
            pc,
            events,
            callbacks,
            transports: Rc::default(),
            budget: setup.budget.clone(),
            send_low: setup.send_low,
        })
    }

    /// Runs a step of the handshake, then looks whether the transports exist by now.
    fn describe(&self, promise: Promise, step: Step) -> BackendFuture<()> {
        let (pc, events, transports) = (self.pc.clone(), self.events.clone(), Rc::clone(&self.transports));
        async move {
            run(promise, step).await?;
            let mut transports = transports.borrow_mut();
            if transports.is_none() {
                *transports = sctp::watch(&pc, &events);
            }
            Ok(())
        }
        .boxed_local()
    }
}

impl Peer for WebPeer {
    type Channel = WebChannel;

    fn create_offer(&self) -> BackendFuture<String> {
        created(self.pc.create_offer(), Step::CreateOffer)
    }

    fn create_answer(&self) -> BackendFuture<String> {
        created(self.pc.create_answer(), Step::CreateAnswer)
    }

    fn set_local(&self, kind: SdpKind, sdp: String) -> BackendFuture<()> {
        self.describe(self.pc.set_local_description(&description(kind, &sdp)), Step::SetLocal)
    }

    fn set_remote(&self, kind: SdpKind, sdp: String) -> BackendFuture<()> {
        self.describe(self.pc.set_remote_description(&description(kind, &sdp)), Step::SetRemote)
    }

    fn add_candidate(&self, line: String, mid: String, ufrag: Option<String>) -> BackendFuture<()> {
        let init = RtcIceCandidateInit::new(&line);
        init.set_sdp_mid(Some(&mid));
        init.set_sdp_m_line_index(Some(0));
        if let Some(ufrag) = ufrag {
            set(&init, "usernameFragment", &ufrag.into());
        }
        let promise = self.pc.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init));
        async move { run(promise, Step::AddCandidate).await.map(drop) }.boxed_local()
    }

    fn open_channel(&self, label: &str) -> Result<WebChannel, BackendError> {
        // web-sys declares no exception here, but a closed connection throws one, and one without ids left.
        let refused = |_| BackendError::Refused(Step::OpenChannel);
        let create: Function = get(&self.pc, "createDataChannel").and_then(JsCast::dyn_into).map_err(refused)?;
        let channel = create.call1(&self.pc, &label.into()).and_then(JsCast::dyn_into).map_err(refused)?;
        Ok(WebChannel::new(channel, &self.budget, self.send_low))
    }

    fn path(&self) -> BackendFuture<PathReport> {
        let promise = self.pc.get_stats();
        async move {
            let report = run(promise, Step::Stats).await?;
            stats::read(&report).ok_or(BackendError::Refused(Step::Stats))
        }
        .boxed_local()
    }

    fn events(&self) -> &PeerEvents<WebChannel> {
        &self.events
    }

    fn close(&self) {
        self.pc.close();
    }
}

impl Drop for WebPeer {
    fn drop(&mut self) {
        self.callbacks.clear();
        drop(self.transports.borrow_mut().take());
        self.pc.close();
    }
}

async fn run(promise: Promise, step: Step) -> Result<JsValue, BackendError> {
    JsFuture::from(promise).await.map_err(|error| {
        log::debug!("{step}: {error:?}");
        BackendError::Refused(step)
    })
}

fn created(promise: Promise, step: Step) -> BackendFuture<String> {
    async move {
        let description = run(promise, step).await?;
        get(&description, "sdp").ok().and_then(|sdp| sdp.as_string()).ok_or(BackendError::Refused(step))
    }
    .boxed_local()
}

fn description(kind: SdpKind, sdp: &str) -> RtcSessionDescriptionInit {
    let description = RtcSessionDescriptionInit::new(match kind {
        SdpKind::Offer => RtcSdpType::Offer,
        SdpKind::Answer => RtcSdpType::Answer,
    });
    description.set_sdp(sdp);
    description
}

fn configuration(servers: &[IceServer]) -> RtcConfiguration {
    let list = Array::new();
    for server in servers {
        let entry = RtcIceServer::new();
        entry.set_urls(&server.urls.iter().map(|url| JsValue::from_str(url)).collect::<Array>());
        if let Some(username) = &server.username {
            entry.set_username(username);
        }
        if let Some(credential) = &server.credential {
            entry.set_credential(credential);
        }
        list.push(&entry);
    }
    let configuration = RtcConfiguration::new();
    configuration.set_ice_servers(&list);
    configuration
}

fn get(object: &JsValue, name: &str) -> Result<JsValue, JsValue> {
    Reflect::get(object, &JsValue::from_str(name))
}

fn set(object: &JsValue, name: &str, value: &JsValue) {
    let stored = Reflect::set(object, &JsValue::from_str(name), value);
    debug_assert!(stored.is_ok(), "a plain object takes any property");
}

impl core::fmt::Debug for WebPeer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WebPeer").field("events", &self.events).finish_non_exhaustive()
    }
}
