//! Why a probe did not pass: by the target, or by what the prober lacks.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::health::told::Told;

/// Why a probe did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The target, or the way to it.
    Failed(String),
    /// The target says of itself that it does not serve, and perhaps more.
    Said(String, Told),
    /// The prober itself.
    Obstacle(Obstacle),
}

/// What the prober lacks to make a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The process, or the system, has as many files open as it may.
    Files,
    /// The kernel has no memory for one more socket.
    Memory,
    /// Every local port towards the target is taken.
    Ports,
    /// The system lets nobody like us send echoes.
    Icmp,
    /// The source address cannot be bound, or leads nowhere.
    Source(IpAddr, String),
    /// What certificates are judged by cannot be had.
    Trust(String),
    /// The check asks for what cannot be sent.
    Check(String),
    /// A program cannot be run, or may not.
    Program(String),
    /// A program ran and came to no verdict. To ask again at once would run it again and again, so the target has its turn.
    Unknown(String),
    /// So many programs run already.
    Places(NonZeroUsize),
    /// A file cannot be used, or does not say.
    File(String),
    /// The deadline was noticed this much too late.
    Late(Duration),
}

impl Obstacle {
    /// Whether it may be over a moment later, by itself; the others last until somebody mends them.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Files | Self::Memory | Self::Ports | Self::Places(_) | Self::Late(_) => true,
            Self::Icmp
            | Self::Source(..)
            | Self::Trust(_)
            | Self::Check(_)
            | Self::Program(_)
            | Self::Unknown(_)
            | Self::File(_) => false,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files => {
                f.write_str("no file descriptor is free")?;
                if let Some(limit) = files_max() {
                    write!(f, " (the limit is {limit})")?;
                }
                f.write_str("; raise LimitNOFILE or lower prober.in_flight")
            }
            Self::Memory => f.write_str("the kernel has no memory for a socket"),
            Self::Ports => f.write_str(
                "no local port is free; lower prober.in_flight or widen net.ipv4.ip_local_port_range",
            ),
            Self::Icmp => f.write_str(
                "the system lets us send no ICMP echoes; set net.ipv4.ping_group_range to have the server's group, \
                 or give it CAP_NET_RAW",
            ),
            Self::Source(address, error) => write!(
                f,
                "cannot probe from {address}: {error}; prober.source must be an address of this machine from which the \
                 targets of its family can be reached"
            ),
            Self::Trust(why)
            | Self::Check(why)
            | Self::Program(why)
            | Self::Unknown(why)
            | Self::File(why) => f.write_str(why),
            Self::Places(most) => write!(
                f,
                "{most} programs run already; raise prober.exec.at_once, or the interval of exec checks"
            ),
            Self::Late(late) => {
                write!(f, "the prober was held up for {late:.1?}; it may lack CPU time")
            }
        }
    }
}

/// How many files the process may have open.
fn files_max() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(target_os = "linux"))]
    None
}

impl Trouble {
    /// What a failed connect, read or write means.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind;

        // `io::ErrorKind` has no word for these; the first two are the same on every Unix.
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        const ENOBUFS: i32 = if cfg!(target_os = "linux") { 105 } else { 55 };

        let failed = |why: &str| Self::Failed(why.into());
        match (error.raw_os_error(), error.kind()) {
            (Some(EMFILE | ENFILE), _) => Self::Obstacle(Obstacle::Files),
            // StorageFull: epoll watches as many files as it may.
            (Some(ENOBUFS), _) | (_, ErrorKind::OutOfMemory | ErrorKind::StorageFull) => {
                Self::Obstacle(Obstacle::Memory)
            }
            (_, ErrorKind::AddrNotAvailable | ErrorKind::AddrInUse) => {
                Self::Obstacle(Obstacle::Ports)
            }
            (_, ErrorKind::ConnectionRefused) => failed("connection refused"),
            (_, ErrorKind::ConnectionReset) => failed("connection reset"),
            (_, ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof) => failed("connection closed"),
            (_, ErrorKind::HostUnreachable) => failed("host unreachable"),
            (_, ErrorKind::NetworkUnreachable) => failed("network unreachable"),
            _ => Self::Failed(plain(error)),
        }
    }
}

/// An error's text as the rest of our sentences are: lower case, without the number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_prober_lacks_is_not_the_targets_fault() {
        for (code, expected) in
            [(23, Obstacle::Files), (24, Obstacle::Files), (12, Obstacle::Memory)]
        {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(Trouble::from_io(&error), Trouble::Obstacle(expected), "{error}");
        }
        let error = io::ErrorKind::AddrNotAvailable.into();
        assert_eq!(Trouble::from_io(&error), Trouble::Obstacle(Obstacle::Ports));
    }

    #[test]
    fn what_lies_on_the_way_is_a_failure() {
        use io::ErrorKind;
        for (kind, expected) in [
            (ErrorKind::ConnectionRefused, "connection refused"),
            (ErrorKind::ConnectionReset, "connection reset"),
            (ErrorKind::HostUnreachable, "host unreachable"),
            (ErrorKind::NetworkUnreachable, "network unreachable"),
        ] {
            assert_eq!(Trouble::from_io(&kind.into()), Trouble::Failed(expected.into()));
        }
        let error = io::Error::from_raw_os_error(1);
        assert_eq!(Trouble::from_io(&error), Trouble::Failed("operation not permitted".into()));
    }

    #[test]
    fn each_obstacle_says_what_would_help() {
        let rows = [
            (Obstacle::Memory, "the kernel has no memory for a socket"),
            (
                Obstacle::Ports,
                "no local port is free; lower prober.in_flight or widen net.ipv4.ip_local_port_range",
            ),
            (
                Obstacle::Source("192.0.2.1".parse().unwrap(), "in use".into()),
                "cannot probe from 192.0.2.1: in use; prober.source must be an address of this machine from which the targets of \
                 its family can be reached",
            ),
            (
                Obstacle::Late(Duration::from_millis(1234)),
                "the prober was held up for 1.2s; it may lack CPU time",
            ),
        ];
        for (obstacle, expected) in rows {
            assert_eq!(obstacle.to_string(), expected);
        }
        let files = Obstacle::Files.to_string();
        assert!(files.starts_with("no file descriptor is free"), "{files}");
        assert!(files.ends_with("raise LimitNOFILE or lower prober.in_flight"), "{files}");
    }
}
