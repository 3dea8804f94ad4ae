//! Checks: what each kind has, and how checks are made of others.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::json;

use super::scalar::{
    Bytes, Code, Days, Echoes, HeaderValue, Host, Literal, Path, Penalty, Pointer, Port, Rcode,
    Span, Streak, Transport, Unlisted, Value, Verify, Word,
};
use super::{Named, OneOrMany};
use crate::config::spec::check;

/// How to find out whether a backend works: one kind of check, and how often it is made.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = [], "oneOf" = one_kind()))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
pub(super) struct Check {
    /// It works if it takes a connection.
    tcp: Tcp,
    /// It works if it answers a request over HTTP as wished.
    http: Option<Http>,
    /// It works if it answers a request over HTTPS as wished.
    https: Option<Https>,
    /// It works if it speaks TLS, with a certificate that is good.
    tls: Option<TlsCheck>,
    /// It works if its agent says so, in `HAProxy`'s agent-check protocol.
    agent: Option<Agent>,
    /// It works if this PostgreSQL takes a login; it also says whether it is a primary or a replica, and how far behind.
    postgres: Postgres,
    /// It works if this Redis or Valkey answers; it also says whether it is a primary or a replica, and how far behind.
    redis: Option<Redis>,
    /// It works if this MySQL or MariaDB takes a login; it also says whether it is a primary or a replica, and how far
    /// behind.
    mysql: Mysql,
    /// It works while it says so itself, over the admin API.
    push: Option<Push>,
    /// It works if it answers a question of DNS as wished.
    dns: Option<Dns>,
    /// It works if it answers a datagram as wished, or does not refuse it.
    udp: Option<Udp>,
    /// It works if echoes come back.
    icmp: Option<Icmp>,
    /// It works if gRPC's health service says so.
    grpc: Grpc,
    /// It works if a program says so, by Nagios' exit codes.
    exec: Option<Exec>,
    /// It works if a file on the prober's machine says so.
    file: FileSays,
    /// It works if all of these checks pass, by name or inline.
    all: Parts,
    /// It works if one of these checks passes, by name or inline.
    any: Parts,
    /// It works if so many of these checks pass.
    at_least: AtLeast,
    /// How often it is probed; 10 s.
    interval: Span,
    /// How long a probe may take; 2 s, and never longer than the interval.
    timeout: Span,
    /// How many probes in a row must pass before it is up; 2.
    rise: Streak,
    /// How many probes in a row must fail before it is down; 3.
    fall: Streak,
    /// How often it is probed while it is changing side; 1 s.
    fast_interval: Span,
    /// Whether a backend that changes side too often is held down until it has been quiet; `false`.
    flap: Option<FlapRef>,
}

/// The checks that one is made of.
#[derive(JsonSchema)]
struct Parts(#[schemars(with = "Vec<PartRef>", length(min = 1, max = 32))] ());

/// So many of several checks.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct AtLeast {
    /// How many must pass.
    n: Streak,
    /// The checks, by name or inline.
    of: Parts,
}

/// The name of a check, or a check without the settings of how often it is made.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum PartRef {
    Name(Word),
    Part(Box<Part>),
}

/// A check within a check: one kind.
struct Part;

impl JsonSchema for Part {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Part".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // A check's, without how often it is made.
        let mut schema = Check::json_schema(generator);
        schema.insert("description".into(), "A check within a check: one kind.".into());
        if let Some(serde_json::Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|key, _| check::kinds().any(|kind| kind == key));
            let no_part = json!({"description": "No part of another check.", "not": {}});
            properties.insert("push".into(), no_part);
        }
        schema
    }
}

/// `true` for the usual penalty, or the settings of it.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum FlapRef {
    Word(Verify),
    Flap(Flap),
}

/// When a backend that changes side too often is held down: each change adds a penalty, which decays.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Flap {
    /// What a change of side adds; 1000.
    penalty: Penalty,
    /// Above this much it is held down; 4000.
    suppress: Penalty,
    /// It is let go when the penalty has come down to this; 1000.
    reuse: Penalty,
    /// In this time half of the penalty is gone; 5 m.
    half_life: Span,
    /// No hold is longer than this after the last change; 30 m.
    hold_max: Span,
}

/// Each kind alone.
fn one_kind() -> serde_json::Value {
    check::kinds().map(|kind| json!({"required": [kind]})).collect()
}

/// A connection over TCP.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Tcp {
    /// The port.
    port: Port,
}

/// A request over HTTP.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Http {
    /// The port; 80.
    port: Port,
    /// The path, with its query if it has one; `/`.
    path: Path,
    /// The statuses that pass, such as `200-299`, which is what is taken without this.
    status: OneOrMany<Code>,
    /// The host that is asked for; the address without it.
    host: Host,
    /// Further header fields.
    headers: Option<Named<HeaderValue>>,
    /// A text that the body must hold.
    body: Literal,
    /// Where the answer says how busy the server is.
    load: Option<Load>,
}

/// Where an answer says how busy its server is: in `header` or in `json`.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("required" = [], "oneOf" = [{"required": ["header"]}, {"required": ["json"]}])
)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Load {
    /// In this header field.
    header: Word,
    /// In the body, at this JSON pointer, such as `/load`.
    json: Pointer,
    /// The number that means all that the server can do; 100.
    full: Penalty,
}

