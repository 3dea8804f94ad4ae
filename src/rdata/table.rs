//! The table of record types: what each is called and which fields its RDATA has.
//!
//! All that is known of a type follows from its row: reading ([`super::parse`]), printing
//! ([`super::print`]), where names stand, which of them may be compressed or are lower-cased in the
//! canonical form ([`super::walk`]). A new type is a new row; a new way to write something is a new
//! [`Field`], and the compiler then lists the places that must know it.
//!
//! The types are those of IANA's registry that have a text in use. Left to the generic form are those that never had one
//! (UINFO, UID, GID, UNSPEC) and those that are gone: NXT (RFC 3755) and A6 (RFC 6563).

use std::fmt;

/// What a field of RDATA is, in the text and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    U8,
    U16,
    U32,
    U64,
    /// Thirty-two bits of seconds, written with units if one likes.
    Seconds,
    /// A DNSSEC algorithm: a number or a mnemonic, one byte.
    Algorithm,
    /// A kind of certificate: a number or a mnemonic, two bytes.
    CertificateType,
    /// A record type, two bytes.
    Type,
    /// A point in time (RFC 4034 §3.2).
    Time,
    Ipv4,
    Ipv6,
    Name(Case),
    /// Any number of names, to the end; none is lower-cased in the canonical form.
    Names,
    /// A length byte and up to 255 bytes (RFC 1035 §3.3).
    String,
    /// The same, at the end, and may be left out.
    OptionalString,
    /// One or more of them, to the end.
    Strings,
    /// One string that goes to the end and has no length.
    Text,
    /// A length byte, then letters and digits (RFC 8659 §4.1).
    Tag,
    /// Bytes to the end, at least one.
    Hex,
    Base64,
    /// Bytes to the end, perhaps none.
    OptionalBase64,
    /// The same, where `-` stands for none (BIND's DOA).
    Base64OrDash,
    /// A length byte, then bytes in hex, `-` for none (RFC 5155 §3.3).
    Salt,
    /// A length byte, then bytes in base32hex (RFC 5155 §3.3).
    Hash,
    /// Types as a bitmap to the end (RFC 4034 §4.1.2).
    Types,
    /// Parameters of SVCB to the end (RFC 9460 §2.2).
    SvcParams,
    /// Six bytes as `00-00-5e-00-53-2a` (RFC 7043 §3.2).
    Eui48,
    /// Eight bytes as `00-00-5e-ef-10-00-00-2a` (RFC 7043 §4.2).
    Eui64,
    /// Eight bytes as `2001:0db8:1140:1000` (RFC 6742 §2.1.2, §2.3.2).
    Locator64,
    /// A place on Earth (RFC 1876).
    Location,
    /// Address prefixes to the end, perhaps none (RFC 3123).
    Prefixes,
    /// Gateway type, algorithm and gateway (RFC 4025 §2.1).
    Gateway,
    /// Discovery flag, relay type and relay (RFC 8777 §4.1).
    Relay,
    /// Lengths, algorithm, identity tag and public key (RFC 8005 §5).
    HostIdentity,
    /// Bytes as `0x47.0005.80`, to the end (RFC 1706 §7).
    Nsap,
    /// An ATM address to the end.
    Atma,
    /// A protocol and its services to the end (RFC 1035 §3.4.2).
    Services,
    /// A scheme of DSYNC: a number or a mnemonic, one byte (RFC 9859 §2.2).
    Scheme,
    /// Bytes that have no text form.
    Opaque,
}

/// What may happen to a name in RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// It may be compressed when sent (RFC 3597 §4), and is lower-cased in the canonical form.
    Compressible,
    /// Lower-cased in the canonical form (RFC 4034 §6.2, RFC 6840 §5.1), never compressed.
    Lowered,
    /// Neither.
    Kept,
}

/// A field and what it is called.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: &'static str,
    pub(super) field: Field,
}

/// A record type.
#[derive(Debug)]
pub(super) struct Type {
    pub(super) number: u16,
    pub(super) name: &'static str,
    pub(super) slots: &'static [Slot],
}

