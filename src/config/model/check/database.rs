//! How databases are asked what they are.

use std::num::NonZeroU16;
use std::path::PathBuf;

use super::Tls;

/// A login to a database, and the question whether it is a primary or a replica, and how far behind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DatabaseCheck {
    /// The port.
    pub port: NonZeroU16,
    /// Who logs in; Redis alone does without.
    pub user: Option<String>,
    /// Where the password is; `None` logs in without.
    pub password: Option<Secret>,
    /// How it is encrypted; `None` is plain.
    pub tls: Option<Tls>,
    /// Which database, and what only that kind has.
    pub kind: DatabaseKind,
}

/// The databases whose roles are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres {
        /// The database that is connected to.
        database: String,
        /// A statement whose first row must begin with a value other than NULL and false.
        query: Option<String>,
    },
    /// Redis and Valkey.
    Redis,
    /// MySQL and MariaDB.
    Mysql,
}

impl DatabaseKind {
    /// Its name in zone files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "postgres",
            Self::Redis => "redis",
            Self::Mysql => "mysql",
        }
    }

    /// The port that it usually has.
    #[must_use]
    pub fn usual_port(&self) -> NonZeroU16 {
        let port = match self {
            Self::Postgres { .. } => 5432,
            Self::Redis => 6379,
            Self::Mysql => 3306,
        };
        NonZeroU16::new(port).expect("none of them is 0")
    }
}

/// Where a secret is. The secret itself stands in no model, so that none can be printed with one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// In a file, without the line's end.
    File(PathBuf),
    /// In a variable of the environment.
    Variable(String),
}