/// A request over HTTPS.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Https {
    /// The port; 443.
    port: Port,
    /// The path, with its query if it has one; `/`.
    path: Path,
    /// The statuses that pass, such as `200-299`, which is what is taken without this.
    status: OneOrMany<Code>,
    /// The host that is asked for; the address without it.
    host: Host,
    /// Further header fields.
    headers: Option<Named<HeaderValue>>,
    /// A text that the body must hold.
    body: Literal,
    /// Where the answer says how busy the server is.
    load: Option<Load>,
    /// The name that the certificate must be for; the host without it.
    sni: Word,
    /// A file of certificates to trust, instead of the system's.
    ca: Word,
    /// `false` takes any certificate.
    verify: Verify,
    /// A certificate that ends in fewer days counts as degraded; 14, and 0 is never.
    days: Days,
}

/// A handshake over TLS.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct TlsCheck {
    /// The port; 443.
    port: Port,
    /// The name that the certificate must be for; the address without it.
    sni: Word,
    /// A file of certificates to trust, instead of the system's.
    ca: Word,
    /// `false` takes any certificate.
    verify: Verify,
    /// A certificate that ends in fewer days counts as degraded; 14, and 0 is never.
    days: Days,
}

/// An agent that says how its machine is.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["port"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Agent {
    /// The port of the agent.
    port: Port,
    /// What is sent to it first, with escapes such as `\n`; nothing without this.
    send: Bytes,
}

/// A backend that reports by itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Push {
    /// How long a report holds; 1 m.
    ttl: Span,
}

/// A login to PostgreSQL.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["user"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Postgres {
    /// The port; 5432.
    port: Port,
    /// Who logs in.
    user: Word,
    /// The database that is connected to; `postgres`.
    database: Word,
    /// A file that holds the password.
    password_file: Word,
    /// A variable of the environment that holds the password.
    password_env: Word,
    /// Whether it is encrypted, and whom to trust then.
    tls: TlsChoice,
    /// A statement whose first row must begin with a value other than NULL and false.
    query: Literal,
}

/// A question to Redis or Valkey.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Redis {
    /// The port; 6379.
    port: Port,
    /// Who logs in, where it is not the default user.
    user: Word,
    /// A file that holds the password.
    password_file: Word,
    /// A variable of the environment that holds the password.
    password_env: Word,
    /// Whether it is encrypted, and whom to trust then.
    tls: TlsChoice,
}

/// A login to MySQL or MariaDB.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["user"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Mysql {
    /// The port; 3306.
    port: Port,
    /// Who logs in.
    user: Word,
    /// A file that holds the password.
    password_file: Word,
    /// A variable of the environment that holds the password.
    password_env: Word,
    /// Whether it is encrypted, and whom to trust then.
    tls: TlsChoice,
}

/// `true` for TLS and the certificates that the system trusts, or a map that says more.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
enum TlsChoice {
    Whether(Verify),
    Map(Option<TlsMap>),
}

/// TLS, and whom to trust.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct TlsMap {
    /// The name that the certificate must be for; the address without it.
    sni: Word,
    /// A file of certificates to trust, instead of the system's.
    ca: Word,
    /// `false` takes any certificate.
    verify: Verify,
}

/// A question to a name server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["question"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Dns {
    /// The port; 53.
    port: Port,
    /// The name that is asked for, from the root.
    question: Word,
    /// The type that is asked for; A.
    r#type: Word,
    /// How the question travels; `udp`.
    transport: Transport,
    /// The response code that passes; `NOERROR`.
    rcode: Rcode,
    /// Records that the answer must hold.
    answer: OneOrMany<Value>,
    /// Whether the server is asked to ask others; `false`.
    recursion: Verify,
}

/// A datagram, and what comes back.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["port"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Udp {
    /// The port.
    port: Port,
    /// What is sent, with escapes such as `\n`; an empty datagram without this.
    send: Bytes,
    /// What the answer must hold; without it, a port that is not closed passes.
    expect: Bytes,
}

/// Echo requests.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = []))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Icmp {
    /// How many are sent; 1.
    count: Echoes,
    /// How many must come back; 1.
    at_least: Echoes,
}

/// A question to gRPC's health service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["port"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Grpc {
    /// The port.
    port: Port,
    /// The service that is asked for; the whole server without it.
    service: Value,
    /// The authority of the request, and the name that the certificate must be for; the address without it.
    host: Host,
    /// Whether it is encrypted, and whom to trust then.
    tls: TlsChoice,
}

/// A program with Nagios' exit codes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["command"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct Exec {
    /// The program by its absolute path, and its arguments; `{address}` and `{port}` stand for the target's.
    command: OneOrMany<Value>,
    /// Its environment, besides `PATH`.
    env: Option<Named<Value>>,
    /// What `{port}` stands for.
    port: Port,
}

/// A file with a line for each backend, such as `web-1 up`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("required" = ["path"]))]
#[expect(dead_code, reason = "a schema is made of it, and no value")]
struct FileSays {
    /// The file, relative to the zone file.
    path: Word,
    /// What it calls the backend; its name in the pool.
    name: Word,
    /// What a backend is that it has no line for; `keep` is what it was.
    unlisted: Unlisted,
    /// How long after it was written it says nothing any more, such as `1m`: every backend is as one without a line. Never.
    max_age: Span,
}
