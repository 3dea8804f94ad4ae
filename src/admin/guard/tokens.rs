//! Tokens: who may do what.
//!
//! A file has one on each line, `ROLE NAME TOKEN`; what follows a `#` at the start of a line is for people:
//!
//! ```text
//! # rotadns status
//! read     grafana   4b1c...
//! feed     probe-1   90aa...
//! operate  anna      c3f2...
//! ```
//!
//! Only digests of them are kept, and each request is compared with all of them in the same time, whatever it
//! brings.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::digest::sha256;

/// The most tokens that a file may have: each request is compared with all of them.
pub const TOKENS_MAX: usize = 1_000;
/// The fewest characters of a token: fewer could be guessed.
pub const TOKEN_MIN: usize = 16;
/// The most characters of a token or a name.
pub const WORD_MAX: usize = 256;

/// What a caller may do. Both `feed` and `operate` may read as well, and `operate` may push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Look at everything, change nothing.
    Read,
    /// Tell what a prober found.
    Feed,
    /// Drain, take up and down, reload.
    Operate,
    /// Report on backends that report by themselves, and nothing else.
    Push,
}

impl Role {
    /// Its name in a file of tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Feed => "feed",
            Self::Operate => "operate",
            Self::Push => "push",
        }
    }

    /// Whether who has this role may do what needs another.
    #[must_use]
    pub fn grants(self, needed: Role) -> bool {
        match needed {
            Self::Read => self != Self::Push,
            Self::Push => matches!(self, Self::Push | Self::Operate),
            Self::Feed | Self::Operate => self == needed,
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Feed, Self::Operate, Self::Push]
            .into_iter()
            .find(|role| role.name() == word)
    }
}

/// Who asks, once that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of its token, or `local`.
    pub name: String,
    /// What it may do; `None` is everything.
    pub role: Option<Role>,
}

impl Caller {
    /// Somebody on this machine, where no tokens are asked for.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "local".into(), role: None }
    }

    /// Who is said to have done it: whom the caller names, and always the token that it came with.
    #[must_use]
    pub fn signed(self, author: Option<String>) -> String {
        match author {
            Some(author) if self.role.is_some() && author != self.name => {
                format!("{author} ({})", self.name)
            }
            Some(author) => author,
            None => self.name,
        }
    }

    /// Whether it may do what needs a role.
    #[must_use]
    pub fn may(&self, needed: Role) -> bool {
        self.role.is_none_or(|role| role.grants(needed))
    }
}

/// The tokens of a file.
#[derive(Debug, Default)]
pub struct Tokens(Vec<Token>);

struct Token {
    role: Role,
    name: String,
    digest: [u8; 32],
}

// A digest of a token is nobody's business either.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role.name(), self.name)
    }
}

impl Tokens {
    /// Reads the text of a file; the first mistake is told with its line, and never with a token.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut tokens: Vec<Token> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Token::parse(line).and_then(|token| {
                if tokens.len() == TOKENS_MAX {
                    Err(Problem::TooMany)
                } else if tokens.iter().any(|other| other.digest == token.digest) {
                    Err(Problem::Twice)
                } else {
                    Ok(token)
                }
            });
            tokens.push(token.map_err(|problem| Mistake { line: index + 1, problem })?);
        }
        if tokens.is_empty() {
            return Err(Mistake { line: 0, problem: Problem::None });
        }
        Ok(Self(tokens))
    }

    /// Whose token this is. It takes as long for a wrong one as for any of the right ones.
    #[must_use]
    pub fn caller(&self, presented: &str) -> Option<Caller> {
        let presented = sha256([presented]);
        let mut found = None;
        for token in &self.0 {
            if verify_slices_are_equal(&token.digest, &presented).is_ok() {
                found = Some(token);
            }
        }
        found.map(|token| Caller { name: token.name.clone(), role: Some(token.role) })
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, Problem> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [role, name, token] = words[..] else {
            return Err(Problem::Shape { words: words.len() });
        };
        let role = Role::parse(role).ok_or(Problem::Role)?;
        if !(TOKEN_MIN..=WORD_MAX).contains(&token.len()) || name.len() > WORD_MAX {
            return Err(Problem::Length);
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::Characters);
        }
        Ok(Self { role, name: name.to_owned(), digest: sha256([token]) })
    }
}

