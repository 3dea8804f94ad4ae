//! TLS of checks: by what certificates are judged, how long they are good, and what their faults are called.
//!
//! HTTPS and gRPC probes of a target go on with its last session ([`session`]), and all others make a full handshake: what they
//! are for is the certificate, or a password follows.

pub mod session;
mod validity;

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::http::uri::Authority;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, HandshakeKind, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls;

pub use rustls::ProtocolVersion;

use self::session::{Session, Sessions};
use super::{Deadline, Obstacle, Trouble};
use crate::config::model::{Tls, Verify};
use crate::sys::files::{Links, read};

/// The largest CA file, in bytes; Debian's, of all roots, has 220 kB.
const CA_FILE_MAX: u64 = 4 * 1024 * 1024;
/// The most CA files kept read; over it they are all read again.
const CA_FILES_MAX: usize = 64;

/// What certificates are judged by, each read when it is first needed.
#[derive(Debug, Default)]
pub struct Trust {
    system: Mutex<Option<Arc<ClientConfig>>>,
    off: Mutex<Option<Arc<ClientConfig>>>,
    files: Mutex<Vec<CaFile>>,
    sessions: Sessions,
}

#[derive(Debug)]
struct CaFile {
    path: PathBuf,
    /// Its time and size when it was read: a CA that was replaced counts from the next probe on.
    version: (Option<SystemTime>, u64),
    config: Arc<ClientConfig>,
}

/// The client's side of a handshake with one server.
pub struct Connector {
    tls: TlsConnector,
    name: ServerName<'static>,
    /// Where it may go on with the last session: whose that is.
    session: Option<(SocketAddr, Arc<Session>)>,
}

impl Connector {
    /// Makes the handshake on a connection.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        deadline: Deadline,
    ) -> Result<TlsStream<S>, Trouble> {
        let handshake = self.tls.connect(self.name.clone(), stream);
        let stream = deadline.within("no TLS handshake", handshake).await?;
        let stream = stream.map_err(|error| handshake_trouble(&error))?;
        if let Some((_, session)) = &self.session {
            let connection = stream.get_ref().1;
            if connection.handshake_kind() != Some(HandshakeKind::Resumed) {
                session.note_full(Instant::now(), not_after(connection).unwrap_or(i64::MIN));
            }
        }
        Ok(stream)
    }
}

impl Trust {
    /// What shakes hands as a check says. The name that is asked for is the check's `sni`, else `name`, else the address.
    pub fn connector(
        &self,
        tls: &Tls,
        name: Option<&str>,
        address: IpAddr,
        protocols: &[&[u8]],
    ) -> Result<Connector, Obstacle> {
        let name = server_name(tls, name, address)?;
        let mut config = self.config(&tls.verify)?;
        Arc::make_mut(&mut config).alpn_protocols = owned(protocols);
        Ok(Connector { tls: TlsConnector::from(config), name, session: None })
    }

    /// The same for who goes on with the target's last session, and [keeps](Self::keep) it.
    pub fn resuming(
        &self,
        tls: &Tls,
        name: Option<&str>,
        at: SocketAddr,
        protocols: &[&[u8]],
    ) -> Result<Connector, Obstacle> {
        let name = server_name(tls, name, at.ip())?;
        let key = (at, name);
        let session = self.sessions.take(&key, Instant::now(), now());
        let name = key.1;
        let mut config = self.config(&tls.verify)?;
        let ours = Arc::make_mut(&mut config);
        ours.alpn_protocols = owned(protocols);
        ours.resumption = Resumption::store(Arc::clone(&session) as _);
        let connector = TlsConnector::from(config);
        Ok(Connector { tls: connector, name, session: Some((at, session)) })
    }

    /// Keeps the session of a probe that passed for the next one. A target that fails shows its certificate again.
    pub fn keep(&self, connector: Connector) {
        if let Some((at, session)) = connector.session {
            self.sessions.keep((at, connector.name), session);
        }
    }

    /// Forgets what targets at other addresses gave.
    pub fn retain(&self, addresses: &HashSet<IpAddr>) {
        self.sessions.retain(addresses);
    }

    /// The client's side of a handshake.
    pub fn config(&self, verify: &Verify) -> Result<Arc<ClientConfig>, Obstacle> {
        match verify {
            Verify::System => kept(&self.system, || Ok(trusting(system_roots()?))),
            Verify::Off => kept(&self.off, || Ok(trusting_all())),
            Verify::Ca(path) => self.file(path),
        }
    }

    fn file(&self, path: &Path) -> Result<Arc<ClientConfig>, Obstacle> {
        let unreadable = |error: io::Error| {
            let error = super::plain(&error);
            Obstacle::Trust(format!("cannot read the CA file {}: {error}", path.display()))
        };
        let file = std::fs::metadata(path).map_err(unreadable)?;
        let version = (file.modified().ok(), file.len());

        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.iter().find(|file| file.path == path && file.version == version) {
            return Ok(Arc::clone(&file.config));
        }
        let pem = read(path, Links::Follow, CA_FILE_MAX).map_err(unreadable)?;
        let config = Arc::new(trusting(roots(path, &pem)?));
        files.retain(|file| file.path != path);
        if files.len() == CA_FILES_MAX {
            files.clear();
        }
        files.push(CaFile { path: path.into(), version, config: Arc::clone(&config) });
        Ok(config)
    }
}

fn owned(protocols: &[&[u8]]) -> Vec<Vec<u8>> {
    protocols.iter().map(|protocol| protocol.to_vec()).collect()
}

