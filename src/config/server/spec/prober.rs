//! `prober:`.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use super::count;
use crate::config::error::Problem;
use crate::config::model::allowed::Variables;
use crate::config::model::probers::{INSIDE, OnProberLoss, PROBERS_MAX, Quorum, is_prober_name};
use crate::config::node::Node;
use crate::config::server::{Prober, Reader};
use crate::config::value;

/// A prober is heard three times a lease, and what is heard more often is no lease but a stream.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// Who is silent for longer is surely lost.
const LEASE_MAX: Duration = Duration::from_secs(3600);
/// The longest time until the server probes itself; `never` is longer.
const TAKEOVER_MAX: Duration = Duration::from_secs(86_400);

/// The most programs at once: each is a process.
const PROGRAMS_MAX: u32 = 10_000;
/// What may stand in `prober`.
const PROBER_KEYS: [&str; 12] = [
    "source",
    "in_flight",
    "exec",
    "secrets",
    "first_round",
    "inside",
    "quorum",
    "on_prober_loss",
    "takeover",
    "lease",
    "expect",
    "isolation",
];

impl Reader<'_> {
    pub(super) fn prober(&mut self, prober: &mut Prober, node: &Node<'_>) {
        let [
            source,
            in_flight,
            exec,
            secrets,
            first_round,
            inside,
            quorum,
            on_prober_loss,
            takeover,
            lease,
            expect,
            isolation,
        ] = self.fields(node, "`prober`", PROBER_KEYS);
        if let Some(source) = source {
            prober.source = self.each(source, value::address);
        }
        self.set(&mut prober.in_flight, in_flight, |text| {
            count("a number of probes", text, 1_000_000)
        });
        if let Some(exec) = exec {
            let [allow, env, at_once] = self.fields(exec, "`exec`", ["allow", "env", "at_once"]);
            prober.exec.allow = self.paths(allow);
            prober.exec.env = self.variables(env);
            self.set(&mut prober.exec.at_once, at_once, |text| {
                count("a number of programs", text, PROGRAMS_MAX)
            });
        }
        if let Some(secrets) = secrets {
            let [files, env] = self.fields(secrets, "`secrets`", ["files", "env"]);
            prober.secrets.files = self.paths(files);
            prober.secrets.env = self.variables(env);
        }
        self.set(&mut prober.first_round, first_round, value::duration);
        let words = [("true", true), ("false", false)];
        self.set(&mut prober.inside, inside, |text| value::choice("yes or no", text, &words));
        self.set(&mut prober.quorum, quorum, self::quorum);
        let words = [
            ("hold", OnProberLoss::Hold),
            ("probe", OnProberLoss::Probe),
            ("open", OnProberLoss::Open),
        ];
        self.set(&mut prober.on_prober_loss, on_prober_loss, |text| {
            value::choice("what holds without probers", text, &words)
        });
        self.set(&mut prober.takeover, takeover, |text| match text {
            "never" => Ok(None),
            _ => value::span("a takeover", text, (Duration::ZERO, TAKEOVER_MAX)).map(Some),
        });
        self.set(&mut prober.lease, lease, |text| {
            value::span("the lease", text, (LEASE_MIN, LEASE_MAX))
        });
        self.expect(prober, expect);
        if let Some(isolation) = isolation {
            self.isolation(prober, isolation);
        }
    }

    /// Any number of paths.
    pub(super) fn paths(&mut self, node: Option<&Node<'_>>) -> Vec<PathBuf> {
        let texts = self.texts(node);
        texts.into_iter().map(|text| self.path(text.text)).collect()
    }

    /// Any number of names of variables.
    fn variables(&mut self, node: Option<&Node<'_>>) -> Variables {
        Variables(self.texts(node).into_iter().map(|text| text.text.to_owned()).collect())
    }

    fn expect(&mut self, prober: &mut Prober, node: Option<&Node<'_>>) {
        // Without the one inside.
        let most = PROBERS_MAX - 1;
        for text in self.texts(node) {
            match name(text.text) {
                Ok(name) if prober.expect.contains(&name) => {
                    self.add(text.span, Problem::ValueTwice { text: name });
                }
                Ok(_) if prober.expect.len() == most => {
                    self.add(text.span, Problem::TooManyProbers { most });
                    return;
                }
                Ok(name) => prober.expect.push(name),
                Err(problem) => self.add(text.span, problem),
            }
        }
    }
}

/// The name of a prober beside.
pub(super) fn name(text: &str) -> Result<String, Problem> {
    if is_prober_name(text) && text != INSIDE {
        Ok(text.to_owned())
    } else {
        Err(Problem::BadProberName { text: text.into() })
    }
}

fn quorum(text: &str) -> Result<Quorum, Problem> {
    let words = [("any", Quorum::Any), ("majority", Quorum::Majority), ("all", Quorum::All)];
    if let Some((_, quorum)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*quorum);
    }
    let what = "`any`, `majority`, `all` or a number of probers";
    let most = PROBERS_MAX as u32;
    let bad = || Problem::BadNumber { what, text: text.into(), least: 1, most };
    let number: u8 = value::number(what, text, 1..=most)?;
    NonZeroU8::new(number).map(Quorum::AtLeast).ok_or_else(bad)
}