impl Type {
    /// Whether the type is written in the generic form alone.
    pub(super) fn is_opaque(&self) -> bool {
        matches!(self.slots, [Slot { field: Field::Opaque, .. }])
    }
}

macro_rules! types {
    (@name $name:ident) => { stringify!($name) };
    (@name $name:ident $text:literal) => { $text };
    (
        records { $($name:ident $(= $text:literal)? $number:literal { $($slot:literal $field:expr),* })* }
        meta { $($meta:ident $meta_number:literal)* }
    ) => {
        /// The numbers of record types, questions' types among them.
        pub mod rtype {
            $(#[doc = concat!("The type ", stringify!($name), ".")] pub const $name: u16 = $number;)*
            $(
                #[doc = concat!("The type ", stringify!($meta), ", which no record in a zone has.")]
                pub const $meta: u16 = $meta_number;
            )*
        }

        /// By number, rising.
        static TYPES: &[Type] = &[$(
            Type {
                number: $number,
                name: types!(@name $name $($text)?),
                slots: &[$(Slot { name: $slot, field: $field }),*],
            },
        )*];

        /// Types of questions and of records that belong to a message, not to a zone.
        static META: &[(u16, &str)] = &[$(($meta_number, stringify!($meta)),)*];
    };
}

use Case::{Compressible, Kept, Lowered};
use Field::{
    Algorithm, Atma, Base64, Base64OrDash, CertificateType, Eui48, Eui64, Gateway, Hash, Hex,
    HostIdentity, Ipv4, Ipv6, Location, Locator64, Name, Names, Nsap, Opaque, OptionalBase64,
    OptionalString, Prefixes, Relay, Salt, Scheme, Seconds, Services, String, Strings, SvcParams,
    Tag, Text, Time, Type as TypeField, Types, U8, U16, U32, U64,
};

types! {
    records {
        A 1 { "address" Ipv4 }
        NS 2 { "host" Name(Compressible) }
        MD 3 { "host" Name(Compressible) }
        MF 4 { "host" Name(Compressible) }
        CNAME 5 { "target" Name(Compressible) }
        SOA 6 {
            "mname" Name(Compressible), "rname" Name(Compressible), "serial" U32,
            "refresh" Seconds, "retry" Seconds, "expire" Seconds, "minimum" Seconds
    }
        MB 7 { "host" Name(Compressible) }
        MG 8 { "mailbox" Name(Compressible) }
        MR 9 { "mailbox" Name(Compressible) }
        NULL 10 { "bytes" Opaque }
        WKS 11 { "address" Ipv4, "protocol services" Services }
        PTR 12 { "target" Name(Compressible) }
        HINFO 13 { "cpu" String, "os" String }
        MINFO 14 { "rmailbx" Name(Compressible), "emailbx" Name(Compressible) }
        MX 15 { "preference" U16, "exchange" Name(Compressible) }
        TXT 16 { "strings" Strings }
        RP 17 { "mailbox" Name(Lowered), "txt" Name(Lowered) }
        AFSDB 18 { "subtype" U16, "host" Name(Lowered) }
        X25 19 { "address" String }
        ISDN 20 { "address" String, "subaddress" OptionalString }
        RT 21 { "preference" U16, "host" Name(Lowered) }
        NSAP 22 { "address" Nsap }
        NSAP_PTR = "NSAP-PTR" 23 { "target" Name(Kept) }
        SIG 24 {
            "type-covered" TypeField, "algorithm" Algorithm, "labels" U8, "original-ttl" Seconds,
            "expiration" Time, "inception" Time, "key-tag" U16, "signer" Name(Lowered),
            "signature" Base64
    }
        KEY 25 { "flags" U16, "protocol" U8, "algorithm" Algorithm, "public-key" OptionalBase64 }
        PX 26 { "preference" U16, "map822" Name(Lowered), "mapx400" Name(Lowered) }
        GPOS 27 { "longitude" String, "latitude" String, "altitude" String }
        AAAA 28 { "address" Ipv6 }
        LOC 29 { "location" Location }
        EID 31 { "identifier" Hex }
        NIMLOC 32 { "locator" Hex }
        SRV 33 { "priority" U16, "weight" U16, "port" U16, "target" Name(Lowered) }
        ATMA 34 { "address" Atma }
        NAPTR 35 {
            "order" U16, "preference" U16, "flags" String, "services" String, "regexp" String,
            "replacement" Name(Lowered)
    }
        KX 36 { "preference" U16, "exchanger" Name(Lowered) }
        CERT 37 { "type" CertificateType, "key-tag" U16, "algorithm" Algorithm, "certificate" Base64 }
        DNAME 39 { "target" Name(Lowered) }
        SINK 40 { "meaning" U8, "coding" U8, "subcoding" U8, "data" OptionalBase64 }
        APL 42 { "prefixes" Prefixes }
        DS 43 { "key-tag" U16, "algorithm" Algorithm, "digest-type" U8, "digest" Hex }
        SSHFP 44 { "algorithm" U8, "type" U8, "fingerprint" Hex }
        IPSECKEY 45 {
            "precedence" U8, "gateway-type algorithm gateway" Gateway, "public-key" OptionalBase64
    }
        RRSIG 46 {
            "type-covered" TypeField, "algorithm" Algorithm, "labels" U8, "original-ttl" Seconds,
            "expiration" Time, "inception" Time, "key-tag" U16, "signer" Name(Lowered),
            "signature" Base64
    }
        NSEC 47 { "next" Name(Kept), "types" Types }
        DNSKEY 48 { "flags" U16, "protocol" U8, "algorithm" Algorithm, "public-key" Base64 }
        DHCID 49 { "identifier" Base64 }
        NSEC3 50 {
            "hash-algorithm" U8, "flags" U8, "iterations" U16, "salt" Salt, "next" Hash, "types" Types
    }
        NSEC3PARAM 51 { "hash-algorithm" U8, "flags" U8, "iterations" U16, "salt" Salt }
        TLSA 52 { "usage" U8, "selector" U8, "matching-type" U8, "data" Hex }
        SMIMEA 53 { "usage" U8, "selector" U8, "matching-type" U8, "data" Hex }
        HIP 55 { "algorithm hit public-key" HostIdentity, "servers" Names }
        NINFO 56 { "strings" Strings }
        RKEY 57 { "flags" U16, "protocol" U8, "algorithm" Algorithm, "public-key" Base64 }
        TALINK 58 { "previous" Name(Kept), "next" Name(Kept) }
        CDS 59 { "key-tag" U16, "algorithm" Algorithm, "digest-type" U8, "digest" Hex }
        CDNSKEY 60 { "flags" U16, "protocol" U8, "algorithm" Algorithm, "public-key" Base64 }
        OPENPGPKEY 61 { "key" Base64 }
        CSYNC 62 { "serial" U32, "flags" U16, "types" Types }
        ZONEMD 63 { "serial" U32, "scheme" U8, "hash-algorithm" U8, "digest" Hex }
        SVCB 64 { "priority" U16, "target" Name(Kept), "parameters" SvcParams }
        HTTPS 65 { "priority" U16, "target" Name(Kept), "parameters" SvcParams }
        DSYNC 66 { "type" TypeField, "scheme" Scheme, "port" U16, "target" Name(Kept) }
        HHIT 67 { "data" Base64 }
        BRID 68 { "data" Base64 }
        SPF 99 { "strings" Strings }
        NID 104 { "preference" U16, "node-id" Locator64 }
        L32 105 { "preference" U16, "locator" Ipv4 }
        L64 106 { "preference" U16, "locator" Locator64 }
        LP 107 { "preference" U16, "target" Name(Kept) }
        EUI48 108 { "address" Eui48 }
        EUI64 109 { "address" Eui64 }
        URI 256 { "priority" U16, "weight" U16, "target" Text }
        CAA 257 { "flags" U8, "tag" Tag, "value" Text }
        AVC 258 { "strings" Strings }
        DOA 259 {
            "enterprise" U32, "type" U32, "location" U8, "media-type" String, "data" Base64OrDash
    }
        AMTRELAY 260 { "precedence" U8, "discovery relay-type relay" Relay }
        RESINFO 261 { "strings" Strings }
        WALLET 262 { "strings" Strings }
        CLA 263 { "strings" Strings }
        IPN 264 { "node" U64 }
        TA 32768 { "key-tag" U16, "algorithm" Algorithm, "digest-type" U8, "digest" Hex }
        DLV 32769 { "key-tag" U16, "algorithm" Algorithm, "digest-type" U8, "digest" Hex }
    }
    meta {
        OPT 41
        NXNAME 128
        TKEY 249
        TSIG 250
        IXFR 251
        AXFR 252
        MAILB 253
        MAILA 254
        ANY 255
    }
}

/// The row of a type, if it has one.
pub(super) fn lookup(rtype: u16) -> Option<&'static Type> {
    /// Numbers below this are found at once; the few above are searched.
    const NUMBERS: usize = 512;
    /// No row.
    const NONE: u8 = u8::MAX;
    const FOUND: ([u8; NUMBERS], usize) = {
        let mut rows = [NONE; NUMBERS];
        let mut row = 0;
        while row < TYPES.len() && (TYPES[row].number as usize) < NUMBERS {
            rows[TYPES[row].number as usize] = row as u8;
            row += 1;
        }
        (rows, row)
    };
    static ROW: [u8; NUMBERS] = FOUND.0;

    match ROW.get(usize::from(rtype)) {
        Some(row) => TYPES.get(usize::from(*row)),
        None => TYPES[FOUND.1..].iter().find(|row| row.number == rtype),
    }
}

