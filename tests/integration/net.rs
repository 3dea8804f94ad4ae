//! Machines of a network, each a network namespace of Linux with an address of its own, all at one bridge. The system's own
//! network is not touched.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network, which goes with this.
pub(crate) struct Network {
    /// Before the names of the machines, so that two tests do not meet.
    prefix: String,
    machines: Vec<(String, Ipv4Addr)>,
}

/// The machine that the bridge stands in.
const SWITCH: &str = "switch";

impl Network {
    /// A network without machines; `None` where the system does not let us have one, which is said.
    pub(crate) fn try_new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let network =
            Self { prefix: format!("rota-{}-{count}", std::process::id()), machines: Vec::new() };
        let made = network.try_run(&format!("ip netns add {}", network.name(SWITCH)));
        if let Err(why) = made {
            eprintln!(
                "NOT CHECKED: no network namespaces here ({why}); this needs root and iproute2"
            );
            return None;
        }
        network.on(SWITCH, "ip link add hub type bridge");
        network.on(SWITCH, "ip link set hub up");
        Some(network)
    }

    /// Adds a machine with an address of a /24.
    pub(crate) fn add(&mut self, machine: &str, address: Ipv4Addr) {
        let (name, switch) = (self.name(machine), self.name(SWITCH));
        let port = format!("port{}", self.machines.len());
        self.machines.push((machine.to_owned(), address));
        self.run(&format!("ip netns add {name}"));
        self.run(&format!("ip -n {switch} link add {port} type veth peer name eth0 netns {name}"));
        self.run(&format!("ip -n {switch} link set {port} master hub up"));
        for command in
            ["ip link set lo up".to_owned(), format!("ip address add {address}/24 dev eth0")]
        {
            self.on(machine, &command);
        }
        self.on(machine, "ip link set eth0 up");
    }

    /// A command that runs on a machine. What starts by it has the process id of the child.
    pub(crate) fn command(&self, machine: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(machine)]).stdin(Stdio::null());
        command
    }

    /// Does something on a machine: its sockets are there, and stay there.
    pub(crate) fn within<T: Send>(&self, machine: &str, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name(machine))).expect("it is there");
        let enter = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(file.as_fd(), kind).expect("we may: we made it");
            work()
        };
        thread::scope(|scope| scope.spawn(enter).join().expect("it does not panic"))
    }

    /// Pulls the plug of a machine, or puts it in again.
    pub(crate) fn plug(&self, machine: &str, is_in: bool) {
        let place = self.machines.iter().position(|(name, _)| name == machine).expect("a machine");
        self.on(SWITCH, &format!("ip link set port{place} {}", if is_in { "up" } else { "down" }));
    }

    /// Keeps two machines from each other.
    pub(crate) fn cut(&self, a: &str, b: &str) {
        self.route("add", a, b);
    }

    /// Lets them see each other again.
    pub(crate) fn heal(&self, a: &str, b: &str) {
        self.route("del", a, b);
    }

    fn route(&self, change: &str, a: &str, b: &str) {
        for (from, to) in [(a, b), (b, a)] {
            let address = self.machines.iter().find(|(name, _)| name == to).expect("a machine").1;
            self.on(from, &format!("ip route {change} blackhole {address}/32"));
        }
    }

    fn on(&self, machine: &str, command: &str) {
        let name = self.name(machine);
        self.run(&command.replacen("ip ", &format!("ip -n {name} "), 1));
    }

    fn run(&self, command: &str) {
        self.try_run(command).unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    fn try_run(&self, command: &str) -> Result<(), String> {
        let mut words = command.split(' ');
        let mut process = Command::new(words.next().expect("a command"));
        let output = process.args(words).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}: {}", self.prefix, String::from_utf8_lossy(&output.stderr).trim()))
    }

    fn name(&self, machine: &str) -> String {
        format!("{}-{machine}", self.prefix)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let machines = self.machines.iter().map(|(name, _)| name.as_str());
        for machine in machines.chain([SWITCH]) {
            // What stays behind has a name of its own.
            let _ = self.try_run(&format!("ip netns delete {}", self.name(machine)));
        }
    }
}
