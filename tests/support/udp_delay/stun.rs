//! The one thing read from packets: which two ICE agents a connectivity check is between.
//!
//! A binding request carries `USERNAME`, the addressee's fragment, a colon, the sender's fragment (RFC 8445, section
//! 7.2.2). Everything else (answers, DTLS) is told by the address it comes from. Nothing is verified: the agents do that.

/// The header of a STUN message: type, length, magic cookie, transaction.
const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const USERNAME: [u8; 2] = [0x00, 0x06];

/// Addressee and sender of a connectivity check; `None` for every other packet.
pub(crate) fn agents(packet: &[u8]) -> Option<(&str, &str)> {
    let (header, mut attributes) = packet.split_at_checked(HEADER)?;
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE {
        return None;
    }
    while let Some((&[kind_high, kind_low, length_high, length_low], rest)) = attributes.split_first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        let value = rest.get(..length)?;
        if [kind_high, kind_low] == USERNAME {
            return std::str::from_utf8(value).ok()?.split_once(':');
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// A connectivity check as an agent would write it, without what only the other agent looks at.
#[cfg(test)]
pub(crate) fn check(addressee: &str, sender: &str) -> Vec<u8> {
    let username = format!("{addressee}:{sender}");
    let mut attributes = vec![0x80, 0x22, 0, 3, b'a', b'b', b'c', 0];
    attributes.extend(USERNAME);
    attributes.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    attributes.extend(username.as_bytes());
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    let mut packet = BINDING_REQUEST.to_vec();
    packet.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    packet.extend(MAGIC_COOKIE);
    packet.extend([7; 12]);
    packet.extend(attributes);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn username_is_found_behind_other_attributes() {
        assert_eq!(agents(&check("addressee", "me")), Some(("addressee", "me")));
    }

    #[test]
    fn answers_and_encrypted_packets_name_nobody() {
        let mut answer = check("a", "b");
        answer[0] = 0x01;
        assert_eq!(agents(&answer), None);
        assert_eq!(agents(&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8]), None);
        assert_eq!(agents(&[]), None);
    }

    #[test]
    fn cut_check_names_nobody() {
        let whole = check("addressee", "me");
        for length in 0..whole.len() - 1 {
            assert_eq!(agents(&whole[..length]), None, "cut to {length} bytes");
        }
    }
}
