//! Session descriptions: what we accept of a peer's, and what we send of ours.
//!
//! A peer's description is not handed to the browser. The few fields a data-only session needs are read,
//! checked, and written into a template ([`Description::render`]): no media, no candidates we have not looked at, no
//! attribute we do not know. Exactly one data section and exactly one sha-256 fingerprint (RFC 8841, RFC 8842, RFC 8839).
//!
//! One private attribute may stand in it, [`FRAME_ATTRIBUTE`]: the longest frame its writer takes. Those who do not
//! know it skip it, as RFC 8866 asks.

use super::candidate::{Candidate, is_ice_text};
use core::fmt::Write as _;

/// Longest description accepted. Browsers write about 500 bytes.
const SDP_MAX: usize = 16 * 1024;

/// Says the longest stream frame its writer takes, in bytes.
const FRAME_ATTRIBUTE: &str = "x-starling-max-frame";

/// Frame lengths that may be announced: from what everybody takes to what a browser sends in one message.
const FRAME_RANGE: core::ops::RangeInclusive<usize> = 16 * 1024..=256 * 1024;

/// What Chromium's SCTP association uses; written when a peer says nothing.
const SCTP_PORT: u16 = 5000;

/// Bytes of a sha-256 fingerprint in text, `AA:BB:..`.
const FINGERPRINT_LEN: usize = 32 * 3 - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Answer,
}

/// Who opens the DTLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setup {
    ActPass,
    Active,
    Passive,
}

/// What we keep of a peer's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) ufrag: String,
    pub(crate) mid: String,
    /// Candidates written into the description, not yet checked.
    pub(crate) candidates: Vec<Candidate>,
    /// The longest frame the peer says it takes.
    pub(crate) max_frame: Option<usize>,
    pwd: String,
    fingerprint: String,
    setup: Setup,
    sctp_port: u16,
    max_message: Option<u32>,
    ice_lite: bool,
}

/// Why a description is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than any data-only session needs.
    #[error("{0} bytes long")]
    TooLong(usize),
    /// Not one data section, or something besides it.
    #[error("not exactly one data channel section")]
    Sections,
    /// Not one fingerprint, or not sha-256.
    #[error("not exactly one sha-256 fingerprint")]
    Fingerprint,
    /// ICE user name or password missing or malformed.
    #[error("ICE credentials missing or malformed")]
    Credentials,
    /// `setup` is not `actpass` in an offer or `active`/`passive` in an answer.
    #[error("DTLS role missing or not allowed here")]
    Setup,
    /// Another field that is not understood.
    #[error("{0} is malformed")]
    Field(&'static str),
}

impl Description {
    pub(crate) fn parse(kind: Kind, text: &str) -> Result<Self, SdpError> {
        if text.len() > SDP_MAX {
            return Err(SdpError::TooLong(text.len()));
        }
        let (mut sections, mut candidates) = (0, Vec::new());
        let (mut ufrag, mut pwd, mut setup, mut mid) = (None, None, None, None);
        let (mut fingerprints, mut fingerprint) = (0, None);
        let (mut sctp_port, mut max_message, mut max_frame, mut ice_lite) = (None, None, None, false);

        for line in text.lines() {
            if let Some(section) = line.strip_prefix("m=") {
                sections += 1;
                if !is_data_section(section) {
                    return Err(SdpError::Sections);
                }
            }
            let Some(attribute) = line.strip_prefix("a=") else { continue };
            let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
            let value = value.trim_end();
            match name {
                "ice-ufrag" => ufrag = Some(value),
                "ice-pwd" => pwd = Some(value),
                "ice-lite" => ice_lite = true,
                "setup" => setup = Some(value),
                "mid" => mid = Some(value),
                "fingerprint" => {
                    fingerprints += 1;
                    fingerprint = Some(value);
                }
                "sctp-port" => sctp_port = Some(value.parse().map_err(|_| SdpError::Field("sctp-port"))?),
                "max-message-size" => {
                    max_message = Some(value.parse().map_err(|_| SdpError::Field("max-message-size"))?);
                }
                "candidate" => candidates.extend(Candidate::parse(line).ok()),
                FRAME_ATTRIBUTE => max_frame = value.parse().ok().filter(|len| FRAME_RANGE.contains(len)),
                _ => {}
            }
        }

        if sections != 1 {
            return Err(SdpError::Sections);
        }
        if fingerprints != 1 {
            return Err(SdpError::Fingerprint);
        }
        let setup = match (kind, setup) {
            (Kind::Offer, Some("actpass")) => Setup::ActPass,
            (Kind::Answer, Some("active")) => Setup::Active,
            (Kind::Answer, Some("passive")) => Setup::Passive,
            _ => return Err(SdpError::Setup),
        };
        Ok(Self {
            ufrag: credential(ufrag, 4)?,
            pwd: credential(pwd, 22)?,
            fingerprint: fingerprint.and_then(sha256).ok_or(SdpError::Fingerprint)?,
            setup,
            mid: mid.map_or(Some("0"), |mid| is_token(mid).then_some(mid)).ok_or(SdpError::Field("mid"))?.to_owned(),
            sctp_port: sctp_port.unwrap_or(SCTP_PORT),
            max_message,
            candidates,
            max_frame,
            ice_lite,
        })
    }

