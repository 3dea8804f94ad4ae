//! Zones made by code: answers of chosen sizes, and soup.
//!
//! Soup is records whose owners and targets are drawn from few labels, asterisks among them, so that wildcards,
//! aliases, cuts, DNAMEs and empty non-terminals meet in ways that nobody thinks of. What no server loads is left
//! out: a CNAME beside other data, a second CNAME or DNAME, anything below a DNAME.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fastrand::Rng;

/// Answers around each limit: RRsets of TXT and A whose answers are some bytes too short or too long.
pub(crate) fn limits() -> String {
    let mut text = "$ORIGIN limits.example.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 1209600 60\n  NS ns\nns A 192.0.2.53\n".to_owned();
    // Header, question, owner and fixed fields, and the length of the string; OPT takes 11.
    let overhead = 12 + "t0000".len() + 1 + "limits".len() + 1 + "example".len() + 2 + 4 + 12;
    for limit in [512_usize, 512 - 11, 1232, 1232 - 11, 4096, 4096 - 11] {
        for size in limit - 2..=limit + 2 {
            let mut rest = size - overhead;
            let _ = write!(text, "t{size:04} TXT");
            while rest > 0 {
                let len = (rest - 1).min(255);
                let _ = write!(text, " \"{}\"", "x".repeat(len));
                rest -= len + 1;
            }
            text.push('\n');
        }
    }
    for count in [27, 28, 29, 30, 31, 72, 73, 74, 75, 76, 77, 250] {
        for at in 0..count {
            let _ = writeln!(text, "a{count} A 198.51.{}.{}", 100 + at / 200, at % 200);
        }
    }
    // Addresses that are no glue, and too many.
    text.push_str("extra NS a76\n");
    // Referrals around the limits, their name servers in the zone below and beside.
    for count in [8, 9, 10, 11, 12, 20, 22, 24, 26, 28, 30] {
        for at in 0..count {
            let _ =
                writeln!(text, "cut{count} NS ns{at}.cut{count}\nns{at}.cut{count} A 192.0.2.{at}");
            let _ = writeln!(text, "sib{count} NS ns{at}.cut{count}");
        }
        let _ = writeln!(text, "to-cut{count} CNAME www.cut{count}");
    }
    text
}

/// So many zones of soup. The same seed gives the same zones.
pub(crate) fn random(seed: u64, count: usize) -> Vec<String> {
    let mut rng = Rng::with_seed(seed);
    let mut origins: Vec<String> = Vec::new();
    for at in 0..count {
        let origin = match at % 5 {
            // Below another one.
            1 => format!("child.{}", origins[at - 1]),
            2 => format!("gen{at}."),
            _ => format!("gen{at}.test."),
        };
        origins.push(origin);
    }
    (0..count).map(|at| Soup::new(&mut rng, &origins, at).text()).collect()
}

const LABELS: [&str; 16] = [
    "a", "b", "c", "d", "www", "ns", "mail", "*", "*", "ent", "_tcp", "UPPER", "\\000", "x\\.y",
    "*a", "1",
];

/// A TTL and RDATA.
type Records = (u32, BTreeSet<String>);

struct Soup<'a> {
    rng: &'a mut Rng,
    origin: String,
    others: Vec<String>,
    /// Types, TTL and RDATA by relative owner, labels from the right in lower case.
    owners: BTreeMap<Vec<String>, BTreeMap<&'static str, Records>>,
}

