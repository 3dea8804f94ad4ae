//! Cookies: who has answered from an address before may be told more (RFC 7873, RFC 9018).
//!
//! ```text
//!   client cookie   8 bytes, the client's choice
//!   server cookie   version 1 | reserved, 3 bytes | time, 4 bytes | hash, 8 bytes
//!   hash            SipHash-2-4 of client cookie, the 8 bytes before it, and the client's address (RFC 9018 §4.4)
//! ```
//!
//! Servers that share a secret know each other's cookies. Where there are two secrets, the first one signs and both are
//! right, so that one can be exchanged on server after server (RFC 9018 §5).

use std::hash::Hasher as _;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// What both know that make and check cookies.
pub type Secret = [u8; 16];
/// A client's part.
pub type Client = [u8; 8];
/// A server's part, as RFC 9018 §4 has it.
pub type Server = [u8; 16];

/// The length of the option's data in an answer.
pub const COOKIE_LEN: usize = 24;
/// The lengths that a server cookie may have (RFC 7873 §4).
const SERVER_LENGTHS: std::ops::RangeInclusive<usize> = 8..=32;
/// The version of RFC 9018.
const VERSION: u8 = 1;
/// Seconds after which a cookie is exchanged for a fresh one, and those after which it is none any more (RFC 9018 §4.3).
const RENEW_AFTER: i32 = 1800;
const OLD_AFTER: i32 = 3600;
/// Seconds that a cookie may be ahead, as clocks of servers that share a secret differ.
const AHEAD_MAX: i32 = 300;

/// What a query has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A length that no cookie has: FORMERR (RFC 7873 §5.2.2).
    Malformed,
    /// A client's part alone.
    Client(Client),
    /// A client's part, with a server's that is not one of ours by its length.
    Foreign(Client),
    /// Both parts.
    Both(Client, Server),
}

/// What is to be done about a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The server's part is ours; this one goes into the answer, the same or a fresh one.
    Right(Server),
    /// There is none of ours, or not any more; this one goes into the answer.
    Wrong(Server),
}

impl Sent {
    pub(super) fn read(data: &[u8]) -> Self {
        let Some((&client, server)) = data.split_first_chunk() else { return Self::Malformed };
        match server.len() {
            0 => Self::Client(client),
            _ => match server.try_into() {
                Ok(server) => Self::Both(client, server),
                Err(_) if SERVER_LENGTHS.contains(&server.len()) => Self::Foreign(client),
                Err(_) => Self::Malformed,
            },
        }
    }
}

/// Makes the server's part of a cookie at this time, in seconds since 1970.
#[must_use]
pub fn make(secret: &Secret, client: Client, address: IpAddr, now: u64) -> Server {
    let mut server = [0; 16];
    server[0] = VERSION;
    // RFC 9018 §4.3: the time modulo 2^32.
    server[4..8].copy_from_slice(&(now as u32).to_be_bytes());
    sign(secret, client, &mut server, address);
    server
}

/// Judges the server's part of a cookie.
#[must_use]
pub fn judge(
    secrets: &[Secret],
    client: Client,
    server: &Server,
    address: IpAddr,
    now: u64,
) -> Option<Judged> {
    let first = secrets.first()?;
    let time = u32::from_be_bytes([server[4], server[5], server[6], server[7]]);
    // RFC 1982 §3.2 is what a signed difference says.
    let age = (now as u32).wrapping_sub(time).cast_signed();
    let is_of = |secret: &Secret| {
        let mut own = *server;
        sign(secret, client, &mut own, address);
        own == *server
    };
    let is_timely = (-AHEAD_MAX..=OLD_AFTER).contains(&age);
    let signer = secrets.iter().position(is_of).filter(|_| server[0] == VERSION && is_timely);
    let fresh = || make(first, client, address, now);
    Some(match signer {
        None => Judged::Wrong(fresh()),
        Some(0) if age <= RENEW_AFTER => Judged::Right(*server),
        Some(_) => Judged::Right(fresh()),
    })
}

