//! HTTP backends to be killed and broken: a process of `rotadns demo` each.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::servers::{ROTADNS, free_port_of};
use crate::waiting::until;

/// How long a backend may take to listen, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a backend says when it is asked for its health.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// 200.
    Ok,
    /// 500.
    Fail,
    /// Nothing, for as long as the client waits.
    Hang,
}

/// Backends at .1, .2, .3 and so on of a loopback network, all at one port.
pub(crate) struct Backends {
    processes: Vec<Child>,
    addresses: Vec<Ipv4Addr>,
    port: u16,
}

impl Backends {
    /// As many backends at `network`.1 and up; each test has a network of its own.
    pub(crate) fn start(network: [u8; 3], count: u8) -> Self {
        let [a, b, c] = network;
        let addresses: Vec<_> = (1..=count).map(|host| Ipv4Addr::new(a, b, c, host)).collect();
        let ips: Vec<IpAddr> = addresses.iter().copied().map(IpAddr::from).collect();
        let port = free_port_of(&ips);
        let processes = addresses.iter().map(|&address| demo((address, port).into())).collect();
        let backends = Self { processes, addresses, port };
        for place in 0..backends.addresses.len() {
            backends.wait_for(place);
        }
        backends
    }

    pub(crate) fn addresses(&self) -> &[Ipv4Addr] {
        &self.addresses
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends one as a crash does: connections to it are refused from now on.
    pub(crate) fn kill(&mut self, place: usize) {
        self.processes[place].kill().expect("our own child");
        self.processes[place].wait().expect("our own child");
    }

    /// Starts one again that was killed.
    pub(crate) fn revive(&mut self, place: usize) {
        self.processes[place] = demo(self.address(place));
        self.wait_for(place);
    }

    /// Sets how one feels from now on.
    pub(crate) fn set(&self, place: usize, mood: Mood) {
        let path = match mood {
            Mood::Ok => "/ok",
            Mood::Fail => "/fail",
            Mood::Hang => "/hang",
        };
        let mut stream = TcpStream::connect(self.address(place)).expect("the backend listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
        let request = format!("POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the backend reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the backend answers");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }

    fn address(&self, place: usize) -> SocketAddr {
        (self.addresses[place], self.port).into()
    }

    fn wait_for(&self, place: usize) {
        let address = self.address(place);
        until("the backend listens", PATIENCE, || TcpStream::connect(address).ok());
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that has been killed is gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn demo(address: SocketAddr) -> Child {
    Command::new(ROTADNS)
        .arg("demo")
        .arg(address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary that is tested")
}
