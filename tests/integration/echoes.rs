//! Checks by ICMP between two machines of a network: who answers, who does not, and what the system must allow.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU8;
use std::sync::Arc;
use std::time::Duration;

use rotadns::config::model::{Check, CheckKind, IcmpCheck};
use rotadns::health::target::{Outcome, Target};
use rotadns::prober::check::{Checker, Found, Obstacle};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::net::Network;

const PROBER: Ipv4Addr = Ipv4Addr::new(10, 87, 0, 1);
const TARGET: Ipv4Addr = Ipv4Addr::new(10, 87, 0, 2);
/// Nobody has it, and there is a way to it.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 87, 0, 3);

/// One probe from the machine of whoever calls: "+ detail" for a pass, "- detail" for a failure, "! obstacle".
fn probe(source: Option<Ipv4Addr>, address: Ipv4Addr, timeout: Duration) -> String {
    let number = |number| NonZeroU8::new(number).expect("not zero");
    let check = Check {
        kind: CheckKind::Icmp(IcmpCheck { count: number(3), least: number(2) }),
        interval: Duration::from_secs(60),
        fast_interval: Duration::from_secs(1),
        timeout,
        rise: number(1),
        fall: number(1),
        flap: None,
    };
    let target = Target { address: address.into(), check: Arc::new(check) };
    let checker = Checker::new(source.map(IpAddr::V4).into_iter().collect());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    match runtime.block_on(checker.check(&target)) {
        Ok(Found { outcome: Outcome::Pass, detail, .. }) => format!("+ {detail}"),
        Ok(Found { outcome: Outcome::Fail, detail, .. }) => format!("- {detail}"),
        Err(obstacle) => format!("! {obstacle}"),
    }
}

/// Far more than it takes, for what comes; little, for what does not.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn echoes_come_back_over_a_network_or_fail_within_the_timeout() {
    let Some(mut network) = Network::try_new() else { return };
    network.add("prober", PROBER);
    network.add("target", TARGET);
    let from_prober =
        |source, address, timeout| network.within("prober", || probe(source, address, timeout));
    let set = |machine: &str, key: &str, value: &str| {
        let path = format!("/proc/sys/net/ipv4/{key}");
        network.within(machine, || fs::write(path, value).expect("the setting is there"));
    };
    let back = "+ 2 echoes came back";

    // Raw sockets, as root may; then unprivileged ones.
    for group in ["1 0", "0 2147483647"] {
        set("prober", "ping_group_range", group);
        assert_eq!(from_prober(None, TARGET, LONG), back, "ping_group_range {group}");
        assert_eq!(from_prober(Some(PROBER), TARGET, LONG), back);
        let theirs = from_prober(Some(NOBODY), TARGET, LONG);
        assert!(theirs.starts_with("! cannot probe from 10.87.0.3: "), "{theirs}");

        set("target", "icmp_echo_ignore_all", "1");
        let silent = from_prober(None, TARGET, SHORT);
        assert_eq!(silent, "- timed out after 300ms: fewer than 2 of 3 echoes");
        set("target", "icmp_echo_ignore_all", "0");

        let nobody = from_prober(None, NOBODY, SHORT);
        assert!(nobody.starts_with("- "), "{nobody}");
        let no_way = from_prober(None, Ipv4Addr::new(192, 0, 2, 1), LONG);
        assert_eq!(no_way, "- network unreachable");
        network.cut("prober", "target");
        let dropped = from_prober(None, TARGET, SHORT);
        assert!(dropped.starts_with("- "), "{dropped}");
        network.heal("prober", "target");
    }
}

#[test]
fn a_system_that_forbids_echoes_says_what_would_be_right() {
    let Some(mut network) = Network::try_new() else { return };
    network.add("prober", PROBER);
    let found = network.within("prober", || {
        fs::write("/proc/sys/net/ipv4/ping_group_range", "1 0").expect("the setting is there");
        let mut ours = capabilities(None).expect("those of this thread");
        ours.effective.remove(CapabilitySet::NET_RAW);
        set_capabilities(None, ours).expect("fewer are allowed");
        probe(None, PROBER, LONG)
    });
    assert_eq!(found, format!("! {}", Obstacle::Icmp));
}
