//! A connection to a server's admin API: over TLS, in the clear on this machine, or by a socket in the file system.
//!
//! Certificates and tokens are read for each connection, so new ones count from the next on.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;
use tokio_rustls::{TlsConnector, rustls};

use crate::config::server::feed::{Endpoint, Server};

/// The largest file of certificates.
const CA_FILE_MAX: u64 = 4 * 1024 * 1024;
/// The largest file of a token.
const TOKEN_FILE_MAX: u64 = 4096;

/// A connection that is up. It ends when this is dropped.
#[derive(Debug)]
pub struct Connection {
    /// Sends one request at a time.
    pub sender: SendRequest<Full<Bytes>>,
    /// What the requests show.
    pub authorization: Option<HeaderValue>,
    moving: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.moving.abort();
    }
}

/// Connects to a server; the error is for people.
pub async fn connect(server: &Server) -> Result<Connection, String> {
    let authorization = server.token.as_deref().map(authorization).transpose()?;
    match &server.at {
        Endpoint::Https { host, port } => {
            let config = client_config(server.ca.as_deref(), b"http/1.1", rustls::ALL_VERSIONS)?;
            let name = ServerName::try_from(host.clone())
                .map_err(|_| format!("`{host}` is neither a host name nor an address"))?;
            let stream = tcp((host.as_str(), *port)).await?;
            let stream = TlsConnector::from(config).connect(name, stream).await;
            let stream = stream.map_err(|error| format!("TLS: {}", plain(&error)))?;
            Ok(handshake(stream, authorization).await?)
        }
        Endpoint::Http(address) => handshake(tcp(*address).await?, authorization).await,
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| plain(&error))?;
            handshake(stream, authorization).await
        }
    }
}

/// Whether what a connection needs is there: certificates and the token; the error is for people.
pub fn check(server: &Server) -> Result<(), String> {
    server.token.as_deref().map(authorization).transpose()?;
    if matches!(server.at, Endpoint::Https { .. }) {
        client_config(server.ca.as_deref(), b"http/1.1", rustls::ALL_VERSIONS)?;
    }
    Ok(())
}

async fn tcp(address: impl tokio::net::ToSocketAddrs) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| plain(&error))?;
    // A change of health must not wait for the acknowledgement of the last one.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authorization: Option<HeaderValue>,
) -> Result<Connection, String> {
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // How it ends is told to who waits for the answer.
    let moving = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Connection { sender, authorization, moving })
}

/// `Bearer TOKEN`, which no log shows.
fn authorization(file: &Path) -> Result<HeaderValue, String> {
    let text = read(file, TOKEN_FILE_MAX)
        .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
        .map_err(|error| format!("{}: the token cannot be read: {error}", file.display()))?;
    let wrong = || {
        let file = file.display();
        format!("{file}: no token; the file has the token alone, one line of printable characters")
    };
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| wrong())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The client's side of handshakes for one protocol: by the certificates of a file, or those that the system trusts. The
/// error is for people.
pub fn client_config(
    ca: Option<&Path>,
    protocol: &[u8],
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => {
            // Some that are odd are no reason to do without the others.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err("this system trusts no certificates; name a file with `ca`".into());
            }
        }
        Some(file) => {
            let broken = |error: String| format!("{}: {error}", file.display());
            let pem = read(file, CA_FILE_MAX)
                .map_err(|error| broken(format!("the certificates cannot be read: {error}")))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| broken(error.to_string()))?;
                roots.add(certificate).map_err(|error| broken(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(broken("there is no certificate in PEM format".into()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

fn read(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An error without the system's number for it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file with this content, which goes with what this returns.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str, content: &[u8]) -> Self {
            let name = format!("rotadns-connect-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, content).expect("the folder of temporary files can be written");
            Self(path)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_token_is_one_word_and_not_shown() {
        let file = Temporary::new("token", b"  s3cret-token\n");
        let value = authorization(&file.0).expect("it is fine");
        assert_eq!(value.as_bytes(), b"Bearer s3cret-token");
        assert!(!format!("{value:?}").contains("s3cret"), "{value:?}");
        for (content, wrong) in [
            (b"".as_slice(), "no token; the file has the token alone"),
            (b"a b\n", "no token; the file has the token alone"),
            (b"s3cret\x01", "no token; the file has the token alone"),
            (b"s3cret\xff", "the token cannot be read"),
        ] {
            std::fs::write(&file.0, content).expect("it can be written");
            let error = authorization(&file.0).expect_err("it is wrong");
            assert!(error.contains(wrong) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_told_by_its_file() {
        let server = Server {
            at: Endpoint::Https { host: "192.0.2.53".into(), port: 8053 },
            ca: Some("/nowhere/ca.pem".into()),
            token: None,
        };
        let error = check(&server).expect_err("there is no such file");
        assert!(error.starts_with("/nowhere/ca.pem: the certificates cannot be read"), "{error}");
        let file = Temporary::new("ca.pem", b"not a certificate");
        let error = check(&Server { ca: Some(file.0.clone()), ..server }).expect_err("no PEM");
        assert!(error.ends_with("there is no certificate in PEM format"), "{error}");
    }
}
