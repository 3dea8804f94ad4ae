//! How long a scrape of many pools takes: `scrape POOLS`, each of two backends that are checked.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotadns::admin::metrics::process::Process;
use rotadns::admin::metrics::{Format, World, render};
use rotadns::config::read_zone;
use rotadns::counters::AllCounters;
use rotadns::engine::Snapshot;
use rotadns::health::overrides::Overrides;
use rotadns::health::registry::Registry;
use rotadns::health::source::Source;
use rotadns::health::sources::Moment;
use rotadns::health::target::{Health, Report, Target};
use rotadns::health::told::Told;
use rotadns::state::publisher::Published;
use rotadns::state::what_if::{Facts, snapshot_of};
use rotadns::zone::build::from_model;

const ROUNDS: usize = 5;

fn main() {
    let pools = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let registry = Registry::default();
    let (overrides, nothing) = (Overrides::default(), BTreeSet::new());
    let facts = Facts { registry: &registry, overrides: &overrides, down: &nothing };
    let snapshot = snapshot(pools, &facts);
    let world = World {
        snapshot: &snapshot,
        published: Published { generation: 1, at: 1_000 },
        facts,
        probers: &[],
        secondaries: &[],
        counters: &AllCounters::default(),
        process: &Process::now(0),
        now: 2_000,
    };
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let mut took: Vec<Duration> = Vec::new();
        let mut page = String::new();
        for _ in 0..ROUNDS {
            let began = now();
            page = render(&world, format);
            took.push(began.elapsed());
        }
        took.sort_unstable();
        let (bytes, lines) = (page.len(), page.lines().count());
        println!("{format:?}: {lines} lines, {bytes} bytes, median {:?}", took[ROUNDS / 2]);
    }
}

/// One zone with so many pools, all of whose backends were probed once.
fn snapshot(pools: u32, facts: &Facts<'_>) -> Snapshot {
    let mut text =
        "zone: example\nns: [ns.example.net.]\nchecks: {c: {tcp: {port: 80}}}\npools:\n".to_owned();
    for pool in 0..pools {
        let [a, b] =
            [pool * 2, pool * 2 + 1].map(|n| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        writeln!(text, "  pool-{pool}: {{check: c, backends: {{a: {a}, b: {b}}}}}")
            .expect("a text takes it");
    }
    text += "records:\n  www: {pool: pool-0}\n";
    let (model, mistakes) = read_zone(Path::new("example.yaml"), &text);
    let model = model.unwrap_or_else(|| panic!("the zone is fine: {mistakes:?}"));
    let (zone, _) = from_model(&model, 1, None).expect("its records fit together");
    let targets: Vec<Target> = zone.pools.iter().flat_map(Target::of_pool).collect();
    facts.registry.track(&targets.iter().cloned().collect(), |_| None);
    for target in targets {
        let report = Report {
            target,
            source: Source::inside(),
            health: Health::Up { failed: 0 },
            detail: Arc::from("connected"),
            told: Told::default(),
            took: Duration::from_millis(3),
            at: 1_000,
        };
        facts.registry.report(&report, Moment::default());
    }
    snapshot_of(vec![(zone.origin.clone(), Some(Arc::new(zone)))], facts).expect("it is one")
}

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}
