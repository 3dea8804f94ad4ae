//! A server that is asked for more than it can answer, and by who never reads: it answers on, is watched and steered, keeps its
//! memory, and ends when it is told to.
//!
//! Nothing here is measured by the clock. The flood goes on from before the first look until after the last, which the server's
//! own count of what it received shows.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::asking::{Client, Question, Way};
use crate::backends::Backends;
use crate::end_to_end::SetAtEnd;
use crate::http::Http;
use crate::servers::{End, Server, ZoneFile};
use crate::waiting::{alone, until};

/// Threads that flood a server of as many workers as there are cores.
const FLOODS: usize = 4;
/// How long a question that the flood may have crowded out is waited for.
const FLOOD_PATIENCE: Duration = Duration::from_millis(20);
/// How long a server may take for what it does beside a flood on every core, and beside whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);
/// The end that an operator is promised after SIGTERM, of the server's own time.
const END_MAX: Duration = Duration::from_secs(1);

/// So often the admin API is asked while the flood goes on.
const LOOKS: usize = 50;
/// What memory may grow by during a flood. What waits in sockets is the kernel's.
const GROWTH_MAX: u64 = 4 << 20;

fn zone(backends: &Backends) -> String {
    let addresses: Vec<String> = backends.addresses().iter().map(Ipv4Addr::to_string).collect();
    format!(
        "zone: site.example\n\
         ns: [ns1]\n\
         checks: {{web: {{http: {{port: {port}, path: /healthz}}, interval: 1s, fast_interval: 200ms, timeout: 900ms}}}}\n\
         pools: {{web: {{check: web, backends: [{addresses}]}}}}\n\
         records:\n  \
           ns1: {{A: 192.0.2.53}}\n  \
           www: {{pool: web}}\n",
        port = backends.port(),
        addresses = addresses.join(", "),
    )
}

fn serve(settings: &str, backends: &Backends) -> Server {
    let zone = ZoneFile { name: "site.example.yaml", text: &zone(backends) };
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[zone])
}

/// Does something while the server is flooded.
fn under_a_flood<T>(server: SocketAddr, work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = SetAtEnd(&is_over);
        for _ in 0..FLOODS {
            scope.spawn(|| flood_until(&is_over, server));
        }
        answers(server);
        work()
    })
}

/// The flood crowds questions out, so that one may have to be asked often.
fn answers(server: SocketAddr) {
    let mut client = Client::patient(server, FLOOD_PATIENCE);
    let question = Question::new("www.site.example.", RecordType::A);
    until("a question is answered", PATIENCE, || {
        client.ask(&question, Way::Udp { payload: None }).ok()
    });
}

/// Asks as fast as it can, and never reads.
fn flood_until(is_over: &AtomicBool, server: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket of our own");
    let query = Question::new("www.site.example.", RecordType::A).to_bytes(1, None);
    while !is_over.load(Ordering::Relaxed) {
        // Nobody is there in the end.
        let _ = socket.send_to(&query, server);
    }
}

#[test]
fn sigterm_ends_a_server_that_is_flooded_within_a_second_of_its_own() {
    let _alone = alone();
    let backends = Backends::start([127, 31, 3], 1);
    for settings in ["sockets: native\n", "sockets: portable\n"] {
        let mut server = serve(settings, &backends);
        let End { took, cpu } = under_a_flood(server.v4(), || server.end());
        assert!(cpu < END_MAX, "{settings}: it worked {cpu:?} until its end");
        assert!(took < PATIENCE, "{settings}: it took {took:?} to end");
    }
}

#[test]
fn a_flood_holds_up_neither_admin_nor_prober_and_costs_no_memory() {
    let _alone = alone();
    let mut backends = Backends::start([127, 31, 4], 2);
    let server = serve("admin: {listen: 127.0.0.1:0}\n", &backends);
    let http = Http::new(server.admin());
    let state = |place: usize| {
        let pool = http.get("/v1/pools/site.example/web").json();
        pool["backends"][place]["state"].as_str().expect("a state").to_owned()
    };
    let becomes = |expected: &str| {
        until(&format!("a backend that is {expected}"), PATIENCE, || {
            (state(0) == expected).then_some(())
        });
    };

    under_a_flood(server.v4(), || {
        becomes("up");
        let resident = server.resident_bytes();
        let mut received = 0;
        for _ in 0..LOOKS {
            until("the flood goes on", PATIENCE, || {
                let now = received_so_far(&http);
                (now > received).then(|| received = now)
            });
        }
        backends.kill(0);
        becomes("down");
        backends.revive(0);
        becomes("up");
        answers(server.v4());
        assert!(received_so_far(&http) > received, "the flood goes on to the end");
        let grown = server.resident_bytes().saturating_sub(resident);
        assert!(grown < GROWTH_MAX, "memory has grown by {grown} bytes");
    });
}

/// How many queries the server has received over UDP.
fn received_so_far(http: &Http) -> u64 {
    let page = http.get("/metrics").body;
    let line = r#"rotadns_messages_received_total{transport="udp"} "#;
    let value = page.lines().find_map(|text| text.strip_prefix(line));
    value.and_then(|value| value.parse().ok()).expect("a count")
}
