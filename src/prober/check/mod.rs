//! How a target is asked: one probe, from the socket to what was found.
//!
//! A probe has three ends: the target did as wished, it did not, or the probe could not be made and
//! says nothing of the target ([`Obstacle`]).

pub mod agent;
mod bounded;
#[cfg(feature = "databases")]
pub mod database;
pub mod dns;
#[cfg(target_os = "linux")]
pub mod exec;
mod file;
#[cfg(feature = "grpc")]
mod grpc;
pub mod handshake;
pub mod http;
pub mod icmp;
mod several;
pub mod tcp;
pub mod tls;
mod trouble;
pub mod udp;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use self::agent::Agents;
use self::file::Files;
use self::icmp::Pings;
use self::tls::Trust;
use self::trouble::plain;
pub use self::trouble::{Obstacle, Trouble};
use crate::config::model::CheckKind;
use crate::config::model::allowed::{Programs, Secrets};
use crate::health::target::{Outcome, Target};
use crate::health::told::Told;

/// The longest detail, in bytes: some of it may be what a stranger sent.
const DETAIL_MAX: usize = 200;
/// A deadline that is noticed later than this, and than half the timeout, was missed by the prober,
/// not by the target: the process was stopped, the machine suspended, the CPU busy.
const LATE_MIN: Duration = Duration::from_millis(100);

/// Makes probes. What they share is here; each has a connection of its own.
#[derive(Debug)]
pub struct Checker {
    source: Vec<IpAddr>,
    trust: Trust,
    agents: Agents,
    pings: Pings,
    files: Files,
    #[cfg(feature = "databases")]
    secrets: Secrets,
    #[cfg(target_os = "linux")]
    runner: exec::Runner,
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether it was as wished.
    pub outcome: Outcome,
    /// What it was, for people: one short line, no full stop.
    pub detail: Arc<str>,
    /// What the target said of itself.
    pub told: Told,
}

/// What a probe that passed found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// For people: one short line, no full stop.
    pub detail: String,
    /// What the target said of itself.
    pub told: Told,
}

impl From<String> for Passed {
    fn from(detail: String) -> Self {
        Self { detail, told: Told::default() }
    }
}

impl Checker {
    /// A checker that probes from the first of these addresses that is of the target's family;
    /// without one the system chooses.
    #[must_use]
    pub fn new(source: Vec<IpAddr>) -> Self {
        Self::with(source, Programs::default(), Secrets::default())
    }

