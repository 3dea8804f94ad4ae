//! Who takes the log: a collector on a unix socket, or a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::frames::{self, Control};
use crate::config::server::dnstap::To;

/// How long a collector may take to read; one that takes longer is left, and asked again later.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bytes of a stream's begin and end; a file that has no more says nothing.
const EMPTY: u64 = 54;

/// An open log.
pub(super) enum Sink {
    Socket(BufWriter<UnixStream>),
    File { out: BufWriter<File>, path: PathBuf, id: (u64, u64) },
}

impl Sink {
    /// Opens it, and begins the stream. One that is opened `again` keeps what was written since the start.
    pub(super) fn open(to: &To, again: bool) -> io::Result<Self> {
        match to {
            To::Socket(path) => {
                let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
                // Also for the connection: a collector that accepts nobody would hold us.
                socket.set_write_timeout(Some(PATIENCE))?;
                socket.set_read_timeout(Some(PATIENCE))?;
                socket.connect(&SockAddr::unix(path)?)?;
                let mut stream = UnixStream::from(socket);
                frames::control(&mut stream, Control::Ready)?;
                frames::expect(&mut stream, Control::Accept)?;
                frames::control(&mut stream, Control::Start)?;
                Ok(Self::Socket(BufWriter::new(stream)))
            }
            To::File(path) => {
                let file = new_file(path, again)?;
                let meta = file.metadata()?;
                let mut out = BufWriter::new(file);
                frames::control(&mut out, Control::Start)?;
                out.flush()?;
                Ok(Self::File { out, path: path.clone(), id: (meta.dev(), meta.ino()) })
            }
        }
    }

    /// Writes a message, as far as into a buffer.
    pub(super) fn write(&mut self, content: &[u8]) -> io::Result<()> {
        match self {
            Self::Socket(out) => frames::data(out, content),
            Self::File { out, .. } => frames::data(out, content),
        }
    }

    /// Passes on what is in the buffer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Socket(out) => out.flush(),
            Self::File { out, .. } => out.flush(),
        }
    }

    /// Whether the file is another by now, or none: somebody has moved the log away.
    pub(super) fn is_moved(&self) -> bool {
        let Self::File { path, id, .. } = self else { return false };
        fs::metadata(path).map_or(true, |meta| (meta.dev(), meta.ino()) != *id)
    }

    /// One whose disk is full.
    #[cfg(test)]
    pub(super) fn full() -> io::Result<Self> {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().write(true).open(&path)?;
        Ok(Self::File { out: BufWriter::new(file), path, id: (0, 0) })
    }

    /// Ends the stream, as who reads it expects.
    pub(super) fn close(mut self) -> io::Result<()> {
        match &mut self {
            Self::Socket(out) => {
                frames::control(out, Control::Stop)?;
                out.flush()?;
                frames::expect(out.get_mut(), Control::Finish)
            }
            Self::File { out, .. } => {
                frames::control(out, Control::Stop)?;
                out.flush()
            }
        }
    }
}

/// A file of our own: a stream has one begin, so one that is there already is moved out of the way. What was moved there is
/// overwritten once, at the start: on a disk that is full, file after file would go there.
fn new_file(path: &Path, again: bool) -> io::Result<File> {
    let before = match fs::symlink_metadata(path) {
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(meta) = before {
        if meta.file_type().is_socket() || !meta.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something that is no file is there",
            ));
        }
        if meta.len() > EMPTY {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".before");
            let aside = PathBuf::from(aside);
            if again && aside.exists() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!(
                        "it was begun before, and {} is there too; move one away",
                        aside.display()
                    ),
                ));
            }
            fs::rename(path, aside)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    // Who asked what is not for everybody to read.
    OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)
}
