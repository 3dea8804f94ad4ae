//! Real programs, by `/bin/sh`.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::super::{Checker, Found};
use super::helper::rules;
use super::message::{ANSWER_MAX, REQUEST_MAX, Request, Rules, first, frame};
use super::*;
use crate::config::model::allowed::{Secrets, Variables};
use crate::config::model::{Check, CheckKind};
use crate::health::target::{Outcome, Target};

/// As much time as a busy machine may need.
const LONG: Duration = Duration::from_secs(60);

fn programs(at_once: usize) -> Programs {
    let at_once = NonZeroUsize::new(at_once).expect("above zero");
    Programs { allow: vec!["/bin".into()], env: Variables(vec!["GIVEN".into()]), at_once }
}

fn checker(at_once: usize) -> Checker {
    checker_over(at_once, helper(&programs(at_once)))
}

fn checker_over(at_once: usize, helper: Helper) -> Checker {
    Checker::with(Vec::new(), programs(at_once), Secrets::default()).helped_by(Some(helper))
}

/// A helper in a thread of this process: the binary is another.
fn helper(programs: &Programs) -> Helper {
    let (ours, theirs) = UnixStream::pair().expect("two sockets");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(serve(theirs))
    });
    Helper::over(ours, None, &rules(programs, None)).expect("it begins")
}

fn target(words: &[&str], timeout: Duration) -> Target {
    let check = ExecCheck {
        port: std::num::NonZeroU16::new(25),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        env: vec![("GIVEN".into(), "here".into())],
    };
    let once = std::num::NonZeroU8::MIN;
    let check = Check {
        kind: CheckKind::Exec(check),
        interval: LONG,
        fast_interval: LONG,
        timeout,
        rise: once,
        fall: once,
        flap: None,
    };
    Target { address: [192, 0, 2, 7].into(), check: Arc::new(check) }
}

/// "+", "~" for degraded, "-" or "!", and what was said.
async fn ran(script: &str, timeout: Duration) -> String {
    let checker = checker(10);
    match checker
        .check(&target(&["/bin/sh", "-c", script, "sh", "{address}:{port}"], timeout))
        .await
    {
        Ok(Found { outcome: Outcome::Fail, detail, .. }) => format!("- {detail}"),
        Ok(Found { detail, told, .. }) if told.is_degraded => format!("~ {detail}"),
        Ok(Found { detail, .. }) => format!("+ {detail}"),
        Err(obstacle) => format!("! {obstacle}"),
    }
}

#[tokio::test]
async fn nagios_exit_codes_are_what_they_are_there() {
    for (script, expected) in [
        ("echo 'OK - 3 ms | time=3ms'; echo more", "+ OK - 3 ms"),
        ("exit 0", "+ OK"),
        ("echo 'slow |x'; exit 1", "~ slow"),
        ("exit 1", "~ WARNING"),
        ("echo down; exit 2", "- down"),
        ("exit 2", "- CRITICAL"),
        ("echo 'no such host'; exit 3", "! /bin/sh does not know: no such host"),
        ("exit 127", "! /bin/sh ended with 127, and only 0 to 3 mean something: it said nothing"),
        ("kill -SEGV $$", "! /bin/sh was ended by signal 11"),
        // What is the target's.
        ("echo \"$1\"", "+ 192.0.2.7:25"),
        // Nothing of ours but the path.
        ("echo \"$GIVEN $HOME $USER${CARGO_MANIFEST_DIR-none}\"", "+ here  none"),
        ("pwd", "+ /"),
        ("read x || echo nothing", "+ nothing"),
        ("echo lost >&2", "+ OK"),
    ] {
        assert_eq!(ran(script, LONG).await, expected, "{script}");
    }
}

#[tokio::test]
async fn programs_that_hang_leave_places_for_others() {
    let checker = Arc::new(checker(4));
    let quick = target(&["/bin/sh", "-c", "exit 0"], LONG);
    let found = checker.check(&quick).await.expect("it can be run");
    assert_eq!(found.outcome, Outcome::Pass);
    let mut hanging = tokio::task::JoinSet::new();
    for number in 0..20 {
        let checker = Arc::clone(&checker);
        let target = target(&["/bin/sh", "-c", &format!("sleep 1000 # {number}")], LONG);
        hanging.spawn(async move { checker.check(&target).await });
    }
    // Three run, and the others wait.
    while checker.runner.open.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let found = checker.check(&quick).await.expect("it can be run");
    assert_eq!(found.outcome, Outcome::Pass, "nobody is to end for it");
    assert_eq!(hanging.try_join_next().map(|_| ()), None);
    // What has not run yet waits with those that hang.
    let new = target(&["/bin/sh", "-c", "exit 0 # new"], Duration::from_millis(50));
    let told = checker.check(&new).await.expect_err("there is no place").to_string();
    assert_eq!(
        told,
        "4 programs run already; raise prober.exec.at_once, or the interval of exec checks"
    );
}

