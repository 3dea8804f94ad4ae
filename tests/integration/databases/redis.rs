//! Redis, a primary and a replica.

use std::time::Duration;

use super::*;

pub(super) struct Pair(pub(super) Machines);

impl Pair {
    pub(super) fn start(network: [u8; 3]) -> Self {
        let mut pair = Self(Machines::new(network, 2, None));
        pair.serve(0, &[]);
        let (primary, port) = (pair.0.address(0), pair.0.port.to_string());
        pair.serve(1, &["--replicaof", &primary, &port]);
        pair
    }

    pub(super) fn serve(&mut self, place: usize, settings: &[&str]) {
        let mut server = self.0.command(&installed("redis-server", "redis-server"));
        server
            .args(["--bind", &self.0.address(place), "--port", &self.0.port.to_string()])
            .args(["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--save", ""])
            .args(["--repl-diskless-sync-delay", "0", "--dbfilename", &format!("{place}.rdb")])
            .args(["--user", "rota", "on", "+info", "~*", ">other-word"])
            .args(settings);
        self.0.start(place, &mut server);
        until_or("Redis is there", || {
            let output = self.client(place, &["PING"]).output().expect("redis-cli");
            if output.status.success() { Ok(()) } else { Err(format!("{output:?}")) }
        });
    }

    fn client(&self, place: usize, words: &[&str]) -> Command {
        let mut client = self.0.command(&installed("redis-cli", "redis-tools"));
        client
            .env("REDISCLI_AUTH", PASSWORD)
            .args(["-e", "-h", &self.0.address(place), "-p", &self.0.port.to_string()])
            .args(words);
        client
    }

    pub(super) fn tell(&self, place: usize, words: &[&str]) -> String {
        run(&mut self.client(place, words))
    }
}

#[test]
fn redis_tells_its_role_and_lag_through_a_failover() {
    let mut pair = Pair::start([127, 5, 3]);
    let port = pair.0.port;
    fs::write(pair.0.path("password"), PASSWORD).expect("a file");
    fs::write(pair.0.path("other"), "other-word\n").expect("a file");
    let probes = pair.0.probes(&format!("redis: {{port: {port}, password_file: password}}"));
    assert_eq!(probes.says(0), "+ primary");
    // It hears of its primary every ten seconds at least.
    probes.until_lag(1, "that follows", |lag| lag <= Duration::from_secs(11));
    pair.tell(0, &["SET", "a", "b"]);
    probes.until_lag(1, "that has just heard", |lag| lag <= Duration::from_secs(1));

    let user = format!("redis: {{port: {port}, user: rota, password_file: other}}");
    assert_eq!(pair.0.probes(&user).says(0), "+ primary");
    let wrong = format!("redis: {{port: {port}, user: rota, password_file: password}}");
    assert_eq!(pair.0.probes(&wrong).says(0), "- authentication failed for rota");
    let wrong = format!("redis: {{port: {port}, password_file: other}}");
    assert_eq!(pair.0.probes(&wrong).says(0), "- authentication failed for the default user");
    let none = pair.0.probes(&format!("redis: {{port: {port}}}"));
    assert_eq!(none.says(0), "- it asks for a password, and the check has none");

    // Without its primary a replica knows less by the second.
    pair.0.stop(0, Signal::TERM);
    assert_eq!(probes.says(0), "- connection refused");
    probes.until_lag(1, "whose link is down", |lag| lag >= Duration::from_secs(1));

    pair.tell(1, &["REPLICAOF", "NO", "ONE"]);
    assert_eq!(probes.says(1), "+ primary");
    // One that comes back follows the other.
    let primary = pair.0.address(1);
    pair.serve(0, &["--replicaof", &primary, &port.to_string()]);
    probes.until_lag(0, "of the new primary", |lag| lag <= Duration::from_secs(11));
    pair.0.assert_no_password();
}
