//! What records make of a pool besides addresses and a target: SRV, and the hints of HTTPS and SVCB.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Backend, Endpoint};
use crate::name::{Name, wire_len};
use crate::rdata::{RDATA_MAX, rtype};

/// The most addresses of a family in the hints of one record.
pub const HINTS_MAX: usize = 64;
/// The keys of the hints (RFC 9460 §14.3.2).
const IPV4HINT: u16 = 4;
const IPV6HINT: u16 = 6;

/// What a record makes of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// SRV (RFC 2782): a record for each backend, of its weight, port and host, which each backend has.
    Srv {
        /// The priority of them all.
        priority: u16,
    },
    /// HTTPS or SVCB (RFC 9460), with the pool's addresses as hints.
    Hints {
        /// The type's number.
        rtype: u16,
        /// RDATA without hints, of service mode; at least one.
        values: Vec<Vec<u8>>,
    },
}

/// Where a service is (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of the host.
    pub host: Name,
    /// Its port.
    pub port: u16,
}

/// One thing that may be handed out, and what records tell of its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What.
    pub endpoint: Endpoint,
    /// Its backend's.
    pub weight: u16,
    /// What it is due, where weights choose: its weight in thousandths, less what it is not to have now.
    pub part: u32,
    /// Its backend's.
    pub service: Option<Service>,
    /// What stands for it where clients keep their backends.
    pub identity: u64,
    /// What stands for the pool within that it is of, as one backend.
    pub group: Option<u64>,
}

impl Offer {
    /// Each thing that a backend may hand out.
    pub fn of(backend: &Backend) -> impl Iterator<Item = Self> {
        let Backend { weight, service, .. } = backend;
        let part = u32::from(*weight) * 1000;
        let (mut v4, mut others) = (0, 0);
        backend.endpoints().map(move |endpoint| {
            // Clients that ask for both families get the same backend of both.
            let place = match endpoint {
                Endpoint::Address(IpAddr::V4(_)) => &mut v4,
                _ => &mut others,
            };
            let identity = identity(&backend.name, *place);
            *place += 1;
            let service = service.clone();
            Self { endpoint, weight: *weight, part, service, identity, group: None }
        })
    }
}

impl Offer {
    /// What stands for it where it is of a pool within another, as a backend of this name: two such pools may have backends of one
    /// name.
    #[must_use]
    pub fn within(&self, backend: &str) -> u64 {
        fnv(self.identity, backend.bytes())
    }
}

/// What stands for an address of a backend on every server: FNV-1a of the backend's name and the address's place in its family, so that
/// another address is the same backend.
#[must_use]
pub fn identity(backend: &str, place: u16) -> u64 {
    let bytes = backend.bytes().chain(place.to_be_bytes());
    fnv(0xcbf2_9ce4_8422_2325, bytes)
}

fn fnv(start: u64, bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Made {
    /// The type's number.
    #[must_use]
    pub fn rtype(&self) -> u16 {
        match self {
            Self::Srv { .. } => rtype::SRV,
            Self::Hints { rtype, .. } => *rtype,
        }
    }

    /// The RDATA of all that is offered.
    #[must_use]
    pub fn rdata(&self, offers: &[Offer]) -> Vec<Vec<u8>> {
        match self {
            Self::Srv { priority } => {
                srv(*priority, offers).into_iter().map(|(_, rdata)| rdata).collect()
            }
            Self::Hints { .. } if offers.is_empty() => Vec::new(),
            Self::Hints { values, .. } => {
                let addresses = offers.iter().filter_map(|offer| offer.endpoint.address());
                let addresses: Vec<IpAddr> = addresses.collect();
                values.iter().map(|value| with_hints(value, &addresses)).collect()
            }
        }
    }
}

/// The SRV records of these offers, each with the place of the first offer that it stands for: the addresses of one backend
/// are one service.
#[must_use]
pub fn srv(priority: u16, offers: &[Offer]) -> Vec<(usize, Vec<u8>)> {
    let mut found: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut last: Option<&Service> = None;
    for (place, offer) in offers.iter().enumerate() {
        let Some(service) = offer.service.as_ref().filter(|service| last != Some(*service)) else {
            continue;
        };
        last = Some(service);
        let mut rdata = Vec::with_capacity(6 + service.host.as_wire().len());
        for number in [priority, offer.weight, service.port] {
            rdata.extend_from_slice(&number.to_be_bytes());
        }
        rdata.extend_from_slice(service.host.as_wire());
        // No record twice in a set (RFC 2181 §5).
        if found.iter().all(|(_, other)| *other != rdata) {
            found.push((place, rdata));
        }
    }
    found
}

/// RDATA of SVCB's shape with the hints of these addresses, by rising keys (RFC 9460 §2.2). A family without an address
/// has no hint; RDATA that has no room for hints has none.
#[must_use]
pub fn with_hints(rdata: &[u8], addresses: &[IpAddr]) -> Vec<u8> {
    let v4 = addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => Some(address.octets()),
        IpAddr::V6(_) => None,
    });
    let v6 = addresses.iter().filter_map(|address| match address {
        IpAddr::V6(address) => Some(address.octets()),
        IpAddr::V4(_) => None,
    });
    let v4: Vec<u8> = v4.take(HINTS_MAX).flatten().collect();
    let v6: Vec<u8> = v6.take(HINTS_MAX).flatten().collect();
    let mut made = Vec::with_capacity(rdata.len() + 8 + v4.len() + v6.len());
    let mut at = params_at(rdata).unwrap_or(rdata.len());
    made.extend_from_slice(&rdata[..at]);
    for (key, hint) in [(IPV4HINT, v4), (IPV6HINT, v6)] {
        while let Some((_, len)) = param(&rdata[at..]).filter(|(before, _)| *before < key) {
            made.extend_from_slice(&rdata[at..at + len]);
            at += len;
        }
        if !hint.is_empty() {
            made.extend_from_slice(&key.to_be_bytes());
            made.extend_from_slice(&(hint.len() as u16).to_be_bytes());
            made.extend_from_slice(&hint);
        }
    }
    made.extend_from_slice(&rdata[at..]);
    if made.len() > RDATA_MAX { rdata.to_vec() } else { made }
}

