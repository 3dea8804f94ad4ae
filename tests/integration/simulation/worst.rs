//! The worst case of each pool, as `rotadns check` tells it.

use std::time::Duration;

use serde_json::Value;

use super::estate::Estate;
use super::pools::{DATABASES, Row};
use crate::command_line::rotadns;
use crate::servers::Folder;

/// How long a failure may go on without being noticed, and be in caches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worst {
    pub(super) detection: Duration,
    /// From a failure until no cache has the address; what is handed out in its place fails as late.
    pub(super) gone: Duration,
}

/// That of each pool, in their order.
pub(super) fn told(estate: &Estate) -> Vec<Worst> {
    let folder = Folder::new();
    let file = folder.write("example.yaml", &estate.zone_text());
    let output = rotadns(&["check", "--format", "json", "--failover", &file.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let all: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let seconds = |value: &Value| value.as_f64().map(Duration::from_secs_f64);
    let of = |name: &str| {
        let own = all.iter().find(|own| own["pool"] == name).expect(name);
        let alone = seconds(&own["worst"]).expect("each has a check");
        Worst {
            detection: seconds(&own["detection"]).expect("each has a check"),
            gone: alone.max(seconds(&own["worst_with_fallback"]).unwrap_or_default()),
        }
    };
    let name = |row: &Row| if row.role.is_some() { DATABASES } else { row.name };
    estate.pools.iter().map(|pool| of(name(&pool.row))).collect()
}
