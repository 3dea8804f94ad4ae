//! The state of a server as text: alarms, a few facts, and a table each for pools, backends and probers.

use std::fmt::Write as _;

use super::View;
use crate::admin::model::{
    Backend, BackendState, Pool, Prober, ProberState, Secondary, Source, Status, ZoneCounts,
};
use crate::cli::screen::Column::{Broken, Name, Whole, Wide};
use crate::cli::screen::{Screen, Tone, number, span};
use crate::cli::words;

/// Draws all of it.
pub(super) fn view(View { status, pools }: &View, screen: Screen) -> String {
    let mut text = String::new();
    for alarm in &status.alarms {
        text.push_str(&screen.paragraph(Tone::Bad, &format!("ALARM {alarm}")));
    }
    if !status.alarms.is_empty() {
        text.push('\n');
    }
    text.push_str(&screen.paragraph(Tone::Plain, &facts(status)));
    // What needs a look comes first; else the order of the zones and files.
    let mut pools: Vec<&Pool> = pools.iter().collect();
    pools.sort_by_key(|pool| pool.source == Source::InService);
    if !pools.is_empty() {
        let _ = write!(text, "\n{}", pool_table(&pools, screen));
        let _ = write!(text, "\n{}", backend_table(status, &pools, screen));
    }
    if !status.probers.is_empty() {
        let _ = write!(text, "\n{}", prober_table(status, screen));
    }
    if !status.secondaries.is_empty() {
        let _ = write!(text, "\n{}", secondary_table(status, screen));
    }
    text
}

fn facts(status: &Status) -> String {
    let listen = [(&status.listen, "UDP, TCP"), (&status.listen_tls, "TLS")];
    let listen: Vec<String> = listen
        .into_iter()
        .flat_map(|(addresses, over)| addresses.iter().map(move |at| format!("{at} ({over})")))
        .collect();
    let ZoneCounts { served, stale, broken } = status.zones;
    let zones = counts([(served, "served"), (stale, "stale"), (broken, "broken")]);
    let by_state = status.backends.iter().map(|(state, count)| (*count, words::state(*state).0));
    let backends = counts(by_state);
    let overrides = match status.overrides {
        0 => String::new(),
        count => format!("; overrides: {}", number(count)),
    };
    format!(
        "RotaDNS {} on {}, up {}; zones: {zones}; backends: {backends}{overrides}; queries: {}; snapshot {}, {} old",
        status.version,
        if listen.is_empty() { "no address".to_owned() } else { listen.join(", ") },
        span(status.started, status.now),
        number(status.queries),
        status.snapshot.generation,
        span(status.snapshot.published, status.now),
    )
}