    /// The description the browser gets to see.
    pub(crate) fn render(&self) -> String {
        let setup = match self.setup {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
        };
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        if self.ice_lite {
            sdp.push_str("a=ice-lite\r\n");
        }
        write!(
            sdp,
            "a=group:BUNDLE {mid}\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
             c=IN IP4 0.0.0.0\r\n\
             a=ice-ufrag:{ufrag}\r\n\
             a=ice-pwd:{pwd}\r\n\
             a=ice-options:trickle\r\n\
             a=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:{setup}\r\n\
             a=mid:{mid}\r\n\
             a=sctp-port:{port}\r\n",
            mid = self.mid,
            ufrag = self.ufrag,
            pwd = self.pwd,
            fingerprint = self.fingerprint,
            port = self.sctp_port,
        )
        .expect("writing to a String does not fail");
        if let Some(max) = self.max_message {
            write!(sdp, "a=max-message-size:{max}\r\n").expect("writing to a String does not fail");
        }
        sdp
    }
}

/// Our own description as it goes to the peer: without candidates, which travel one by one and only if the policy
/// lets them, and with the frame length we take.
pub(crate) fn outgoing(local: &str, max_frame: usize) -> String {
    let mut sdp = String::with_capacity(local.len() + 40);
    for line in
        local.lines().filter(|line| !line.starts_with("a=candidate:") && !line.starts_with("a=end-of-candidates"))
    {
        sdp.push_str(line);
        sdp.push_str("\r\n");
    }
    if FRAME_RANGE.contains(&max_frame) {
        write!(sdp, "a={FRAME_ATTRIBUTE}:{max_frame}\r\n").expect("writing to a String does not fail");
    }
    sdp
}

/// Name of the data section of a description of ours.
pub(crate) fn mid(local: &str) -> &str {
    local.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap_or("0").trim_end()
}

fn is_data_section(section: &str) -> bool {
    let words: Vec<_> = section.split_ascii_whitespace().collect();
    matches!(&words[..], ["application", _, "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP", "webrtc-datachannel"])
}

fn credential(text: Option<&str>, min: usize) -> Result<String, SdpError> {
    match text {
        Some(text) if (min..=256).contains(&text.len()) && is_ice_text(text) => Ok(text.to_owned()),
        _ => Err(SdpError::Credentials),
    }
}

fn sha256(text: &str) -> Option<String> {
    let (algorithm, digest) = text.split_once(' ')?;
    let well_formed = algorithm.eq_ignore_ascii_case("sha-256")
        && digest.len() == FINGERPRINT_LEN
        && digest.bytes().enumerate().all(|(i, b)| if i % 3 == 2 { b == b':' } else { b.is_ascii_hexdigit() });
    well_formed.then(|| digest.to_ascii_uppercase())
}

