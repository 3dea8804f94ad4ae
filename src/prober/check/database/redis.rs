//! Redis and Valkey: what `INFO` says of replication, and whether the data are loaded.
//!
//! | `role` | `master_link_status` | told |
//! |---|---|---|
//! | `master` | | primary |
//! | `slave` | `up` | replica, as far behind as it has heard of its primary (`master_last_io_seconds_ago`) |
//! | `slave` | `down` | replica, as far behind as the link is down (`master_link_down_since_seconds`) |
//! | `slave` | `down`, and never was up | replica, nobody knows how far behind |
//!
//! A primary that nobody writes to is heard of every `repl-ping-replica-period`, 10 s unless set.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, ServerErrorKind};

use super::{Connector, Duplex, Login, Said, io_trouble, no_password, secured};
use crate::prober::check::{Deadline, Trouble};

/// Logs in, where there is a password, and asks.
pub(super) async fn ask(
    stream: impl Duplex + 'static,
    connector: Option<Connector>,
    login: Login<'_>,
    deadline: Deadline,
) -> Result<Said, Trouble> {
    let stream = secured(stream, connector, deadline).await?;
    let mut info = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(password) = login.password {
        info = info.set_password(password.text());
        if !login.user.is_empty() {
            info = info.set_username(login.user);
        }
    }
    // The deadline is ours.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connect = MultiplexedConnection::new_with_config(&info, stream, config);
    let connected = deadline.within("no login", connect).await?;
    let (mut connection, driver) = connected.map_err(|error| trouble(&error, login))?;

    let mut asked = pin!(deadline.within("no answer", async move {
        let mut section = async |name| -> Result<String, RedisError> {
            redis::cmd("INFO").arg(name).query_async(&mut connection).await
        };
        Ok((section("persistence").await?, section("replication").await?))
    }));
    let asked = tokio::select! {
        biased;
        asked = &mut asked => asked?,
        () = driver => asked.await?, // it was told how that ended
    };
    let (persistence, replication) = asked.map_err(|error| trouble(&error, login))?;
    judge(&persistence, &replication)
}

fn judge(persistence: &str, replication: &str) -> Result<Said, Trouble> {
    let number = |key| field(replication, key).and_then(|text| text.parse::<u64>().ok());
    if field(persistence, "loading") == Some("1") {
        return Err(Trouble::Failed("it is loading its data".into()));
    }
    match field(replication, "role") {
        Some("master") => Ok(Said::Primary),
        Some("slave" | "replica") => {
            // Of a link that is down, the second number is -1.
            let is_up = field(replication, "master_link_status") == Some("up");
            let since =
                if is_up { "master_last_io_seconds_ago" } else { "master_link_down_since_seconds" };
            Ok(number(since)
                .map_or(Said::Adrift("it has not reached its primary yet"), |seconds| {
                    Said::Replica(Duration::from_secs(seconds))
                }))
        }
        _ => Err(Trouble::Failed("it does not say its role".into())),
    }
}

/// The value of a line `key:value`.
fn field<'a>(section: &'a str, key: &str) -> Option<&'a str> {
    let lines = section.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value.trim())
}

fn trouble(error: &RedisError, login: Login<'_>) -> Trouble {
    let shared =
        error.source().and_then(|error| error.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    if let Some(error) = shared.and_then(|error| error.downcast_ref()) {
        return io_trouble(error);
    }
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS")) => login.refused(),
        (_, Some("NOAUTH")) => no_password(),
        (_, Some("NOPERM")) => Trouble::Failed("the user may not ask INFO; give it `+info`".into()),
        (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => {
            Trouble::Failed("it is loading its data".into())
        }
        (ErrorKind::Parse, _) => Trouble::Failed("the answer is not of Redis".into()),
        _ if error.is_connection_dropped() => Trouble::Failed("connection closed".into()),
        _ => Trouble::Failed(error.detail().unwrap_or(error.category()).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_and_lag_are_what_info_says() {
        let replica = |seconds| Ok(Said::Replica(Duration::from_secs(seconds)));
        let failed = |why: &str| Err(Trouble::Failed(why.into()));
        for (persistence, replication, expected) in [
            (
                "loading:0",
                "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n",
                Ok(Said::Primary),
            ),
            (
                "loading:0",
                "role:slave\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:3\r\n",
                replica(3),
            ),
            (
                "loading:0",
                "role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\n\
                 master_link_down_since_seconds:61\r\n",
                replica(61),
            ),
            (
                "loading:0",
                "role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\n\
                 master_link_down_since_seconds:-1\r\n",
                Ok(Said::Adrift("it has not reached its primary yet")),
            ),
            ("loading:1\r\n", "role:slave\r\n", failed("it is loading its data")),
            ("", "role:sentinel\r\n", failed("it does not say its role")),
        ] {
            assert_eq!(judge(persistence, replication), expected, "{replication}");
        }
    }
}
