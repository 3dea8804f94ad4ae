//! TLS of HTTPS checks: by what certificates are judged, and what their faults are called.
//!
//! Every probe makes a full handshake: a resumed session would not show the certificate again, and
//! one that expired since would pass.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_rustls::rustls;

use super::{Obstacle, Trouble};
use crate::config::model::Verify;

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
}

#[derive(Debug)]
struct CaFile {
    path: PathBuf,
    /// Its time and size when it was read: a CA that was replaced counts from the next probe on.
    version: (Option<SystemTime>, u64),
    config: Arc<ClientConfig>,
}

impl Trust {
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
        let mut pem = Vec::new();
        File::open(path)
            .and_then(|file| file.take(CA_FILE_MAX).read_to_end(&mut pem))
            .map_err(unreadable)?;
        let config = Arc::new(trusting(roots(path, &pem)?));
        files.retain(|file| file.path != path);
        if files.len() == CA_FILES_MAX {
            files.clear();
        }
        files.push(CaFile { path: path.into(), version, config: Arc::clone(&config) });
        Ok(config)
    }
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
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
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
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::Checker;
    use super::super::tests::{port, probe, target};
    use super::*;
    use crate::config::model::{CheckKind, HttpCheck, Tls};

    #[test]
    fn the_age_of_a_certificate_is_told_in_its_greatest_unit() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (119, "1 minute"),
            (7_200, "2 hours"),
            (86_399, "23 hours"),
            (30 * 86_400, "30 days"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }

    #[test]
    fn a_ca_file_that_is_not_there_is_an_obstacle() {
        let trust = Trust::default();
        let error = trust.config(&Verify::Ca("/nonexistent/ca.pem".into())).unwrap_err();
        let why = "cannot read the CA file /nonexistent/ca.pem: no such file or directory";
        assert_eq!(error, Obstacle::Trust(why.into()));
    }

    #[test]
    fn a_ca_file_without_a_certificate_is_an_obstacle() {
        for pem in ["", "hello"] {
            let error = roots(Path::new("ca.pem"), pem.as_bytes()).unwrap_err();
            let why = "the CA file ca.pem has no certificate in PEM format";
            assert_eq!(error, Obstacle::Trust(why.into()));
        }
    }

    /// A certificate authority of these tests, and a server that it vouches for.
    struct Authority {
        issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
        pem: String,
    }

    impl Authority {
        fn new(name: &str) -> Self {
            let mut params = rcgen::CertificateParams::default();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            let key = rcgen::KeyPair::generate().unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            Self { issuer: rcgen::Issuer::new(params, key), pem }
        }

        /// Serves one connection for `name`; returns the name that the client asked for.
        async fn serve(
            &self,
            listener: &TcpListener,
            name: &str,
            years: [i32; 2],
        ) -> Option<String> {
            let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(years[0], 1, 1);
            params.not_after = rcgen::date_time_ymd(years[1], 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let config = ServerConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();

            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
            let name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            let _ = stream.shutdown().await;
            name
        }
    }

    /// A file that goes when the test ends.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(name: &str, content: &str) -> Self {
            let name = format!("rotadns-test-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, content).unwrap();
            Self(path)
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const VALID: [i32; 2] = [2020, 4000];

    /// Probes a server whose certificate is for `name`. Returns what was found, and the name asked
    /// for.
    async fn probed(
        authority: &Authority,
        name: &str,
        years: [i32; 2],
        host: Option<&str>,
        tls: Tls,
    ) -> (String, Option<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let check = HttpCheck {
            port: port(address),
            path: "/".into(),
            host: host.map(Into::into),
            headers: Vec::new(),
            status: vec![200..=299],
            body: None,
            tls: Some(tls),
        };
        let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
        tokio::join!(probe(&checker, &target), authority.serve(&listener, name, years))
    }

    #[tokio::test]
    async fn a_certificate_is_verified_against_the_ca_file() {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        let impostor = Authority::new("ours");
        let file = TempFile::new("verified.pem", &ours.pem);
        let www = "www.example.com";
        let tls = |sni: Option<&str>| Tls {
            sni: sni.map(Into::into),
            verify: Verify::Ca(file.0.clone()),
        };
        let rows = [
            (&ours, www, VALID, Some(www), None, "+ HTTP 200"),
            (&ours, www, VALID, Some("other.example"), Some(www), "+ HTTP 200"),
            (&ours, "127.0.0.1", VALID, None, None, "+ HTTP 200"),
            (&theirs, www, VALID, Some(www), None, "- certificate: the issuer is not trusted"),
            (&impostor, www, VALID, Some(www), None, "- certificate: not signed by its issuer"),
            (
                &ours,
                www,
                VALID,
                Some("api.example.com"),
                None,
                "- certificate: not for api.example.com, but for www.example.com",
            ),
        ];
        for (authority, name, years, host, sni, expected) in rows {
            let (found, _) = probed(authority, name, years, host, tls(sni)).await;
            assert_eq!(found, expected, "a certificate for {name}, asked for {host:?}");
        }

        let (found, _) = probed(&ours, www, [2020, 2021], Some(www), tls(None)).await;
        assert!(found.starts_with("- certificate: expired "), "{found}");
        let (found, _) = probed(&ours, www, [3990, 4000], Some(www), tls(None)).await;
        assert!(found.starts_with("- certificate: not valid yet"), "{found}");
    }

    #[tokio::test]
    async fn the_systems_roots_do_not_vouch_for_a_stranger() {
        if let Err(obstacle) = Trust::default().config(&Verify::System) {
            let why = obstacle.to_string();
            assert!(why.starts_with("this system trusts no certificates"), "{why}");
            return; // and there is nothing to make a handshake with
        }
        let tls = Tls { sni: None, verify: Verify::System };
        let stranger = Authority::new("stranger");
        let (found, _) = probed(&stranger, "127.0.0.1", VALID, None, tls).await;
        assert_eq!(found, "- certificate: the issuer is not trusted");
    }

    #[tokio::test]
    async fn a_ca_file_that_was_replaced_counts_from_the_next_probe_on() {
        let (old, new) = (Authority::new("old"), Authority::new("new"));
        let file = TempFile::new("replaced.pem", &old.pem);
        let trust = Trust::default();
        let verify = Verify::Ca(file.0.clone());
        let first = trust.config(&verify).unwrap();
        assert!(Arc::ptr_eq(&first, &trust.config(&verify).unwrap()), "not read again");
        std::fs::write(&file.0, new.pem + "\n").unwrap();
        assert!(!Arc::ptr_eq(&first, &trust.config(&verify).unwrap()), "read again");
    }

    #[tokio::test]
    async fn without_verification_any_certificate_passes_and_the_name_is_still_asked_for() {
        let tls = Tls { sni: None, verify: Verify::Off };
        let years = [2020, 2021];
        let host = Some("www.example.com");
        let (found, asked) = probed(&Authority::new("any"), "old.example", years, host, tls).await;
        assert_eq!((found.as_str(), asked.as_deref()), ("+ HTTP 200", host));
    }

    #[tokio::test]
    async fn rfc6066_3_an_address_is_not_asked_for() {
        let tls = Tls { sni: None, verify: Verify::Off };
        let (found, asked) = probed(&Authority::new("any"), "127.0.0.1", VALID, None, tls).await;
        assert_eq!((found.as_str(), asked), ("+ HTTP 200", None));
    }

    #[tokio::test]
    async fn a_server_without_tls_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let check = HttpCheck {
            port: port(address),
            path: "/".into(),
            host: None,
            headers: Vec::new(),
            status: vec![200..=299],
            body: None,
            tls: Some(Tls { sni: None, verify: Verify::Off }),
        };
        let (target, checker) = (target(address, CheckKind::Http(check)), Checker::new(Vec::new()));
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            stream
        };
        let (found, _stream) = tokio::join!(probe(&checker, &target), serve);
        assert_eq!(found, "- the answer is not TLS");
    }
}
