//! PostgreSQL, a primary and two streaming replicas.

use std::time::Duration;

use rotadns::config::model::Role;

use super::*;

pub(super) struct Cluster {
    pub(super) machines: Machines,
    bin: PathBuf,
}

impl Cluster {
    /// A primary at the first address, replicas at the others, and a user for the checks.
    pub(super) fn start(network: [u8; 3], count: u8) -> Self {
        let machines = Machines::new(network, count, Some("postgres"));
        let mut cluster = Self { machines, bin: bin() };
        let owner = cluster.machines.path("owner");
        fs::write(&owner, "not-used").expect("a file");
        let mut initdb = cluster.machines.command(&cluster.bin.join("initdb"));
        initdb.args(["-D", "0", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C"]).args([
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--pwfile",
            "owner",
        ]);
        run(&mut initdb);
        cluster.serve(0);
        cluster.sql(0, &format!("CREATE ROLE rota LOGIN PASSWORD '{PASSWORD}'"));
        for place in 1..usize::from(count) {
            let mut backup = cluster.machines.command(&cluster.bin.join("pg_basebackup"));
            backup
                .args(["-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"])
                .args(["-p", &cluster.machines.port.to_string()])
                .args(["-h", &cluster.socket(0), "-D", &place.to_string()]);
            run(&mut backup);
            cluster.serve(place);
        }
        cluster
    }

    pub(super) fn socket(&self, place: usize) -> String {
        self.machines.path(&format!("s{place}")).display().to_string()
    }

    /// Starts one over the data that it has.
    fn serve(&mut self, place: usize) {
        let socket = self.socket(place);
        let mut folder = self.machines.command(Path::new("/bin/mkdir"));
        run(folder.args(["-p", &socket]));
        let mut server = self.machines.command(&self.bin.join("postgres"));
        server.args([
            "-D",
            &place.to_string(),
            "-p",
            &self.machines.port.to_string(),
            "-k",
            &socket,
        ]);
        for setting in [
            &format!("listen_addresses={}", self.machines.address(place)),
            "fsync=off",
            "wal_retrieve_retry_interval=100ms",
            "log_connections=on",
            "log_min_messages=info",
        ] {
            server.args(["-c", setting]);
        }
        self.machines.start(place, &mut server);
        until_or("PostgreSQL is there", || {
            let output = self.psql(place, "SELECT 1").output().expect("psql");
            if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
        });
    }

    fn psql(&self, place: usize, sql: &str) -> Command {
        let mut psql = self.machines.command(&self.bin.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-U", "postgres", "-d", "postgres", "-c", sql]).args([
            "-h",
            &self.socket(place),
            "-p",
            &self.machines.port.to_string(),
        ]);
        psql
    }

    pub(super) fn sql(&self, place: usize, sql: &str) -> String {
        run(&mut self.psql(place, sql))
    }

    /// Sets something for the whole server.
    pub(super) fn set(&self, place: usize, setting: &str) {
        self.sql(place, &format!("ALTER SYSTEM {setting}"));
        self.sql(place, "SELECT pg_reload_conf()");
    }
}

/// Where Debian has the commands of its newest PostgreSQL.
fn bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let bins = versions.map(|version| version.path().join("bin"));
    bins.filter(|bin| bin.join("initdb").is_file())
        .max()
        .unwrap_or_else(|| panic!("no initdb here: install the Debian package postgresql"))
}

