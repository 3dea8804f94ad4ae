//! Sockets that were opened by somebody else: by systemd (socket activation, `sd_listen_fds(3)`), or by the server that is replaced.
//!
//! ```text
//!   $LISTEN_FDS ──────┐                    address of `listen`  ──▶ UDP and TCP workers
//!                     ├──▶ Given ── take ─▶ address of `tls`     ──▶ TLS
//!   the server before ┘                    address of `admin`   ──▶ admin API
//!                                          none of these        ──▶ told, and closed
//! ```
//!
//! What a socket is for is told by its protocol and its address alone, so that a config file says the same whoever opens them.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use listenfd::ListenFd;
use tracing::{info, warn};

use crate::admin::listen::Already;
use crate::config::Config;

/// Sockets that nobody serves yet.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<Socket>);

/// One of them.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) kind: Kind,
    /// Whether somebody outside keeps it open, for who comes after us.
    pub(super) is_kept: bool,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Kind {
    /// For datagrams.
    Udp(UdpSocket),
    /// For connections.
    Tcp(TcpListener),
    /// For connections, in the file system.
    Unix(UnixListener, PathBuf),
}

impl AsFd for Kind {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener, _) => listener.as_fd(),
        }
    }
}

impl Kind {
    /// Its address; `None` in the file system.
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr().ok(),
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// What it is, for people.
    fn told(&self) -> String {
        let address = || self.address().map_or_else(String::new, |address| address.to_string());
        match self {
            Self::Udp(_) => format!("{} over UDP", address()),
            Self::Tcp(_) => format!("{} over TCP", address()),
            Self::Unix(_, path) => path.display().to_string(),
        }
    }
}

impl Given {
    /// Those that whoever started the process says it has opened. Called before there are other threads, as the variables that say so are
    /// taken out of the environment.
    pub(super) fn by_supervisor() -> anyhow::Result<Self> {
        let mut descriptors = ListenFd::from_env();
        let mut given = Self::default();
        for index in 0..descriptors.len() {
            let kind = kind(&mut descriptors, index).with_context(|| {
                format!(
                    "of the sockets that were given by $LISTEN_FDS, number {} is neither for UDP nor for TCP nor a unix socket \
                     with a path",
                    index + 1
                )
            })?;
            given.add(Socket { kind, is_kept: true });
        }
        if !given.0.is_empty() {
            let told: Vec<String> = given.0.iter().map(|socket| socket.kind.told()).collect();
            info!("sockets were given: {}", told.join(", "));
        }
        Ok(given)
    }

    /// One more.
    pub(super) fn add(&mut self, socket: Socket) {
        self.0.push(socket);
    }

    /// These too, where there is none of the same address. Who hands over sockets that systemd has opened has them from there.
    pub(super) fn add_others(&mut self, others: Self) {
        let known: Vec<String> = self.0.iter().map(|socket| socket.kind.told()).collect();
        self.0.extend(others.0.into_iter().filter(|other| !known.contains(&other.kind.told())));
    }

    /// All of them.
    pub(super) fn sockets(&self) -> &[Socket] {
        &self.0
    }

    /// Where DNS is to be served that the config leaves open: at what was given and is for nothing else. `None` where the config says
    /// where, or nothing was given.
    pub(super) fn listen(&self, config: &Config) -> Option<Vec<SocketAddr>> {
        let admin = config.admin.iter().flat_map(|admin| &admin.listen);
        let tls = config.authority.tls.iter().flat_map(|tls| &tls.listen);
        let others: Vec<&SocketAddr> = admin.chain(tls).collect();
        let mut addresses = Vec::new();
        for socket in self.0.iter().filter(|_| config.listens_by_default()) {
            let is_other = |address: &SocketAddr| {
                matches!(socket.kind, Kind::Tcp(_)) && others.contains(&address)
            };
            let address = socket.kind.address().filter(|address| !is_other(address));
            addresses.extend(address.filter(|address| !addresses.contains(address)));
        }
        Some(addresses).filter(|addresses| !addresses.is_empty())
    }

    /// How many UDP sockets there are at each address.
    pub(super) fn udp_counts(&self) -> Vec<(SocketAddr, usize)> {
        let mut counts: Vec<(SocketAddr, usize)> = Vec::new();
        for socket in self.0.iter().filter(|socket| matches!(socket.kind, Kind::Udp(_))) {
            let Some(address) = socket.kind.address() else { continue };
            match counts.iter_mut().find(|(known, _)| *known == address) {
                Some((_, count)) => *count += 1,
                None => counts.push((address, 1)),
            }
        }
        counts
    }

