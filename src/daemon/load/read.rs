//! One file's bytes to a zone, or to what is wrong with them.

use std::cell::OnceCell;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::{self, Builder};
use std::time::Duration;

use super::Mistake;
use super::content::Content;
use super::stamp::Stamps;
use crate::config::model::access::Access;
use crate::config::model::allowed::Includes;
use crate::config::{self, is_master_file, model};
use crate::name::Name;
use crate::rdata::{rtype, set_soa_serial, soa_serial};
use crate::zone::exported::Exported;
use crate::zone::reverse::{self, Taken};
use crate::zone::serial::Kept;
use crate::zone::{Zone, build};
use crate::zonefile;

/// What came of a file: a zone and the serial that it takes, unless there is an error among the mistakes.
pub(super) struct Read {
    pub(super) zone: Option<(Kept, Zone)>,
    pub(super) mistakes: Vec<Mistake>,
    /// What it was read from.
    pub(super) content: Content,
}

/// What is known of a zone before its file is read.
pub(super) struct Known<'z> {
    pub(super) origin: &'z Name,
    /// The serial that was served last.
    pub(super) kept: Option<Kept>,
    /// What is served.
    pub(super) before: Option<&'z Zone>,
    /// Where it says whether health is content.
    pub(super) access: &'z Access,
    /// Which files it may include.
    pub(super) includes: &'z Includes,
    /// In seconds since 1970.
    pub(super) now: u32,
    /// For a reverse zone: the names of addresses that other zones bring to it.
    pub(super) pointers: &'z [(Name, Vec<Name>)],
    /// Whether there are such names now, or were when it was read last.
    pub(super) has_pointers: bool,
    /// How long a file must have been left alone for a change to show.
    pub(super) settled: Duration,
    /// How many may work on it.
    pub(super) threads: NonZeroUsize,
}

impl Known<'_> {
    /// What a zone says of its pools to secondaries: where health is content, what it said last of pools that are as they were.
    fn exported(&self, zone: &model::Zone) -> Exported {
        let exported = Exported::of(&zone.balanced, &zone.pools);
        let follows = self.access.of(self.origin).following(zone.secondaries).is_some();
        let Some(before) = self.before else { return exported };
        let exported = exported.carrying_aliases(&zone.aliases, before);
        if follows { exported.carrying(&zone.pools, before) } else { exported }
    }
}

/// Reads a zone file of either format.
pub(super) fn zone(file: &Path, bytes: &[u8], stamps: Stamps, known: &Known<'_>) -> Read {
    let content = Content::of(bytes, stamps).with(known.pointers);
    let read = if is_master_file(file) { master } else { yaml };
    let mut read = read(file, bytes, content, known);
    if let Some((_, zone)) = &mut read.zone {
        zone.digest = read.content.whole();
    }
    read
}

fn yaml(file: &Path, bytes: &[u8], mut content: Content, known: &Known<'_>) -> Read {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = config::Problem::NotUtf8.to_string();
        return Read { zone: None, mistakes: vec![Mistake::whole(file, message)], content };
    };
    let mut include =
        |path: &Path, most: u64| content.include(path, most, known.includes, known.settled);
    let (model, mistakes) = config::read_zone_file(file, text, known.threads, &mut include);
    let mut mistakes: Vec<Mistake> = mistakes.into_iter().map(Mistake::from).collect();
    let zone = model.and_then(|mut model| {
        add_pointers(&mut model, known);
        let exported = known.exported(&model);
        let (next, built) = build(&model, &exported, known);
        let of_records = |mistake: &build::Mistake| Mistake::of_records(file, mistake);
        let zone = built_of(built, &mut mistakes, of_records)?;
        Some((next, Zone { exported, ..zone }))
    });
    Read { zone, mistakes, content }
}

