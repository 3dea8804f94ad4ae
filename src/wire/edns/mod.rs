//! EDNS options: which of them a query has, and what they say. Nothing is copied until somebody asks for it.
//!
//! | RFC | option | where |
//! |---|---|---|
//! | 5001 | NSID, the name of a server | [`Options::nsid`] |
//! | 7828 | keepalive of a stream | [`Options::keepalive`] |
//! | 7830 | padding | [`Options::padding`] |
//! | 7871 | client subnet | [`subnet`] |
//! | 7873, 9018 | cookies | [`cookie`] |
//! | 8914 | extended errors | [`error`] |

pub mod cookie;
pub mod error;
pub mod subnet;

use cookie::Sent;
use subnet::{Malformed, Subnet};

/// The numbers of options.
pub mod option {
    /// The name of a server (RFC 5001).
    pub const NSID: u16 = 3;
    /// The network of who asks a resolver (RFC 7871).
    pub const CLIENT_SUBNET: u16 = 8;
    /// A cookie (RFC 7873).
    pub const COOKIE: u16 = 10;
    /// How long a stream may idle (RFC 7828).
    pub const KEEPALIVE: u16 = 11;
    /// Bytes that say nothing (RFC 7830).
    pub const PADDING: u16 = 12;
    /// What a response code does not tell (RFC 8914).
    pub const EXTENDED_ERROR: u16 = 15;
}

/// The length of an option before its data.
pub const OPTION_HEAD: usize = 4;

/// Which options a query has. Of several of one kind the first counts (RFC 7873 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether one of those below is there.
    pub any: bool,
    /// Whether the name of the server is asked for; what else the option says does not matter (RFC 5001 §2.1).
    pub nsid: bool,
    /// Whether an answer of a length that says nothing is welcome.
    pub padding: bool,
    /// Keepalive.
    keepalive: Option<Span>,
    /// A cookie.
    cookie: Option<Span>,
    /// Client subnet.
    subnet: Option<Span>,
}

/// Where the data of an option stand in the message, and how many bytes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    at: u16,
    len: u16,
}

impl Span {
    fn of(self, message: &[u8]) -> &[u8] {
        let at = usize::from(self.at);
        message.get(at..at + usize::from(self.len)).unwrap_or_default()
    }
}

impl Options {
    /// Notes the options of an OPT record whose RDATA stand at `at` in the message and are so long; `None` where one is
    /// longer than what is left (RFC 6891 §6.1.2). Unknown ones are passed over.
    #[cold]
    pub(super) fn read(message: &[u8], at: usize, len: usize) -> Option<Self> {
        let mut options = Self::default();
        let (mut at, end) = (at, at + len);
        while at < end {
            let &[c0, c1, l0, l1] = message.get(at..end)?.first_chunk()?;
            at += OPTION_HEAD;
            let len = u16::from_be_bytes([l0, l1]);
            message.get(at..end)?.get(..usize::from(len))?;
            // A message is at most 65,535 bytes long.
            options.note(u16::from_be_bytes([c0, c1]), Span { at: at as u16, len });
            at += usize::from(len);
        }
        Some(options)
    }

    fn note(&mut self, code: u16, span: Span) {
        let place = match code {
            option::NSID => {
                (self.any, self.nsid) = (true, true);
                return;
            }
            option::PADDING => {
                (self.any, self.padding) = (true, true);
                return;
            }
            option::KEEPALIVE => &mut self.keepalive,
            option::COOKIE => &mut self.cookie,
            option::CLIENT_SUBNET => &mut self.subnet,
            _ => return,
        };
        self.any = true;
        place.get_or_insert(span);
    }

    /// Whether keepalive is there, and right: in a query it is empty (RFC 7828 §3.2.1).
    #[must_use]
    pub fn keepalive(&self) -> Option<bool> {
        self.keepalive.map(|span| span.len == 0)
    }

    /// The cookie.
    #[must_use]
    pub fn cookie(&self, message: &[u8]) -> Option<Sent> {
        self.cookie.map(|span| Sent::read(span.of(message)))
    }

    /// The client subnet.
    #[must_use]
    pub fn subnet(&self, message: &[u8]) -> Option<Result<Subnet, Malformed>> {
        self.subnet.map(|span| Subnet::read(span.of(message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rdata: &[u8]) -> Option<Options> {
        let message = [b"before", rdata].concat();
        Options::read(&message, 6, rdata.len())
    }

    #[test]
    fn rfc6891_6_1_2_options_are_whole_and_unknown_ones_do_not_matter() {
        for (rdata, is_whole) in [
            (&[][..], true),
            (&[0xff, 0xf0, 0, 0], true),
            (&[0xff, 0xf0, 0, 2, 1, 2, 0, 9, 0, 1, 7], true),
            (&[0xff, 0xf0, 0, 3, 1, 2], false),
            (&[0xff, 0xf0, 0, 2, 1, 2, 0], false),
            (&[0], false),
        ] {
            let expected = is_whole.then(Options::default);
            assert_eq!(read(rdata), expected, "{rdata:?}");
        }
    }

    #[test]
    fn each_option_is_noted_once() {
        let rdata = [
            &[0, 3, 0, 0][..],
            &[0, 12, 0, 3, 9, 9, 9],
            &[0, 11, 0, 0],
            &[0, 11, 0, 2, 0, 1],
            &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0, 10, 0, 1, 1],
            &[0, 8, 0, 4, 0, 1, 0, 0],
        ]
        .concat();
        let options = read(&rdata).expect("they are whole");
        assert!(options.any && options.nsid && options.padding);
        assert_eq!(options.keepalive(), Some(true));
        let message = [b"before", &rdata[..]].concat();
        assert_eq!(options.cookie(&message), Some(Sent::Client([1, 2, 3, 4, 5, 6, 7, 8])));
        assert!(options.subnet(&message).is_some_and(|subnet| subnet.is_ok()));
        let wrong = read(&[0, 11, 0, 2, 0, 1]).expect("it is whole");
        assert_eq!(wrong.keepalive(), Some(false));
    }
}