    /// Takes the UDP sockets at an address.
    pub(super) fn take_udp(&mut self, address: SocketAddr) -> Vec<Socket> {
        self.take(|kind| matches!(kind, Kind::Udp(_)) && kind.address() == Some(address))
    }

    /// Takes the TCP sockets at an address.
    pub(super) fn take_tcp(&mut self, address: SocketAddr) -> Vec<Socket> {
        self.take(|kind| matches!(kind, Kind::Tcp(_)) && kind.address() == Some(address))
    }

    /// Takes those of the admin API; and whether the one in the file system is to be left there at the end.
    pub(super) fn take_admin(&mut self, config: &Config) -> (Already, bool) {
        let (mut already, mut is_left) = (Already::default(), false);
        let Some(admin) = &config.admin else { return (already, is_left) };
        for address in &admin.listen {
            for socket in self.take_tcp(*address) {
                if let Kind::Tcp(listener) = socket.kind {
                    already.tcp.push(listener);
                }
            }
        }
        if let Some(path) = admin.socket.as_deref().map(absolute) {
            let found = self.take(|kind| matches!(kind, Kind::Unix(_, at) if *at == path));
            for Socket { kind, is_kept } in found {
                if let Kind::Unix(listener, _) = kind {
                    (already.unix, is_left) = (Some(listener), is_kept);
                }
            }
        }
        (already, is_left)
    }

    fn take(&mut self, is_meant: impl Fn(&Kind) -> bool) -> Vec<Socket> {
        let (taken, left) =
            std::mem::take(&mut self.0).into_iter().partition(|socket| is_meant(&socket.kind));
        self.0 = left;
        taken
    }

    /// Tells of those that nobody has taken, and closes them.
    pub(super) fn close_rest(self) {
        for Socket { kind, .. } in self.0 {
            warn!(
                "a socket on {} was given, and nothing in the config listens there; it is closed",
                kind.told()
            );
        }
    }
}

fn kind(descriptors: &mut ListenFd, index: usize) -> anyhow::Result<Kind> {
    if let Ok(Some(socket)) = descriptors.take_udp_socket(index) {
        return Ok(Kind::Udp(socket));
    }
    if let Ok(Some(listener)) = descriptors.take_tcp_listener(index) {
        return Ok(Kind::Tcp(listener));
    }
    let Some(listener) = descriptors.take_unix_listener(index)? else { bail!("it is not there") };
    let address = listener.local_addr()?;
    let path = address.as_pathname().context("it has no path")?;
    Ok(Kind::Unix(listener, absolute(path)))
}

/// A path as it is compared: from the root, links not followed.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp() -> Kind {
        Kind::Udp(UdpSocket::bind("127.0.0.1:0").expect("a free port"))
    }

    fn tcp() -> Kind {
        Kind::Tcp(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    fn given(kinds: Vec<Kind>) -> Given {
        Given(kinds.into_iter().map(|kind| Socket { kind, is_kept: true }).collect())
    }

    #[test]
    fn sockets_are_found_by_protocol_and_address() {
        let mut given = given(vec![udp(), tcp(), udp()]);
        let at =
            |place: usize, given: &Given| given.sockets()[place].kind.address().expect("bound");
        let (first, second) = (at(0, &given), at(1, &given));
        assert!(given.take_tcp(first).is_empty());
        assert!(given.take_udp(second).is_empty());
        assert_eq!(given.take_udp(first).len(), 1);
        assert_eq!(given.take_tcp(second).len(), 1);
        assert_eq!(given.sockets().len(), 1, "what nobody took is left");
    }

    #[test]
    fn of_others_all_are_added_that_stand_where_none_was() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        // What the kernel chooses among: one that nobody reads from would lose what it gets.
        let two = || [(); 2].map(|()| Kind::Udp(socket.try_clone().expect("a descriptor"))).into();
        let mut all = given(vec![tcp()]);
        all.add_others(given(two()));
        assert_eq!(all.sockets().len(), 3);
        all.add_others(given(two()));
        assert_eq!(all.sockets().len(), 3, "these are there");
    }

    #[test]
    fn what_is_given_is_served_where_the_config_says_nothing_else_of_it() {
        let given = given(vec![udp(), tcp(), tcp()]);
        let address = |place: usize| given.sockets()[place].kind.address().expect("bound");
        let mut config = Config::default();
        let all: Vec<SocketAddr> = (0..3).map(address).collect();
        assert_eq!(given.listen(&config).as_ref(), Some(&all));
        // The third is the admin API's.
        config.admin.get_or_insert_default().listen = vec![all[2]];
        assert_eq!(given.listen(&config).as_deref(), Some(&all[..2]));
        config.listen = vec![all[0]];
        assert_eq!(given.listen(&config), None, "it says where");
        assert_eq!(Given::default().listen(&Config::default()), None);
    }
}