/// The number of the type that a text names: a mnemonic, or `TYPE` and a number (RFC 3597 §5).
///
/// Types that no record in a zone has (RFC 6895 §3.1) are not found.
#[inline]
pub(crate) fn parse_type(text: &[u8]) -> Option<u16> {
    parse_mnemonic(text).or_else(|| parse_number(text)).filter(|&number| !is_meta(number))
}

/// Whether a type stands for others or belongs to messages, so that no record in a zone has it (RFC 6895 §3.1).
#[must_use]
pub fn is_meta(rtype: u16) -> bool {
    matches!(rtype, 0 | rtype::OPT | 128..=255)
}

/// The same for a type that RDATA speaks of, which may be any: NXNAME stands in NSEC (RFC 9824 §3.5).
pub(super) fn parse_any_type(text: &[u8]) -> Option<u16> {
    let meta = || META.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(text));
    parse_mnemonic(text)
        .or_else(|| parse_number(text))
        .or_else(|| meta().map(|&(number, _)| number))
}

#[inline]
fn parse_mnemonic(text: &[u8]) -> Option<u16> {
    let key = key(text)?;
    let mut slot = slot(key);
    while MNEMONICS[slot].0 != 0 {
        if MNEMONICS[slot].0 == key {
            return Some(MNEMONICS[slot].1);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

fn parse_number(text: &[u8]) -> Option<u16> {
    let (prefix, digits) = text.split_at_checked(4)?;
    if !prefix.eq_ignore_ascii_case(b"TYPE") {
        return None;
    }
    Some(super::reader::number(digits, u32::from(u16::MAX))? as u16)
}

/// The most bytes that a mnemonic has.
const MNEMONIC_MAX: usize = 16;

/// How many places there are for mnemonics: so many that most are alone in theirs, since a million
/// records ask a million times.
const SLOTS: usize = 512;

/// Mnemonics as numbers, and their types; each in the first free place from its own, 0 where none is.
static MNEMONICS: [(u128, u16); SLOTS] = {
    let mut slots = [(0, 0); SLOTS];
    let mut row = 0;
    while row < TYPES.len() {
        let Some(key) = key(TYPES[row].name.as_bytes()) else { panic!("a mnemonic is too long") };
        let mut slot = slot(key);
        while slots[slot].0 != 0 {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = (key, TYPES[row].number);
        row += 1;
    }
    slots
};

/// The place of a mnemonic.
const fn slot(key: u128) -> usize {
    let folded = (key ^ key >> 64) as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize
}

/// A mnemonic in upper case as one number.
const fn key(text: &[u8]) -> Option<u128> {
    if text.len() > MNEMONIC_MAX {
        return None;
    }
    let mut key = 0;
    let mut at = 0;
    while at < text.len() {
        key = key << 8 | text[at].to_ascii_uppercase() as u128;
        at += 1;
    }
    Some(key)
}

/// The mnemonic that is nearest to a misspelt one, if one is near enough to have been meant.
pub(crate) fn nearest_type(text: &[u8]) -> Option<&'static str> {
    if text.len() > MNEMONIC_MAX {
        return None;
    }
    let allowed = if text.len() < 4 { 1 } else { 2 };
    TYPES
        .iter()
        .map(|row| (distance(text, row.name.as_bytes()), row.name))
        // The first of the nearest: low numbers are the types that are used most.
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, name)| distance <= allowed && distance < name.len())
        .map(|(_, name)| name)
}

/// How many letters must be added, dropped or replaced, or neighbours swapped, to make `a` into `b`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [[0; MNEMONIC_MAX + 1]; MNEMONIC_MAX + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let same = |i: usize, j: usize| a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(!same(i, j));
                let moved = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = if i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j) {
                    rows[i - 2][j - 2] + 1
                } else {
                    usize::MAX
                };
                replaced.min(moved).min(swapped)
            };
        }
    }
    rows[a.len()][b.len()]
}