/// `3 served, 1 stale`; what there is none of is left out.
fn counts<'w>(counted: impl IntoIterator<Item = (u64, &'w str)>) -> String {
    let there = counted.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> =
        there.map(|(count, what)| format!("{} {what}", number(count))).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

fn pool_table(pools: &[&Pool], screen: Screen) -> String {
    let mut grid = screen.grid(&[
        Name("POOL"),
        Whole("HANDS OUT"),
        Whole("UP"),
        Whole("TTL"),
        Wide("POLICY"),
        Wide("CHECK"),
    ]);
    for pool in pools {
        let serves = |state| matches!(state, BackendState::Up | BackendState::Degraded);
        let up = pool.backends.iter().filter(|backend| serves(backend.state)).count();
        let ttl = if pool.ttl_now == pool.ttl {
            format!("{} s", pool.ttl)
        } else {
            format!("{} of {} s", pool.ttl_now, pool.ttl)
        };
        grid.row([
            (&pool.key, Tone::Plain),
            words::source(pool.source),
            (&format!("{up} of {}", pool.backends.len()), Tone::Plain),
            (&ttl, Tone::Plain),
            (&pool.policy, Tone::Plain),
            (pool.check.as_deref().unwrap_or("none"), Tone::Plain),
        ]);
    }
    grid.lines()
}

fn backend_table(status: &Status, pools: &[&Pool], screen: Screen) -> String {
    let mut grid = screen.grid(&[
        Name("BACKEND"),
        Whole("STATE"),
        Wide("FOR"),
        Wide("SHARE"),
        Wide("DUE"),
        Broken("WHY"),
    ]);
    for (pool, backend) in
        pools.iter().flat_map(|pool| pool.backends.iter().map(move |one| (pool, one)))
    {
        grid.row([
            (&seen_name(pool, backend), Tone::Plain),
            words::state(backend.state),
            (&backend.since.map_or_else(String::new, |at| span(at, status.now)), Tone::Plain),
            (&percent(backend.share), Tone::Plain),
            (&percent(backend.share_due), Tone::Plain),
            (&why(backend, status), Tone::Plain),
        ]);
    }
    grid.lines()
}

/// A backend's key, and how its pool is seen where that is a face of one: `example.com/orders/a (primary)`.
fn seen_name(pool: &Pool, backend: &Backend) -> String {
    let own = backend.key.rsplit_once('/').map_or("", |(own, _)| own);
    format!("{}{}", backend.key, pool.key.strip_prefix(own).unwrap_or_default())
}

/// The server's reason, and how long caches may have it still.
fn why(backend: &Backend, status: &Status) -> String {
    let mut why = backend.reason.clone();
    if let Some(safe) = backend.safe_to_stop.filter(|safe| *safe > status.now) {
        let _ = write!(why, "; safe to stop in {}", span(status.now, safe));
    }
    why
}

fn prober_table(status: &Status, screen: Screen) -> String {
    let mut grid = screen.grid(&[
        Name("PROBER"),
        Whole("STATE"),
        Whole("HEARD"),
        Whole("TARGETS"),
        Wide("MISSING"),
        Wide("UNKNOWN"),
        Wide("REJECTED"),
    ]);
    for prober in &status.probers {
        let Prober { name, state, heard, targets, missing, unknown, rejected, .. } = prober;
        let (state, tone) = match state {
            ProberState::Live => ("live", Tone::Good),
            ProberState::CutOff => ("cut off", Tone::Bad),
            ProberState::Lost => ("lost", Tone::Bad),
            ProberState::Awaited => ("awaited", Tone::Odd),
        };
        let heard = heard.map_or("never".into(), |at| format!("{} ago", span(at, status.now)));
        let odd = |count: u64| if count > 0 { Tone::Odd } else { Tone::Plain };
        grid.row([
            (name, Tone::Plain),
            (state, tone),
            (&heard, Tone::Plain),
            (&number(*targets), Tone::Plain),
            (&number(*missing), odd(*missing)),
            (&number(*unknown), odd(*unknown)),
            (&number(*rejected), Tone::Plain),
        ]);
    }
    grid.lines()
}

fn secondary_table(status: &Status, screen: Screen) -> String {
    let mut grid = screen.grid(&[
        Name("ZONE"),
        Whole("SECONDARY OF"),
        Whole("SERIAL"),
        Whole("REFRESHED"),
        Whole("EXPIRES"),
    ]);
    for secondary in &status.secondaries {
        let Secondary { zone, primaries, primary, serial, refreshed, expires, .. } = secondary;
        let primary = primary.or_else(|| primaries.first().copied());
        let primary = primary.map_or_else(String::new, |primary| primary.to_string());
        let serial = serial.map_or_else(|| "none".to_owned(), |serial| serial.to_string());
        let refreshed =
            refreshed.map_or("never".into(), |at| format!("{} ago", span(at, status.now)));
        let tone = if secondary.failure.is_some() { Tone::Odd } else { Tone::Plain };
        let (expires, left) = match expires {
            _ if secondary.is_expired => ("SERVFAIL".to_owned(), Tone::Bad),
            Some(at) => (format!("in {}", span(status.now, *at)), Tone::Plain),
            None => (String::new(), Tone::Plain),
        };
        grid.row([
            (zone, Tone::Plain),
            (&primary, Tone::Plain),
            (&serial, Tone::Plain),
            (&refreshed, tone),
            (&expires, left),
        ]);
    }
    grid.lines()
}

/// A part of one, in percent to the tenth.
fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

#[cfg(test)]
mod tests;
