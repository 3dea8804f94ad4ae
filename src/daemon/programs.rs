//! What the prober is started with, and who runs programs for it.

use crate::config::Config;
use crate::prober::Settings;
#[cfg(target_os = "linux")]
use crate::prober::check::exec::Helper;
use crate::sys::user::User;

/// What the operator sets of the prober. Where checks may run programs, who starts them is there from here on: before this process
/// gives up what they may need. They run as that user, where there is one.
pub(super) fn settings(config: &Config, user: Option<&User>) -> Settings {
    #[cfg(not(target_os = "linux"))]
    let _ = user;
    let prober = &config.prober;
    Settings {
        source: prober.source.clone(),
        in_flight: prober.in_flight,
        programs: prober.exec.clone(),
        #[cfg(target_os = "linux")]
        helper: helper(config, user),
        secrets: prober.secrets.clone(),
    }
}

/// Who starts programs, where any is allowed. A server without is better than none.
#[cfg(target_os = "linux")]
fn helper(config: &Config, user: Option<&User>) -> Option<Helper> {
    let programs = &config.prober.exec;
    if programs.allow.is_empty() {
        return None;
    }
    let started = Helper::start(programs, user);
    let tell = |error| {
        tracing::error!(
            "the helper that runs programs cannot be started, so that targets of `exec` checks are not judged: {error}"
        );
    };
    started.map_err(tell).ok()
}
