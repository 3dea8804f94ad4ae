//! Scalars of the zone file: texts, and the numbers that an editor makes of some.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::config::model;
use crate::config::model::POOL_ADDRESSES_MAX;
use crate::config::spec::backend::STATES;
use crate::config::spec::pool::{DEGRADED, FAILBACKS, HASHED, POLICIES, WORDS};
use crate::config::spec::rules::{ADDRESSES, ROLES};
use crate::config::spec::shards;
use crate::rdata::TTL_MAX;

/// Units of time as [`rdata::parse_duration`](crate::rdata::parse_duration) takes them.
const DURATION: &str = "^([0-9]+|([0-9]+([wdhmsWDHMS]|[mM][sS]))+)$";
/// A duration of whole seconds.
const SECONDS: &str = "^([0-9]+|([0-9]+[wdhmsWDHMS])+)$";
/// From 1 to 65535.
const U16: &str =
    "^0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
/// From 0 to 65535.
const U16_OR_0: &str =
    "^0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
/// A subnet by its looks.
const SUBNET: &str = "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$";
/// From 1 to 255.
const U8: &str = "^0*([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])$";
/// A status of HTTP.
const STATUS: &str = "^0*[1-5][0-9]{2} *(- *0*[1-5][0-9]{2})?$";
/// IPv4 to the letter, IPv6 by its looks: an editor that is stricter is the reader itself.
const ADDRESS: &str = "^(((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?!$)|$)){4}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$";

/// A type that stands for a schema, with what it says.
macro_rules! scalars {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:expr;)*) => {$(
        $(#[doc = $doc])+
        pub(super) struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let mut schema = $schema;
                schema.insert("description".into(), Json::from(concat!($($doc),+).trim()));
                schema
            }
        }
    )*};
}

