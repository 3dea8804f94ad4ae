//! What the admin API gives and takes, as JSON: types of its own, so that what is inside can change.
//!
//! The server writes these, `rotadns status` and its kin read them, and the OpenAPI document is made from
//! them. Times are RFC 3339 in UTC, durations are seconds, shares are parts of one.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The version of RotaDNS.
    pub version: String,
    /// When the process started.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The server's time now, by which all other times here are meant.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// Where DNS is served over UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Where DNS is served over TLS.
    #[serde(default)]
    pub listen_tls: Vec<SocketAddr>,
    /// What answers come from.
    pub snapshot: Snapshot,
    /// The digest of the config file with its flags, SHA-256 in hex: servers that shall be equal have the same.
    pub config_digest: String,
    /// How many zones there are.
    pub zones: ZoneCounts,
    /// How many pools there are, and how many of them guess: by where their addresses come from.
    pub pools: BTreeMap<Source, u64>,
    /// How many backends there are, by state.
    pub backends: BTreeMap<BackendState, u64>,
    /// Who probes.
    pub probers: Vec<Prober>,
    /// Zones that are transferred from elsewhere.
    #[serde(default)]
    pub secondaries: Vec<Secondary>,
    /// Overrides in force.
    pub overrides: u64,
    /// Queries and answers since the start, over all transports.
    pub queries: u64,
    /// What somebody on call should know, a sentence each; empty is well.
    pub alarms: Vec<String>,
}

/// What answers come from at this moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// Counts up with each snapshot since the start.
    pub generation: u64,
    /// When it was published.
    #[schemars(with = "String")]
    pub published: Timestamp,
    /// The digest of the zones' content, SHA-256 in hex: servers with the same files have the same.
    pub digest: String,
}

/// How many zones there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ZoneCounts {
    /// Served, the newest version of their file.
    pub served: u64,
    /// Served as they were before a mistake came into their file.
    pub stale: u64,
    /// Answered with SERVFAIL: they have never been without a mistake, or have expired, or never come from elsewhere.
    pub broken: u64,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Caller {
    /// The name of its token, or `local` where no tokens are asked for.
    pub name: String,
    /// What it may do: `read`, `feed` or `operate`; without one, everything.
    pub role: Option<String>,
    /// Whether it may drain backends, set them up and down, and give them back.
    pub may_operate: bool,
}

/// What was answered in the last hour, or since the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// Seconds from one sample to the next, about.
    pub step: u64,
    /// The samples, the oldest first.
    pub samples: Vec<Sample>,
}

/// What was answered in a few seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When it ended.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How long it lasted.
    pub seconds: f64,
    /// Queries that were answered, over all transports.
    pub queries: u64,
    /// Answers by response code, those that there were: `noerror`, `nxdomain`.
    pub answers: BTreeMap<String, u64>,
    /// Messages that earned no answer, and answers that the kernel did not take.
    pub dropped: u64,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Zone {
    /// Its apex, with the last dot.
    pub zone: String,
    /// How it is served.
    pub state: ZoneState,
    /// The serial of its SOA.
    pub serial: Option<u32>,
    /// How many names own records.
    pub names: u64,
    /// How many pools it has.
    pub pools: u64,
    /// Its file.
    pub file: Option<String>,
    /// The mistakes in its file, when it was read last.
    pub mistakes: Vec<Mistake>,
    /// How it comes here, where it is transferred from elsewhere.
    pub secondary: Option<Secondary>,
}

/// How a zone that is transferred from elsewhere stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Secondary {
    /// Its apex, with the last dot.
    pub zone: String,
    /// Where its primaries are.
    pub primaries: Vec<SocketAddr>,
    /// Who had the newest version, or ours, last.
    pub primary: Option<SocketAddr>,
    /// The serial of what was transferred last, expired or not.
    pub serial: Option<u32>,
    /// When it was last known to be up to date.
    #[schemars(with = "Option<String>")]
    pub refreshed: Option<Timestamp>,
    /// When it expires unless a primary answers, or has expired.
    #[schemars(with = "Option<String>")]
    pub expires: Option<Timestamp>,
    /// Whether it is answered with SERVFAIL: it has expired, or never come.
    pub is_expired: bool,
    /// Why it was not refreshed the last time, where it was not.
    pub failure: Option<String>,
    /// Transfers of the whole zone since the start.
    pub transferred_whole: u64,
    /// Transfers of differences since the start.
    pub transferred_differences: u64,
    /// Checks and transfers that failed since the start.
    pub failed: u64,
    /// NOTIFYs since the start.
    pub notified: u64,
}

