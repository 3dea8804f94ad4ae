//! The prober's loop in virtual time, with made-up probes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroUsize};

use tokio::time::sleep;

use super::*;
use crate::config::model::{Check, CheckKind};
use crate::health::target::Health;

const SEEDS: std::ops::Range<u64> = 0..20;

/// Rise 2, fall 3, every 10 s, 1 s while changing side, 2 s at most.
fn check() -> Check {
    Check {
        kind: CheckKind::Tcp { port: NonZeroU16::new(80).unwrap() },
        interval: Duration::from_secs(10),
        fast_interval: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        rise: NonZeroU8::new(2).unwrap(),
        fall: NonZeroU8::new(3).unwrap(),
        flap: None,
    }
}

fn targets(count: u32) -> Arc<[Target]> {
    let check = Arc::new(check());
    let address = |host| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host));
    (0..count).map(|host| Target { address: address(host), check: Arc::clone(&check) }).collect()
}

fn pass() -> Found {
    Found { outcome: Outcome::Pass, detail: "connected".into(), told: Told::default() }
}

fn fail() -> Found {
    Found { outcome: Outcome::Fail, detail: "connection refused".into(), told: Told::SILENT }
}

/// What happened in a simulation, with times since its begin.
#[derive(Default)]
struct Story {
    starts: Vec<(Duration, Target)>,
    reports: Vec<(Duration, Report)>,
    in_flight: usize,
    in_flight_most: usize,
}

/// A probe of a story, in flight until it is dropped.
struct Flight(Arc<Mutex<Story>>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.lock().unwrap().in_flight -= 1;
    }
}

/// A prober in virtual time.
struct Simulation {
    began: Instant,
    story: Arc<Mutex<Story>>,
    wanted: watch::Sender<Wanted>,
    progress: Arc<Progress>,
}

