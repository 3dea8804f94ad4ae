//! The manual works as it stands: its files load, its commands can be typed, and the tutorial is run.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Parser as _;
use rotadns::cli::Cli;
use rotadns::config::{read_config, read_zone};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::readme::{Block, blocks, zone_blocks};
use crate::servers::{Folder, ROTADNS, Server, ZoneFile, free_port};
use crate::waiting::until;

/// The pages whose blocks stand alone.
const PAGES: [&str; 5] = [
    "docs/tutorial.md",
    "docs/recipes.md",
    "docs/operations.md",
    "docs/alerts.md",
    "docs/dnstap.md",
];
/// The tutorial waits for checks and TTLs of seconds, several times.
const TUTORIAL_MAX: Duration = Duration::from_secs(180);

#[test]
fn every_file_of_the_manual_loads() {
    let mut loaded = 0;
    for page in PAGES {
        for Block { line, text, .. } in blocks(page).into_iter().filter(|b| b.language == "yaml") {
            let origin = text.lines().find_map(|line| line.strip_prefix("zone: "));
            let mistakes = match origin {
                Some(origin) => read_zone(format!("{origin}.yaml").as_ref(), &text).1,
                None => read_config("rotadns.yaml".as_ref(), &text).err().unwrap_or_default(),
            };
            assert!(mistakes.is_empty(), "{page}:{line}: {mistakes:#?}");
            loaded += 1;
        }
    }
    assert!(loaded > 8, "{loaded}");
}

#[test]
fn every_command_of_the_manual_can_be_typed() {
    let mut typed = 0;
    for page in PAGES {
        for Block { line, text, .. } in blocks(page).into_iter().filter(|b| b.language == "sh") {
            for command in text.lines().filter(|line| line.starts_with("rotadns ")) {
                let ends = [" > ", " 2> ", " || ", " | "];
                let end = ends.iter().filter_map(|end| command.find(end)).min();
                let command = &command[..end.unwrap_or(command.len())];
                let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
                Cli::try_parse_from(words)
                    .unwrap_or_else(|error| panic!("{page}:{line}: {command}: {error}"));
                typed += 1;
            }
        }
    }
    assert!(typed > 10, "{typed}");
}

/// Each command of these pages, in the order in which it stands there, in a folder like that of a server with the README's
/// first zone: what a page tells people to type does something, and ends well.
#[test]
fn every_command_of_the_manual_runs() {
    let first = zone_blocks().swap_remove(0).1;
    // Its backends are on this machine, where nobody answers.
    let zone = first.replace("192.0.2.", "127.61.31.").replace("198.51.100.", "127.61.31.");
    let zone = zone.replace("2001:db8::2", "::1");
    let zone = ZoneFile { name: "example.com.yaml", text: &zone };
    let server = Server::rotadns_with(
        &[Ipv4Addr::LOCALHOST.into()],
        "admin: {listen: 127.0.0.1:0}\n",
        &[zone],
    );
    let folder = server.file("");
    let master = "@ 60 IN SOA ns hostmaster 1 1 1 1 1\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n";
    fs::write(folder.join("example.net.zone"), master).expect("a file");
    fs::create_dir_all(folder.join("etc/rotadns")).expect("a folder");
    fs::create_dir_all(folder.join("usr/share/bash-completion/completions")).expect("a folder");
    let config = format!("zones: {}\n", folder.join("zones").display());
    fs::write(folder.join("etc/rotadns/rotadns.yaml"), config).expect("a file");
    let binaries = Path::new(ROTADNS).parent().expect("it is in a folder");
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());

    let mut run = 0;
    for page in ["README.md", "docs/recipes.md", "docs/operations.md", "docs/alerts.md"] {
        for Block { line, text, .. } in blocks(page).into_iter().filter(|b| b.language == "sh") {
            for command in text.lines().filter(|line| line.starts_with("rotadns ")) {
                // What does not end is seen in tests of its own.
                if command.starts_with("rotadns serve") || command.contains("--watch") {
                    continue;
                }
                let here = |root: &str| format!(" {}{root}", folder.display());
                let command =
                    command.replace(" /etc/", &here("etc/")).replace(" /usr/", &here("usr/"));
                let shell = Command::new("bash")
                    .args(["-c", &command])
                    .current_dir(&folder)
                    .env("PATH", &path)
                    .env("ROTADNS_ADMIN", server.admin().to_string())
                    .stdin(Stdio::null())
                    .output()
                    .expect("bash");
                let said = String::from_utf8_lossy(&shell.stderr);
                assert!(shell.status.success(), "{page}:{line}: {command}: {said}");
                run += 1;
            }
        }
    }
    assert!(run > 15, "{run}");
}

#[test]
fn pages_that_are_linked_to_are_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut links = 0;
    for entry in fs::read_dir(&docs).expect("the manual") {
        let page = entry.expect("a page").path();
        if page.extension().is_none_or(|end| end != "md") {
            continue;
        }
        let text = fs::read_to_string(&page).expect("a page is text");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(docs.join(file).exists(), "{}: {link}", page.display());
            links += 1;
        }
    }
    assert!(links > 20, "{links}");
}

/// A shell with everything that it starts, which goes with its owner.
struct Shell(std::process::Child);

impl Drop for Shell {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.0);
        // An error means that nothing is left of it.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.0.wait();
    }
}

#[test]
fn the_tutorial_runs_as_it_stands() {
    let blocks = blocks("docs/tutorial.md");
    let folder = Folder::new();
    let zone = blocks.iter().find(|block| block.language == "yaml").expect("a zone");
    let (dns, admin, web) =
        (free_port().to_string(), free_port().to_string(), free_port().to_string());
    let own = |text: &str| text.replace("5300", &dns).replace("8053", &admin).replace("8080", &web);
    folder.write("zones/shop.example.yaml", &own(&zone.text));

    let mut script = String::from("set -e\n");
    for block in blocks.iter().filter(|block| block.language == "sh") {
        for line in own(&block.text).lines().filter(|line| !line.starts_with("cargo ")) {
            let serve =
                format!("rotadns serve --listen 127.0.0.1:{dns} --admin 127.0.0.1:{admin} ");
            script.push_str(&line.replace("rotadns serve ", &serve));
            script.push('\n');
        }
    }
    script.push_str("echo the tutorial is over\n");
    let file = folder.write("tutorial.sh", &script);
    let binaries = Path::new(ROTADNS).parent().expect("it is in a folder");
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let said = fs::File::create(folder.path.join("said")).expect("a file for what it says");
    let shell = Command::new("bash")
        .arg(file)
        .current_dir(&folder.path)
        .env("PATH", path)
        .env("ROTADNS_ADMIN", format!("127.0.0.1:{admin}"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().expect("one file for both streams"))
        .stderr(said)
        .process_group(0)
        .spawn()
        .expect("bash");
    let mut shell = Shell(shell);
    let (status, _) =
        until("the tutorial ends", TUTORIAL_MAX, || shell.0.try_wait().expect("our child"));
    let said = fs::read_to_string(folder.path.join("said")).expect("what it said");
    assert!(status.success() && said.ends_with("the tutorial is over\n"), "{script}\n{said}");
    for what in ["HTTP 500", "refused, with exit code 1", "did you mean `web`?", "safe to stop"] {
        assert!(said.contains(what), "{what:?} is said:\n{said}");
    }
}
