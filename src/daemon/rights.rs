//! Whom the process becomes, and what it keeps of root's rights until its ports are bound.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use tracing::{info, warn};

use crate::config::Config;
use crate::config::server::{RunAs, Sandbox};
use crate::sys::user::{self, Kept, User};

/// Root's rights, where they are to be given up.
pub(super) struct Rights(Option<(Kept, String)>);

/// Whom the process is to become; `None` where it stays who it is. From here on no program that it starts has more rights than
/// it has, unless the operator wants none of this.
pub(super) fn user(config: &Config) -> anyhow::Result<Option<User>> {
    let user = find(config)?;
    if user.is_some() || config.sandbox != Sandbox::Off {
        user::no_new_privileges().context("cannot do without new privileges")?;
    }
    Ok(user)
}

fn find(config: &Config) -> anyhow::Result<Option<User>> {
    let Some(RunAs { name, group }) = &config.user else { return Ok(None) };
    if !user::is_root() {
        warn!(
            "`user: {name}` has no effect: only root can become another, and root has not started this"
        );
        return Ok(None);
    }
    let user = User::find(name, group.as_deref())
        .map_err(|error| anyhow!("user: {error}; `useradd --system {name}` makes one"))?;
    if user.is_root() {
        bail!(
            "user: `{name}` is root, who would give nothing up; name one that owns the state folder alone"
        );
    }
    Ok(Some(user))
}

impl Rights {
    /// Makes the process that user's in effect; ports can be bound still. The state folder is the user's then, or the
    /// start ends.
    pub(super) fn reduce(config: &Config, user: Option<User>) -> anyhow::Result<Self> {
        let (Some(user), Some(RunAs { name, .. })) = (user, &config.user) else {
            return Ok(Self(None));
        };
        let state = &config.state;
        if !state.exists() {
            let made = fs::create_dir_all(state).and_then(|()| user.own(state));
            made.with_context(|| format!("{}: cannot be made", state.display()))?;
        }
        let kept =
            user.become_in_effect().with_context(|| format!("user: cannot become `{name}`"))?;
        if let Err((path, error)) = try_to_write(state) {
            bail!(
                "{}: `{name}` cannot write there: {error}; serials and health are kept there: `chown -R {name} {}`",
                path.display(),
                state.display()
            );
        }
        Ok(Self(Some((kept, name.clone()))))
    }

    /// Gives the rest up, for good.
    pub(super) fn give_up(self) -> anyhow::Result<()> {
        if let Some((kept, name)) = self.0 {
            kept.give_up().with_context(|| format!("user: cannot become `{name}` for good"))?;
            info!(user = name, "root's rights are given up");
        }
        Ok(())
    }
}

/// Makes the process that user's for good: it binds no ports.
pub(super) fn reduce_for_good(user: Option<User>) -> anyhow::Result<()> {
    user.map_or(Ok(()), User::become_for_good).context("user: cannot be become")
}

/// Whether a folder and the files in it can be written; the first path that cannot.
fn try_to_write(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_path_buf();
        move |error| (path, error)
    };
    let new = folder.join(format!(".{}", std::process::id()));
    File::create(&new).and_then(|_| fs::remove_file(&new)).map_err(at(folder))?;
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(at(&path))?;
        if kind.is_dir() {
            try_to_write(&path)?;
        } else if kind.is_file() {
            OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_told() {
        assert!(try_to_write(Path::new("/proc/self")).is_err());
        let folder = std::env::temp_dir().join(format!("rotadns-rights-{}", std::process::id()));
        fs::create_dir_all(folder.join("secondary")).expect("a folder");
        fs::write(folder.join("serials"), "x").expect("a file");
        try_to_write(&folder).expect("it is ours");
        assert_eq!(fs::read_to_string(folder.join("serials")).expect("it stays"), "x");
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
