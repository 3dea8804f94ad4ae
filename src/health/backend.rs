//! A backend by its name, `ZONE/POOL/BACKEND`, and what a pattern of such names means.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use wildmatch::WildMatch;

use crate::config::nearest::nearest;

/// The longest pattern, in bytes: longer than any backend's name.
pub const PATTERN_MAX: usize = 4096;
/// The most patterns at once that are not the name of a backend: each is held against all backends there are.
pub const WILD_MAX: usize = 100;

/// A backend: its zone without the last dot, its pool and its name. The root is `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendKey(Arc<str>);

/// Why a pattern means no backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// It has fewer than three parts.
    Parts(String),
    /// It has more than [`PATTERN_MAX`] bytes.
    Long(usize),
    /// More than [`WILD_MAX`] are not the name of a backend.
    Many,
    /// No backend matches it.
    Nothing {
        /// The pattern.
        pattern: String,
        /// The backend that was probably meant.
        nearest: Option<String>,
    },
}

impl BackendKey {
    /// The key of a backend; the zone may have its last dot.
    #[must_use]
    pub fn new(zone: &str, pool: &str, backend: &str) -> Self {
        Self(format!("{}/{pool}/{backend}", without_dot(zone)).into())
    }

    /// Reads a key that stands alone; `None` where it has fewer than three parts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let [zone, pool, backend] = parts(text)?;
        Some(Self::new(&zone.to_ascii_lowercase(), pool, backend))
    }

    /// Whether it is of one of these zones, which are without their last dots. As names may have a `/`, one of another zone may
    /// be taken for theirs.
    #[must_use]
    pub fn may_be_of(&self, zones: &HashSet<&str>) -> bool {
        self.0.match_indices('/').any(|(end, _)| zones.contains(&self.0[..end]))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for BackendKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The backends that patterns mean, each once, in order; every pattern must mean one.
///
/// A pattern that is the name of a backend means that one alone, whatever `*` and `?` are in it, as pools
/// may be named `*.pages`.
pub fn matching(
    patterns: &[String],
    known: &BTreeSet<BackendKey>,
) -> Result<BTreeSet<BackendKey>, BadPattern> {
    let mut found = BTreeSet::new();
    let mut wild = 0;
    for pattern in patterns {
        if pattern.len() > PATTERN_MAX {
            return Err(BadPattern::Long(pattern.len()));
        }
        let exact = BackendKey::parse(pattern).ok_or(BadPattern::Parts(pattern.clone()))?;
        if known.contains(&exact) {
            found.insert(exact);
            continue;
        }
        wild += 1;
        if wild > WILD_MAX {
            return Err(BadPattern::Many);
        }
        let wanted = parts(exact.as_str()).map(|parts| parts.map(WildMatch::new));
        let matches = |key: &&BackendKey| match (&wanted, parts(key.as_str())) {
            (Some(wanted), Some(parts)) => {
                wanted.iter().zip(parts).all(|(wanted, part)| wanted.matches(part))
            }
            _ => false,
        };
        let mut found_by_it = known.iter().filter(matches).peekable();
        if found_by_it.peek().is_none() {
            let nearest = nearest(exact.as_str(), near(exact.as_str(), known));
            let nearest = nearest.map(str::to_owned);
            return Err(BadPattern::Nothing { pattern: pattern.clone(), nearest });
        }
        found.extend(found_by_it.cloned());
    }
    Ok(found)
}

/// The known keys, those of the same zone first: only some of very many are compared.
fn near<'k>(text: &str, known: &'k BTreeSet<BackendKey>) -> impl Iterator<Item = &'k str> {
    let zone = parts(text).map_or(String::new(), |[zone, ..]| format!("{zone}/"));
    let own = zone.clone();
    let is_own = move |key: &&str| key.starts_with(&zone);
    let is_other = move |key: &&str| !key.starts_with(&own);
    let keys = || known.iter().map(BackendKey::as_str);
    keys().filter(is_own).chain(keys().filter(is_other))
}

/// Zone, pool and backend. A zone may have a `/` in its name (RFC 2317), so the last two count.
fn parts(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.rsplitn(3, '/');
    let (backend, pool, zone) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = [zone, pool, backend].iter().all(|part| !part.is_empty());
    is_whole.then_some([zone, pool, backend])
}