/// The hints in RDATA of SVCB's shape.
#[must_use]
pub fn hints(rdata: &[u8]) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut at = params_at(rdata).unwrap_or(rdata.len());
    while let Some((key, len)) = param(&rdata[at..]) {
        let value = &rdata[at + PARAM_HEAD..at + len];
        match key {
            IPV4HINT => {
                let (octets, _) = value.as_chunks::<4>();
                found.extend(octets.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets))));
            }
            IPV6HINT => {
                let (octets, _) = value.as_chunks::<16>();
                found.extend(octets.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))));
            }
            _ => {}
        }
        at += len;
    }
    found
}

/// The bytes of a parameter's key and length.
const PARAM_HEAD: usize = 4;

/// Where the parameters begin: behind the priority and the target.
fn params_at(rdata: &[u8]) -> Option<usize> {
    Some(2 + wire_len(rdata.get(2..)?)?)
}

/// The key of the parameter at the start, and how many bytes it takes.
fn param(rest: &[u8]) -> Option<(u16, usize)> {
    let &[k0, k1, l0, l1] = rest.first_chunk()?;
    let len = PARAM_HEAD + usize::from(u16::from_be_bytes([l0, l1]));
    (len <= rest.len()).then_some((u16::from_be_bytes([k0, k1]), len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdata::{parse, print};

    fn https(text: &str) -> Vec<u8> {
        let mut rdata = Vec::new();
        parse(rtype::HTTPS, text, &Name::root(), &mut rdata).expect(text);
        rdata
    }

    #[test]
    fn rfc9460_2_2_hints_stand_in_the_order_of_their_keys() {
        let addresses = ["192.0.2.1", "2001:db8::1", "192.0.2.2"];
        let addresses = addresses.map(|address| address.parse().expect(address));
        for (value, count, expected) in [
            ("1 .", 3, "1 . ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"),
            ("1 .", 1, "1 . ipv4hint=192.0.2.1"),
            ("1 .", 0, "1 ."),
            (
                "1 a. alpn=h2 port=8443 ech=AAEC dohpath=/q{?dns}",
                2,
                "1 a. alpn=h2 port=8443 ipv4hint=192.0.2.1 ech=AAEC ipv6hint=2001:db8::1 dohpath=/q{?dns}",
            ),
        ] {
            let made = with_hints(&https(value), &addresses[..count]);
            assert_eq!(made, https(expected), "{}", print(rtype::HTTPS, &made));
            assert_eq!(hints(&made).len(), count);
        }
    }

    #[test]
    fn rfc2782_a_backend_is_one_service_whatever_addresses_it_has() {
        let offer = |address: &str, weight, host: &str| Offer {
            endpoint: Endpoint::Address(address.parse().expect(address)),
            weight,
            part: 0,
            service: Some(Service { host: Name::parse_absolute(host).expect(host), port: 5060 }),
            identity: 0,
            group: None,
        };
        let offers = [
            offer("192.0.2.1", 3, "a."),
            offer("2001:db8::1", 3, "a."),
            offer("192.0.2.2", 0, "b."),
            Offer { service: None, ..offer("192.0.2.3", 1, "c.") },
        ];
        let made = Made::Srv { priority: 7 }.rdata(&offers);
        let shown = made.iter().map(|rdata| print(rtype::SRV, rdata).to_string());
        assert_eq!(shown.collect::<Vec<_>>(), ["7 3 5060 a.", "7 0 5060 b."]);
    }
}
