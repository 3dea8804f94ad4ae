//! The admin API's socket in the file system: its owner's alone.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who may ask by the socket: the user that the server runs as.
const MODE: u32 = 0o600;

/// The socket's place in the file system; it is gone when this is dropped, unless it is left to another process.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    is_left: Arc<AtomicBool>,
}

impl SocketFile {
    /// The place of a socket that somebody else has made.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), is_left: Arc::default() }
    }

    /// Set where the file is to stay, as another process has the socket too.
    #[must_use]
    pub fn is_left(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_left)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_left.load(Ordering::Relaxed) {
            // One that stays behind is replaced by the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens a socket. One that a crash has left behind is replaced; one that somebody listens on is not.
pub fn open(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    let told = |error: io::Error| format!("cannot listen on {}: {error}", path.display());
    // It gets its name by being moved there, which takes longer names than anybody can connect to.
    SocketAddr::from_pathname(path).map_err(told)?;
    match fs::symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => {
            return Err(told(io::Error::other(
                "there is a file of that name, and it is no socket",
            )));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(told(io::Error::other("another server listens there")));
        }
        _ => {}
    }
    bind(path).map_err(told)
}

/// It is made in a folder of its owner's and moved into its place, so that there is no moment at which others may
/// connect, nor one without a socket.
fn bind(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let own = folder.unwrap_or(Path::new(".")).join(format!(".admin-{}", std::process::id()));
    let _ = fs::remove_dir_all(&own);
    DirBuilder::new().mode(0o700).create(&own)?;
    let made = own.join("s");
    let bound = UnixListener::bind(&made).and_then(|listener| {
        fs::set_permissions(&made, Permissions::from_mode(MODE))?;
        listener.set_nonblocking(true)?;
        fs::rename(&made, path)?;
        Ok((listener, SocketFile::of(path)))
    });
    let _ = fs::remove_dir_all(&own);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_that_nobody_listens_on_is_replaced() {
        let folder = std::env::temp_dir().join(format!("rotadns-unix-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder of this test");
        let path = folder.join("admin.sock");

        let (listener, file) = open(&path).expect("there is none yet");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let error = open(&path).expect_err("it is in use");
        assert!(error.ends_with("another server listens there"), "{error}");

        // As a crash leaves it.
        std::mem::forget(file);
        drop(listener);
        assert!(path.exists());
        let (listener, file) = open(&path).expect("nobody listens");
        UnixStream::connect(&path).expect("the new one does");
        drop((listener, file));
        assert!(!path.exists());

        fs::write(&path, "precious").expect("a file");
        let error = open(&path).expect_err("it is no socket");
        assert!(error.contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("it stays"), "precious");
        fs::remove_dir_all(&folder).expect("it was ours");
    }

    #[test]
    fn a_name_that_nobody_can_connect_to_is_refused() {
        let path = std::env::temp_dir().join("s".repeat(120));
        let error = open(&path).expect_err("it is too long for clients");
        assert!(error.ends_with("path must be shorter than SUN_LEN"), "{error}");
        assert!(!path.exists());
    }
}
