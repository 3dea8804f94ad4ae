//! What is kept over a restart, as small text files in the state folder: serials, and the last known
//! side of each target.
//!
//! A file is written beside the old one and renamed over it, so a crash leaves the old or the new. A
//! line that cannot be read is left out: these files are ours, and losing one costs little.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::digest::hex;
use crate::health::key::TargetKey;
use crate::health::target::{Side, Target};
use crate::name::Name;
use crate::zone::serial::{Digest, Kept};

/// The serials that were served last, in the file `serials`: zone, serial, digest.
#[derive(Debug, Default)]
pub struct Serials {
    /// `None` where nothing shall be written.
    file: Option<PathBuf>,
    kept: HashMap<Name, Kept>,
    /// Whether the disk has yet to take some of them.
    is_ahead: bool,
}

impl Serials {
    /// Those of a state folder; none where there is no such file.
    ///
    /// A file that is there and cannot be read is an error: what is in it would be overwritten. A server
    /// that goes on without it takes [`Serials::default`], which forgets at the end.
    pub fn load(state: &Path) -> io::Result<Self> {
        let file = state.join("serials");
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let kept = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
            let [zone, serial, digest] = fields(std::str::from_utf8(line).ok()?)?;
            let zone = Name::parse_absolute(zone).ok()?;
            Some((zone, Kept { serial: serial.parse().ok()?, digest: read_digest(digest)? }))
        });
        Ok(Self { kept: kept.collect(), file: Some(file), is_ahead: false })
    }

    /// What was served last of a zone.
    #[must_use]
    pub fn get(&self, zone: &Name) -> Option<Kept> {
        self.kept.get(zone).copied()
    }

    /// Keeps what will be served of these zones. It is on the disk when this returns, or the next call
    /// tries again.
    pub fn keep(&mut self, zones: impl IntoIterator<Item = (Name, Kept)>) -> io::Result<()> {
        for (zone, kept) in zones {
            self.is_ahead |= self.kept.insert(zone, kept) != Some(kept);
        }
        let Some(file) = self.file.as_ref().filter(|_| self.is_ahead) else { return Ok(()) };
        let mut text = String::new();
        for (zone, Kept { serial, digest }) in &self.kept {
            let _ = writeln!(text, "{zone} {serial} {}", hex(digest));
        }
        replace(file, text.as_bytes(), Durability::OnDisk)?;
        self.is_ahead = false;
        Ok(())
    }
}

/// The side that each target was on last, in the file `health`: address, check, side.
#[derive(Debug)]
pub struct LastHealth {
    file: PathBuf,
    sides: HashMap<TargetKey, Side>,
}

impl LastHealth {
    /// That of a state folder; nothing where there is no such file.
    #[must_use]
    pub fn load(state: &Path) -> Self {
        let file = state.join("health");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let sides = text.lines().filter_map(|line| {
            let [address, check, side] = fields(line)?;
            let side = match side {
                "up" => Side::Up,
                "down" => Side::Down,
                _ => return None,
            };
            let key = TargetKey { address: address.parse().ok()?, check: check.parse().ok()? };
            Some((key, side))
        });
        Self { sides: sides.collect(), file }
    }

    /// The side that a target was on when the file was read or written last.
    #[must_use]
    pub fn get(&self, target: &Target) -> Option<Side> {
        self.sides.get(&TargetKey::of(target)).copied()
    }

    /// Takes the sides that all targets are on now, and gives the text to keep of them.
    pub fn update(&mut self, sides: impl Iterator<Item = (TargetKey, Side)>) -> String {
        self.sides = sides.collect();
        let mut text = String::new();
        for (TargetKey { address, check }, side) in &self.sides {
            let side = if *side == Side::Up { "up" } else { "down" };
            let _ = writeln!(text, "{address} {check} {side}");
        }
        text
    }

    /// Where it is kept.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// Writes the text of [`LastHealth::update`]. A few seconds of health lost with the machine's power are probed
/// again.
pub(super) fn write_health(file: &Path, text: &str) -> io::Result<()> {
    replace(file, text.as_bytes(), Durability::Eventually)
}

fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split(' ').collect::<Vec<_>>().try_into().ok()
}

fn read_digest(text: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if text.len() != digest.len() * 2 {
        return None;
    }
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// When a file must be safe from a loss of power.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before the call returns.
    OnDisk,
    /// When the system gets to it.
    Eventually,
}

pub(super) fn replace(file: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = file.with_extension("new");
    let written = write(&new, content, durability).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // Half of a file on a full disk would take the room that the other files here need.
        let _ = fs::remove_file(&new);
        return written;
    }
    if durability == Durability::OnDisk {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn write(file: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let mut writer = File::create(file)?;
    writer.write_all(content)?;
    if durability == Durability::OnDisk {
        writer.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder that is gone when the test ends.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("rotadns-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn serials_survive_a_restart() {
        let folder = Folder::new("serials");
        let zone = Name::parse_absolute("odd\\ name.example.").expect("a name");
        let kept = Kept { serial: 4_294_967_295, digest: [0xa5; 32] };
        let mut serials = load(&folder);
        assert_eq!(serials.get(&zone), None);
        serials.keep([(zone.clone(), kept)]).expect("the folder can be made");
        assert_eq!(load(&folder).get(&zone), Some(kept));
    }

    fn load(folder: &Folder) -> Serials {
        Serials::load(&folder.0).expect("what is there can be read")
    }

    #[test]
    fn what_the_disk_refused_is_tried_again() {
        let folder = Folder::new("refused");
        let zone = Name::parse_absolute("example.").expect("a name");
        let kept = Kept { serial: 7, digest: [1; 32] };
        let mut serials = load(&folder);
        // A file stands where the folder should be made.
        fs::write(&folder.0, "").expect("a file");
        serials.keep([(zone.clone(), kept)]).expect_err("there is no folder");
        assert_eq!(serials.get(&zone), Some(kept), "a reload counts on from what is served");
        fs::remove_file(&folder.0).expect("it was there");
        serials.keep([]).expect("the folder can be made now");
        assert_eq!(load(&folder).get(&zone), Some(kept));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_an_empty_one() {
        let folder = Folder::new("unread");
        fs::create_dir_all(folder.0.join("serials")).expect("a folder in the file's place");
        Serials::load(&folder.0).expect_err("it is no file");
    }

    #[test]
    fn what_cannot_be_kept_leaves_nothing_behind() {
        let folder = Folder::new("left-behind");
        let file = folder.0.join("kept");
        fs::create_dir_all(&file).expect("a folder in the file's place");
        replace(&file, b"text", Durability::OnDisk)
            .expect_err("a file is not renamed over a folder");
        assert!(!folder.0.join("kept.new").exists());
    }

    #[test]
    fn a_broken_line_costs_itself_alone() {
        let folder = Folder::new("broken");
        fs::create_dir_all(&folder.0).expect("a folder");
        let digest = "00".repeat(32);
        let text = format!("b. x {digest}\nc. 2 zz\n\nd. 3 {digest} more\na. 1 {digest}\n");
        fs::write(folder.0.join("serials"), [b"\xff\n", text.as_bytes()].concat()).expect("a file");
        let serials = load(&folder);
        let known = |zone| serials.get(&Name::parse_absolute(zone).expect(zone)).is_some();
        assert_eq!(["a.", "b.", "c.", "d."].map(known), [true, false, false, false]);
    }
}
