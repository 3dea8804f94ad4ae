//! PostgreSQL: whether it recovers, and how far what it has replayed is behind what it has received.
//!
//! | on a replica | lag |
//! |---|---|
//! | it has replayed all that it received, and all that the primary told it of | 0 |
//! | the same, of what it had received a moment ago | that moment |
//! | else | the age of the last transaction that it replayed, by its own clock and the primary's |
//! | it receives nothing (no `pg_stat_wal_receiver`) | the same, which grows |
//! | it receives nothing and has replayed no transaction since it started | unknown |
//!
//! The age alone would not do: of a primary that nobody writes to it grows, though the replica lacks nothing. What the
//! primary told (`latest_end_lsn`) only a user with `pg_read_all_stats` sees; others go by what has arrived.

use std::error::Error as _;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Error, SimpleQueryMessage, SimpleQueryRow};
use tokio_rustls::client;

use super::{Connector, LEAVE_MAX, Login, Said, io_trouble, no_password};
use crate::prober::check::bounded::Bounded;
use crate::prober::check::{Deadline, Trouble};

/// From one look at a replica to the next, where it has more to replay; a tenth of the timeout if that is less.
const PAUSE: Duration = Duration::from_millis(100);

/// What it is, in one row. Who logs in may be set to read only; what counts is what is set for the server.
const LOOK: &str = "\
SELECT pg_is_in_recovery(),
       EXISTS (SELECT FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'
               AND source NOT IN ('user', 'database user', 'client', 'session')),
       EXISTS (SELECT FROM pg_stat_wal_receiver),
       GREATEST(pg_last_wal_receive_lsn(), (SELECT latest_end_lsn FROM pg_stat_wal_receiver)),
       pg_last_wal_replay_lsn(),
       (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint";

/// What is asked of this kind alone.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub(super) database: &'a str,
    /// A statement whose first row must begin with a value other than NULL and false.
    pub(super) query: Option<&'a str>,
}

/// Logs in and asks.
pub(super) async fn ask(
    stream: Bounded<TcpStream>,
    connector: Option<Connector>,
    login: Login<'_>,
    asks: Asks<'_>,
    deadline: Deadline,
) -> Result<Said, Trouble> {
    let mut config = Config::new();
    config.user(login.user).dbname(asks.database).application_name("rotadns");
    if let Some(password) = login.password {
        config.password(password.text());
    }
    match connector {
        None => {
            config.ssl_mode(SslMode::Disable);
            converse(stream, NoTls, &config, login, asks, deadline).await
        }
        Some(connector) => {
            config.ssl_mode(SslMode::Require);
            let handshake = Handshake { connector, deadline };
            converse(stream, handshake, &config, login, asks, deadline).await
        }
    }
}

