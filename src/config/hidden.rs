//! What must not leave the process when a line of a file is quoted: the value behind a key that is a secret by its name.
//!
//! ```text
//!   postgres: {user: probe, password: hunter2}   postgres: {user: probe, password: ***
//!   pgpass:                                      pgpass:
//!     hunter2                                    ***
//!   https://me:hunter2@192.0.2.1/                https://***
//! ```
//!
//! Names are judged by what they contain, as what is quoted is wrong and so may be its key. What follows is left out to
//! the end of the line: where a value ends is not sure in a file with a mistake.

use std::borrow::Cow;

/// What stands in place of a secret.
pub const HIDDEN: &str = "***";

/// What the names of secrets have in them, in lower case and with `_`.
const WORDS: [&str; 9] =
    ["pass", "pasw", "pwd", "secret", "token", "credential", "authorization", "apikey", "api_key"];
/// The ends of names that say where a secret is, and not what it is.
const PLACES: [&str; 5] = ["_file", "_env", "_path", "_name", "_files"];
/// What a name in a zone has first, mostly: it may be called like a secret, and what it has is everybody's.
const OF_NAMES: [&str; 13] = [
    "A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SRV", "SVCB", "TXT", "alias", "pool",
];
/// The shortest value of a key called `key` that may be one: mostly it is a name or a file.
const KEY_MIN: usize = 16;

/// Whether a name says where a secret is, and not what it is.
#[must_use]
pub fn is_place(name: &str) -> bool {
    PLACES.iter().any(|end| name.ends_with(end))
}

/// Whether a name is that of a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let is_whole = ["keys", "cookie"].contains(&&*name);
    let is_ended = ["_key", "_keys", "_cookie"].iter().any(|end| name.ends_with(end));
    !is_place(&name) && (is_whole || is_ended || WORDS.iter().any(|word| name.contains(word)))
}

/// The line without secrets.
#[must_use]
pub fn hidden(line: &str) -> Cow<'_, str> {
    match secret_at(line) {
        Some(at) => Cow::Owned(format!("{}{HIDDEN}", &line[..at])),
        None => Cow::Borrowed(line),
    }
}

/// Where the first secret of a line begins, be it at its end and on the next line.
#[must_use]
pub fn secret_at(line: &str) -> Option<usize> {
    let by_key = line.match_indices([':', '=']).find_map(|(at, sign)| {
        let after = &line[at + sign.len()..];
        // `a:b` is one word in YAML; behind a quote it is a key.
        let is_key = sign == "=" || after.is_empty() || after.starts_with([' ', '\t']);
        let before = line[..at].trim_end();
        let bare = before.strip_suffix(['"', '\'']).unwrap_or(before);
        if !is_key && bare.len() == before.len() {
            return None;
        }
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
        let name = &bare[bare.trim_end_matches(is_part).len()..];
        let begins = line.len() - after.trim_start().len();
        let is_hidden = is_secret(name) && !has_records(&line[begins..]);
        (is_hidden || name == "key" && is_long(&line[begins..])).then_some(begins)
    });
    let by_url = line.match_indices("://").find_map(|(at, sign)| {
        let begins = at + sign.len();
        let host = line[begins..].split(['/', ' ', '"', '\'', '`']).next()?;
        host.contains('@').then_some(begins)
    });
    by_key.into_iter().chain(by_url).min()
}

/// Whether a key is one that a name in a zone has.
#[must_use]
pub fn is_of_names(key: &str) -> bool {
    OF_NAMES.contains(&key)
}

/// Whether a value is what a name in a zone has: a map that begins with records.
fn has_records(value: &str) -> bool {
    let first = value.strip_prefix('{').and_then(|map| map.split_once(": "));
    first.is_some_and(|(key, _)| is_of_names(key.trim()))
}

/// Whether a value of `key` may be a key: long, and neither a name with dots nor a file.
fn is_long(value: &str) -> bool {
    let value = value.trim_start_matches(['"', '\'']);
    let value = value.split(['"', '\'', ' ', ',', '}']).next().unwrap_or_default();
    value.len() >= KEY_MIN && !value.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_hidden_and_others_are_not() {
        for (line, expected) in [
            ("password: hunter2", "password: ***"),
            ("  pasword: 'hunter2' # mine", "  pasword: ***"),
            ("postgres: {user: a, password: b, tls: on}", "postgres: {user: a, password: ***"),
            ("postgres: {\"password\":\"b\"}", "postgres: {\"password\":***"),
            ("mysql: {Pass-Word : b}", "mysql: {Pass-Word : ***"),
            ("password:", "password:***"),
            ("headers: {Authorization: Bearer abc}", "headers: {Authorization: ***"),
            ("headers: {X-Api-Key: abc}", "headers: {X-Api-Key: ***"),
            ("env: {PGPASSWORD: abc}", "env: {PGPASSWORD: ***"),
            ("cookies: {secret_file: keys/cookies}", "cookies: {secret_file: keys/cookies}"),
            ("  Cookie: a=b", "  Cookie: ***"),
            ("path: /healthz?token=abc", "path: /healthz?token=***"),
            ("- {server: 'https://me:abc@192.0.2.1'}", "- {server: 'https://***"),
            ("keys: {a.example: c2VjcmV0}", "keys: ***"),
            ("  token: {A: 192.0.2.1x}", "  token: {A: 192.0.2.1x}"),
            ("  passport: {pool: wbe}", "  passport: {pool: wbe}"),
            ("  token: {pool: web, password: a}", "  token: {pool: web, password: ***"),
            ("tokens: {CI: abc}", "tokens: ***"),
            ("  key: c2VjcmV0c2VjcmV0c2VjcmV0", "  key: ***"),
            ("tls: {key: keys/key.pem}", "tls: {key: keys/key.pem}"),
            ("hash: {key: cliant}", "hash: {key: cliant}"),
            ("allow: [{key: ns2.example}]", "allow: [{key: ns2.example}]"),
            ("password_file: keys/db", "password_file: keys/db"),
            ("password_env: DB", "password_env: DB"),
            ("  ttl: soon", "  ttl: soon"),
            ("  www: {pool: wbe}", "  www: {pool: wbe}"),
            ("server: https://192.0.2.1:8053/", "server: https://192.0.2.1:8053/"),
            ("body: a@b", "body: a@b"),
            ("ẃ: {secret: ẃ}", "ẃ: {secret: ***"),
        ] {
            assert_eq!(hidden(line), expected, "{line}");
        }
    }
}
