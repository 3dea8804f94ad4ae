//! Which files are zones: the one answer that `check` and the server share.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Location, Problem};
use super::model::allowed::Includes;
use super::node::TEXT_MAX;
use crate::name::Name;
use crate::sys::files::{Links, read};
use crate::sys::sandbox::explained;

/// The name of the config file, which is no zone wherever it lies.
pub const CONFIG_FILE: &str = "rotadns.yaml";
/// What stands for the root in a file's name.
const ROOT: &str = "root";
/// The most bytes of one file; of YAML, 256 MiB.
pub const FILE_MAX: u64 = 4 << 30;
/// The most zone files of one folder.
pub const FILES_MAX: usize = 1_000_000;

/// The folder of zones where nothing names another: that of the folder that the command runs in. One that is not there is
/// called by its whole path, as nobody wrote the short one.
#[must_use]
pub fn default_zones() -> PathBuf {
    let folder = PathBuf::from("zones");
    match std::path::absolute(&folder) {
        Ok(whole) if !folder.exists() => whole,
        _ => folder,
    }
}

/// The zone that a file is named after: `example.com.yaml` is about `example.com.`, and `root.yaml` about the root, whose own
/// name leaves nothing to call a file by.
///
/// `None` where the name has no zone's ending or is no name.
#[must_use]
pub fn zone_of_file(file: &Path) -> Option<Name> {
    let name = file.file_name()?.to_str()?;
    let stem = [".yaml", ".yml", ".zone"].into_iter().find_map(|end| name.strip_suffix(end))?;
    if stem.eq_ignore_ascii_case(ROOT) {
        return Some(Name::root());
    }
    Name::parse_absolute(stem).ok()
}

/// Whether a zone file is an RFC 1035 master file by its name; else it is YAML.
#[must_use]
pub fn is_master_file(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "zone")
}

/// The zone files that `paths` stand for, sorted: a file is itself, a folder its zone files.
///
/// Hidden files, editors' backups and the config file are left out of folders. A path that is not
/// there or cannot be read, and two files of one zone, are problems; the rest is still listed, of two
/// the first.
#[must_use]
pub fn zone_files(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<ConfigError>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        // A file that is not there is known by its name; anything else may be a folder that is gone.
        if path.is_file() || (!path.is_dir() && zone_of_file(path).is_some()) {
            files.push(path.clone());
            continue;
        }
        match folder(path) {
            Ok(found) if found.len() > FILES_MAX => {
                problems.push(whole(path, Problem::TooManyFiles { most: FILES_MAX }));
            }
            Ok(found) => files.extend(found),
            Err(error) => {
                problems.push(whole(path, Problem::Unreadable { detail: error.to_string() }));
            }
        }
    }
    files.sort();
    files.dedup();
    let mut first: HashMap<Name, PathBuf> = HashMap::with_capacity(files.len());
    files.retain(|file| {
        let Some(zone) = zone_of_file(file) else { return true };
        let Some(other) = first.get(&zone) else {
            first.insert(zone, file.clone());
            return true;
        };
        let other = other.display().to_string();
        problems.push(whole(file, Problem::ZoneTwice { zone: zone.to_string(), other }));
        false
    });
    (files, problems)
}

/// The zone files of one folder, one more than [`FILES_MAX`] at most.
fn folder(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| explained(path, error))? {
        let file = entry?.path();
        // One that cannot be read, such as a link that leads nowhere, is a mistake and no file that is gone.
        if is_zone_file(&file) {
            found.push(file);
        }
        if found.len() > FILES_MAX {
            break;
        }
    }
    Ok(found)
}

/// The bytes of a zone file or config file: a regular file of at most [`FILE_MAX`] bytes, as reading from
/// anything else may never end, and of YAML no more than is taken.
pub fn read_file(file: &Path) -> io::Result<Vec<u8>> {
    read_at_most(file, if is_master_file(file) { FILE_MAX } else { TEXT_MAX as u64 })
}