/// How a zone is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ZoneState {
    /// As its file says.
    Served,
    /// As its file said before there was a mistake in it.
    Stale,
    /// SERVFAIL: it has never been without a mistake, or has expired, or never come from elsewhere.
    Broken,
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 is the whole file.
    pub line: u32,
    /// The column, from 1; 0 is the whole line.
    pub column: u32,
    /// How many characters of the line are wrong; 0 where something is missing.
    pub width: u32,
    /// Whether the file is served all the same.
    pub severity: Severity,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Whether a file is served all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is not.
    Error,
    /// It is.
    Warning,
}

/// The records of one name and type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Whose they are, with the last dot.
    pub name: String,
    /// Their type, as in a zone file.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Seconds.
    pub ttl: u32,
    /// Presentation format; empty where a pool or another name answers.
    pub values: Vec<String>,
    /// The pool that answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool: Option<String>,
    /// The name whose addresses are answered, where this one is an alias of it; the TTL is then theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alias: Option<String>,
}

/// A pool and what it hands out now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pool {
    /// `ZONE/POOL`.
    pub key: String,
    /// Its zone, with the last dot.
    pub zone: String,
    /// Its name.
    pub pool: String,
    /// How an answer is chosen.
    pub policy: String,
    /// How many addresses an answer has at most.
    pub answers: u16,
    /// Seconds that an answer may be kept while nothing changes side.
    pub ttl: u32,
    /// Seconds that an answer may be kept now.
    pub ttl_now: u32,
    /// Where the addresses that it hands out come from.
    pub source: Source,
    /// The check, in short: `http :8080/healthz`.
    pub check: Option<String>,
    /// The backends in the order of the file.
    pub backends: Vec<Backend>,
}

/// Where the addresses that a pool hands out come from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// They are in service.
    InService,
    /// Too little of the pool is in service: every address, as a guess.
    Panic,
    /// None is in service: every address, as a guess.
    AllDown,
    /// None is in service: those that were last.
    Last,
    /// None is in service: another pool's.
    Fallback,
    /// None is in service: nothing.
    Nothing,
}

/// One backend of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Backend {
    /// `ZONE/POOL/BACKEND`, as commands take it.
    pub key: String,
    /// Whether it is in service.
    pub state: BackendState,
    /// Why, in a few words: "3 checks failed: connection refused", "set down by anna: disk swap".
    pub reason: String,
    /// Since when it has been in this state.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Its share among the pool's backends.
    pub weight: u16,
    /// What a hand on the server has set.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none", default)]
    pub set: Option<Override>,
    /// The answers that held one of its addresses, since the start.
    pub answers: u64,
    /// Its part of what the pool handed out since the start.
    pub share: f64,
    /// The part that it should get now.
    pub share_due: f64,
    /// From when on no cache has it any more, where it was taken out of answers.
    #[schemars(with = "Option<String>")]
    pub safe_to_stop: Option<Timestamp>,
    /// The pool that it is, where it is one within another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool: Option<String>,
    /// Each of its addresses; of a pool within none, as they stand in that.
    pub addresses: Vec<Address>,
}

/// Whether a backend is in service.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BackendState {
    /// All of its addresses are.
    Up,
    /// All of its addresses are, and something about one of them should be seen to.
    Degraded,
    /// Some of its addresses are.
    Partial,
    /// None is.
    Down,
    /// An operator is draining it.
    Drained,
}

