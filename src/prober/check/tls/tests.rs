//! Certificates against real handshakes on loopback.

mod resumed;

use std::time::Duration;

use rustls::ServerConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::Checker;
use super::super::tests::{port, probe, target};
use super::*;
use crate::config::model::{CheckKind, HttpCheck, Tls, TlsCheck};
use crate::health::target::Outcome;

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
fn a_pipe_in_the_place_of_a_ca_file_is_not_waited_for() {
    let path = std::env::temp_dir().join(format!("rotadns-ca-pipe-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    let error = Trust::default().config(&Verify::Ca(path.clone())).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let why = format!("cannot read the CA file {}: this is no regular file", path.display());
    assert_eq!((error, made.success()), (Obstacle::Trust(why), true));
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
        self.serve_until(listener, name, [(years[0], 1, 1), (years[1], 1, 1)]).await
    }

    /// The same with a certificate from one day to another.
    async fn serve_until(
        &self,
        listener: &TcpListener,
        name: &str,
        days: [(i32, u8, u8); 2],
    ) -> Option<String> {
        let config = self.config(name, days);
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
        let name = stream.get_ref().1.server_name().map(ToOwned::to_owned);
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let _ = stream.shutdown().await;
        name
    }

    /// A server with a certificate for `name`, from one day to another.
    fn config(&self, name: &str, days: [(i32, u8, u8); 2]) -> ServerConfig {
        let mut params = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let [not_before, not_after] =
            days.map(|(year, month, day)| rcgen::date_time_ymd(year, month, day));
        (params.not_before, params.not_after) = (not_before, not_after);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
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
        days: 0,
        load: None,
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

#[test]
fn an_authority_in_the_place_of_a_server_is_told_in_words() {
    let mut params = rcgen::CertificateParams::new(["www.example.com".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let roots = roots(Path::new("ca.pem"), certificate.pem().as_bytes()).unwrap();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
    let name = ServerName::try_from("www.example.com").unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    let judged =
        verifier.build().unwrap().verify_server_cert(certificate.der(), &[], &name, &[], now);
    let Err(rustls::Error::InvalidCertificate(fault)) = judged else { panic!("{judged:?}") };
    let expected = "an authority's own (CA:TRUE); a server shows one with CA:FALSE";
    assert_eq!(certificate_fault(&fault), expected);
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
        days: 0,
        load: None,
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

#[test]
fn how_long_a_certificate_is_good_is_told_in_its_greatest_unit() {
    for (left, expected) in [
        (5 * 86_400, "ends in 5 days"),
        (7_199, "ends in 1 hour"),
        (0, "ends in 0 seconds"),
        (-86_400, "expired 1 day ago"),
    ] {
        assert_eq!(Left(left).to_string(), expected);
    }
    for (left, days, expected) in
        [(86_399, 1, true), (86_400, 1, false), (0, 1, true), (-1, 0, false), (-1, 1, true)]
    {
        assert_eq!(Left(left).is_short(days), expected, "{left} s, {days} days");
    }
}

/// The first day of a certificate, and the day so many days from now.
fn until(days: i64) -> [(i32, u8, u8); 2] {
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let last = day.saturating_add(jiff::Span::new().days(days));
    [(2020, 1, 1), (last.year().into(), last.month().cast_unsigned(), last.day().cast_unsigned())]
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_degraded_and_one_that_ended_fails() {
    let ours = Authority::new("ours");
    let file = TempFile::new("soon.pem", &ours.pem);
    let (www, checker) = ("www.example.com", Checker::new(Vec::new()));
    let verify = Verify::Ca(file.0.clone());
    // The days that it is good for, the check's days; whether it passes, is degraded, and a part of what is said.
    for (left, days, passes, degraded, said) in [
        (100, 14, true, false, ", certificate ends in "),
        (6, 14, true, true, ", certificate ends in "),
        (6, 3, true, false, ", certificate ends in "),
        (6, 0, true, false, ", certificate ends in "),
        (-3, 14, false, false, "certificate: expired "),
    ] {
        for https in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let tls = Tls { sni: Some(www.into()), verify: verify.clone() };
            let kind = if https {
                CheckKind::Http(HttpCheck {
                    port: port(address),
                    path: "/".into(),
                    host: None,
                    headers: Vec::new(),
                    status: vec![200..=299],
                    body: None,
                    tls: Some(tls),
                    days,
                    load: None,
                })
            } else {
                CheckKind::Tls(TlsCheck { port: port(address), tls, days })
            };
            let target = target(address, kind);
            let serve = ours.serve_until(&listener, www, until(left));
            let (found, _) = tokio::join!(checker.check(&target), serve);
            let found = found.unwrap();
            let outcome = (found.outcome == Outcome::Pass, found.told.is_degraded);
            assert_eq!(outcome, (passes, degraded), "{left} days, {days}: {}", found.detail);
            let says_it = !https || degraded || !passes;
            assert_eq!(found.detail.contains(said), says_it, "{}", found.detail);
        }
    }
}

#[tokio::test]
async fn a_handshake_judges_the_name_and_the_issuer() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let file = TempFile::new("handshake.pem", &ours.pem);
    let (www, checker) = ("www.example.com", Checker::new(Vec::new()));
    for (authority, name, sni, expected) in [
        (&ours, www, Some(www), "+ TLS 1.3, certificate ends in "),
        (&ours, "127.0.0.1", None, "+ TLS 1.3, certificate ends in "),
        (
            &ours,
            www,
            Some("a.example"),
            "- certificate: not for a.example, but for www.example.com",
        ),
        (&theirs, www, Some(www), "- certificate: the issuer is not trusted"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tls = Tls { sni: sni.map(Into::into), verify: Verify::Ca(file.0.clone()) };
        let kind = CheckKind::Tls(TlsCheck { port: port(address), tls, days: 14 });
        let target = target(address, kind);
        let serve = authority.serve(&listener, name, VALID);
        let (found, _) = tokio::join!(probe(&checker, &target), serve);
        assert!(found.starts_with(expected), "{found}, not {expected}");
    }
}
