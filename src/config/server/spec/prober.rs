//! `prober:`.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::isolation::IsolationSpec;
use super::{Many, Text, count};
use crate::config::error::Problem;
use crate::config::model::allowed::Variables;
use crate::config::model::probers::{INSIDE, OnProberLoss, PROBERS_MAX, Quorum, is_prober_name};
use crate::config::server::{Prober, Reader};
use crate::config::value;

/// A prober is heard three times a lease, and what is heard more often is no lease but a stream.
const LEASE_MIN: Duration = Duration::from_secs(1);
/// Who is silent for longer is surely lost.
const LEASE_MAX: Duration = Duration::from_secs(3600);
/// The longest time until the server probes itself; `never` is longer.
const TAKEOVER_MAX: Duration = Duration::from_secs(86_400);

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ProberSpec {
    source: Option<Many>,
    in_flight: Option<Text>,
    exec: Option<ExecSpec>,
    secrets: Option<SecretsSpec>,
    first_round: Option<Text>,
    inside: Option<Text>,
    quorum: Option<Text>,
    on_prober_loss: Option<Text>,
    takeover: Option<Text>,
    lease: Option<Text>,
    /// May be empty.
    expect: Option<Many>,
    isolation: Option<Spanned<IsolationSpec>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExecSpec {
    /// May be empty.
    allow: Option<Many>,
    env: Option<Many>,
    at_once: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SecretsSpec {
    files: Option<Many>,
    env: Option<Many>,
}

/// The most programs at once: each is a process.
const PROGRAMS_MAX: u32 = 10_000;

impl Reader<'_> {
    pub(super) fn prober(&mut self, prober: &mut Prober, spec: &ProberSpec) {
        if let Some(source) = &spec.source {
            prober.source = self.each(source, value::address);
        }
        self.set(&mut prober.in_flight, spec.in_flight.as_ref(), |text| {
            count("a number of probes", text, 1_000_000)
        });
        if let Some(exec) = &spec.exec {
            prober.exec.allow = self.paths(exec.allow.as_ref());
            prober.exec.env = variables(exec.env.as_ref());
            self.set(&mut prober.exec.at_once, exec.at_once.as_ref(), |text| {
                count("a number of programs", text, PROGRAMS_MAX)
            });
        }
        if let Some(secrets) = &spec.secrets {
            prober.secrets.files = self.paths(secrets.files.as_ref());
            prober.secrets.env = variables(secrets.env.as_ref());
        }
        self.set(&mut prober.first_round, spec.first_round.as_ref(), value::duration);
        let words = [("true", true), ("false", false)];
        self.set(&mut prober.inside, spec.inside.as_ref(), |text| {
            value::choice("yes or no", text, &words)
        });
        self.set(&mut prober.quorum, spec.quorum.as_ref(), quorum);
        let words = [
            ("hold", OnProberLoss::Hold),
            ("probe", OnProberLoss::Probe),
            ("open", OnProberLoss::Open),
        ];
        self.set(&mut prober.on_prober_loss, spec.on_prober_loss.as_ref(), |text| {
            value::choice("what holds without probers", text, &words)
        });
        self.set(&mut prober.takeover, spec.takeover.as_ref(), |text| match text {
            "never" => Ok(None),
            _ => value::span("a takeover", text, (Duration::ZERO, TAKEOVER_MAX)).map(Some),
        });
        self.set(&mut prober.lease, spec.lease.as_ref(), |text| {
            value::span("the lease", text, (LEASE_MIN, LEASE_MAX))
        });
        if let Some(expect) = &spec.expect {
            self.expect(prober, expect);
        }
        if let Some(isolation) = &spec.isolation {
            self.isolation(prober, isolation);
        }
    }

    pub(super) fn paths(&self, spec: Option<&Many>) -> Vec<PathBuf> {
        let texts = spec.into_iter().flat_map(Many::texts);
        texts.map(|(text, _)| self.path(text)).collect()
    }

    fn expect(&mut self, prober: &mut Prober, spec: &Many) {
        // Without the one inside.
        let most = PROBERS_MAX - 1;
        for (text, at) in spec.texts() {
            match name(text) {
                Ok(name) if prober.expect.contains(&name) => {
                    self.add(at, Problem::ValueTwice { text: name });
                }
                Ok(_) if prober.expect.len() == most => {
                    self.add(at, Problem::TooManyProbers { most });
                    return;
                }
                Ok(name) => prober.expect.push(name),
                Err(problem) => self.add(at, problem),
            }
        }
    }
}

fn variables(spec: Option<&Many>) -> Variables {
    let texts = spec.into_iter().flat_map(Many::texts);
    Variables(texts.map(|(text, _)| text.to_owned()).collect())
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
