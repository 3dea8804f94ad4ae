//! What `/metrics` says: names that are hard to write, values that were counted, and the page that documents them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rotadns::admin::metrics::process::Process;
use rotadns::admin::metrics::{Format, World, render};
use rotadns::admin::model::Secondary;
use rotadns::config::model::Role;
use rotadns::config::read_zone;
use rotadns::counters::handed::Handed;
use rotadns::counters::zones::{Class, ZoneCounts};
use rotadns::counters::{AllCounters, Counter, Via};
use rotadns::engine::Snapshot;
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::plan::{Family, List};
use rotadns::engine::settings::{Database, Places, Settings};
use rotadns::engine::snapshot::{Chunks, View};
use rotadns::health::overrides::{Hand, Override, Overrides};
use rotadns::health::registry::Registry;
use rotadns::health::source::Source;
use rotadns::health::sources::{Hearing, Moment, Prober, Tally};
use rotadns::health::target::{Health, Report, Target};
use rotadns::health::told::Told;
use rotadns::name::Name;
use rotadns::state::publisher::Published;
use rotadns::state::what_if::{Facts, backends, snapshot_of};
use rotadns::zone::build::from_model;

const DOCUMENTED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md"));

/// A zone, a pool and backends whose names have all that a label must escape.
const ODD: &str = r#"
zone: 'a\"b\\c.example'
ns: [ns.example.net.]
checks: {c: {tcp: {port: 80}}}
pools:
  "we\"b\\ \nß": {check: c, backends: {"back\\end": [192.0.2.1, "2001:db8::1"], "q\"uote": 192.0.2.2}}
records:
  www: {pool: "we\"b\\ \nß"}
"#;

/// A pool that is seen in four ways and stands in another.
const FACES: &str = "
zone: example.com
ns: [ns.example.net.]
checks: {c: {tcp: {port: 5432}}}
pools:
  orders: {check: c, backends: {a: {address: 192.0.2.1, private: 10.0.0.1}, b: {address: 192.0.2.2, private: 10.0.0.2}, c: 192.0.2.3}}
  all: {backends: {north: {pool: orders}, south: 192.0.2.9}}
records:
  www: {pool: orders}
  rw: {pool: orders, role: primary}
  all: {pool: all}
";

struct Stage {
    snapshot: Snapshot,
    registry: Registry,
    overrides: Overrides,
    probers: Vec<Prober>,
    counters: AllCounters,
}

