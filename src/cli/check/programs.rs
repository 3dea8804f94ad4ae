//! Which programs of checks the config file does not allow.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::Problem;
use crate::config::error::{ConfigError, Location};
use crate::config::model::probers::Programs;
use crate::config::model::{CheckKind, OwnCheck, Zone};
use crate::daemon::load::Mistake;

/// A warning for each program that a zone's checks name, and that is not run.
pub(super) fn refused(allowed: &Programs, file: &Path, zone: &Zone) -> Vec<Mistake> {
    let checks = zone.pools.iter().flat_map(|pool| {
        let own = pool.backends.iter().filter_map(|backend| match &backend.check {
            OwnCheck::Own(check) => Some(check),
            OwnCheck::Pools | OwnCheck::Off => None,
        });
        pool.check.iter().chain(own)
    });
    let programs: BTreeSet<&String> = checks
        .flat_map(|check| check.kind.plain())
        .filter_map(|kind| match kind {
            CheckKind::Exec(exec) => exec.command.first(),
            _ => None,
        })
        .filter(|program| !allowed.allows(program))
        .collect();
    let mistake = |program: &String| {
        let problem = Problem::ProgramNotAllowed { program: program.clone() };
        Mistake::from(ConfigError {
            file: file.to_path_buf(),
            at: Location::WHOLE_FILE,
            severity: problem.severity(),
            problem,
        })
    };
    programs.into_iter().map(mistake).collect()
}
