//! What a check of ours finds of a real server, one probe at a time.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rotadns::config::model::allowed::{Programs, Secrets};
use rotadns::config::model::{Check, Role};
use rotadns::config::read_zone;
use rotadns::health::target::{Outcome, Target};
use rotadns::prober::check::{Checker, Found};

use crate::waiting::until_or;

/// Probes of several machines by one check.
pub(crate) struct Probes {
    check: Arc<Check>,
    addresses: Vec<Ipv4Addr>,
    /// From here it may take passwords.
    folder: PathBuf,
}

impl Probes {
    /// Of a check as it stands in a zone file, which stands in `folder`.
    pub(crate) fn new(folder: &Path, check: &str, addresses: &[Ipv4Addr]) -> Self {
        let zone = format!(
            "zone: x\nns: [ns]\nrecords: {{ns: {{A: 192.0.2.53}}, w: {{pool: {{backends: [192.0.2.1], check: {{{check}, \
             timeout: 10s}}}}}}}}\n"
        );
        let (zone, mistakes) = read_zone(&folder.join("x.yaml"), &zone);
        let zone = zone.unwrap_or_else(|| panic!("{mistakes:?}"));
        let check = zone.pools[0].check.clone().expect("it has one");
        Self { check, addresses: addresses.to_vec(), folder: folder.to_path_buf() }
    }

    pub(crate) fn probe(&self, place: usize) -> Found {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let target =
            Target { address: self.addresses[place].into(), check: Arc::clone(&self.check) };
        let secrets = Secrets { files: vec![self.folder.clone()], ..Secrets::default() };
        let checker = Checker::with(Vec::new(), Programs::default(), secrets);
        let found = runtime.expect("a runtime").block_on(checker.check(&target));
        found.unwrap_or_else(|obstacle| panic!("{obstacle}"))
    }

    /// "+ detail" for a pass, "- detail" for a failure.
    pub(crate) fn says(&self, place: usize) -> String {
        let Found { outcome, detail, .. } = self.probe(place);
        format!("{} {detail}", if outcome == Outcome::Pass { '+' } else { '-' })
    }

    /// Waits until one says so.
    pub(crate) fn until_says(&self, place: usize, expected: &str) {
        let mut last = String::new();
        until_or(&format!("machine {place} says {expected:?}"), || {
            last = self.says(place);
            (last == expected).then_some(()).ok_or_else(|| last.clone())
        });
    }

    /// Waits until one is a replica with a lag like this.
    pub(crate) fn until_lag(
        &self,
        place: usize,
        what: &str,
        is_right: impl Fn(Duration) -> bool,
    ) -> Duration {
        until_or(&format!("machine {place} is a replica {what}"), || {
            let found = self.probe(place);
            match (found.told.role, found.told.lag) {
                (Some(Role::Replica), Some(lag)) if is_right(lag) => Ok(lag),
                _ => Err(format!("{found:?}")),
            }
        })
    }
}
