//! Several checks made into one: all are made at once, and enough of them must pass.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::Poll;

use super::{Checker, Deadline, Passed, Trouble};
use crate::config::model::{Check, SeveralChecks};
use crate::health::told::{Matters, Told};

/// A probe that is one of several.
type Probe<'p> = Pin<Box<dyn Future<Output = Result<Passed, Trouble>> + Send + 'p>>;

/// Makes all of them. "1 of 2 passes, 2 must; tcp :443: connection refused".
pub(super) fn check<'p>(
    checker: &'p Checker,
    several: &'p SeveralChecks,
    address: IpAddr,
    source: Option<IpAddr>,
    deadline: Deadline,
) -> Probe<'p> {
    // Made here, behind a type of its own, as a check within a check leads back to the same function.
    let probe = |part: &'p Check| -> Probe<'p> {
        Box::pin(checker.ask(&part.kind, address, source, deadline))
    };
    let probes = several.of.iter().map(|part| probe(part)).collect();
    Box::pin(async move { verdict(several, all(probes).await) })
}

/// What each of them ends with, in their order; all run at once.
async fn all(mut probes: Vec<Probe<'_>>) -> Vec<Result<Passed, Trouble>> {
    let mut found: Vec<Option<Result<Passed, Trouble>>> = probes.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (probe, found) in probes.iter_mut().zip(&mut found) {
            // What has ended must not be asked again.
            if found.is_none()
                && let Poll::Ready(end) = probe.as_mut().poll(context)
            {
                *found = Some(end);
            }
        }
        if found.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    found.into_iter().flatten().collect()
}

