//! NSD, Knot and BIND take the zone whole and by differences, and end with what we have.

use std::time::Duration;

use super::manual::{bind, knot, nsd};
use super::{ORIGIN, SECRET, assert_identical, dig, primary, serial};
use crate::servers::{Server, free_port};
use crate::waiting::until;

/// How long a secondary may take until it has a version. It asks again by itself after the SOA's times alone, which are
/// longer.
const TAKES_MAX: Duration = Duration::from_secs(40);
const KEY: Option<(&str, &str)> = Some(("transfer.example", SECRET));

/// Many types, a pool, names that are never answered; `{}` is what changes.
fn zone(backends: &str, text: &str) -> String {
    format!(
        "zone: {ORIGIN}\n\
         ns: [ns1, ns.example.net.]\n\
         soa: {{refresh: 1h, retry: 10m}}\n\
         pools:\n  \
           web: {{ttl: 30s, backends: [{backends}, {{address: 192.0.2.9, state: down}}, 10.0.0.1]}}\n\
         records:\n  \
           \"@\": {{pool: web, MX: [10 mail, 20 Mail.Example.NET.], TXT: v=spf1 -all, CAA: '0 issue \"ca.example\"'}}\n  \
           www: {{pool: web}}\n  \
           ns1: {{A: 192.0.2.53, AAAA: \"2001:db8::53\"}}\n  \
           mail: {{A: 192.0.2.25}}\n  \
           \"*.wild\": {{CNAME: www}}\n  \
           _sip._tcp: {{SRV: 1 2 5060 mail}}\n  \
           sub: {{NS: ns.sub}}\n  \
           ns.sub: {{A: 192.0.2.77}}\n  \
           occluded.sub: {{TXT: never answered}}\n  \
           text: {{TXT: {text}}}\n"
    )
}

/// Has a secondary take a version, and then the next one after a change of the file.
fn takes_both(
    secondary: impl Fn(u16, std::net::SocketAddr) -> Server,
    who: &str,
) -> (Server, Server) {
    let port = free_port();
    let ours = primary(&zone("192.0.2.1, 192.0.2.2", "one"), &[port], "");
    let theirs = secondary(port, ours.v4());
    has_the_same(&ours, &theirs, who);
    let first = serial(&ours).expect("it is ours");

    ours.replace_file(&format!("zones/{ORIGIN}.yaml"), &zone("192.0.2.2, 192.0.2.3", "two"));
    until("the change is served", TAKES_MAX, || (serial(&ours) != Some(first)).then_some(()));
    has_the_same(&ours, &theirs, who);
    let said = ours.said();
    let handed = format!("handing out changes since {first}");
    assert!(said.contains(&handed), "{who}: {said}");
    assert!(said.contains("handing out the whole zone"), "{who}: {said}");
    (ours, theirs)
}

/// Waits until a secondary has our version, and compares all records.
fn has_the_same(ours: &Server, theirs: &Server, who: &str) {
    let version = serial(ours).expect("it is ours");
    let mut last = None;
    until(&format!("{who} has version {version}"), TAKES_MAX, || {
        last = serial(theirs);
        (last == Some(version)).then_some(())
    });
    let (ours, theirs) = (dig(ours.v4(), KEY, "AXFR"), dig(theirs.v4(), None, "AXFR"));
    assert!(ours.lines().filter(|line| line.contains(ORIGIN)).count() > 15, "{ours}");
    assert_identical(&ours, &theirs, who);
}

#[test]
fn nsd_takes_the_zone_and_then_what_has_changed() {
    let (_, theirs) = takes_both(nsd, "NSD");
    let said = theirs.said();
    assert!(said.contains("received notify") || said.contains("notify for"), "{said}");
    assert!(said.contains("TSIG verified with key transfer.example"), "{said}");
}

#[test]
fn knot_takes_the_zone_and_then_what_has_changed() {
    let (_, theirs) = takes_both(knot, "Knot");
    let said = theirs.said();
    assert!(said.contains("notify, incoming"), "{said}");
    assert!(said.contains("IXFR, incoming") && said.contains("AXFR, incoming"), "{said}");
}

#[test]
fn bind_takes_the_zone_and_then_what_has_changed() {
    let (_, theirs) = takes_both(bind, "BIND");
    let said = theirs.said();
    assert!(
        said.contains("received notify for zone 'example.com': TSIG 'transfer.example'"),
        "{said}"
    );
    assert!(said.contains("Transfer status: success"), "{said}");
}

#[test]
fn dig_and_kdig_are_told_what_has_changed() {
    let ours = primary(&zone("192.0.2.1, 192.0.2.2", "one"), &[], "");
    let first = serial(&ours).expect("it is ours");
    ours.replace_file(&format!("zones/{ORIGIN}.yaml"), &zone("192.0.2.2, 192.0.2.3", "two"));
    until("the change is served", TAKES_MAX, || (serial(&ours) != Some(first)).then_some(()));

    let told = dig(ours.v4(), KEY, &format!("IXFR={first}"));
    let of = |what: &str| told.lines().filter(|line| line.contains(what)).count();
    assert_eq!((of("192.0.2.1"), of("192.0.2.3"), of("192.0.2.2")), (2, 2, 0), "{told}");
    assert_eq!((of("\"one\""), of("\"two\"")), (1, 1), "{told}");

    let now = serial(&ours).expect("it is ours");
    for (since, soas) in [(first, 4), (now, 1)] {
        let output = std::process::Command::new(crate::servers::installed("kdig", "knot-dnsutils"))
            .args(["@127.0.0.1", "-p", &ours.port().to_string(), "-y"])
            .arg(format!("hmac-sha256:transfer.example:{SECRET}"))
            .args([ORIGIN, &format!("IXFR={since}")])
            .output()
            .expect("kdig runs");
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(told.lines().filter(|line| line.contains("SOA")).count(), soas, "{told}");
        assert!(!told.contains(";; WARNING") && !told.contains(";; ERROR"), "{told}");
    }
}
