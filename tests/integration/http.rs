//! A client of the admin API: what is sent can be said byte by byte, also what no real client would send.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use tokio_rustls::rustls;

/// Longer than any answer takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// An admin API, and what is shown to it.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    at: At,
    headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum At {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Tls(SocketAddr, Arc<ClientConfig>),
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Both kinds of streams.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Http {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { at: At::Tcp(address), headers: vec![("Host".into(), address.to_string())] }
    }

    pub(crate) fn unix(path: PathBuf) -> Self {
        Self { at: At::Unix(path), headers: vec![("Host".into(), "localhost".into())] }
    }

    /// Over TLS, trusting the authority of a PEM file.
    pub(crate) fn tls(address: SocketAddr, ca: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(ca).expect("a certificate");
        roots.add(ca).expect("an authority");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let headers = vec![("Host".into(), address.to_string())];
        Self { at: At::Tls(address, Arc::new(config)), headers }
    }

    /// With one more header, or another value of one.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.into(), value.into()));
        Self { at: self.at.clone(), headers }
    }

    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn connect(&self) -> Box<dyn Stream> {
        match &self.at {
            At::Tcp(address) => {
                let stream = TcpStream::connect(address).expect("it listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
                stream.set_write_timeout(Some(PATIENCE)).expect("a time limit is set");
                Box::new(stream)
            }
            At::Tls(address, config) => {
                let stream = TcpStream::connect(address).expect("it listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
                let client = ClientConnection::new(Arc::clone(config), address.ip().into());
                Box::new(StreamOwned::new(client.expect("a client"), stream))
            }
            At::Unix(path) => {
                let stream = UnixStream::connect(path).expect("it listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
                Box::new(stream)
            }
        }
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.ask("GET", path, None)
    }

    /// As [`Http::get`], where the server may not be trusted or not be there.
    pub(crate) fn try_get(&self, path: &str) -> Option<Response> {
        let mut stream = self.connect();
        let request = self.head("GET", path) + "Connection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        Response::read(&mut *stream).ok()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Response {
        self.with("Content-Type", "application/json").ask("POST", path, Some(&body.to_string()))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Response {
        let length = body.map(|body| format!("Content-Length: {}\r\n", body.len()));
        let length = length.unwrap_or_default();
        let request = format!("{}{length}Connection: close\r\n\r\n", self.head(method, path));
        self.send([request.as_bytes(), body.unwrap_or_default().as_bytes()].concat().as_slice())
    }

    /// The first lines of a request, its end not among them.
    pub(crate) fn head(&self, method: &str, path: &str) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("{method} {path} HTTP/1.1\r\n{}", headers.collect::<String>())
    }

    /// What comes of these bytes, until the server closes.
    pub(crate) fn send(&self, bytes: &[u8]) -> Response {
        let mut stream = self.connect();
        // A server that has heard enough may close before it has read everything.
        let _ = stream.write_all(bytes);
        Response::read(&mut *stream).expect("an answer")
    }
}

impl Response {
    /// All that comes until the end of the stream.
    pub(crate) fn read(stream: &mut dyn Stream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            // It has closed on bytes of ours that it has not read.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && !bytes.is_empty() => {}
            // Servers close without a farewell when they are in a hurry.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() => {}
            result => drop(result?),
        }
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        Ok(Self {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body: if is_chunked { unchunked(body) } else { body.to_owned() },
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Why it was refused.
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().expect("a sentence").to_owned()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or_default();
        let Some((chunk, rest)) = rest.split_at_checked(length) else { break };
        whole.push_str(chunk);
        body = rest.trim_start_matches("\r\n");
        if length == 0 {
            break;
        }
    }
    whole
}
