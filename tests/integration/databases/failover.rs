//! Names for writes and for reads, over databases that change their roles.

use hickory_proto::rr::RecordType;

use super::mariadb::Pair as MariaDb;
use super::postgres::Cluster;
use super::redis::Pair as Redis;
use super::*;
use crate::asking::{Question, Way};
use crate::beside::{self, Probe};
use crate::http::Http;
use crate::servers::{Server, ZoneFile};

/// `rw` and `ro` of these machines.
fn zone(machines: &Machines, check: &str, max_lag: &str) -> String {
    let backends = machines.addresses.iter().enumerate();
    let backends: Vec<_> = backends.map(|(place, ip)| format!("db-{}: {ip}", place + 1)).collect();
    format!(
        "zone: beside.example\nns: [ns1]\n\
         checks: {{db: {{{check}, interval: 1s, fast_interval: 500ms, timeout: 1s, rise: 1, fall: 2}}}}\n\
         pools: {{db: {{check: db, ttl: 5s, max_lag: {max_lag}, backends: {{{}}}}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, rw: {{pool: db, role: primary}}, ro: {{pool: db, role: replica}}}}\n",
        backends.join(", ")
    )
}

/// What the config file must say so that the password is read.
fn allowed(password: &Path) -> String {
    format!("prober: {{secrets: {{files: {}}}}}\n", password.display())
}

fn serve(zone: &str, password: &Path) -> Server {
    let zones = [ZoneFile { name: "beside.example.yaml", text: zone }];
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &allowed(password), &zones)
}

/// The last bytes of the addresses that a name has, in order.
fn answers(server: &Server, name: &str) -> Vec<String> {
    let question = Question::new(&format!("{name}.beside.example."), RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    let last = |record: &String| record.rsplit('.').next().unwrap_or_default().to_owned();
    let mut last: Vec<String> = answer.answers.iter().map(last).collect();
    last.sort_unstable();
    last
}

fn until_answers(server: &Server, rw: &[&str], ro: &[&str]) {
    until_or(&format!("rw has {rw:?} and ro {ro:?}"), || {
        let found = (answers(server, "rw"), answers(server, "ro"));
        if found.0 == rw && found.1 == ro {
            Ok(())
        } else {
            Err(format!("{found:?}\n{}", server.said()))
        }
    });
}

/// Neither the log nor the API has the password, nor what is kept.
fn assert_no_password(server: &Server) {
    let api = Http::unix(server.file("admin.sock"));
    for path in ["/v1/checks", "/v1/pools", "/v1/status", "/v1/backends", "/metrics"] {
        if let Some(answer) = api.try_get(path) {
            assert!(!answer.body.contains(PASSWORD), "{path}");
        }
    }
    let question = "/v1/explain?name=rw.beside.example.&type=A";
    assert!(!api.get(question).body.contains(PASSWORD));
    assert!(!server.said().contains(PASSWORD), "{}", server.said());
    for file in fs::read_dir(server.file("state")).expect("its state").flatten() {
        let kept = fs::read(file.path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&kept).contains(PASSWORD), "{}", file.path().display());
    }
}

#[test]
fn names_follow_postgres_through_a_promotion() {
    let mut cluster = Cluster::start([127, 5, 6], 3);
    let (password, port) = (cluster.machines.path("password"), cluster.machines.port);
    fs::write(&password, PASSWORD).expect("a file");
    let check =
        format!("postgres: {{port: {port}, user: rota, password_file: {}}}", password.display());
    let server = serve(&zone(&cluster.machines, &check, "3s"), &password);
    until_answers(&server, &["1"], &["2", "3"]);

    // Without its primary one replica is promoted. The other has lost whom it follows, and is left out when it is too far behind.
    cluster.machines.stop(0, Signal::INT);
    cluster.sql(1, "SELECT pg_promote()");
    let probes = |cluster: &Cluster| {
        let log = fs::read_to_string(cluster.machines.log(1)).expect("a log");
        log.lines().filter(|line| line.contains("connection authorized: user=rota")).count()
    };
    let before = probes(&cluster);
    until_or("rw is the new primary", || {
        let found = answers(&server, "rw");
        if found == ["2"] { Ok(()) } else { Err(format!("{found:?}\n{}", server.said())) }
    });
    assert!(probes(&cluster) <= before + 1, "it was in the answers one probe after it happened");
    // The primary stands in.
    until_answers(&server, &["2"], &["2"]);

    let source = format!("host={} port={port} user=postgres", cluster.socket(1));
    cluster.set(2, &format!("SET primary_conninfo = '{source}'"));
    cluster.sql(1, "CREATE TABLE later (n int)");
    until_answers(&server, &["2"], &["3"]);
    assert_no_password(&server);
}

#[test]
fn names_follow_redis_through_a_failover_that_a_prober_beside_sees() {
    let mut pair = Redis::start([127, 5, 7]);
    let password = pair.0.path("password");
    fs::write(&password, PASSWORD).expect("a file");
    let port = pair.0.port;
    let check = format!("redis: {{port: {port}, password_file: {}}}", password.display());
    let zone = zone(&pair.0, &check, "15s");
    let (server, admin) = beside::serve(&zone, "");
    let probe = Probe::start_with("a", &zone, &[admin], &allowed(&password));
    until_answers(&server, &["1"], &["2"]);

    pair.0.stop(0, Signal::TERM);
    pair.tell(1, &["REPLICAOF", "NO", "ONE"]);
    until_answers(&server, &["2"], &["2"]);
    let primary = pair.0.address(1);
    pair.serve(0, &["--replicaof", &primary, &port.to_string()]);
    until_answers(&server, &["2"], &["1"]);
    assert_no_password(&server);
    assert!(!probe.said().contains(PASSWORD));
}

#[test]
fn names_follow_mariadb_through_a_failover() {
    let mut pair = MariaDb::start([127, 5, 8]);
    pair.follow(1, 0);
    let password = pair.0.path("password");
    fs::write(&password, PASSWORD).expect("a file");
    let port = pair.0.port;
    let check =
        format!("mysql: {{port: {port}, user: rota, password_file: {}}}", password.display());
    let server = serve(&zone(&pair.0, &check, "5s"), &password);
    until_answers(&server, &["1"], &["2"]);

    pair.0.stop(0, Signal::TERM);
    pair.sql(1, "STOP SLAVE; SET GLOBAL read_only = off");
    until_answers(&server, &["2"], &["2"]);
    assert_no_password(&server);
}
