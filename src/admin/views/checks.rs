//! Checks: what is probed, for whom, and what that finds.

use std::collections::HashMap;
use std::sync::Arc;

use super::pools::Moment;
use crate::admin::model::Check;
use crate::config::model as config;
use crate::health::key::{CheckKey, TargetKey};
use crate::health::registry::Registry;
use crate::health::target::{Streak, Target};

/// Everything that is probed, by address.
#[must_use]
pub fn checks(moment: &Moment, registry: &Registry) -> Vec<Check> {
    let mut users = HashMap::<TargetKey, Vec<String>>::new();
    // Whoever is seen in several ways is there once.
    for at in moment.pools().filter(|at| at.pool.face.is_none()) {
        // One digest a pool where all backends have its check, as it costs more than the rest.
        let of_pool = at.pool.check.as_deref().map(CheckKey::of);
        for (backend, key) in at.pool.backends.iter().zip(at.keys()) {
            let Some(check) = at.pool.check_of(backend) else { continue };
            let is_pools = at.pool.check.as_ref().is_some_and(|own| Arc::ptr_eq(own, check));
            let of_pool = of_pool.filter(|_| is_pools);
            let check = of_pool.unwrap_or_else(|| CheckKey::of(check));
            for address in backend.probed() {
                let users = users.entry(TargetKey { address, check }).or_default();
                users.push(key.to_string());
            }
        }
    }
    let panel = registry.panel();
    let mut targets = registry.targets();
    targets.sort_unstable_by_key(|(key, _)| *key);
    let check = |(key, target): (TargetKey, Target)| {
        let seen = registry.seen(&target).unwrap_or_default();
        Check {
            address: key.address,
            check: short(&target.check),
            check_key: key.check.to_string(),
            backends: users.remove(&key).unwrap_or_default(),
            reports: super::reports(&seen, &panel, Streak::of(&target.check)),
        }
    };
    targets.into_iter().map(check).collect()
}

/// A check in short: `tcp :443`, `http :8080/healthz`.
#[must_use]
pub fn short(check: &config::Check) -> String {
    check.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_zone;

    #[test]
    fn a_check_in_short_says_what_is_asked() {
        for (check, expected) in [
            ("{tcp: {port: 53}}", "tcp :53"),
            ("{http: {port: 8080, path: /healthz}}", "http :8080/healthz"),
            ("{https: {path: /, host: www.example}}", "https www.example:443/"),
            ("{tls: {}}", "tls :443"),
            ("{tls: {sni: www.example, port: 636}}", "tls www.example:636"),
            ("{agent: {port: 9999}}", "agent :9999"),
            #[cfg(feature = "databases")]
            ("{redis: {port: 6380}}", "redis :6380"),
            ("{dns: {question: a.example, type: MX}}", "dns :53 a.example. MX"),
            ("{udp: {port: 514}}", "udp :514"),
            ("{file: {path: /run/states}}", "file /run/states"),
            #[cfg(feature = "grpc")]
            ("{grpc: {port: 50051}}", "grpc :50051"),
            #[cfg(feature = "grpc")]
            ("{grpc: {port: 443, host: x, tls: true, service: a.B}}", "grpcs x:443/a.B"),
            ("{icmp: {}}", "icmp"),
            ("{icmp: {count: 3, at_least: 2}}", "icmp 2 of 3"),
            ("{exec: {command: [/bin/check, -x]}}", "exec /bin/check"),
            (
                "{all: [{tcp: {port: 1}}, {any: [{agent: {port: 2}}, {http: {}}]}]}",
                "all of (tcp :1, any of (agent :2, http :80/))",
            ),
            (
                "{at_least: {n: 2, of: [{tcp: {port: 1}}, {tcp: {port: 2}}, {tcp: {port: 3}}]}}",
                "at least 2 of (tcp :1, tcp :2, tcp :3)",
            ),
        ] {
            let zone = format!(
                "zone: x\nns: [ns]\nchecks: {{c: {check}}}\n\
                 pools: {{p: {{check: c, backends: [192.0.2.1]}}}}\n\
                 records: {{ns: {{A: 192.0.2.53}}, www: {{pool: p}}}}\n"
            );
            let (zone, mistakes) = read_zone("x.yaml".as_ref(), &zone);
            let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
            let check = zone.pools[0].check.as_deref().expect("the pool has one");
            assert_eq!(short(check), expected);
        }
    }
}
