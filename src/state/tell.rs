//! What the publisher tells of changes: a line in the log, and an event for who watches.

use std::sync::Arc;

use tracing::{debug, info, warn};

use super::changes::State;
use super::events::Kind;
use super::shared::Shared;
use super::what_if::key;
use crate::config::model::probers::OnProberLoss;
use crate::config::model::{Backend, Pool, Role, SetState};
use crate::engine::choose::ready::Source as ReadySource;
use crate::engine::choose::roles::Cast;
use crate::engine::snapshot::View;
use crate::health::backend::BackendKey;
use crate::health::flap::Hold;
use crate::health::isolation::Turn;
use crate::health::overrides::{Hand, Override};
use crate::health::reason::{by_hand, found, held as held_down};
use crate::health::registry::Change;
use crate::health::source::Source;
use crate::health::sources::Heard;
use crate::health::target::{Report, Side, Target};
use crate::health::verdict::Known;
use crate::name::Name;
use crate::zone::Zone;

/// `ZONE/POOL`.
pub(super) fn pool_key(zone: &Zone, pool: &Pool) -> String {
    let zone = zone.origin.to_string();
    match zone.strip_suffix('.') {
        Some(shorter) if !shorter.is_empty() => format!("{shorter}/{}", pool.label()),
        _ => format!("{zone}/{}", pool.label()),
    }
}

/// One line for each backend that changed side.
pub(super) fn side(state: &State, target: &Target, change: Change, report: Option<&Report>) {
    let Some(side) = change.after else { return };
    let Some(known) = state.shared.registry.known(target) else { return };
    // Up at the first check is what was assumed: no news, unless it was down before the restart.
    let is_news = side == Side::Down || change.before.is_some();
    let is_news = is_news || known.remembered == Some(Side::Down);
    let side = if side == Side::Up { "up" } else { "down" };
    let how = how(change, report, &known);
    let address = target.address;
    each_of(state, target, |User { backend, state: set, zone, pool, key }| {
        let held = held(&state.shared, &key, set);
        // A backend that has no name of its own is called by its address.
        let who = match address.to_string() {
            address if address == backend => address,
            address => format!("{backend} {address}"),
        };
        if is_news {
            info!(%zone, pool, backend, %address, side, "{who}: {side} {how}{held}");
            let message = format!("{address}: {side} {how}{held}");
            state.shared.tell(Kind::Backend, key.as_str(), message);
        } else {
            debug!(%zone, pool, backend, %address, side, "{who}: {side} {how}{held}");
        }
    });
}

/// A target changes side too often, and is held down from now on.
pub(super) fn flapping(state: &State, target: &Target, hold: Hold) {
    let said = held_down(hold);
    each_user(state, target, &said, true);
}

/// A target has been quiet for long enough.
pub(super) fn let_go(state: &State, target: &Target) {
    let Some(known) = state.shared.registry.known(target) else { return };
    let side = if known.side() == Some(Side::Down) { "down" } else { "up" };
    let said = format!("flaps no more: {side}, as {}", found(&known));
    each_user(state, target, &said, false);
}

/// A target that serves is degraded from now on, or no more.
pub(super) fn degraded(state: &State, target: &Target, is_degraded: bool) {
    let Some(known) = state.shared.registry.known(target) else { return };
    let what = if is_degraded { "degraded" } else { "no more degraded" };
    each_user(state, target, &format!("{what}: {}", found(&known)), is_degraded);
}

/// One line and one event for each backend that a target stands for.
fn each_user(state: &State, target: &Target, said: &str, is_warning: bool) {
    let address = target.address;
    each_of(state, target, |User { backend, zone, pool, key, .. }| {
        if is_warning {
            warn!(%zone, pool, backend, %address, "{backend} {address}: {said}");
        } else {
            info!(%zone, pool, backend, %address, "{backend} {address}: {said}");
        }
        state.shared.tell(Kind::Backend, key.as_str(), format!("{address}: {said}"));
    });
}

/// How a target came to its side: by its streak where one prober alone has a vote, else by what all of them say.
fn how(change: Change, report: Option<&Report>, known: &Known) -> String {
    match report {
        // One report is enough, and no streak counts.
        Some(report) if report.source.is_pushed() => match &*report.detail {
            "" => "at once".to_owned(),
            detail => format!("at once: {detail}"),
        },
        Some(report) if known.counted().count() == 1 => {
            let detail = &report.detail;
            match (change.before, change.after) {
                (None, _) => format!("at the first check: {detail}"),
                (_, Some(Side::Up)) => {
                    format!("after {}: {detail}", passes(known.check.rise.get()))
                }
                _ => format!("after {}: {detail}", failures(known.check.fall.get())),
            }
        }
        _ => format!("as {}", found(known)),
    }
}

