//! What the process takes of the machine, as `/proc` tells it; elsewhere than on Linux nothing is told.

use std::fs;
use std::time::Duration;

/// What the process takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// When it started, in unix milliseconds.
    pub started: u64,
    /// CPU time, of all its threads.
    pub cpu: Option<Duration>,
    /// Bytes in RAM.
    pub resident: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u64>,
    /// The most that can be open.
    pub open_files_max: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// The kernel tells times of processes in these, on every machine that we know (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

impl Process {
    /// As it is now; whoever asks knows when it started.
    #[must_use]
    pub fn now(started: u64) -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Self {
            // The folder itself is open while it is counted.
            open_files: fs::read_dir("/proc/self/fd")
                .ok()
                .map(|files| files.count().saturating_sub(1) as u64),
            ..Self::parse(started, &status, &stat, &limits)
        }
    }

    fn parse(started: u64, status: &str, stat: &str, limits: &str) -> Self {
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Self {
            started,
            cpu: cpu(stat),
            resident: field("VmRSS:").map(|kilobytes| kilobytes * 1024),
            open_files: None,
            open_files_max: limits
                .lines()
                .find_map(|line| line.strip_prefix("Max open files"))
                .and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
            threads: field("Threads:"),
        }
    }
}

/// The 14th and the 15th field of `stat`: in user space and in the kernel. The second may have blanks and parentheses.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    TICK.checked_mul(user.checked_add(system)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proc_says_is_read() {
        let status = "Name:\trotadns\nVmRSS:\t    5120 kB\nThreads:\t7\n";
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 500 0 0 0 250 33 0 0 20 0 7 0 9 1 2";
        let limits =
            "Limit   Soft Limit   Hard Limit   Units\nMax open files   1024   524288   files\n";
        let expected = Process {
            started: 5,
            cpu: Some(Duration::from_millis(2830)),
            resident: Some(5 << 20),
            open_files: None,
            open_files_max: Some(1024),
            threads: Some(7),
        };
        assert_eq!(Process::parse(5, status, stat, limits), expected);
        assert_eq!(Process::parse(5, "", "", ""), Process { started: 5, ..Process::default() });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_of_it() {
        let Process { cpu, resident, open_files, open_files_max, threads, .. } = Process::now(0);
        assert!(cpu.is_some() && open_files_max.is_some());
        assert!(resident.is_some_and(|bytes| bytes > 1 << 20));
        assert!(
            open_files.is_some_and(|files| files >= 3) && threads.is_some_and(|count| count >= 1)
        );
    }
}
