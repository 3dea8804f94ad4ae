//! Checks of databases: a login, and the question what it is.
//!
//! | it says | role | lag |
//! |---|---|---|
//! | it takes writes | primary | |
//! | it takes none, and replays what a primary sends | replica | as the database tells it |
//! | the same, and nobody can tell how far it is | replica | unknown |
//! | it takes no writes, and follows nobody | replica | unknown, and degraded |
//!
//! Of what a server sends a probe reads so much and no more (`bounded`), and a detail that has the password in it, as a
//! server could send it back, is told without.

mod mysql;
mod postgres;
mod redis;
mod secret;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use self::secret::Password;
use super::bounded::{Bound, Bounded, TooMuch};
use super::tls::{self, Connector, Trust};
use super::{Deadline, Obstacle, Passed, Trouble, tcp};
use crate::config::model::allowed::Secrets;
use crate::config::model::{DatabaseCheck, DatabaseKind, Role};
use crate::health::told::{Behind, Told};

/// The most that is read in one probe. Role and lag take some hundred bytes, a long chain of certificates some thousand.
const READ_BOUND: Bound = Bound { most: 1024 * 1024, words: "it sends" };
/// The longest wait for a server to take leave.
const LEAVE_MAX: Duration = Duration::from_millis(200);

/// Logs in and asks once.
pub async fn check(
    check: &DatabaseCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    trust: &Trust,
    secrets: &Secrets,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    // Before the connection: a check that cannot be made leaves no trace at the target.
    let password = check.password.as_ref();
    let password = password.map(|secret| Password::read(secret, secrets)).transpose();
    let password = password.map_err(Trouble::Obstacle)?;
    let connector = connector(check, address, trust).map_err(Trouble::Obstacle)?;
    let login =
        Login { user: check.user.as_deref().unwrap_or_default(), password: password.as_ref() };

    let address = SocketAddr::new(address, check.port.get());
    let stream = tcp::connect(address, source, deadline).await?;
    // A request must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let stream = Bounded::new(stream, READ_BOUND);
    let said = match &check.kind {
        DatabaseKind::Postgres { database, query } => {
            let asks = postgres::Asks { database, query: query.as_deref() };
            postgres::ask(stream, connector, login, asks, deadline).await
        }
        DatabaseKind::Redis => redis::ask(stream, connector, login, deadline).await,
        DatabaseKind::Mysql => mysql::ask(stream, connector, login, deadline).await,
    };
    match (said, &password) {
        (Ok(said), _) => Ok(said.into()),
        (Err(Trouble::Failed(why)), Some(password)) => Err(Trouble::Failed(password.hidden(why))),
        (Err(trouble), _) => Err(trouble),
    }
}

/// Who logs in.
#[derive(Clone, Copy)]
struct Login<'a> {
    /// Empty where there is none.
    user: &'a str,
    password: Option<&'a Password>,
}

impl Login<'_> {
    fn refused(self) -> Trouble {
        let of = if self.user.is_empty() { "the default user" } else { self.user };
        Trouble::Failed(format!("authentication failed for {of}"))
    }
}

/// The server asks for a password, and the check has none.
fn no_password() -> Trouble {
    Trouble::Failed("it asks for a password, and the check has none".into())
}

/// What a database says that it is.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It takes writes.
    Primary,
    /// It follows a primary, and is at most so far behind.
    Replica(Duration),
    /// It follows a primary, and nobody can tell how far behind, as this says.
    Adrift(&'static str),
    /// It takes no writes, and follows nobody.
    Fenced,
}

impl From<Said> for Passed {
    fn from(said: Said) -> Self {
        let (role, lag) = match said {
            Said::Primary => (Role::Primary, None),
            Said::Replica(lag) => (Role::Replica, Some(lag)),
            Said::Adrift(_) | Said::Fenced => (Role::Replica, None),
        };
        let detail = match said {
            Said::Primary => "primary".to_owned(),
            Said::Replica(lag) => format!("replica, {}", Behind(lag)),
            Said::Adrift(why) => format!("replica, nobody knows how far behind: {why}"),
            Said::Fenced => "takes no writes, and follows no primary".to_owned(),
        };
        let is_degraded = said == Said::Fenced;
        Self { detail, told: Told { is_degraded, role: Some(role), lag, ..Told::default() } }
    }
}

/// What shakes hands. PostgreSQL refuses a client that offers other protocols, and the others know none.
fn connector(
    check: &DatabaseCheck,
    address: IpAddr,
    trust: &Trust,
) -> Result<Option<Connector>, Obstacle> {
    let Some(tls) = &check.tls else { return Ok(None) };
    let protocols: &[&[u8]] = match &check.kind {
        DatabaseKind::Postgres { .. } => &[b"postgresql"],
        DatabaseKind::Redis | DatabaseKind::Mysql => &[],
    };
    trust.connector(tls, None, address, protocols).map(Some)
}

/// A connection, encrypted or not.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// The connection behind a handshake.
async fn secured(
    stream: impl Duplex + 'static,
    connector: Option<Connector>,
    deadline: Deadline,
) -> Result<Box<dyn Duplex>, Trouble> {
    let Some(connector) = connector else { return Ok(Box::new(stream)) };
    Ok(Box::new(connector.connect(stream, deadline).await?))
}

/// What a failed read or write means.
fn io_trouble(error: &io::Error) -> Trouble {
    match TooMuch::of(error) {
        Some(much) => Trouble::Failed(much.to_string()),
        None => tls::trouble(error),
    }
}

#[cfg(test)]
mod tests;
