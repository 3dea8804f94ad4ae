//! What updates have made of zones, on the disk: in the file `updates.redb`, made with the first update.
//!
//! ```text
//!   zones   apex                ─▶ serial that was served last
//!   beside  apex                ─▶ serial that the file `serials` had then
//!   sets    apex, owner, type   ─▶ records taken out and put in
//! ```
//!
//! A commit is whole on the disk or not there, whenever the process or the machine ends. After a failure the file is opened
//! anew, and one that cannot be read is never overwritten. A new one is made beside its place, so that an empty one there is a
//! damaged one. What is open may have been removed or replaced by others: what is written to that is on no disk, so whether it
//! is still the file there is looked at before and after each commit. Serials are kept in `raised` too, as the file may be lost.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, StorageBackend as _, TableDefinition,
    TableError,
};

use super::persist::Serials;
use crate::name::Name;
use crate::zone::delta::Record;
use crate::zone::overlay::{Changed, Overlay};
use crate::zone::serial;

/// Each zone's serial.
const ZONES: TableDefinition<'_, &[u8], u32> = TableDefinition::new("zones");
/// The serial that `serials` had of each zone at its last commit.
const BESIDE: TableDefinition<'_, &[u8], u32> = TableDefinition::new("beside");
/// Each RRset's records.
const SETS: TableDefinition<'_, SetKey<'_>, &[u8]> = TableDefinition::new("sets");
/// Apex, owner, type.
type SetKey<'k> = (&'k [u8], &'k [u8], u16);

/// Bytes of the file that are kept in memory.
const CACHE: usize = 1024 * 1024;
/// How often a file that a server writes is copied until a copy is whole.
const COPIES_MAX: usize = 4;
/// The most RRsets of one zone that updates may have changed.
pub const SETS_MAX: usize = 1_000_000;

/// What updates have made of zones.
#[derive(Debug)]
pub struct Overlays {
    file: PathBuf,
    /// `None` while there is no such file, and after a failure.
    db: Option<Database>,
    /// The file that was opened last, as it was left. While there was none, one is made.
    seen: Option<Seen>,
    /// Whether it was found to be gone or another, and nobody was told yet.
    is_lost: bool,
    /// How many RRsets of each zone are changed, where that is known.
    counts: HashMap<Name, usize>,
    /// The serials that zones came to; `None` until they were read.
    raised: Option<Serials>,
}

/// What tells a file from another that stands in its place.
#[derive(Clone, Copy, Debug)]
struct Seen {
    device: u64,
    inode: u64,
    length: u64,
}

impl Seen {
    fn of(file: &Path) -> Result<Self, Failed> {
        let found = std::fs::metadata(file).map_err(|error| io(&error))?;
        Ok(Self { device: found.dev(), inode: found.ino(), length: found.len() })
    }

    /// Whether what stands there now is what this was, and has all that it had.
    fn still(self, file: &Path) -> Result<(), Failed> {
        let Self { device, inode, length } = self;
        let is_it = Self::of(file)
            .is_ok_and(|now| (now.device, now.inode) == (device, inode) && now.length >= length);
        if is_it { Ok(()) } else { Err(gone()) }
    }
}

/// What is kept of one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The serial that was served last; `None` where it was never raised beside the file's.
    pub serial: Option<u32>,
    /// The serial that the file `serials` had then: while it has no other, [`Self::serial`] came after it.
    pub beside: Option<u32>,
    /// What updates have made of it.
    pub overlay: Overlay,
    /// Whether it once had more, which is lost: what is served now differs from what [`Self::serial`] stood for.
    pub is_behind: bool,
}

impl Kept {
    /// Nothing, of a zone that had come to this serial.
    #[must_use]
    pub fn lost(serial: Option<u32>) -> Self {
        Self { serial, is_behind: serial.is_some(), ..Self::default() }
    }

    /// The same, of a zone that had come to this serial at least.
    fn since(self, raised: Option<u32>) -> Self {
        let is_behind = raised.is_some_and(|raised| {
            self.serial.is_none_or(|serial| serial::is_greater(raised, serial))
        });
        if is_behind { Self { serial: raised, beside: None, is_behind, ..self } } else { self }
    }

