//! Numbers in RDATA that may be written as words.

use super::reader::number;

/// DNSSEC algorithms (RFC 4034 Appendix A.1 and the registry that it began).
const ALGORITHMS: [(&str, u8); 17] = [
    ("DELETE", 0),
    ("RSAMD5", 1),
    ("DH", 2),
    ("DSA", 3),
    ("RSASHA1", 5),
    ("DSA-NSEC3-SHA1", 6),
    ("RSASHA1-NSEC3-SHA1", 7),
    ("RSASHA256", 8),
    ("RSASHA512", 10),
    ("ECC-GOST", 12),
    ("ECDSAP256SHA256", 13),
    ("ECDSAP384SHA384", 14),
    ("ED25519", 15),
    ("ED448", 16),
    ("INDIRECT", 252),
    ("PRIVATEDNS", 253),
    ("PRIVATEOID", 254),
];

/// Kinds of certificates (RFC 4398 §2.1).
const CERTIFICATE_TYPES: [(&str, u16); 10] = [
    ("PKIX", 1),
    ("SPKI", 2),
    ("PGP", 3),
    ("IPKIX", 4),
    ("ISPKI", 5),
    ("IPGP", 6),
    ("ACPKIX", 7),
    ("IACPKIX", 8),
    ("URI", 253),
    ("OID", 254),
];

/// Protocols of IP that WKS has seen (RFC 1035 §3.4.2).
const PROTOCOLS: [(&str, u8); 2] = [("TCP", 6), ("UDP", 17)];

/// Services that WKS has seen; their ports are the same over TCP and UDP.
const SERVICES: [(&str, u16); 16] = [
    ("echo", 7),
    ("discard", 9),
    ("daytime", 13),
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("domain", 53),
    ("tftp", 69),
    ("finger", 79),
    ("http", 80),
    ("pop3", 110),
    ("nntp", 119),
    ("https", 443),
];

/// Schemes of DSYNC (RFC 9859 §2.2).
const SCHEMES: [(&str, u8); 1] = [("NOTIFY", 1)];

pub(super) fn protocol(text: &[u8]) -> Option<u8> {
    find(&PROTOCOLS, text).or_else(|| Some(number(text, u32::from(u8::MAX))? as u8))
}

pub(super) fn service(text: &[u8]) -> Option<u16> {
    find(&SERVICES, text).or_else(|| Some(number(text, u32::from(u16::MAX))? as u16))
}

pub(super) fn scheme(text: &[u8]) -> Option<u8> {
    find(&SCHEMES, text).or_else(|| Some(number(text, u32::from(u8::MAX))? as u8))
}

/// What a scheme is called, if it has a name.
pub(super) fn scheme_name(scheme: u8) -> Option<&'static str> {
    SCHEMES.iter().find(|(_, number)| *number == scheme).map(|&(name, _)| name)
}

pub(super) fn algorithm(text: &[u8]) -> Option<u8> {
    find(&ALGORITHMS, text).or_else(|| Some(number(text, u32::from(u8::MAX))? as u8))
}

pub(super) fn certificate_type(text: &[u8]) -> Option<u16> {
    find(&CERTIFICATE_TYPES, text).or_else(|| Some(number(text, u32::from(u16::MAX))? as u16))
}

fn find<T: Copy>(words: &[(&str, T)], text: &[u8]) -> Option<T> {
    words.iter().find(|(word, _)| word.as_bytes().eq_ignore_ascii_case(text)).map(|&(_, n)| n)
}
