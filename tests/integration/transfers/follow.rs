//! Health travels: plain secondaries serve what our prober finds healthy.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, RecordType};

use super::manual::{knot, nsd};
use super::{ORIGIN, SECRET, assert_identical, dig, primary, serial};
use crate::asking::{Question, Way};
use crate::backends::Backends;
use crate::servers::{Server, free_port};
use crate::waiting::until;

const TAKES_MAX: Duration = Duration::from_secs(60);

fn zone(backends: &Backends, secondaries: &str) -> String {
    let addresses: Vec<String> = backends.addresses().iter().map(ToString::to_string).collect();
    format!(
        "zone: {ORIGIN}\n\
         ns: [ns1]\n\
         {secondaries}\
         checks: {{web: {{http: {{port: {}, path: /healthz}}, interval: 1s, fast_interval: 200ms, timeout: 500ms, \
                  fall: 2, rise: 2}}}}\n\
         pools: {{web: {{check: web, ttl: 5s, min_ttl: 1s, backends: [{}]}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: web}}}}\n",
        backends.port(),
        addresses.join(", ")
    )
}

/// The addresses that a server gives for www.
fn addresses(server: &Server) -> Option<BTreeSet<IpAddr>> {
    let question = Question::new(&format!("www.{ORIGIN}."), RecordType::A);
    let answer = server.client().ask(&question, Way::Udp { payload: None }).ok()?;
    let answers = Message::from_vec(&answer).ok()?.answers;
    Some(
        answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                _ => None,
            })
            .collect(),
    )
}

fn a_plain_secondary_follows(
    secondary: impl Fn(u16, SocketAddr) -> Server,
    who: &str,
    network: [u8; 3],
) {
    let mut backends = Backends::start(network, 3);
    let port = free_port();
    let text = zone(&backends, "secondaries: {follow_health: true, interval: 1s}\n");
    let ours = primary(&text, &[port], "");
    let theirs = secondary(port, ours.v4());
    let all: BTreeSet<IpAddr> = backends.addresses().iter().copied().map(IpAddr::V4).collect();
    let but = |place: usize| -> BTreeSet<IpAddr> {
        let down = IpAddr::V4(backends.addresses()[place]);
        all.iter().copied().filter(|address| *address != down).collect()
    };
    let without_first = but(0);
    let serves = |what: &str, expected: &BTreeSet<IpAddr>| {
        until(&format!("{who} serves {what}"), TAKES_MAX, || {
            (addresses(&theirs).as_ref() == Some(expected)).then_some(())
        });
    };
    serves("all", &all);
    let before = serial(&theirs).expect("it serves the zone");

    backends.kill(0);
    serves("what is left", &without_first);
    let after = serial(&theirs).expect("it serves the zone");
    assert!(after > before, "{before} {after}");
    let said = ours.said();
    assert!(said.contains(&format!("handing out changes since {before}")), "{said}");
    assert_identical(
        &dig(ours.v4(), Some(("transfer.example", SECRET)), "AXFR"),
        &dig(theirs.v4(), None, "AXFR"),
        who,
    );

    backends.revive(0);
    serves("all again", &all);
}

#[test]
fn nsd_serves_what_is_healthy_here() {
    a_plain_secondary_follows(nsd, "NSD", [127, 33, 1]);
}

#[test]
fn knot_serves_what_is_healthy_here() {
    a_plain_secondary_follows(knot, "Knot", [127, 33, 2]);
}

#[test]
fn without_it_the_serial_stays_and_every_backend_is_told() {
    let mut backends = Backends::start([127, 33, 3], 2);
    let ours = primary(&zone(&backends, ""), &[], "");
    let before = serial(&ours).expect("it is ours");
    backends.kill(0);
    let left: BTreeSet<IpAddr> = [IpAddr::V4(backends.addresses()[1])].into();
    until("our own answers follow", TAKES_MAX, || (addresses(&ours)? == left).then_some(()));
    assert_eq!(serial(&ours), Some(before));
    let told = dig(ours.v4(), Some(("transfer.example", SECRET)), "AXFR");
    for address in backends.addresses() {
        assert!(told.contains(&address.to_string()), "{told}");
    }
}

#[test]
fn a_restart_says_what_the_first_checks_find() {
    let mut backends = Backends::start([127, 33, 4], 2);
    let text = zone(&backends, "secondaries: {follow_health: true, interval: 1s}\n");
    let mut ours = primary(&text, &[], "");
    let all = serial(&ours).expect("it is ours");
    backends.kill(0);
    let (down, _) =
        until("a version without it", TAKES_MAX, || serial(&ours).filter(|now| *now != all));
    assert!(ours.stop().success());
    ours.start_again();
    let told = dig(ours.v4(), Some(("transfer.example", SECRET)), "AXFR");
    let [gone, left] = [0, 1].map(|place: usize| backends.addresses()[place].to_string());
    assert!(!told.contains(&gone) && told.contains(&left), "{told}");
    assert!(serial(&ours).is_some_and(|now| now >= down), "it never falls");
}
