//! Writes master files: for people to read, and for BIND, Knot and NSD to read the same records.
//!
//! Names are relative to `$ORIGIN` where they are in the zone, `$TTL` is that of most records, columns stand below one
//! another. A type that is not old enough for every server to know is written in the generic form (RFC 3597
//! §5), with what it says behind it.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::name::{self, Name};
use crate::rdata::{self, rtype};

/// The widest column of owners; longer ones stick out.
const OWNER_MAX: usize = 24;
/// The last key of SVCB that servers know by its name (RFC 9460 §14.3.2).
const SVC_KEY_MAX: u16 = 6;

/// A line of a master file.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whose it is: in the zone, in lower case.
    pub owner: Name,
    /// The type's number.
    pub rtype: u16,
    /// Seconds.
    pub ttl: u32,
    /// Wire form, names uncompressed.
    pub rdata: Vec<u8>,
    /// What else there is to say.
    pub comment: Option<String>,
    /// Whether it is only a comment: a record that is not served now.
    pub is_off: bool,
}

/// Writes a zone: its SOA, the rest of its apex, the others in canonical order (RFC 4034 §6.1).
#[must_use]
pub fn write(origin: &Name, lines: &[Line]) -> String {
    let mut sorted: Vec<&Line> = lines.iter().collect();
    sorted.sort_by_cached_key(|line| (canonical(&line.owner), line.rtype != rtype::SOA));
    let ttl = usual_ttl(lines);
    let widths = Widths::of(&sorted, origin, ttl);
    let mut text = format!("$ORIGIN {origin}\n$TTL {ttl}\n");
    let mut last: Option<&Name> = None;
    for line in sorted {
        let own_ttl = if line.ttl == ttl { String::new() } else { line.ttl.to_string() };
        let Widths { owner: owner_width, ttl: ttl_width, rtype: type_width } = widths;
        let mut owner = short(line.owner.as_wire(), origin);
        if line.is_off {
            // With its owner, so that it can be taken as it is.
            owner.insert_str(0, "; ");
        } else if last.replace(&line.owner) == Some(&line.owner) {
            owner.clear();
        }
        let _ = write!(text, "{owner:owner_width$} ");
        if ttl_width > 0 {
            let _ = write!(text, "{own_ttl:>ttl_width$} ");
        }
        let rtype = rdata::type_name(line.rtype).to_string();
        let names = |wire: &[u8]| short(wire, origin);
        let mut comment = line.comment.clone();
        if line.rtype == rtype::SOA && rdata::is_valid(rtype::SOA, &line.rdata) {
            let _ = write!(text, "IN {rtype:type_width$} {}", soa(&line.rdata, origin));
        } else if is_known(line.rtype, &line.rdata) {
            let rdata = rdata::print_with(line.rtype, &line.rdata, &names);
            let _ = write!(text, "IN {rtype:type_width$} {rdata}");
        } else {
            let generic = format!("TYPE{}", line.rtype);
            let _ = write!(text, "IN {generic:type_width$} {}", Generic(&line.rdata));
            let said = rdata::print(line.rtype, &line.rdata).to_string();
            if !said.starts_with("\\#") {
                comment = Some(format!("{rtype} {said}"));
            }
        }
        match comment {
            Some(comment) => {
                let _ = writeln!(text, " ; {}", Commented(&comment));
            }
            None => text.push('\n'),
        }
    }
    text
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Widths {
    owner: usize,
    ttl: usize,
    rtype: usize,
}

impl Widths {
    fn of(lines: &[&Line], origin: &Name, usual: u32) -> Self {
        let widest = |width: &dyn Fn(&Line) -> usize| {
            lines.iter().map(|line| width(line)).max().unwrap_or(0)
        };
        Self {
            owner: widest(&|line| short(line.owner.as_wire(), origin).len()).min(OWNER_MAX),
            ttl: widest(&|line| if line.ttl == usual { 0 } else { line.ttl.to_string().len() }),
            rtype: widest(&|line| rdata::type_name(line.rtype).to_string().len()),
        }
    }
}

/// The TTL that most lines have.
fn usual_ttl(lines: &[Line]) -> u32 {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for line in lines.iter().filter(|line| !line.is_off) {
        *counts.entry(line.ttl).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(ttl, count)| (count, ttl)).map_or(3600, |(ttl, _)| ttl)
}

/// The labels from the right, by which names are sorted.
fn canonical(name: &Name) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_vec).collect();
    labels.reverse();
    labels
}

