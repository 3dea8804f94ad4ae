//! MariaDB, a primary and a replica.

use std::time::Duration;

use super::*;

pub(super) struct Pair(pub(super) Machines);

impl Pair {
    /// A primary, a replica that takes no writes, and a user for the checks on both.
    pub(super) fn start(network: [u8; 3]) -> Self {
        let mut pair = Self(Machines::new(network, 2, Some("mysql")));
        let mut install = pair.0.command(&installed("mariadb-install-db", "mariadb-server"));
        install
            .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve", "--cross-bootstrap"])
            .args(["--auth-root-authentication-method=normal"])
            .arg(format!("--datadir={}", pair.0.path("0").display()));
        run(&mut install);
        run(pair.0.command(Path::new("/bin/cp")).args(["-a", "0", "1"]));
        for place in [0, 1] {
            pair.serve(place);
            pair.sql(place, &format!("CREATE USER rota IDENTIFIED BY '{PASSWORD}'"));
            pair.sql(place, "GRANT SLAVE MONITOR ON *.* TO rota");
            pair.sql(place, "RESET MASTER");
        }
        pair.sql(0, "CREATE USER follower IDENTIFIED BY 'x'");
        pair.sql(0, "GRANT REPLICATION SLAVE ON *.* TO follower");
        pair.sql(1, "SET GLOBAL read_only = on");
        pair
    }

    pub(super) fn follow(&self, place: usize, primary: usize) {
        let (host, port) = (self.0.address(primary), self.0.port);
        self.sql(
            place,
            &format!(
                "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='follower', \
                 MASTER_PASSWORD='x', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
            ),
        );
    }

    fn serve(&mut self, place: usize) {
        let at = |name: &str| self.0.path(name).display().to_string();
        let mut server = self.0.command(&installed("mariadbd", "mariadb-server"));
        server
            .arg("--no-defaults")
            .arg(format!("--datadir={}", at(&place.to_string())))
            .arg(format!("--socket={}", at(&format!("{place}.sock"))))
            .arg(format!("--pid-file={}", at(&format!("{place}.pid"))))
            .arg(format!("--bind-address={}", self.0.address(place)))
            .arg(format!("--port={}", self.0.port))
            .arg(format!("--server-id={}", place + 1))
            .args(["--log-bin=log", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"])
            .args([
                "--innodb-buffer-pool-size=16M",
                "--innodb-log-file-size=8M",
                "--log-warnings=9",
            ]);
        self.0.start(place, &mut server);
        until_or("MariaDB is there", || {
            let output = self.client(place, "SELECT 1").output().expect("mariadb");
            if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
        });
    }

    fn client(&self, place: usize, sql: &str) -> Command {
        let mut client = self.0.command(&installed("mariadb", "mariadb-client"));
        let socket = self.0.path(&format!("{place}.sock"));
        client
            .args(["--no-defaults", "-u", "root", "-N", "-B", "-S"])
            .arg(socket)
            .args(["-e", sql]);
        client
    }

    pub(super) fn sql(&self, place: usize, sql: &str) -> String {
        run(&mut self.client(place, sql))
    }
}

#[test]
fn mariadb_tells_its_role_and_lag_through_a_failover() {
    let mut pair = Pair::start([127, 5, 4]);
    let port = pair.0.port;
    fs::write(pair.0.path("password"), PASSWORD).expect("a file");
    let probes =
        pair.0.probes(&format!("mysql: {{port: {port}, user: rota, password_file: password}}"));
    assert_eq!(probes.says(0), "+ primary");
    assert_eq!(probes.says(1), "+ takes no writes, and follows no primary");
    pair.follow(1, 0);
    probes.until_says(1, "+ replica, up to date");

    // A transaction that it has not applied is as old as it is.
    pair.sql(0, "CREATE DATABASE d; CREATE TABLE d.t (n INT)");
    until_or("the table is there", || {
        let output = pair.client(1, "SELECT * FROM d.t").output().expect("mariadb");
        if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
    });
    let mut lock = pair
        .client(1, "FLUSH TABLES d.t WITH READ LOCK; SELECT SLEEP(30)")
        .spawn()
        .expect("mariadb");
    until_or("the lock is held", || {
        let all = pair.sql(1, "SHOW PROCESSLIST");
        if all.contains("SLEEP") && all.contains("User sleep") { Ok(()) } else { Err(all) }
    });
    pair.sql(0, "INSERT INTO d.t VALUES (1)");
    probes.until_lag(1, "that falls behind", |lag| {
        lag >= Duration::from_secs(1) && lag < Duration::from_secs(60)
    });
    pair.sql(1, "SELECT CONCAT('KILL ', id) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")
        .lines()
        .for_each(|kill| drop(pair.sql(1, kill)));
    lock.wait().expect("our own child");
    probes.until_says(1, "+ replica, up to date");

    fs::write(pair.0.path("wrong"), "wrong-word").expect("a file");
    let wrong =
        pair.0.probes(&format!("mysql: {{port: {port}, user: rota, password_file: wrong}}"));
    assert_eq!(wrong.says(0), "- authentication failed for rota");
    let none = pair.0.probes(&format!("mysql: {{port: {port}, user: rota}}"));
    assert_eq!(none.says(0), "- it asks for a password, and the check has none");
    pair.sql(1, "SET GLOBAL read_only = off; REVOKE SLAVE MONITOR ON *.* FROM rota; SET GLOBAL read_only = on");
    assert_eq!(
        probes.says(1),
        "- the user may not see the replication's status; give it REPLICATION CLIENT, or SLAVE MONITOR in MariaDB"
    );
    pair.sql(1, "GRANT SLAVE MONITOR ON *.* TO rota");

    let log = fs::read_to_string(pair.0.log(0)).expect("a log");
    assert!(!log.contains("Aborted connection"), "{log}");
    pair.0.stop(0, Signal::TERM);
    assert_eq!(probes.says(0), "- connection refused");
    probes.until_says(1, "+ replica, nobody knows how far behind: its replication does not run");
    assert_eq!(probes.probe(1).told.lag, None);

    pair.sql(1, "STOP SLAVE; SET GLOBAL read_only = off");
    assert_eq!(probes.says(1), "+ primary");
    pair.0.assert_no_password();
}
