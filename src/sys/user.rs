//! Who the process is: root gives its rights up for good once ports are bound.
//!
//! ```text
//!             root ──▶ become_in_effect ──────────────▶ give_up
//!   user       0        the user, in effect             the user
//!   root       all      within `bind`, one call long    never again
//! ```
//!
//! So whatever is opened or made from the start on is as the user finds it later. The C library changes all threads of a process
//! at once; the system call changes its own thread alone, which is what `bind` wants.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::zeroed;
use std::os::unix::fs::lchown;
use std::path::Path;
use std::ptr::null_mut;

use libc::{c_char, c_int, gid_t, uid_t};
use rustix::process::{DumpableBehavior, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{set_no_new_privs, set_thread_res_uid};
use serde::{Deserialize, Serialize};
use socket2::{SockAddr, Socket};

/// The largest entry of a user or a group, in bytes: a group may list many.
const ENTRY_MAX: usize = 1 << 20;
/// What leaves a number as it is (setresuid(2)).
const AS_IT_IS: uid_t = uid_t::MAX;
/// The same of one thread.
const KEEP: Option<Uid> = None;

/// A user, and the group it is to have; a helper is told so, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    name: CString,
    uid: uid_t,
    gid: gid_t,
}

/// Root's rights, which are kept until ports are bound.
#[derive(Debug)]
#[must_use]
pub struct Kept(User);

/// Whether the process has root's rights.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// No program that this thread, or one that it starts, or a process of theirs executes has more rights than they.
pub fn no_new_privileges() -> io::Result<()> {
    Ok(set_no_new_privs(true)?)
}

/// Binds a socket, to a port below 1024 too where root's rights are kept.
pub fn bind(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    let bound = socket.bind(address);
    let refused = matches!(&bound, Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
    let user = geteuid();
    if !refused || set_thread_res_uid(KEEP, Uid::ROOT, KEEP).is_err() {
        return bound;
    }
    let bound = socket.bind(address);
    set_thread_res_uid(KEEP, user, KEEP)?;
    bound
}

impl User {
    /// The one of this name, with that group or its own.
    ///
    /// # Errors
    ///
    /// There is none, or the system cannot say.
    pub fn find(name: &str, group: Option<&str>) -> io::Result<Self> {
        let told = |what: &str, name: &str, error: Option<io::Error>| match error {
            Some(error) => io::Error::other(format!("cannot look for a {what} `{name}`: {error}")),
            None => io::Error::other(format!("there is no {what} `{name}` here")),
        };
        let name_c = CString::new(name).map_err(|_| told("user", name, None))?;
        let (uid, own) = user_entry(&name_c).map_err(|error| told("user", name, error))?;
        let gid = match group {
            None => own,
            Some(group) => CString::new(group)
                .map_err(|_| None)
                .and_then(|group| group_entry(&group))
                .map_err(|error| told("group", group, error))?,
        };
        Ok(Self { name: name_c, uid, gid })
    }

    /// Whether it is root, by whatever name.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Makes a file or folder this user's.
    pub fn own(&self, path: &Path) -> io::Result<()> {
        lchown(path, Some(self.uid), Some(self.gid))
    }

    /// Makes the process, which is root's, this user's, with its groups; root's rights are kept for [`bind`].
    pub fn become_in_effect(self) -> io::Result<Kept> {
        take_groups(&self)?;
        take_user(AS_IT_IS, self.uid, AS_IT_IS)?;
        Ok(Kept(self))
    }

    /// Makes the process, which is root's, this user's for good, with its groups.
    pub fn become_for_good(self) -> io::Result<()> {
        take_groups(&self)?;
        Kept(self).give_up()
    }
}

impl Kept {
    /// Gives root's rights up, in every thread: also its capabilities, as no number is root's any more. What is in memory, keys among
    /// it, is then in no core file, and no other process of the user's may look at it.
    pub fn give_up(self) -> io::Result<()> {
        let uid = self.0.uid;
        take_user(uid, uid, uid)?;
        if set_thread_res_uid(KEEP, Uid::ROOT, KEEP).is_ok() {
            return Err(io::Error::other("root's rights could be had again"));
        }
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        Ok(())
    }
}

/// Takes a user's groups, and no others, in all threads.
fn take_groups(User { name, gid, .. }: &User) -> io::Result<()> {
    // SAFETY: the name ends with its zero and is only read.
    done(unsafe { libc::initgroups(name.as_ptr(), *gid) })?;
    // SAFETY: it takes numbers.
    done(unsafe { libc::setresgid(*gid, *gid, *gid) })
}

/// Makes the process another's, in all threads: its own number, that in effect, and the one that is kept.
fn take_user(own: uid_t, effective: uid_t, kept: uid_t) -> io::Result<()> {
    // SAFETY: it takes numbers.
    done(unsafe { libc::setresuid(own, effective, kept) })
}

fn done(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The numbers of a user and of its group; no error where there is none.
fn user_entry(name: &CStr) -> Result<(uid_t, gid_t), Option<io::Error>> {
    // SAFETY: it is a plain C struct, for which all zeroes is a value.
    let mut entry: libc::passwd = unsafe { zeroed() };
    let mut found = null_mut();
    entry_of(|buffer, length| {
        // SAFETY: the name ends with its zero; what is written goes into the struct, into at most `length` bytes of the buffer,
        // and into the pointer, which are all ours.
        unsafe { libc::getpwnam_r(name.as_ptr(), &raw mut entry, buffer, length, &raw mut found) }
    })?;
    if found.is_null() { Err(None) } else { Ok((entry.pw_uid, entry.pw_gid)) }
}

/// The number of a group; no error where there is none.
fn group_entry(name: &CStr) -> Result<gid_t, Option<io::Error>> {
    // SAFETY: it is a plain C struct, for which all zeroes is a value.
    let mut entry: libc::group = unsafe { zeroed() };
    let mut found = null_mut();
    entry_of(|buffer, length| {
        // SAFETY: as of a user.
        unsafe { libc::getgrnam_r(name.as_ptr(), &raw mut entry, buffer, length, &raw mut found) }
    })?;
    if found.is_null() { Err(None) } else { Ok(entry.gr_gid) }
}

/// Asks with a buffer that is large enough. The numbers alone are read afterwards, and no text that is in it.
fn entry_of(mut ask: impl FnMut(*mut c_char, usize) -> c_int) -> Result<(), Option<io::Error>> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        match ask(buffer.as_mut_ptr(), buffer.len()) {
            0 => return Ok(()),
            libc::ERANGE if buffer.len() < ENTRY_MAX => buffer.resize(buffer.len() * 4, 0),
            // Some systems say of a name that is not there that its file is not.
            libc::ENOENT | libc::ESRCH => return Err(None),
            code => return Err(Some(io::Error::from_raw_os_error(code))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name() {
        let root = User::find("root", None).expect("every system has it");
        assert_eq!((root.uid, root.gid, root.is_root()), (0, 0, true));
        assert_eq!(User::find("root", Some("root")).expect("so it has the group"), root);
        for (name, group, expected) in [
            ("no-such-user", None, "there is no user `no-such-user` here"),
            ("root", Some("no-such-group"), "there is no group `no-such-group` here"),
            ("a\0b", None, "there is no user `a\0b` here"),
        ] {
            let error = User::find(name, group).expect_err("it is not there");
            assert_eq!(error.to_string(), expected);
        }
    }
}
