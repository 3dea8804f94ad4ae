//! What is kept over a restart, as small text files in the state folder: serials, and the last known
//! side of each target.
//!
//! A file is written beside the old one and renamed over it, so a crash leaves the old or the new. A
//! line that cannot be read is left out: these files are ours, and losing one costs little.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::digest::hex;
use crate::health::key::TargetKey;
use crate::health::target::{Side, Target};
use crate::name::Name;
use crate::zone::serial::{Digest, Kept};

/// The serials that were served last, in the file `serials`: zone, serial, digest. A line says more than those of its zone
/// before it, so that one zone among very many costs one line.
#[derive(Clone, Debug, Default)]
pub struct Serials {
    /// `None` where nothing shall be written.
    file: Option<PathBuf>,
    kept: HashMap<Name, Kept>,
    /// How many lines the file has; `None` where it is to be written anew.
    lines: Option<usize>,
    durability: Durability,
}

/// The most lines of the file that later ones have made void, beside as many as there are zones.
const VOID_MAX: usize = 1000;

impl Serials {
    /// Those of a state folder; none where there is no such file.
    ///
    /// A file that is there and cannot be read is an error: what is in it would be overwritten. A server
    /// that goes on without it takes [`Serials::default`], which forgets at the end.
    pub fn load(state: &Path) -> io::Result<Self> {
        Self::of_file(state.join("serials"), Durability::OnDisk)
    }

    /// The same, of which nothing is written: another process has the file.
    #[must_use]
    pub fn unwritten(self) -> Self {
        Self { file: None, ..self }
    }

    /// The serials that updates came to last, in the file `raised` beside what they made, which is on the disk when it is
    /// answered: this is there for when that is lost.
    pub(super) fn raised(state: &Path) -> io::Result<Self> {
        Self::of_file(state.join("raised"), Durability::Eventually)
    }

    fn of_file(file: PathBuf, durability: Durability) -> io::Result<Self> {
        let bytes = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let kept = bytes.split(|byte| *byte == b'\n').filter_map(|line| {
            let [zone, serial, digest] = fields(std::str::from_utf8(line).ok()?)?;
            let zone = Name::parse_absolute(zone).ok()?;
            Some((zone, Kept { serial: serial.parse().ok()?, digest: read_digest(digest)? }))
        });
        // What comes behind half a line would be lost with it.
        let is_whole = bytes.is_empty() || bytes.ends_with(b"\n");
        let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
        Ok(Self {
            kept: kept.collect(),
            file: Some(file),
            lines: (is_whole && lines > 0).then_some(lines),
            durability,
        })
    }

    /// Reads the file again, which another process has had for a while; what it has not is gone on with.
    pub fn read_again(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let read = Self::of_file(file.clone(), self.durability)?;
        self.kept.extend(read.kept);
        self.lines = read.lines;
        Ok(())
    }

    /// What was served last of a zone.
    #[must_use]
    pub fn get(&self, zone: &Name) -> Option<Kept> {
        self.kept.get(zone).copied()
    }

    /// Keeps what will be served of these zones. It is on the disk when this returns, or the next call
    /// tries again.
    pub fn keep(&mut self, zones: impl IntoIterator<Item = (Name, Kept)>) -> io::Result<()> {
        let mut new = Vec::new();
        for (zone, kept) in zones {
            if self.kept.insert(zone.clone(), kept) != Some(kept) {
                new.push((zone, kept));
            }
        }
        let Some(file) = &self.file else { return Ok(()) };
        if new.is_empty() && (self.lines.is_some() || self.kept.is_empty()) {
            return Ok(());
        }
        // Whatever goes wrong, the whole of it is tried the next time.
        let lines = self.lines.take().map(|lines| lines + new.len());
        let most = self.kept.len() * 2 + VOID_MAX;
        if let Some(lines) = lines.filter(|lines| *lines <= most) {
            let text = text(new.iter().map(|(zone, kept)| (zone, kept)));
            match append(file, text.as_bytes(), self.durability) {
                // Somebody has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                appended => {
                    appended?;
                    self.lines = Some(lines);
                    return Ok(());
                }
            }
        }
        replace(file, text(self.kept.iter()).as_bytes(), self.durability)?;
        self.lines = Some(self.kept.len());
        Ok(())
    }
}

/// A line for each zone.
fn text<'k>(kept: impl Iterator<Item = (&'k Name, &'k Kept)>) -> String {
    let mut text = String::new();
    for (zone, Kept { serial, digest }) in kept {
        let _ = writeln!(text, "{zone} {serial} {}", hex(digest));
    }
    text
}

