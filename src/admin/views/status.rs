//! The server at a glance.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::pools::{Moment, source};
use super::zones::{counts, digest};
use super::{prober, time};
use crate::admin::Admin;
use crate::admin::model::{Snapshot, Status, ZoneCounts};
use crate::counters::{AllCounters, TYPES, Via};

/// The server at a glance.
#[must_use]
pub fn status(admin: &Admin) -> Status {
    let publisher = &admin.publisher;
    let of = publisher.published();
    let moment = Moment::now(publisher);
    let mut pools = BTreeMap::new();
    let mut backends = BTreeMap::new();
    for at in moment.pools() {
        *pools.entry(source(at.ready.source)).or_default() += 1;
        for state in at.states() {
            *backends.entry(state).or_default() += 1;
        }
    }
    let zones = counts(admin, &moment.snapshot);
    let mut alarms = publisher.alarms();
    alarms.extend(files(zones));
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: admin.about.started,
        now: Timestamp::now(),
        listen: admin.progress.listen().to_vec(),
        snapshot: Snapshot {
            generation: of.generation,
            published: time(of.at),
            digest: digest(&moment.snapshot),
        },
        config_digest: admin.about.config_digest.clone(),
        zones,
        pools,
        backends,
        probers: publisher.probers().iter().map(prober).collect(),
        overrides: moment.overrides().len() as u64,
        queries: queries(&admin.counters),
        alarms,
    }
}

/// What is wrong with the files.
fn files(zones: ZoneCounts) -> Vec<String> {
    let zone =
        |count| if count == 1 { "1 zone is".to_owned() } else { format!("{count} zones are") };
    let told = [
        (zones.broken, "answered with SERVFAIL, for mistakes in their files"),
        (zones.stale, "served as before, for mistakes in their files"),
    ];
    let told = told.into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("{} {what}; `rotadns check` tells them", zone(count)))
        .collect()
}

/// All queries since the start.
fn queries(counters: &AllCounters) -> u64 {
    let of = |via| (0..TYPES.len()).map(|place| counters.queries(via, place)).sum::<u64>();
    Via::ALL.iter().map(|(via, _)| of(*via)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_files_is_an_alarm() {
        let zones = |served, stale, broken| ZoneCounts { served, stale, broken };
        assert_eq!(files(zones(7, 0, 0)), [""; 0]);
        assert_eq!(
            files(zones(7, 2, 1)),
            [
                "1 zone is answered with SERVFAIL, for mistakes in their files; `rotadns check` tells them",
                "2 zones are served as before, for mistakes in their files; `rotadns check` tells them",
            ]
        );
    }
}
