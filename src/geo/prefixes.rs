//! A set of networks: who is in one of them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::spans::{Address, Spans, by_family};

/// Networks of both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    v4: Spans<u32, bool>,
    v6: Spans<u128, bool>,
}

impl Prefixes {
    /// The set of these.
    #[must_use]
    pub fn new(prefixes: &[IpNet]) -> Self {
        let v4 = prefixes.iter().filter_map(|prefix| match prefix {
            IpNet::V4(net) => Some((net.network().to_bits(), net.broadcast().to_bits())),
            IpNet::V6(_) => None,
        });
        let v6 = prefixes.iter().filter_map(|prefix| match prefix {
            IpNet::V6(net) => Some((net.network().to_bits(), net.broadcast().to_bits())),
            IpNet::V4(_) => None,
        });
        Self { v4: union(v4.collect()), v6: union(v6.collect()) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether an address is in one of them.
    #[inline]
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        let found = by_family(address, |v4| self.v4.find(v4), |v6| self.v6.find(v6));
        found.is_some_and(|is_in| *is_in)
    }

    /// How many bits of an address say whether it is in one of them.
    #[must_use]
    pub fn bits(&self, address: IpAddr) -> u8 {
        by_family(address, |v4| self.v4.bits(v4), |v6| self.v6.bits(v6))
    }
}

/// Networks, some within others, as spans of what is in one of them and what is not.
fn union<A: Address>(mut networks: Vec<(A, A)>) -> Spans<A, bool> {
    networks.sort_unstable();
    let mut spans: Vec<(A, bool)> = Vec::new();
    // Up to where all is in the set.
    let mut until: Option<A> = None;
    for (first, last) in networks {
        match until {
            Some(end) if last <= end => continue,
            // Right behind the one before, or within it.
            Some(end) if first.bits() <= end.bits() + 1 => {
                spans.pop_if(|(_, is_in)| !*is_in);
            }
            _ => spans.push((first, true)),
        }
        until = Some(last);
        if last.bits() < u128::MAX >> (128 - A::BITS) {
            spans.push((A::from_bits(last.bits() + 1), false));
        }
    }
    Spans::new(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_one_of_them() {
        let texts =
            "10.0.0.0/8 10.1.0.0/16 192.0.2.0/25 192.0.2.128/25 255.255.255.255/32 fd00::/8";
        let nets: Vec<IpNet> = texts.split(' ').map(|text| text.parse().expect(text)).collect();
        let prefixes = Prefixes::new(&nets);
        for (address, expected, bits) in [
            ("9.255.255.255", false, 7),
            ("10.0.0.0", true, 8),
            ("10.1.2.3", true, 8),
            ("10.255.255.255", true, 8),
            ("11.0.0.0", false, 8),
            ("192.0.2.1", true, 24),
            ("192.0.2.200", true, 24),
            ("192.0.3.0", false, 24),
            ("255.255.255.255", true, 32),
            ("::ffff:10.1.2.3", true, 8),
            ("fd12::1", true, 8),
            ("fe00::", false, 7),
            ("2001:db8::", false, 1),
        ] {
            let address: IpAddr = address.parse().expect(address);
            assert_eq!(
                (prefixes.has(address), prefixes.bits(address)),
                (expected, bits),
                "{address}"
            );
        }
        assert!(Prefixes::new(&[]).is_empty() && !prefixes.is_empty());
        let all = Prefixes::new(&["0.0.0.0/0".parse().expect("all")]);
        assert_eq!((all.has([192, 0, 2, 1].into()), all.bits([192, 0, 2, 1].into())), (true, 0));
    }
}