/// Sets the last 8 bytes to the hash of the rest.
fn sign(secret: &Secret, client: Client, server: &mut Server, address: IpAddr) {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write(&client);
    hasher.write(&server[..8]);
    match address {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    server[8..].copy_from_slice(&hasher.finish().to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let number = u128::from_str_radix(text, 16).expect("hexadecimal digits");
        let bytes = number.to_be_bytes();
        bytes[16 - N..].try_into().expect("N bytes")
    }

    /// The examples of RFC 9018, appendix A: secrets, client's part and address, what is sent, when, what comes back.
    #[test]
    fn rfc9018_a_examples() {
        let one = "e5e973e5a6b2a43f48e7dc849e37bfcf";
        let (new, old) = ("445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715");
        for (secrets, client, address, sent, now, expected) in [
            // A.1: a client's part alone.
            (
                &[one][..],
                "2464c4abcf10c957",
                "198.51.100.100",
                None,
                1_559_731_985,
                "010000005cf79f111f8130c3eee29480",
            ),
            // A.2: 40 minutes later it is renewed.
            (
                &[one],
                "2464c4abcf10c957",
                "198.51.100.100",
                Some("010000005cf79f111f8130c3eee29480"),
                1_559_734_385,
                "010000005cf7a871d4a564a1442aca77",
            ),
            // A.3: an hour and more later; the reserved bytes were hashed as they are, and are zero in what is made.
            (
                &[one],
                "fc93fc62807ddb86",
                "203.0.113.203",
                Some("01abcdef5cf78f71a314227b6679ebf5"),
                1_559_734_700,
                "010000005cf7a9acf73a7810aca2381e",
            ),
            // A.4: the secret was exchanged.
            (
                &[new, old],
                "22681ab97d52c298",
                "2001:db8:220:1:59de:d0f4:8769:82b8",
                Some("010000005cf7c57926556bd0934c72f8"),
                1_559_741_961,
                "010000005cf7c609a6bb79d16625507a",
            ),
        ] {
            let secrets: Vec<Secret> = secrets.iter().map(|text| hex(text)).collect();
            let (client, address) = (hex(client), address.parse().expect("an address"));
            let expected: Server = hex(expected);
            match sent {
                None => assert_eq!(make(&secrets[0], client, address, now), expected),
                Some(sent) => {
                    let sent: Server = hex(sent);
                    let judge = |now| judge(&secrets, client, &sent, address, now);
                    let made = u64::from(u32::from_be_bytes([sent[4], sent[5], sent[6], sent[7]]));
                    let is_late = now - made > 3600;
                    let expected_now =
                        if is_late { Judged::Wrong(expected) } else { Judged::Right(expected) };
                    assert_eq!(judge(now), Some(expected_now), "{sent:?}");
                    assert!(matches!(judge(made + 1), Some(Judged::Right(_))), "{sent:?}");
                }
            }
        }
    }

    #[test]
    fn rfc9018_4_3_a_cookie_is_right_for_an_hour_and_renewed_after_half_of_it() {
        let (secret, client) = ([1; 16], [2; 8]);
        let address = IpAddr::from([192, 0, 2, 1]);
        for begin in [1_800_000_000, u64::from(u32::MAX)] {
            let server = make(&secret, client, address, begin);
            for (age, is_right, is_same) in [
                (-301, false, false),
                (-300, true, true),
                (0, true, true),
                (1800, true, true),
                (1801, true, false),
                (3600, true, false),
                (3601, false, false),
            ] {
                let now = begin.checked_add_signed(age).expect("after 1970");
                let fresh = make(&secret, client, address, now);
                let back = if is_same { server } else { fresh };
                let expected = if is_right { Judged::Right(back) } else { Judged::Wrong(back) };
                let judged = judge(&[secret], client, &server, address, now);
                assert_eq!(judged, Some(expected), "{age} s after {begin}");
            }
        }
    }

    #[test]
    fn rfc9018_4_4_the_hash_covers_client_version_time_and_address() {
        let (secret, client, now) = ([1; 16], [2; 8], 1_800_000_000);
        let address = IpAddr::from([192, 0, 2, 1]);
        let server = make(&secret, client, address, now);
        let judged = |secret, client: Client, server: &Server, address: &str| {
            judge(&[secret], client, server, address.parse().expect("an address"), now)
        };
        assert_eq!(judged(secret, client, &server, "192.0.2.1"), Some(Judged::Right(server)));
        let is_wrong = |judged| matches!(judged, Some(Judged::Wrong(_)));
        assert!(is_wrong(judged([3; 16], client, &server, "192.0.2.1")));
        assert!(is_wrong(judged(secret, [3; 8], &server, "192.0.2.1")));
        assert!(is_wrong(judged(secret, client, &server, "192.0.2.2")));
        assert!(is_wrong(judged(secret, client, &server, "::ffff:192.0.2.1")));
        for at in 0..server.len() {
            let mut other = server;
            other[at] ^= 1;
            assert!(is_wrong(judged(secret, client, &other, "192.0.2.1")), "byte {at}");
        }
    }

    #[test]
    fn rfc7873_5_2_2_lengths_that_cannot_be() {
        for len in 0..48 {
            let sent = Sent::read(&vec![7; len]);
            let expected = match len {
                24 => Sent::Both([7; 8], [7; 16]),
                8 => Sent::Client([7; 8]),
                16..=40 => Sent::Foreign([7; 8]),
                _ => Sent::Malformed,
            };
            assert_eq!(sent, expected, "{len} bytes");
        }
    }
}
