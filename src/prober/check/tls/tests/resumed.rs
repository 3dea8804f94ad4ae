//! Which probes go on with a session, and what is seen all the same.

use std::num::NonZeroU16;

use rustls::HandshakeKind::{self, Full, Resumed};
use rustls::version::{TLS12, TLS13};

use super::super::session::FULL_EVERY;
use super::*;

const WWW: &str = "www.example.com";
const DAYS: [(i32, u8, u8); 2] = [(2020, 1, 1), (4000, 1, 1)];
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// A server at one address, which may change under the probes.
struct Site {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    answer: &'static [u8],
}

impl Site {
    async fn new(config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, config: Arc::new(config), answer: OK }
    }

    fn port(&self) -> NonZeroU16 {
        port(self.listener.local_addr().unwrap())
    }

    /// What a probe finds, and how the server saw the hands shaken; `None` where they were not.
    async fn probed(&self, checker: &Checker, kind: CheckKind) -> (String, Option<HandshakeKind>) {
        let target = target(self.listener.local_addr().unwrap(), kind);
        let serve = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
            let mut stream = acceptor.accept(stream).await.ok()?;
            let kind = stream.get_ref().1.handshake_kind();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(self.answer).await;
            let _ = stream.shutdown().await;
            kind
        };
        tokio::join!(probe(checker, &target), serve)
    }

    fn https(&self, verify: Verify) -> CheckKind {
        CheckKind::Http(HttpCheck {
            port: self.port(),
            path: "/".into(),
            host: Some(WWW.into()),
            headers: Vec::new(),
            status: vec![200..=299],
            body: None,
            tls: Some(Tls { sni: None, verify }),
            days: 0,
            load: None,
        })
    }

    fn handshake(&self, verify: Verify) -> CheckKind {
        let tls = Tls { sni: Some(WWW.into()), verify };
        CheckKind::Tls(TlsCheck { port: self.port(), tls, days: 0 })
    }

    async fn https_kind(&self, checker: &Checker, verify: &Verify) -> HandshakeKind {
        let (found, kind) = self.probed(checker, self.https(verify.clone())).await;
        assert_eq!(found, "+ HTTP 200");
        kind.unwrap()
    }
}

/// A CA, its file, and what trusts it.
fn trusted(name: &str) -> (Authority, TempFile, Verify) {
    let authority = Authority::new(name);
    let file = TempFile::new(&format!("resumed-{name}.pem"), &authority.pem);
    let verify = Verify::Ca(file.0.clone());
    (authority, file, verify)
}

#[tokio::test]
async fn https_goes_on_with_its_session_and_a_tls_check_shakes_hands_anew() {
    let (ours, _file, verify) = trusted("kinds");
    for version in [&TLS12, &TLS13] {
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(ours.config(WWW, DAYS).cert_resolver);
        let (site, checker) = (Site::new(config).await, Checker::new(Vec::new()));
        for expected in [Full, Resumed, Resumed, Resumed] {
            assert_eq!(site.https_kind(&checker, &verify).await, expected, "{version:?}");
        }
        for _ in 0..3 {
            let (found, kind) = site.probed(&checker, site.handshake(verify.clone())).await;
            assert!(found.starts_with("+ TLS 1."), "{found}");
            // With TLS 1.3 the client may be gone before the server has said all that it had to say.
            assert_ne!(kind, Some(Resumed), "{version:?}");
        }
        // A ticket is used once, so nobody has used it meanwhile.
        assert_eq!(site.https_kind(&checker, &verify).await, Resumed, "{version:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_was_replaced_is_seen_at_the_next_full_handshake() {
    let ((ours, _file, verify), theirs) = (trusted("replaced"), Authority::new("theirs"));
    let (mut site, checker) = (Site::new(ours.config(WWW, DAYS)).await, Checker::new(Vec::new()));
    assert_eq!(site.https_kind(&checker, &verify).await, Full);

    // The same server otherwise: it knows the sessions that it gave.
    let mut replaced = theirs.config(WWW, DAYS);
    replaced.session_storage = Arc::clone(&site.config.session_storage);
    site.config = Arc::new(replaced);
    assert_eq!(site.https_kind(&checker, &verify).await, Resumed, "it is not shown");

    // A session that was resumed meanwhile is no younger for it.
    tokio::time::pause();
    tokio::time::advance(FULL_EVERY).await;
    tokio::time::resume();
    let (found, _) = site.probed(&checker, site.https(verify.clone())).await;
    assert_eq!(found, "- certificate: the issuer is not trusted");
}

#[tokio::test]
async fn a_probe_that_failed_is_followed_by_a_full_handshake() {
    let (ours, _file, verify) = trusted("failed");
    let (mut site, checker) = (Site::new(ours.config(WWW, DAYS)).await, Checker::new(Vec::new()));
    for (answer, found, kind) in [
        (OK, "+ HTTP 200", Full),
        (OK, "+ HTTP 200", Resumed),
        (&b"HTTP/1.1 500 Oops\r\n\r\n"[..], "- HTTP 500, not 200-299", Resumed),
        (OK, "+ HTTP 200", Full),
        (OK, "+ HTTP 200", Resumed),
    ] {
        site.answer = answer;
        let probed = site.probed(&checker, site.https(verify.clone())).await;
        assert_eq!(probed, (found.to_owned(), Some(kind)));
    }
}

#[tokio::test]
async fn no_target_and_no_trust_gets_the_session_of_another() {
    let (ours, file, verify) = trusted("others");
    let first = Site::new(ours.config(WWW, DAYS)).await;
    let mut second = Site::new(ours.config(WWW, DAYS)).await;
    // Two machines of one service, which would take each other's tickets.
    second.config = Arc::clone(&first.config);
    let checker = Checker::new(Vec::new());
    for expected in [Full, Resumed] {
        assert_eq!(first.https_kind(&checker, &verify).await, expected);
        assert_eq!(second.https_kind(&checker, &verify).await, expected);
    }
    // What was begun without looking at the certificate is nothing for who looks at it, nor is what another CA vouched for.
    assert_eq!(first.https_kind(&checker, &Verify::Off).await, Full);
    assert_eq!(first.https_kind(&checker, &Verify::Off).await, Resumed);
    assert_eq!(first.https_kind(&checker, &verify).await, Full);
    assert_eq!(first.https_kind(&checker, &verify).await, Resumed);
    std::fs::write(&file.0, Authority::new("theirs").pem + "\n").unwrap();
    let (found, _) = first.probed(&checker, first.https(verify)).await;
    assert_eq!(found, "- certificate: the issuer is not trusted");
}