    /// What was served last, where the file `serials` says that of the zone.
    #[must_use]
    pub fn last(&self, serials: Option<serial::Kept>) -> Option<serial::Kept> {
        let Some(raised) = self.serial else { return serials };
        let unknown = serial::Kept { serial: raised, digest: [0; 32] };
        let Some(last) = serials else { return Some(unknown) };
        // What has not moved since the last update came before it, even where updates have led the serial back, round all
        // numbers (RFC 1982 §7).
        let is_before = self.beside == Some(last.serial);
        let is_later = !is_before && serial::is_greater(last.serial, raised);
        if self.is_behind && !is_later {
            return Some(unknown);
        }
        Some(serial::Kept { serial: if is_later { last.serial } else { raised }, ..last })
    }
}

/// What a zone has come to.
pub struct Commit {
    /// Which.
    pub zone: Name,
    /// Its serial now.
    pub serial: u32,
    /// The one that the file `serials` has.
    pub beside: Option<u32>,
    /// The RRsets that have changed.
    pub sets: Vec<(Name, u16, Changed)>,
}

/// Why nothing was read or kept.
#[derive(Debug)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into().to_string())
    }
}

impl Overlays {
    /// Those of a state folder, which are opened when they are needed.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        let (db, seen, raised) = (None, None, None);
        let file = state.join("updates.redb");
        Self { file, db, seen, is_lost: false, counts: HashMap::new(), raised }
    }

    /// Those of a state folder that another process has at the moment: as they are now, in memory, to be read alone.
    pub fn copied(state: &Path) -> Result<Self, Failed> {
        let mut overlays = Self::new(state);
        if is_there(&overlays.file)? {
            let mut taken = copy(&overlays.file);
            for _ in 1..COPIES_MAX {
                // A commit may have come in between.
                taken = taken.or_else(|_| copy(&overlays.file));
            }
            overlays.db = Some(taken?);
        }
        Ok(overlays)
    }

    /// Nothing, whatever the state folder has.
    #[must_use]
    pub fn nothing(state: &Path) -> Self {
        Self { file: state.join("none.redb"), ..Self::new(state) }
    }

    /// Lets go of the file, so that another process may open it.
    pub fn close(&mut self) {
        (self.db, self.raised) = (None, None);
        // It may leave it shorter.
        self.seen = self.seen.map(|seen| Seen { length: 0, ..seen });
    }

    /// Where they are.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How many RRsets of a zone updates have changed.
    #[must_use]
    pub fn len(&self, zone: &Name) -> usize {
        self.counts.get(zone).copied().unwrap_or_default()
    }

    /// The zones of which something is kept, where the file that has it was found to be gone or another since this was asked last.
    pub fn take_lost(&mut self) -> Vec<Name> {
        if !std::mem::take(&mut self.is_lost) {
            return Vec::new();
        }
        let kept = self.counts.iter().filter(|(_, count)| **count > 0);
        kept.map(|(zone, _)| zone.clone()).collect()
    }

    /// The serial that updates of a zone came to last, where the file that has them may be lost.
    pub fn raised(&mut self, zone: &Name) -> Option<u32> {
        self.serials().ok()?.get(zone).map(|kept| kept.serial)
    }

    /// What is kept of a zone; nothing where no update was made yet.
    pub fn read(&mut self, zone: &Name) -> Result<Kept, Failed> {
        let raised = self.raised(zone);
        if self.seen.is_none() && !is_there(&self.file)? {
            return Ok(Kept::default().since(raised));
        }
        let read = self.open().and_then(|db| read(&db.begin_read()?, zone));
        let kept = read.inspect_err(|_| self.db = None)?;
        self.counts.insert(zone.clone(), kept.overlay.len());
        Ok(kept.since(raised))
    }

    /// What is kept of a zone in a state folder that a server may use at the moment: it has the file for itself, so a copy is
    /// read, which has the last commit or the one before it.
    pub fn read_beside(state: &Path, zone: &Name) -> Result<Kept, Failed> {
        let file = state.join("updates.redb");
        if !is_there(&file)? {
            return Ok(Kept::default());
        }
        let mut outcome = read_copy(&file, zone);
        for _ in 1..COPIES_MAX {
            // A commit may have come in between.
            outcome = outcome.or_else(|_| read_copy(&file, zone));
        }
        outcome
    }

    /// Keeps what zones have come to, all of it or nothing. It is on the disk when this returns.
    pub fn commit(&mut self, commits: &[Commit]) -> Result<(), Failed> {
        match self.write(commits) {
            Ok(counts) => {
                for (zone, more) in counts {
                    let count = self.counts.entry(zone).or_default();
                    *count = count.saturating_add_signed(more);
                }
                Ok(())
            }
            Err(error) => {
                // After an error of the disk nothing more can be done with what is open.
                self.db = None;
                Err(error)
            }
        }
    }

    fn write(&mut self, commits: &[Commit]) -> Result<Vec<(Name, isize)>, Failed> {
        self.open()?;
        // First, so that nothing was served that came after it.
        let raised = commits.iter().map(|Commit { zone, serial, .. }| {
            (zone.clone(), serial::Kept { serial: *serial, digest: [0; 32] })
        });
        self.serials()?.keep(raised).map_err(|error| io(&error))?;
        let counts = write(self.open()?, commits)?;
        // A commit may make the file shorter.
        self.seen = self.seen.map(|seen| Seen { length: 0, ..seen });
        self.look()?;
        self.seen = Some(Seen::of(&self.file)?);
        Ok(counts)
    }

    fn serials(&mut self) -> Result<&mut Serials, Failed> {
        let state = self.file.parent().unwrap_or(Path::new("."));
        match &mut self.raised {
            Some(raised) => Ok(raised),
            raised => Ok(raised.insert(Serials::raised(state).map_err(|error| io(&error))?)),
        }
    }

    /// Whether the file that is open is the one that stands there, and has all that was written.
    fn look(&mut self) -> Result<(), Failed> {
        let Some(seen) = self.seen else { return Ok(()) };
        seen.still(&self.file).inspect_err(|_| self.is_lost = true)
    }

    fn open(&mut self) -> Result<&Database, Failed> {
        if self.db.is_some() {
            self.look()?;
        } else {
            if let Some(folder) = self.file.parent() {
                std::fs::create_dir_all(folder).map_err(|error| io(&error))?;
            }
            let db = match (is_there(&self.file)?, self.seen) {
                (true, _) => open(&self.file)?,
                (false, None) => make(&self.file)?,
                // What is served was made by updates that it had.
                (false, Some(_)) => return Err(gone()),
            };
            self.seen = Some(Seen::of(&self.file)?);
            self.db = Some(db);
        }
        self.db.as_ref().ok_or_else(|| Failed("it was not opened".to_owned()))
    }
}