/// One address of a backend, or its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The address; of a target, its name.
    pub address: String,
    /// Whether it should serve.
    pub in_service: bool,
    /// Whether answers have it now.
    pub in_answers: bool,
    /// What the verdict rests on.
    pub basis: Basis,
    /// How often it has changed side since the start.
    pub changes: u64,
    /// Whether it serves, and something about it should be seen to, as its check says.
    #[serde(default)]
    pub is_degraded: bool,
    /// Until when it is held down, as it changed side too often.
    #[schemars(with = "Option<String>")]
    #[serde(default)]
    pub held_until: Option<Timestamp>,
    /// What it is among its like, as it says: `primary` or `replica`.
    #[serde(default)]
    pub role: Option<String>,
    /// How far it is behind its primary, as it says, in milliseconds.
    #[serde(default)]
    pub lag_ms: Option<u64>,
    /// What each prober says of it.
    pub reports: Vec<Report>,
    /// The last hundred outcomes, the newest first; where one backend is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub history: Vec<Outcome>,
    /// The last hundred failures, and what brought it to another side, the newest first; where one backend is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failures: Vec<Outcome>,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A hand on the server.
    Override,
    /// The zone file.
    Set,
    /// There is no check.
    Unchecked,
    /// The target itself, which has asked to be left out.
    Asked,
    /// The checks.
    Judged,
    /// The checks as they were before most targets of the prober failed at once.
    Isolated,
    /// The checks change their mind too often: held down.
    Flapping,
    /// The checks as they were before the probers fell silent.
    Held,
    /// The probers fell silent, and `on_prober_loss: open` says that all serve then.
    Open,
    /// Not judged yet: as before the restart.
    Remembered,
    /// Not judged yet and never seen before: in service.
    Assumed,
}

/// What one prober says of an address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Who: `inside`, or the name of a prober beside.
    pub prober: String,
    /// On which side: up or down.
    pub side: Side,
    /// Checks that still must go the other way for it to change side, where it is on its way.
    pub checks_to_change: Option<u8>,
    /// What the last probe found.
    pub detail: String,
    /// When that was.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How long the probe took, in seconds.
    pub took: f64,
    /// Whether the prober has fallen silent since.
    pub stale: bool,
}

/// In service or not, to a prober.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It passes.
    Up,
    /// It fails.
    Down,
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Who probed.
    pub prober: String,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether it found what was wished for.
    pub passed: bool,
    /// What it found.
    pub detail: String,
    /// How long it took, in seconds.
    pub took: f64,
    /// The side that the address came to by it, where that changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changed: Option<Side>,
}

/// What a backend, or who deploys it, says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// `ZONE/POOL/BACKEND`; its check is `push`.
    pub backend: String,
    /// How it is.
    pub state: PushState,
    /// How busy it is, in percent.
    #[serde(default)]
    pub load: Option<u8>,
    /// Seconds that this holds, if not as many as its check says: 1 to 86400.
    #[serde(default)]
    pub ttl: Option<u64>,
    /// Why, for people: one line of at most 200 bytes.
    #[serde(default)]
    pub detail: Option<String>,
}

/// How a backend is, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushState {
    /// It serves.
    Up,
    /// It does not.
    Down,
    /// It serves, and something about it should be seen to.
    Degraded,
    /// No new clients: what it has it goes on with.
    Drain,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pushed {
    /// The backend.
    pub backend: String,
    /// Seconds until it is down, unless it is renewed.
    pub holds: u64,
}

/// What a hand has set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// The backend.
    pub key: String,
    /// Which state.
    pub state: OverrideState,
    /// Who did it.
    pub author: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// When.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When it ends by itself.
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Whether there is such a backend now; where there is none, it waits for it to come back.
    pub is_known: bool,
}

/// Which state a hand has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverrideState {
    /// In service, whatever the checks say.
    Up,
    /// Out of service.
    Down,
    /// Out of service, for it will be stopped.
    Drain,
}