/// What was made before, or is made now; a failure is not kept.
fn kept(
    slot: &Mutex<Option<Arc<ClientConfig>>>,
    make: impl FnOnce() -> Result<ClientConfig, Obstacle>,
) -> Result<Arc<ClientConfig>, Obstacle> {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(config) = &*slot {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(make()?);
    *slot = Some(Arc::clone(&config));
    Ok(config)
}

fn system_roots() -> Result<RootCertStore, Obstacle> {
    let mut roots = RootCertStore::empty();
    // Some that are odd are no reason to do without the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let why = "this system trusts no certificates; install ca-certificates, or name a CA file";
        return Err(Obstacle::Trust(why.into()));
    }
    Ok(roots)
}

fn roots(path: &Path, pem: &[u8]) -> Result<RootCertStore, Obstacle> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        if let Err(error) = added {
            let path = path.display();
            return Err(Obstacle::Trust(format!(
                "the CA file {path} has a broken certificate: {error}"
            )));
        }
    }
    if roots.is_empty() {
        let path = path.display();
        return Err(Obstacle::Trust(format!(
            "the CA file {path} has no certificate in PEM format"
        )));
    }
    Ok(roots)
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    finish(builder().with_root_certificates(roots).with_no_client_auth())
}

fn trusting_all() -> ClientConfig {
    let verifier = Arc::new(AnyCertificate(provider()));
    let builder = builder().dangerous().with_custom_certificate_verifier(verifier);
    finish(builder.with_no_client_auth())
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has cipher suites for TLS 1.2 and 1.3")
}

fn finish(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::disabled();
    config
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The verifier of `verify: false`: the operator asked whether the server answers, not who it is.
/// So odd certificates and those of old algorithms pass as well.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The name that TLS asks for, and that the certificate must have. An address is verified, but not
/// asked for (RFC 6066 §3).
pub(super) fn server_name(
    tls: &Tls,
    name: Option<&str>,
    address: IpAddr,
) -> Result<ServerName<'static>, Obstacle> {
    let Some(name) = tls.sni.as_deref().or(name) else { return Ok(ServerName::from(address)) };
    // A host may have a port, and brackets around an address.
    let host = name.parse::<Authority>().ok();
    let host = host.as_ref().map_or(name, Authority::host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| {
        let why = format!("{host:?} is neither a host name nor an address, which TLS asks for");
        Obstacle::Check(why)
    })
}

/// How long a server's certificate is still good: seconds, below zero where it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left(i64);

impl Left {
    /// Of the server's own certificate; those of its issuers are their issuers' business, and some servers send old ones along.
    #[must_use]
    pub fn of(connection: &rustls::ClientConnection) -> Option<Self> {
        Some(Self(not_after(connection)?.saturating_sub(now())))
    }

    /// Whether it ends in fewer days than these; 0 is never.
    #[must_use]
    pub fn is_short(self, days: u16) -> bool {
        days > 0 && self.0 < i64::from(days) * 86_400
    }
}

/// When the server's certificate ends, in unix seconds.
fn not_after(connection: &rustls::ClientConnection) -> Option<i64> {
    validity::not_after(connection.peer_certificates()?.first()?)
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.0) {
            Ok(left) => write!(f, "ends in {}", span(left)),
            Err(_) => write!(f, "expired {} ago", span(self.0.unsigned_abs())),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "certificates end by the wall clock")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

/// What a failed handshake means.
#[must_use]
pub fn handshake_trouble(error: &io::Error) -> Trouble {
    match trouble(error) {
        Trouble::Failed(why) if tls_error(error).is_none() => {
            Trouble::Failed(format!("TLS handshake: {why}"))
        }
        trouble => trouble,
    }
}

/// What a failed read or write means, on a connection that may be TLS: with TLS 1.3 a server can
/// refuse after the client's side of the handshake has ended.
#[must_use]
pub fn trouble(error: &io::Error) -> Trouble {
    match tls_error(error) {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            Trouble::Failed(format!("certificate: {}", certificate_fault(fault)))
        }
        Some(rustls::Error::InvalidMessage(_)) => Trouble::Failed("the answer is not TLS".into()),
        Some(error) => Trouble::Failed(format!("TLS: {error}")),
        None => Trouble::from_io(error),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn certificate_fault(fault: &CertificateError) -> String {
    use CertificateError as Fault;

    match fault {
        Fault::ExpiredContext { time, not_after } => {
            format!("expired {} ago", span(time.as_secs().saturating_sub(not_after.as_secs())))
        }
        Fault::NotValidYetContext { time, not_before } => {
            let wait = span(not_before.as_secs().saturating_sub(time.as_secs()));
            format!("not valid yet, in {wait} only")
        }
        Fault::BadSignature => "not signed by its issuer".into(),
        Fault::UnknownIssuer => "the issuer is not trusted".into(),
        Fault::NotValidForNameContext { expected, presented } if presented.is_empty() => {
            format!("not for {}, but without a name", expected.to_str())
        }
        Fault::NotValidForNameContext { expected, presented } => {
            // `DnsName("www.example.com")`
            let bare = |name: &String| name.split('"').nth(1).unwrap_or(name).to_owned();
            let presented: Vec<_> = presented.iter().map(bare).collect();
            format!("not for {}, but for {}", expected.to_str(), presented.join(", "))
        }
        // What `openssl req -x509` makes, where nothing is said.
        Fault::Other(error) if error.to_string() == "CaUsedAsEndEntity" => {
            "an authority's own (CA:TRUE); a server shows one with CA:FALSE".into()
        }
        other => other.to_string(),
    }
}

/// Seconds in the greatest unit that fits: "3 days", "1 hour".
fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        86_400.. => (seconds / 86_400, "day"),
        3_600.. => (seconds / 3_600, "hour"),
        60.. => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
