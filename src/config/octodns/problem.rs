//! What octoDNS would not take, or we do not yet.

use std::fmt;

/// A mistake of an octoDNS file that our own format does not have.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the sentence of each variant says it")]
pub enum Problem {
    At,
    NotAscii { text: String },
    Target { text: String },
    UnknownType { text: String, near: Option<&'static str> },
    BothValues { first: u32 },
    AliasRecord,
    OldGeo,
    NotDynamic { rtype: String },
    NoLastResort,
    Protocol { text: String },
    UnknownPool { name: String, near: Option<String> },
    TargetNotChecked,
    Escape,
    Include,
    IncludeLoop { file: String },
    IncludeDepth { most: usize },
    TooManyIncludes { most: usize },
    Unread { file: String, detail: String },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At => f.write_str("`@` is no name in octoDNS; the zone itself is `''`"),
            Self::NotAscii { text } => write!(
                f,
                "`{}` is not ASCII; write it as DNS has it, such as `xn--bcher-kva`",
                text.escape_debug()
            ),
            Self::Target { text } => write!(
                f,
                "`{0}` has no last dot, and octoDNS takes full names alone; write `{0}.`",
                text.escape_debug()
            ),
            Self::UnknownType { text, near } => {
                write!(f, "octoDNS has no type `{}`", text.escape_debug())?;
                match near {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => f.write_str("; a master file and our own format take every type"),
                }
            }
            Self::BothValues { first } => {
                write!(f, "the record has values in line {first} already; join the two")
            }
            Self::AliasRecord => f.write_str(
                "ALIAS leads to one name of the zones that are served here; write `value: NAME.`",
            ),
            Self::OldGeo => {
                f.write_str("`geo` is what octoDNS had before `dynamic`; write `dynamic` with pools and rules")
            }
            Self::NotDynamic { rtype } => {
                write!(f, "`dynamic` is for A, AAAA and CNAME, and this is {}", rtype.escape_debug())
            }
            Self::NoLastResort => f.write_str(
                "a dynamic record needs `values` too: they are served when nothing of its pools passes",
            ),
            Self::Protocol { text } => write!(
                f,
                "there are no checks by {}; HTTPS, HTTP, TCP, UDP and ICMP are there",
                text.escape_debug()
            ),
            Self::UnknownPool { name, near } => {
                write!(f, "`dynamic` has no pool `{}`", name.escape_debug())?;
                match near {
                    Some(near) => write!(f, "; did you mean `{}`?", near.escape_debug()),
                    None => f.write_str("; add it under `pools`"),
                }
            }
            Self::TargetNotChecked => f.write_str(
                "what a CNAME leads to is not checked and counts as up; `status: up` or `down` says what is meant",
            ),
            Self::Escape => {
                f.write_str("after a backslash comes one character, or three digits up to 255; a backslash itself is `\\\\`")
            }
            Self::Include => {
                f.write_str("`!include` is followed in octoDNS files alone; write here what that file says")
            }
            Self::IncludeLoop { file } => {
                write!(f, "{file} is open already and would include itself; remove one `!include`")
            }
            Self::IncludeDepth { most } => {
                write!(f, "more than {most} files inside one another; include from fewer")
            }
            Self::TooManyIncludes { most } => {
                write!(f, "the zone includes more than {most} files; put what they say into fewer")
            }
            Self::Unread { file, detail } => write!(f, "{file} cannot be read: {detail}"),
        }
    }
}