impl Stage {
    /// The zone of this text and a broken one, everything counted by one thread.
    fn new(text: &str) -> Self {
        let file = if text == ODD { r#"a\"b\\c.example.yaml"# } else { "example.com.yaml" };
        let (model, mistakes) = read_zone(Path::new(file), text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let (zone, _) = from_model(&model, 7, None).expect("it fits together");
        let registry = Registry::default();
        let check = zone.pools[0].check.clone().expect("it has a check");
        let target = |address: &str| Target {
            address: address.parse().expect(address),
            check: Arc::clone(&check),
        };
        registry.track(&[target("192.0.2.1"), target("192.0.2.2")].into(), |_| None);
        let lag = Some(Duration::from_millis(1500));
        let told = Told { role: Some(Role::Replica), lag, ..Told::default() };
        for (last, health, milliseconds) in [
            (1, Health::Up { failed: 0 }, 3),
            (1, Health::Up { failed: 0 }, 20),
            (1, Health::Down { passed: 0 }, 9000),
            // What is down has no role.
            (2, Health::Up { failed: 0 }, 1),
        ] {
            let report = Report {
                target: target(&format!("192.0.2.{last}")),
                source: Source::inside(),
                health,
                detail: Arc::from("connected"),
                told,
                took: Duration::from_millis(milliseconds),
                at: 1_000,
            };
            registry.report(&report, Moment::default());
        }
        let overrides = Overrides::default();
        let nothing = BTreeSet::new();
        let facts = Facts { registry: &registry, overrides: &overrides, down: &nothing };
        let broken = Name::parse_absolute("broken.example.").expect("a name");
        let zones = vec![(zone.origin.clone(), Some(Arc::new(zone))), (broken, None)];
        let snapshot = snapshot_of(zones, &facts).expect("they are two");
        let set = |key| Override {
            key,
            hand: Hand::Drain,
            author: Arc::from("anna"),
            reason: None,
            since: 0,
            until: None,
        };
        let overrides = overrides
            .with(backends(&snapshot).into_iter().take(1).map(|key| Arc::new(set(key))), []);
        let beside = Source::beside("ams-1").expect("a name");
        let tally = Tally { targets: 2, missing: 1, unknown: 3, reports: 40, rejected: 5 };
        let probers = vec![
            Prober { source: beside, hearing: Hearing::Lost, heard: Some(1_500), tally },
            Prober {
                source: Source::inside(),
                hearing: Hearing::Awaited,
                heard: None,
                tally: Tally::default(),
            },
        ];
        let counters = AllCounters::with_threads(1);
        Self { snapshot: count(&snapshot), registry, overrides, probers, counters }
    }

    fn page(&self, format: Format) -> String {
        let (nothing, process) = (BTreeSet::new(), Process::now(5_250));
        let Self { snapshot, registry, overrides, probers, counters } = self;
        let world = World {
            snapshot,
            published: Published { generation: 12, at: 10_000 },
            facts: Facts { registry, overrides, down: &nothing },
            probers,
            secondaries: &[secondary()],
            counters,
            process: &process,
            now: 12_345,
        };
        render(&world, format)
    }
}

fn secondary() -> Secondary {
    Secondary {
        zone: r#"a\"b."#.to_owned(),
        primaries: Vec::new(),
        primary: None,
        serial: Some(7),
        refreshed: Timestamp::from_millisecond(9_000).ok(),
        expires: Timestamp::from_millisecond(99_500).ok(),
        is_expired: false,
        failure: None,
        transferred_whole: 1,
        transferred_differences: 2,
        failed: 3,
        notified: 4,
    }
}

/// The same snapshot, its queries and answers counted.
fn count(snapshot: &Snapshot) -> Snapshot {
    let views = snapshot.zones().map(|view| match view {
        View::Served { zone, ready } => {
            let handed = Arc::new(Handed::new(1));
            let ready = ready.iter().enumerate().map(|(place, ready)| {
                if place > 0 {
                    return Arc::clone(ready);
                }
                // What a version of a pool hands out is made once, so it is made again to be counted.
                let again = Ready::new(
                    &zone.pools[0],
                    &zone.pools[0]
                        .endpoints()
                        .map(|(_, endpoint)| Standing {
                            in_service: ready.has(&endpoint),
                            ..Standing::UP
                        })
                        .collect::<Vec<_>>(),
                    &Memory::default(),
                    None,
                );
                Arc::new(again.counting(&handed))
            });
            View::Served { zone: Arc::clone(zone), ready: Chunks::new(ready) }
        }
        View::Broken(origin) | View::Expired(origin) => View::Broken(origin.clone()),
    });
    let counts = [ZoneCounts::new(1), ZoneCounts::new(1)].map(Arc::new);
    let snapshot = Snapshot::new(views.collect()).expect("they are two").counting(counts);
    let database = Database {
        file: "city.mmdb".to_owned(),
        kind: "Test-City".to_owned(),
        built: Some(1_700_000_000),
        trouble: None,
    };
    let places = Places { databases: vec![database], ..Places::default() };
    snapshot.with_settings(Arc::new(Settings { places, ..Settings::default() }))
}

/// What promtool says of a page; `None` where there is none.
fn promtool(page: &str) -> Option<(bool, String)> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = promtool.stdin.take().expect("it is a pipe");
    input.write_all(page.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// The samples of a page, by name and labels.
fn samples(page: &str) -> BTreeMap<&str, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let sample =
        |line: &'_ str| line.rsplit_once(' ').map(|(name, value)| (name.len(), value.parse()));
    let mut found = BTreeMap::new();
    for line in lines {
        let Some((end, Ok(value))) = sample(line) else { panic!("no sample: {line}") };
        assert_eq!(found.insert(&line[..end], value), None, "twice: {line}");
    }
    found
}

#[test]
fn promtool_finds_nothing_to_mend() {
    let stage = Stage::new(ODD);
    let page = stage.page(Format::Prometheus);
    let Some((fine, said)) = promtool(&page) else {
        eprintln!("NOT CHECKED: there is no promtool here (Debian package prometheus)");
        return;
    };
    assert!(fine && said.trim().is_empty(), "{said}\n{page}");
}

#[test]
fn values_are_what_was_counted() {
    let stage = Stage::new(ODD);
    let thread = stage.counters.thread();
    thread.add(Counter::UdpQueries, 9);
    thread.add(Counter::UdpShort, 2);
    for _ in 0..3 {
        thread.query(Via::Udp, 28);
        thread.answer(Via::Tcp, 3);
        stage.snapshot.counts(0).expect("it is counted").add(0, Class::NoData);
        stage.snapshot.counts(1).expect("it is counted").add(0, Class::ServFail);
    }
    let View::Served { ready, .. } = stage.snapshot.zone(0).expect("it is there") else { panic!() };
    for draw in 0..4 {
        ready.get(0).expect("there is a pool").count(0, List::Addresses(Family::V6), draw);
    }
    let page = stage.page(Format::Prometheus);
    let samples = samples(&page);
    let odd = r#"zone="a\\\"b\\\\c.example",pool="we\"b\\ \nß""#;
    let own = |backend: &str, address: &str| {
        format!("{{{odd},backend=\"{backend}\",address=\"{address}\"")
    };
    let first = own(r"back\\end", "192.0.2.1");
    let first_v6 = own(r"back\\end", "2001:db8::1");
    let second = own("q\\\"uote", "192.0.2.2");
    for (sample, expected) in [
        (r#"rotadns_messages_received_total{transport="udp"}"#.to_owned(), 9.0),
        (r#"rotadns_messages_dropped_total{transport="udp",reason="short"}"#.to_owned(), 2.0),
        (r#"rotadns_queries_total{transport="udp",type="AAAA"}"#.to_owned(), 3.0),
        (r#"rotadns_queries_total{transport="quic",type="other"}"#.to_owned(), 0.0),
        (r#"rotadns_answers_total{transport="tcp",rcode="nxdomain"}"#.to_owned(), 3.0),
        (
            r#"rotadns_zone_queries_total{zone="a\\\"b\\\\c.example",class="nodata"}"#.to_owned(),
            3.0,
        ),
        (r#"rotadns_zone_queries_total{zone="broken.example",class="servfail"}"#.to_owned(), 3.0),
        (r#"rotadns_zone_up{zone="broken.example"}"#.to_owned(), 0.0),
        (r#"rotadns_zone_serial{zone="a\\\"b\\\\c.example"}"#.to_owned(), 7.0),
        (format!("rotadns_pool_source{{{odd},source=\"in_service\"}}"), 1.0),
        (format!("rotadns_backend_answers_total{first_v6}}}"), 4.0),
        (format!("rotadns_backend_answers_total{first}}}"), 0.0),
        (format!("rotadns_backend_due_ratio{first_v6}}}"), 1.0),
        (format!("rotadns_backend_due_ratio{second}}}"), 1.0),
        (format!("rotadns_backend_due_ratio{first}}}"), 0.0),
        (format!("rotadns_backend_in_service{first}}}"), 0.0),
        (format!("rotadns_backend_in_answers{second}}}"), 1.0),
        (format!("rotadns_check_duration_seconds_bucket{first},le=\"0.0025\"}}"), 0.0),
        (format!("rotadns_check_duration_seconds_bucket{first},le=\"0.005\"}}"), 1.0),
        (format!("rotadns_check_duration_seconds_bucket{first},le=\"5.0\"}}"), 2.0),
        (format!("rotadns_check_duration_seconds_bucket{first},le=\"+Inf\"}}"), 3.0),
        (format!("rotadns_check_duration_seconds_count{first}}}"), 3.0),
        (format!("rotadns_check_duration_seconds_sum{first}}}"), 9.023),
        (r#"rotadns_secondary_refreshed_timestamp_seconds{zone="a\\\"b"}"#.to_owned(), 9.0),
        (r#"rotadns_secondary_expires_timestamp_seconds{zone="a\\\"b"}"#.to_owned(), 99.5),
        (r#"rotadns_secondary_transfers_total{zone="a\\\"b",form="ixfr"}"#.to_owned(), 2.0),
        (r#"rotadns_overrides{state="drain"}"#.to_owned(), 1.0),
        (r#"rotadns_prober_up{prober="ams-1"}"#.to_owned(), 0.0),
        (r#"rotadns_prober_heard_timestamp_seconds{prober="ams-1"}"#.to_owned(), 1.5),
        (r#"rotadns_prober_reports_rejected_total{prober="ams-1"}"#.to_owned(), 5.0),
        ("rotadns_snapshot_generation".to_owned(), 12.0),
        ("rotadns_snapshot_age_seconds".to_owned(), 2.345),
        ("rotadns_process_start_time_seconds".to_owned(), 5.25),
    ] {
        let found = samples.get(sample.as_str()).copied();
        let is_right = found.is_some_and(|found| (found - expected).abs() < 1e-9);
        assert!(is_right, "{sample} is {found:?}, not {expected}\n{page}");
    }
}

#[test]
fn a_backend_stands_once_for_each_address_however_its_pool_is_seen() {
    let page = Stage::new(FACES).page(Format::Prometheus);
    let samples = samples(&page);
    let of = |name: &str, pool: &str| -> Vec<String> {
        let begin = format!("rotadns_{name}{{zone=\"example.com\",pool=\"{pool}\",");
        let own = samples.keys().filter_map(|sample| sample.strip_prefix(&*begin));
        own.map(|labels| labels.trim_end_matches('}').replace('"', "")).collect()
    };
    let addresses = [
        "backend=a,address=10.0.0.1",
        "backend=a,address=192.0.2.1",
        "backend=b,address=10.0.0.2",
        "backend=b,address=192.0.2.2",
        "backend=c,address=192.0.2.3",
    ];
    assert_eq!(of("backend_in_service", "orders"), addresses);
    assert_eq!(of("backend_state", "orders").len(), addresses.len());
    // What is handed out is told for each face.
    let public = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let private = ["10.0.0.1", "10.0.0.2", "192.0.2.3"];
    let faced = |face: &str, addresses: [&str; 3]| {
        let named = ["a", "b", "c"].into_iter().zip(addresses);
        let face = if face.is_empty() { String::new() } else { format!("face={face},") };
        named
            .map(|(backend, address)| format!("{face}backend={backend},address={address}"))
            .collect::<Vec<_>>()
    };
    let mut expected = [
        faced("", public),
        faced("primary", public),
        faced("private", private),
        faced("primary, private", private),
    ]
    .concat();
    expected.sort();
    for name in ["backend_in_answers", "backend_answers_total", "backend_due_ratio"] {
        let mut found = of(name, "orders");
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
    // A pool within is a backend that stands as a whole, and hands out what its own do.
    assert_eq!(
        of("backend_in_service", "all"),
        ["backend=north", "backend=south,address=192.0.2.9"]
    );
    let north = "face=private,backend=north,address=10.0.0.2".to_owned();
    assert!(of("backend_answers_total", "all").contains(&north), "{page}");
    if let Some((fine, said)) = promtool(&page) {
        assert!(fine && said.trim().is_empty(), "{said}\n{page}");
    }
}

#[test]
fn openmetrics_has_the_same_samples_and_an_end() {
    let stage = Stage::new(ODD);
    let (plain, open) = (stage.page(Format::Prometheus), stage.page(Format::OpenMetrics));
    assert!(open.ends_with("\n# EOF\n"));
    let names = |page: &str| samples(page).keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&plain), names(&open));
    for family in ["# TYPE rotadns_queries counter", "# TYPE rotadns_build info"] {
        assert!(open.lines().any(|line| line == family), "{family}");
    }
}

#[test]
fn the_documentation_has_a_row_for_each_name_and_no_other() {
    let page = Stage::new(ODD).page(Format::Prometheus);
    let exported: BTreeSet<(&str, &str)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name, if name.ends_with("_info") { "info" } else { kind }))
        .collect();
    let documented: BTreeSet<(&str, &str)> = DOCUMENTED
        .lines()
        .filter_map(|line| line.strip_prefix("| `rotadns_"))
        .map(|row| {
            let (name, rest) = row.split_once("` | ").expect("a name, then a kind");
            (name, rest.split(" |").next().unwrap_or_default())
        })
        .collect();
    let exported: BTreeSet<_> = exported
        .into_iter()
        .map(|(name, kind)| (name.trim_start_matches("rotadns_"), kind))
        .collect();
    assert_eq!(exported, documented);
}

#[test]
fn labels_in_the_documentation_are_those_of_the_samples() {
    let stage = Stage::new(ODD);
    let page = stage.page(Format::Prometheus);
    for row in DOCUMENTED.lines().filter(|line| line.starts_with("| `rotadns_")) {
        let cells: Vec<&str> = row.trim_matches('|').splitn(4, " | ").map(str::trim).collect();
        let name = cells[0].trim_matches('`');
        let documented: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        let suffix = if cells[1] == "histogram" { "_count" } else { "" };
        let sample = page.lines().find_map(|line| {
            let rest = line.strip_prefix(name)?.strip_prefix(suffix)?;
            rest.starts_with(['{', ' ']).then_some(rest)
        });
        let sample = sample.unwrap_or_else(|| panic!("{name} has no sample"));
        for label in &documented {
            assert!(sample.contains(&format!("{label}=\"")), "{name}: no {label} in {sample}");
        }
        assert_eq!(sample.matches("=\"").count(), documented.len(), "{name}: {sample}");
    }
}

/// Ten thousand pools of two backends: the page is as large as what it tells of, and no larger.
#[test]
fn ten_thousand_pools_are_a_page() {
    let mut zone =
        "zone: example\nns: [ns.example.net.]\nchecks: {c: {tcp: {port: 80}}}\npools:\n".to_owned();
    for pool in 0..10_000 {
        let [a, b] =
            [pool * 2, pool * 2 + 1].map(|n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
        writeln!(zone, "  p{pool}: {{check: c, backends: {{a: {a}, b: {b}}}}}")
            .expect("a text takes it");
    }
    zone += "records:\n  www: {pool: p0}\n";
    let (model, mistakes) = read_zone(Path::new("example.yaml"), &zone);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (zone, _) = from_model(&model, 7, None).expect("it fits together");
    let targets = zone.pools.iter().flat_map(|pool| {
        pool.backends.iter().flat_map(|backend| {
            let check = pool.check.clone().expect("each has one");
            backend.probed().map(move |address| Target { address, check: Arc::clone(&check) })
        })
    });
    let registry = Registry::default();
    registry.track(&targets.collect(), |_| None);
    let (overrides, nothing) = (Overrides::default(), BTreeSet::new());
    let facts = Facts { registry: &registry, overrides: &overrides, down: &nothing };
    let origin = zone.origin.clone();
    let snapshot = snapshot_of(vec![(origin, Some(Arc::new(zone)))], &facts).expect("it is one");
    let stage = Stage {
        snapshot,
        registry,
        overrides,
        probers: Vec::new(),
        counters: AllCounters::default(),
    };
    let page = stage.page(Format::Prometheus);
    // A backend has 6 samples and a histogram of 15, a pool 2.
    let of_pools = page.lines().filter(|line| line.contains("pool=\"p")).count();
    assert_eq!(of_pools, 10_000 * (2 + 2 * 21));
    assert!(page.len() < 10_000 * 5_000, "{} bytes", page.len());
}