async fn converse<T: TlsConnect<Bounded<TcpStream>>>(
    stream: Bounded<TcpStream>,
    tls: T,
    config: &Config,
    login: Login<'_>,
    asks: Asks<'_>,
    deadline: Deadline,
) -> Result<Said, Trouble> {
    let trouble = |error: Error| trouble(&error, login);
    let connected = deadline.within("no login", config.connect_raw(stream, tls)).await?;
    let (client, mut connection) = connected.map_err(trouble)?;

    // The connection moves bytes only while it is polled. Its own future would write a server's notices into our log.
    let mut driver = poll_fn(|context| {
        loop {
            match connection.poll_message(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let asked = async {
        let said = deadline.within("no answer", standing(&client, deadline)).await?;
        let said = said.map_err(trouble)??;
        if let Some(query) = asks.query {
            deadline.within("no answer to the query", passes(&client, query)).await??;
        }
        Ok(said)
    };
    let said = tokio::select! {
        biased;
        said = asked => said,
        ended = &mut driver => {
            return Err(ended.map_or_else(trouble, |()| Trouble::Failed("connection closed".into())));
        }
    };
    // A connection that just ends is a line in the server's log.
    drop(client);
    let _ = timeout(LEAVE_MAX, driver).await;
    said
}

/// What [`LOOK`] has found. Positions are of the write-ahead log, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    is_recovering: bool,
    is_read_only: bool,
    is_receiving: bool,
    received: Option<u64>,
    replayed: Option<u64>,
    /// Of the last transaction that was replayed.
    age: Option<Duration>,
}

async fn standing(client: &Client, deadline: Deadline) -> Result<Result<Said, Trouble>, Error> {
    let began = Instant::now();
    let Some(first) = look(client).await? else { return Ok(Err(no_row())) };
    if let Some(said) = first.said() {
        return Ok(Ok(said));
    }
    sleep(PAUSE.min(deadline.timeout / 10)).await;
    let Some(second) = look(client).await? else { return Ok(Err(no_row())) };
    Ok(Ok(second.said_after(first, began.elapsed())))
}

fn no_row() -> Trouble {
    Trouble::Failed("it does not say whether it recovers".into())
}

async fn look(client: &Client) -> Result<Option<Look>, Error> {
    let rows = client.simple_query(LOOK).await?;
    Ok(first_row(&rows).and_then(|row| Look::read(|column| row.try_get(column).ok().flatten())))
}

fn first_row(messages: &[SimpleQueryMessage]) -> Option<&SimpleQueryRow> {
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    })
}

/// `16/B374D848`: the upper and the lower half, in hex.
fn position(text: &str) -> Option<u64> {
    let (upper, lower) = text.split_once('/')?;
    let half = |text| u32::from_str_radix(text, 16).ok();
    Some(u64::from(half(upper)?) << 32 | u64::from(half(lower)?))
}

impl Look {
    /// What a row says, by its columns; `None` where it leaves open what it is: that is no primary.
    fn read<'r>(text: impl Fn(usize) -> Option<&'r str>) -> Option<Self> {
        let is = |column| match text(column)? {
            "t" => Some(true),
            "f" => Some(false),
            _ => None,
        };
        let milliseconds = |text: &str| text.parse::<i64>().ok();
        Some(Self {
            is_recovering: is(0)?,
            is_read_only: is(1)?,
            is_receiving: is(2)?,
            received: text(3).and_then(position),
            replayed: text(4).and_then(position),
            // Clocks that differ may put it into the future.
            age: text(5)
                .and_then(milliseconds)
                .map(|age| Duration::from_millis(age.try_into().unwrap_or(0))),
        })
    }

    /// What it is, where one look is enough.
    fn said(self) -> Option<Said> {
        match self {
            Self { is_recovering: false, is_read_only, .. } => {
                Some(if is_read_only { Said::Fenced } else { Said::Primary })
            }
            Self { is_receiving: true, .. } if self.has_replayed(self.received) => {
                Some(Said::Replica(Duration::ZERO))
            }
            Self { is_receiving: true, age, .. } => {
                age.filter(|age| *age <= PAUSE).map(Said::Replica)
            }
            Self { is_receiving: false, .. } => Some(self.by_age()),
        }
    }

    /// What it is, so long after a look that was not enough.
    fn said_after(self, first: Self, waited: Duration) -> Said {
        let has_replayed = self.has_replayed(first.received);
        self.said()
            .unwrap_or_else(|| if has_replayed { Said::Replica(waited) } else { self.by_age() })
    }

    /// Whether it has replayed all up to there; without a position there is nothing that it has.
    fn has_replayed(self, end: Option<u64>) -> bool {
        end.is_some() && self.replayed >= end
    }

    fn by_age(self) -> Said {
        self.age
            .map_or(Said::Adrift("it has replayed no transaction since it started"), Said::Replica)
    }
}

/// Whether the first row of a statement begins with a value other than NULL and false.
async fn passes(client: &Client, query: &str) -> Result<(), Trouble> {
    let rows = client.simple_query(query).await.map_err(|error| match error.as_db_error() {
        Some(error) => Trouble::Failed(format!("the query failed: {}", error.message())),
        None => {
            source(&error).map_or_else(|| Trouble::Failed("connection closed".into()), io_trouble)
        }
    })?;
    let Some(row) = first_row(&rows) else {
        return Err(Trouble::Failed("the query has no row".into()));
    };
    match row.try_get(0).ok().flatten() {
        None => Err(Trouble::Failed("the query says NULL".into())),
        Some("f" | "false") => Err(Trouble::Failed("the query says false".into())),
        Some(_) => Ok(()),
    }
}

fn source(error: &Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

fn trouble(error: &Error, login: Login<'_>) -> Trouble {
    if let Some(error) = error.as_db_error() {
        let is_login = *error.code() == SqlState::INVALID_PASSWORD;
        return if is_login {
            login.refused()
        } else {
            Trouble::Failed(error.message().to_owned())
        };
    }
    if let Some(NoHandshake(trouble)) = error.source().and_then(|error| error.downcast_ref()) {
        return trouble.clone();
    }
    match source(error) {
        Some(error) => io_trouble(error),
        None if error.is_closed() => Trouble::Failed("connection closed".into()),
        None => match error.source().map(ToString::to_string).as_deref() {
            Some("password missing") => no_password(),
            Some("server does not support TLS") => Trouble::Failed("it does not speak TLS".into()),
            Some(why) => Trouble::Failed(why.to_owned()),
            None => Trouble::Failed(error.to_string()),
        },
    }
}

/// A connection behind a handshake.
pub(super) struct Secured(client::TlsStream<Bounded<TcpStream>>);

/// The handshake, which the library asks for when its time has come.
struct Handshake {
    connector: Connector,
    deadline: Deadline,
}

/// Why there was none.
#[derive(Debug)]
pub(super) struct NoHandshake(Trouble);

impl fmt::Display for NoHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no TLS handshake")
    }
}

