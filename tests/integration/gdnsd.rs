//! Beside gdnsd, which did this job first: the same pools, the same failures, and the same addresses handed out.
//!
//! Every set of failures has a pool of its own with addresses of its own, so that one start of gdnsd is asked for all of them;
//! it reads their states from a file. What
//! differs by design is in docs/gdnsd.md.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, RecordType};
use rotadns::engine::Transport;

use crate::asking::{Question, Way};
use crate::servers::{Folder, Server, free_port, installed};
use crate::world::World;

/// A kind of pool, in both tongues.
struct Case {
    name: &'static str,
    /// gdnsd's plugin.
    plugin: &'static str,
    /// Its settings.
    theirs: &'static str,
    /// Ours.
    ours: &'static str,
    /// The weight of each backend; as many as there are.
    weights: &'static [u16],
    /// How often each is asked: once where every answer has all there is to have.
    times: u64,
}

const CASES: [Case; 9] = [
    Case {
        name: "multifo, half must be up",
        plugin: "multifo",
        theirs: "up_thresh => 0.5",
        ours: "panic: 0.5",
        weights: &[1; 4],
        times: 1,
    },
    Case {
        name: "multifo of five",
        plugin: "multifo",
        theirs: "up_thresh => 0.5",
        ours: "panic: 0.5",
        weights: &[1; 5],
        times: 1,
    },
    Case {
        name: "multifo, three in ten must be up",
        plugin: "multifo",
        theirs: "up_thresh => 0.3",
        ours: "panic: 0.3",
        weights: &[1; 4],
        times: 1,
    },
    Case {
        name: "multifo, one is enough",
        plugin: "multifo",
        theirs: "up_thresh => 0.01",
        ours: "",
        weights: &[1; 3],
        times: 1,
    },
    Case {
        name: "multifo, all must be up",
        plugin: "multifo",
        theirs: "up_thresh => 1.0",
        ours: "panic: 1",
        weights: &[1; 3],
        times: 1,
    },
    Case {
        name: "weighted, half of the weight must be up",
        plugin: "weighted",
        theirs: "up_thresh => 0.5",
        ours: "policy: weighted, panic: 0.5",
        weights: &[3, 2, 1],
        times: 120,
    },
    Case {
        name: "weighted, one is enough",
        plugin: "weighted",
        theirs: "up_thresh => 0.01",
        ours: "policy: weighted",
        weights: &[3, 2, 1],
        times: 120,
    },
    Case {
        name: "weighted, one has most of it",
        plugin: "weighted",
        theirs: "up_thresh => 0.5",
        ours: "policy: weighted, panic: 0.5",
        weights: &[6, 1, 1, 1],
        times: 200,
    },
    Case {
        name: "simplefo",
        plugin: "simplefo",
        theirs: "",
        ours: "policy: failover",
        weights: &[1; 2],
        times: 1,
    },
];

/// One set of failures of one case.
struct Pool {
    case: &'static Case,
    name: String,
    /// Each address, its weight, and whether it is down.
    backends: Vec<(Ipv4Addr, u16, bool)>,
}

/// Every set of failures of every case.
fn pools() -> Vec<Pool> {
    let mut pools = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let count = case.weights.len();
        // With both down simplefo hands out the primary, and we both, by design.
        let sets = if case.plugin == "simplefo" { 3 } else { 1_u32 << count };
        for down in 0..sets {
            let place = pools.len() as u8;
            let backend = |(index, weight): (usize, &u16)| {
                let address = Ipv4Addr::new(10, 1, place, index as u8 + 1);
                (address, *weight, down >> index & 1 == 1)
            };
            let backends = case.weights.iter().enumerate().map(backend).collect();
            pools.push(Pool { case, name: format!("c{number}-{down}"), backends });
        }
    }
    pools
}

