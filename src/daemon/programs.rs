//! What the prober is started with, and who runs programs for it.

use crate::config::Config;
use crate::prober::Settings;
#[cfg(target_os = "linux")]
use crate::prober::check::exec::Helper;

/// What the operator sets of the prober. Where checks may run programs, who starts them is there from here on: before this process
/// gives up what they may need.
pub(super) fn settings(config: &Config) -> Settings {
    let prober = &config.prober;
    Settings {
        source: prober.source.clone(),
        in_flight: prober.in_flight,
        programs: prober.exec.clone(),
        #[cfg(target_os = "linux")]
        helper: helper(config),
        secrets: prober.secrets.clone(),
    }
}

/// Who starts programs, where any is allowed. A server without is better than none.
#[cfg(target_os = "linux")]
fn helper(config: &Config) -> Option<Helper> {
    let programs = &config.prober.exec;
    if programs.allow.is_empty() {
        return None;
    }
    let started = Helper::start(programs);
    let tell = |error| {
        tracing::error!(
            "the helper that runs programs cannot be started, so that targets of `exec` checks are not judged: {error}"
        );
    };
    started.map_err(tell).ok()
}
