//! The JSON Schema of the zone file, which editors complete and check by.
//!
//! The reader in `config/spec/` walks nodes and tells mistakes in sentences; here is what it takes, once more, as types
//! that a schema follows from. Tests hold the two together: each key that one knows the other knows, and files that one
//! reads the other takes. What one part of a file says of another, such as the name of a pool, no schema can say.
//!
//! An editor makes numbers and truth values of scalars that the reader takes as the text that stands there, so a scalar
//! here may be either.

mod checks;
pub mod reference;
mod scalar;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use self::checks::Check;
use self::scalar::{
    Address, Addresses, Answers, Asn, Bits4, Bits6, Code2, Degraded, Failback, Flag, HashKey,
    Hints, Location, Policy, Port, Priority, Rname, Role, Serial, ShardsBy, Share, Span, State,
    Subnet, Ttl, Value, Weight, WhenAllDown, Word,
};
use crate::config::model::RULES_MAX;
use crate::rdata::{self, rtype};

/// The schema, in JSON Schema's draft 2020-12.
#[must_use]
pub fn zone_file() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ZoneFile>().to_value()
}

/// One, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum OneOrMany<T> {
    One(T),
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// Values by their names.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Named<T>(BTreeMap<String, T>);

/// A zone of RotaDNS: names, and the pools of backends that they stand for. The file is named after its zone, such as
/// `example.com.yaml`.
#[derive(JsonSchema)]
#[schemars(title = "RotaDNS zone file", deny_unknown_fields, extend("required" = ["zone"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct ZoneFile {
    /// The zone's name, as in the name of the file.
    zone: Word,
    /// The TTL of records that set none; an hour where this is left out.
    ttl: Ttl,
    /// The zone's name servers. Names are relative to the zone unless they end in a dot.
    ns: OneOrMany<Word>,
    /// The start of authority. Every part has a default, and the serial is kept for you.
    soa: Option<Soa>,
    /// Whether the reverse zones of this server, such as `2.0.192.in-addr.arpa`, have names for the addresses of this zone.
    reverse: bool,
    /// What secondaries get of this zone; who they are is set for the server.
    secondaries: Option<Secondaries>,
    /// Who gets private addresses, in place of what the server says of that.
    views: Option<Views>,
    /// Ways to find out whether a backend works, by name.
    checks: Option<Named<Check>>,
    /// Backends that stand for each other, by name.
    pools: Option<Named<Pool>>,
    /// What each name has. `@` is the zone's own name.
    records: Option<Named<Record>>,
}

/// The start of authority.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Soa {
    /// The first name server; the first of `ns` where this is left out.
    mname: Word,
    /// The mailbox of whoever looks after the zone, such as `hostmaster@example.com`.
    rname: Rname,
    /// A serial by hand. Without it, it rises by itself when the zone changes.
    serial: Serial,
    /// The TTL of the record itself.
    ttl: Ttl,
    /// How often secondaries look for a new version.
    refresh: Ttl,
    /// How soon they look again after a failure.
    retry: Ttl,
    /// How long they serve without having heard.
    expire: Ttl,
    /// How long a resolver may remember that a name is not there.
    minimum: Ttl,
}

/// What secondaries get of this zone.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Secondaries {
    /// Whether a change of health is a change of content: then plain secondaries serve what is healthy.
    follow_health: bool,
    /// At most one new version for health in this time, such as `5s`.
    interval: Span,
}

/// Who gets private addresses.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Views {
    /// Where those clients are.
    private: OneOrMany<Subnet>,
}

/// Backends that stand for each other: a list of them, or a map that also says how they are chosen.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum Pool {
    Backends(#[schemars(length(min = 1))] Vec<Backend>),
    Map(PoolMap),
}

