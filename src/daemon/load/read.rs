//! One file's bytes to a zone, or to what is wrong with them.

use std::path::Path;

use super::Mistake;
use crate::config::{self, is_master_file};
use crate::name::Name;
use crate::zone::serial::{Digest, Kept};
use crate::zone::{Zone, build};
use crate::zonefile;

/// What came of a file: a zone and the serial that it takes, unless there is an error among the mistakes.
pub(super) struct Read {
    pub(super) zone: Option<(Kept, Zone)>,
    pub(super) mistakes: Vec<Mistake>,
}

/// What is known of a zone before its file is read.
pub(super) struct Known<'z> {
    pub(super) origin: &'z Name,
    /// Of the file's bytes.
    pub(super) content: Digest,
    /// The serial that was served last.
    pub(super) kept: Option<Kept>,
    /// What is served.
    pub(super) before: Option<&'z Zone>,
    /// In seconds since 1970.
    pub(super) now: u32,
}

/// Reads a zone file of either format.
pub(super) fn zone(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let mut read =
        if is_master_file(file) { master(file, bytes, known) } else { native(file, bytes, known) };
    if let Some((_, zone)) = &mut read.zone {
        zone.digest = known.content;
    }
    read
}

fn native(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = config::Problem::NotUtf8.to_string();
        return Read { zone: None, mistakes: vec![Mistake::whole(file, message)] };
    };
    let (model, mistakes) = config::read_zone(file, text);
    let mut mistakes: Vec<Mistake> = mistakes.into_iter().map(Mistake::from).collect();
    let zone = model.and_then(|model| {
        let next = Kept::next(known.kept, &model, known.now);
        let rotations = known.before.map(|zone| &zone.rotations);
        let built = build::from_model(&model, next.serial, rotations);
        Some((next, built_of(file, built, &mut mistakes)?))
    });
    Read { zone, mistakes }
}

fn master(file: &Path, bytes: &[u8], known: &Known<'_>) -> Read {
    let mut builder = build::Builder::new(known.origin.clone());
    let mistakes = zonefile::read(bytes, known.origin, |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    if !mistakes.is_empty() {
        let mistakes = mistakes.iter().map(|mistake| Mistake::of_master_file(file, mistake));
        return Read { zone: None, mistakes: mistakes.collect() };
    }
    let mut mistakes = Vec::new();
    let zone = built_of(file, builder.finish(Vec::new()), &mut mistakes);
    let zone = zone.map(|zone| (Kept { serial: zone.serial, digest: known.content }, zone));
    Read { zone, mistakes }
}

/// The zone, and what its records together have wrong.
fn built_of(file: &Path, built: build::Built, mistakes: &mut Vec<Mistake>) -> Option<Zone> {
    let (zone, found) = match built {
        Ok((zone, found)) => (Some(zone), found),
        Err(found) => (None, found),
    };
    mistakes.extend(found.iter().map(|mistake| Mistake::of_records(file, mistake)));
    zone
}