    /// One that may also have these programs run, and takes passwords from these places.
    #[must_use]
    #[cfg_attr(
        not(all(target_os = "linux", feature = "databases")),
        expect(
            unused_variables,
            reason = "programs are run on Linux alone, and databases have passwords"
        )
    )]
    pub fn with(source: Vec<IpAddr>, programs: Programs, secrets: Secrets) -> Self {
        Self {
            source,
            trust: Trust::default(),
            agents: Agents::default(),
            pings: Pings::default(),
            files: Files::default(),
            #[cfg(feature = "databases")]
            secrets,
            #[cfg(target_os = "linux")]
            runner: exec::Runner::new(programs),
        }
    }

    /// One whose programs are started by this helper.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn helped_by(mut self, helper: Option<exec::Helper>) -> Self {
        self.runner = self.runner.helped_by(helper);
        self
    }

    /// Forgets what it knows of others than these targets.
    pub fn keep(&self, targets: &[Target]) {
        let addresses: HashSet<IpAddr> = targets.iter().map(|target| target.address).collect();
        self.agents.keep(&addresses);
        self.trust.retain(&addresses);
        #[cfg(target_os = "linux")]
        self.runner.keep(&addresses);
        self.files.keep(targets);
    }

    /// Probes a target once, for at most the check's timeout.
    pub async fn check(&self, target: &Target) -> Result<Found, Obstacle> {
        let address = target.address;
        let source = self.source.iter().copied().find(|s| s.is_ipv4() == address.is_ipv4());
        let deadline = Deadline::after(target.check.timeout);

        match self.ask(&target.check.kind, address, source, deadline).await {
            Ok(Passed { detail: found, told }) => {
                Ok(Found { outcome: Outcome::Pass, detail: detail(&found), told })
            }
            Err(Trouble::Said(why, told)) => {
                Ok(Found { outcome: Outcome::Fail, detail: detail(&why), told })
            }
            Err(Trouble::Failed(why)) => {
                Ok(Found { outcome: Outcome::Fail, detail: detail(&why), told: Told::SILENT })
            }
            Err(Trouble::Obstacle(obstacle)) => Err(obstacle),
        }
    }

    /// Asks an address in one way. All but TCP are boxed, so that its many probes do not carry the size of the few others.
    async fn ask(
        &self,
        kind: &CheckKind,
        address: IpAddr,
        source: Option<IpAddr>,
        deadline: Deadline,
    ) -> Result<Passed, Trouble> {
        match kind {
            CheckKind::Tcp { port } => {
                let address = SocketAddr::new(address, port.get());
                tcp::check(address, source, deadline).await.map(Passed::from)
            }
            CheckKind::Http(check) => {
                let probe = http::check(check, address, source, &self.trust, deadline);
                Box::pin(probe).await
            }
            CheckKind::Push(_) => {
                let why = "it reports by itself, and is not to be probed".to_owned();
                Err(Trouble::Obstacle(Obstacle::Check(why)))
            }
            CheckKind::File(check) => {
                Box::pin(file::check(check, address, &self.files, deadline)).await
            }
            CheckKind::Several(check) => {
                several::check(self, check, address, source, deadline).await
            }
            CheckKind::Tls(check) => {
                Box::pin(handshake::check(check, address, source, &self.trust, deadline)).await
            }
            CheckKind::Agent(check) => {
                Box::pin(agent::check(check, address, source, &self.agents, deadline)).await
            }
            #[cfg(feature = "databases")]
            CheckKind::Database(check) => {
                let allowed = &self.secrets;
                let probe = database::check(check, address, source, &self.trust, allowed, deadline);
                Box::pin(probe).await
            }
            #[cfg(not(feature = "databases"))]
            CheckKind::Database(check) => {
                let why = format!("this rotadns was built without `{}`", check.kind.name());
                Err(Trouble::Obstacle(Obstacle::Check(why)))
            }
            CheckKind::Dns(check) => {
                Box::pin(dns::check(check, address, source, deadline)).await.map(Passed::from)
            }
            CheckKind::Udp(check) => {
                Box::pin(udp::check(check, address, source, deadline)).await.map(Passed::from)
            }
            CheckKind::Icmp(check) => {
                let probe = icmp::check(check, address, source, &self.pings, deadline);
                Box::pin(probe).await.map(Passed::from)
            }
            #[cfg(feature = "grpc")]
            CheckKind::Grpc(check) => {
                let probe = grpc::check(check, address, source, &self.trust, deadline);
                Box::pin(probe).await.map(Passed::from)
            }
            #[cfg(not(feature = "grpc"))]
            CheckKind::Grpc(_) => {
                let why = "this rotadns was built without `grpc`".to_owned();
                Err(Trouble::Obstacle(Obstacle::Check(why)))
            }
            #[cfg(target_os = "linux")]
            CheckKind::Exec(check) => Box::pin(self.runner.check(check, address, deadline)).await,
            #[cfg(not(target_os = "linux"))]
            CheckKind::Exec(_) => {
                let why = "programs are run on Linux alone".to_owned();
                Err(Trouble::Obstacle(Obstacle::Program(why)))
            }
        }
    }
}

/// When a probe must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// So long from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self { at: Instant::now() + timeout, timeout }
    }

    /// How long it is from its beginning.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.timeout
    }

    /// As long, from now on.
    #[must_use]
    pub fn anew(self) -> Self {
        Self::after(self.timeout)
    }

    /// One step of a probe; `unfinished` says what is missing if it comes too late, as in "timed
    /// out after 2s: no connection".
    pub async fn within<T>(
        self,
        unfinished: &str,
        step: impl Future<Output = T>,
    ) -> Result<T, Trouble> {
        timeout_at(self.at, step).await.map_err(|_| self.missed(unfinished, Instant::now()))
    }

    fn missed(self, unfinished: &str, now: Instant) -> Trouble {
        let late = now.saturating_duration_since(self.at);
        if late > LATE_MIN.max(self.timeout / 2) {
            Trouble::Obstacle(Obstacle::Late(late))
        } else {
            Trouble::Failed(format!("timed out after {:?}: {unfinished}", self.timeout))
        }
    }
}

