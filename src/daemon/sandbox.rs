//! What the server leaves open of the file system when it has read its files: what it will read again, and where it writes.
//!
//! ```text
//!   read     the config file's folder, what it names, and what zones name: folders, so that a file may be replaced
//!            what the system has for certificates and times, and the process about itself
//!   write    the state folder, and the folders of the query log's file and the admin API's socket
//! ```
//!
//! The threads that answer, probe and load are started inside; the one that watches files opens none at all.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use tracing::info;

use super::load::{Files, Zones};
use super::places::Sources;
use crate::config::Config;
use crate::config::model::{CheckKind, Verify};
use crate::config::server::authority::Secret;
use crate::config::server::{Sandbox as Wanted, dnstap};
use crate::health::target::Target;
use crate::sys::sandbox::{self, Paths, Sandbox};

/// What the process reads of itself and of the machine, where certificates are that the system trusts, and zones of time. The files
/// among the last are links on some systems.
const SYSTEM: [&str; 18] = [
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/null",
    "/dev/urandom",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/lib/ssl",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];
/// Variables that name more of them.
const VARIABLES: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"];

/// What was read, and tells what will be.
pub(super) struct Read<'r> {
    /// The config file.
    pub(super) config: Option<&'r Path>,
    pub(super) zones: &'r Zones,
    pub(super) files: &'r Files,
    pub(super) included: BTreeSet<PathBuf>,
}

/// Closes the sandbox around this thread and those that it will start, as far as the operator and the kernel have it.
pub(super) fn close(config: &Config, read: &Read<'_>) -> anyhow::Result<Option<Sandbox>> {
    if config.sandbox == Wanted::Off {
        return Ok(None);
    }
    let paths = paths(config, read);
    let closed = Sandbox::new(&paths).and_then(|sandbox| Ok((sandbox.close()?, sandbox)));
    match closed {
        Ok((version, sandbox)) => {
            sandbox::note(&paths);
            let (read, write) = (paths.read.len(), paths.write.len());
            info!(landlock = version, read, write, "the sandbox is closed");
            Ok(Some(sandbox))
        }
        Err(error) if config.sandbox == Wanted::Require => bail!(
            "sandbox: this kernel cannot close it: {error}; it wants Linux 5.19 with `landlock` in its list of security \
             modules, or `sandbox: auto`"
        ),
        Err(error) => {
            info!("there is no sandbox, as this kernel has no Landlock: {error}");
            Ok(None)
        }
    }
}

/// One that leaves nothing open; `None` where there is none.
pub(super) fn around_nothing(config: &Config) -> Option<Sandbox> {
    (config.sandbox != Wanted::Off).then(|| Sandbox::new(&Paths::default()).ok()).flatten()
}

/// What stays open.
fn paths(config: &Config, read: &Read<'_>) -> Paths {
    let mut all = Open::default();
    for path in SYSTEM {
        all.is(Path::new(path));
    }
    for value in VARIABLES.iter().filter_map(std::env::var_os) {
        std::env::split_paths(&value).for_each(|path| all.is(&path));
    }
    if let Ok(program) = std::env::current_exe() {
        // Where a thread panics, it is read for the names of functions.
        all.is(&program);
    }
    if let Some(file) = read.config {
        all.beside(file);
    }
    for path in config.zones.iter().chain(&config.includes).chain(&config.prober.secrets.files) {
        all.around(path);
    }
    for file in read.files.values().map(|file| &*file.file).filter(|file| file.is_symlink()) {
        all.around(file);
    }
    read.included.iter().for_each(|file| all.around(file));
    named_by_config(config, |file| all.around(file));
    let zones = read.zones.iter().filter_map(|(_, zone)| zone.as_ref());
    let targets = zones.flat_map(|zone| zone.pools.iter().flat_map(Target::of_pool));
    let mut met = HashSet::new();
    for target in targets.filter(|target| met.insert(Arc::as_ptr(&target.check))) {
        for file in target.check.kind.plain().into_iter().filter_map(named_by_check) {
            all.around(file);
        }
    }

    let mut write = Open::default();
    write.is(&config.state);
    if let Some(dnstap::To::File(file)) = config.dnstap.as_ref().map(|dnstap| &dnstap.to) {
        write.beside(file);
    }
    if let Some(socket) = config.admin.as_ref().and_then(|admin| admin.socket.as_ref()) {
        write.beside(socket);
    }
    Paths { read: all.0, write: write.0 }
}

