//! `/metrics`: what the server counts and how it stands, for Prometheus.
//!
//! Everything is read when somebody scrapes; nothing is kept for it. `docs/metrics.md` has a row for each name, which a
//! test holds it to.
//!
//! ```text
//!   counters of all threads ─┐
//!   snapshot ────────────────┼──▶ families ──page──▶ text
//!   registry, probers ───────┤
//!   process ─────────────────┘
//! ```

mod page;
mod pools;
pub mod process;

use jiff::Timestamp;

use crate::admin::model::Secondary;
use crate::counters::zones::Class;
use crate::counters::{AllCounters, FAMILIES, RCODES, TYPES, Via};
use crate::engine::snapshot::{Snapshot, View};
use crate::health::overrides::Hand;
use crate::health::sources::{Hearing, Prober};
use crate::name::Name;
use crate::state::publisher::Published;
use crate::state::what_if::Facts;
use page::{Family, Kind, Labels, page};
use process::Process;

pub use page::Format;

/// What there is to tell of.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// What answers come from.
    pub snapshot: &'a Snapshot,
    /// When it was published.
    pub published: Published,
    /// What verdicts are made of.
    pub facts: Facts<'a>,
    /// Who probes.
    pub probers: &'a [Prober],
    /// What comes from elsewhere.
    pub secondaries: &'a [Secondary],
    /// What was counted.
    pub counters: &'a AllCounters,
    /// What the process takes.
    pub process: &'a Process,
    /// The time now, in unix milliseconds.
    pub now: u64,
}

/// The page in this format.
#[must_use]
pub fn render(world: &World<'_>, format: Format) -> String {
    let mut families = vec![build(format)];
    families.extend(messages(world, format));
    families.extend(snapshot(world, format));
    families.extend(zones(world, format));
    families.extend(databases(world, format));
    families.extend(secondaries(world, format));
    families.extend(pools::pools(world, format));
    families.extend(probers(world, format));
    families.extend(overrides(world, format));
    families.extend(self::process(world.process, format));
    page(format, families)
}

fn build(format: Format) -> Family {
    let mut build = Family::new(format, Kind::Info, "build", "What is running");
    build.sample(Labels::default().with("version", env!("CARGO_PKG_VERSION")).as_str(), 1);
    build
}

/// Queries and answers, over all zones.
fn messages(world: &World<'_>, format: Format) -> Vec<Family> {
    let counter = |name, help| Family::new(format, Kind::Counter, name, help);
    let mut families = Vec::new();
    for family in FAMILIES {
        let mut told = counter(family.name, family.help);
        for (counter, labels) in family.counters {
            told.sample(labels, world.counters.total(*counter));
        }
        families.push(told);
    }
    let mut queries = counter("queries", "Queries that were answered, by type");
    let mut answers = counter("answers", "Answers, by response code");
    for (via, transport) in Via::ALL {
        let labels = Labels::default().with("transport", transport);
        for (place, (_, name)) in TYPES.iter().enumerate() {
            let value = world.counters.queries(via, place);
            queries.sample(labels.with("type", name).as_str(), value);
        }
        for (rcode, name) in RCODES {
            answers.sample(labels.with("rcode", name).as_str(), world.counters.answers(via, rcode));
        }
    }
    families.extend([queries, answers]);
    families
}

fn snapshot(world: &World<'_>, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let age = world.now.saturating_sub(world.published.at);
    vec![
        gauge("snapshot_generation", "Counts up with each snapshot since the start")
            .only(world.published.generation),
        gauge("snapshot_published_timestamp_seconds", "When what answers come from was published")
            .only(seconds(world.published.at)),
        gauge("snapshot_age_seconds", "How long ago that was").only(seconds(age)),
    ]
}

/// What tells where clients are.
fn databases(world: &World<'_>, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let mut up = gauge("geo_database_up", "1 where it is as it should be, 0 where not");
    let mut built = gauge("geo_database_built_timestamp_seconds", "When it was made");
    for database in &world.snapshot.settings().places.databases {
        let labels = Labels::default().with("file", &database.file);
        up.sample(labels.as_str(), u8::from(database.trouble.is_none()));
        if let Some(seconds) = database.built {
            built.sample(labels.as_str(), seconds);
        }
    }
    vec![up, built]
}

fn zones(world: &World<'_>, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let mut up =
        gauge("zone_up", "1 where the zone is served, 0 where it is broken and answers SERVFAIL");
    let mut serial = gauge("zone_serial", "The serial of the zone's SOA");
    let mut names = gauge("zone_names", "How many names own records");
    let mut queries = Family::new(
        format,
        Kind::Counter,
        "zone_queries",
        "Queries of the zone, by what became of them",
    );
    for (place, view) in world.snapshot.zones().enumerate() {
        let labels = zone_labels(view.origin());
        up.sample(labels.as_str(), u8::from(view.zone().is_some()));
        if let View::Served { zone, .. } = view {
            serial.sample(labels.as_str(), zone.serial);
            names.sample(labels.as_str(), zone.names);
        }
        if let Some(counts) = world.snapshot.counts(place as u32) {
            for (class, name) in Class::ALL {
                queries.part("", labels.as_str(), class_label(name), counts.total(class));
            }
        }
    }
    vec![up, serial, names, queries]
}

