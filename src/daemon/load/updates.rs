//! Updates of zones that files have: laid over a file when it is read, made and kept when they come.
//!
//! ```text
//! serial of the file   file since the last time   served, where updates have raised it to S
//! any                  the same                   S
//! N after S            another                    N
//! other, or none       another                    S + 1, or the time where that is greater
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use tracing::{error, info};

use super::{Loader, Mistake};
use crate::authority::Request;
use crate::authority::update::{Refusal, update};
use crate::config::Severity;
use crate::counters::Counter;
use crate::daemon::clock;
use crate::name::Name;
use crate::state::overlays::{self, Commit, Overlays, SETS_MAX};
use crate::wire::rcode;
use crate::zone::Zone;
use crate::zone::overlay::Changed;
use crate::zone::serial::{self, Kept};

/// What lies over the zone of a file, and what is wrong with it.
#[derive(Default)]
pub(super) struct Over {
    kept: overlays::Kept,
    mistakes: Vec<Mistake>,
    is_unread: bool,
}

/// What lies over a file's zone; `Err` where that cannot be read.
pub(super) fn over(file: &Path, origin: &Name, overlays: &mut Overlays) -> Result<Over, Mistake> {
    let read = overlays.read(origin);
    let kept = read.map_err(|error| {
        let from = overlays.file().display();
        Mistake::whole(
            file,
            format!("{from}: what updates did to {origin} cannot be read: {error}"),
        )
    })?;
    Ok(Over { kept, ..Over::default() })
}

impl Over {
    /// Nothing, as it cannot be read: the file alone is better than no answer. `raised` is the serial that updates came to.
    pub(super) fn unread(mistake: Mistake, raised: Option<u32>) -> Self {
        let kept = overlays::Kept::lost(raised);
        Self { kept, mistakes: vec![mistake], is_unread: true }
    }

    pub(super) fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Whether the zone is served as its file has it.
    pub(super) fn is_nothing(&self) -> bool {
        self.kept.serial.is_none()
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// What was served last, where the file alone was last served like this.
    pub(super) fn kept(&self, last: Option<Kept>) -> Option<Kept> {
        self.kept.last(last)
    }

    /// The zone as it is served, and its serial; `last` is [`Over::kept`], `alone` the serial that the file alone has been
    /// served with until now, as this could not be read.
    pub(super) fn apply(
        &mut self,
        file: &Path,
        base: &Zone,
        next: Kept,
        (last, alone): (Option<Kept>, Option<u32>),
        now: u32,
    ) -> (Kept, Zone) {
        let Some(last) = last.filter(|_| !self.is_nothing()) else {
            return (next, base.clone());
        };
        let serial = if last.digest == next.digest {
            last.serial
        } else if serial::is_greater(next.serial, last.serial) {
            next.serial
        } else {
            serial::next(last.serial, now)
        };
        let serial = match alone {
            Some(alone) if !serial::is_greater(serial, alone) => serial::next(alone, now),
            _ => serial,
        };
        let (zone, left_out) = self.kept.overlay.apply(base, serial);
        let warnings = left_out.iter().map(|left_out| Mistake {
            severity: Severity::Warning,
            ..Mistake::whole(file, left_out.to_string())
        });
        self.mistakes.extend(warnings);
        (Kept { serial, ..next }, zone)
    }
}

/// What became of an update: whether anything changed.
pub type Updated = Result<bool, Refusal>;

/// Whether an update could be made if the disk were well.
fn is_failure(refusal: &Refusal) -> bool {
    refusal.rcode == rcode::SERVFAIL
}

/// What became of some updates.
pub struct Made {
    /// Of each.
    pub updated: Vec<Updated>,
    /// The zones that are to be served.
    pub zones: Vec<Arc<Zone>>,
    /// Whether the disk took them, and has what those before them made.
    pub is_kept: bool,
}

/// A zone while updates are made.
struct Draft {
    zone: Arc<Zone>,
    /// The RRsets that updates have touched.
    sets: BTreeSet<(Name, u16)>,
    /// What is told once they are kept.
    changes: Vec<Change>,
}

/// What one update did, for the log.
struct Change {
    client: IpAddr,
    key: String,
    serial: u32,
    removed: usize,
    added: usize,
}

impl Loader {
    /// Whether what updates made of one of these zones can be read now and could not before: it is to be loaded again.
    pub fn can_read_again<'r>(&mut self, mut requests: impl Iterator<Item = &'r Request>) -> bool {
        self.mark_lost();
        let Some(overlays) = &mut self.overlays else { return false };
        requests.any(|Request { zone, .. }| {
            let is_unread = self.zones.get(zone).is_some_and(|loaded| loaded.is_unread);
            is_unread && overlays.read(zone).is_ok()
        })
    }

    /// Has no update made of zones whose updates are on no disk any more, until what there is was read.
    fn mark_lost(&mut self) {
        let lost = self.overlays.as_mut().map(Overlays::take_lost).unwrap_or_default();
        for origin in lost {
            if let Some(loaded) = self.zones.get_mut(&origin) {
                (loaded.is_unread, loaded.is_broken) = (true, true);
            }
        }
    }

