//! The zones: master files in `tests/integration/zones/`, and what is generated.

use std::fs;
use std::path::Path;

use rotadns::name::Name;
use rotadns::rdata::rtype;
use rotadns::zonefile;

use super::allowed::Peer;
use super::generate;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/integration/zones");

/// A zone that every server loads from the same text.
pub(crate) struct Zone {
    pub origin: Name,
    pub text: String,
    /// It says of itself that BIND does not load it.
    pub without_bind: bool,
}

/// What is known of a record, for questions to be made of.
pub(crate) struct Owner {
    /// Wire form, lower case.
    pub name: Vec<u8>,
    pub rtype: u16,
    /// The name in its RDATA, if it has one there that look-ups go on with.
    pub target: Option<Vec<u8>>,
}

impl Zone {
    /// Its origin is in its first `$ORIGIN`.
    fn of(text: String) -> Self {
        let origin = text
            .lines()
            .find_map(|line| line.strip_prefix("$ORIGIN "))
            .expect("the files here begin with $ORIGIN");
        let origin = Name::parse_absolute(origin.trim()).expect("the name of a zone");
        let without_bind = text.lines().any(|line| line == "; BIND does not load it.");
        Self { origin, text, without_bind }
    }

    pub(crate) fn records(&self) -> Vec<Owner> {
        let mut owners = Vec::new();
        let mistakes = zonefile::read(self.text.as_bytes(), &self.origin, |record| {
            let skip = match record.rtype {
                rtype::NS | rtype::CNAME | rtype::DNAME | rtype::PTR => Some(0),
                rtype::MX | rtype::SVCB | rtype::HTTPS => Some(2),
                rtype::SRV => Some(6),
                _ => None,
            };
            let target = skip.and_then(|skip| {
                let rest = record.rdata.get(skip..)?;
                Some(rest[..rotadns::name::wire_len(rest)?].to_vec())
            });
            owners.push(Owner { name: record.owner.to_vec(), rtype: record.rtype, target });
        });
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", self.origin);
        owners
    }
}

/// The zones of one set of servers.
pub(crate) struct Set {
    pub zones: Vec<Zone>,
}

impl Set {
    /// Whether a name is in a zone that the peer does not have.
    pub(crate) fn lacks(&self, peer: Peer, name: &[u8]) -> bool {
        peer == Peer::Bind
            && self.zones.iter().any(|zone| {
                zone.without_bind
                    && rotadns::name::is_at_or_below(
                        &name.to_ascii_lowercase(),
                        zone.origin.as_wire(),
                    )
            })
    }
}

/// The root zone stands in a set of its own, as beside it nothing is refused.
pub(crate) fn sets(seed: u64, generated: usize) -> [Set; 2] {
    let mut zones = files(Path::new(FOLDER));
    zones.push(Zone::of(generate::limits()));
    zones.extend(generate::random(seed, generated).into_iter().map(Zone::of));
    let root = files(&Path::new(FOLDER).join("root"));
    [Set { zones }, Set { zones: root }]
}

/// One zone.
pub(crate) fn set_of(text: &str) -> Set {
    Set { zones: vec![Zone::of(text.to_owned())] }
}

fn files(folder: &Path) -> Vec<Zone> {
    let entries = fs::read_dir(folder).expect("a folder of the repository");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|file| file.extension().is_some_and(|end| end == "zone"))
        .collect();
    // So that questions are the same everywhere.
    files.sort();
    let text = |file: &Path| fs::read_to_string(file).expect("a file of the repository");
    files.iter().map(|file| Zone::of(text(file))).collect()
}