/// What keeps a backend from following its checks.
fn held(shared: &Shared, key: &BackendKey, set: SetState) -> String {
    match (shared.overrides.load().get(key), set) {
        (Some(set), _) => match set.hand {
            Hand::Up => format!(", held up by {}", set.author),
            Hand::Down => format!(", held down by {}", set.author),
            Hand::Drain => format!(", drained by {}", set.author),
        },
        (None, SetState::Auto) => String::new(),
        (None, SetState::Up) => ", held up by the zone file".to_owned(),
        (None, SetState::Down) => ", held down by the zone file".to_owned(),
    }
}

/// A backend that a target stands for.
struct User<'z> {
    backend: &'z str,
    state: SetState,
    zone: &'z Name,
    pool: &'z str,
    key: BackendKey,
}

fn each_of(state: &State, target: &Target, mut tell: impl FnMut(User<'_>)) {
    let snapshot = state.shared.snapshot.load();
    for (place, index) in state.users.of(target) {
        let Some(View::Served { zone, .. }) = snapshot.zone(place as u32) else { continue };
        let pool = &zone.pools[index];
        // What is seen in several ways is told once.
        if pool.face.is_some() {
            continue;
        }
        let probed = |backend: &&Backend| {
            let check = pool.check_of(backend).filter(|check| **check == target.check);
            check.is_some() && backend.probed().any(|address| address == target.address)
        };
        for backend in pool.backends.iter().filter(probed) {
            let key = key(zone, pool, backend);
            let (zone, pool) = (&zone.origin, pool.name.as_str());
            tell(User { backend: &backend.name, state: backend.state, zone, pool, key });
        }
    }
}

/// A pool that starts or stops to guess is worth a line of its own.
pub(super) fn source(
    shared: &Shared,
    zone: &Zone,
    pool: usize,
    was: ReadySource,
    now: ReadySource,
) {
    let is_part = zone.parts.contains(&pool);
    let pool = &zone.pools[pool];
    // Of a site, that is its pool's; that a part of a pool has nobody of a role says nothing of the pool.
    if was == now || pool.site().is_some() || (is_part && pool.role().is_some()) {
        return;
    }
    let none = match pool.role() {
        None => "nothing in the pool is in service",
        Some(Role::Primary) => "nothing in the pool is primary",
        Some(Role::Replica) => "nothing in the pool is replica or primary",
    };
    let said = match now {
        ReadySource::InService => "the pool hands out what is in service again".to_owned(),
        ReadySource::Panic => {
            "too little of the pool is in service: it hands out all of it".to_owned()
        }
        ReadySource::AllDown => format!("{none}: it hands out all of it"),
        ReadySource::Last => format!("{none}: it hands out what was in service last"),
        ReadySource::Fallback => format!("{none}: it hands out its fallback"),
        ReadySource::Nothing => format!("{none}: it hands out nothing"),
    };
    shared.tell(Kind::Pool, pool_key(zone, pool), said.as_str());
    let (zone, pool) = (&zone.origin, &*pool.label());
    if now == ReadySource::InService {
        info!(%zone, pool, "{said}");
    } else {
        warn!(%zone, pool, "{said}");
    }
}

/// Another tier of a pool serves.
pub(super) fn tier(shared: &Shared, zone: &Zone, pool: usize, was: Option<u16>, now: Option<u16>) {
    let (Some(was), Some(now)) = (was, now) else { return };
    let pool = &zone.pools[pool];
    if was == now || pool.site().is_some() {
        return;
    }
    let said = format!("priority {now} serves in place of priority {was}");
    info!(zone = %zone.origin, pool = &*pool.label(), "{said}");
    shared.tell(Kind::Pool, pool_key(zone, pool), said);
}

/// Another backend is primary, or several say that they are. `held` is the one that was primary last.
pub(super) fn roles(
    shared: &Shared,
    zone: &Zone,
    index: usize,
    (was, held): (&Cast, Option<&str>),
    now: &Cast,
) {
    let pool = &zone.pools[index];
    if !speaks_of_roles(pool) {
        return;
    }
    let (key, name) = (|| pool_key(zone, pool), &pool.name);
    let zone = &zone.origin;
    if let Some(holder) = now.holder.as_deref().filter(|_| now.is_of_another(held)) {
        let was = held.map_or_else(String::new, |was| format!(" (was {was})"));
        let said = format!("{holder} is primary now{was}");
        info!(%zone, pool = name, "{name}: {said}");
        shared.tell(Kind::Pool, key(), said);
    }
    if now.rivals == was.rivals {
        return;
    }
    let said = now.rivalry();
    if let Some(said) = &said {
        warn!(%zone, pool = name, "{name}: {said}");
    } else {
        info!(%zone, pool = name, "{name}: one primary again");
    }
    shared.tell(Kind::Pool, key(), said.unwrap_or_else(|| "one primary again".to_owned()));
}

/// Whether what becomes of the role of primary is told of this pool: it is seen in several ways, and that by public addresses
/// tells, which is there wherever one by private addresses is.
fn speaks_of_roles(pool: &Pool) -> bool {
    pool.role() == Some(Role::Primary) && pool.site().is_none() && !pool.is_private()
}

/// A prober is there that was not.
pub(super) fn heard(shared: &Shared, source: &Source, heard: Heard) {
    let said = if heard == Heard::Again { "heard again" } else { "heard first" };
    info!(prober = %source, "the prober {source} is {said}");
    shared.tell(Kind::Prober, source.as_str(), said);
}

/// A prober fell silent.
pub(super) fn lost(shared: &Shared, source: &Source) {
    let lease = shared.sources().settings().lease;
    warn!(prober = %source, "the prober {source} is lost: it was not heard for {lease:?}");
    shared.tell(Kind::Prober, source.as_str(), format!("lost: it was not heard for {lease:?}"));
}

/// A prober seems to be cut off, or does so no more.
pub(super) fn isolation(shared: &Shared, source: &Source, turn: &Turn) {
    let said = match turn {
        Turn::CutOff { fallen, of } => format!(
            "it seems to be cut off, as {} of its {of} targets failed at once: they count as before",
            fallen.len()
        ),
        Turn::Back => "it is believed again, as enough of its targets are back".to_owned(),
        // Nothing that an operator waits for.
        Turn::Over => return,
        Turn::Believed => "it is believed now, as most of its targets stay down".to_owned(),
    };
    warn!(prober = %source, "the prober {source}: {said}");
    shared.tell(Kind::Prober, source.as_str(), said);
}

/// No prober is heard at all.
pub(super) fn silent(shared: &Shared, on_loss: OnProberLoss) {
    let takeover = shared.sources().settings().takeover;
    let what = match (on_loss, takeover) {
        (OnProberLoss::Open, _) => "every backend counts as in service".to_owned(),
        (OnProberLoss::Probe, _) => "the server probes itself".to_owned(),
        (OnProberLoss::Hold, None) => "health stays as it was".to_owned(),
        (OnProberLoss::Hold, Some(after)) => {
            format!("health stays as it was, and after {after:?} the server probes itself")
        }
    };
    warn!("no prober is heard: {what}");
    shared.tell(Kind::Prober, "", format!("no prober is heard: {what}"));
}

/// The prober inside begins or ends to stand in.
pub(super) fn stand_in(shared: &Shared, begins: bool) {
    let said = if begins {
        "it stands in for the probers beside, none of which is heard"
    } else {
        "it rests, as a prober beside is heard again"
    };
    let inside = Source::inside();
    info!(prober = %inside, "the prober inside: {said}");
    shared.tell(Kind::Prober, inside.as_str(), said);
}

/// A hand set something.
pub(super) fn set(shared: &Shared, set: &Override) {
    let said = by_hand(set);
    info!(backend = %set.key, "{}: {said}", set.key);
    shared.tell(Kind::Override, set.key.as_str(), said);
}

/// A hand took off what was set.
pub(super) fn off(shared: &Shared, key: &BackendKey, author: &str) {
    info!(backend = %key, "{key}: given back to its checks by {author}");
    shared.tell(Kind::Override, key.as_str(), format!("given back to its checks by {author}"));
}

/// The time of an override is over.
pub(super) fn over(shared: &Shared, set: &Arc<Override>) {
    let said = format!("given back to its checks: the time is over of what was {}", by_hand(set));
    info!(backend = %set.key, "{}: {said}", set.key);
    shared.tell(Kind::Override, set.key.as_str(), said);
}

fn passes(count: u8) -> String {
    if count == 1 { "1 pass".to_owned() } else { format!("{count} passes") }
}

fn failures(count: u8) -> String {
    if count == 1 { "1 failure".to_owned() } else { format!("{count} failures") }
}
