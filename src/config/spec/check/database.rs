//! `postgres`, `redis` and `mysql` in a check.

use std::num::NonZeroU16;
use std::path::Path;

use super::tls::{is_off, read_tls};
use super::{is_built, read_port};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, DatabaseCheck, DatabaseKind, Secret};
use crate::config::node::{Kind, Node, Text};
use crate::config::spec::{Field, fields, scalar};

/// What may stand in `postgres`.
pub(in crate::config) const POSTGRES_KEYS: [&str; 7] =
    ["port", "user", "database", "password_file", "password_env", "tls", "query"];
/// What may stand in `redis`.
pub(in crate::config) const REDIS_KEYS: [&str; 5] =
    ["port", "user", "password_file", "password_env", "tls"];
/// What may stand in `mysql`.
pub(in crate::config) const MYSQL_KEYS: [&str; 5] = REDIS_KEYS;
/// The database of PostgreSQL that every server has, and to which everybody may connect.
pub(in crate::config) const DATABASE: &str = "postgres";

/// Whether this build can ask databases.
const BUILT: bool = cfg!(feature = "databases");
/// The longest statement, in bytes.
const QUERY_MAX: usize = 4096;

pub(super) fn read_postgres(
    node: &Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckKind> {
    is_built("postgres", "databases", BUILT, node, mistakes)?;
    let node = without_password(node, mistakes)?;
    let [port, user, database, password_file, password_env, tls, query] =
        fields(node, "`postgres`", POSTGRES_KEYS, mistakes)?;
    let database = match database {
        Some((_, node)) => line(node, "a database", mistakes),
        None => Some(DATABASE.to_owned()),
    };
    let query = match query {
        Some((_, node)) => Some(statement(node, mistakes)?),
        None => None,
    };
    let kind = DatabaseKind::Postgres { database: database?, query };
    needs_user(node, "`postgres`", user, mistakes)?;
    login([port, user, password_file, password_env, tls], kind, file, mistakes)
}

pub(super) fn read_redis(
    node: &Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckKind> {
    is_built("redis", "databases", BUILT, node, mistakes)?;
    let node = without_password(node, mistakes)?;
    let found = fields(node, "`redis`", REDIS_KEYS, mistakes)?;
    let [_, user, password_file, password_env, _] = &found;
    if let (Some((key, _)), None, None) = (user, password_file, password_env) {
        mistakes.add(key.span, Problem::UserWithoutPassword);
    }
    login(found, DatabaseKind::Redis, file, mistakes)
}

pub(super) fn read_mysql(
    node: &Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckKind> {
    is_built("mysql", "databases", BUILT, node, mistakes)?;
    let node = without_password(node, mistakes)?;
    let found = fields(node, "`mysql`", MYSQL_KEYS, mistakes)?;
    needs_user(node, "`mysql`", found[1], mistakes)?;
    login(found, DatabaseKind::Mysql, file, mistakes)
}

/// A secret does not belong where zones are kept: whoever reads the file would have it.
fn without_password<'n>(node: &'n Node<'n>, mistakes: &mut Mistakes<'_>) -> Option<&'n Node<'n>> {
    let Kind::Map(entries) = &node.kind else { return Some(node) };
    let keys = entries.iter().filter_map(|(key, _)| key.scalar());
    match keys.into_iter().find(|key| key.text == "password") {
        Some(key) => {
            mistakes.add(key.span, Problem::PasswordInFile);
            None
        }
        None => Some(node),
    }
}

fn needs_user(
    node: &Node<'_>,
    place: &'static str,
    user: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<()> {
    if user.is_none() {
        mistakes.add(node.span, Problem::MissingKey { place, key: "user" });
    }
    user.map(|_| ())
}

/// What all of them have: port, user, the password's place, TLS.
fn login(
    [port, user, password_file, password_env, tls]: [Option<Field<'_>>; 5],
    kind: DatabaseKind,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckKind> {
    let port: Option<NonZeroU16> = match port {
        Some((_, node)) => read_port(node, mistakes),
        None => Some(kind.usual_port()),
    };
    let user = match user {
        Some((_, node)) => Some(line(node, "a user", mistakes)?),
        None => None,
    };
    let password = match (password_file, password_env) {
        (Some(_), Some((key, _))) => {
            mistakes.add(key.span, Problem::TwoPasswords);
            return None;
        }
        (Some((_, node)), None) => {
            let path = line(node, "the path of a file", mistakes)?;
            Some(Secret::File(file.parent().unwrap_or(Path::new("")).join(path)))
        }
        (None, Some((_, node))) => Some(Secret::Variable(variable(node, mistakes)?)),
        (None, None) => None,
    };
    let tls = match tls {
        Some((_, node)) if is_off(node) => None,
        Some((_, node)) => Some(read_tls(node, file, mistakes)?),
        None => None,
    };
    Some(CheckKind::Database(DatabaseCheck { port: port?, user, password, tls, kind }))
}

/// A text of one line that is sent as it stands: protocols end such texts with a zero byte.
fn line(node: &Node<'_>, what: &'static str, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = whole(node, what, mistakes)?;
    if text.text.contains(char::is_control) {
        mistakes.add(text.span, Problem::ControlCharacters { what });
        return None;
    }
    Some(text.text.to_owned())
}

fn whole<'n>(
    node: &'n Node<'_>,
    what: &'static str,
    mistakes: &mut Mistakes<'_>,
) -> Option<Text<'n>> {
    let text = scalar(node, what, mistakes)?;
    if text.text.is_empty() {
        mistakes.add(text.span, Problem::EmptyText { what });
        return None;
    }
    Some(text)
}

/// A name that an environment can have.
fn variable(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let name = line(node, "the name of a variable", mistakes)?;
    if name.contains('=') {
        mistakes.add(node.span, Problem::BadVariable { text: name });
        return None;
    }
    Some(name)
}

/// A statement may have several lines.
fn statement(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = whole(node, "a statement", mistakes)?;
    if text.text.contains('\0') {
        mistakes.add(text.span, Problem::ControlCharacters { what: "a statement" });
        return None;
    }
    if text.text.len() > QUERY_MAX {
        mistakes.add(text.span, Problem::SaidTooLong { what: "a statement", most: QUERY_MAX });
        return None;
    }
    Some(text.text.to_owned())
}
