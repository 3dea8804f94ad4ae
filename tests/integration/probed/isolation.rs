//! The guard against self-isolation, by a real server and real sockets: what most of a prober's targets say at once is held, and what one of
//! them says is not.

use std::net::{Ipv4Addr, TcpListener};

use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::{Server, ZoneFile, free_port_of};
use crate::waiting::{PATIENCE, until};

/// Three pools of as many backends, which share no address.
const POOLS: [&str; 3] = ["red", "green", "blue"];
const BACKENDS: u8 = 3;
/// How often all names are asked where answers are to stay as they are.
const LOOKS: usize = 100;

/// Services that accept connections, or none, and a server that probes them.
struct World {
    server: Server,
    api: Http,
    port: u16,
    services: Vec<Option<TcpListener>>,
}

fn address(pool: usize, backend: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 6, 10 + pool as u8, backend + 1)
}

impl World {
    fn new() -> Self {
        let all =
            || (0..POOLS.len()).flat_map(|pool| (0..BACKENDS).map(move |one| address(pool, one)));
        let port = free_port_of(&all().map(Into::into).collect::<Vec<_>>());
        let mut zone = format!(
            "zone: x.example\nns: [ns.example.net.]\n\
             checks: {{own: {{tcp: {{port: {port}}}, interval: 1s, fast_interval: 200ms, fall: 2, rise: 2}}}}\nrecords:\n"
        );
        for (pool, name) in POOLS.iter().enumerate() {
            let backends: Vec<_> =
                (0..BACKENDS).map(|one| address(pool, one).to_string()).collect();
            zone += "  ";
            zone += name;
            zone += ": {pool: {check: own, backends: [";
            zone += &backends.join(", ");
            zone += "]}}\n";
        }
        let settings = "prober: {isolation: {share: 0.5, targets: 4, window: 20s, hold_max: 5m}}\n";
        let services = all().map(|address| Some(listen(address, port))).collect();
        let zones = [ZoneFile { name: "x.example.yaml", text: &zone }];
        let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &zones);
        let api = Http::unix(server.file("admin.sock"));
        Self { server, api, port, services }
    }

    fn set(&mut self, pool: usize, backend: u8, accepts: bool) {
        let address = address(pool, backend);
        let service = &mut self.services[pool * usize::from(BACKENDS) + usize::from(backend)];
        *service = accepts.then(|| listen(address, self.port));
    }

    fn set_all(&mut self, accepts: bool) {
        for pool in 0..POOLS.len() {
            (0..BACKENDS).for_each(|backend| self.set(pool, backend, accepts));
        }
    }

    /// How many addresses each name has.
    fn answers(&self) -> [usize; 3] {
        POOLS.map(|pool| {
            let question = Question::new(&format!("{pool}.x.example."), RecordType::A);
            self.server.client().answer(&question, Way::Udp { payload: None }).answers.len()
        })
    }

    /// What is told of the prober: an alarm, by the metric, in the log.
    fn alarms(&self) -> Vec<String> {
        let status = self.api.get("/v1/status").json();
        let alarms = status["alarms"].as_array().expect("a list").iter().filter_map(Value::as_str);
        alarms.filter(|alarm| alarm.contains("cut off")).map(str::to_owned).collect()
    }

    fn is_cut_off(&self) -> bool {
        let metrics = self.api.get("/metrics").body;
        metrics.contains("rotadns_prober_cut_off{prober=\"inside\"} 1")
    }

    /// How many backends stand as this basis has it.
    fn on(&self, basis: &str) -> usize {
        let backends = self.api.get("/v1/backends").json();
        let backends = backends.as_array().expect("a list").iter();
        backends.filter(|backend| backend["addresses"][0]["basis"] == basis).count()
    }
}

fn listen(address: Ipv4Addr, port: u16) -> TcpListener {
    TcpListener::bind((address, port)).expect("its own address")
}

#[test]
fn what_all_backends_say_at_once_is_held_and_what_one_says_is_not() {
    let mut world = World::new();
    assert_eq!(world.answers(), [3; 3]);

    // An ordinary failure, and one of a whole pool, are not held.
    world.set(0, 0, false);
    until("one is out", PATIENCE, || (world.answers() == [2, 3, 3]).then_some(()));
    (1..BACKENDS).for_each(|backend| world.set(0, backend, false));
    until("a pool is down, and guesses", PATIENCE, || {
        let red = world.api.get("/v1/pools/x.example/red").json();
        (red["source"] == "all_down").then_some(())
    });
    assert!(world.alarms().is_empty() && !world.is_cut_off());
    (0..BACKENDS).for_each(|backend| world.set(0, backend, true));
    until("all are back", PATIENCE, || {
        (world.answers() == [3; 3] && world.on("judged") == 9).then_some(())
    });

    // All at once.
    world.set_all(false);
    until("it is seen", PATIENCE, || world.is_cut_off().then_some(()));
    until("all have fallen, and are held", PATIENCE, || (world.on("isolated") == 9).then_some(()));
    for _ in 0..LOOKS {
        assert_eq!(world.answers(), [3; 3]);
    }
    let pools = world.api.get("/v1/pools").json();
    let pools = pools.as_array().expect("a list");
    assert!(pools.iter().all(|pool| pool["source"] == "in_service"), "no guesses");
    assert_eq!(world.alarms().len(), 1);
    let said = world.server.said();
    assert!(said.contains("the prober inside: it seems to be cut off"), "{said}");

    // And back, and nobody is out on the way: who was not probed since stays as it was.
    world.set_all(true);
    until("it is believed again", PATIENCE, || {
        assert_eq!(world.answers(), [3; 3]);
        (!world.is_cut_off()).then_some(())
    });
    until("all are back", PATIENCE, || {
        assert_eq!(world.answers(), [3; 3]);
        (world.on("judged") == 9).then_some(())
    });
    assert!(world.alarms().is_empty());
    let said = world.server.said();
    assert!(said.contains("it is believed again, as enough of its targets are back"), "{said}");
    world.set(1, 0, false);
    until("one is out, as ever", PATIENCE, || (world.answers() == [3, 2, 3]).then_some(()));
}