/// What comes of it. A probe that could not be made decides nothing: if it matters, neither can this one be.
fn verdict(several: &SeveralChecks, ends: Vec<Result<Passed, Trouble>>) -> Result<Passed, Trouble> {
    let least = usize::from(several.least);
    let all = ends.len();
    let mut passed = Vec::new();
    let mut failed = String::new();
    let mut told = Vec::new();
    // A part that does not answer says nothing, and so nothing against what it said before.
    let (mut asked, mut heard) = (Matters::NONE, Matters::NONE);
    let mut obstacle = None;
    let mut blind = 0;
    for (part, end) in several.of.iter().zip(ends) {
        let of_kind = Matters::of(&part.kind);
        asked = asked.and(of_kind);
        let mut hear = |of_part: Told| {
            heard = heard.and(of_kind.but(of_part.unheard));
            told.push(of_part);
        };
        let why = match end {
            Ok(Passed { detail, told }) => {
                hear(told);
                passed.push(detail);
                continue;
            }
            Err(Trouble::Failed(why)) => why,
            Err(Trouble::Said(why, told)) => {
                hear(told);
                why
            }
            Err(Trouble::Obstacle(lacking)) => {
                blind += 1;
                let why = lacking.to_string();
                obstacle.get_or_insert(lacking);
                why
            }
        };
        let _ = write!(failed, "; {part}: {why}");
    }
    let is_silent = told.is_empty();
    let told = Told { unheard: asked.but(heard), ..Told::together(told) };
    let count = passed.len();
    let verb = if count == 1 { "passes" } else { "pass" };
    match obstacle {
        _ if count == all => {
            let detail = format!("{count} of {all} {verb}: {}", passed.join(", "));
            Ok(Passed { detail, told })
        }
        _ if count >= least => {
            Ok(Passed { detail: format!("{count} of {all} {verb}{failed}"), told })
        }
        Some(obstacle) if count + blind >= least => Err(Trouble::Obstacle(obstacle)),
        _ => {
            let why = format!("{count} of {all} {verb}, {least} must{failed}");
            Err(if is_silent { Trouble::Failed(why) } else { Trouble::Said(why, told) })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroU16;

    use super::super::tests::{probe, target};
    use super::super::{Found, Obstacle};
    use super::*;
    use crate::config::model::{AgentCheck, CheckKind, DatabaseCheck, DatabaseKind, Role};
    use crate::health::target::Outcome;

    const ADDRESS: &str = "127.0.0.1:0";

    fn several(least: u8, ports: &[u16]) -> SeveralChecks {
        let kind = |&port| CheckKind::Tcp { port: NonZeroU16::new(port).unwrap() };
        let of = ports.iter().map(|port| target(ADDRESS.parse().unwrap(), kind(port)).check);
        SeveralChecks { least, of: of.collect() }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands among those that failed")]
    fn passed(detail: &str, told: Told) -> Result<Passed, Trouble> {
        Ok(Passed { detail: detail.into(), told })
    }

    fn failed(why: &str) -> Result<Passed, Trouble> {
        Err(Trouble::Failed(why.into()))
    }

    #[test]
    fn enough_must_pass_and_what_failed_is_named() {
        let pass = || passed("connected", Told::default());
        let blind = || Err(Trouble::Obstacle(Obstacle::Ports));
        let said = |why: &str| Err(Trouble::Said(why.into(), Told::default()));
        let no_port = Obstacle::Ports.to_string();
        for (least, ends, expected) in [
            (2, vec![pass(), pass()], passed("2 of 2 pass: connected, connected", Told::default())),
            (2, vec![pass(), failed("refused")], said("1 of 2 passes, 2 must; tcp :2: refused")),
            (
                1,
                vec![failed("gone"), pass()],
                passed("1 of 2 passes; tcp :1: gone", Told::default()),
            ),
            (
                1,
                vec![failed("gone"), said("drained")],
                said("0 of 2 pass, 1 must; tcp :1: gone; tcp :2: drained"),
            ),
            (
                2,
                vec![pass(), failed("gone"), pass()],
                passed("2 of 3 pass; tcp :2: gone", Told::default()),
            ),
            (
                2,
                vec![failed("gone"), failed("gone"), pass()],
                said("1 of 3 passes, 2 must; tcp :1: gone; tcp :2: gone"),
            ),
            // One that could not be made counts only where it would decide.
            (2, vec![pass(), blind()], blind()),
            (
                1,
                vec![pass(), blind()],
                passed(&format!("1 of 2 passes; tcp :2: {no_port}"), Told::default()),
            ),
            (
                2,
                vec![failed("gone"), blind()],
                failed(&format!("0 of 2 pass, 2 must; tcp :1: gone; tcp :2: {no_port}")),
            ),
        ] {
            let ports: Vec<u16> = (1..=u16::try_from(ends.len()).unwrap()).collect();
            assert_eq!(verdict(&several(least, &ports), ends), expected);
        }
    }

    #[test]
    fn what_they_tell_is_put_together() {
        let busy = Told { load: Some(80), ..Told::default() };
        let ending = Told { is_degraded: true, load: Some(10), ..Told::default() };
        let both = Told { is_degraded: true, load: Some(80), ..Told::default() };
        let end = verdict(&several(2, &[1, 2]), vec![passed("a", busy), passed("b", ending)]);
        assert_eq!(end, passed("2 of 2 pass: a, b", both));
        let end = verdict(&several(1, &[1, 2]), vec![passed("a", busy), failed("b")]);
        assert_eq!(end, passed("1 of 2 passes; tcp :2: b", busy));
    }

    #[test]
    fn a_part_that_does_not_answer_takes_nothing_back() {
        let port = NonZeroU16::new(1).unwrap();
        let address = ADDRESS.parse().unwrap();
        let of = [
            CheckKind::Database(DatabaseCheck {
                port,
                user: None,
                password: None,
                kind: DatabaseKind::Redis,
                tls: None,
            }),
            CheckKind::Agent(AgentCheck { port, send: Vec::new() }),
        ];
        let of = of.map(|kind| target(address, kind).check).to_vec();
        let several = SeveralChecks { least: 2, of };
        let primary = Told { role: Some(Role::Primary), ..Told::default() };
        let busy = Told { share: Some(75), ..Told::default() };
        let role = Matters::ROLE.and(Matters::CONDITION);
        let wish = Matters::WISH.and(Matters::SHARE);
        for (ends, unheard) in [
            (vec![passed("a", primary), passed("b", busy)], Some(Matters::NONE)),
            (vec![failed("timeout"), passed("b", busy)], Some(role)),
            (vec![failed("timeout"), Err(Trouble::Said("b".into(), busy))], Some(role)),
            (vec![passed("a", primary), failed("timeout")], Some(wish)),
            (vec![failed("timeout"), failed("timeout")], None),
        ] {
            let row = format!("{ends:?}");
            let found = match verdict(&several, ends) {
                Ok(Passed { told, .. }) | Err(Trouble::Said(_, told)) => Some(told.unheard),
                Err(_) => None,
            };
            assert_eq!(found, unheard, "{row}");
        }
    }

    #[tokio::test]
    async fn a_check_within_a_check_is_made() {
        let listener = tokio::net::TcpListener::bind(ADDRESS).await.unwrap();
        let open = listener.local_addr().unwrap().port();
        let gone = tokio::net::TcpListener::bind(ADDRESS).await.unwrap();
        let closed = gone.local_addr().unwrap().port();
        drop(gone);

        let address: SocketAddr = ADDRESS.parse().unwrap();
        let inner = target(address, CheckKind::Several(several(1, &[closed, open]))).check;
        let mut outer = several(2, &[open]);
        outer.of.push(inner);
        let checker = Checker::new(Vec::new());
        let found = probe(&checker, &target(address, CheckKind::Several(outer.clone()))).await;
        let why = format!("1 of 2 passes; tcp :{closed}: connection refused");
        assert_eq!(found, format!("+ 2 of 2 pass: connected, {why}"));

        outer.least = 3;
        outer.of.extend(several(1, &[closed]).of);
        let found = probe(&checker, &target(address, CheckKind::Several(outer))).await;
        let why = format!("2 of 3 pass, 3 must; tcp :{closed}: connection refused");
        assert_eq!(found, format!("- {why}"));
    }

    #[tokio::test(start_paused = true)]
    async fn they_run_at_once() {
        let within = |seconds| -> Probe<'_> {
            Box::pin(async move {
                tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
                passed(&seconds.to_string(), Told::default())
            })
        };
        let start = tokio::time::Instant::now();
        let found = all(vec![within(3), within(1), within(2)]).await;
        assert_eq!(start.elapsed().as_secs(), 3);
        let found: Vec<String> = found.into_iter().map(|end| end.unwrap().detail).collect();
        assert_eq!(found, ["3", "1", "2"]);
    }

    #[tokio::test]
    async fn a_probe_of_nobody_says_nothing() {
        let (checker, own) = (Checker::new(Vec::new()), several(1, &[1]));
        let on_other: IpAddr = "192.0.2.1".parse().unwrap();
        let theirs = Checker::new(vec![on_other]);
        let one = target(ADDRESS.parse().unwrap(), CheckKind::Several(own));
        assert!(matches!(theirs.check(&one).await, Err(Obstacle::Source(..))));
        let found = checker.check(&one).await;
        assert!(matches!(found, Ok(Found { outcome: Outcome::Fail, .. })), "{found:?}");
    }
}
