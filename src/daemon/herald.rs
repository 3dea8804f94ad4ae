//! What becomes of a new version: it is published, and those who take the zone from us are told.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context as _;
use arc_swap::ArcSwap;

use super::clock::seconds;
use super::load::Loader;
use super::reload::{Editor, Show, Stage};
use super::settings::Set;
use crate::authority::follow::{self, Follower, follows};
use crate::authority::notify::Notifier;
use crate::config::Config;
use crate::config::model::access::{FOLLOW_INTERVAL, FollowHealth};
use crate::counters::Counters;
use crate::engine::{Snapshot, View};
use crate::name::Name;
use crate::state::publisher::Publisher;
use crate::zone::exported::Exported;

/// Publishes versions and tells of them.
#[derive(Clone)]
pub(super) struct Herald {
    publisher: Publisher,
    notifier: Notifier,
    follower: Follower,
    threads: Arc<[JoinHandle<()>; 2]>,
    set: Arc<Set>,
    aliasing: Arc<ArcSwap<Aliasing>>,
}

/// The zones that have aliases, and so say what others do.
#[derive(Default)]
struct Aliasing {
    /// Those that follow health.
    following: Vec<(Name, FollowHealth)>,
    /// Those that do not.
    others: Vec<Name>,
}

impl Aliasing {
    fn new(snapshot: &Snapshot) -> Self {
        let mut aliasing = Self::default();
        let zones = snapshot.zones().filter_map(View::zone);
        for zone in zones.filter(|zone| !zone.aliases.is_empty()) {
            match follows(&snapshot.settings().access, zone) {
                Some(follow) => aliasing.following.push((zone.origin.clone(), follow)),
                None => aliasing.others.push(zone.origin.clone()),
            }
        }
        aliasing
    }
}

impl Herald {
    /// Starts the threads that tell secondaries, and that have versions made where health is content.
    pub(super) fn start(
        config: &Config,
        publisher: &Publisher,
        editor: &Editor,
        set: Set,
        counters: Arc<Counters>,
    ) -> anyhow::Result<Self> {
        let listen: Vec<IpAddr> = config.listen.iter().map(SocketAddr::ip).collect();
        let (notifier, notifying) =
            Notifier::start(listen, seconds, counters).context("cannot start the notifier")?;
        let editor = editor.clone();
        let (follower, watching) = Follower::start(move |zone| editor.health_changed(zone))
            .context("cannot start the follower")?;
        let (told, snapshot) = (follower.clone(), Arc::clone(publisher.snapshot()));
        let aliasing = Arc::<ArcSwap<Aliasing>>::default();
        let following = Arc::clone(&aliasing);
        publisher.on_health(move |zone| {
            if let Some(follow) = follows(&snapshot.load().settings().access, zone) {
                told.changed(&zone.origin, follow);
            }
            for (origin, follow) in &following.load().following {
                told.changed(origin, *follow);
            }
        });
        let (publisher, set) = (publisher.clone(), Arc::new(set));
        let threads = Arc::new([notifying, watching]);
        Ok(Self { publisher, notifier, follower, threads, set, aliasing })
    }

    /// Has every zone say what is known of its pools, before anybody can take it.
    pub(super) fn say_what_is_known(&self, loader: &mut Loader) {
        let snapshot = self.publisher.snapshot().load_full();
        let news = snapshot.zones().filter_map(|view| {
            let exported = follow::exported(&snapshot, view)?;
            Some((view.origin().clone(), exported))
        });
        for (origin, zone) in loader.say(news.collect()) {
            self.publisher.zone(origin, Some(zone));
        }
        self.publisher.flush();
        self.aliasing.store(Arc::new(Aliasing::new(&snapshot)));
    }

    /// Whether one of these zones is known to have aliases.
    fn has_aliases<'n>(&self, mut origins: impl Iterator<Item = &'n Name>) -> bool {
        let aliasing = self.aliasing.load();
        let following = aliasing.following.iter().map(|(origin, _)| origin);
        let known: HashSet<&Name> = following.chain(&aliasing.others).collect();
        origins.any(|origin| known.contains(origin))
    }

    /// Has zones looked at that say what others do.
    fn look_at_aliases(&self) {
        let aliasing = self.aliasing.load();
        for (origin, follow) in &aliasing.following {
            self.follower.changed(origin, *follow);
        }
        for origin in &aliasing.others {
            self.follower.changed(origin, FollowHealth { interval: FOLLOW_INTERVAL });
        }
    }

    /// Tells secondaries of all zones in a version that they were not told of.
    pub(super) fn tell_all(&self) {
        self.notifier.tell_all(&self.publisher.snapshot().load());
    }

    /// Whether one of its threads has died: secondaries would be told nothing more, and nobody would know.
    pub(super) fn is_finished(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the threads.
    pub(super) fn stop(&self) {
        self.follower.stop();
        self.notifier.stop();
    }
}

impl Stage for Herald {
    fn reading(&self) {
        self.set.read_again(&self.publisher);
    }

    fn look(&self) {
        self.set.look(&self.publisher);
    }

    fn show(&self, shown: Show) {
        match shown {
            Show::All(zones) => {
                self.publisher.zones(zones);
                self.publisher.flush();
                self.tell_all();
                // What was read from files knows nothing of health.
                let snapshot = self.publisher.snapshot().load();
                for zone in snapshot.zones().filter_map(View::zone) {
                    if let Some(follow) = follows(&snapshot.settings().access, zone) {
                        self.follower.changed(&zone.origin, follow);
                    }
                }
                self.aliasing.store(Arc::new(Aliasing::new(&snapshot)));
            }
            Show::Some(zones) => {
                self.publisher.some_zones(zones.clone());
                self.publisher.flush();
                let snapshot = self.publisher.snapshot().load();
                let mut has_aliases = self.has_aliases(zones.iter().map(|(origin, _)| origin));
                for zone in zones.iter().filter_map(|(_, zone)| zone.as_ref()) {
                    self.notifier.tell(zone, snapshot.settings());
                    // What was read from files knows nothing of health.
                    if let Some(follow) = follows(&snapshot.settings().access, zone) {
                        self.follower.changed(&zone.origin, follow);
                    }
                    has_aliases |= !zone.aliases.is_empty();
                }
                if has_aliases {
                    self.aliasing.store(Arc::new(Aliasing::new(&snapshot)));
                }
            }
            Show::Kept(are_kept) => self.publisher.updates_kept(are_kept),
            Show::One(origin, zone) => {
                self.publisher.zone(origin, zone.clone());
                self.publisher.flush();
                if let Some(zone) = zone {
                    self.notifier.tell(&zone, self.publisher.snapshot().load().settings());
                }
            }
        }
        self.look_at_aliases();
    }

    fn exported(&self, origin: &Name) -> Option<Exported> {
        let snapshot = self.publisher.snapshot().load();
        let place = snapshot.catalog().place(origin)?;
        follow::exported(&snapshot, snapshot.zone(place as u32)?)
    }

    fn said(&self, origin: &Name) {
        self.follower.made(origin);
    }
}
