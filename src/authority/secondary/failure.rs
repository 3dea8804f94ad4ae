//! Why a primary's answer was of no use, as a sentence for people.

use std::fmt;
use std::io;
use std::time::Duration;

use super::message::Malformed;

/// Why a check or a transfer has failed.
#[derive(Debug)]
pub enum Failure {
    /// No connection.
    Connect(io::Error),
    /// No TLS, or a certificate of somebody else.
    Tls(io::Error),
    /// The connection broke, or the primary closed it before the end.
    Broken(io::Error),
    /// Nothing has come for so long.
    Silent(Duration),
    /// It took longer than a transfer may.
    TooSlow(Duration),
    /// Not a DNS message, or a record that is none.
    Malformed,
    /// It answers another question of ours, or nobody's.
    OtherId,
    /// It is no response to a query.
    NoResponse,
    /// Its question is not ours: another zone, or another type.
    OtherQuestion,
    /// A truncated message where none can be.
    Truncated,
    /// The primary refuses, by this response code.
    Rcode(u16),
    /// It does not answer with authority: it has no such zone, or an expired one.
    NotAuthoritative,
    /// The answer to SOA has none.
    NoSoa,
    /// The first record is not the apex's SOA.
    NoSoaFirst,
    /// The SOA that ends it is not the one that began it.
    SoaDiffers,
    /// Records behind the last SOA.
    AfterEnd,
    /// A message without records.
    Empty,
    /// More bytes than a zone may have here.
    TooLarge(u64),
    /// More records.
    TooManyRecords(u64),
    /// More differences than [`super::receive::DIFFERENCES_MAX`].
    TooManyDifferences,
    /// The differences do not begin at what we have.
    OtherStart {
        /// What we have.
        have: u32,
        /// Where they begin.
        start: u32,
    },
    /// A difference does not go on from the one before, or not forwards.
    Jumps {
        /// The serial it should go on from.
        from: u32,
        /// The serial it names.
        to: u32,
    },
    /// A difference removes what is not there, or adds what is.
    DoesNotApply(String),
    /// The signature is not there, or wrong.
    Tsig(String),
    /// The records make no zone that can be served.
    Unfit(String),
    /// The primary has an older version than we have.
    Behind {
        /// What it has.
        theirs: u32,
        /// What we have.
        ours: u32,
    },
    /// A mistake of ours.
    Panicked,
}

impl Failure {
    /// Whether the whole zone is worth asking for where differences were: the primary does not have or know them, or they do not fit.
    #[must_use]
    pub fn asks_for_the_whole(&self) -> bool {
        match self {
            // FORMERR and NOTIMP come from those who do not know IXFR; some refuse it, or fail.
            Self::Rcode(rcode) => matches!(rcode, 1 | 2 | 4 | 5),
            Self::OtherStart { .. }
            | Self::Jumps { .. }
            | Self::DoesNotApply(_)
            | Self::TooManyDifferences
            | Self::NoSoaFirst
            | Self::SoaDiffers => true,
            _ => false,
        }
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "no connection: {error}"),
            Self::Tls(error) => write!(f, "no TLS: {error}"),
            Self::Broken(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("it closed the connection before the end")
            }
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Silent(limit) => write!(f, "it sent nothing for {limit:?}"),
            Self::TooSlow(limit) => write!(f, "it has not come to an end within {limit:?}"),
            Self::Malformed => {
                f.write_str("it sent what is no DNS message, or a record that is none")
            }
            Self::OtherId => f.write_str("it answers with an ID that is not ours"),
            Self::NoResponse => f.write_str("it sent something other than a response"),
            Self::OtherQuestion => f.write_str("it answers a question that is not ours"),
            Self::Truncated => f.write_str("it sent a truncated message over TCP"),
            Self::Rcode(rcode) => write!(f, "it answers {}", rcode_name(*rcode)),
            Self::NotAuthoritative => f.write_str("it is not authoritative for the zone"),
            Self::NoSoa => f.write_str("its answer has no SOA of the zone"),
            Self::NoSoaFirst => f.write_str("the transfer does not begin with the zone's SOA"),
            Self::SoaDiffers => {
                f.write_str("the zone changed on the way: the SOA at the end is not the first one")
            }
            Self::AfterEnd => {
                f.write_str("there are records behind the SOA that ends the transfer")
            }
            Self::Empty => f.write_str("it sent a message without records"),
            Self::TooLarge(limit) => {
                write!(
                    f,
                    "the zone takes more than {limit} bytes, the limit for zones from elsewhere"
                )
            }
            Self::TooManyRecords(limit) => write!(f, "the zone has more than {limit} records"),
            Self::TooManyDifferences => f.write_str("there are too many differences"),
            Self::OtherStart { have, start } => {
                write!(f, "its differences begin at serial {start}, and we have {have}")
            }
            Self::Jumps { from, to } => {
                write!(f, "its differences lead from serial {from} to {to}")
            }
            Self::DoesNotApply(why) => write!(f, "its differences do not fit what we have: {why}"),
            Self::Tsig(why) => write!(f, "TSIG: {why}"),
            Self::Unfit(why) => write!(f, "its zone cannot be served: {why}"),
            Self::Behind { theirs, ours } => {
                write!(f, "its serial {theirs} is behind ours, {ours}")
            }
            Self::Panicked => f.write_str("a mistake of ours; please report this"),
        }
    }
}

impl std::error::Error for Failure {}

fn rcode_name(rcode: u16) -> String {
    let known = match rcode {
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED: it does not let us transfer the zone",
        9 => "NOTAUTH: it does not serve the zone, or does not know the key",
        _ => return format!("with response code {rcode}"),
    };
    known.to_owned()
}
