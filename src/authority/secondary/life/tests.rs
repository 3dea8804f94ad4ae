//! A zone's life beside primaries that say what a test wants: what is served, what is shown, what is on the disk.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use super::super::ask::Patience;
use super::super::receive::Limits;
use super::super::scripted::{
    Asked, Says, Scripted, built, clock, key, message, origin, told, zone,
};
use super::*;
use crate::wire::tsig::key::Algorithm;

/// One zone from elsewhere, and what it serves.
struct Stage {
    folder: PathBuf,
    common: Arc<Common>,
    served: Arc<Mutex<Vec<Option<Arc<Zone>>>>>,
    notify: Option<mpsc::Sender<Notify>>,
    /// The key of its primaries, whose secret was another at the start.
    rolled: Option<Arc<Key>>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("rotadns-life-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let served = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&served);
        let serve = move |_, zone| to.lock().expect("nobody panics with it").push(zone);
        let common = Arc::new(Common::new(serve, Arc::default()));
        Self { folder, common, served, notify: None, rolled: None }
    }

    /// A version is served after this.
    fn after(mut self, wait: impl Fn() + Send + Sync + 'static) -> Self {
        let to = Arc::clone(&self.served);
        let serve = move |_, zone: Option<_>| {
            if zone.is_some() {
                wait();
            }
            to.lock().expect("nobody panics with it").push(zone);
        };
        self.common = Arc::new(Common::new(serve, Arc::default()));
        self
    }

    fn place(&self) -> Place {
        Place::new(&self.folder, &origin())
    }

    /// Lives with these primaries.
    fn begin(&mut self, primaries: &[&Scripted]) {
        let millis = Duration::from_millis;
        let asking = Asking {
            origin: origin(),
            patience: Patience {
                datagrams: [millis(100), millis(200)],
                connect: millis(1000),
                idle: millis(500),
                whole: millis(3000),
            },
            limits: Limits { bytes: 1 << 20, records: 10_000 },
            clock,
        };
        let key = self.rolled.as_ref().map(|key| {
            Arc::new(Key::new(key.name().clone(), Algorithm::Sha256, b"the secret of before"))
        });
        let primary = |scripted: &&Scripted| Primary {
            address: scripted.address,
            key: key.clone(),
            tls: None,
        };
        let primaries = primaries.iter().map(primary).collect();
        let life = Life::begin(Arc::clone(&self.common), asking, primaries, self.place());
        (self.common.serve)(origin(), life.served());
        let (notify, notifies) = mpsc::channel(NOTIFIES_MAX);
        self.notify = Some(notify);
        let rolled = self.rolled.clone();
        tokio::spawn(life.live(Arc::new(move |_| rolled.clone()), notifies));
    }

    /// What is served, from the start: serials, `-` is SERVFAIL.
    fn served(&self) -> String {
        let served = self.served.lock().expect("nobody panics with it");
        let serials = served.iter().map(|zone| match zone {
            Some(zone) => zone.serial.to_string(),
            None => "-".to_owned(),
        });
        serials.collect::<Vec<_>>().join(" ")
    }

    fn last(&self) -> Vec<String> {
        let served = self.served.lock().expect("nobody panics with it");
        told(served.last().and_then(Option::as_ref).expect("a version"))
    }

    fn shown(&self) -> Shown {
        self.common.board.zone(&origin()).expect("it is shown from the start")
    }

    async fn notify(&self) {
        let notify = Notify { serial: None, primary: Some(0) };
        self.notify.as_ref().expect("it lives").send(notify).await.expect("it lives");
    }

    /// Waits until these serials were served, and what is shown knows of the last: it is served first.
    async fn until_served(&self, what: &str, serials: &str) {
        let last = serials.rsplit(' ').next().and_then(|serial| serial.parse().ok());
        self.until(what, |stage| stage.served() == serials && stage.shown().serial == last).await;
    }