/// A text that fits a line of a log, whatever a target put into it.
fn detail(text: &str) -> Arc<str> {
    let ends = text.char_indices().map(|(start, letter)| start + letter.len_utf8());
    let end = ends.take_while(|&end| end <= DETAIL_MAX).last().unwrap_or(0);
    if end == text.len() && !text.contains(char::is_control) {
        return text.into();
    }
    let cut = if end < text.len() { "..." } else { "" };
    let shown = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.chain(cut.chars()).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU8, NonZeroU16};

    use super::*;
    use crate::config::model::{Check, HttpCheck};

    /// A target on the loopback, with as much time as a busy machine may need.
    pub(super) fn target(address: SocketAddr, kind: CheckKind) -> Target {
        let once = NonZeroU8::new(1).unwrap();
        let check = Check {
            kind,
            interval: Duration::from_secs(60),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
            rise: once,
            fall: once,
            flap: None,
        };
        Target { address: address.ip(), check: Arc::new(check) }
    }

    pub(super) fn port(address: SocketAddr) -> NonZeroU16 {
        NonZeroU16::new(address.port()).unwrap()
    }

    /// "+ detail" for a pass, "- detail" for a failure, "! obstacle".
    pub(super) async fn probe(checker: &Checker, target: &Target) -> String {
        match checker.check(target).await {
            Ok(Found { outcome: Outcome::Pass, detail, .. }) => format!("+ {detail}"),
            Ok(Found { outcome: Outcome::Fail, detail, .. }) => format!("- {detail}"),
            Err(obstacle) => format!("! {obstacle}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_the_prober_itself_missed_does_not_count() {
        let timeout = Duration::from_secs(2);
        let deadline = Deadline::after(timeout);
        let missed = |after| deadline.missed("no answer", deadline.at + after);
        let failed = Trouble::Failed("timed out after 2s: no answer".into());
        assert_eq!(missed(Duration::from_secs(1)), failed);
        let late = Duration::from_millis(1001);
        assert_eq!(missed(late), Trouble::Obstacle(Obstacle::Late(late)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_never_ends_times_out() {
        let deadline = Deadline::after(Duration::from_millis(1500));
        let step = deadline.within("no connection", std::future::pending::<()>()).await;
        assert_eq!(step, Err(Trouble::Failed("timed out after 1.5s: no connection".into())));
    }

    #[test]
    fn a_detail_is_one_short_line() {
        assert_eq!(&*detail("HTTP 200"), "HTTP 200");
        assert_eq!(&*detail("not for \"a\r\n\u{1b}[2Jb\""), "not for \"a   [2Jb\"");
        let long = detail(&"ä".repeat(DETAIL_MAX));
        assert_eq!(*long, format!("{}...", "ä".repeat(DETAIL_MAX / 2)));
    }

    #[tokio::test]
    async fn a_source_that_is_not_ours_is_an_obstacle() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = target(address, CheckKind::Tcp { port: port(address) });
        let theirs = Checker::new(vec!["::1".parse().unwrap(), "192.0.2.1".parse().unwrap()]);
        let found = probe(&theirs, &target).await;
        assert!(found.starts_with("! cannot probe from 192.0.2.1: "), "{found}");
    }

    #[tokio::test]
    async fn a_probe_comes_from_the_source_of_its_family() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = target(address, CheckKind::Tcp { port: port(address) });
        let source: IpAddr = "127.0.0.9".parse().unwrap();
        let checker = Checker::new(vec!["::1".parse().unwrap(), source]);
        let accept = async { listener.accept().await.map(|(_, from)| from.ip()).unwrap() };
        let (found, from) = tokio::join!(probe(&checker, &target), accept);
        assert_eq!((found.as_str(), from), ("+ connected", source));
    }

    #[test]
    fn a_tcp_probe_does_not_carry_the_size_of_http() {
        let address = "127.0.0.1:80".parse().unwrap();
        let checker = Checker::new(Vec::new());
        let target = target(address, CheckKind::Tcp { port: port(address) });
        assert!(size_of_val(&checker.check(&target)) < 1024);
        assert!(size_of::<HttpCheck>() < 1024);
    }
}
