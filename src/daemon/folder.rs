//! The state folder as a start finds it: whose it is, and what the server before left there.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::bail;
use tracing::error;

use crate::state::overrides::Kept;
use crate::state::persist::Serials;

/// Sees to it that no other server works with this state folder: two on one port would each get a part
/// of the queries. The lock goes with the process, however it ends.
pub(super) fn lock(state: &Path) -> anyhow::Result<Option<File>> {
    let locked = fs::create_dir_all(state)
        .and_then(|()| File::create(state.join("lock")))
        .map_err(TryLockError::Error)
        .and_then(|file| file.try_lock().map(|()| file));
    let whole = std::path::absolute(state).unwrap_or_else(|_| state.to_path_buf());
    let state = whole.display();
    match locked {
        Ok(file) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "{state}: another server uses this state folder; each needs its own, by `state` in its config \
                 file or by $STATE_DIRECTORY"
            )
        }
        Err(TryLockError::Error(error)) => {
            error!(
                "{state}: the state folder cannot be written, so that serials and health are lost at a \
                 restart: {error}"
            );
            Ok(None)
        }
    }
}

/// The serials that were served last. A server without them is better than none.
pub(super) fn serials(state: &Path) -> Serials {
    Serials::load(state).unwrap_or_else(|error| {
        let file = state.join("serials");
        error!(
            "{}: cannot be read, so that serials may fall, and are not kept over a restart: {error}",
            file.display()
        );
        Serials::default()
    })
}

/// The overrides that were in force last. A server without them is better than none.
pub(super) fn overrides(state: &Path) -> Kept {
    Kept::load(state, unix_milliseconds()).unwrap_or_else(|error| {
        let file = state.join("overrides");
        error!(
            "{}: cannot be read, so that no override of before is in force, and new ones are not kept over a \
             restart: {error}",
            file.display()
        );
        Kept::default()
    })
}

#[expect(clippy::disallowed_methods, reason = "overrides that have ended are not loaded")]
fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_has_one_server() {
        let state = std::env::temp_dir().join(format!("rotadns-lock-{}", std::process::id()));
        let first = lock(&state).expect("nobody else").expect("the folder can be made");
        let error = lock(&state).expect_err("the first has it").to_string();
        assert_eq!(
            error,
            format!(
                "{}: another server uses this state folder; each needs its own, by `state` in its config file \
                 or by $STATE_DIRECTORY",
                state.display()
            )
        );
        drop(first);
        assert!(lock(&state).is_ok(), "it goes with its owner");
        let _ = fs::remove_dir_all(&state);
        assert!(lock(Path::new("/dev/null/state")).expect("it serves").is_none());
    }
}