scalars! {
    /// A name or another word.
    Word = text("^.+$");
    /// A mailbox, such as `hostmaster@example.com`, or as a name.
    Rname = text("^.+$");
    /// A record in presentation format, or the text of TXT.
    Value = json_schema!({"type": ["string", "number", "boolean"]});
    /// A text, not empty.
    Literal = json_schema!({"type": ["string", "number", "boolean"], "minLength": 1});
    /// The value of a header field.
    HeaderValue = text("^[\\t -~]*$");
    /// A time to live: seconds, or a duration such as `30s`, `1h30m`, `1d`.
    Ttl = number(SECONDS, 0, TTL_MAX);
    /// A duration, such as `500ms`, `10s` or `1m30s`; a bare number is seconds.
    Span = json_schema!({
        "type": ["string", "number"], "pattern": DURATION, "minimum": 1, "maximum": 86_400, "multipleOf": 1
    });
    /// When a better tier takes over again.
    Failback = json_schema!({"anyOf": [
        {"enum": FAILBACKS.map(|(word, _)| word)},
        {"type": ["string", "number"], "pattern": DURATION, "minimum": 1, "maximum": 86_400, "multipleOf": 1}
    ]});
    /// A number of bits, from 0 to 32.
    Bits4 = number("^0*([0-9]|[12][0-9]|3[0-2])$", 0, 32);
    /// A number of bits, from 0 to 128.
    Bits6 = number("^0*([0-9]{1,2}|1[01][0-9]|12[0-8])$", 0, 128);
    /// What is looked at.
    HashKey = choice(HASHED.map(|(word, _)| word));
    /// The serial of the zone.
    Serial = number("^[0-9]+$", 0, u32::MAX);
    /// A port, from 1 to 65535.
    Port = number(U16, 1, 65_535);
    /// A number of probes in a row, from 1 to 255.
    Streak = number(U8, 1, 255);
    /// A number of echoes, from 1 to 16.
    Echoes = number("^0*([1-9]|1[0-6])$", 1, u32::from(model::IcmpCheck::COUNT_MAX));
    /// A JSON pointer, such as `/load`.
    Pointer = json_schema!({"type": "string", "pattern": "^(/.*)?$"});
    /// A whole number, from 1 to 1000000.
    Penalty = number("^0*[1-9][0-9]*$", 1, 1_000_000);
    /// A weight, from 0 to 65535.
    Weight = number(U16_OR_0, 0, 65_535);
    /// A priority, from 0 to 65535.
    Priority = number(U16_OR_0, 0, 65_535);
    /// What a backend is among its like.
    Role = choice(ROLES.map(|(word, _)| word));
    /// How labels are shared out.
    ShardsBy = choice(shards::WORDS.map(|(word, _)| word));
    /// `true` or `false`.
    Flag = json_schema!({"enum": [true, false, "true", "false"]});
    /// Where hints come from.
    Hints = choice(["pool"]);
    /// A subnet, such as `10.0.0.0/8`.
    Subnet = json_schema!({"type": "string", "pattern": SUBNET});
    /// A code of two capitals.
    Code2 = json_schema!({"type": "string", "pattern": "^[A-Z]{2}$"});
    /// The number of an autonomous system.
    Asn = json_schema!({"type": ["string", "integer"], "pattern": "^(AS)?[0-9]+$", "minimum": 1, "maximum": u32::MAX});
    /// Whose addresses are handed out.
    Addresses = choice(ADDRESSES.map(|(word, _)| word));
    /// Latitude and longitude.
    Location = json_schema!({
        "type": "array", "minItems": 2, "maxItems": 2,
        "items": {"type": ["string", "number"], "pattern": "^[-+]?[0-9]+(\\.[0-9]*)?$", "minimum": -180, "maximum": 180}
    });
    /// How many addresses an answer has at most.
    Answers = number("^0*[1-9][0-9]*$", 1, POOL_ADDRESSES_MAX as u32);
    /// A share from 0 to 1, with at most three places.
    Share = json_schema!({
        "type": ["string", "number"], "pattern": "^(0(\\.[0-9]{1,3})?|1(\\.0{1,3})?)$", "minimum": 0, "maximum": 1
    });
    /// A status of HTTP, such as 200, or a range of them, such as `200-299`.
    Code = number(STATUS, 100, 599);
    /// A number of days.
    Days = number("^[0-9]{1,5}$", 0, 3653);
    /// A text with escapes: `\n`, `\r`, `\t`, `\0`, `\x41`, `\\`.
    Bytes = text("^([^\\\\]|\\\\([nrt0\\\\]|x[0-9A-Fa-f]{2}))*$");
    /// The path of a request, which begins with `/`.
    Path = json_schema!({"type": "string", "pattern": "^/[!-\"$-~]*$"});
    /// A name or an address, and perhaps a port.
    Host = text("^[0-9A-Za-z._:\\[\\]-]+$");
    /// An IPv4 or IPv6 address.
    Address = json_schema!({"type": "string", "pattern": ADDRESS});
    /// Whether certificates are verified.
    Verify = json_schema!({"enum": [true, false, "true", "false"]});
    /// How a question travels.
    Transport = choice(model::Transport::WORDS.map(|(word, _)| word));
    /// What a backend is that a file has no line for.
    Unlisted = choice(model::Unlisted::WORDS.map(|(word, _)| word));
    /// A response code.
    Rcode = choice(model::Rcode::NAMES.map(|(name, _)| name));
    /// How an answer is chosen.
    Policy = choice(POLICIES.map(|(word, _)| word));
    /// What becomes of backends that are degraded.
    Degraded = choice(DEGRADED.map(|(word, _)| word));
    /// Whether a backend is in service.
    State = choice(STATES.map(|(word, _)| word));
    /// What is handed out when none is up.
    WhenAllDown = choice(WORDS.map(|(word, _)| word));
}

/// A text, or what an editor makes of one that looks like a number.
fn text(pattern: &str) -> Schema {
    json_schema!({"type": ["string", "number", "boolean"], "pattern": pattern})
}

/// A whole number, or the text that stands for one.
fn number(pattern: &str, least: u32, most: u32) -> Schema {
    json_schema!({"type": ["string", "integer"], "pattern": pattern, "minimum": least, "maximum": most})
}

fn choice<const N: usize>(words: [&str; N]) -> Schema {
    json_schema!({"enum": json!(words.to_vec())})
}
