//! A zone from elsewhere as a file in the state folder, so that a restart serves it without its primaries.
//!
//! ```text
//!   file     "rotadns zone 1\n" │ apex │ record, record, ... │ SHA-256 of all before
//!   record   owner │ type u16 │ TTL u32 │ RDLENGTH u16 │ RDATA      names whole, numbers in network order
//! ```
//!
//! It is written beside the old one and renamed over it. When the zone was last known to be up to date is the file's time of
//! modification, which costs no writing of the zone.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};

use super::message::Record;
use crate::name::{NAME_MAX, Name, wire_len};
use crate::zone::Zone;
use crate::zone::build::Builder;

/// The folder within the state folder.
const FOLDER: &str = "secondary";
/// How a file begins.
const BEGIN: &[u8] = b"rotadns zone 1\n";
/// The bytes of the digest.
const DIGEST: usize = 32;

/// Where a zone is kept.
#[derive(Clone, Debug)]
pub struct Place {
    file: PathBuf,
}

/// Why what is kept cannot be used.
#[derive(Debug)]
pub enum Unreadable {
    /// The system does not let us have it.
    Io(io::Error),
    /// It is not what was written.
    Torn,
    /// It holds another zone.
    OtherZone,
    /// Its records make no zone.
    Unfit(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
            Self::Torn => f.write_str("it is not as it was written"),
            Self::OtherZone => f.write_str("it holds another zone"),
            Self::Unfit(why) => write!(f, "its records make no zone: {why}"),
        }
    }
}

impl std::error::Error for Unreadable {}

impl Place {
    /// That of a zone in a state folder.
    #[must_use]
    pub fn new(state: &Path, origin: &Name) -> Self {
        Self { file: state.join(FOLDER).join(file_name(origin)) }
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Keeps a version in the place of the one before; `refreshed` is when it was known to be the newest.
    pub fn keep(&self, zone: &Zone, refreshed: SystemTime) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let new = self.file.with_extension("new");
        let kept = write(&new, zone, refreshed).and_then(|()| fs::rename(&new, &self.file));
        if kept.is_err() {
            // Half of a file on a full disk would take the room that others need.
            let _ = fs::remove_file(&new);
            return kept;
        }
        File::open(folder)?.sync_all()
    }

    /// Notes that what is kept is still the newest.
    pub fn refreshed(&self, at: SystemTime) -> io::Result<()> {
        File::options().append(true).open(&self.file)?.set_modified(at)
    }

    /// What tells one version of the file, or one refresh of it, from the next; `None` where there is none.
    #[must_use]
    pub fn stamp(&self) -> Option<SystemTime> {
        fs::metadata(&self.file).and_then(|about| about.modified()).ok()
    }

    /// The zone that is kept, and when it was known to be the newest; `None` where there is none.
    pub fn load(&self, origin: &Name) -> Result<Option<(Zone, SystemTime)>, Unreadable> {
        let file = match File::open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Unreadable::Io)?,
        };
        let about = file.metadata().map_err(Unreadable::Io)?;
        let refreshed = about.modified().map_err(Unreadable::Io)?;
        let zone = read(file, about.len(), origin)?;
        Ok(Some((zone, refreshed)))
    }
}

/// The apex in lower case, what a file system might not like as hex digits; no two zones have the same.
fn file_name(origin: &Name) -> String {
    let mut name = String::new();
    for label in origin.labels() {
        for &byte in label {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
                _ => push_hex(&mut name, "%", byte),
            }
        }
        name.push('.');
    }
    if name.is_empty() {
        name.push_str("%.");
    }
    // A file's name has 255 bytes; a zone of such a name is told from others by all of it.
    if name.len() > 180 {
        let mut digest = Context::new(&SHA256);
        digest.update(origin.as_wire());
        let digest = digest.finish();
        name.clear();
        digest.as_ref().iter().for_each(|&byte| push_hex(&mut name, "", byte));
        name.push('.');
    }
    name + "transferred"
}

fn push_hex(out: &mut String, before: &str, byte: u8) {
    // A string takes what it is given.
    let _ = write!(out, "{before}{byte:02x}");
}

