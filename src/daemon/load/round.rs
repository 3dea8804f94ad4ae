//! A round of loading: which files are looked at, and what their zones come to.
//!
//! ```text
//! load         all files          those that the file system tells to be as they were are not read
//! load_some    those named        all others are taken to be as they were
//! ```
//!
//! A zone costs what its own file does, so that one file among very many is in answers soon. What concerns more than the
//! content of some files, such as one that is gone, is for a round over all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tracing::{error, info};

use super::crew::{Found, Ground, Outcome, load_each};
use super::gone::{empty_folders, is_unknown};
use super::one::{Look, is_change};
use super::{
    Changes, Files, Guard, Loaded, Loader, Mistake, Part, Received, Round, Zones, together,
};
use crate::config::files::is_zone_file;
use crate::config::{self, ConfigError, Problem};
use crate::daemon::clock;
use crate::name::Name;
use crate::zone::Zone;
use crate::zone::reverse::{Pointers, is_reverse};
use crate::zone::serial::Kept;

/// A round while it is on its way.
#[derive(Default)]
struct Progress {
    changes: Changes,
    broken: usize,
    /// Mistakes that belong to no zone.
    apart: Vec<Mistake>,
    kept: Vec<(Name, Kept)>,
    /// Whether what other zones bring to reverse zones may differ.
    has_new_names: bool,
    looked_at: Vec<Name>,
}

impl Progress {
    /// Tells a mistake that belongs to no zone.
    fn tell(&mut self, mistake: Mistake) {
        mistake.log();
        self.broken += 1;
        self.apart.push(mistake);
    }

    /// Takes note of what zones came to.
    fn take(&mut self, outcomes: Vec<Outcome>, zones: &mut HashMap<Name, Loaded>) {
        for Outcome { origin, last, loaded, kept } in outcomes {
            self.broken += usize::from(loaded.is_broken);
            let wants_names = |one: &Loaded| one.zone.as_ref().is_some_and(|zone| zone.reverse);
            match &last {
                None => self.changes.added.push(origin.clone()),
                Some(last) if is_change(last, &loaded) => self.changes.changed.push(origin.clone()),
                Some(_) => self.changes.unchanged += 1,
            }
            self.has_new_names |= last.as_ref().is_some_and(wants_names) || wants_names(&loaded);
            self.looked_at.push(origin.clone());
            self.kept.extend(kept.map(|kept| (origin.clone(), kept)));
            zones.insert(origin, loaded);
        }
    }
}

impl Loader {
    /// Loads what has changed since the last time, and logs every mistake.
    pub fn load(&mut self, guard: Guard) -> Round {
        self.load_at(clock::serial(), guard)
    }