#[test]
fn postgres_tells_its_role_and_lag_through_a_promotion() {
    let mut cluster = Cluster::start([127, 5, 1], 3);
    let port = cluster.machines.port;
    let login = format!("port: {port}, user: rota, password_file: password");
    fs::write(cluster.machines.path("password"), PASSWORD).expect("a file");
    let probes = cluster.machines.probes(&format!("postgres: {{{login}}}"));

    assert_eq!(probes.says(0), "+ primary");
    for replica in [1, 2] {
        probes.until_says(replica, "+ replica, up to date");
    }

    // One that does not replay falls behind, and the other does not.
    cluster.sql(0, "CREATE TABLE t (n int)");
    until_or("the table is there", || {
        let output = cluster.psql(2, "SELECT * FROM t").output().expect("psql");
        if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
    });
    cluster.sql(2, "SELECT pg_wal_replay_pause()");
    cluster.sql(0, "INSERT INTO t VALUES (1)");
    let lag = probes.until_lag(2, "that is behind", |lag| lag > Duration::ZERO);
    probes.until_lag(2, "that falls behind", |later| later > lag + Duration::from_millis(200));
    probes.until_says(1, "+ replica, up to date");
    cluster.sql(2, "SELECT pg_wal_replay_resume()");
    probes.until_says(2, "+ replica, up to date");

    // A probe that passes takes its leave.
    let log = fs::read_to_string(cluster.machines.log(0)).expect("a log");
    assert!(!log.contains("could not receive data from client"), "{log}");

    // A login that fails says why, and never with what.
    fs::write(cluster.machines.path("wrong"), "wrong-word").expect("a file");
    let wrong = login.replace("password_file: password", "password_file: wrong");
    let wrong = cluster.machines.probes(&format!("postgres: {{{wrong}}}"));
    assert_eq!(wrong.says(0), "- authentication failed for rota");
    let none = cluster.machines.probes(&format!("postgres: {{port: {port}, user: rota}}"));
    assert_eq!(none.says(0), "- it asks for a password, and the check has none");
    // The file is read for each probe.
    fs::write(cluster.machines.path("wrong"), PASSWORD).expect("a file");
    assert_eq!(wrong.says(0), "+ primary");
    let other = cluster.machines.probes(&format!("postgres: {{{login}, database: orders}}"));
    assert_eq!(other.says(0), "- database \"orders\" does not exist");

    for (query, expected) in [
        ("SELECT count(*) FROM pg_class", "+ primary"),
        ("SELECT false", "- the query says false"),
        ("SELECT NULL", "- the query says NULL"),
        ("SELECT 1 WHERE false", "- the query has no row"),
        ("SELECT nothing", "- the query failed: column \"nothing\" does not exist"),
    ] {
        let probes = cluster.machines.probes(&format!("postgres: {{{login}, query: '{query}'}}"));
        assert_eq!(probes.says(0), expected, "{query}");
    }

    // Fenced for all it is no primary; what is set for the check's own user is nobody else's matter.
    cluster.sql(0, "ALTER ROLE rota SET default_transaction_read_only = on");
    assert_eq!(probes.says(0), "+ primary");
    cluster.sql(0, "ALTER ROLE rota RESET ALL");
    cluster.set(0, "SET default_transaction_read_only = on");
    probes.until_says(0, "+ takes no writes, and follows no primary");
    assert_eq!(probes.probe(0).told.role, Some(Role::Replica));
    cluster.set(0, "RESET default_transaction_read_only");
    probes.until_says(0, "+ primary");

    // Without its primary a replica knows less by the second.
    cluster.machines.stop(0, Signal::INT);
    assert_eq!(probes.says(0), "- connection refused");
    let lag = probes.until_lag(1, "that lost its primary", |lag| lag > Duration::ZERO);
    probes.until_lag(1, "that falls behind", |later| later > lag);

    cluster.sql(1, "SELECT pg_promote()");
    assert_eq!(probes.says(1), "+ primary");
    let source = format!("host={} port={port} user=postgres", cluster.socket(1));
    cluster.set(2, &format!("SET primary_conninfo = '{source}'"));
    cluster.sql(1, "INSERT INTO t VALUES (1)");
    probes.until_says(2, "+ replica, up to date");
    cluster.machines.assert_no_password();
}

#[test]
fn postgres_is_asked_through_tls() {
    let cluster = Cluster::start([127, 5, 2], 1);
    let port = cluster.machines.port;
    fs::write(cluster.machines.path("password"), PASSWORD).expect("a file");
    let probes = |tls: &str| {
        let login = format!("port: {port}, user: rota, password_file: password, tls: {tls}");
        cluster.machines.probes(&format!("postgres: {{{login}}}"))
    };
    assert_eq!(probes("{verify: false}").says(0), "- it does not speak TLS");

    let made =
        rcgen::generate_simple_self_signed([cluster.machines.address(0), "db.example".into()]);
    let made = made.expect("a certificate");
    let data = cluster.machines.path("0");
    for (name, text) in
        [("server.crt", made.cert.pem()), ("server.key", made.signing_key.serialize_pem())]
    {
        let path = data.join(name);
        // A file that is there keeps its owner and its mode.
        run(cluster
            .machines
            .command(Path::new("/usr/bin/install"))
            .args(["-m", "600", "/dev/null"])
            .arg(&path));
        fs::write(&path, text).expect("a file of theirs");
    }
    fs::write(cluster.machines.path("ca.pem"), made.cert.pem()).expect("a file");
    cluster.set(0, "SET ssl = on");
    probes("{ca: ca.pem}").until_says(0, "+ primary");
    assert_eq!(probes("{ca: ca.pem, sni: db.example}").says(0), "+ primary");
    assert_eq!(probes("{verify: false}").says(0), "+ primary");
    let other = probes("{ca: ca.pem, sni: other.example}").says(0);
    assert!(other.starts_with("- certificate: not for other.example, but for "), "{other}");
    assert_eq!(probes("true").says(0), "- certificate: the issuer is not trusted");
}