impl Simulation {
    fn start<F>(
        seed: u64,
        in_flight_max: usize,
        probe: impl Fn(Target, Duration) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Found, Obstacle>> + Send + 'static,
    {
        let began = Instant::now();
        let story = Arc::new(Mutex::new(Story::default()));
        let (wanted, receiver) = watch::channel(Wanted::default());

        let told = Arc::clone(&story);
        let probe = move |target: Target| {
            let now = began.elapsed();
            let mut story = told.lock().unwrap();
            story.starts.push((now, target.clone()));
            story.in_flight += 1;
            story.in_flight_most = story.in_flight_most.max(story.in_flight);
            let flight = Flight(Arc::clone(&told));
            let probe = probe(target, now);
            async move {
                let found = probe.await;
                drop(flight);
                found
            }
        };
        let told = Arc::clone(&story);
        let sink = move |report| {
            told.lock().unwrap().reports.push((began.elapsed(), report));
        };
        let in_flight_max = NonZeroUsize::new(in_flight_max).unwrap();
        let schedule = Schedule::new(in_flight_max, fastrand::Rng::with_seed(seed));
        let progress = Arc::<Progress>::default();
        let shown = Arc::clone(&progress);
        tokio::spawn(async move {
            run(schedule, receiver, &shown, probe, sink).await;
        });
        Self { began, story, wanted, progress }
    }

    fn set_targets(&self, targets: Arc<[Target]>) {
        self.wanted.send_modify(|wanted| {
            wanted.targets = targets;
            wanted.version += 1;
        });
    }

    /// Lets the time pass until so long after the begin.
    async fn until(&self, seconds: u64) {
        tokio::time::sleep_until(self.began + Duration::from_secs(seconds)).await;
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        self.story.lock().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn probes_spread_evenly() {
    let simulation = Simulation::start(1, 1000, |_, _| async {
        sleep(Duration::from_millis(20)).await;
        Ok(pass())
    });
    simulation.set_targets(targets(10_000));
    simulation.until(100).await;

    let mut a_second = [0; 100];
    for (start, _) in &simulation.story().starts {
        a_second[start.as_secs() as usize] += 1;
    }
    let first: usize = a_second[..2].iter().sum();
    assert!(first >= 10_000, "the first round is made in two seconds: {a_second:?}");
    assert!(a_second[0] < 6_000, "at a set rate: {a_second:?}");
    for (second, count) in a_second.into_iter().enumerate().skip(2) {
        assert!((700..1300).contains(&count), "second {second}: {count}");
    }
}

#[tokio::test(start_paused = true)]
async fn probes_begin_when_they_are_started() {
    // What was started and has not begun, and the most of it.
    let waiting = Arc::new(Mutex::new((0, 0)));
    let told = Arc::clone(&waiting);
    let simulation = Simulation::start(1, 1000, move |_, _| {
        let mut waiting = told.lock().unwrap();
        waiting.0 += 1;
        waiting.1 = waiting.0.max(waiting.1);
        let told = Arc::clone(&told);
        async move {
            told.lock().unwrap().0 -= 1;
            Ok(pass())
        }
    });
    simulation.set_targets(targets(10_000));
    simulation.until(20).await;
    let (now, most) = *waiting.lock().unwrap();
    assert_eq!(now, 0);
    assert!(most <= UNBEGUN_MAX, "{most}");
}

#[tokio::test(start_paused = true)]
async fn settled_targets_are_probed_every_interval_within_the_jitter() {
    for seed in SEEDS {
        let simulation = Simulation::start(seed, 10, |_, _| async { Ok(pass()) });
        simulation.set_targets(targets(5));
        simulation.until(1000).await;

        let mut last = HashMap::new();
        let mut gaps: HashMap<Target, Vec<Duration>> = HashMap::new();
        for (start, target) in &simulation.story().starts {
            if let Some(last) = last.insert(target.clone(), *start) {
                gaps.entry(target.clone()).or_default().push(start.saturating_sub(last));
            }
        }
        assert_eq!(gaps.len(), 5);
        for gaps in gaps.values() {
            let (spread, steady) = gaps.split_first().unwrap();
            assert!(*spread <= Duration::from_millis(10_002), "seed {seed}: {spread:?}");
            for gap in steady {
                let gap = gap.as_millis();
                assert!((8_998..=11_002).contains(&gap), "seed {seed}: {gap} ms");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_target_is_down_within_the_time_that_is_promised() {
    // One that refuses at once, and one that hangs for the whole timeout.
    for slow in [Duration::ZERO, check().timeout] {
        for seed in SEEDS {
            let breaks = Duration::from_secs(60) + Duration::from_millis(seed * 517);
            let simulation = Simulation::start(seed, 10, move |_, now| async move {
                if now < breaks {
                    return Ok(pass());
                }
                sleep(slow).await;
                Ok(fail())
            });
            simulation.set_targets(targets(1));
            simulation.until(120).await;

            let story = simulation.story();
            let down =
                |(_, report): &&(Duration, Report)| report.health == Health::Down { passed: 0 };
            let (noticed, _) = story.reports.iter().find(down).expect("it went down");
            let took = noticed.checked_sub(breaks).expect("not before it broke");
            let promised = check().detection_max() + Duration::from_millis(10);
            assert!(took <= promised, "seed {seed}: {took:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn probes_that_run_late_are_told_until_they_do_so_no_more() {
    // 300 targets that hang for 2 s each until second 300, and 10 places.
    let simulation = Simulation::start(1, 10, |_, now| async move {
        if now < Duration::from_secs(300) {
            sleep(check().timeout).await;
            return Ok(fail());
        }
        Ok(pass())
    });
    simulation.set_targets(targets(300));
    simulation.until(40).await;
    assert!(!simulation.progress.is_late(), "the first round takes as long as it does");
    simulation.until(290).await;
    assert!(simulation.progress.is_late());
    simulation.until(450).await;
    assert!(!simulation.progress.is_late());
    // A round of 300 takes 60 s in place of 10, and the four after the first began late.
    let late = simulation.progress.counters.get(Counter::ProbesBegunLate);
    assert!((900..=1600).contains(&late), "{late}");
}

#[tokio::test(start_paused = true)]
async fn probes_that_find_no_place_are_told_until_they_do() {
    let simulation = Simulation::start(1, 10, |_, now| async move {
        let is_full = (100..200).contains(&now.as_secs());
        if is_full { Err(Obstacle::Places(NonZeroUsize::MIN)) } else { Ok(pass()) }
    });
    simulation.set_targets(targets(2));
    for (second, expected) in [(99, false), (130, true), (230, true), (270, false)] {
        simulation.until(second).await;
        assert_eq!(simulation.progress.is_late(), expected, "at {second} s");
    }
    let counted = |counter| simulation.progress.counters.get(counter);
    // Two targets each second for 100 s.
    let without = counted(Counter::ProbesWithoutPlace);
    assert!((160..=202).contains(&without), "{without}");
    assert_eq!((counted(Counter::ProbesBegunLate), counted(Counter::ProbesHeldUp)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn when_there_are_too_many_all_wait_alike_and_the_limit_holds() {
    // 300 targets that hang for 2 s each, and 10 places: a round takes a minute, not ten
    // seconds.
    let simulation = Simulation::start(1, 10, |_, _| async {
        sleep(check().timeout).await;
        Ok(fail())
    });
    simulation.set_targets(targets(300));
    simulation.until(1200).await;

    let story = simulation.story();
    assert_eq!(story.in_flight_most, 10);
    let mut probes: HashMap<&Target, u32> = HashMap::new();
    for (_, target) in &story.starts {
        *probes.entry(target).or_default() += 1;
    }
    assert_eq!(probes.len(), 300);
    let (least, most) = (probes.values().min().unwrap(), probes.values().max().unwrap());
    assert!(*least >= 19 && most - least <= 1, "{least} to {most}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_leaves_takes_its_probe_along() {
    let simulation = Simulation::start(1, 2, |_, _| std::future::pending());
    simulation.set_targets(targets(2));
    simulation.until(5).await;
    assert_eq!(simulation.story().in_flight, 2);

    let stays: Arc<[Target]> = targets(2)[..1].into();
    simulation.set_targets(stays);
    simulation.until(6).await;
    assert_eq!(simulation.story().in_flight, 1);

    simulation.set_targets(targets(4)[1..].into());
    simulation.until(7).await;
    let story = simulation.story();
    assert_eq!(story.in_flight, 2, "the places are free again");
    assert_eq!(story.in_flight_most, 2);
    assert!(story.reports.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_cannot_be_made_is_not_reported_and_is_made_later() {
    let lacking = Duration::from_secs(30);
    let simulation = Simulation::start(1, 10, move |_, now| async move {
        if now < lacking { Err(Obstacle::Files) } else { Ok(pass()) }
    });
    simulation.set_targets(targets(1));
    simulation.until(40).await;

    let story = simulation.story();
    let (first, report) = story.reports.first().unwrap();
    assert_eq!(report.health, Health::Up { failed: 0 });
    assert!(*first >= lacking && *first <= lacking + Duration::from_secs(2), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_no_verdict_is_asked_again_when_its_turn_comes() {
    let simulation = Simulation::start(1, 10, |_, _| async {
        Err(Obstacle::Unknown("it does not know".into()))
    });
    simulation.set_targets(targets(1));
    simulation.until(100).await;
    let story = simulation.story();
    assert!(story.reports.is_empty());
    assert!((9..=13).contains(&story.starts.len()), "every ten seconds: {}", story.starts.len());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_takes_nothing_along() {
    let broken = targets(1)[0].clone();
    let simulation = Simulation::start(1, 10, move |target, _| {
        let broken = target == broken;
        async move {
            assert!(!broken, "on purpose");
            Ok(pass())
        }
    });
    simulation.set_targets(targets(2));
    simulation.until(5).await;

    let story = simulation.story();
    let health = |host: usize| {
        let target = &targets(2)[host];
        let report = story.reports.iter().find(|(_, report)| report.target == *target);
        report.map(|(_, report)| report.health)
    };
    assert_eq!(health(0), Some(Health::Down { passed: 0 }));
    assert_eq!(health(1), Some(Health::Up { failed: 0 }));
}

#[tokio::test(start_paused = true)]
async fn a_report_says_how_long_the_probe_took() {
    let simulation = Simulation::start(1, 10, |_, _| async {
        sleep(Duration::from_millis(30)).await;
        Ok(pass())
    });
    simulation.set_targets(targets(1));
    simulation.until(1).await;
    let story = simulation.story();
    let (_, report) = story.reports.first().unwrap();
    assert!((30..=31).contains(&report.took.as_millis()), "{:?}", report.took);
    assert_eq!(&*report.detail, "connected");
}

#[test]
fn warns_of_each_kind_once_a_minute() {
    let mut warnings = Warnings::default();
    let rows = [
        (0, Obstacle::Files, true),
        (1, Obstacle::Files, false),
        (1, Obstacle::Ports, true),
        (59, Obstacle::Files, false),
        (60, Obstacle::Files, true),
    ];
    for (second, obstacle, due) in rows {
        let now = Duration::from_secs(second);
        assert_eq!(warnings.is_due(&obstacle, now), due, "{obstacle} at {second} s");
    }
}
