//! Files that are read without waiting for anybody: a pipe has no end until its writer says so, and a device may do something
//! when it is opened.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::sandbox::explained;

/// Whether the last part of a path may be a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It may.
    Follow,
    /// It may not, as the path is one that was judged with links followed.
    Refuse,
}

/// The bytes of a regular file, of so many at most; anything else is an error.
pub fn read(path: &Path, links: Links, most: u64) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other(format!("it has more than {most} bytes"));
    let file = open(path, links)?;
    let length = file.metadata()?.len();
    // What it is said to have may be on no disk: a file that is a hole costs its writer nothing.
    if length > most {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length as usize)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Opens a regular file to be read.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    let is_file = |is_file: bool| {
        if is_file { Ok(()) } else { Err(io::Error::other("this is no regular file")) }
    };
    is_file(fs::metadata(path)?.is_file())?;
    let no_links = if links == Links::Refuse { libc::O_NOFOLLOW } else { 0 };
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY | no_links;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| explained(path, error))?;
    // Another may have taken its place meanwhile.
    is_file(file.metadata()?.is_file())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    /// More than there is memory.
    const HOLE: u64 = 1 << 40;

    #[test]
    fn a_regular_file_is_read_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("rotadns-files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let [file, link, pipe, hole] =
            ["file", "link", "pipe", "hole"].map(|name| folder.join(name));
        fs::write(&file, "four").expect("a file");
        symlink("file", &link).expect("a link");
        File::create(&hole).expect("a file").set_len(HOLE).expect("a file system with holes");
        // Nobody writes into it.
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("a program").success());
        for (path, links, most, expected) in [
            (&*file, Links::Refuse, 4, Ok("four")),
            (&file, Links::Follow, u64::MAX, Ok("four")),
            (&file, Links::Follow, 3, Err("it has more than 3 bytes")),
            (&hole, Links::Follow, HOLE - 1, Err("it has more than 1099511627775 bytes")),
            (&link, Links::Follow, 4, Ok("four")),
            (&link, Links::Refuse, 4, Err("Too many levels of symbolic links (os error 40)")),
            (&pipe, Links::Follow, 4, Err("this is no regular file")),
            (&folder, Links::Follow, 4, Err("this is no regular file")),
            (Path::new("/dev/zero"), Links::Follow, 4, Err("this is no regular file")),
        ] {
            let found = read(path, links, most).map_err(|error| error.to_string());
            let expected = expected.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
            assert_eq!(found, expected, "{} {links:?} {most}", path.display());
        }
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
