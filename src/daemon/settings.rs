//! What the operator sets about answers, from the config file and the files that it names.
//!
//! Those files are read again at each reload, so that a secret can be exchanged while the server answers; one with a mistake
//! never replaces one without.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use aws_lc_rs::rand;
use tracing::{error, info};

use super::clock::seconds;
use super::places::Sources;
use crate::config::Config;
use crate::config::model::answers::SECRETS_MAX;
use crate::config::server::authority::{self, Secret};
use crate::engine::settings::{Cookies, Places, Settings};
use crate::server::tcp;
use crate::state::publisher::Publisher;
use crate::sys::sandbox::explained;
use crate::wire::edns::cookie;
use crate::wire::tsig::key::{Algorithm, Key, Keys};

/// The largest file of a secret, in bytes.
const SECRET_FILE_MAX: u64 = 64 * 1024;
/// The unit of keepalive (RFC 7828 §3.1).
const KEEPALIVE_UNIT: Duration = Duration::from_millis(100);

/// What the operator has set, and what was in the files that it names.
pub(super) struct Set {
    config: Config,
    /// The secret of cookies where no file has one: it ends with the process.
    random: cookie::Secret,
    last: Mutex<Last>,
}

/// What was read last.
struct Last {
    secrets: Secrets,
    places: Sources,
}

/// What was in the files.
#[derive(PartialEq, Eq)]
struct Secrets {
    /// One for each key of the config, in its order.
    keys: Vec<Vec<u8>>,
    cookies: Vec<cookie::Secret>,
}

impl Set {
    /// Reads the files that the config names.
    pub(super) fn read(config: &Config) -> anyhow::Result<(Self, Settings)> {
        let mut random = cookie::Secret::default();
        rand::fill(&mut random).context("the system gives no random numbers")?;
        let secrets = Secrets::read(config, &random)?;
        let mut places = Sources::new(&config.geo, &config.views);
        places.read(seconds());
        let settings = settings(config, &secrets, places.last());
        let last = Mutex::new(Last { secrets, places });
        Ok((Self { config: config.clone(), random, last }, settings))
    }

    /// Looks whether what tells where clients are has changed, or has become too old.
    pub(super) fn look(&self, publisher: &Publisher) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = last.places.read(seconds()) {
            publisher.settings(Arc::new(settings(&self.config, &last.secrets, places)));
        }
    }

    /// Reads them again, and has answers made with what is new.
    pub(super) fn read_again(&self, publisher: &Publisher) {
        self.look(publisher);
        let secrets = match Secrets::read(&self.config, &self.random) {
            Ok(secrets) => secrets,
            Err(error) => {
                error!("{error:#}; the secrets of before are in use still");
                return;
            }
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.secrets != secrets {
            publisher.settings(Arc::new(settings(&self.config, &secrets, last.places.last())));
            last.secrets = secrets;
            info!("secrets were exchanged");
        }
    }
}

/// What is wrong with the files of secrets, each for itself.
pub(super) fn mistakes(config: &Config) -> Vec<String> {
    let of_keys = config.authority.keys.iter().filter_map(|key| match &key.secret {
        Secret::Given(_) => None,
        Secret::File(path) => secret_of(path).err(),
    });
    let of_cookies = config.answers.cookies.secrets_file.as_deref();
    let of_cookies = of_cookies.and_then(|path| cookies_of(path).err());
    of_keys.chain(of_cookies).map(|error| error.to_string()).collect()
}

impl Secrets {
    fn read(config: &Config, random: &cookie::Secret) -> anyhow::Result<Self> {
        let secret = |key: &authority::Key| match &key.secret {
            Secret::Given(secret) => Ok(secret.clone()),
            Secret::File(path) => secret_of(path),
        };
        let keys: anyhow::Result<Vec<Vec<u8>>> = config.authority.keys.iter().map(secret).collect();
        let cookies = match &config.answers.cookies.secrets_file {
            None => vec![*random],
            Some(path) => cookies_of(path)?,
        };
        Ok(Self { keys: keys?, cookies })
    }
}

fn settings(config: &Config, secrets: &Secrets, places: Places) -> Settings {
    let keys = config.authority.keys.iter().zip(&secrets.keys);
    let keys = keys.map(|(key, secret)| {
        let algorithm = match key.algorithm {
            authority::Algorithm::Sha256 => Algorithm::Sha256,
            authority::Algorithm::Sha384 => Algorithm::Sha384,
            authority::Algorithm::Sha512 => Algorithm::Sha512,
        };
        Key::new(key.name.clone(), algorithm, secret)
    });
    let answers = &config.answers;
    let text = |text: &Option<String>| text.as_deref().map(Box::from);
    let idle = tcp::Limits::default().idle.as_millis() / KEEPALIVE_UNIT.as_millis();
    Settings {
        nsid: text(&answers.nsid),
        version: text(&answers.identity.version),
        identity: text(&answers.identity.id),
        cookies: Cookies { policy: answers.cookies.policy, secrets: secrets.cookies.clone() },
        keepalive: idle.try_into().unwrap_or(u16::MAX),
        responses: answers.responses,
        any: answers.any,
        keys: Keys::new(keys.collect()),
        access: config.authority.access.clone(),
        places,
    }
}

