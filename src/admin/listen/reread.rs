//! Files that are read again when they change: a certificate that was renewed, a token that was taken away.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::{error, info};

/// How often it is looked whether a file has changed.
const LOOK: Duration = Duration::from_secs(1);

/// What some files mean, as they are now.
#[derive(Debug)]
pub struct Reread<T> {
    paths: Vec<PathBuf>,
    read: fn(&[PathBuf]) -> Result<T, String>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    looked: Instant,
    versions: Versions,
    value: Arc<T>,
}

/// Of each file: time, size and inode; `None` where it is not there.
type Versions = Vec<Option<(SystemTime, u64, u64)>>;

impl<T> Reread<T> {
    /// Reads the files for the first time.
    pub fn new(
        paths: Vec<PathBuf>,
        read: fn(&[PathBuf]) -> Result<T, String>,
    ) -> Result<Self, String> {
        let versions = versions(&paths);
        let value = Arc::new(read(&paths)?);
        let state = Mutex::new(State { looked: Instant::now(), versions, value });
        Ok(Self { paths, read, state })
    }

    /// What they mean now. Files that became wrong are told, and what they meant before stays.
    pub fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK {
            state.looked = Instant::now();
            let versions = versions(&self.paths);
            if versions != state.versions {
                state.versions = versions;
                match (self.read)(&self.paths) {
                    Ok(value) => {
                        state.value = Arc::new(value);
                        info!("{}: read again, as it has changed", self.paths[0].display());
                    }
                    Err(error) => error!("{error}; what was read before stays in force"),
                }
            }
        }
        Arc::clone(&state.value)
    }
}

fn versions(paths: &[PathBuf]) -> Versions {
    let version = |path: &PathBuf| {
        let file = fs::metadata(path).ok()?;
        Some((file.modified().ok()?, file.len(), file.ino()))
    };
    paths.iter().map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_changed_is_read_again_and_what_became_wrong_is_not_taken() {
        let path = std::env::temp_dir().join(format!("rotadns-reread-{}", std::process::id()));
        let write = |text: &str| fs::write(&path, text).expect("a file of this test");
        let read = |paths: &[PathBuf]| {
            let text = fs::read_to_string(&paths[0]).map_err(|error| error.to_string())?;
            text.parse::<u32>().map_err(|error| error.to_string())
        };
        write("1");
        let number = Reread::new(vec![path.clone()], read).expect("a number");
        for (text, expected) in [("22", 22), ("wrong", 22), ("4444", 4444)] {
            write(text);
            tokio::time::advance(LOOK).await;
            assert_eq!(*number.current(), expected, "{text}");
        }
        fs::remove_file(&path).expect("it was there");
        tokio::time::advance(LOOK).await;
        assert_eq!(*number.current(), 4444, "it is gone");
        assert!(Reread::new(vec![path], read).is_err());
    }
}
