//! Processes that answer on loopback addresses, RotaDNS the first among them.
//!
//! A server's files stand in a folder of its own. It is ready when it has answered a question, and it
//! ends with the value that stands for it.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use rotadns::config::CONFIG_FILE;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::asking::{Client, Question, Way};
use crate::waiting::{now, until};

/// The binary that is tested.
pub(crate) const ROTADNS: &str = env!("CARGO_BIN_EXE_rotadns");

/// How long RotaDNS may take until it serves, its first round of checks included.
const START_MAX: Duration = Duration::from_secs(30);

/// How long a question waits while a server starts, and how often it is asked.
const READY_STEP: Duration = Duration::from_millis(20);
const READY_STEPS: u32 = 1500;

/// A file of a zones folder.
pub(crate) struct ZoneFile<'a> {
    /// With its ending: `example.com.yaml`, `example.com.zone`.
    pub name: &'a str,
    pub text: &'a str,
}

impl ZoneFile<'_> {
    pub(crate) fn origin(&self) -> &str {
        self.name.rsplit_once('.').expect("a zone file has an ending").0
    }

    /// The zone's name with its last dot.
    pub(crate) fn apex(&self) -> String {
        format!("{}.", self.origin().trim_end_matches('.'))
    }

    pub(crate) fn is_master_file(&self) -> bool {
        Path::new(self.name).extension().is_some_and(|extension| extension == "zone")
    }
}

/// A running server.
pub(crate) struct Server {
    what: &'static str,
    process: Child,
    port: u16,
    folder: Folder,
}

impl Server {
    /// RotaDNS over these zones, on both loopback addresses.
    pub(crate) fn rotadns(zones: &[ZoneFile<'_>]) -> Self {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let mut server = Self::rotadns_with(&loopback, "", zones);
        for zone in zones {
            server.wait_for(&Question::new(&zone.apex(), RecordType::SOA));
        }
        server
    }

    /// RotaDNS on these addresses, with these further lines in its config file. It has been asked
    /// nothing yet, so that what it counts is the caller's alone.
    pub(crate) fn rotadns_with(listen: &[IpAddr], settings: &str, zones: &[ZoneFile<'_>]) -> Self {
        let mut server = Self::rotadns_starting(listen, settings, zones);
        server.wait_until_it_serves();
        server
    }

    /// As [`Server::rotadns_with`], while it is on its way.
    pub(crate) fn rotadns_starting(
        listen: &[IpAddr],
        settings: &str,
        zones: &[ZoneFile<'_>],
    ) -> Self {
        let folder = Folder::new();
        let port = free_port_of(listen);
        for zone in zones {
            folder.write(&format!("zones/{}", zone.name), zone.text);
        }
        let listen: Vec<String> =
            listen.iter().map(|&ip| format!("\"{}\"", SocketAddr::new(ip, port))).collect();
        // A socket of its own, so that servers of several tests do not meet on one port.
        let has_admin = settings.lines().any(|line| line.starts_with("admin:"));
        let admin = if has_admin { "" } else { "admin: {socket: admin.sock}\n" };
        // A file of a folder that is hidden, as the root's is, is served when named.
        let hidden = zones.iter().filter(|zone| zone.name.starts_with('.'));
        let hidden: Vec<String> = hidden
            .map(|zone| format!(", {}", folder.path.join("zones").join(zone.name).display()))
            .collect();
        let config = format!(
            "listen: [{listen}]\nzones: [{zones}{hidden}]\nstate: {state}\n{admin}{settings}",
            listen = listen.join(", "),
            zones = folder.path.join("zones").display(),
            hidden = hidden.concat(),
            state = folder.path.join("state").display(),
        );
        folder.write(CONFIG_FILE, &config);
        Self::start("rotadns", rotadns_command(&folder), port, folder)
    }

    /// Starts RotaDNS again, over the files that the one before has left.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(self.what, rotadns_command(&self.folder), &self.folder);
        self.wait_until_it_serves();
    }

    /// Starts another RotaDNS that takes this one's place, with these further flags. Gives the process of the one before.
    pub(crate) fn replace(&mut self, flags: &[&str]) -> Child {
        // What each of them says stands apart.
        let _ = fs::rename(self.file("output"), self.file("output-before"));
        let new = spawn(self.what, self.replacing(flags), &self.folder);
        std::mem::replace(&mut self.process, new)
    }

    /// The command that takes this one's place.
    pub(crate) fn replacing(&self, flags: &[&str]) -> Command {
        let mut command = rotadns_command(&self.folder);
        command.arg("--replace").args(flags);
        command
    }

    /// Waits until its process has ended by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("our own child")
    }

    /// Whether its process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("our own child").is_some()
    }

    /// What comes of one more RotaDNS with the same config file.
    pub(crate) fn second(&self) -> Output {
        rotadns_command(&self.folder).output().expect("the binary that is tested")
    }

