//! The server at a glance.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::pools::{Moment, PoolAt, pool_key, source};
use super::zones::{counts, digest};
use super::{prober, time};
use crate::admin::Admin;
use crate::admin::model::{Secondary, Snapshot, Status, ZoneCounts};
use crate::config::model::Role;
use crate::counters::{AllCounters, TYPES, Via};

/// How many zones, or pools, alarms name.
const NAMED_MAX: usize = 3;

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
        // Whoever is seen in several ways is there once.
        for state in at.states().into_iter().filter(|_| at.pool.face.is_none()) {
            *backends.entry(state).or_default() += 1;
        }
    }
    let zones = counts(admin, &moment.snapshot);
    let mut alarms = publisher.alarms();
    let secondaries = (admin.owner.secondaries)();
    alarms.extend(files(zones, &secondaries));
    alarms.extend(unrefreshed(&secondaries));
    alarms.extend(moment.snapshot.settings().places.troubles());
    alarms.extend(primaries(&moment));
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: admin.about.started,
        now: Timestamp::now(),
        listen: admin.progress.listen().to_vec(),
        listen_tls: admin.progress.over_tls().to_vec(),
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
        secondaries,
        overrides: moment.overrides().len() as u64,
        queries: queries(&admin.counters),
        alarms,
    }
}

/// Where nobody is primary, or several say that they are.
fn primaries(moment: &Moment) -> Vec<String> {
    let mut told = BTreeSet::new();
    for at in moment.pools() {
        // A part of another pool need have none.
        if at.pool.role() != Some(Role::Primary) || at.is_part() {
            continue;
        }
        let PoolAt { zone, pool, ready, .. } = at;
        let key = pool_key(&zone.origin, &pool.name);
        match ready.cast.rivalry() {
            Some(rivalry) => _ = told.insert(format!("{key} has {rivalry}; stop one of them")),
            None if ready.cast.serves.is_none() => {
                told.insert(format!("{key} has no primary: writes have nowhere to go"));
            }
            None => {}
        }
    }
    let more = told.len().saturating_sub(NAMED_MAX);
    let mut told: Vec<String> = told.into_iter().take(NAMED_MAX).collect();
    if more > 0 {
        told.push(format!("{more} more pools have no primary, or several"));
    }
    told
}

/// What is wrong with zones that come from elsewhere.
fn unrefreshed(secondaries: &[Secondary]) -> Vec<String> {
    let failing = |secondary: &Secondary| {
        let why = secondary.failure.as_ref()?;
        let what =
            if secondary.is_expired { "is answered with SERVFAIL" } else { "is served as it was" };
        Some(format!("{} {what}, as no primary has refreshed it: {why}", secondary.zone))
    };
    let mut failing = secondaries.iter().filter_map(failing);
    let mut told: Vec<String> = failing.by_ref().take(NAMED_MAX).collect();
    match failing.count() {
        0 => {}
        more => told.push(format!("{more} more zones from elsewhere are not refreshed")),
    }
    told
}

/// What is wrong with the files.
fn files(mut zones: ZoneCounts, secondaries: &[Secondary]) -> Vec<String> {
    let expired = secondaries.iter().filter(|secondary| secondary.is_expired).count() as u64;
    zones.broken = zones.broken.saturating_sub(expired);
    let told = [(zones.broken, "answered with SERVFAIL"), (zones.stale, "served as before")];
    let told = told.into_iter().filter(|(count, _)| *count > 0);
    let told = told.map(|(count, what)| {
        let (zones, files) = match count {
            1 => ("1 zone is".to_owned(), "its file"),
            _ => (format!("{count} zones are"), "their files"),
        };
        format!("{zones} {what}, for mistakes in {files}; `rotadns check` tells them")
    });
    told.collect()
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
        assert_eq!(files(zones(7, 0, 0), &[]), [""; 0]);
        assert_eq!(
            files(zones(7, 2, 1), &[]),
            [
                "1 zone is answered with SERVFAIL, for mistakes in its file; `rotadns check` tells them",
                "2 zones are served as before, for mistakes in their files; `rotadns check` tells them",
            ]
        );
    }

    #[test]
    fn what_is_not_refreshed_is_an_alarm_and_no_file() {
        let secondary = |zone: &str, is_expired, failure: Option<&str>| Secondary {
            zone: zone.to_owned(),
            primaries: Vec::new(),
            primary: None,
            serial: None,
            refreshed: None,
            expires: None,
            is_expired,
            failure: failure.map(str::to_owned),
            transferred_whole: 0,
            transferred_differences: 0,
            failed: 0,
            notified: 0,
        };
        let why = Some("192.0.2.1:53: it sent nothing for 30s");
        let told = [
            secondary("a.", false, None),
            secondary("b.", false, why),
            secondary("c.", true, why),
            secondary("d.", true, None),
        ];
        let broken = ZoneCounts { broken: 2, ..ZoneCounts::default() };
        assert_eq!(files(broken, &told), [""; 0], "both are from elsewhere");
        assert_eq!(
            unrefreshed(&told),
            [
                "b. is served as it was, as no primary has refreshed it: 192.0.2.1:53: it sent nothing for 30s",
                "c. is answered with SERVFAIL, as no primary has refreshed it: 192.0.2.1:53: it sent nothing for 30s",
            ]
        );
        let many: Vec<_> = (0..5).map(|_| secondary("b.", false, why)).collect();
        assert_eq!(
            unrefreshed(&many).last().map(String::as_str),
            Some("2 more zones from elsewhere are not refreshed")
        );
    }
}