    /// Makes updates one after the other, and keeps what they come to: it is on the disk when this returns, or nothing was
    /// made at all.
    pub fn update<'r>(&mut self, requests: impl Iterator<Item = &'r Request>) -> Made {
        let now = clock::serial();
        let mut drafts = BTreeMap::new();
        let updated: Vec<Updated> =
            requests.map(|request| self.draft(&mut drafts, request, now)).collect();
        let commits = drafts.iter().filter_map(|(origin, draft)| self.commit_of(origin, draft));
        let commits: Vec<Commit> = commits.collect();
        if let Err(error) = self.keep(&commits) {
            error!("updates are not made, as they cannot be kept: {error}");
            self.mark_lost();
            // One after the other has seen what those before it did: none of them holds.
            let failed = Refusal { rcode: rcode::SERVFAIL, why: "it could not be kept".to_owned() };
            let updated: Vec<Updated> = updated.iter().map(|_| Err(failed.clone())).collect();
            self.counters.add(Counter::UpdatesFailed, updated.len() as u64);
            return Made { updated, zones: Vec::new(), is_kept: false };
        }
        for (origin, draft) in &drafts {
            for Change { client, key, serial, removed, added } in &draft.changes {
                info!(zone = %origin, %client, key, serial, removed, added, "updated");
            }
            if let Some(loaded) = self.zones.get_mut(origin) {
                loaded.zone = Some(Arc::clone(&draft.zone));
            }
        }
        for updated in &updated {
            let counter = match updated {
                Ok(true) => Counter::UpdatesMade,
                Ok(false) => Counter::UpdatesUnchanged,
                Err(refusal) if is_failure(refusal) => Counter::UpdatesFailed,
                Err(_) => Counter::UpdatesRefused,
            };
            self.counters.add(counter, 1);
        }
        let zones = drafts.into_values().map(|draft| draft.zone).collect();
        let is_kept = !updated.iter().any(|updated| updated.as_ref().is_err_and(is_failure));
        Made { updated, zones, is_kept }
    }

    /// Makes one update of what the last one left.
    fn draft(
        &self,
        drafts: &mut BTreeMap<Name, Draft>,
        request: &Request,
        now: u32,
    ) -> Result<bool, Refusal> {
        let origin = &request.zone;
        let refused =
            |why: &str| Refusal { rcode: rcode::REFUSED, why: format!("{origin}: {why}") };
        let loaded = self.zones.get(origin);
        let Some((loaded, served)) =
            loaded.and_then(|loaded| Some((loaded, loaded.zone.as_ref()?)))
        else {
            return Err(refused("only zones that have a file here can be updated"));
        };
        if loaded.is_unread {
            // What is served lacks them: what is kept would become the difference to that, and they would be lost.
            let why = "what updates did to it before cannot be read";
            error!(zone = %origin, "update not made: {why}");
            return Err(Refusal { rcode: rcode::SERVFAIL, why: format!("{origin}: {why}") });
        }
        let drafted = drafts.get(origin);
        let zone = drafted.map_or(served, |draft| &draft.zone);
        let made = update(zone, &request.message, now);
        let key = request.signed.as_ref().map(|signed| signed.key.name());
        let (client, key) = (request.client, key.map_or_else(|| "-".into(), ToString::to_string));
        let delta = match made {
            Ok(Some(delta)) => delta,
            Ok(None) => return Ok(false),
            Err(refusal) => {
                let Refusal { rcode, why } = &refusal;
                info!(zone = %origin, %client, key, rcode, "update not made: {why}");
                return Err(refusal);
            }
        };
        let sets = drafted.map_or(0, |draft| draft.sets.len()) + delta.len();
        if self.overlays.as_ref().is_some_and(|kept| kept.len(origin) + sets > SETS_MAX) {
            return Err(refused("updates have changed too much of the zone; put it into its file"));
        }
        let edited = zone.edited(&delta).map_err(|unfit| refused(&unfit.to_string()))?;
        let change = Change {
            client,
            key,
            serial: edited.serial,
            removed: delta.removed().len() - 1,
            added: delta.added().len() - 1,
        };
        let touched = delta.removed().iter().chain(delta.added());
        let touched = touched.map(|record| (record.owner.clone(), record.rtype));
        let sets: BTreeSet<(Name, u16)> = touched.collect();
        let zone = Arc::new(edited);
        match drafts.get_mut(origin) {
            Some(draft) => {
                draft.sets.extend(sets);
                draft.zone = zone;
                draft.changes.push(change);
            }
            None => {
                drafts.insert(origin.clone(), Draft { zone, sets, changes: vec![change] });
            }
        }
        Ok(true)
    }

    /// What is to be kept of a zone that was updated.
    fn commit_of(&self, origin: &Name, Draft { zone, sets, .. }: &Draft) -> Option<Commit> {
        let base = self.zones.get(origin)?.base.as_ref()?;
        let sets = sets.iter().map(|(owner, rtype)| {
            (owner.clone(), *rtype, Changed::between(base, zone, owner, *rtype))
        });
        let beside = self.serials.get(origin).map(|kept| kept.serial);
        Some(Commit { zone: origin.clone(), serial: zone.serial, beside, sets: sets.collect() })
    }

    fn keep(&mut self, commits: &[Commit]) -> Result<(), String> {
        if commits.is_empty() {
            return Ok(());
        }
        match &mut self.overlays {
            Some(overlays) => overlays.commit(commits).map_err(|error| error.to_string()),
            None => Err("there is no state folder".to_owned()),
        }
    }
}