/// A file of a secret, whatever is in it.
fn read_file(path: &Path, what: &str) -> anyhow::Result<String> {
    let shown = path.display();
    let text = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > SECRET_FILE_MAX => {
            bail!("{shown}: is larger than {SECRET_FILE_MAX} bytes; {what}")
        }
        Ok(_) => fs::read_to_string(path).map_err(|error| explained(path, error)),
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => Ok(text),
        Err(error) => bail!("{shown}: cannot be read: {error}"),
    }
}

fn secret_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let text = read_file(path, "a secret is one line of base 64")?;
    match Secret::parse(&text) {
        Some(secret) => Ok(secret),
        // What stands there may be a secret all the same, and is not shown.
        None => bail!(
            "{}: is no secret: base 64 of at least {} bytes, such as `openssl rand -base64 32` makes",
            path.display(),
            authority::SECRET_MIN
        ),
    }
}

/// The secrets of cookies: the first one signs, both are right.
fn cookies_of(path: &Path) -> anyhow::Result<Vec<cookie::Secret>> {
    let text = read_file(path, "a secret of cookies is a line of 32 hexadecimal digits")?;
    let shown = path.display();
    let mut secrets = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some(secret) = digits(line) else {
            bail!(
                "{shown}: line {number}: is no secret of cookies: 32 hexadecimal digits, such as `openssl rand -hex 16` \
                 makes"
            )
        };
        secrets.push(secret);
    }
    if !(1..=SECRETS_MAX).contains(&secrets.len()) {
        bail!(
            "{shown}: has {} secrets of cookies; it is one or two lines, such as `openssl rand -hex 16` makes",
            secrets.len()
        );
    }
    Ok(secrets)
}

fn digits(line: &str) -> Option<cookie::Secret> {
    let is_hex = line.len() == 32 && line.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(line, 16).ok().map(u128::to_be_bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::server::answers;
    use crate::name::Name;

    fn told(config: &Config) -> String {
        Set::read(config).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_secret_is_read_from_its_file_and_not_told() {
        let folder = std::env::temp_dir().join(format!("rotadns-secrets-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("key");
        let told = |secret| {
            let name = Name::parse_absolute("k.example").expect("a name");
            let algorithm = authority::Algorithm::Sha256;
            let keys = vec![authority::Key { name, algorithm, secret }];
            let authority = authority::Authority { keys, ..authority::Authority::default() };
            self::told(&Config { authority, ..Config::default() })
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

    #[test]
    fn cookies_have_one_secret_or_two() {
        let folder = std::env::temp_dir().join(format!("rotadns-cookies-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("cookies");
        let cookies =
            answers::Cookies { secrets_file: Some(file.clone()), ..answers::Cookies::default() };
        let answers = answers::Answers { cookies, ..answers::Answers::default() };
        let config = Config { answers, ..Config::default() };
        let shown = file.display();
        assert!(told(&config).starts_with(&format!("{shown}: cannot be read: ")));
        let (one, two) = ("e5e973e5a6b2a43f48e7dc849e37bfcf", "445536BCD2513298075A5D379663C962");
        for (text, first, count) in
            [(format!("{one}\n"), 0xe5, 1), (format!("# the new one\n{two}\n{one}"), 0x44, 2)]
        {
            fs::write(&file, text).expect("a file");
            let (_, settings) = Set::read(&config).expect("it is right");
            let secrets = settings.cookies.secrets;
            assert_eq!((secrets[0][0], secrets.len()), (first, count));
        }
        for (text, expected) in [
            ("", "has 0 secrets of cookies; "),
            ("e5e9", "line 1: is no secret of cookies: "),
            (format!("# both\n{one}\n{one}0").as_str(), "line 3: is no secret of cookies: "),
            (format!("+{}", &one[1..]).as_str(), "line 1: is no secret of cookies: "),
            ([one; 3].join("\n").as_str(), "has 3 secrets of cookies; "),
        ] {
            fs::write(&file, text).expect("a file");
            let sentence = told(&config);
            let expected = format!("{shown}: {expected}");
            assert!(sentence.starts_with(&expected), "{text}: {sentence}");
            assert!(!sentence.contains("e5e9"));
        }
        fs::remove_dir_all(&folder).expect("it is ours");
    }

    #[test]
    fn without_a_file_each_start_has_a_secret_of_its_own() {
        let secret = || {
            let (_, settings) = Set::read(&Config::default()).expect("no file is named");
            settings.cookies.secrets
        };
        let (one, other) = (secret(), secret());
        assert_eq!(one.len(), 1);
        assert_ne!(one, other);
    }
}