fn gdnsd(pools: &[Pool]) -> Server {
    let (folder, port) = (Folder::new(), free_port());
    let here = folder.path.display().to_string();
    let mut states = String::new();
    let mut plugins = String::new();
    let mut zone = "@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\n".to_owned();
    for plugin in ["multifo", "weighted", "simplefo"] {
        writeln!(plugins, "{plugin} => {{ service_types => file").expect("a String");
        for pool in pools.iter().filter(|pool| pool.case.plugin == plugin) {
            let mut own = format!("  {} => {{", pool.name);
            let settings = Some(pool.case.theirs).filter(|settings| !settings.is_empty());
            let mut settings: Vec<String> = settings.into_iter().map(str::to_owned).collect();
            for (index, (address, weight, is_down)) in pool.backends.iter().enumerate() {
                let value = match plugin {
                    "weighted" => format!("[ {address}, {weight} ]"),
                    _ => address.to_string(),
                };
                let label = match (plugin, index) {
                    ("simplefo", 0) => "primary".to_owned(),
                    ("simplefo", _) => "secondary".to_owned(),
                    _ => format!("b{index}"),
                };
                settings.push(format!("{label} => {value}"));
                let state = if *is_down { "DOWN" } else { "UP" };
                writeln!(states, "{address} => {state}").expect("a String");
            }
            write!(own, " {} }}", settings.join(", ")).expect("a String");
            writeln!(plugins, "{own}").expect("a String");
            writeln!(zone, "{} 30 DYNA {plugin}!{}", pool.name, pool.name).expect("a String");
        }
        plugins += "}\n";
    }
    let states = folder.write("states", &states).display().to_string();
    folder.write("zones/example.com", &zone);
    folder.write(
        "config",
        &format!(
            "options => {{ listen => 127.0.0.1:{port}, udp_threads => 1, tcp_threads => 1, \
             run_dir => {here}/run, state_dir => {here}/state }}\n\
             service_types => {{ file => {{ plugin => extfile, direct => true, def_down => true, \
             file => \"{states}\" }} }}\nplugins => {{\n{plugins}}}\n"
        ),
    );
    let mut command = Command::new(installed("gdnsd", "gdnsd"));
    command.arg("-c").arg(&folder.path).arg("start");
    let mut server = Server::start("gdnsd", command, port, folder);
    server.wait_for(&Question::new("ns1.example.com.", RecordType::A));
    server
}

/// What the same pools are here.
fn world(pools: &[Pool]) -> World {
    let (mut declared, mut records) = ("pools:\n".to_owned(), "records:\n".to_owned());
    let mut health = "down".to_owned();
    for pool in pools {
        let backends: Vec<String> = (0..)
            .zip(&pool.backends)
            .map(|(index, (address, weight, _)): (u32, _)| {
                format!("b{index}: {{address: {address}, weight: {weight}}}")
            })
            .collect();
        let (name, ours, backends) = (&pool.name, pool.case.ours, backends.join(", "));
        let comma = if ours.is_empty() { "" } else { ", " };
        writeln!(
            declared,
            "  {name}: {{check: {{tcp: {{port: 80}}}}, {ours}{comma}backends: {{{backends}}}}}"
        )
        .expect("a String");
        writeln!(records, "  {name}: {{pool: {name}}}").expect("a String");
        for (address, _, is_down) in &pool.backends {
            if *is_down {
                write!(health, " {address}").expect("a String");
            }
        }
    }
    World::yaml(&format!("{declared}{records}"), &health)
}

/// The addresses of an answer.
fn addresses(message: &[u8]) -> BTreeSet<IpAddr> {
    let message = Message::from_vec(message).expect("it decodes");
    let addresses = message.answers.iter().map(|record| match &record.data {
        RData::A(address) => IpAddr::V4(address.0),
        other => panic!("{other:?}"),
    });
    addresses.collect()
}

#[test]
fn the_same_pools_and_failures_give_the_same_addresses() {
    let pools = pools();
    let server = gdnsd(&pools);
    let ours = world(&pools);
    let mut client = server.client();
    let mut compared = 0;
    for pool in &pools {
        let name = format!("{}.example.com.", pool.name);
        let question = Question::new(&name, RecordType::A);
        let (mut theirs_all, mut ours_all) = (BTreeSet::new(), BTreeSet::new());
        for draw in 0..pool.case.times {
            let way = Way::Udp { payload: Some(1232) };
            let theirs = client.ask(&question, way).expect("gdnsd answers");
            theirs_all.extend(addresses(&theirs));
            let query = question.to_bytes(7, Some(1232));
            let answer = ours.send(&query, Transport::Udp, draw).expect("we answer");
            ours_all.extend(addresses(&answer));
        }
        let down: Vec<String> = pool
            .backends
            .iter()
            .filter(|(.., is_down)| *is_down)
            .map(|(address, ..)| address.to_string())
            .collect();
        assert_eq!(ours_all, theirs_all, "{}, down: {}", pool.case.name, down.join(" "));
        compared += 1;
    }
    assert_eq!(compared, pools.len());
}
