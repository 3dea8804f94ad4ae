//! The flags and variables that name a server, and the token for it.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hyper::header::HeaderValue;

use super::{Client, Endpoint};
use crate::config::model::Verify;
use crate::prober::check::tls::Trust;

/// Where the server is, and how it knows us.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct To {
    /// The server's admin API: ADDR:PORT, https://ADDR:PORT or unix:PATH [default: `$ROTADNS_ADMIN`, else 127.0.0.1:8053]
    #[arg(long, value_name = "ADDR:PORT")]
    admin: Option<Endpoint>,
    /// The certificates to trust, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A file with the token [default: `$ROTADNS_TOKEN_FILE`; or the token itself in `$ROTADNS_TOKEN`]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What is wrong with the command line, found after it was read.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl To {
    /// Whether anything names a server, be it a variable.
    pub(crate) fn is_named(&self) -> bool {
        self.admin.is_some() || env::var_os("ROTADNS_ADMIN").is_some()
    }

    /// The server that these name.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        self.client_of(self.endpoint()?)
    }

    /// This server, known by the same token.
    pub(crate) fn client_of(&self, endpoint: Endpoint) -> anyhow::Result<Client> {
        let token = self.token()?;
        let is_encrypted = matches!(endpoint, Endpoint::Net { tls: true, .. });
        if token.is_some() && !is_encrypted && !endpoint.is_local() {
            return Err(Usage(format!(
                "a token would cross the network to {endpoint} for all to read; write https:// before the \
                 address"
            ))
            .into());
        }
        let verify = self.ca.clone().map_or(Verify::System, Verify::Ca);
        let tls = match is_encrypted.then(|| Trust::default().config(&verify)) {
            Some(Err(obstacle)) => {
                return Err(Usage(format!("{obstacle}; --ca names a file of certificates")).into());
            }
            Some(Ok(config)) => Some(config),
            None => None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        Ok(Client { endpoint, tls, token, runtime })
    }

    fn endpoint(&self) -> Result<Endpoint, Usage> {
        if let Some(endpoint) = &self.admin {
            return Ok(endpoint.clone());
        }
        match env::var("ROTADNS_ADMIN") {
            Ok(text) => text.parse().map_err(|error| Usage(format!("ROTADNS_ADMIN: {error}"))),
            Err(env::VarError::NotPresent) => Ok(Endpoint::default()),
            Err(error) => Err(Usage(format!("ROTADNS_ADMIN: {error}"))),
        }
    }

    fn token(&self) -> Result<Option<HeaderValue>, Usage> {
        let file = self.token_file.clone();
        let file = file.or_else(|| env::var_os("ROTADNS_TOKEN_FILE").map(PathBuf::from));
        let (origin, token) = match (file, env::var("ROTADNS_TOKEN")) {
            (Some(file), _) => (file.display().to_string(), read(&file)?),
            (None, Ok(token)) => ("ROTADNS_TOKEN".to_owned(), token),
            (None, Err(env::VarError::NotPresent)) => return Ok(None),
            // Its text stays unprinted.
            (None, Err(_)) => return Err(Usage("ROTADNS_TOKEN is not UTF-8".into())),
        };
        header(token.trim()).map(Some).ok_or_else(|| {
            Usage(format!("{origin} holds no token: one is a single word of printable ASCII"))
        })
    }
}

fn read(file: &Path) -> Result<String, Usage> {
    fs::read_to_string(file)
        .map_err(|error| Usage(format!("{}: the token cannot be read: {error}", file.display())))
}

/// The value of `Authorization` (RFC 6750 §2.1), which no debugging output shows.
fn header(token: &str) -> Option<HeaderValue> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6750_2_1_a_token_is_one_word() {
        for token in ["abc123", "a.b-c_d~e+f/g=="] {
            let value = header(token).expect(token);
            assert_eq!(value.as_bytes(), format!("Bearer {token}").as_bytes());
            assert!(!format!("{value:?}").contains(token), "it is never printed");
        }
        for token in ["", "a b", "a\nb", "ä"] {
            assert!(header(token).is_none(), "{token}");
        }
    }

    #[test]
    fn a_token_does_not_cross_the_network_for_all_to_read() {
        let file = std::env::temp_dir().join(format!("rotadns-token-{}", std::process::id()));
        fs::write(&file, "secret\n").expect("a file of a test");
        let to = To { token_file: Some(file.clone()), ..To::default() };
        for (endpoint, is_fine) in [
            ("192.0.2.53:8053", false),
            ("ns1.example.com:8053", false),
            ("127.0.0.1:8053", true),
            ("unix:/run/rotadns", true),
        ] {
            let client = to.client_of(endpoint.parse().expect("it is one"));
            assert_eq!(client.is_ok(), is_fine, "{endpoint}");
        }
        let _ = fs::remove_file(file);
    }
}