    async fn until(&self, what: &str, mut look: impl FnMut(&Self) -> bool) {
        for _ in 0..4000 {
            if look(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("not within 8 s: {what}; served {}, {:?}", self.served(), self.shown());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn a_zone_comes_whole_then_by_differences_and_is_kept() {
    run(async {
        let mut stage = Stage::new("comes");
        let primary = Scripted::start(zone("S5", &["S5 N a1", "b1 S5"])).await;
        stage.begin(&[&primary]);
        stage.until_served("the zone is there", "- 5").await;
        primary.says(zone("S6", &["S6 S5 a1 S6 a2 c1 S6"]));
        stage.notify().await;
        stage.until_served("the difference is there", "- 5 6").await;
        assert_eq!(stage.last(), told(&built("S6 N a2 c1 b1 S6")));
        let shown = stage.shown();
        assert_eq!((shown.whole, shown.incremental, shown.failed, shown.notified), (1, 1, 0, 1));
        assert_eq!((shown.serial, shown.primary), (Some(6), Some(primary.address)));
        let kept = |stage: &Stage| stage.place().load(&origin()).ok().flatten();
        stage
            .until("it is kept", |stage| kept(stage).is_some_and(|(kept, _)| kept.serial == 6))
            .await;
        let (kept, _) = kept(&stage).expect("it is kept");
        assert_eq!(told(&kept), stage.last());
    });
}

#[test]
fn a_restart_serves_what_was_kept_at_once() {
    run(async {
        let mut stage = Stage::new("restart");
        let hour_ago = |age: u64| wall() - Duration::from_secs(age);
        stage.place().keep(&built("S5 N a1 S5"), hour_ago(900)).expect("it can be kept");
        // A primary that refuses: the zone is served all the same, for the rest of its time.
        let refused = |asked: Asked| -> Says {
            let mut bytes = message(asked.id, asked.qtype, "");
            bytes[3] = 5;
            Box::new(std::iter::once(bytes))
        };
        let primary = Scripted::start(refused).await;
        stage.begin(&[&primary]);
        assert_eq!(stage.served(), "5", "before anybody was asked");
        let left = stage.shown().expires.expect("it is known").duration_since(wall());
        let left = left.expect("it has not expired").as_secs();
        assert!((95..=100).contains(&left), "{left} s");
        stage.until("the refusal is told", |stage| stage.shown().failure.is_some()).await;
        assert!(!stage.shown().is_expired);
    });
}

#[test]
fn what_has_expired_is_not_served_until_a_primary_has_it() {
    run(async {
        let mut stage = Stage::new("expired");
        let primary = Scripted::start(zone("S5", &[])).await;
        let place = stage.place();
        place.keep(&built("S5 N a1 S5"), wall() - Duration::from_secs(1001)).expect("it is kept");
        stage.begin(&[&primary]);
        assert_eq!(stage.served(), "-");
        stage.until_served("it is back", "- 5").await;
        assert_eq!(stage.shown().whole, 0, "nothing was transferred");
        stage
            .until("the file knows", |stage| {
                let kept = stage.place().load(&origin()).ok().flatten();
                kept.is_some_and(|(_, refreshed)| {
                    wall().duration_since(refreshed).is_ok_and(|age| age.as_secs() < 100)
                })
            })
            .await;
    });
}

#[test]
fn what_has_expired_gives_way_to_any_serial_of_a_primary() {
    // A primary that was rebuilt begins anew with its serials, and has no differences to ours.
    for (serial, soa, version) in [(3, "S3", "S3 N a2 S3"), (6, "S6", "S6 N a2 S6")] {
        run(async {
            let mut stage = Stage::new(&format!("rebuilt-{serial}"));
            let expired = wall() - Duration::from_secs(1001);
            stage.place().keep(&built("S5 N a1 S5"), expired).expect("it can be kept");
            let script = move |asked: Asked| -> Says {
                let records = if asked.qtype == rtype::AXFR { version } else { soa };
                Box::new(std::iter::once(message(asked.id, asked.qtype, records)))
            };
            let primary = Scripted::start(script).await;
            stage.begin(&[&primary]);
            let back = format!("- {serial}");
            stage.until("it is back", |stage| stage.served() == back).await;
            assert_eq!(stage.last(), told(&built(version)));
            stage
                .until("it is counted", |stage| {
                    let shown = stage.shown();
                    (shown.whole, shown.failed) == (1, 0)
                })
                .await;
            let kept = |stage: &Stage| stage.place().load(&origin()).ok().flatten();
            stage
                .until("it is kept", |stage| {
                    kept(stage).is_some_and(|(kept, _)| kept.serial == serial)
                })
                .await;
        });
    }
}

#[test]
fn a_check_is_signed_with_the_secret_of_the_moment() {
    run(async {
        let mut stage = Stage::new("rolled");
        stage.rolled = Some(Arc::new(key()));
        let primary = Scripted::start(zone("S5", &["S5 N a1 S5"])).await;
        stage.begin(&[&primary]);
        stage.until_served("the zone is there", "- 5").await;
        assert_eq!(stage.shown().failed, 0);
    });
}

#[test]
fn who_takes_a_version_late_holds_up_no_other_work() {
    let (start, mut began) = mpsc::channel(1);
    let (go_on, told) = std::sync::mpsc::channel();
    let (told, in_time) = (Mutex::new(told), Arc::new(Mutex::new(None)));
    let result = Arc::clone(&in_time);
    let wait = move || {
        let _ = start.try_send(());
        let told = told.lock().expect("nobody panics with it");
        let is_told = told.recv_timeout(Duration::from_secs(8)).is_ok();
        *result.lock().expect("nobody panics with it") = Some(is_told);
    };
    run(async {
        let mut stage = Stage::new("late").after(wait);
        let primary = Scripted::start(zone("S5", &["S5 N a1 S5"])).await;
        stage.begin(&[&primary]);
        // On the thread that all zones share.
        began.recv().await.expect("a version comes");
        go_on.send(()).expect("it is waited for");
        stage.until_served("the zone is there", "- 5").await;
        assert_eq!(*in_time.lock().expect("nobody panics with it"), Some(true));
    });
}

#[test]
fn a_file_that_is_torn_is_transferred_anew() {
    run(async {
        let mut stage = Stage::new("torn");
        let place = stage.place();
        place.keep(&built("S5 N a1 S5"), wall()).expect("it can be kept");
        let whole = fs::read(place.file()).expect("it is there");
        fs::write(place.file(), &whole[..whole.len() - 1]).expect("it can be torn");
        let primary = Scripted::start(zone("S5", &["S5 N a1 S5"])).await;
        stage.begin(&[&primary]);
        stage.until_served("it is transferred", "- 5").await;
        assert_eq!(stage.shown().whole, 1);
    });
}

#[test]
fn rfc1995_4_what_does_not_fit_is_asked_for_as_a_whole() {
    for (name, differences) in [
        ("missing", "S6 S5 b9 S6 a2 S6"),
        ("other start", "S6 S4 a1 S6 a2 S6"),
        ("jump", "S7 S5 a1 S6 a2 S8"),
    ] {
        run(async {
            let mut stage = Stage::new(&format!("fit-{name}").replace(' ', "-"));
            stage.place().keep(&built("S5 N a1 S5"), wall()).expect("it can be kept");
            let primary = Scripted::start(move |asked: Asked| -> Says {
                let records = match asked.qtype {
                    rtype::SOA => "S6",
                    rtype::IXFR => differences,
                    _ => "S6 N a2 S6",
                };
                Box::new(std::iter::once(message(asked.id, asked.qtype, records)))
            })
            .await;
            stage.begin(&[&primary]);
            stage.until_served(name, "5 6").await;
            assert_eq!(stage.last(), told(&built("S6 N a2 S6")), "{name}");
            assert_eq!((stage.shown().whole, stage.shown().incremental), (1, 0), "{name}");
        });
    }
}

#[test]
fn a_difference_that_adds_what_stays_changes_nothing_there() {
    run(async {
        let mut stage = Stage::new("stays");
        stage.place().keep(&built("S5 N a1 a2 S5"), wall()).expect("it can be kept");
        let primary = Scripted::start(zone("S6", &["S6 S5 a2 S6 a1 a2 a3 N S6"])).await;
        stage.begin(&[&primary]);
        stage.until_served("the difference is there", "5 6").await;
        assert_eq!(stage.last(), told(&built("S6 N a1 a2 a3 S6")));
        assert_eq!((stage.shown().whole, stage.shown().incremental), (0, 1));
    });
}

#[test]
fn what_a_primary_does_wrongly_leaves_the_old_version() {
    for (name, transfer, expected) in [
        (
            "no NS",
            &["S6 a1 S6"][..],
            "its zone cannot be served: example.: the zone has no NS record at its apex; a zone needs at least one",
        ),
        ("open", &["S6 N a1"], "it closed the connection before the end"),
        (
            "two versions",
            &["S6 N a1 S7"],
            "the zone changed on the way: the SOA at the end is not the first one",
        ),
        (
            "signed",
            &["S6 N K S6"],
            "its zone cannot be served: example.: the zone is signed, as it has DNSKEY at its apex",
        ),
    ] {
        run(async {
            let mut stage = Stage::new(&format!("wrong-{name}").replace(' ', "-"));
            stage.place().keep(&built("S5 N a1 S5"), wall()).expect("it can be kept");
            let primary = Scripted::start(zone("S6", transfer)).await;
            stage.begin(&[&primary]);
            stage.until(name, |stage| stage.shown().failure.is_some()).await;
            let failure = stage.shown().failure.expect("it is told");
            let (address, failure) = failure.split_once(": ").expect("whose it is");
            assert_eq!(address, primary.address.to_string());
            assert!(failure.starts_with(expected), "{name}: {failure}");
            assert_eq!(stage.served(), "5", "{name}");
        });
    }
}

#[test]
fn what_has_no_end_or_is_not_ours_leaves_the_old_version() {
    type Turn = fn(Asked) -> Says;
    let turns: [(&str, Turn, &str); 3] = [
        (
            "endless",
            |asked| {
                let first = message(asked.id, asked.qtype, "S6 N");
                let rest = message(asked.id, asked.qtype, &"a1 ".repeat(1000));
                Box::new(std::iter::once(first).chain(std::iter::repeat(rest)))
            },
            "the zone has more than 10000 records",
        ),
        (
            "silent",
            |asked| Box::new([message(asked.id, asked.qtype, "S6 N"), Vec::new()].into_iter()),
            "it sent nothing for 500ms",
        ),
        (
            "another zone",
            |asked| {
                let mut bytes = message(asked.id, asked.qtype, "S6 N S6");
                bytes[13] ^= 1;
                Box::new(std::iter::once(bytes))
            },
            "it answers a question that is not ours",
        ),
    ];
    for (name, turn, expected) in turns {
        run(async {
            let mut stage = Stage::new(&format!("end-{name}").replace(' ', "-"));
            stage.place().keep(&built("S5 N a1 S5"), wall()).expect("it can be kept");
            let script = move |asked: Asked| match asked.qtype {
                rtype::SOA => zone("S6", &[])(asked),
                _ => turn(asked),
            };
            let primary = Scripted::start(script).await;
            stage.begin(&[&primary]);
            stage.until(name, |stage| stage.shown().failure.is_some()).await;
            let failure = stage.shown().failure.expect("it is told");
            assert!(failure.ends_with(expected), "{name}: {failure}");
            assert_eq!((stage.served(), stage.last()), ("5".into(), told(&built("S5 N a1 S5"))));
            let kept = stage.place().load(&origin()).expect("it is whole");
            assert_eq!(kept.map(|(zone, _)| zone.serial), Some(5), "{name}");
        });
    }
}

#[test]
fn the_next_primary_is_asked_at_once() {
    run(async {
        let mut stage = Stage::new("next");
        stage.place().keep(&built("S5 N a1 S5"), wall()).expect("it can be kept");
        let behind = Scripted::start(zone("S4", &[])).await;
        let broken = Scripted::start(zone("S9", &["S9"])).await;
        let ahead = Scripted::start(zone("S6", &["S6 S5 S6 a2 S6"])).await;
        stage.begin(&[&behind, &broken, &ahead]);
        stage.until_served("the third has it", "5 6").await;
        assert_eq!(stage.shown().primary, Some(ahead.address));
        assert_eq!(stage.shown().failed, 2);
    });
}