/// Builds a zone while another thread, where there may be one, looks whether its serial must rise.
fn build(model: &model::Zone, exported: &Exported, known: &Known<'_>) -> (Kept, build::Built) {
    let next = || {
        let mut next = Kept::next(known.kept, model, exported, known.now);
        if let Some(by_hand) = model.serial.filter(|_| known.has_pointers) {
            next.serial = reverse::serial(by_hand, next.digest, known.kept);
        }
        next
    };
    let rotations = known.before.map(|zone| &*zone.rotations);
    let is_alone = known.threads == NonZeroUsize::MIN;
    thread::scope(|scope| {
        let other = Some(Builder::new().name("compiler".into())).filter(|_| !is_alone);
        let other = other.and_then(|other| other.spawn_scoped(scope, next).ok());
        let kept = OnceCell::new();
        let serial = || {
            let joined =
                other.map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            kept.get_or_init(|| joined.unwrap_or_else(next)).serial
        };
        let built = build::from_model_with(model, serial, rotations);
        (kept.into_inner().unwrap_or_else(next), built)
    })
}

fn master(file: &Path, bytes: &[u8], mut content: Content, known: &Known<'_>) -> Read {
    let (mut soas, mut taken) = (Vec::new(), Taken::default());
    let mut builder = build::Builder::new(known.origin.clone());
    let mut include =
        |path: &Path, most: u64| content.include(path, most, known.includes, known.settled);
    let zonefile::Read { mistakes, files } =
        zonefile::read_file(file, bytes, known.origin, &mut include, |record| {
            if known.has_pointers {
                taken.see(known.origin, record.owner, record.rtype);
                if record.rtype == rtype::SOA {
                    soas.extend(Soa::of(&record));
                    return;
                }
            }
            builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
        });
    if !mistakes.is_empty() {
        let mistakes = mistakes.iter().map(|mistake| Mistake::of_master_file(&files, mistake));
        return Read { zone: None, mistakes: mistakes.collect(), content };
    }
    for Soa { owner, ttl, mut rdata, line } in soas {
        if let Some(by_hand) = soa_serial(&rdata) {
            set_soa_serial(&mut rdata, reverse::serial(by_hand, content.whole(), known.kept));
        }
        builder.add(owner.as_wire(), rtype::SOA, ttl, &rdata, line);
        for set in taken.added(known.pointers, ttl).filter(|_| owner == *known.origin) {
            for rdata in &set.rdata {
                builder.add(set.owner.as_wire(), set.rtype, set.ttl, rdata, 0);
            }
        }
    }
    let mut mistakes = Vec::new();
    let zone = built_of(builder.finish(Vec::new()), &mut mistakes, |mistake| {
        Mistake::of_master_records(&files, mistake)
    });
    let zone = zone.map(|zone| (Kept { serial: zone.serial, digest: content.whole() }, zone));
    Read { zone, mistakes, content }
}

/// A SOA that waits for its serial.
struct Soa {
    owner: Name,
    ttl: u32,
    rdata: Vec<u8>,
    line: u32,
}

impl Soa {
    fn of(record: &zonefile::Record<'_>) -> Option<Self> {
        let owner = Name::from_wire(record.owner)?;
        Some(Self { owner, ttl: record.ttl, rdata: record.rdata.to_vec(), line: record.line })
    }
}

/// Adds the names of addresses that the file does not have, with the TTL of the SOA.
fn add_pointers(model: &mut model::Zone, known: &Known<'_>) {
    let mut taken = Taken::default();
    for set in &model.records {
        taken.see(known.origin, set.owner.as_wire(), set.rtype);
    }
    model.records.extend(taken.added(known.pointers, model.soa.ttl));
}

/// The zone, and what its records together have wrong.
fn built_of(
    built: build::Built,
    mistakes: &mut Vec<Mistake>,
    told: impl Fn(&build::Mistake) -> Mistake,
) -> Option<Zone> {
    let (zone, found) = match built {
        Ok((zone, found)) => (Some(zone), found),
        Err(found) => (None, found),
    };
    mistakes.extend(found.iter().map(told));
    zone
}