/// Opens a file that is there.
fn open(file: &Path) -> Result<Database, Failed> {
    // What is empty would be taken for a new one.
    if std::fs::metadata(file).map_err(|error| io(&error))?.len() == 0 {
        return Err(empty());
    }
    Ok(Database::builder().set_cache_size(CACHE).create(file)?)
}

/// Makes a file, which is whole when it comes to its place.
fn make(file: &Path) -> Result<Database, Failed> {
    let beside = file.with_extension("redb.new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(&error)),
        _ => {}
    }
    let db = Database::builder().set_cache_size(CACHE).create(&beside)?;
    std::fs::rename(&beside, file).map_err(|error| io(&error))?;
    if let Some(folder) = file.parent() {
        let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| io(&error))?;
    }
    Ok(db)
}

fn gone() -> Failed {
    Failed(
        "the file was removed, replaced or cut off while the server ran; put back the last one, or start the server again to go \
         without its updates"
            .to_owned(),
    )
}

fn empty() -> Failed {
    Failed(
        "the file is empty; put back a copy of it, or remove it to go without its updates"
            .to_owned(),
    )
}

/// Reads a copy of the file, in memory.
fn read_copy(file: &Path, zone: &Name) -> Result<Kept, Failed> {
    read(&copy(file)?.begin_read()?, zone)
}