/// A zone's name as keys have it.
pub(crate) fn without_dot(zone: &str) -> &str {
    match zone.strip_suffix('.') {
        // A dot that is escaped belongs to the label.
        Some(shorter) if !shorter.is_empty() && !shorter.ends_with('\\') => shorter,
        _ => zone,
    }
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(pattern) => write!(
                f,
                "`{pattern}` does not name a backend; that is ZONE/POOL/BACKEND, where * and ? stand for \
                 any part of a name"
            ),
            Self::Long(bytes) => {
                write!(
                    f,
                    "a backend's name or pattern of {bytes} bytes is too long; at most {PATTERN_MAX} will do"
                )
            }
            Self::Many => write!(
                f,
                "more than {WILD_MAX} patterns at once are too many; name backends without * and ?, or use \
                 fewer patterns that mean more"
            ),
            Self::Nothing { pattern, nearest: None } => write!(f, "no backend matches `{pattern}`"),
            Self::Nothing { pattern, nearest: Some(nearest) } => {
                write!(f, "no backend matches `{pattern}`; did you mean `{nearest}`?")
            }
        }
    }
}

impl std::error::Error for BadPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> BTreeSet<BackendKey> {
        keys.iter().map(|key| BackendKey::parse(key).expect("three parts")).collect()
    }

    #[test]
    fn a_pattern_means_what_its_parts_match() {
        let known = keys(&[
            "example.com/web/web-1",
            "example.com/web/web-2",
            "example.com/mail/mx",
            "example.net/web/web-1",
            "example.com/*.pages/web-9",
            "example.com/x.pages/web-9",
            "example.com/@/192.0.2.1",
            "0/25.2.0.192.in-addr.arpa/p/b",
            "./web/a",
        ]);
        for (pattern, expected) in [
            ("example.com/web/web-1", "example.com/web/web-1"),
            ("Example.COM./web/web-1", "example.com/web/web-1"),
            ("example.com/web/*", "example.com/web/web-1 example.com/web/web-2"),
            ("*/web/web-1", "example.com/web/web-1 example.net/web/web-1"),
            (
                "example.*/web/web-?",
                "example.com/web/web-1 example.com/web/web-2 example.net/web/web-1",
            ),
            // A pool of that very name comes first.
            ("example.com/*.pages/web-9", "example.com/*.pages/web-9"),
            ("example.com/?.pages/web-9", "example.com/*.pages/web-9 example.com/x.pages/web-9"),
            ("example.com/@/*", "example.com/@/192.0.2.1"),
            // RFC 2317 names zones so.
            ("0/25.2.0.192.in-addr.arpa/p/*", "0/25.2.0.192.in-addr.arpa/p/b"),
            ("./web/a", "./web/a"),
        ] {
            let found = matching(&[pattern.to_owned()], &known).expect(pattern);
            let found: Vec<&str> = found.iter().map(BackendKey::as_str).collect();
            assert_eq!(found.join(" "), expected, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_without_a_match_says_what_is_near() {
        let known = keys(&["example.com/web/web-1", "example.com/mail/mx"]);
        for (pattern, sentence) in [
            (
                "example.com/wbe/web-1",
                "no backend matches `example.com/wbe/web-1`; did you mean `example.com/web/web-1`?",
            ),
            ("a.example/b/*", "no backend matches `a.example/b/*`"),
            (
                "web-1",
                "`web-1` does not name a backend; that is ZONE/POOL/BACKEND, where * and ? stand for any \
                 part of a name",
            ),
            (
                "example.com//x",
                "`example.com//x` does not name a backend; that is ZONE/POOL/BACKEND, where * and ? stand \
                 for any part of a name",
            ),
        ] {
            let mistake = matching(&[pattern.to_owned()], &known).expect_err(pattern);
            assert_eq!(mistake.to_string(), sentence);
        }
    }

    #[test]
    fn patterns_that_would_take_long_are_refused_and_names_are_not() {
        let names: Vec<String> = (0..10_000).map(|n| format!("z/p/{n}")).collect();
        let known: BTreeSet<BackendKey> =
            names.iter().map(|name| BackendKey::new("z", "p", &name[4..])).collect();
        let all = |pattern: &str, count| vec![pattern.to_owned(); count];
        for (patterns, found) in [
            (names, Ok(10_000)),
            (all("*/*/*", WILD_MAX), Ok(10_000)),
            (all("*/*/*", WILD_MAX + 1), Err(BadPattern::Many)),
            (all(&"*".repeat(PATTERN_MAX + 1), 1), Err(BadPattern::Long(PATTERN_MAX + 1))),
        ] {
            assert_eq!(matching(&patterns, &known).map(|found| found.len()), found);
        }
    }
}
