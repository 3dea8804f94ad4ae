//! A client of the admin API: one request at a time, over TCP, TLS or a unix socket.
//!
//! Whoever runs a command waits for it, so this is blocking; a runtime inside keeps the time. An error says
//! what to try.

mod endpoint;
mod flags;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

pub(super) use self::endpoint::Endpoint;
pub(super) use self::flags::{To, Usage};
use super::progress::Shown;
use crate::admin::model::Refused;

/// How long a server may take to let us in.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long a reload may take: a zone of any size may have changed.
const RELOAD_MAX: Duration = Duration::from_secs(600);
/// The most bytes of an answer; ten thousand pools have about 20 MB.
const ANSWER_BYTES_MAX: usize = 512 << 20;

/// Where a path says it all.
pub(super) const NO_QUERY: &[(&str, &str)] = &[];

/// A server's admin API.
pub(super) struct Client {
    endpoint: Endpoint,
    tls: Option<Arc<ClientConfig>>,
    /// `Bearer TOKEN`, which is never printed.
    token: Option<HeaderValue>,
    runtime: Runtime,
}

/// Why a request has no good answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody answers there, or nobody who can be trusted.
    Unreachable { endpoint: String, why: String },
    /// The server is there and says no.
    Refused { status: StatusCode, why: String },
    /// Somebody answers who does not speak as a server of ours.
    Strange { endpoint: String, why: String },
}

impl Client {
    /// What `GET` of a path gives.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, impl AsRef<str>)],
    ) -> Result<T, Failure> {
        self.runtime.block_on(self.fetch(path, query))
    }

    /// As [`Client::get`], for whoever runs on the client's runtime.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, impl AsRef<str>)],
    ) -> Result<T, Failure> {
        self.ask(Method::GET, path, query, Bytes::new(), ANSWER_MAX).await
    }

    /// What `POST` of this to a path gives.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| self.strange(&error))?;
        self.runtime.block_on(self.ask(Method::POST, path, NO_QUERY, body.into(), ANSWER_MAX))
    }

    /// What a reload gives, which may take its time.
    pub(super) fn reload<T: DeserializeOwned>(
        &self,
        query: &[(&str, impl AsRef<str>)],
    ) -> Result<T, Failure> {
        let asked = self.ask(Method::POST, "/v1/reload", query, Bytes::new(), RELOAD_MAX);
        self.runtime.block_on(asked)
    }

    /// Shows, while it lives, that the server is waited for; nothing beside output for machines.
    pub(super) fn waiting(&self, is_for_machines: bool) -> Shown {
        Shown::saying(&format!("waiting for the server at {}", self.endpoint), is_for_machines)
    }

    /// Where the server is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The runtime that keeps the time, for whoever waits between requests.
    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, impl AsRef<str>)],
        body: Bytes,
        patience: Duration,
    ) -> Result<T, Failure> {
        let request = self.request(method, path, query, body)?;
        let stream = timeout(CONNECT_MAX, self.connect());
        let stream = stream.await.map_err(|_| self.late(CONNECT_MAX))??;
        let answered = timeout(patience, self.exchange(stream, request)).await;
        let (status, body) = answered.map_err(|_| self.late(patience))??;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.strange(&error));
        }
        let why = match serde_json::from_slice::<Refused>(&body) {
            Ok(refused) => refused.error,
            Err(_) if status.is_server_error() || status.is_client_error() => status.to_string(),
            Err(error) => return Err(self.strange(&error)),
        };
        Err(Failure::Refused { status, why })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, impl AsRef<str>)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut target = path.to_owned();
        for (at, (key, value)) in query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(key);
            target.push('=');
            escape(value.as_ref(), &mut target);
        }
        let host = match &self.endpoint {
            Endpoint::Unix(_) => "localhost".to_owned(),
            net @ Endpoint::Net { .. } => net.to_string().replace("https://", ""),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, host)
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        request.body(Full::new(body)).map_err(|error| self.strange(&error))
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, Failure> {
        let (host, port) = match &self.endpoint {
            Endpoint::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                return Ok(Box::new(stream.map_err(|error| self.unreachable(&error))?));
            }
            Endpoint::Net { host, port, .. } => (host, *port),
        };
        let stream = TcpStream::connect((host.as_str(), port)).await;
        let stream = stream.map_err(|error| self.unreachable(&error))?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other);
        let name = name.map_err(|error| self.unreachable(&error))?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        let stream = stream.map_err(|error| {
            let why =
                format!("{error}; --ca names the file of certificates to trust, such as ca.pem");
            Failure::Unreachable { endpoint: self.endpoint.to_string(), why }
        })?;
        Ok(Box::new(stream))
    }

    async fn exchange(
        &self,
        stream: Box<dyn Stream>,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| self.strange(&error))?;
        let ask = async {
            let response = sender.send_request(request).await.map_err(|error| {
                // Closed without a word: the server ends, or wants TLS.
                let hint = match (&self.endpoint, &self.tls) {
                    (Endpoint::Net { .. }, None) => "; where it has TLS, write https://ADDR:PORT",
                    _ => "",
                };
                let why = format!("it closed the connection ({error}){hint}");
                Failure::Unreachable { endpoint: self.endpoint.to_string(), why }
            })?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.strange(&error))?;
            Ok((status, body.to_bytes()))
        };
        tokio::pin!(ask);
        tokio::select! {
            answered = &mut ask => answered,
            // It ends as soon as the server has said everything, or nothing.
            _ = connection => ask.await,
        }
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".into(),
            io::ErrorKind::NotFound => "there is no such socket".into(),
            io::ErrorKind::PermissionDenied => "permission denied".into(),
            _ => error.to_string(),
        };
        Failure::Unreachable { endpoint: self.endpoint.to_string(), why }
    }

    fn late(&self, patience: Duration) -> Failure {
        let why = format!("no answer within {} s", patience.as_secs());
        Failure::Unreachable { endpoint: self.endpoint.to_string(), why }
    }

    fn strange(&self, error: &dyn fmt::Display) -> Failure {
        Failure::Strange { endpoint: self.endpoint.to_string(), why: error.to_string() }
    }
}

/// What a request goes over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Appends a value of a query (RFC 3986 §2.1).
fn escape(value: &str, target: &mut String) {
    use std::fmt::Write as _;

    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/*:".contains(&byte) {
            target.push(char::from(byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { endpoint, why } => write!(
                f,
                "the server at {endpoint} cannot be reached: {why}; is `rotadns serve` running there? \
                 --admin or ROTADNS_ADMIN names another"
            ),
            Self::Refused { status: StatusCode::UNAUTHORIZED, why } => write!(
                f,
                "the server wants a token: {why}; name its file by --token-file or ROTADNS_TOKEN_FILE"
            ),
            Self::Refused { why, .. } => write!(f, "{why}"),
            Self::Strange { endpoint, why } => write!(
                f,
                "{endpoint} does not answer as RotaDNS does: {why}; is it the admin address, and of the \
                 same version (`rotadns --version`)?"
            ),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3986_2_1_a_value_keeps_what_steers_nothing() {
        for (value, expected) in [
            ("example.com/web/*", "example.com/web/*"),
            ("a b&c=d?", "a%20b%26c%3Dd%3F"),
            ("ẃ+%", "%E1%BA%83%2B%25"),
        ] {
            let mut target = String::new();
            escape(value, &mut target);
            assert_eq!(target, expected);
        }
    }
}