/// Backends, and how they are chosen.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend(
        "required" = ["backends"],
        "if" = {"properties": {"when_all_down": {"const": "fallback"}}, "required": ["when_all_down"]},
        "then" = {"required": ["fallback"]},
        "else" = {"properties": {"fallback": false}}
    )
)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct PoolMap {
    /// The name of a check, or a check.
    check: CheckRef,
    /// How an answer is chosen among those that are up; `round_robin`. With `nearest` each backend has a `location` or a `region`.
    policy: Policy,
    /// How long an answer may be kept; 30 s.
    ttl: Ttl,
    /// The least of that while a backend is changing side; 5 s.
    min_ttl: Ttl,
    /// The most addresses in an answer; 8, and 1 with `weighted`, `hash` and `nearest`.
    answers: Answers,
    /// What is handed out when none is up; `all`, as a guess.
    when_all_down: WhenAllDown,
    /// The pool that answers instead, with `when_all_down: fallback`.
    fallback: Word,
    /// The share of the weight under which every address is handed out; 0, which is never.
    panic: Share,
    /// Whether a backend that is degraded serves beside the others, or only when no other can; `serve`.
    degraded: Degraded,
    /// How many backends of a tier must be able to serve, or the next tier does; 1.
    min_healthy: Answers,
    /// When a better tier takes over again that can: `at once`, which is the default, once it could for so long, or `never`
    /// while the one that serves can.
    failback: Failback,
    /// How far a replica may be behind its primary and still be handed out, such as `5s`; however far.
    max_lag: Span,
    /// Whether several backends may be primary at once; `false`, and then the one that was first keeps the role.
    multi_primary: Flag,
    /// In what time the part of a backend that comes up grows from a tenth to all of its weight; at once.
    slow_start: Span,
    /// How long a failure may be in caches before `rotadns check` warns of it, such as `30s`; as `failover_max` in `rotadns.yaml`.
    failover_max: Span,
    /// By what a client keeps its backend, with `policy: hash`.
    hash: HashBy,
    /// The port of backends that set none, for SRV.
    port: Port,
    /// The backends.
    backends: Backends,
}

/// By what a client keeps its backend.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct HashBy {
    /// `subnet`, which is the client subnet of a query or else the address that asks, `client`, which is the address alone, or
    /// `name`, which is the name that is asked for; `subnet`.
    key: HashKey,
    /// How many bits of an IPv4 address; 24.
    v4: Bits4,
    /// How many bits of an IPv6 address; 56.
    v6: Bits6,
}

/// The name of a check, or a check.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum CheckRef {
    Name(Word),
    Check(Box<Check>),
}

/// The backends of a pool: an address, a list, or a map by their names.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum Backends {
    One(Address),
    List(#[schemars(length(min = 1))] Vec<Backend>),
    Map(#[schemars(extend("minProperties" = 1))] BTreeMap<String, Backend>),
}

/// A backend: an address, several of one machine, or a map with its settings.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum Backend {
    Addresses(OneOrMany<Address>),
    Map(BackendMap),
}

/// A backend with its settings.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("required" = [], "anyOf" = [{"required": ["address"]}, {"required": ["target"]}, {"required": ["pool"]}])
)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct BackendMap {
    /// Its address, or several; quote IPv6 where YAML would read it as something else. Beside a target, what a check
    /// probes in its place, which is not handed out.
    address: OneOrMany<Address>,
    /// A name that is handed out as a CNAME, instead of addresses.
    target: Word,
    /// Another pool of the zone, whose backends take part while it serves by its own threshold. Beside it stand `weight`, `priority`
    /// and `state` alone.
    pool: Word,
    /// Its name in DNS, for SRV; of a target, the target without this.
    host: Word,
    /// Its port, for SRV; the pool's without this.
    port: Port,
    /// Its share among the pool's backends, where weights choose and under `panic`; 1. One of 0 takes nothing while
    /// others can.
    weight: Weight,
    /// Its tier: of those that can serve, the backends of the least number do; 0, and under `policy: failover` one more than
    /// the backends before it.
    priority: Priority,
    /// `down` takes it out of answers, `up` keeps it in; `auto` leaves it to its check.
    state: State,
    /// How it is judged in place of the pool's check: the name of a check, a check, or `off`.
    check: CheckRef,
    /// Where it is probed, if not at its addresses: one that stands for all of them, or one for each in their order.
    check_address: OneOrMany<Address>,
    /// At which port it is probed, if not at its check's.
    check_port: Port,
    /// Its address, or several, for those who get private addresses; see `views`.
    private: OneOrMany<Address>,
    /// Where it is: latitude and longitude, in degrees.
    location: Location,
    /// Where it is: a subdivision such as `US-KY`, a country, or a region of your own.
    region: Word,
}

/// What a name has: a pool or an alias, and sets of records by their types.
struct Record;

