//! What checks would use, and the config file does not allow: programs, variables, places of passwords.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::Problem;
use crate::config::error::{ConfigError, Location};
use crate::config::model::allowed::Refusal;
use crate::config::model::{CheckKind, OwnCheck, Zone};
use crate::config::server::Prober;
use crate::daemon::load::Mistake;

/// A warning for each thing that a zone's checks name, and that they do not get.
pub(super) fn refused(allowed: &Prober, file: &Path, zone: &Zone) -> Vec<Mistake> {
    let checks = zone.pools.iter().flat_map(|pool| {
        let own = pool.backends.iter().filter_map(|backend| match &backend.check {
            OwnCheck::Own(check) => Some(check),
            OwnCheck::Pools | OwnCheck::Off => None,
        });
        pool.check.iter().chain(own)
    });
    let mut told = BTreeSet::new();
    let refusals = checks
        .flat_map(|check| check.kind.plain())
        .flat_map(|kind| refusals(allowed, kind))
        .filter(|refusal| told.insert(refusal.to_string()));
    let mistake = |refusal| {
        let problem = Problem::NotAllowed(refusal);
        Mistake::from(ConfigError {
            file: file.to_path_buf(),
            at: Location::WHOLE_FILE,
            severity: problem.severity(),
            problem,
        })
    };
    refusals.map(mistake).collect()
}

fn refusals(allowed: &Prober, kind: &CheckKind) -> Vec<Refusal> {
    match kind {
        CheckKind::Exec(exec) => {
            let program = exec.command.iter().take(1);
            let programs = program
                .filter(|program| !allowed.exec.allows(program))
                .map(|program| Refusal::Program(program.clone()));
            let variables = exec.env.iter().map(|(name, _)| name);
            let variables = variables
                .filter(|name| !allowed.exec.env.allow(name))
                .map(|name| Refusal::Variable(name.clone()));
            programs.chain(variables).collect()
        }
        CheckKind::Database(check) => {
            let secrets = check.password.iter().filter(|secret| !allowed.secrets.allows(secret));
            secrets.map(|secret| Refusal::Secret(secret.clone())).collect()
        }
        _ => Vec::new(),
    }
}
