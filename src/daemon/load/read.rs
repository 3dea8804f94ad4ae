//! One file's bytes to a zone, or to what is wrong with them.

use std::path::Path;

use super::Mistake;
use super::content::Content;
use crate::config::files::read_at_most;
use crate::config::model::access::Access;
use crate::config::{self, is_master_file, model};
use crate::name::Name;
use crate::zone::exported::Exported;
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
    /// In seconds since 1970.
    pub(super) now: u32,
}

impl Known<'_> {
    /// What a zone says of its pools to secondaries: where health is content, what it said last of pools that are as they were.
    fn exported(&self, zone: &model::Zone) -> Exported {
        let exported = Exported::of(&zone.balanced, &zone.pools);
        let follows = self.access.of(self.origin).following(zone.secondaries).is_some();
        match self.before.filter(|_| follows) {
            Some(before) => exported.carrying(&zone.pools, before),
            None => exported,
        }
    }
}

/// Reads a zone file of either format.
pub(super) fn zone(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let mut read =
        if is_master_file(file) { master(file, bytes, known) } else { yaml(file, bytes, known) };
    if let Some((_, zone)) = &mut read.zone {
        zone.digest = read.content.digest;
    }
    read
}

fn yaml(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let content = Content::of(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = config::Problem::NotUtf8.to_string();
        return Read { zone: None, mistakes: vec![Mistake::whole(file, message)], content };
    };
    let (model, mistakes) = config::read_zone(file, text);
    let mut mistakes: Vec<Mistake> = mistakes.into_iter().map(Mistake::from).collect();
    let zone = model.and_then(|model| {
        let exported = known.exported(&model);
        let next = Kept::next(known.kept, &model, &exported, known.now);
        let rotations = known.before.map(|zone| &*zone.rotations);
        let built = build::from_model(&model, next.serial, rotations);
        let of_records = |mistake: &build::Mistake| Mistake::of_records(file, mistake);
        let zone = built_of(built, &mut mistakes, of_records)?;
        Some((next, Zone { exported, ..zone }))
    });
    Read { zone, mistakes, content }
}

fn master(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let mut content = Content::of(bytes);
    let mut builder = build::Builder::new(known.origin.clone());
    let mut include = |path: &Path, most: u64| {
        let read = read_at_most(path, most);
        content.add(path, read.as_deref().ok());
        read
    };
    let zonefile::Read { mistakes, files } =
        zonefile::read_file(file, bytes, known.origin, &mut include, |record| {
            builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
        });
    if !mistakes.is_empty() {
        let mistakes = mistakes.iter().map(|mistake| Mistake::of_master_file(&files, mistake));
        return Read { zone: None, mistakes: mistakes.collect(), content };
    }
    let mut mistakes = Vec::new();
    let zone = built_of(builder.finish(Vec::new()), &mut mistakes, |mistake| {
        Mistake::of_master_records(&files, mistake)
    });
    let zone = zone.map(|zone| (Kept { serial: zone.serial, digest: content.digest }, zone));
    Read { zone, mistakes, content }
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
