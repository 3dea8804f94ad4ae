//! What is kept over a restart, as small text files in the state folder: serials, and the last known
//! side of each target.
//!
//! A file is written beside the old one and renamed over it, so a crash leaves the old or the new. A
//! line that cannot be read is left out: these files are ours, and losing one costs little.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::config::model::{Check, CheckKind, HttpCheck, Tls, Verify};
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
    sides: HashMap<(IpAddr, String), Side>,
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
            Some(((address.parse().ok()?, check.to_owned()), side))
        });
        Self { sides: sides.collect(), file }
    }

    /// The side that a target was on when the file was read or written last.
    #[must_use]
    pub fn get(&self, target: &Target) -> Option<Side> {
        self.sides.get(&key(target)).copied()
    }

    /// Takes the sides that all targets are on now, and gives the text to keep of them.
    pub fn update<'a>(&mut self, sides: impl Iterator<Item = (&'a Target, Side)>) -> String {
        self.sides = sides.map(|(target, side)| (key(target), side)).collect();
        let mut text = String::new();
        for ((address, check), side) in &self.sides {
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

/// A target by a text that is the same after a restart: its address, and a digest of its check's settings.
fn key(target: &Target) -> (IpAddr, String) {
    let settings = settings(&target.check);
    (target.address, hex(&digest(&SHA256, settings.as_bytes()).as_ref()[..8]))
}

/// All settings of a check in one text, which must stay as it is: with another one, what was down at a
/// restart counts as up again.
fn settings(check: &Check) -> String {
    let Check { kind, interval, fast_interval, timeout, rise, fall } = check;
    let [interval, fast_interval, timeout] =
        [interval, fast_interval, timeout].map(Duration::as_millis);
    let mut text = format!("{interval} {fast_interval} {timeout} {rise} {fall}");
    match kind {
        CheckKind::Tcp { port } => {
            let _ = write!(text, " tcp {port}");
        }
        CheckKind::Http(HttpCheck { port, path, host, headers, status, body, tls }) => {
            let _ = write!(text, " http {port}");
            put(&mut text, "path", path);
            put_some(&mut text, "host", host.as_deref());
            for (name, value) in headers {
                put(&mut text, "header", name);
                put(&mut text, "value", value);
            }
            for range in status {
                let _ = write!(text, " status {}-{}", range.start(), range.end());
            }
            put_some(&mut text, "body", body.as_deref());
            if let Some(Tls { sni, verify }) = tls {
                text.push_str(" tls");
                put_some(&mut text, "sni", sni.as_deref());
                match verify {
                    Verify::System => text.push_str(" system"),
                    Verify::Ca(file) => put(&mut text, "ca", &file.to_string_lossy()),
                    Verify::Off => text.push_str(" off"),
                }
            }
        }
    }
    text
}

fn put_some(text: &mut String, field: &str, value: Option<&str>) {
    if let Some(value) = value {
        put(text, field, value);
    }
}

/// With its length, so that no value looks like two.
fn put(text: &mut String, field: &str, value: &str) {
    let _ = write!(text, " {field} {}:{value}", value.len());
}

fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split(' ').collect::<Vec<_>>().try_into().ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
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
enum Durability {
    /// Before the call returns.
    OnDisk,
    /// When the system gets to it.
    Eventually,
}

fn replace(file: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let new = file.with_extension("new");
    let mut writer = File::create(&new)?;
    writer.write_all(content)?;
    if durability == Durability::OnDisk {
        writer.sync_all()?;
    }
    fs::rename(&new, file)?;
    if durability == Durability::OnDisk {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_zone;

    /// A folder that is gone when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
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
    fn a_target_is_found_again_by_every_setting_of_its_check() {
        for (check, expected) in [
            ("{tcp: {port: 53}}", "10000 1000 2000 2 3 tcp 53"),
            (
                "{http: {port: 8080, path: /a?b, host: www, headers: {x-a: 1}, status: [200, 204-206], \
                 body: ok}, interval: 5s, fast_interval: 500ms, timeout: 1500ms, rise: 4, fall: 6}",
                "5000 500 1500 4 6 http 8080 path 4:/a?b host 3:www header 3:x-a value 1:1 \
                 status 200-200 status 204-206 body 2:ok",
            ),
            (
                "{https: {path: /, sni: s.example, verify: false}, interval: 10s}",
                "10000 1000 2000 2 3 http 443 path 1:/ status 200-299 tls sni 9:s.example off",
            ),
        ] {
            let zone = format!(
                "zone: x\nns: [ns]\nchecks: {{c: {check}}}\n\
                 pools: {{p: {{check: c, backends: [192.0.2.1]}}}}\n\
                 records: {{ns: {{A: 192.0.2.53}}, www: {{pool: p}}}}\n"
            );
            let (zone, mistakes) = read_zone("x.yaml".as_ref(), &zone);
            let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
            let check = zone.pools[0].check.as_ref().expect("the pool has one");
            assert_eq!(settings(check), expected);
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