impl JsonSchema for Record {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Record".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let set = generator.subschema_for::<Set>();
        let pool = generator.subschema_for::<PoolRef>();
        let alias = json_schema!({
            "description": "A name of this server's zones whose addresses are answered for A and AAAA; \
                            at the zone's own name too, where a CNAME cannot stand.",
            "type": "string",
            "minLength": 1,
        });
        let mut properties: BTreeMap<String, Schema> =
            types().map(|name| (name, set.clone())).collect();
        properties.insert("pool".into(), pool);
        properties.insert("rules".into(), generator.subschema_for::<Rules>());
        properties.insert("shards".into(), generator.subschema_for::<Shards>());
        properties.insert("role".into(), generator.subschema_for::<Role>());
        properties.insert("alias".into(), alias);
        // The reader takes any case; editors complete capitals.
        let any_case: Vec<String> = types().map(|name| any_case(&name)).collect();
        let any_case = format!("^({}|[Tt][Yy][Pp][Ee][0-9]{{1,5}})$", any_case.join("|"));
        json_schema!({
            "description": "What a name has: a pool or an alias, and sets of records by their types.",
            "type": "object",
            "minProperties": 1,
            "properties": properties,
            "patternProperties": {any_case: set},
            "additionalProperties": false,
        })
    }
}

/// The mnemonics of all types that a zone may have, but SOA, which has a key of its own.
fn types() -> impl Iterator<Item = String> {
    (1..=u16::MAX).filter(|number| *number != rtype::SOA).filter_map(|number| {
        let name = rdata::type_name(number).to_string();
        let is_known = !name.starts_with("TYPE") && rdata::parse_type(&name) == Some(number);
        is_known.then_some(name)
    })
}

/// A pattern for a word in capitals or not.
fn any_case(word: &str) -> String {
    let either = |letter: char| match letter.to_ascii_lowercase() {
        lower if lower == letter => letter.to_string(),
        lower => format!("[{letter}{lower}]"),
    };
    word.chars().map(either).collect()
}

/// The name of a pool, or a pool.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum PoolRef {
    Name(Word),
    Pool(Pool),
}

/// Which pool is for whom.
struct Rules;

impl JsonSchema for Rules {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rules".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Rule>();
        json_schema!({
            "description": "Which pool is for whom: the first rule that matches decides, and the last is for \
                            everybody else.",
            "type": "array",
            "minItems": 1,
            "maxItems": RULES_MAX + 1,
            "items": rule,
        })
    }
}

/// Which pool is for which label below a wildcard: by ranges of the alphabet, or by a hash.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend(
        "required" = ["by"],
        "oneOf" = [
            {"properties": {"by": {"const": "range"}}, "required": ["of"]},
            {"properties": {"by": {"const": "hash"}}, "required": ["pools"]}
        ]
    )
)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Shards {
    /// How labels are shared out.
    by: ShardsBy,
    /// The ranges, in rising order.
    of: Vec<Range>,
    /// The pools of a hash.
    pools: OneOrMany<Word>,
}

/// The labels up to one, and their pool.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["pool"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Range {
    /// The last label, and with it every one that begins with it; the last range has none.
    to: Word,
    /// The name of their pool.
    pool: Word,
}

/// Which pool is for clients in some subnets or places, in any of those that it names; where it names none, for everybody
/// else.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["pool"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Rule {
    /// Where the clients are, such as `10.0.0.0/8`.
    subnets: OneOrMany<Subnet>,
    /// Or on which continents: `AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`.
    continents: OneOrMany<Code2>,
    /// Or in which countries, by their codes in ISO 3166-1, such as `NO`.
    countries: OneOrMany<Code2>,
    /// Or in which regions: subdivisions such as `US-KY`, or regions of your own.
    regions: OneOrMany<Word>,
    /// Or in which autonomous systems, by their numbers.
    asns: OneOrMany<Asn>,
    /// `private` hands out the private addresses of backends to all that the rule is for, who are then known by the address
    /// that asks; `public`.
    addresses: Addresses,
    /// The name of their pool.
    pool: Word,
}

/// The records of one type: a value, a list of them, or a map with their TTL.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum Set {
    Values(OneOrMany<Value>),
    Map(SetMap),
}

/// Records and their TTL.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend(
        "required" = [],
        "anyOf" = [{"required": ["values"]}, {"required": ["pool"]}, {"required": ["rules"]}]
    )
)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct SetMap {
    /// How long they may be kept; the zone's `ttl` without this.
    ttl: Ttl,
    /// The records, as in a master file; of TXT, the text itself.
    values: OneOrMany<Value>,
    /// Of A, AAAA and SRV: the pool that the records are made of. Of HTTPS and SVCB: the pool of the hints, where it is not
    /// the name's own.
    pool: Word,
    /// In place of `pool`: which pool is for whom.
    rules: Option<Rules>,
    /// Beside `pool` or `rules`: the backends that are primary, or replica, alone.
    role: Role,
    /// Of SRV from a pool: the priority of its records; 0.
    priority: Priority,
    /// Of HTTPS and SVCB: `pool` adds the addresses that the pool hands out as `ipv4hint` and `ipv6hint`.
    hints: Hints,
}