fn copy(file: &Path) -> Result<Database, Failed> {
    let copy = InMemoryBackend::new();
    let bytes = std::fs::read(file).map_err(|error| io(&error))?;
    if bytes.is_empty() {
        return Err(empty());
    }
    copy.set_len(bytes.len() as u64).map_err(|error| io(&error))?;
    copy.write(0, &bytes).map_err(|error| io(&error))?;
    Ok(Database::builder().create_with_backend(copy)?)
}

/// Whether there is such a file. In what is no folder there is none.
fn is_there(file: &Path) -> Result<bool, Failed> {
    match file.try_exists() {
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        found => found.map_err(|error| io(&error)),
    }
}

fn io(error: &std::io::Error) -> Failed {
    Failed(error.to_string())
}

/// Writes all of it in one transaction, and says by how much the number of each zone's RRsets changes.
fn write(db: &Database, commits: &[Commit]) -> Result<Vec<(Name, isize)>, Failed> {
    let transaction = db.begin_write()?;
    let mut counts = Vec::with_capacity(commits.len());
    {
        let mut zones = transaction.open_table(ZONES)?;
        let mut besides = transaction.open_table(BESIDE)?;
        let mut kept = transaction.open_table(SETS)?;
        for Commit { zone, serial, beside, sets } in commits {
            zones.insert(zone.as_wire(), serial)?;
            match beside {
                Some(beside) => besides.insert(zone.as_wire(), beside)?,
                None => besides.remove(zone.as_wire())?,
            };
            let mut more = 0;
            for (owner, rtype, changed) in sets {
                let key = (zone.as_wire(), owner.as_wire(), *rtype);
                if changed.is_none() {
                    more -= isize::from(kept.remove(key)?.is_some());
                } else {
                    more += isize::from(kept.insert(key, &*encode(changed))?.is_none());
                }
            }
            counts.push((zone.clone(), more));
        }
    }
    transaction.commit()?;
    Ok(counts)
}

fn read(transaction: &ReadTransaction, zone: &Name) -> Result<Kept, Failed> {
    let mut kept = Kept::default();
    let zones = match transaction.open_table(ZONES) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(kept),
        zones => zones?,
    };
    kept.serial = zones.get(zone.as_wire())?.map(|serial| serial.value());
    kept.beside = match transaction.open_table(BESIDE) {
        // Of a version that had no such table.
        Err(TableError::TableDoesNotExist(_)) => None,
        besides => besides?.get(zone.as_wire())?.map(|beside| beside.value()),
    };
    let all = (zone.as_wire(), &[][..], 0)..=(zone.as_wire(), &[0xff; 256][..], u16::MAX);
    for entry in transaction.open_table(SETS)?.range(all)? {
        let (key, value) = entry?;
        let (_, owner, rtype) = key.value();
        let owner = Name::from_wire(owner).ok_or_else(|| damaged(zone))?;
        let changed = decode(&owner, rtype, value.value()).ok_or_else(|| damaged(zone))?;
        kept.overlay.set(owner, rtype, changed);
    }
    Ok(kept)
}

fn damaged(zone: &Name) -> Failed {
    Failed(format!("what is kept of {zone} cannot be read"))
}

/// Each record as: 0 where it was taken out, 1 where it was put in; TTL; length; RDATA.
fn encode(Changed { removed, added }: &Changed) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, records) in [(0, removed), (1, added)] {
        for Record { ttl, rdata, .. } in records {
            bytes.push(kind);
            bytes.extend(ttl.to_be_bytes());
            bytes.extend((rdata.len() as u16).to_be_bytes());
            bytes.extend_from_slice(rdata);
        }
    }
    bytes
}

fn decode(owner: &Name, rtype: u16, mut bytes: &[u8]) -> Option<Changed> {
    let mut changed = Changed::default();
    while let Some((&[kind, t0, t1, t2, t3, l0, l1], rest)) = bytes.split_first_chunk() {
        let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([l0, l1])))?;
        let ttl = u32::from_be_bytes([t0, t1, t2, t3]);
        let record = Record { owner: owner.clone(), rtype, ttl, rdata: rdata.into() };
        match kind {
            0 => changed.removed.push(record),
            1 => changed.added.push(record),
            _ => return None,
        }
        bytes = rest;
    }
    bytes.is_empty().then_some(changed)
}

#[cfg(test)]
mod tests;
