//! Lists of address prefixes (RFC 3123): `1:192.0.2.0/24 !2:2001:db8::/32`.
//!
//! ```text
//!   family (2) │ prefix length │ N, length (7 bits) │ address without its last bytes of zero
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::reader::number;

/// The bit that excludes a prefix.
const NEGATION: u8 = 0x80;

/// The families that RFC 3123 knows, and the bits of their addresses.
fn bits(family: u16) -> Option<u8> {
    match family {
        1 => Some(32),
        2 => Some(128),
        _ => None,
    }
}

/// Reads one prefix.
pub(super) fn read(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = str::from_utf8(text).ok()?;
    let (negation, text) = match text.strip_prefix('!') {
        Some(text) => (NEGATION, text),
        None => (0, text),
    };
    let (family, text) = text.split_once(':')?;
    let (address, prefix) = text.split_once('/')?;
    let family = number(family.as_bytes(), 2)? as u16;
    let prefix = number(prefix.as_bytes(), u32::from(bits(family)?))? as u8;
    let address = match (family, address.parse().ok()?) {
        (1, IpAddr::V4(address)) => address.octets().to_vec(),
        (2, IpAddr::V6(address)) => address.octets().to_vec(),
        _ => return None,
    };
    let len = address.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    out.extend_from_slice(&family.to_be_bytes());
    out.extend_from_slice(&[prefix, negation | len as u8]);
    out.extend_from_slice(&address[..len]);
    Some(())
}

/// The items of a list: family, prefix length, negation, address. Ends at the first that is not one.
fn items(mut wire: &[u8]) -> impl Iterator<Item = (u16, u8, bool, &[u8])> {
    std::iter::from_fn(move || {
        let [high, low, prefix, len, rest @ ..] = wire else { return None };
        let (address, rest) = rest.split_at_checked(usize::from(len & !NEGATION))?;
        let family = u16::from_be_bytes([*high, *low]);
        let bits = bits(family)?;
        let fits = *prefix <= bits && address.len() <= usize::from(bits / 8);
        if !fits || address.ends_with(&[0]) {
            return None;
        }
        wire = rest;
        Some((family, *prefix, len & NEGATION != 0, address))
    })
}

/// Whether bytes are a list of prefixes.
pub(super) fn is_valid(wire: &[u8]) -> bool {
    items(wire).map(|(.., address)| 4 + address.len()).sum::<usize>() == wire.len()
}

/// Writes a list that is valid.
pub(super) fn write(wire: &[u8], f: &mut dyn fmt::Write) -> fmt::Result {
    for (index, (family, prefix, negation, bytes)) in items(wire).enumerate() {
        let mut address = [0; 16];
        address.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let address = match (family, address) {
            (1, [v4 @ .., _, _, _, _, _, _, _, _, _, _, _, _]) => IpAddr::V4(Ipv4Addr::from(v4)),
            (_, octets) => IpAddr::V6(Ipv6Addr::from(octets)),
        };
        let blank = if index > 0 { " " } else { "" };
        let not = if negation { "!" } else { "" };
        write!(f, "{blank}{not}{family}:{address}/{prefix}")?;
    }
    Ok(())
}