fn write(file: &Path, zone: &Zone, refreshed: SystemTime) -> io::Result<()> {
    let mut out =
        Digested { out: BufWriter::new(File::create(file)?), hash: Context::new(&SHA256) };
    out.put(BEGIN)?;
    out.put(zone.origin.as_wire())?;
    let mut result = Ok(());
    super::records(zone, |owner, rtype, ttl, rdata| {
        if result.is_ok() {
            result = out.record(owner, rtype, ttl, rdata);
        }
    });
    result?;
    let Digested { mut out, hash } = out;
    out.write_all(hash.finish().as_ref())?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.set_modified(refreshed)?;
    file.sync_all()
}

/// A file on its way, and the digest of what it has.
struct Digested {
    out: BufWriter<File>,
    hash: Context,
}

impl Digested {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    fn record(&mut self, owner: &[u8], rtype: u16, ttl: u32, rdata: &[u8]) -> io::Result<()> {
        self.put(owner)?;
        let mut fixed = [0; 8];
        fixed[..2].copy_from_slice(&rtype.to_be_bytes());
        fixed[2..6].copy_from_slice(&ttl.to_be_bytes());
        fixed[6..].copy_from_slice(&(rdata.len() as u16).to_be_bytes());
        self.put(&fixed)?;
        self.put(rdata)
    }
}

fn read(file: File, len: u64, origin: &Name) -> Result<Zone, Unreadable> {
    let content = len.checked_sub(DIGEST as u64).ok_or(Unreadable::Torn)?;
    let mut reader =
        Reader { file: BufReader::new(file), left: content, hash: Context::new(&SHA256) };
    let mut begin = [0; BEGIN.len()];
    reader.fill(&mut begin)?;
    if begin != BEGIN {
        return Err(Unreadable::Torn);
    }
    let mut record = Record::default();
    reader.name(&mut record.owner)?;
    if record.owner != origin.as_wire() {
        return Err(Unreadable::OtherZone);
    }
    let mut builder = Builder::new(origin.clone());
    while reader.left > 0 {
        reader.record(&mut record)?;
        if !crate::name::is_at_or_below(&record.owner, origin.as_wire()) {
            return Err(Unreadable::Torn);
        }
        builder.add(&record.owner, record.rtype, record.ttl, &record.rdata, 0);
    }
    let Reader { mut file, hash, .. } = reader;
    let mut digest = [0; DIGEST];
    file.read_exact(&mut digest).map_err(Unreadable::Io)?;
    if hash.finish().as_ref() != digest {
        return Err(Unreadable::Torn);
    }
    super::finish(builder).map_err(Unreadable::Unfit)
}

/// What stands before the digest, and the digest of what was read of it.
struct Reader {
    file: BufReader<File>,
    left: u64,
    hash: Context,
}

impl Reader {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Unreadable> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Unreadable::Torn)?;
        self.file.read_exact(bytes).map_err(Unreadable::Io)?;
        self.hash.update(bytes);
        Ok(())
    }

    fn name(&mut self, name: &mut Vec<u8>) -> Result<(), Unreadable> {
        name.clear();
        loop {
            let mut len = [0];
            self.fill(&mut len)?;
            name.push(len[0]);
            if len[0] == 0 {
                break;
            }
            let start = name.len();
            name.resize(start + usize::from(len[0]), 0);
            if name.len() > NAME_MAX {
                return Err(Unreadable::Torn);
            }
            self.fill(&mut name[start..])?;
        }
        if wire_len(name) == Some(name.len()) { Ok(()) } else { Err(Unreadable::Torn) }
    }

    fn record(&mut self, record: &mut Record) -> Result<(), Unreadable> {
        self.name(&mut record.owner)?;
        let mut fixed = [0; 8];
        self.fill(&mut fixed)?;
        let [t0, t1, l0, l1, l2, l3, r0, r1] = fixed;
        record.rtype = u16::from_be_bytes([t0, t1]);
        record.ttl = u32::from_be_bytes([l0, l1, l2, l3]);
        record.rdata.resize(usize::from(u16::from_be_bytes([r0, r1])), 0);
        self.fill(&mut record.rdata)
    }
}

#[cfg(test)]
mod tests;