/// As [`read_file`], with another limit.
pub fn read_at_most(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    read(file, Links::Follow, most)
}

/// The bytes of a file that a zone includes, if the operator allows it.
///
/// # Errors
///
/// Of a file that is not allowed nothing is told, not even whether it is there.
pub fn read_included(allowed: &Includes, file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file =
        allowed.allowed_file(file).map_err(|refusal| io::Error::other(refusal.to_string()))?;
    read(&file, Links::Refuse, most)
}

/// Whether a file of a folder is a zone by its name. `x.yaml~`, `.x.yaml.swp` and `#x.yaml#` are not.
#[must_use]
pub fn is_zone_file(file: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    let ends = [".yaml", ".yml", ".zone"].iter().any(|end| name.ends_with(end));
    ends && !name.starts_with(['.', '#']) && name != CONFIG_FILE
}

fn whole(file: &Path, problem: Problem) -> ConfigError {
    ConfigError {
        file: file.to_path_buf(),
        at: Location::WHOLE_FILE,
        severity: problem.severity(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_zone() {
        for (file, zone) in [
            ("zones/example.com.yaml", Some("example.com.")),
            ("Example.COM.yml", Some("example.com.")),
            ("2.0.192.in-addr.arpa.zone", Some("2.0.192.in-addr.arpa.")),
            ("root.zone", Some(".")),
            ("a.root.yaml", Some("a.root.")),
            ("a..b.yaml", None),
            ("example.com", None),
            (".yaml", None),
        ] {
            let found = zone_of_file(Path::new(file)).map(|name| name.to_string());
            assert_eq!(found.as_deref(), zone, "{file}");
        }
    }

    #[test]
    fn of_yaml_no_more_is_read_than_is_taken() {
        let folder = std::env::temp_dir().join(format!("rotadns-large-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let [yaml, master] = ["a.yaml", "a.zone"].map(|name| folder.join(name));
        for (file, length) in [(&yaml, TEXT_MAX as u64 + 1), (&master, FILE_MAX + 1)] {
            std::fs::File::create(file).and_then(|file| file.set_len(length)).expect("a hole");
            let told = read_file(file).expect_err("it is too large").to_string();
            assert_eq!(told, format!("it has more than {} bytes", length - 1));
        }
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn backups_hidden_files_and_the_config_file_are_no_zones() {
        for (file, expected) in [
            ("example.com.yaml", true),
            ("example.com.yml", true),
            ("example.com.zone", true),
            ("example.com.yaml~", false),
            (".example.com.yaml.swp", false),
            (".example.com.yaml", false),
            ("#example.com.yaml#", false),
            ("#example.com.yaml", false),
            ("rotadns.yaml", false),
            ("README.md", false),
        ] {
            assert_eq!(is_zone_file(Path::new(file)), expected, "{file}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_problem_and_no_file() {
        let gone = std::env::temp_dir().join("rotadns-no-such-folder");
        let (files, problems) = zone_files(&[gone.clone(), PathBuf::from("example.com.zone")]);
        assert_eq!(files, [PathBuf::from("example.com.zone")]);
        let [ConfigError { file, problem: Problem::Unreadable { .. }, .. }] = &problems[..] else {
            panic!("{problems:?}");
        };
        assert_eq!(*file, gone);
    }

    #[test]
    fn two_files_of_one_zone_are_a_problem() {
        // Of any two endings, also in one folder.
        let paths = ["b/example.com.zone", "a/example.com.yml", "a/example.com.yaml"];
        let (files, problems) = zone_files(&paths.map(PathBuf::from));
        assert_eq!(files, [PathBuf::from("a/example.com.yaml")]);
        let twice =
            Problem::ZoneTwice { zone: "example.com.".into(), other: "a/example.com.yaml".into() };
        let told: Vec<_> = problems.into_iter().map(|p| (p.file, p.problem)).collect();
        let others = ["a/example.com.yml", "b/example.com.zone"];
        assert_eq!(told, others.map(|file| (PathBuf::from(file), twice.clone())));
    }
}
