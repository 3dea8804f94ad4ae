//! The network of who asks a resolver (RFC 7871).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What client subnet says in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The address, bits behind the prefix zero; none of family 0, which says that there is nothing to say.
    pub address: Option<IpAddr>,
    /// How many bits of it count: at most those that the family has.
    pub prefix: u8,
}

/// Client subnet that is not as RFC 7871 §6 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The most bytes that the option's data take.
pub const SUBNET_MAX: usize = 20;

impl Subnet {
    /// Reads the option's data: family, prefix, scope, and of the address as many bytes as the prefix needs.
    ///
    /// ```text
    /// family   prefix   address
    /// 0        0        none       what `dig +subnet=0` sends
    /// 1        0-32     IPv4
    /// 2        0-128    IPv6
    /// ```
    pub fn read(data: &[u8]) -> Result<Self, Malformed> {
        let (&[f0, f1, prefix, scope], bytes) = data.split_first_chunk().ok_or(Malformed)?;
        let family = u16::from_be_bytes([f0, f1]);
        let bits: u8 = match family {
            0 => 0,
            1 => 32,
            2 => 128,
            _ => return Err(Malformed),
        };
        // In a query the scope is zero.
        if prefix > bits || scope != 0 || bytes.len() != usize::from(prefix).div_ceil(8) {
            return Err(Malformed);
        }
        let behind = u8::MAX.checked_shr(u32::from(prefix % 8)).unwrap_or_default();
        if prefix % 8 != 0 && bytes.last().is_some_and(|last| last & behind != 0) {
            return Err(Malformed);
        }
        let mut octets = [0; 16];
        octets[..bytes.len()].copy_from_slice(bytes);
        let address = match family {
            0 => None,
            1 => {
                let [a, b, c, d, ..] = octets;
                Some(IpAddr::V4(Ipv4Addr::from([a, b, c, d])))
            }
            _ => Some(IpAddr::V6(Ipv6Addr::from(octets))),
        };
        Ok(Self { address, prefix })
    }

    /// How many bytes the option's data take.
    #[must_use]
    pub fn data_len(&self) -> usize {
        4 + usize::from(self.prefix).div_ceil(8)
    }

    /// The option's data of an answer that holds for so many bits of the address (§7.2.1); the first
    /// [`Self::data_len`] bytes.
    #[must_use]
    pub fn answered(&self, scope: u8) -> [u8; SUBNET_MAX] {
        let mut data = [0; SUBNET_MAX];
        (data[2], data[3]) = (self.prefix, scope);
        match self.address {
            None => {}
            Some(IpAddr::V4(address)) => {
                data[1] = 1;
                data[4..8].copy_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                data[1] = 2;
                data[4..].copy_from_slice(&address.octets());
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7871_6_the_address_is_as_long_as_the_prefix_needs_and_not_a_bit_longer() {
        for (data, expected) in [
            (&[0, 1, 24, 0, 192, 0, 2][..], Some(("192.0.2.0", 24))),
            (&[0, 1, 0, 0], Some(("0.0.0.0", 0))),
            (&[0, 1, 32, 0, 192, 0, 2, 1], Some(("192.0.2.1", 32))),
            (&[0, 1, 20, 0, 192, 0, 0xf0], Some(("192.0.240.0", 20))),
            (&[0, 2, 33, 0, 0x20, 1, 0xd, 0xb8, 0x80], Some(("2001:db8:8000::", 33))),
            (&[0, 2, 0, 0], Some(("::", 0))),
            (&[0, 1, 20, 0, 192, 0, 0xf8], None),
            (&[0, 1, 24, 0, 192, 0], None),
            (&[0, 1, 24, 0, 192, 0, 2, 0], None),
            (&[0, 1, 33, 0, 192, 0, 2, 0, 0], None),
            (&[0, 1, 24, 24, 192, 0, 2], None),
            (&[0, 3, 0, 0], None),
            (&[0, 0, 1, 0, 0x80], None),
            (&[0, 1, 24], None),
            (&[], None),
        ] {
            let found = Subnet::read(data).ok();
            let expected = expected.map(|(address, prefix)| Subnet {
                address: Some(address.parse().expect("an address")),
                prefix,
            });
            assert_eq!(found, expected, "{data:?}");
            if let Some(subnet) = found {
                assert_eq!(subnet.answered(0)[..subnet.data_len()], *data);
            }
        }
        // §6 knows no such family; who has nothing to say uses it all the same.
        let none = Subnet { address: None, prefix: 0 };
        assert_eq!(Subnet::read(&[0; 4]), Ok(none));
        assert_eq!(none.answered(0)[..none.data_len()], [0; 4]);
    }

    #[test]
    fn no_data_are_read_past_their_end() {
        for prefix in 0..=255 {
            for len in 0..=20 {
                let data = [&[0, 2, prefix, 0][..], &vec![0; len]].concat();
                let is_right = prefix <= 128 && len == usize::from(prefix).div_ceil(8);
                assert_eq!(Subnet::read(&data).is_ok(), is_right, "/{prefix} of {len} bytes");
            }
        }
    }
}
