//! Certificates against real handshakes on loopback.

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
    async fn serve(&self, listener: &TcpListener, name: &str, years: [i32; 2]) -> Option<String> {
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
    let tls =
        |sni: Option<&str>| Tls { sni: sni.map(Into::into), verify: Verify::Ca(file.0.clone()) };
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
