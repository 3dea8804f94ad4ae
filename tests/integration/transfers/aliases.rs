//! What an alias stands for travels as plain records.

use std::time::Duration;

use super::{SECRET, dig, primary, serial};
use crate::servers::ZoneFile;
use crate::waiting::until;

const TAKES_MAX: Duration = Duration::from_secs(20);

#[test]
fn an_alias_is_told_as_the_addresses_that_it_stands_for() {
    let zone = |first: &str| {
        format!(
            "zone: example.com\nns: [ns1]\n\
             pools: {{web: {{ttl: 30s, backends: [{first}, 192.0.2.2]}}}}\n\
             records: {{\"@\": {{alias: www}}, www: {{pool: web}}, ns1: {{A: 192.0.2.53}}}}\n"
        )
    };
    let ours = primary(&zone("192.0.2.1"), &[], "");
    let addresses = || {
        let told = dig(ours.v4(), Some(("transfer.example", SECRET)), "AXFR");
        let of_apex =
            told.lines().filter(|line| line.starts_with("example.com.") && line.contains("\tA\t"));
        let mut addresses: Vec<String> =
            of_apex.filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect();
        addresses.sort();
        addresses
    };
    assert_eq!(addresses(), ["192.0.2.1", "192.0.2.2"]);
    let before = serial(&ours).expect("it is ours");
    ours.replace_file("zones/example.com.yaml", &zone("192.0.2.3"));
    until("the alias follows", TAKES_MAX, || {
        (addresses() == ["192.0.2.2", "192.0.2.3"]).then_some(())
    });
    assert!(serial(&ours).is_some_and(|now| now > before));
    let told = dig(ours.v4(), Some(("transfer.example", SECRET)), &format!("IXFR={before}"));
    assert!(
        told.lines().any(|line| line.starts_with("example.com.") && line.ends_with("192.0.2.3")),
        "{told}"
    );
}

#[test]
fn a_file_that_was_only_touched_leaves_the_serial() {
    let text = "zone: example.com\nns: [ns.example.net.]\nrecords: {www: {pool: {backends: [192.0.2.1]}}}\n";
    let ours = primary(text, &[], "");
    let before = serial(&ours);
    let other = ZoneFile {
        name: "example.net.yaml",
        text: "zone: example.net\nns: [ns]\nrecords: {ns: {A: 192.0.2.1}}\n",
    };
    ours.replace_file("zones/example.com.yaml", &format!("# touched\n{text}"));
    ours.replace_file(&format!("zones/{}", other.name), other.text);
    until("the other zone is served", TAKES_MAX, || {
        ours.said()
            .lines()
            .any(|line| line.contains("example.net.") && line.contains("zone loaded"))
            .then_some(())
    });
    assert_eq!(serial(&ours), before);
}
