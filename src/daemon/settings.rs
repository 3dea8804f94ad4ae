//! What the operator sets about answers, from the config file and the files that it names.

use std::fs;
use std::path::Path;

use anyhow::bail;

use crate::config::Config;
use crate::config::server::authority::{self, Secret};
use crate::engine::settings::Settings;
use crate::wire::tsig::key::{Algorithm, Key, Keys};

/// The largest file of a secret, in bytes.
const SECRET_FILE_MAX: u64 = 64 * 1024;

/// Reads the files that the config names, such as those of secrets.
pub(super) fn settings(config: &Config) -> anyhow::Result<Settings> {
    let keys: anyhow::Result<Vec<Key>> = config.authority.keys.iter().map(key).collect();
    Ok(Settings { keys: Keys::new(keys?), access: config.authority.access.clone() })
}

fn key(key: &authority::Key) -> anyhow::Result<Key> {
    let algorithm = match key.algorithm {
        authority::Algorithm::Sha256 => Algorithm::Sha256,
        authority::Algorithm::Sha384 => Algorithm::Sha384,
        authority::Algorithm::Sha512 => Algorithm::Sha512,
    };
    let secret = match &key.secret {
        Secret::Given(secret) => secret.clone(),
        Secret::File(path) => secret_of(path)?,
    };
    Ok(Key::new(key.name.clone(), algorithm, &secret))
}

fn secret_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let text = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > SECRET_FILE_MAX => {
            bail!(
                "{shown}: is larger than {SECRET_FILE_MAX} bytes; a secret is one line of base 64"
            )
        }
        Ok(_) => fs::read_to_string(path),
        Err(error) => Err(error),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => bail!("{shown}: cannot be read: {error}"),
    };
    match Secret::parse(&text) {
        Some(secret) => Ok(secret),
        // What stands there may be a secret all the same, and is not shown.
        None => bail!(
            "{shown}: is no secret: base 64 of at least {} bytes, such as `openssl rand -base64 32` makes",
            authority::SECRET_MIN
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    #[test]
    fn a_secret_is_read_from_its_file_and_not_told() {
        let folder = std::env::temp_dir().join(format!("rotadns-secrets-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("key");
        let config = |secret| {
            let name = Name::parse_absolute("k.example").expect("a name");
            let algorithm = authority::Algorithm::Sha256;
            let keys = vec![authority::Key { name, algorithm, secret }];
            let authority = authority::Authority { keys, ..authority::Authority::default() };
            Config { authority, ..Config::default() }
        };
        let told = |secret| {
            settings(&config(secret)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let from_file = || Secret::File(file.clone());
        let shown = file.display();

        assert!(told(from_file()).starts_with(&format!("{shown}: cannot be read: ")));
        fs::write(&file, "hunter2hunter2hunter2!").expect("a file");
        let sentence = told(from_file());
        assert!(sentence.starts_with(&format!("{shown}: is no secret: base 64")), "{sentence}");
        assert!(!sentence.contains("hunter2"));
        fs::write(&file, "MDEyMzQ1Njc4OWFiY2RlZg==\n").expect("a file");
        assert_eq!(told(from_file()), "");
        assert_eq!(told(Secret::Given(vec![0; 16])), "");
        fs::remove_dir_all(&folder).expect("it is ours");
    }
}