#[tokio::test]
async fn a_program_that_hangs_waits_with_those_that_do() {
    let runner = Runner::new(programs(2));
    let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
    runner.note(1, one, true);
    runner.note(2, other, true);
    runner.note(1, one, false);
    assert_eq!(runner.ended().keys().copied().collect::<Vec<_>>(), [2]);
    runner.keep(&HashSet::new());
    assert!(runner.ended().is_empty());
    for (at_once, open) in [(1, 1), (2, 1), (3, 2), (4, 3), (10, 8), (100, 75)] {
        assert_eq!(Runner::new(programs(at_once)).open.available_permits(), open, "{at_once}");
    }
}

#[tokio::test]
async fn what_is_written_is_bounded_and_does_not_hold_it_up() {
    // Far more than a pipe holds: who stops to read would stop the program.
    let found = ran("head -c 1000000 /dev/zero | tr '\\0' x; exit 2", LONG).await;
    assert!(found.starts_with("- xxx") && found.len() < 300, "{found}");
}

#[tokio::test]
async fn only_what_the_operator_allows_is_run() {
    let refused = |found: Result<Found, Obstacle>| {
        let obstacle = found.expect_err("it is not allowed");
        assert!(obstacle.to_string().contains("is not run: the config file does not allow it"));
    };
    let usual = Checker::new(Vec::new());
    refused(usual.check(&target(&["/bin/true"], LONG)).await);
    let checker = checker(1);
    for program in ["/usr/bin/true", "/bin/../usr/bin/true", "/binary/true", "bin/true"] {
        refused(checker.check(&target(&[program], LONG)).await);
    }
    // BASH_ENV, PERL5OPT, LD_PRELOAD and their like make a program that is allowed run what is not.
    let mut given = target(&["/bin/true"], LONG);
    let mut check = Check::clone(&given.check);
    let CheckKind::Exec(exec) = &mut check.kind else { unreachable!("it is made so") };
    exec.env.push(("BASH_ENV".into(), "/tmp/harm".into()));
    given.check = Arc::new(check);
    let why = checker.check(&given).await.expect_err("it is not allowed").to_string();
    assert_eq!(why, Refusal::Variable("BASH_ENV".into()).to_string());
    let missing = checker.check(&target(&["/bin/no-such-program"], LONG)).await;
    let why = missing.expect_err("it is not there").to_string();
    assert_eq!(why, "cannot run /bin/no-such-program: no such file or directory");
}

#[tokio::test]
async fn the_helper_knows_by_itself_what_is_allowed() {
    // As if what asks it were no prober of ours any more.
    let helper = helper(&programs(1));
    for (words, env, expected) in [
        (["/usr/bin/true"], vec![], Refusal::Program("/usr/bin/true".into())),
        (
            ["/bin/true"],
            vec![("BASH_ENV".to_owned(), "/tmp/harm".to_owned())],
            Refusal::Variable("BASH_ENV".into()),
        ),
    ] {
        let order = Order { words: words.map(str::to_owned).to_vec(), env, timeout: LONG };
        assert_eq!(helper.run(order).await, Err(obstacle(expected.to_string())));
    }
    let order = |script: &str| Order {
        words: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: vec![],
        timeout: LONG,
    };
    let (first, other) = (helper.run(order("sleep 1000")), helper.run(order("exit 0")));
    let told = tokio::select! {
        biased;
        ended = first => panic!("it sleeps: {ended:?}"),
        other = other => other,
    };
    assert_eq!(told, Err(obstacle("1 programs run already".into())));
    // The first was dropped: its place is free.
    assert_eq!(helper.run(order("exit 0")).await.map(|ended| ended.code), Ok(Some(0)));
}

#[tokio::test]
async fn a_program_with_a_long_name_does_not_end_the_helper() {
    let checker = checker(2);
    let long = format!("/bin/{}", "x".repeat(2 * ANSWER_MAX));
    for (words, expected) in [
        (&[long.as_str()][..], Err("a program cannot be run, for a reason too long to be told")),
        (&["/bin/sh", "-c", "exit 0"], Ok(Outcome::Pass)),
    ] {
        let found = checker.check(&target(words, LONG)).await.map(|found| found.outcome);
        assert_eq!(found.map_err(|obstacle| obstacle.to_string()), expected.map_err(str::to_owned));
    }
}