/// The side that each target was on last, and who was primary of each pool that has one, in the file `health`:
///
/// ```text
/// ADDRESS CHECK SIDE
/// primary ⇥ ZONE ⇥ POOL ⇥ BACKEND
/// ```
#[derive(Debug)]
pub struct LastHealth {
    file: PathBuf,
    sides: HashMap<TargetKey, Side>,
    primaries: Vec<Primary>,
}

/// Who was primary of a pool last: by a name, which needs no clock to be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Primary {
    pub(super) zone: Name,
    pub(super) pool: String,
    pub(super) backend: String,
}

impl Primary {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let ["primary", zone, pool, backend] = fields[..] else { return None };
        let zone = Name::parse_absolute(zone).ok()?;
        Some(Self { zone, pool: pool.to_owned(), backend: backend.to_owned() })
    }
}

impl fmt::Display for Primary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, pool, backend } = self;
        write!(f, "primary\t{zone}\t{pool}\t{backend}")
    }
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
        let primaries = text.lines().filter_map(Primary::read).collect();
        Self { sides: sides.collect(), primaries, file }
    }

    /// Who was primary when the file was read or written last.
    pub(super) fn primaries(&self) -> &[Primary] {
        &self.primaries
    }

    /// The side that a target was on when the file was read or written last.
    #[must_use]
    pub fn get(&self, target: &Target) -> Option<Side> {
        self.sides.get(&TargetKey::of(target)).copied()
    }

    /// Takes the sides that all targets are on now and who is primary, and gives the text to keep of them.
    pub(super) fn update(
        &mut self,
        sides: impl Iterator<Item = (TargetKey, Side)>,
        primaries: Vec<Primary>,
    ) -> String {
        (self.sides, self.primaries) = (sides.collect(), primaries);
        let mut text = String::new();
        for (TargetKey { address, check }, side) in &self.sides {
            let side = if *side == Side::Up { "up" } else { "down" };
            let _ = writeln!(text, "{address} {check} {side}");
        }
        for primary in &self.primaries {
            let _ = writeln!(text, "{primary}");
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before the call returns.
    #[default]
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

/// Writes behind what a file has.
fn append(file: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let mut writer = File::options().append(true).open(file)?;
    writer.write_all(content)?;
    if durability == Durability::OnDisk {
        writer.sync_data()?;
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
    fn a_serial_is_a_line_more_until_void_lines_are_too_many() {
        let folder = Folder::new("appended");
        let name = |zone: &str| Name::parse_absolute(zone).expect(zone);
        let kept = |serial| Kept { serial, digest: [2; 32] };
        let mut serials = load(&folder);
        serials.keep([(name("a."), kept(1)), (name("b."), kept(1))]).expect("it can be written");
        let file = folder.0.join("serials");
        let text = || fs::read_to_string(&file).expect("it was written");
        let lines = || text().lines().count();
        let begins = text();
        for serial in 2..10 {
            serials.keep([(name("a."), kept(serial))]).expect("it can be written");
        }
        assert!(text().starts_with(&begins), "nothing was written anew");
        assert_eq!(lines(), 10);
        serials.keep([(name("a."), kept(9))]).expect("there is nothing to be written");
        assert_eq!(lines(), 10, "that is known");
        assert_eq!(load(&folder).get(&name("a.")), Some(kept(9)), "the last line counts");
        assert_eq!(load(&folder).get(&name("b.")), Some(kept(1)));

        // Power failed in the midst of a line.
        fs::write(&file, &text()[..text().len() - 20]).expect("it is ours");
        let mut serials = load(&folder);
        assert_eq!(serials.get(&name("a.")), Some(kept(8)));
        serials.keep([(name("b."), kept(2))]).expect("it can be written");
        assert_eq!(lines(), 2, "written anew");

        let line = text().lines().next().map(|line| format!("{line}\n")).expect("there is one");
        fs::write(&file, line.repeat(VOID_MAX + 4)).expect("it is ours");
        load(&folder).keep([(name("c."), kept(1))]).expect("it can be written");
        assert_eq!(lines(), 2, "written anew, as void lines were too many");
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
    fn who_was_primary_survives_a_restart() {
        let folder = Folder::new("primaries");
        let primary = |backend: &str| Primary {
            zone: Name::parse_absolute("odd\\ name.example.").expect("a name"),
            pool: "all orders".to_owned(),
            backend: backend.to_owned(),
        };
        let mut health = LastHealth::load(&folder.0);
        let text = health.update([].into_iter(), vec![primary("db/1"), primary("a\tb")]);
        write_health(health.file(), &text).expect("the folder can be made");
        // What cannot be told from another line is not kept.
        assert_eq!(LastHealth::load(&folder.0).primaries(), [primary("db/1")]);
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
