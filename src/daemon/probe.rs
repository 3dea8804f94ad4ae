//! The prober alone, beside servers: it reads the same zone files, and tells each server what it finds.
//!
//! ```text
//!   main        signals, and whether the others are alive
//!   loader      files ─▶ targets, when asked to or when a file changes
//!   prober      targets ─▶ reports
//!   feed        reports ─▶ servers
//! ```
//!
//! Nothing is kept on the disk: what a prober knows is found again in its first round.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use anyhow::Context as _;
use tracing::{info, warn};

use super::load::{Guard, Loader};
use super::progress::Progress;
use super::reload::{self, Show, Stage, keep_loading};
use super::watch::Watch;
use super::{Crew, Signals, programs, raise_descriptor_limit, rights, supervisor};
use crate::config::Config;
use crate::config::server::feed::Feed;
use crate::feed::connect;
use crate::feed::send::Feeder;
use crate::health::target::Target;
use crate::name::Name;
use crate::prober::Prober;
use crate::state::persist::Serials;
use crate::zone::Zone;
use crate::zone::exported::Exported;

/// Probes until SIGTERM or SIGINT, and tells `progress` how far the reading of zones is.
pub fn run(config: &Config, feed: &Feed, progress: &Arc<Progress>) -> anyhow::Result<()> {
    for server in &feed.to {
        connect::check(server).map_err(|error| anyhow::anyhow!("{}: {error}", server.at))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::take()?
    };
    raise_descriptor_limit(feed.to.len() + config.prober.in_flight.get());

    let user = rights::user(config)?;
    let settings = programs::settings(config, user.as_ref());
    rights::reduce_for_good(user)?;
    let feeder = Feeder::start(feed).context("cannot start the feed")?;
    let reports = feeder.clone();
    let prober = Prober::start(settings, Arc::default(), move |report| reports.report(&report))
        .context("cannot start the prober")?;

    let (editor, wishes) = reload::channel();
    let (paths, includes) = (config.zones.clone(), config.includes.clone());
    let on_change = editor.clone();
    let (told, probing, progress) = (feeder.clone(), prober.clone(), Arc::clone(progress));
    let loading = Builder::new().name("loader".into()).spawn(move || {
        // Before the first look at the files, so that no change after it is missed.
        let watch = Watch::start(paths.clone(), None, move |noticed| on_change.notice(noticed));
        let mut loader = Loader::new(paths.clone(), Serials::default())
            .with_includes(&includes)
            .with_progress(&progress);
        let round = loader.load(Guard::On);
        if round.zones.is_empty() {
            let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            warn!("no zones in {}: there is nothing to probe", paths.join(", "));
        }
        let stage = Probing { told, prober: probing, zones: Mutex::default() };
        stage.show(Show::All(round.zones));
        progress.end();
        keep_loading(loader, watch, &wishes, &stage);
    })?;

    let crew: Crew<'_> = &[
        ("loader", &|| loading.is_finished()),
        ("prober", &|| prober.is_finished()),
        ("feed", &|| feeder.is_finished()),
    ];
    runtime.block_on(signals.wait_for_the_end(&editor, crew, None))?;
    info!("stopping");
    supervisor::stopping();
    Ok(())
}

/// What is shown of zones, to a prober alone.
struct Probing {
    told: Feeder,
    prober: Prober,
    /// Those of files, by their apex.
    zones: Mutex<BTreeMap<Name, Option<Arc<Zone>>>>,
}

impl Stage for Probing {
    fn show(&self, shown: Show) {
        let mut all = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        match shown {
            Show::All(zones) => *all = zones.into_iter().collect(),
            Show::Some(zones) => all.extend(zones),
            // Zones from elsewhere have nothing to probe.
            Show::One(..) | Show::Kept(_) => return,
        }
        let targets = targets(all.values().flatten());
        info!(targets = targets.len(), "probing");
        supervisor::ready(&format!("probing {} targets", targets.len()));
        // In this order: what is found of a target that is not told of would be lost.
        self.told.set_targets(&targets);
        self.prober.set_targets(targets);
    }

    /// Nobody takes zones from here.
    fn exported(&self, _: &Name) -> Option<Exported> {
        None
    }

    fn said(&self, _: &Name) {}
}

/// Every target of these zones once, in the order of the files.
fn targets<'z>(zones: impl Iterator<Item = &'z Arc<Zone>>) -> Vec<Target> {
    let mut met = HashSet::new();
    zones
        .flat_map(|zone| zone.pools.iter().flat_map(Target::of_pool))
        .filter(|target| !target.check.kind.is_pushed())
        .filter(|target| met.insert((target.address, Arc::clone(&target.check))))
        .collect()
}
