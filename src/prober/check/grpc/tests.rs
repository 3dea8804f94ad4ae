//! tonic's own health service on the loopback, and servers that mean harm.

use std::path::PathBuf;

use hyper::server::conn::http2 as served;
use hyper_util::rt::TokioExecutor;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::{TlsAcceptor, rustls};
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::server::{HealthReporter, HealthService};

use super::super::Checker;
use super::super::tests::{port, probe, target};
use super::*;
use crate::config::model::{CheckKind, Tls, Verify};
use crate::health::target::Target;

/// Asks for a service of a server on the loopback.
fn asking(address: SocketAddr, service: &str, tls: Option<Tls>) -> Target {
    let host = tls.is_some().then(|| "grpc.example:1".to_owned());
    let check = GrpcCheck { port: port(address), service: service.into(), host, tls };
    target(address, CheckKind::Grpc(check))
}

/// Serves connections until the test ends.
fn serve(
    listener: TcpListener,
    health: HealthServer<impl Health>,
    acceptor: Option<TlsAcceptor>,
) -> tokio::task::JoinHandle<()> {
    let service = TowerToHyperService::new(health);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let (service, acceptor) = (service.clone(), acceptor.clone());
            tokio::spawn(async move {
                let server = served::Builder::new(TokioExecutor::new());
                // How a connection ends is the probe's to tell.
                let _ = match acceptor {
                    None => server.serve_connection(TokioIo::new(stream), service).await,
                    Some(acceptor) => {
                        let Ok(stream) = acceptor.accept(stream).await else { return };
                        server.serve_connection(TokioIo::new(stream), service).await
                    }
                };
            });
        }
    })
}

#[tokio::test]
async fn what_the_health_service_says_decides() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reporter = HealthReporter::new();
    let server = serve(
        listener,
        HealthServer::new(HealthService::from_health_reporter(reporter.clone())),
        None,
    );
    let checker = Checker::new(Vec::new());
    let (whole, named) = (asking(address, "", None), asking(address, "shop.v1.Cart", None));

    assert_eq!(probe(&checker, &whole).await, "+ SERVING");
    let unknown = "- it does not know the service \"shop.v1.Cart\"";
    assert_eq!(probe(&checker, &named).await, unknown);
    for (status, expected) in [
        (tonic_health::ServingStatus::Serving, "+ SERVING"),
        (tonic_health::ServingStatus::NotServing, "- it says NOT_SERVING"),
        (tonic_health::ServingStatus::Unknown, "- it says UNKNOWN"),
        (tonic_health::ServingStatus::Serving, "+ SERVING"),
    ] {
        reporter.set_service_status("shop.v1.Cart", status).await;
        assert_eq!(probe(&checker, &named).await, expected);
        assert_eq!(probe(&checker, &whole).await, "+ SERVING");
    }
    server.abort();
}

#[tokio::test]
async fn over_tls_the_certificate_counts_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let own = rcgen::generate_simple_self_signed(["grpc.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = serve(
        listener,
        HealthServer::new(HealthService::from_health_reporter(HealthReporter::new())),
        Some(acceptor),
    );

    let ca = std::env::temp_dir().join(format!("rotadns-test-{}-grpc.pem", std::process::id()));
    std::fs::write(&ca, own.cert.pem()).unwrap();
    let checker = Checker::new(Vec::new());
    let trusted = || Verify::Ca(PathBuf::from(&ca));
    for (sni, verify, expected) in [
        (None, trusted(), "+ SERVING"),
        (None, Verify::Off, "+ SERVING"),
        (
            Some("other.example"),
            trusted(),
            "- certificate: not for other.example, but for grpc.example",
        ),
        (None, Verify::System, "- certificate: the issuer is not trusted"),
    ] {
        let tls = Tls { sni: sni.map(str::to_owned), verify };
        assert_eq!(probe(&checker, &asking(address, "", Some(tls))).await, expected);
    }
    std::fs::remove_file(&ca).unwrap();
    let found = probe(&checker, &asking(address, "", None)).await;
    assert!(found.starts_with("- "), "TLS is asked without it: {found}");
    server.abort();
}

/// Takes one connection, answers what comes first with these bytes, and waits for the other side to go.
async fn harm(listener: &TcpListener, answer: &[u8], times: usize) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let _ = stream.read(&mut [0; 4096]).await;
    for _ in 0..times {
        if stream.write_all(answer).await.is_err() {
            break;
        }
    }
    while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
}

/// A frame's head (RFC 9113 §4.1), and what is in it.
fn frame(kind: u8, flags: u8, stream: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, middle, low] = content.len().to_be_bytes();
    let mut frame = vec![high, middle, low, kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(content);
    frame
}

#[tokio::test]
async fn what_is_no_health_is_told_and_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let checker = Checker::new(Vec::new());
    let asked = asking(address, "", None);

    let http1 = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let (found, ()) = tokio::join!(probe(&checker, &asked), harm(&listener, http1, 1));
    assert!(found.starts_with("- no answer over HTTP/2: "), "{found}");

    // SETTINGS, and PINGs that have no end.
    let mut endless = frame(4, 0, 0, b"");
    endless.extend(frame(6, 0, 0, &[0; 8]).repeat(1000));
    let (found, ()) = tokio::join!(probe(&checker, &asked), harm(&listener, &endless, 1000));
    assert!(found.starts_with("- "), "{found}");

    // A 404 of a server that speaks HTTP/2 and not gRPC: `:status: 404`, END_STREAM and END_HEADERS.
    let mut lost = frame(4, 0, 0, b"");
    lost.extend(frame(1, 5, 1, &[0x8d]));
    let (found, ()) = tokio::join!(probe(&checker, &asked), harm(&listener, &lost, 1));
    assert!(found.starts_with("- it has no health service"), "{found}");

    drop(listener);
    assert_eq!(probe(&checker, &asked).await, "- connection refused");
}

#[tokio::test]
async fn nothing_is_left_of_a_call_that_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut asked = asking(listener.local_addr().unwrap(), "", None);
    let check = Arc::make_mut(&mut asked.check);
    check.timeout = std::time::Duration::from_millis(50);
    let checker = Checker::new(Vec::new());
    let silent = frame(4, 0, 0, b"");
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    // The server sees the end of the connection, so nobody holds it.
    let (found, ()) = tokio::join!(probe(&checker, &asked), harm(&listener, &silent, 1));
    assert_eq!(found, "- timed out after 50ms: no answer");
    tokio::task::yield_now().await;
    let after = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    assert_eq!(after, before);
}
