//! `rotadns export`: a zone as a master file, or in any other format.
//!
//! By its name, a zone is looked for among the files that a server would read, and what updates have made of it lies over
//! its file as it does in a server; then among those that came from elsewhere. A file by its path is what it says and nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::content::{self, Format};
use super::explain::files;
use super::import;
use super::plain::plain;
use super::progress::Shown;
use crate::authority::secondary::disk::Place;
use crate::config::model::Zone;
use crate::config::{MasterRecord, zone_files, zone_of_file, zone_of_records};
use crate::name::Name;
use crate::state::overlays::Overlays;
use crate::state::persist::Serials;
use crate::zone::delta::Record;
use crate::zone::{self, build};

/// The flags of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// A zone by its name, or its file
    #[arg(value_name = "ZONE|FILE")]
    zone: String,
    /// What to write
    #[arg(long, value_enum, default_value = "zone")]
    format: Format,
    /// The config file that says where zones are
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of zone files
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    zones: Option<PathBuf>,
    /// The state folder, which holds what updates have made of zones [default: as for `serve`]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Prints the zone; what the format cannot say goes to stderr too.
pub(super) fn run(flags: &Flags) -> Result<bool> {
    let shown = Shown::saying("looking for the zone", false);
    let Some(zone) = of_files(flags, &shown)? else { return Ok(false) };
    import::print(flags.format, &zone, shown)
}

/// The zone as its file says, or as a server would serve it.
fn of_files(flags: &Flags, shown: &Shown) -> Result<Option<Zone>> {
    let named = Path::new(&flags.zone);
    if named.is_file() {
        let allowed = files::includes(named, flags.config.as_deref())?;
        return content::read(named, None, &allowed, shown);
    }
    let Ok(origin) = Name::parse_absolute(&flags.zone) else {
        bail!("there is no file {}, and it is no zone's name", flags.zone);
    };
    let paths = files::paths(flags.config.as_deref(), flags.zones.as_deref())?;
    let state = match &flags.state {
        Some(state) => state.clone(),
        None => files::config_of(flags.config.as_deref())?.unwrap_or_default().state,
    };
    let (found, _) = zone_files(&paths);
    let file = found.iter().find(|file| zone_of_file(file).as_ref() == Some(&origin));
    if let Some(file) = file {
        let allowed = files::includes(file, flags.config.as_deref())?;
        let Some(zone) = content::read(file, None, &allowed, shown)? else { return Ok(None) };
        return with_updates(zone, &state, flags.format, shown).map(Some);
    }
    if let Some(zone) = received(&origin, &state)? {
        return Ok(Some(zone));
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    bail!(
        "no file of the zone {origin} is in {}, and none that came from elsewhere in {}; --zones and --state name other folders",
        shown.join(", "),
        state.display()
    )
}

/// A zone that came from elsewhere, as it is kept.
fn received(origin: &Name, state: &Path) -> Result<Option<Zone>> {
    let place = Place::new(state, origin);
    match place.load(origin) {
        Ok(None) => Ok(None),
        Ok(Some((zone, _))) => match zone_of_records(origin, sorted(&zone)) {
            Some(zone) => Ok(Some(zone)),
            None => bail!("{}: the zone has no SOA", place.file().display()),
        },
        Err(error) => bail!("{}: {error}", place.file().display()),
    }
}

/// The zone with what updates have made of it. Of a master file the serial is a part, and so the one that was served last;
/// in other formats one that the file does not have would be one by hand.
fn with_updates(zone: Zone, state: &Path, format: Format, shown: &Shown) -> Result<Zone> {
    let kept = match Overlays::read_beside(state, &zone.origin) {
        Ok(kept) => kept,
        Err(error) => bail!(
            "what updates made of {} in {} cannot be read: {error}; name the file to have that alone",
            zone.origin,
            state.display()
        ),
    };
    // A file that cannot be read has told no serial; the server says what is wrong with it.
    let last = Serials::load(state).unwrap_or_default().get(&zone.origin);
    let served = kept.last(last).map(|last| last.serial);
    let own = if kept.serial.is_some() { None } else { zone.serial };
    let serial = own.or(served).or(zone.serial);
    let told = if format == Format::Zone { serial } else { zone.serial };
    if kept.overlay.is_empty() {
        return Ok(Zone { serial: told, ..zone });
    }
    let Ok((base, _)) = build::from_model(&zone, serial.unwrap_or(1), None) else {
        bail!("the zone {} cannot be built; `rotadns check` says why", zone.origin);
    };
    let (served, left_out) = kept.overlay.apply(&base, serial.unwrap_or(1));
    for left_out in left_out {
        shown.above(|| eprintln!("rotadns: {}", plain(&left_out.to_string())));
    }
    let Some(found) = zone_of_records(&zone.origin, sorted(&served)) else {
        bail!("the zone {} has no SOA with what updates made of it", zone.origin);
    };
    // Updates are refused for what a pool or an alias answers.
    Ok(Zone { serial: told, soa: found.soa, records: found.records, ..zone })
}

/// Its records as people would write them, one name after the other.
fn sorted(zone: &zone::Zone) -> Vec<MasterRecord> {
    let mut records: Vec<MasterRecord> = zone
        .records()
        .map(|Record { owner, rtype, ttl, rdata }| MasterRecord {
            owner,
            rtype,
            ttl,
            rdata: rdata.into_vec(),
            line: 0,
        })
        .collect();
    records.sort_by_cached_key(|record| {
        let mut labels: Vec<Vec<u8>> = record.owner.labels().map(<[u8]>::to_vec).collect();
        labels.reverse();
        (labels, record.rtype, record.rdata.clone())
    });
    records
}