impl std::error::Error for NoHandshake {}

impl TlsConnect<Bounded<TcpStream>> for Handshake {
    type Stream = Secured;
    type Error = NoHandshake;
    type Future = Pin<Box<dyn Future<Output = Result<Secured, NoHandshake>> + Send>>;

    fn connect(self, stream: Bounded<TcpStream>) -> Self::Future {
        Box::pin(async move {
            let stream = self.connector.connect(stream, self.deadline).await;
            stream.map(Secured).map_err(NoHandshake)
        })
    }
}

impl TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_as_far_behind_as_what_it_has_not_replayed() {
        let replica = Look { is_recovering: true, is_receiving: true, ..Look::default() };
        let at = |received, replayed, age: u64| Look {
            received: Some(received),
            replayed: Some(replayed),
            age: Some(Duration::from_millis(age)),
            ..replica
        };
        let behind = |milliseconds| Some(Said::Replica(Duration::from_millis(milliseconds)));
        for (look, expected) in [
            (Look::default(), Some(Said::Primary)),
            (Look { is_read_only: true, ..Look::default() }, Some(Said::Fenced)),
            // Whatever its age: a primary that nobody writes to sends nothing.
            (at(7, 7, 3_600_000), behind(0)),
            // A replica that starts anew asks for the whole of the last segment.
            (at(6, 7, 3_600_000), behind(0)),
            (at(9, 7, 40), behind(40)),
            (at(9, 7, 3_600_000), None),
            // Without a receiver, what it has is all that anybody knows of.
            (Look { is_receiving: false, ..at(7, 7, 3_600_000) }, behind(3_600_000)),
            (
                Look { is_receiving: false, age: None, ..at(7, 7, 0) },
                Some(Said::Adrift("it has replayed no transaction since it started")),
            ),
            (Look { received: None, ..at(7, 7, 40) }, behind(40)),
        ] {
            assert_eq!(look.said(), expected, "{look:?}");
        }
    }

    #[test]
    fn what_does_not_say_whether_it_recovers_is_no_primary() {
        for (row, expected) in [
            (&[Some("f"), Some("f"), Some("f"), None, None, None][..], Some(Said::Primary)),
            (&[Some("f"), Some("t"), Some("f"), None, None, None], Some(Said::Fenced)),
            (&[Some("f"), Some("f"), Some("f")], Some(Said::Primary)),
            (&[], None),
            (&[None; 6], None),
            (&[Some("f"), None, Some("f"), None, None, None], None),
            (&[Some("0"), Some("f"), Some("f"), None, None, None], None),
            (&[Some(""), Some("f"), Some("f"), None, None, None], None),
        ] {
            let look = Look::read(|column| row.get(column).copied().flatten());
            assert_eq!(look.and_then(Look::said), expected, "{row:?}");
        }
    }

    #[test]
    fn what_it_had_received_a_moment_ago_is_replayed_now() {
        let replica = Look { is_recovering: true, is_receiving: true, ..Look::default() };
        let at = |received, replayed, age| Look {
            received: Some(received),
            replayed: Some(replayed),
            age: Some(Duration::from_millis(age)),
            ..replica
        };
        let first = at(9, 7, 3_600_000);
        for (second, expected) in [
            (at(12, 10, 3_600_000), Said::Replica(Duration::from_millis(100))),
            (at(12, 10, 20), Said::Replica(Duration::from_millis(20))),
            (at(12, 12, 3_600_000), Said::Replica(Duration::ZERO)),
            (at(12, 8, 3_600_000), Said::Replica(Duration::from_secs(3600))),
            (Look::default(), Said::Primary),
        ] {
            assert_eq!(
                second.said_after(first, Duration::from_millis(100)),
                expected,
                "{second:?}"
            );
        }
    }

    #[test]
    fn positions_are_two_halves_in_hex() {
        for (text, expected) in [
            ("0/0", Some(0)),
            ("16/B374D848", Some(0x16_B374_D848)),
            ("16B374D848", None),
            ("1/1FFFFFFFF", None),
            ("", None),
        ] {
            assert_eq!(position(text), expected, "{text}");
        }
    }
}