#[tokio::test]
async fn a_helper_that_has_ended_says_nothing_of_targets() {
    let (ours, mut theirs) = UnixStream::pair().expect("two sockets");
    std::thread::spawn(move || {
        let rules: Rules = first(&mut theirs, REQUEST_MAX).expect("they come first");
        let ready: Result<(), String> = Ok(());
        theirs.write_all(&frame(&ready, ANSWER_MAX).expect("short")).expect("somebody reads");
        // It takes one more, and is gone.
        let asked: Request = first(&mut theirs, REQUEST_MAX).expect("a program is asked for");
        drop((rules, asked, theirs));
    });
    let helper = Helper::over(ours, None, &rules(&programs(1), None)).expect("it begins");
    let checker = checker_over(1, helper);
    let target = target(&["/bin/true"], LONG);
    for _ in 0..2 {
        let why = checker.check(&target).await.expect_err("nobody ran it");
        assert_eq!(why.to_string(), "the helper that runs programs has ended; restart the server");
        assert!(!why.passes());
    }
    let without = Checker::with(Vec::new(), programs(1), Secrets::default());
    let why = without.check(&target).await.expect_err("nobody runs it").to_string();
    assert_eq!(why, "programs are not run here: no helper was started");
}

/// Whether a process is there and is no zombie.
fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

async fn wait_until_gone(pid: &str) {
    for _ in 0..6000 {
        if !runs(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{pid} runs still");
}

/// A file that a program writes the number of a process to.
struct PidFile(PathBuf);

impl PidFile {
    fn new(name: &str) -> Self {
        let name = format!("rotadns-test-{}-{name}.pid", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_file(&path);
        Self(path)
    }

    async fn pid(&self) -> String {
        for _ in 0..6000 {
            let text = fs::read_to_string(&self.0).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the program did not write {}", self.0.display());
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn children_do_not_outlive_a_program_that_ended() {
    let file = PidFile::new("ended");
    let path = file.0.display();
    let script = format!("sleep 1000 & echo $! >{path}; echo fine");
    assert_eq!(ran(&script, LONG).await, "+ fine");
    wait_until_gone(&file.pid().await).await;
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_its_children() {
    let file = PidFile::new("late");
    let path = file.0.display();
    let script = format!("trap '' TERM; sleep 1000 & echo $! >{path}; wait");
    let found = ran(&script, Duration::from_secs(1)).await;
    assert_eq!(found, "- timed out after 1s: the program has not ended");
    wait_until_gone(&file.pid().await).await;
}

#[tokio::test]
async fn a_probe_that_is_dropped_takes_its_program_along() {
    let file = PidFile::new("dropped");
    let path = file.0.display();
    let script = format!("sleep 1000 & echo $! >{path}; wait");
    let probe = tokio::spawn(async move { ran(&script, LONG).await });
    let pid = file.pid().await;
    assert!(runs(&pid));
    probe.abort();
    wait_until_gone(&pid).await;
}

#[tokio::test]
async fn what_leaves_the_group_does_not_hold_up_the_probe() {
    let file = PidFile::new("left");
    let path = file.0.display();
    let script = format!(
        "setsid sh -c 'echo $$ >{path}; exec sleep 1000' & echo started; while [ ! -s {path} ]; do :; done"
    );
    assert_eq!(ran(&script, LONG).await, "+ started");
    let pid = file.pid().await.parse().ok().and_then(Pid::from_raw).expect("a number");
    rustix::process::kill_process(pid, Signal::KILL).expect("it runs on");
}

#[tokio::test]
async fn programs_wait_for_a_place_and_their_time_begins_with_it() {
    let checker = Arc::new(checker(1));
    let ask = |script: &'static str, timeout| {
        let checker = Arc::clone(&checker);
        tokio::spawn(
            async move { checker.check(&target(&["/bin/sh", "-c", script], timeout)).await },
        )
    };
    let file = PidFile::new("place");
    let script =
        Box::leak(format!("echo $$ >{}; exec sleep 1000", file.0.display()).into_boxed_str());
    let first = ask(script, LONG);
    file.pid().await;
    // There is none, and there will be none in its time.
    let second = ask("exit 0", Duration::from_millis(50)).await.expect("no panic");
    let why = second.expect_err("no place").to_string();
    assert!(why.starts_with("1 programs run already"), "{why}");
    let third = ask("echo fine", LONG);
    first.abort();
    assert_eq!(&*third.await.expect("no panic").expect("a place").detail, "fine");
}
