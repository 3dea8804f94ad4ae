//! MySQL and MariaDB: whether it takes writes (`read_only`), and what it says of its replication.
//!
//! | `read_only` | status of a replica | told |
//! |---|---|---|
//! | off | | primary |
//! | on | seconds behind | replica, so far behind; of several sources the furthest |
//! | on | NULL: replication is stopped, broken or without its primary | replica, nobody knows how far behind |
//! | on | none | replica of nobody, degraded |
//!
//! The protocol is spoken here, the little of it that these two questions take: so a probe has the source address, the
//! trust and the bounds that all probes have.

mod login;
mod packet;

use std::time::Duration;

use tokio::time::timeout;

use self::login::{Session, log_in};
use self::packet::{Fields, Told, not_mysql};
use super::{Connector, Duplex, LEAVE_MAX, Login, Said};
use crate::prober::check::{Deadline, Trouble};

const QUIT: u8 = 1;
const QUERY: u8 = 3;
/// "You have an error in your SQL syntax".
const SYNTAX: u16 = 1064;
/// "you need (at least one of) the … privilege(s)".
const NOT_ALLOWED: u16 = 1227;
/// The most columns of an answer; the status of MySQL 8 has sixty.
const COLUMNS_MAX: usize = 256;
/// The most rows; one is a source.
const ROWS_MAX: usize = 256;

/// Rows of texts, by the names of their columns.
#[derive(Debug, Default)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// Logs in and asks.
pub(super) async fn ask(
    stream: impl Duplex + 'static,
    connector: Option<Connector>,
    login: Login<'_>,
    deadline: Deadline,
) -> Result<Said, Trouble> {
    let mut session = log_in(stream, connector, login, deadline).await?;
    let said = deadline.within("no answer", session.standing()).await?;
    // A connection that just ends is a line in the server's log.
    let leave = async {
        if session.packets.command(QUIT, "").await.is_ok() {
            session.packets.end().await;
        }
    };
    let _ = timeout(LEAVE_MAX, leave).await;
    said
}

impl Session {
    async fn standing(&mut self) -> Result<Said, Trouble> {
        let table = self.query("SELECT @@global.read_only").await?.map_err(failed)?;
        match table.rows.first().and_then(|row| row.first()?.as_deref()) {
            Some("0" | "OFF") => return Ok(Said::Primary),
            Some(_) => {}
            None => return Err(not_mysql()),
        }
        // MariaDB's status is of its one unnamed source, unless it is asked for all; MySQL had a new word in 8.0.22,
        // and forgot the old one in 8.4.
        let all = if self.is_mariadb { "SHOW ALL SLAVES STATUS" } else { "SHOW REPLICA STATUS" };
        let table = match self.query(all).await? {
            Err(told) if told.code == SYNTAX => self.query("SHOW SLAVE STATUS").await?,
            answered => answered,
        };
        judge(&table.map_err(failed)?)
    }

    /// One statement; the inner error is the server's.
    async fn query(&mut self, statement: &str) -> Result<Result<Table, Told>, Trouble> {
        self.packets.command(QUERY, statement).await?;
        let packet = self.packets.read().await?;
        let count = match packet[0] {
            0xff => return Ok(Err(Told::read(&packet)?)),
            0 => return Ok(Ok(Table::default())),
            // A file of ours, for `LOAD DATA LOCAL`: no server gets one.
            0xfb => return Err(not_mysql()),
            _ => Fields(&packet).number()?,
        };
        if count > COLUMNS_MAX {
            return Err(not_mysql());
        }
        let mut table = Table::default();
        for _ in 0..count {
            table.columns.push(column(&self.packets.read().await?)?);
        }
        if !is_end(&self.packets.read().await?) {
            return Err(not_mysql());
        }
        while table.rows.len() < ROWS_MAX {
            let packet = self.packets.read().await?;
            if is_end(&packet) {
                return Ok(Ok(table));
            }
            if packet[0] == 0xff {
                return Ok(Err(Told::read(&packet)?));
            }
            let mut fields = Fields(&packet);
            let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            let row = (0..count).map(|_| Ok(fields.text()?.map(text)));
            table.rows.push(row.collect::<Result<_, Trouble>>()?);
        }
        Err(not_mysql())
    }
}

/// The name of a column, behind the names of what it is of.
fn column(packet: &[u8]) -> Result<String, Trouble> {
    let mut fields = Fields(packet);
    for _ in 0..4 {
        fields.text()?;
    }
    let name = fields.text()?.ok_or_else(not_mysql)?;
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Whether a packet ends a list of others. A row that begins with a text of 16 MiB would have the same first byte.
fn is_end(packet: &[u8]) -> bool {
    packet[0] == 0xfe && packet.len() < 9
}

/// What a server that takes no writes says of its replication.
fn judge(status: &Table) -> Result<Said, Trouble> {
    if status.rows.is_empty() {
        return Ok(Said::Fenced);
    }
    let names = ["Seconds_Behind_Source", "Seconds_Behind_Master"];
    let at = status.columns.iter().position(|column| names.contains(&column.as_str()));
    let at = at.ok_or_else(|| Trouble::Failed("it does not say how far behind it is".into()))?;
    let seconds = status.rows.iter().map(|row| row.get(at)?.as_deref()?.parse::<u64>().ok());
    let furthest = seconds.collect::<Option<Vec<u64>>>().and_then(|all| all.into_iter().max());
    Ok(furthest.map_or(Said::Adrift("its replication does not run"), |seconds| {
        Said::Replica(Duration::from_secs(seconds))
    }))
}

fn failed(Told { code, message }: Told) -> Trouble {
    if code == NOT_ALLOWED {
        let why = "the user may not see the replication's status; give it REPLICATION CLIENT, or SLAVE MONITOR in MariaDB";
        return Trouble::Failed(why.into());
    }
    Trouble::Failed(message)
}

#[cfg(test)]
mod tests;
