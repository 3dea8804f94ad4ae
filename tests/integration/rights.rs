//! What the process gives up: root's rights, once its ports are bound. Only root can show that.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use crate::programs::{ALLOW, helper, until_handed, zone};
use crate::servers::{Folder, ROTADNS, Server};
use crate::waiting::{PATIENCE, until};

/// Every system has it, and it owns nothing.
const USER: &str = "nobody";

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("NOT CHECKED: only root can become another");
    }
    is_root
}

/// A port below 1024, which only root may bind.
fn low_port() -> u16 {
    let is_free = |port: &u16| {
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, *port).into();
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    (600..1024).rev().find(is_free).expect("one of them is free")
}

/// A server's folder, with more in its config file.
fn folder(port: u16, settings: &str, states: &Folder) -> Folder {
    let folder = Folder::new();
    folder.write("zones/programs.example.yaml", &zone(states));
    folder.write(
        "rotadns.yaml",
        &format!(
            "listen: 127.0.0.1:{port}\nzones: zones\nstate: state\nadmin: off\n{ALLOW}{settings}"
        ),
    );
    folder
}

fn serve(folder: &Folder) -> Command {
    let mut command = Command::new(ROTADNS);
    command.arg("serve").arg("--config").arg(folder.path.join("rotadns.yaml"));
    command
}

/// The values of some lines of each thread's status.
fn statuses(pid: u32, keys: &[&str]) -> Vec<Vec<String>> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let status = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let value = |status: &str, key: &&str| {
        let line = status.lines().find_map(|line| line.strip_prefix(*key)?.strip_prefix(':'));
        line.map(|rest| rest.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    status.map(|status| keys.iter().map(|key| value(&status, key)).collect()).collect()
}

#[test]
fn a_server_that_root_starts_becomes_its_user_and_works_on() {
    if !is_root() {
        return;
    }
    let (states, port) = (Folder::new(), low_port());
    states.write("192.0.2.1", "");
    let own = folder(port, &format!("user: {USER}\n"), &states);
    let mut server = Server::start("rotadns", serve(&own), port, own);
    server.wait_until_it_serves();
    assert!(
        server.said().contains("root's rights are given up user=\"nobody\""),
        "{}",
        server.said()
    );

    let state = fs::metadata(server.file("state")).expect("it was made");
    let (uid, gid) = (state.uid(), state.gid());
    assert_ne!((uid, gid), (0, 0));
    let keys = ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"];
    let four = |id: u32| [id.to_string(), id.to_string(), id.to_string(), id.to_string()].join(" ");
    let none = "0".repeat(16);
    let expected = [&four(uid), &four(gid), &gid.to_string(), &none, &none, &none, &none, "1"];
    let starter = helper(&server).expect("it runs").as_raw_nonzero().get();
    for pid in [server.pid(), starter.unsigned_abs()] {
        let found = statuses(pid, &keys);
        assert!(!found.is_empty());
        for found in found {
            assert_eq!(found, expected, "{keys:?}");
        }
    }
    assert!(statuses(server.pid(), &keys).len() > 4, "it has many threads");

    // It answers, programs say how backends are, and files are read again.
    until_handed(&server, &["192.0.2.1"]);
    states.write("192.0.2.2", "");
    until_handed(&server, &["192.0.2.1", "192.0.2.2"]);
    let changed = zone(&states).replace("192.0.2.2", "192.0.2.3");
    states.write("192.0.2.3", "");
    server.replace_file("zones/programs.example.yaml", &changed);
    until_handed(&server, &["192.0.2.1", "192.0.2.3"]);
    for file in ["serials", "health"] {
        let (owner, _) = until(&format!("{file} is written"), PATIENCE, || {
            fs::metadata(server.file("state").join(file)).ok().map(|file| file.uid())
        });
        assert_eq!(owner, uid, "{file}");
    }
    assert!(server.stop().success(), "{}", server.said());
    server.start_again();
    until_handed(&server, &["192.0.2.1", "192.0.2.3"]);
    assert!(server.stop().success(), "{}", server.said());
}

#[test]
fn what_keeps_a_server_from_its_user_is_told_before_it_serves() {
    if !is_root() {
        return;
    }
    let states = Folder::new();
    let told = |settings: &str, prepare: &dyn Fn(&Path)| {
        let folder = folder(low_port(), settings, &states);
        prepare(&folder.path);
        let output = serve(&folder).output().expect("the binary that is tested");
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("serving"), "{said}");
        said.replace(&folder.path.display().to_string(), "HERE")
    };
    for (settings, expected) in [
        ("user: no-such-user", "user: there is no user `no-such-user` here"),
        ("user: nobody:no-such-group", "user: there is no group `no-such-group` here"),
        ("user: root", "user: `root` is root, who would give nothing up"),
    ] {
        let said = told(settings, &|_| {});
        assert!(said.contains(expected), "{settings}: {said}");
    }
    let said = told("user: nobody", &|folder| {
        fs::create_dir(folder.join("state")).expect("root's");
    });
    let expected = "HERE/state: `nobody` cannot write there: Permission denied (os error 13); serials and health are kept \
                    there: `chown -R nobody HERE/state`";
    assert!(said.contains(expected), "{said}");
    // A file that a server of root's has left.
    let said = told("user: nobody", &|folder| {
        let state = folder.join("state");
        fs::create_dir(&state).expect("a folder");
        fs::write(state.join("serials"), "").expect("root's");
        chown(&state, Some(65534), Some(65534)).expect("we are root");
    });
    assert!(said.contains("HERE/state/serials: `nobody` cannot write there"), "{said}");
}
