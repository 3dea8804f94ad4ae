//! Passwords: read for each probe, so that a new one counts from the next on, and kept no longer than it.

use std::path::Path;

use crate::config::model::Secret;
use crate::config::model::allowed::{Refusal, Secrets};
use crate::prober::check::{Obstacle, plain};
use crate::sys::files::{Links, read};

/// The largest file of a password, in bytes; a token of some identity services has two thousand.
const PASSWORD_MAX: u64 = 16 * 1024;

/// A password. It has no `Debug` and no `Display`: what cannot be printed is in no log.
pub(super) struct Password(String);

impl Password {
    /// Reads it where it is, if the operator allows that.
    pub(super) fn read(secret: &Secret, allowed: &Secrets) -> Result<Self, Obstacle> {
        let refused = || Obstacle::Check(Refusal::Secret(secret.clone()).to_string());
        let password = match secret {
            Secret::File(path) => {
                let file = allowed.allowed_file(path).ok_or_else(refused)?;
                Self::from_file(&file, path)
            }
            Secret::Variable(name) if !allowed.env.allow(name) => return Err(refused()),
            Secret::Variable(name) => match std::env::var(name) {
                Ok(password) if !password.is_empty() => Ok(password),
                Ok(_) => Err(format!("the variable {name} is empty; it should hold the password")),
                Err(std::env::VarError::NotPresent) => {
                    Err(format!("the variable {name} is not set; it should hold the password"))
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(format!("the password in the variable {name} is not UTF-8"))
                }
            },
        };
        password.map(Self).map_err(Obstacle::Check)
    }

    fn from_file(file: &Path, path: &Path) -> Result<String, String> {
        let shown = path.display();
        let bytes = read(file, Links::Refuse, PASSWORD_MAX)
            .map_err(|error| format!("cannot read the password file {shown}: {}", plain(&error)))?;
        let mut password = String::from_utf8(bytes)
            .map_err(|_| format!("the password in the file {shown} is not UTF-8"))?;
        // An editor ends a line, a password does not.
        password.truncate(password.trim_end_matches(['\r', '\n']).len());
        if password.is_empty() {
            return Err(format!("the password file {shown} is empty"));
        }
        Ok(password)
    }

    /// For the one who logs in.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// A text without the password in it.
    pub(super) fn hidden(&self, text: String) -> String {
        if text.contains(&self.0) { text.replace(&self.0, "***") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::allowed::Variables;

    #[test]
    fn a_password_is_read_anew_and_without_the_end_of_its_line() {
        let folder = std::env::temp_dir().join(format!("rotadns-secret-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("password");
        let secret = Secret::File(path.clone());
        let allowed = Secrets { files: vec![folder.clone()], ..Secrets::default() };
        let read = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            Password::read(&secret, &allowed).map(|password| password.0)
        };
        for (content, expected) in
            [(&b"one\n"[..], "one"), (b"two\r\n", "two"), (b" a b ", " a b ")]
        {
            assert_eq!(read(content).as_deref(), Ok(expected));
        }
        let shown = path.display();
        for (content, expected) in [
            (&b"\n"[..], format!("the password file {shown} is empty")),
            (b"\xff", format!("the password in the file {shown} is not UTF-8")),
            (
                &vec![b'x'; PASSWORD_MAX as usize + 1],
                format!("cannot read the password file {shown}: it has more than 16384 bytes"),
            ),
        ] {
            assert_eq!(read(content), Err(Obstacle::Check(expected)));
        }
        std::fs::remove_dir_all(&folder).unwrap();
        let gone = Password::read(&secret, &allowed).map(|password| password.0);
        let expected = format!("cannot read the password file {shown}: no such file or directory");
        assert_eq!(gone, Err(Obstacle::Check(expected)));
    }

    #[test]
    fn a_variable_that_is_not_set_says_its_name() {
        let secret = Secret::Variable("ROTADNS_NO_SUCH_VARIABLE".into());
        let allowed = Secrets {
            env: Variables(vec!["ROTADNS_NO_SUCH_VARIABLE".into()]),
            ..Secrets::default()
        };
        let read = Password::read(&secret, &allowed).map(|password| password.0);
        let expected =
            "the variable ROTADNS_NO_SUCH_VARIABLE is not set; it should hold the password";
        assert_eq!(read, Err(Obstacle::Check(expected.into())));
    }

    #[test]
    fn only_what_the_operator_allows_is_read() {
        let folder = std::env::temp_dir().join(format!("rotadns-allowed-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("keys")).unwrap();
        std::fs::write(folder.join("keys/db"), "one").unwrap();
        std::fs::write(folder.join("tokens"), "two").unwrap();
        std::os::unix::fs::symlink("../tokens", folder.join("keys/link")).unwrap();
        let files = vec![folder.join("keys")];
        let allowed = Secrets { files, env: Variables(vec!["ALLOWED".into()]) };
        let read = |secret: Secret, allowed: &Secrets| {
            Password::read(&secret, allowed).map(|password| password.0)
        };
        let file = |path: &str| Secret::File(folder.join(path));
        assert_eq!(read(file("keys/db"), &allowed).as_deref(), Ok("one"));
        assert_eq!(read(file("keys/../keys/db"), &allowed).as_deref(), Ok("one"));
        for (secret, allowed) in [
            (file("tokens"), &allowed),
            (file("keys/../tokens"), &allowed),
            (file("keys/link"), &allowed),
            (file("keys/none/../../tokens"), &allowed),
            (file("keys/db"), &Secrets::default()),
            (Secret::Variable("PATH".into()), &allowed),
            (Secret::Variable("ALLOWED".into()), &Secrets::default()),
        ] {
            let expected = Refusal::Secret(secret.clone()).to_string();
            assert_eq!(read(secret, allowed), Err(Obstacle::Check(expected)));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_password_that_comes_back_is_not_told() {
        let password = Password("s3cret".into());
        assert_eq!(password.hidden("no s3cret, s3cret!".into()), "no ***, ***!");
    }
}