impl<'a> Soup<'a> {
    fn new(rng: &'a mut Rng, origins: &[String], at: usize) -> Self {
        let others = origins.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, origin)| origin.clone()).collect();
        let mut soup = Self { rng, origin: origins[at].clone(), others, owners: BTreeMap::new() };
        soup.add(&[], "NS", "ns");
        // BIND wants it so.
        soup.add(&["ns".to_owned()], "A", "192.0.2.53");
        let child = ["child".to_owned(), "ns".to_owned()];
        if at.is_multiple_of(5) {
            soup.add(&child[..1], "NS", "ns.child");
            soup.add(&child, "A", "192.0.2.54");
        }
        for _ in 0..soup.rng.usize(20..70) {
            soup.draw();
        }
        soup
    }

    fn draw(&mut self) {
        let owner = self.owner();
        let byte = self.rng.u8(..);
        let target = |soup: &mut Self| soup.target();
        match self.rng.u8(..100) {
            0..25 => self.add(&owner, "A", &format!("192.0.2.{byte}")),
            25..33 => self.add(&owner, "AAAA", &format!("2001:db8::{byte:x}")),
            33..40 => self.add(&owner, "TXT", &format!("\"text {byte}\"")),
            40..46 => {
                let target = target(self);
                self.add(&owner, "MX", &format!("{byte} {target}"));
            }
            46..50 => {
                let target = target(self);
                self.add(&owner, "SRV", &format!("0 {byte} 53 {target}"));
            }
            50..68 => {
                let target = target(self);
                self.add(&owner, "CNAME", &target);
            }
            68..74 => {
                let target = target(self);
                // Below itself it never ends, which every server ends elsewhere.
                if !target.ends_with(&self.absolute(&owner)) {
                    self.add(&owner, "DNAME", &target);
                }
            }
            74..92 => {
                let target = if self.rng.bool() {
                    // With glue, or so it seems.
                    let mut below = owner.clone();
                    below.push("ns".to_owned());
                    self.add(&below, "A", &format!("192.0.2.{byte}"));
                    self.absolute(&below)
                } else {
                    target(self)
                };
                if !owner.is_empty() {
                    self.add(&owner, "NS", &target);
                }
            }
            92..95 => self.add(&owner, "DS", &format!("{byte} 13 2 {}", "0a".repeat(32))),
            95..97 => self.add(&owner, "TYPE65400", "\\# 2 abcd"),
            97..99 => {
                let target = target(self);
                self.add(&owner, "PTR", &target);
            }
            _ => {
                for at in 0..60 {
                    self.add(&owner, "A", &format!("198.51.100.{at}"));
                }
            }
        }
    }

    fn labels(&mut self) -> Vec<String> {
        let depth = [0, 1, 1, 1, 1, 2, 2, 2, 3, 4][self.rng.usize(..10)];
        (0..depth).map(|_| LABELS[self.rng.usize(..LABELS.len())].to_owned()).collect()
    }

    /// Often one that is there, or below it.
    fn owner(&mut self) -> Vec<String> {
        if self.rng.u8(..100) < 35 && !self.owners.is_empty() {
            let mut known = self
                .owners
                .keys()
                .nth(self.rng.usize(..self.owners.len()))
                .cloned()
                .unwrap_or_default();
            if self.rng.bool() && known.len() < 6 {
                known.push(LABELS[self.rng.usize(..LABELS.len())].to_owned());
            }
            return known;
        }
        self.labels()
    }

    fn target(&mut self) -> String {
        let labels = self.owner();
        match self.rng.u8(..10) {
            0 => "www.example.net.".to_owned(),
            1 => ".".to_owned(),
            2 if !self.others.is_empty() => {
                let other = self.others[self.rng.usize(..self.others.len())].clone();
                let dot = if labels.is_empty() { "" } else { "." };
                format!("{}{dot}{other}", relative(&labels))
            }
            _ => self.absolute(&labels),
        }
    }

    fn absolute(&self, labels: &[String]) -> String {
        let dot = if labels.is_empty() { "" } else { "." };
        format!("{}{dot}{}", relative(labels), self.origin)
    }

    /// Leaves out what servers refuse.
    fn add(&mut self, owner: &[String], rtype: &'static str, rdata: &str) {
        let owner: Vec<String> = owner.iter().map(|label| label.to_ascii_lowercase()).collect();
        let has = |owner: &[String], rtype: &str| {
            self.owners.get(owner).is_some_and(|types| types.contains_key(rtype))
        };
        let is_below_dname = (0..owner.len()).any(|depth| has(&owner[..depth], "DNAME"));
        let has_below =
            self.owners.keys().any(|other| other.len() > owner.len() && other.starts_with(&owner));
        let is_new = !self.owners.contains_key(&owner);
        let fits = match rtype {
            "CNAME" => is_new && !owner.is_empty(),
            // Beside NS a DNAME may stand at the apex alone (RFC 6672 §2.3).
            "DNAME" => {
                !has(&owner, "DNAME") && !has(&owner, "CNAME") && !has(&owner, "NS") && !has_below
            }
            // At a wildcard BIND loads none (RFC 4592 §4.2).
            "NS" if owner.last().is_some_and(|label| label == "*") => false,
            "NS" => !has(&owner, "CNAME") && (owner.is_empty() || !has(&owner, "DNAME")),
            // Without a cut it says nothing.
            "DS" => has(&owner, "NS") && !owner.is_empty(),
            _ => !has(&owner, "CNAME"),
        };
        // The child's; NSD would find it there too.
        let is_childs = owner.len() > 1 && owner[0] == "child" && owner != ["child", "ns"];
        if !fits || is_below_dname || is_childs {
            return;
        }
        let ttl = [0, 1, 60, 300, 3600, 86_400][self.rng.usize(..6)];
        let types = self.owners.entry(owner).or_default();
        types.entry(rtype).or_insert_with(|| (ttl, BTreeSet::new())).1.insert(rdata.to_owned());
    }

    fn text(self) -> String {
        let (ttl, minimum) = (self.rng.u32(..900), self.rng.u32(..900));
        let mut text = format!(
            "$ORIGIN {}\n@ {ttl} SOA ns hostmaster 1 3600 600 1209600 {minimum}\n",
            self.origin
        );
        for (owner, types) in &self.owners {
            let name = if owner.is_empty() { "@".to_owned() } else { relative(owner) };
            for (rtype, (ttl, set)) in types {
                for rdata in set {
                    let _ = writeln!(text, "{name} {ttl} {rtype} {rdata}");
                }
            }
        }
        text
    }
}

fn relative(labels: &[String]) -> String {
    labels.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".")
}