/// A name relative to the zone, where it is in it and in the case of its name.
fn short(wire: &[u8], origin: &Name) -> String {
    let origin = origin.as_wire();
    let mut text = String::new();
    if wire == origin {
        text.push('@');
    } else if origin.len() > 1 && name::is_at_or_below(wire, origin) {
        let above = [&wire[..wire.len() - origin.len()], &[0]].concat();
        let _ = name::write_presentation(&above, &mut text);
        text.pop(); // its last dot
    } else {
        let _ = name::write_presentation(wire, &mut text);
    }
    text
}

/// The fields of SOA, each number on a line with its name.
fn soa(wire: &[u8], origin: &Name) -> String {
    let mname = name::wire_len(wire).unwrap_or(0);
    let rname = name::wire_len(&wire[mname..]).unwrap_or(0);
    let mut text = format!(
        "{} {} (\n",
        short(&wire[..mname], origin),
        short(&wire[mname..mname + rname], origin)
    );
    let numbers = wire[mname + rname..].chunks_exact(4);
    let names = ["serial", "refresh", "retry", "expire", "minimum )"];
    for (bytes, name) in numbers.zip(names) {
        let number = bytes.iter().fold(0u32, |number, &byte| number << 8 | u32::from(byte));
        let (name, end) = name.split_once(' ').unwrap_or((name, ""));
        let _ = write!(
            text,
            "    {:<12} ; {name}{}",
            format!("{number} {end}"),
            if end.is_empty() { "\n" } else { "" }
        );
    }
    text
}

/// Whether BIND 9.18, Knot 3.2 and NSD 4.6 all read the type by its name.
fn is_known(rtype: u16, rdata: &[u8]) -> bool {
    use rtype::{
        A, AAAA, AFSDB, APL, CAA, CDNSKEY, CDS, CERT, CNAME, CSYNC, DHCID, DNAME, DNSKEY, DS,
        EUI48, EUI64, HINFO, HTTPS, IPSECKEY, KX, L32, L64, LOC, LP, MINFO, MX, NAPTR, NID, NS,
        NSEC, NSEC3, NSEC3PARAM, OPENPGPKEY, PTR, RP, RRSIG, RT, SMIMEA, SOA, SPF, SRV, SSHFP,
        SVCB, TLSA, TXT, URI, ZONEMD,
    };
    match rtype {
        SVCB | HTTPS => svc_key_max(rdata) <= SVC_KEY_MAX,
        // A key is wanted that RFC 4025 §2.6 lets be none.
        IPSECKEY => false,
        _ => [
            A, AAAA, AFSDB, APL, CAA, CDNSKEY, CDS, CERT, CNAME, CSYNC, DHCID, DNAME, DNSKEY, DS,
            EUI48, EUI64, HINFO, KX, L32, L64, LOC, LP, MINFO, MX, NAPTR, NID, NS, NSEC, NSEC3,
            NSEC3PARAM, OPENPGPKEY, PTR, RP, RRSIG, RT, SMIMEA, SOA, SPF, SRV, SSHFP, TLSA, TXT,
            URI, ZONEMD,
        ]
        .contains(&rtype),
    }
}

/// The greatest key of the parameters of SVCB, which rise; 0 without any.
fn svc_key_max(rdata: &[u8]) -> u16 {
    let mut rest = rdata.get(2..).unwrap_or_default();
    rest = name::wire_len(rest).and_then(|len| rest.get(len..)).unwrap_or_default();
    let mut greatest = 0;
    while let [high, low, length @ ..] = rest {
        greatest = u16::from_be_bytes([*high, *low]);
        let [high, low, value @ ..] = length else { break };
        rest = value.get(usize::from(u16::from_be_bytes([*high, *low]))..).unwrap_or_default();
    }
    greatest
}

/// RDATA in the generic form.
struct Generic<'r>(&'r [u8]);

impl std::fmt::Display for Generic<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\\# {}", self.0.len())?;
        if !self.0.is_empty() {
            f.write_char(' ')?;
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text on one line.
struct Commented<'t>(&'t str);

impl std::fmt::Display for Commented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                letter if letter.is_control() => write!(f, "{}", letter.escape_default())?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