/// What `POST /v1/backends/{drain,up,down,auto}` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steer {
    /// Backends, `ZONE/POOL/BACKEND`; `*` and `?` stand for any part of a name.
    pub backends: Vec<String>,
    /// Seconds until it ends by itself; without it, it lasts until `auto`.
    #[serde(default)]
    pub seconds: Option<u64>,
    /// Who wants it.
    #[serde(default)]
    pub author: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Steered {
    /// The backends that matched, as they are now.
    pub backends: Vec<Backend>,
    /// What somebody should know: a pool that has nothing left in service, an address that another pool hands out.
    pub warnings: Vec<String>,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reloaded {
    /// Zones that are new.
    pub added: Vec<String>,
    /// Zones that changed.
    pub changed: Vec<String>,
    /// Zones that are gone.
    pub removed: Vec<String>,
    /// How many zones stayed as they were.
    pub unchanged: u64,
    /// Every mistake in every file.
    pub mistakes: Vec<Mistake>,
}

/// What is probed, and what that finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Whom.
    pub address: IpAddr,
    /// How, in short: `http :8080/healthz`.
    pub check: String,
    /// The identity of the check's settings, which a prober beside must share.
    pub check_key: String,
    /// The backends that it judges, `ZONE/POOL/BACKEND`.
    pub backends: Vec<String>,
    /// What each prober says of it.
    pub reports: Vec<Report>,
}

/// A prober, inside or beside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prober {
    /// `inside`, or the name that it gives itself.
    pub name: String,
    /// Whether it is heard.
    pub state: ProberState,
    /// When it was heard last.
    #[schemars(with = "Option<String>")]
    pub heard: Option<Timestamp>,
    /// Targets that it reports on and this server knows.
    pub targets: u64,
    /// Targets that this server knows and it does not report on.
    pub missing: u64,
    /// Targets of its last whole report that this server does not know: another version of a zone.
    pub unknown: u64,
    /// Reports taken in.
    pub reports: u64,
    /// Reports left out, as this server does not know what they are about.
    pub rejected: u64,
}

/// Whether a prober is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProberState {
    /// It is.
    Live,
    /// It is, and most of its targets failed at once: they count as before.
    CutOff,
    /// It was, but its lease has run out.
    Lost,
    /// It is expected and has never been heard.
    Awaited,
}

/// Every step of one decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The question, as `dig` prints it.
    pub question: String,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// The response code.
    pub rcode: String,
    /// Whether the answer is authoritative.
    pub authoritative: bool,
    /// Whether it did not fit.
    pub truncated: bool,
    /// The records, as `dig` prints them, by section.
    pub answer: Vec<String>,
    /// The records of the authority section.
    pub authority: Vec<String>,
    /// The records of the additional section, without OPT.
    pub additional: Vec<String>,
    /// The pools that had a say, as they are in this decision.
    pub pools: Vec<ExplainedPool>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name: `zone`, `name`, `pool`, `eligible`, `panic`, `draw`, `count`, `ttl`.
    pub stage: String,
    /// What was decided and why.
    pub said: String,
}

/// A pool within a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedPool {
    /// `ZONE/POOL`.
    pub key: String,
    /// Where its addresses come from.
    pub source: Source,
    /// Each of its addresses.
    pub candidates: Vec<Candidate>,
}

/// An address within a decision, or a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// The backend's name.
    pub backend: String,
    /// The address; of a target, its name; of a pool within, empty.
    pub address: String,
    /// The pool that it is, where it is one within another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pool: Option<String>,
    /// Whether it may be handed out.
    pub eligible: bool,
    /// Why, or why not.
    pub reason: String,
    /// Whether this answer has it.
    pub chosen: bool,
}

/// Something that happened, as `GET /v1/events` streams it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Counts up since the start; a gap is what this client was too slow for.
    pub id: u64,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What kind: `backend`, `pool`, `override`, `zone`, `reload`, `prober`.
    pub kind: String,
    /// Whom it is about: `ZONE/POOL/BACKEND`, `ZONE/POOL`, a zone, a prober.
    pub subject: String,
    /// What happened, for people.
    pub message: String,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// What is wrong, and what would be right.
    pub error: String,
}