/// What is wrong with a file of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// From 1; 0 is the whole file.
    pub line: usize,
    /// What it is.
    pub problem: Problem,
}

/// What is wrong with a line of a file of tokens; none of them has a word of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file has no token at all.
    None,
    /// Not three words.
    Shape {
        /// How many there are.
        words: usize,
    },
    /// No such role.
    Role,
    /// A token too short or too long.
    Length,
    /// A token of characters that no header can have.
    Characters,
    /// A token that stands above already.
    Twice,
    /// More than [`TOKENS_MAX`].
    TooMany,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match self.problem {
            Problem::None => f.write_str("no token; write `ROLE NAME TOKEN` on a line"),
            Problem::Shape { words } => {
                write!(f, "three words are a token, `ROLE NAME TOKEN`, and here are {words}")
            }
            Problem::Role => f.write_str("the role is one of `read`, `feed`, `operate` and `push`"),
            Problem::Length => {
                write!(
                    f,
                    "a token has {TOKEN_MIN} to {WORD_MAX} characters; `openssl rand -hex 32` makes one"
                )
            }
            Problem::Characters => f.write_str("a token is written in printable ASCII"),
            Problem::Twice => {
                f.write_str("this token stands above already; each caller needs its own")
            }
            Problem::TooMany => write!(f, "more than {TOKENS_MAX} tokens"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbb";

    #[test]
    fn a_token_stands_for_a_name_and_a_role() {
        let text = format!("# people\nread grafana {A}\n\n  operate\tanna  {B}\n");
        let tokens = Tokens::parse(&text).expect("it is well written");
        for (presented, expected) in [
            (A, Some(("grafana", Role::Read))),
            (B, Some(("anna", Role::Operate))),
            ("", None),
            ("aaaaaaaaaaaaaaa", None),
            ("aaaaaaaaaaaaaaaab", None),
        ] {
            let caller = tokens.caller(presented);
            let found = caller.as_ref().map(|caller| (caller.name.as_str(), caller.role));
            assert_eq!(found, expected.map(|(name, role)| (name, Some(role))), "{presented}");
        }
        assert!(!format!("{tokens:?}").contains(A));
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_without_the_token() {
        for (text, line, problem) in [
            (String::new(), 0, Problem::None),
            (format!("read {A}"), 1, Problem::Shape { words: 2 }),
            (format!("\nadmin anna {A}"), 2, Problem::Role),
            ("read anna short".into(), 1, Problem::Length),
            (format!("read anna é{A}"), 1, Problem::Characters),
            (format!("read a {A}\nfeed b {A}"), 2, Problem::Twice),
        ] {
            let mistake = Tokens::parse(&text).expect_err("it is wrong");
            assert_eq!(mistake, Mistake { line, problem }, "{text}");
            assert!(!mistake.to_string().contains(A));
        }
    }

    #[test]
    fn a_token_signs_whatever_author_is_named() {
        let token = Caller { name: "ops".into(), role: Some(Role::Operate) };
        for (caller, author, expected) in [
            (Caller::local(), None, "local"),
            (Caller::local(), Some("anna"), "anna"),
            (token.clone(), None, "ops"),
            (token.clone(), Some("ops"), "ops"),
            (token, Some("anna"), "anna (ops)"),
        ] {
            assert_eq!(caller.signed(author.map(str::to_owned)), expected);
        }
    }

    #[test]
    fn each_role_grants_reading_and_itself() {
        use Role::{Feed, Operate, Push, Read};
        for (role, granted) in [
            (Read, &[Read][..]),
            (Feed, &[Read, Feed]),
            (Operate, &[Read, Operate, Push]),
            (Push, &[Push]),
        ] {
            let may: Vec<Role> = [Read, Feed, Operate, Push]
                .into_iter()
                .filter(|needed| role.grants(*needed))
                .collect();
            assert_eq!(may, granted, "{role:?}");
        }
    }
}