    pub(crate) fn wait_until_it_serves(&mut self) {
        until("the log says that it serves", START_MAX, || {
            if let Some(status) = self.process.try_wait().expect("our own child") {
                panic!("{} ended with {status} before it served:\n{}", self.what, self.said());
            }
            let said = self.said();
            let serves = ["serving listen=", r#""message":"serving""#];
            serves.iter().any(|line| said.contains(line)).then_some(())
        });
    }

    /// Starts a command that is expected to listen on `port`.
    pub(crate) fn start(what: &'static str, command: Command, port: u16, folder: Folder) -> Self {
        let process = spawn(what, command, &folder);
        Self { what, process, port, folder }
    }

    /// Asks until the answer is NOERROR.
    pub(crate) fn wait_for(&mut self, question: &Question) {
        let mut client = Client::patient(self.v4(), READY_STEP);
        for _ in 0..READY_STEPS {
            if let Some(status) = self.process.try_wait().expect("our own child") {
                panic!("{} ended with {status} before it answered:\n{}", self.what, self.said());
            }
            let answer = client.ask(question, Way::Udp { payload: None });
            if let Ok(Ok(message)) = answer.map(|bytes| Message::from_vec(&bytes))
                && message.metadata.response_code == ResponseCode::NoError
            {
                return;
            }
        }
        panic!("{} gives no good answer to {question:?}; it said:\n{}", self.what, self.said());
    }

    pub(crate) fn v4(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn v6(&self) -> SocketAddr {
        (Ipv6Addr::LOCALHOST, self.port).into()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where its admin API is, by its log: tests have it listen on port 0.
    pub(crate) fn admin(&self) -> SocketAddr {
        let (address, _) = until("the admin API is there", START_MAX, || {
            let said = self.said();
            let line = said.lines().find(|line| line.contains("the admin API is there"))?;
            let (_, rest) = line.split_once("listen=[")?;
            rest.split([',', ']']).next()?.parse().ok()
        });
        address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.v4())
    }

    /// A file among its own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path.join(name)
    }

    /// Puts a new version of one of its files in the old one's place, as editors do.
    pub(crate) fn replace_file(&self, name: &str, text: &str) {
        let (folder, file) = name.rsplit_once('/').expect("it stands in one of its folders");
        let new = self.folder.write(&format!("{folder}/.{file}.new"), text);
        fs::rename(new, self.file(name)).expect("both stand in one folder");
    }

    /// What it has written to its standard output and error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.path.join("output")).unwrap_or_default()
    }

    /// Asks it to end, as an init system does, and waits until it has.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        if let Ok(Some(status)) = self.process.try_wait() {
            return status;
        }
        self.signal(Signal::TERM);
        self.process.wait().expect("our own child")
    }

    /// As [`stop`](Self::stop), and what that took. On a busy machine the clock tells of what others do, and the CPU time of what
    /// the server did.
    pub(crate) fn end(&mut self) -> End {
        let (began, before) = (now(), self.cpu());
        self.signal(Signal::TERM);
        // It is to be left to be looked at.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.process)), options).expect("our own child");
        let (took, cpu) = (began.elapsed(), self.cpu().saturating_sub(before));
        let status = self.process.wait().expect("our own child");
        assert!(status.success(), "{status}: {}", self.said());
        End { took, cpu }
    }

    /// The CPU time of all its threads so far, those that ended among them.
    fn cpu(&self) -> Duration {
        /// How many ticks Linux tells a second in, whatever the kernel's own are (proc(5)).
        const TICKS: u32 = 100;
        let stat = self.proc("stat");
        // The name of the command may hold anything, and ends with the last bracket.
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u32>().ok();
        let (user, system) = (ticks().expect("a number"), ticks().expect("a number"));
        Duration::from_secs(1) * (user + system) / TICKS
    }

    /// What it has in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("it runs") * 1024
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.process.id());
        fs::read_to_string(path).expect("our own child")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("our own child");
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("our own child");
        self.process.wait().expect("our own child");
    }
}

/// What an end took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// By the clock.
    pub took: Duration,
    /// Of the server's own threads, all together.
    pub cpu: Duration,
}

fn rotadns_command(folder: &Folder) -> Command {
    let mut command = Command::new(ROTADNS);
    command.arg("serve").arg("--config").arg(folder.path.join(CONFIG_FILE));
    command
}

/// Starts a command that says what it has to say in the folder.
fn spawn(what: &str, mut command: Command, folder: &Folder) -> Child {
    let output = File::create(folder.path.join("output")).expect("a file for what it says");
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("one file for both streams"))
        .stderr(output)
        .spawn()
        .unwrap_or_else(|error| panic!("{what} does not start: {error}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not SIGKILL: NSD's children end with a parent that can still tell them.
        self.stop();
    }
}

/// A folder that goes with its owner.
pub(crate) struct Folder {
    pub path: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let name = format!("rotadns-test-{}-{:016x}", std::process::id(), fastrand::u64(..));
        // In memory where there is such a folder: a disk that other work keeps busy can hold up a reload,
        // whose serial is on the disk before it is served, for seconds.
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = parent.join(name);
        fs::create_dir(&path).expect("a folder for a test");
        Self { path }
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("it stands in the folder")).expect("a folder");
        fs::write(&path, text).expect("a file of a test");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind harms no one.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A port that is free for UDP and TCP on both loopback addresses.
pub(crate) fn free_port() -> u16 {
    free_port_of(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}

/// A port that is free for UDP and TCP on all these addresses, below the range that clients get.
pub(crate) fn free_port_of(addresses: &[IpAddr]) -> u16 {
    loop {
        let port = fastrand::u16(20_000..32_000);
        let is_free = addresses.iter().all(|&address| {
            UdpSocket::bind((address, port)).is_ok() && TcpListener::bind((address, port)).is_ok()
        });
        if is_free {
            return port;
        }
    }
}

/// Where a Debian package has put a command; a missing one fails the test and says what to install.
pub(crate) fn installed(command: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        // The servers' own folder is in root's path alone.
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(command))
        .find(|file| Path::is_file(file))
        .unwrap_or_else(|| panic!("no {command} here: install the Debian package {package}"))
}
