//! What answers do when parts of the world are cut off: seen in a network of namespaces, and compared with docs/failures.md.
//!
//! `ROTADNS_BLESS=1` writes the table anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::waiting::{alone, until};
use world::World;

mod world;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failures.md");
const PATIENCE: Duration = Duration::from_secs(60);

/// The servers: their names, the columns of the table, and what is set.
const SERVERS: [(&str, &str, &str); 6] = [
    ("any", "`quorum: any`, hold", "quorum: any, takeover: never"),
    ("majority", "`majority`, hold", "quorum: majority, takeover: never"),
    ("all", "`all`, hold", "quorum: all, takeover: never"),
    ("takeover", "`majority`, hold, `takeover`", "quorum: majority, takeover: 2s"),
    ("probe", "`majority`, `probe`", "quorum: majority, on_prober_loss: probe"),
    ("open", "`majority`, `open`", "quorum: majority, on_prober_loss: open"),
];
const BACKENDS: [&str; 3] = ["web-1", "web-2", "web-3"];
const PROBERS: [&str; 2] = ["probe-1", "probe-2"];

const LEASE: Duration = Duration::from_secs(2);
const TAKEOVER: Duration = Duration::from_secs(2);
/// `interval` with its jitter + `timeout` + a second `timeout`, as `fall` is 2.
const DETECTION: Duration = Duration::from_millis(550 + 300 + 300);
/// What a machine that is busy with other tests may add.
const SLACK: Duration = Duration::from_millis(1500);
const CHECK: &str =
    "{tcp: {port: 8080}, interval: 500ms, fast_interval: 200ms, timeout: 300ms, rise: 2, fall: 2}";

/// How soon the answers are what they will be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// They do not change.
    Nothing,
    Detection,
    Lease,
    LeaseAndDetection,
    LeaseTakeoverAndDetection,
}

use Within::{Detection, Lease, LeaseAndDetection, LeaseTakeoverAndDetection, Nothing};

impl Within {
    fn time(self) -> Duration {
        match self {
            Nothing => Duration::ZERO,
            Detection => DETECTION,
            Lease => LEASE,
            LeaseAndDetection => LEASE + DETECTION,
            LeaseTakeoverAndDetection => LEASE + TAKEOVER + DETECTION,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Nothing => "",
            Detection => ", within detection",
            Lease => ", within `lease`",
            LeaseAndDetection => ", within `lease` + detection",
            LeaseTakeoverAndDetection => ", within `lease` + `takeover` + detection",
        }
    }
}

/// Something that breaks.
struct Failure {
    what: &'static str,
    /// What is broken already, and settled.
    before: fn(&mut World),
    breaks: fn(&mut World),
    mends: fn(&mut World),
    /// How soon the answers of each server are what they will be, in the order of `SERVERS`.
    within: [Within; 6],
}

const FAILURES: [Failure; 10] = [
    Failure {
        what: "A backend is lost",
        before: |_| {},
        breaks: |world| world.network.plug("web-1", false),
        mends: |world| world.network.plug("web-1", true),
        within: [Detection; 6],
    },
    Failure {
        what: "One prober is lost",
        before: |_| {},
        breaks: |world| world.kill("probe-1"),
        mends: |world| world.start("probe-1"),
        within: [Nothing; 6],
    },
    Failure {
        what: "One prober was lost before, and a backend is lost",
        before: |world| {
            world.kill("probe-1");
            world.wait_until_lost("probe-1");
        },
        breaks: |world| world.network.plug("web-1", false),
        mends: |world| {
            world.network.plug("web-1", true);
            world.start("probe-1");
        },
        within: [Detection; 6],
    },
    Failure {
        what: "One prober is lost, and a backend with it",
        before: |_| {},
        breaks: |world| {
            world.kill("probe-1");
            world.network.plug("web-1", false);
        },
        mends: |world| {
            world.network.plug("web-1", true);
            world.start("probe-1");
        },
        within: [Lease, Lease, Detection, Lease, Lease, Lease],
    },
    Failure {
        what: "One prober is cut off from every server",
        before: |_| {},
        breaks: |world| world.each_server(|network, server| network.cut("probe-1", server)),
        mends: |world| world.each_server(|network, server| network.heal("probe-1", server)),
        within: [Nothing; 6],
    },
    Failure {
        what: "One prober is cut off from every backend",
        before: |_| {},
        breaks: |world| world.each_backend(|network, backend| network.cut("probe-1", backend)),
        mends: |world| world.each_backend(|network, backend| network.heal("probe-1", backend)),
        within: [Nothing, Nothing, Detection, Nothing, Nothing, Nothing],
    },
    Failure {
        what: "One backend can be reached by one of two probers alone",
        before: |_| {},
        breaks: |world| world.network.cut("probe-1", "web-1"),
        mends: |world| world.network.heal("probe-1", "web-1"),
        within: [Nothing, Nothing, Detection, Nothing, Nothing, Nothing],
    },
    Failure {
        what: "The probers are cut off from each other",
        before: |_| {},
        breaks: |world| world.network.cut("probe-1", "probe-2"),
        mends: |world| world.network.heal("probe-1", "probe-2"),
        within: [Nothing; 6],
    },
    Failure {
        what: "Both probers are lost, and a backend with them",
        before: |_| {},
        breaks: |world| {
            world.kill_probers();
            world.network.plug("web-1", false);
        },
        mends: |world| {
            world.network.plug("web-1", true);
            world.start_probers();
        },
        within: [Nothing, Nothing, Nothing, LeaseTakeoverAndDetection, LeaseAndDetection, Nothing],
    },
    Failure {
        what: "A backend was lost before, and both probers are lost",
        before: |world| {
            world.network.plug("web-1", false);
            world.wait_for_all(&["2", "3"]);
        },
        breaks: |world| world.kill_probers(),
        mends: |world| {
            world.network.plug("web-1", true);
            world.start_probers();
        },
        within: [Nothing, Nothing, Nothing, Nothing, Nothing, Lease],
    },
];