/// The files that the config file names, beside zones.
fn named_by_config(config: &Config, mut open: impl FnMut(&Path)) {
    let authority = &config.authority;
    for key in &authority.keys {
        if let Secret::File(file) = &key.secret {
            open(file);
        }
    }
    let admin = config.admin.as_ref();
    let identities = admin.and_then(|admin| admin.tls.as_ref()).into_iter();
    for tls in identities.chain(authority.tls.as_ref().map(|tls| &tls.identity)) {
        open(&tls.certificate);
        open(&tls.key);
    }
    let peers = authority.access.primaries.values().flatten();
    let authorities = peers.filter_map(|peer| peer.tls.as_ref()?.ca.as_ref());
    let tokens = admin.and_then(|admin| admin.tokens.as_ref());
    let cookies = config.answers.cookies.secrets_file.as_ref();
    authorities.chain(tokens).chain(cookies).for_each(|file| open(file));
    for file in Sources::paths(&config.geo) {
        open(&file);
    }
}

/// The file that a check reads, beside those that the config file allows by name.
fn named_by_check(check: &CheckKind) -> Option<&Path> {
    let tls = match check {
        CheckKind::File(check) => return Some(&check.path),
        CheckKind::Tls(check) => Some(&check.tls),
        CheckKind::Http(check) => check.tls.as_ref(),
        CheckKind::Grpc(check) => check.tls.as_ref(),
        CheckKind::Database(check) => check.tls.as_ref(),
        _ => None,
    };
    match &tls?.verify {
        Verify::Ca(file) => Some(file),
        Verify::System | Verify::Off => None,
    }
}

/// Paths, each once.
#[derive(Default)]
struct Open(Vec<PathBuf>);

impl Open {
    /// This path, and all that is in it where it is a folder.
    fn is(&mut self, path: &Path) {
        if path.parent().is_some() && !self.0.iter().any(|open| path.starts_with(open)) {
            self.0.push(path.to_path_buf());
        }
    }

    /// The folder of a file: a new version of it is another file. Never all there is: of a file in `/` that file alone.
    fn beside(&mut self, file: &Path) {
        let Ok(file) = std::path::absolute(file) else { return };
        match file.parent() {
            Some(folder) if folder.parent().is_some() => self.is(folder),
            _ => self.is(&file),
        }
    }

    /// A folder, or the folder of a file; with a link on the way, what stands beside its target too, as links are led elsewhere
    /// where a new version comes as a whole.
    fn around(&mut self, path: &Path) {
        let Ok(whole) = std::path::absolute(path) else { return };
        if whole.is_dir() {
            self.is(&whole);
        } else {
            self.beside(&whole);
        }
        match whole.canonicalize() {
            Ok(target) if target != whole => self.beside(&target),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_stay_open_so_that_files_can_be_replaced() {
        let top = std::env::temp_dir().join(format!("rotadns-around-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        for folder in ["zones", "keys", "releases/1", "git"] {
            fs::create_dir_all(top.join(folder)).expect("a folder");
        }
        let top = top.canonicalize().expect("it is there");
        for file in ["zones/a", "keys/k", "git/b"] {
            fs::write(top.join(file), "x").expect("a file");
        }
        symlink("releases/1", top.join("current")).expect("a link");
        symlink("../git/b", top.join("zones/b")).expect("a link");
        let opened = |path: &str| {
            let mut open = Open::default();
            open.around(&top.join(path));
            let names =
                open.0.iter().map(|path| path.strip_prefix(&top).expect("within").display());
            names.map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
        };
        for (path, expected) in [
            ("zones", "zones"),
            ("zones/a", "zones"),
            ("zones/gone", "zones"),
            ("zones/b", "zones git"),
            ("current", "current releases"),
            ("current/a", "current"),
        ] {
            assert_eq!(opened(path), expected, "{path}");
        }
        let mut open = Open::default();
        for path in ["/", "/file", "/zones-that-are-not-there"] {
            open.beside(Path::new(path));
        }
        assert_eq!(open.0, ["/file", "/zones-that-are-not-there"].map(PathBuf::from));
        fs::remove_dir_all(&top).expect("it is ours");
    }
}