fn is_token(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Chromium 156 writes for a data-only session.
    pub(crate) const CHROMIUM: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
        a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:aC3/\r\n\
        a=ice-pwd:cQkOGBTAxj2mUEvOV4eVKd/z\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 6F:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88\r\n\
        a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";

    fn parse(text: &str) -> Result<Description, SdpError> {
        Description::parse(Kind::Offer, text)
    }

    #[test]
    fn a_browsers_offer_survives_and_is_a_fixed_point() {
        let description = parse(CHROMIUM).expect("an offer");
        assert_eq!((description.ufrag.as_str(), description.mid.as_str()), ("aC3/", "0"));
        assert_eq!(description.max_frame, None);
        assert_eq!(parse(&description.render()), Ok(description));
    }

    #[test]
    fn the_browser_never_sees_what_we_do_not_know() {
        let offer =
            format!("{CHROMIUM}a=candidate:1 1 udp 1 192.168.1.1 4000 typ host\r\na=identity:x\r\na=x-evil:1\r\n");
        let description = parse(&offer).expect("an offer");
        assert_eq!(description.candidates.len(), 1, "kept aside for the policy");
        let rendered = description.render();
        for hidden in ["candidate:", "identity", "x-evil", "extmap"] {
            assert!(!rendered.contains(hidden), "{hidden}");
        }
    }

    #[test]
    fn other_sections_are_refused() {
        for section in [
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
            "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
        ] {
            assert_eq!(parse(&format!("{CHROMIUM}{section}")), Err(SdpError::Sections));
        }
        assert_eq!(parse("v=0\r\n"), Err(SdpError::Sections));
    }

    #[test]
    fn one_sha256_fingerprint_and_no_other() {
        let line = CHROMIUM.lines().find(|line| line.starts_with("a=fingerprint")).expect("has one");
        assert_eq!(parse(&format!("{CHROMIUM}{line}\r\n")), Err(SdpError::Fingerprint));
        assert_eq!(parse(&CHROMIUM.replace("sha-256", "sha-1")), Err(SdpError::Fingerprint));
        assert_eq!(parse(&CHROMIUM.replace("6F:", "6F")), Err(SdpError::Fingerprint));
        assert_eq!(parse(&CHROMIUM.replace(line, "")), Err(SdpError::Fingerprint));
    }

    #[test]
    fn the_dtls_role_fits_the_kind() {
        assert_eq!(parse(&CHROMIUM.replace("actpass", "active")), Err(SdpError::Setup));
        assert_eq!(Description::parse(Kind::Answer, CHROMIUM), Err(SdpError::Setup));
        for role in ["active", "passive"] {
            assert!(Description::parse(Kind::Answer, &CHROMIUM.replace("actpass", role)).is_ok());
        }
    }

    #[test]
    fn credentials_cannot_smuggle_lines() {
        assert_eq!(parse(&CHROMIUM.replace("aC3/", "a b")), Err(SdpError::Credentials));
        assert_eq!(parse(&CHROMIUM.replace("aC3/", "abc")), Err(SdpError::Credentials));
        assert_eq!(parse(&CHROMIUM.replace("cQkOGBTAxj2mUEvOV4eVKd/z", "short")), Err(SdpError::Credentials));
        assert_eq!(parse(&CHROMIUM.replace("a=mid:0", "a=mid:0 1")), Err(SdpError::Field("mid")));
    }

    #[test]
    fn ours_goes_out_without_candidates_and_says_its_frame_length() {
        let local = format!("{CHROMIUM}a=candidate:1 1 udp 1 192.168.1.1 4000 typ host\r\n");
        let sent = outgoing(&local, 64 * 1024);
        assert!(!sent.contains("candidate:"));
        assert_eq!(parse(&sent).expect("an offer").max_frame, Some(64 * 1024));
        assert_eq!(outgoing(CHROMIUM, 0), CHROMIUM);
        assert_eq!(mid(&local), "0");
    }

    #[test]
    fn frame_lengths_nobody_could_use_are_ignored() {
        for len in ["0", "16383", "262145", "x", "-1"] {
            assert_eq!(parse(&format!("{CHROMIUM}a={FRAME_ATTRIBUTE}:{len}\r\n")).expect("an offer").max_frame, None);
        }
    }

    proptest! {
        #[test]
        fn prop_any_text_parses_or_fails(text: String) {
            let _either = parse(&text);
        }

        #[test]
        fn prop_what_is_accepted_renders_to_what_is_accepted(cut in 0..CHROMIUM.len(), insert in "(a=[a-z-]{1,12}:[ -~]{0,20}\r\n)?") {
            let text = format!("{}{insert}{}", &CHROMIUM[..cut], &CHROMIUM[cut..]);
            if let Ok(description) = parse(&text) {
                let again = parse(&description.render()).expect("our own template");
                prop_assert_eq!(again.render(), description.render());
            }
        }
    }
}