const HEAD: &str = "\
# What answers do when something fails

This page is made by a test (`tests/integration/failures/`), which breaks these things in a network of namespaces and compares
what it sees with this table. Three backends, `1`, `2` and `3`, are probed by two probers beside the servers, `rotadns probe`; each
column is a server with other settings. A cell has the backends that it hands out once everything has come to rest, and how soon that
is; without a time, nothing changes.

Detection is the time in which a prober finds a backend down: `interval` (10 % more by chance), `timeout`, and `fall` - 1 times the
greater of `fast_interval` and `timeout`. Caches hold an answer for the TTL besides, which is shorter while a backend changes side.

";

const FOOT: &str = "
What the table shows:

- A prober that is lost, or that cannot reach a server, takes no answer with it, and its silence is told: in the log, in `rotadns
  status`, as a metric. Until its lease is over its last word still counts, so that a backend that is lost with it is noticed when the
  lease is over, or after detection if that is longer.
- A backend that one of two probers reaches is in service by `any` and by `majority`, as half of the places can reach it; by `all` it is
  not. A prober that reaches nothing takes everything out by `all`: what is handed out then is a guess, every address.
- Without probers, `hold` hands out what was known, for good or until `takeover`; `probe` has the server look itself; `open` forgets what
  was known to be down.
- Probers do not talk to each other, and servers do not either: what is cut between them changes nothing.
- A server that is lost takes its own answers with it and no others'. When it is back, each prober tells it everything within 2 seconds.
";

#[test]
fn answers_do_what_the_table_says() {
    let _alone = alone();
    let Some(mut world) = World::try_new() else { return };
    for name in BACKENDS.into_iter().chain(SERVERS.map(|(name, ..)| name)).chain(PROBERS) {
        world.start(name);
    }
    for (name, ..) in SERVERS {
        world.wait_until_it_serves(name);
    }
    let mut table = format!(
        "{HEAD}| what fails |{}\n|---|",
        SERVERS.map(|(_, column, _)| format!(" {column} |")).concat()
    );
    table += &"---|".repeat(SERVERS.len());
    table.push('\n');
    for Failure { what, before, breaks, mends, within } in &FAILURES {
        world.wait_until_well();
        before(&mut world);
        breaks(&mut world);
        let seen = world.watch(within);
        let _ = write!(table, "| {what} |");
        for (((server, ..), within), (answer, at)) in SERVERS.iter().zip(within).zip(seen) {
            let said = world.guess(server);
            assert!(
                at <= within.time() + if *within == Nothing { Duration::ZERO } else { SLACK },
                "{what}: {server} answers with {answer:?} only after {at:?}"
            );
            let _ = write!(table, " {}{said}{} |", answer.join(" "), within.words());
        }
        table.push('\n');
        mends(&mut world);
    }
    world.wait_until_well();

    // A server that is lost, while something else changes.
    world.kill("any");
    world.network.plug("web-1", false);
    let others = |world: &mut World| {
        let mut clients = world.clients.split_off(1);
        std::mem::swap(&mut world.clients, &mut clients);
        let answers = world.answers();
        std::mem::swap(&mut world.clients, &mut clients);
        world.clients.extend(clients);
        answers
    };
    until("the others answer without it", PATIENCE, || {
        others(&mut world).iter().all(|answer| *answer == ["2", "3"]).then_some(())
    });
    // The one that it has left is nobody's.
    fs::remove_file(world.file("any.sock")).expect("it was killed, and could not do it");
    world.start("any");
    world.wait_until_it_serves("any");
    for prober in PROBERS {
        until(&format!("{prober} has told it everything"), Duration::from_secs(2) + SLACK, || {
            world.is_prober("any", prober, "live").then_some(())
        });
    }
    world.network.plug("web-1", true);
    world.wait_until_well();
    table += FOOT;

    if std::env::var_os("ROTADNS_BLESS").is_some() {
        fs::write(TABLE, &table).expect("docs/ can be written");
    }
    let written = fs::read_to_string(Path::new(TABLE)).unwrap_or_default();
    assert!(
        written == table,
        "docs/failures.md is not what was seen; ROTADNS_BLESS=1 writes it:\n{table}"
    );
}
