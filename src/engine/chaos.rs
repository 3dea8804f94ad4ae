//! Questions about the server itself, in class CH: off unless the operator has something to say (RFC 4892).
//!
//! ```text
//! version.bind, version.server   what serves
//! id.server, hostname.bind       which server of several
//! ```

use super::plan::Plan;
use super::settings::Settings;
use crate::rdata::rtype;
use crate::wire::edns::error;
use crate::wire::encode::{Full, Writer};
use crate::wire::rcode;

/// What of the server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// What serves.
    Version,
    /// Which of several.
    Identity,
}

impl Subject {
    fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"\x07version\x04bind\0" | b"\x07version\x06server\0" => Some(Self::Version),
            b"\x02id\x06server\0" | b"\x08hostname\x04bind\0" => Some(Self::Identity),
            _ => None,
        }
    }

    fn text(self, settings: &Settings) -> Option<&str> {
        match self {
            Self::Version => settings.version.as_deref(),
            Self::Identity => settings.identity.as_deref(),
        }
    }
}

/// Plans the answer to a question in class CH: other names, and what the operator does not say, are refused.
#[cold]
pub(super) fn plan(settings: &Settings, plan: &mut Plan) {
    let subject = Subject::of(plan.name.wire()).filter(|subject| subject.text(settings).is_some());
    if subject.is_none() {
        return plan.refused(rcode::REFUSED, error::NOT_AUTHORITATIVE);
    }
    plan.authoritative = true;
    let is_text = plan.query().is_some_and(|query| matches!(query.qtype, rtype::TXT | rtype::ANY));
    plan.subject = subject.filter(|_| is_text);
}

/// Writes what the operator says.
#[cold]
pub(super) fn write(
    settings: &Settings,
    subject: Subject,
    writer: &mut Writer<'_>,
) -> Result<(), Full> {
    subject.text(settings).map_or(Ok(()), |text| writer.chaos(text.as_bytes()))
}
