//! Databases of Debian's packages, with replicas, and what the checks find of them.
//!
//! Each server has an address of its own in a loopback network, and all of a test have one port, as the backends of a
//! pool do. Servers that refuse to run as root run as their package's user.

mod failover;
mod mariadb;
mod postgres;
mod redis;

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::probing::Probes;
use crate::servers::{Folder, free_port_of, installed};
use crate::waiting::until_or;

/// What the checks log in with; no log may have it.
const PASSWORD: &str = "s3cret-word-of-the-check";

/// The servers of one test.
struct Machines {
    folder: Folder,
    addresses: Vec<Ipv4Addr>,
    port: u16,
    /// Whose user runs them, where we are root and they would refuse.
    user: Option<String>,
    processes: Vec<Option<Child>>,
}

impl Machines {
    /// A folder for as many servers at `network`.1 and up, which `user` owns where we are root.
    fn new([a, b, c]: [u8; 3], count: u8, user: Option<&str>) -> Self {
        let addresses: Vec<_> = (1..=count).map(|host| Ipv4Addr::new(a, b, c, host)).collect();
        let ips: Vec<IpAddr> = addresses.iter().copied().map(IpAddr::from).collect();
        let user = user.filter(|_| rustix::process::geteuid().is_root()).map(str::to_owned);
        let folder = Folder::new();
        if let Some(user) = &user {
            let id = |which| {
                let out = Command::new("id").arg(which).arg(user).output().expect("id is there");
                String::from_utf8_lossy(&out.stdout).trim().parse().expect("a package's user")
            };
            chown(&folder.path, Some(id("-u")), Some(id("-g"))).expect("root may");
        }
        let processes = addresses.iter().map(|_| None).collect();
        Self { folder, port: free_port_of(&ips), addresses, user, processes }
    }

    /// A command of their user.
    fn command(&self, program: &Path) -> Command {
        let mut command = match &self.user {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
                command.args([&user, &group, "--clear-groups", "--"]).arg(program);
                command
            }
        };
        command.current_dir(&self.folder.path).env_remove("PGPASSWORD").stdin(Stdio::null());
        command
    }

    /// Starts a server; what it says goes into `PLACE.log`.
    fn start(&mut self, place: usize, command: &mut Command) {
        let log = File::options().create(true).append(true).open(self.log(place)).expect("a log");
        let both = log.try_clone().expect("one file for both streams");
        let child = command.stdout(log).stderr(both).spawn().expect("it starts");
        self.processes[place] = Some(child);
    }

    fn log(&self, place: usize) -> PathBuf {
        self.folder.path.join(format!("{place}.log"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path.join(name)
    }

    fn address(&self, place: usize) -> String {
        self.addresses[place].to_string()
    }

    /// Ends one and waits until it has.
    fn stop(&mut self, place: usize, signal: Signal) {
        let Some(mut child) = self.processes[place].take() else { return };
        kill_process(Pid::from_child(&child), signal).expect("our own child");
        child.wait().expect("our own child");
    }

    /// No log has the password.
    fn assert_no_password(&self) {
        for place in 0..self.addresses.len() {
            let log = fs::read_to_string(self.log(place)).unwrap_or_default();
            assert!(!log.contains(PASSWORD), "{log}");
        }
    }

    /// What a check of this kind finds of each, in order.
    fn probes(&self, check: &str) -> Probes {
        Probes::new(&self.folder.path, check, &self.addresses)
    }
}

impl Drop for Machines {
    fn drop(&mut self) {
        for place in 0..self.processes.len() {
            // At once: nobody wants their data. PostgreSQL's children end with SIGQUIT, not with SIGKILL.
            let signal =
                if self.user.as_deref() == Some("mysql") { Signal::KILL } else { Signal::QUIT };
            self.stop(place, signal);
        }
    }
}

/// A command that ends well; what it said.
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}{errors}", output.status);
    said
}
