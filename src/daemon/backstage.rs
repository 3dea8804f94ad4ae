//! What works behind the listeners: the publisher, the prober, and who tells others what has changed.

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};

use super::folder::overrides;
use super::herald::Herald;
use super::load::{Loader, Round};
use super::reload::Editor;
use super::{replace, secondary, settings};
use crate::config::Config;
use crate::counters::AllCounters;
use crate::engine;
use crate::health::source::Source;
use crate::health::sources;
use crate::prober::{self, Prober};
use crate::state::persist::LastHealth;
use crate::state::publisher::{Publisher, Start};

/// What works behind the listeners.
pub(super) struct Backstage {
    pub(super) publisher: Publisher,
    pub(super) publishing: JoinHandle<()>,
    pub(super) prober: Prober,
    pub(super) herald: Herald,
}

impl Backstage {
    pub(super) fn start(
        config: &Config,
        probing: prober::Settings,
        counters: &AllCounters,
        (set, settings): (settings::Set, engine::settings::Settings),
        editor: &Editor,
    ) -> anyhow::Result<Self> {
        // The publisher tells the prober its targets, the prober tells the publisher what it found:
        // one of them must come first.
        let prober = Arc::new(OnceLock::<Prober>::new());
        let tell = Arc::clone(&prober);
        let start = Start {
            last_health: LastHealth::load(&config.state),
            overrides: overrides(&config.state),
            probers: settings_of_probers(config),
            counting: counters.expected(),
            settings: Arc::new(settings),
        };
        let (publisher, publishing) = Publisher::start(start, move |targets| {
            if let Some(prober) = tell.get() {
                prober.set_targets(targets);
            }
        })
        .context("cannot start the publisher")?;
        let reports = publisher.clone();
        let counting = counters.thread_beside();
        let started = Prober::start(probing, counting, move |report| reports.report(report))
            .context("cannot start the prober")?;
        let prober = prober.get_or_init(|| started).clone();
        let progress = prober.progress();
        publisher.watch_prober(move || progress.is_late());
        let herald = Herald::start(config, &publisher, editor, set, counters.thread_beside())?;
        Ok(Self { publisher, publishing, prober, herald })
    }

    /// Makes what was loaded beside another server what that one has come to since, and says how many zones there are.
    pub(super) fn renew(
        &self,
        config: &Config,
        strict: bool,
        had: &replace::Begun,
        loader: &mut Loader,
        elsewhere: &mut secondary::Begun,
    ) -> anyhow::Result<usize> {
        let round = had.renew(loader, elsewhere, &config.state);
        refuse_broken(&round, strict)?;
        let zones = round.zones.len();
        self.show(round);
        self.publisher.take_over(overrides(&config.state), LastHealth::load(&config.state));
        Ok(zones)
    }

    /// Has a round of zones served and probed.
    pub(super) fn show(&self, round: Round) {
        self.publisher.zones(round.zones);
        self.publisher.flush();
    }

    pub(super) fn stop(self) {
        self.herald.stop();
        self.prober.stop();
        self.publisher.stop();
        // A thread that panicked has been reported where it did.
        let _ = self.publishing.join();
    }
}

/// What the publisher is to know of probers.
fn settings_of_probers(config: &Config) -> sources::Settings {
    let prober = &config.prober;
    let expect = prober.expect.iter().filter_map(|name| Source::beside(name).ok());
    sources::Settings {
        inside: prober.inside,
        quorum: prober.quorum,
        on_loss: prober.on_prober_loss,
        takeover: prober.takeover,
        lease: prober.lease,
        expect: expect.collect(),
        isolation: prober.isolation.clone(),
    }
}

/// A start that wants no mistake ends with one.
pub(super) fn refuse_broken(round: &Round, strict: bool) -> anyhow::Result<()> {
    let files = match round.broken {
        0 => return Ok(()),
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    };
    if strict {
        bail!("{files} with mistakes, and --strict wants none");
    }
    Ok(())
}