/// Writes what a type is called: its mnemonic, or `TYPE` and its number.
pub(super) fn write_type(rtype: u16, f: &mut dyn fmt::Write) -> fmt::Result {
    let meta = || META.iter().find(|&&(number, _)| number == rtype).map(|&(_, name)| name);
    match lookup(rtype).map(|row| row.name).or_else(meta) {
        Some(name) => f.write_str(name),
        None => write!(f, "TYPE{rtype}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_number_and_by_name() {
        for row in TYPES {
            assert_eq!(lookup(row.number).map(|found| found.name), Some(row.name));
            assert_eq!(parse_type(row.name.as_bytes()), Some(row.number), "{}", row.name);
            assert_eq!(parse_type(row.name.to_lowercase().as_bytes()), Some(row.number));
        }
        assert!(TYPES.is_sorted_by_key(|row| row.number));
        assert!(lookup(38).is_none() && lookup(265).is_none() && lookup(u16::MAX).is_none());
    }

    #[test]
    fn rfc3597_5_any_type_has_a_number_for_a_name() {
        for (text, expected) in [
            ("TYPE1", Some(1)),
            ("type257", Some(257)),
            ("TYPE65535", Some(65535)),
            ("TYPE65536", None),
            ("TYPE", None),
            ("TYPE+1", None),
            ("TYPÉ1", None),
        ] {
            assert_eq!(parse_type(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn rfc6895_3_1_types_of_questions_are_not_types_of_records() {
        for text in ["ANY", "AXFR", "OPT", "TSIG", "TYPE41", "TYPE255", "TYPE128", "TYPE0", "*"] {
            assert_eq!(parse_type(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_misspelt_type_finds_the_one_that_was_meant() {
        for (text, expected) in [
            ("CNMAE", Some("CNAME")),
            ("cname6", Some("CNAME")),
            ("AAA", Some("AAAA")),
            ("MXX", Some("MX")),
            ("TEXT", Some("TXT")),
            ("HTTP", Some("HTTPS")),
            ("x", None),
            ("", None),
            ("WEIGHTED", None),
            ("AVERYLONGWORDTHATISNOTYPE", None),
        ] {
            assert_eq!(nearest_type(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn types_are_called_by_their_mnemonic_or_their_number() {
        for (rtype, expected) in [(1, "A"), (255, "ANY"), (41, "OPT"), (731, "TYPE731")] {
            let mut text = std::string::String::new();
            write_type(rtype, &mut text).expect("a String takes any text");
            assert_eq!(text, expected);
        }
    }
}