fn secondaries(world: &World<'_>, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let counter = |name, help| Family::new(format, Kind::Counter, name, help);
    let mut expired = gauge(
        "secondary_expired",
        "1 where the zone has expired or never come, and answers SERVFAIL",
    );
    let mut refreshed = gauge(
        "secondary_refreshed_timestamp_seconds",
        "When the zone was last known to be up to date",
    );
    let mut ends = gauge(
        "secondary_expires_timestamp_seconds",
        "When the zone expires unless a primary answers",
    );
    let mut transfers = counter("secondary_transfers", "Transfers of the zone, by form");
    let mut failed = counter("secondary_failures", "Checks and transfers that failed");
    let mut notified = counter("secondary_notifies", "NOTIFYs of the zone's primaries");
    for secondary in world.secondaries {
        let labels = named(&secondary.zone);
        let time = |at: Timestamp| seconds(u64::try_from(at.as_millisecond()).unwrap_or_default());
        expired.sample(labels.as_str(), u8::from(secondary.is_expired));
        if let Some(at) = secondary.refreshed {
            refreshed.sample(labels.as_str(), time(at));
        }
        if let Some(at) = secondary.expires {
            ends.sample(labels.as_str(), time(at));
        }
        let (whole, differences) = (secondary.transferred_whole, secondary.transferred_differences);
        transfers.part("", labels.as_str(), r#"form="axfr""#, whole);
        transfers.part("", labels.as_str(), r#"form="ixfr""#, differences);
        failed.sample(labels.as_str(), secondary.failed);
        notified.sample(labels.as_str(), secondary.notified);
    }
    vec![expired, refreshed, ends, transfers, failed, notified]
}

/// The label of [`Class::ALL`]'s names, which are plain.
fn class_label(name: &'static str) -> &'static str {
    match name {
        "noerror" => r#"class="noerror""#,
        "nodata" => r#"class="nodata""#,
        "nxdomain" => r#"class="nxdomain""#,
        "referral" => r#"class="referral""#,
        "servfail" => r#"class="servfail""#,
        _ => r#"class="other""#,
    }
}

fn probers(world: &World<'_>, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let counter = |name, help| Family::new(format, Kind::Counter, name, help);
    let mut up =
        gauge("prober_up", "1 where the prober is heard, 0 where it is lost or still awaited");
    let mut cut_off = gauge(
        "prober_cut_off",
        "1 where the prober seems to be cut off, as most of its targets failed at once",
    );
    let mut heard = gauge("prober_heard_timestamp_seconds", "When the prober was heard last");
    let mut targets =
        gauge("prober_targets", "Targets that the prober reports on and this server knows");
    let mut missing = gauge(
        "prober_missing_targets",
        "Targets that this server knows and the prober does not report on",
    );
    let mut unknown = gauge(
        "prober_unknown_targets",
        "Targets of the prober's last whole report that this server does not know: another version of a zone",
    );
    let mut reports = counter("prober_reports", "Reports taken in");
    let mut rejected = counter(
        "prober_reports_rejected",
        "Reports left out, as this server does not know what they are about",
    );
    for prober in world.probers {
        let labels = Labels::default().with("prober", prober.source.as_str());
        let labels = labels.as_str();
        let is_heard = matches!(prober.hearing, Hearing::Live | Hearing::CutOff);
        up.sample(labels, u8::from(is_heard));
        cut_off.sample(labels, u8::from(prober.hearing == Hearing::CutOff));
        if let Some(at) = prober.heard {
            heard.sample(labels, seconds(at));
        }
        targets.sample(labels, prober.tally.targets);
        missing.sample(labels, prober.tally.missing);
        unknown.sample(labels, prober.tally.unknown);
        reports.sample(labels, prober.tally.reports);
        rejected.sample(labels, prober.tally.rejected);
    }
    vec![up, cut_off, heard, targets, missing, unknown, reports, rejected]
}

fn overrides(world: &World<'_>, format: Format) -> Vec<Family> {
    let mut overrides =
        Family::new(format, Kind::Gauge, "overrides", "Backends that a hand has set, by what to");
    for hand in [Hand::Up, Hand::Down, Hand::Drain] {
        let count = world.facts.overrides.iter().filter(|set| set.hand == hand).count();
        let labels = Labels::default().with("state", &hand.to_string());
        overrides.sample(labels.as_str(), count);
    }
    vec![overrides]
}

fn process(process: &Process, format: Format) -> Vec<Family> {
    let gauge = |name, help| Family::new(format, Kind::Gauge, name, help);
    let mut families = vec![
        gauge("process_start_time_seconds", "When the process started")
            .only(seconds(process.started)),
    ];
    // What the system does not tell has no sample.
    let mut told = |mut family: Family, value: Option<String>| {
        if let Some(value) = value {
            family.sample("", value);
        }
        families.push(family);
    };
    let count = |value: Option<u64>| value.map(|value| value.to_string());
    told(
        Family::new(format, Kind::Counter, "process_cpu_seconds", "CPU time of the process"),
        process.cpu.map(|cpu| format!("{:.2}", cpu.as_secs_f64())),
    );
    told(
        gauge("process_resident_memory_bytes", "Memory of the process that is in RAM"),
        count(process.resident),
    );
    told(gauge("process_open_fds", "Open file descriptors"), count(process.open_files));
    told(
        gauge("process_max_fds", "The most file descriptors that can be open"),
        count(process.open_files_max),
    );
    told(gauge("process_threads", "Threads of the process"), count(process.threads));
    families
}

/// A zone as keys have it, without the last dot.
fn zone_labels(origin: &Name) -> Labels {
    named(&origin.to_string())
}

fn named(text: &str) -> Labels {
    let text = text.strip_suffix('.').filter(|shorter| !shorter.is_empty()).unwrap_or(text);
    Labels::default().with("zone", text)
}

/// Unix milliseconds as the formats have times.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}