    /// As [`Loader::load`], at a time in seconds since 1970.
    pub(super) fn load_at(&mut self, now: u32, guard: Guard) -> Round {
        let (files, problems) = config::zone_files(&self.paths);
        let mut progress = Progress::default();
        for problem in &problems {
            progress.tell(problem.clone().into());
        }
        let mut found = Vec::with_capacity(files.len());
        for file in &files {
            let Some(origin) = config::zone_of_file(file) else {
                let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
                let problem = Problem::FileName { name: name.unwrap_or_default() };
                progress.tell(Mistake::whole(file, problem.to_string()));
                continue;
            };
            if let Some(Received { primaries, .. }) = self.received.get(&origin) {
                progress.tell(Mistake::whole(
                    file,
                    format!(
                        "{origin} is transferred from {primaries}, by `primaries` in the config file; take away \
                         this file, or the zone from there"
                    ),
                ));
                continue;
            }
            let last = self.zones.remove(&origin);
            found.push(Found { file: file.as_path().into(), origin, last, pointers: Vec::new() });
        }
        self.progress.files(found.len());
        // What the others say of addresses goes into them.
        let (mut reverse, forward): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| is_reverse(&found.origin));
        let mut zones = HashMap::with_capacity(files.len());
        let (look, threads) = (Look::Glance, self.threads);
        let ground = self.ground(look, guard, now);
        progress.take(load_each(forward, &ground, threads), &mut zones);
        if !reverse.is_empty() {
            let is_unknown = is_unknown(&files, &problems, guard);
            let stay = self.zones.values().filter(|last| is_unknown(last));
            let served = zones.values().chain(stay);
            let names = Pointers::of(served.filter_map(|loaded: &Loaded| loaded.zone.as_deref()));
            self.point(&mut reverse, &names);
            let ground = self.ground(look, guard, now);
            progress.take(load_each(reverse, &ground, threads), &mut zones);
        }
        self.progress.together();
        self.let_go(&files, &problems, guard, &mut zones, &mut progress);
        self.zones = zones;
        self.keep_serials(std::mem::take(&mut progress.kept));
        self.round(progress)
    }

    /// Loads the zones that files of these names are part of, and logs every mistake in them; `None` where more than the
    /// content of files may have changed, which [`Loader::load`] is for.
    pub fn load_some(&mut self, names: &BTreeSet<OsString>) -> Option<Part> {
        self.load_some_at(clock::serial(), names)
    }

    /// As [`Loader::load_some`], at a time in seconds since 1970.
    pub(super) fn load_some_at(&mut self, now: u32, names: &BTreeSet<OsString>) -> Option<Part> {
        let (mut reverse, forward): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.touched(names)?.into_iter().partition(|(origin, _)| is_reverse(origin));
        let mut progress = Progress::default();
        let mut zones = HashMap::new();
        let forward = self.take_out(forward);
        let (look, threads) = (Look::Read, self.threads);
        let ground = self.ground(look, Guard::On, now);
        progress.take(load_each(forward, &ground, threads), &mut zones);
        self.zones.extend(zones.drain());
        // What other zones say of addresses goes into them, and an address belongs to the deepest of them.
        if progress.has_new_names || reverse.keys().any(|origin| !self.zones.contains_key(origin)) {
            let all = self.zones.iter().filter(|(origin, _)| is_reverse(origin));
            for (origin, loaded) in all {
                reverse.entry(origin.clone()).or_insert_with(|| Arc::clone(&loaded.file));
            }
        }
        if !reverse.is_empty() {
            let names = Pointers::of(self.zones.values().filter_map(|one| one.zone.as_deref()));
            let mut reverse = self.take_out(reverse);
            self.point(&mut reverse, &names);
            let ground = self.ground(look, Guard::On, now);
            progress.take(load_each(reverse, &ground, threads), &mut zones);
            self.zones.extend(zones);
        }
        self.keep_serials(std::mem::take(&mut progress.kept));
        Some(self.part(progress))
    }

    /// The zones that files of these names are part of, with their own files; `None` where more may have changed.
    fn touched(&self, names: &BTreeSet<OsString>) -> Option<BTreeMap<Name, Arc<Path>>> {
        let is_named = |path: &Path| path.file_name().is_some_and(|name| names.contains(name));
        let mut touched: BTreeMap<Name, Arc<Path>> = self
            .zones
            .iter()
            .filter(|(_, loaded)| loaded.content.included.iter().any(|path| is_named(path)))
            .map(|(origin, loaded)| (origin.clone(), Arc::clone(&loaded.file)))
            .collect();
        for name in names {
            let is_zone = is_zone_file(Path::new(name));
            let own = self.paths.iter().filter(|path| path.file_name() == Some(name));
            let own = own.filter(|path| !path.is_dir()).cloned();
            let in_folders = self.paths.iter().filter(|_| is_zone).map(|path| path.join(name));
            // A link that leads nowhere is a mistake, and no file that is gone.
            let is_there = |path: &PathBuf| fs::symlink_metadata(path).is_ok();
            let mut files = own.chain(in_folders).filter(is_there);
            let file = match (files.next(), files.next()) {
                (None, _) if is_zone => return None,
                (None, _) => continue,
                (Some(file), None) => file,
                (Some(_), Some(_)) => return None,
            };
            let origin = config::zone_of_file(&file)?;
            if self.zones.get(&origin).is_some_and(|known| *known.file != *file)
                || self.received.contains_key(&origin)
            {
                return None;
            }
            touched.insert(origin, file.into());
        }
        let is_away = |origin| self.zones.get(origin).is_some_and(|known| known.is_away);
        (!touched.keys().any(is_away)).then_some(touched)
    }

    /// Takes out what is known of these zones, to be loaded again.
    fn take_out(&mut self, files: BTreeMap<Name, Arc<Path>>) -> Vec<Found> {
        let found = files.into_iter().map(|(origin, file)| {
            let last = self.zones.remove(&origin);
            Found { file, origin, last, pointers: Vec::new() }
        });
        found.collect()
    }

    /// Gives reverse zones what others say of addresses; these are taken out, and so not among those that are known.
    fn point(&self, reverse: &mut [Found], names: &Pointers) {
        let others = self.zones.keys().chain(self.received.keys()).filter(|name| is_reverse(name));
        let origins = reverse.iter().map(|found| &found.origin).chain(others);
        let origins: Vec<Name> = origins.cloned().collect();
        for found in reverse {
            found.pointers = names.within(&found.origin, &origins);
        }
    }

    /// What zones are loaded with.
    fn ground(&mut self, look: Look, guard: Guard, now: u32) -> Ground<'_> {
        Ground {
            serials: &self.serials,
            access: &self.access,
            includes: &self.includes,
            overlays: Mutex::new(self.overlays.as_mut()),
            progress: &self.progress,
            look,
            guard,
            now,
            settled: self.settled,
            is_strict: self.is_strict,
        }
    }

    /// Keeps serials before anybody sees them, so that none falls over a restart. A disk that refuses is told, and asked
    /// again the next time; names that do not answer would be worse.
    pub(super) fn keep_serials(&mut self, kept: Vec<(Name, Kept)>) {
        if let Err(error) = self.serials.keep(kept) {
            error!("the serials are not kept over a restart: {error}");
        }
    }

    /// Takes leave of the zones whose files are gone, unless nothing is known of these.
    fn let_go(
        &mut self,
        files: &[PathBuf],
        problems: &[ConfigError],
        guard: Guard,
        zones: &mut HashMap<Name, Loaded>,
        progress: &mut Progress,
    ) {
        let gone = std::mem::take(&mut self.zones);
        let is_unknown = is_unknown(files, problems, guard);
        let (stay, go): (HashMap<_, _>, HashMap<_, _>) =
            gone.into_iter().partition(|(_, last)| is_unknown(last));
        for mistake in empty_folders(&stay, problems) {
            progress.tell(mistake);
        }
        progress.changes.unchanged += stay.len();
        zones.extend(
            stay.into_iter().map(|(origin, last)| (origin, Loaded { is_away: true, ..last })),
        );
        for (origin, _) in go {
            info!(zone = %origin, "the file is gone, and so the zone is served no more");
            progress.changes.removed.push(origin);
        }
    }

    /// What a round over all files found.
    fn round(&self, Progress { mut changes, broken, mut apart, .. }: Progress) -> Round {
        changes.sort();
        let read = self.zones.iter();
        let read = read.map(|(origin, loaded)| (origin, &*loaded.file, loaded.zone.as_deref()));
        let received = self.received.iter();
        let received = received.map(|(origin, one)| (origin, Path::new(""), one.zone.as_deref()));
        let warnings = together(&read.chain(received).collect::<Vec<_>>());
        if changes.count() > 0 {
            warnings.iter().for_each(Mistake::log);
        }
        apart.extend(warnings);
        let mut zones: Vec<_> = self
            .zones
            .iter()
            .map(|(origin, loaded)| (origin.clone(), loaded.zone.clone()))
            .chain(self.received.iter().map(|(origin, one)| (origin.clone(), one.zone.clone())))
            .collect();
        zones.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let files: Files = self
            .zones
            .iter()
            .map(|(origin, loaded)| (origin.clone(), loaded.as_zone_file()))
            .collect();
        let mut mistakes = apart;
        mistakes.extend(files.values().flat_map(|file| file.mistakes.iter().cloned()));
        // Each file's mistakes stay in their order.
        mistakes.sort_by(|a, b| a.file.cmp(&b.file));
        self.files.store(Arc::new(files));
        Round { zones, changes, broken, mistakes }
    }

    /// What a round over some files found.
    fn part(&self, Progress { mut changes, broken, looked_at, .. }: Progress) -> Part {
        changes.sort();
        let all = || {
            let read = self.zones.iter();
            let read = read.map(|(origin, one)| (origin, &*one.file, one.zone.as_deref()));
            let received = self.received.iter();
            read.chain(received.map(|(origin, one)| (origin, Path::new(""), one.zone.as_deref())))
        };
        let known = |origin: &Name| self.zones.get(origin);
        let new = changes.added.iter().chain(&changes.changed);
        let zones: Zones =
            new.filter_map(|origin| Some((origin.clone(), known(origin)?.zone.clone()))).collect();
        let concerns_others = |zone: &Zone| zone.reverse || !zone.aliases.is_empty();
        if zones.iter().any(|(_, zone)| zone.as_deref().is_some_and(concerns_others)) {
            together(&all().collect::<Vec<_>>()).iter().for_each(Mistake::log);
        }
        let files = self.files.load();
        let told = looked_at.iter().filter_map(|origin| Some((origin, known(origin)?)));
        let told = told.map(|(origin, loaded)| (origin, loaded.as_zone_file()));
        let told: Vec<_> = told.filter(|(origin, now)| files.get(origin) != Some(now)).collect();
        if !told.is_empty() {
            let mut files = Files::clone(&files);
            files.extend(told.into_iter().map(|(origin, now)| (origin.clone(), now)));
            self.files.store(Arc::new(files));
        }
        Part { zones, changes, broken }
    }
}
