//! The commands of whoever is on call, against a running server: what they print, and the codes that they end with.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::asking::{Question, Way};
use crate::servers::{Folder, ROTADNS, Server, ZoneFile, free_port};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(20);

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "shop.example.yaml",
    text: "\
zone: shop.example
ns: [ns1]
pools:
  web: {ttl: 1s, min_ttl: 1s, backends: {web-1: 192.0.2.1, web-2: 192.0.2.2}}
records:
  ns1: {A: 192.0.2.53}
  www: {pool: web}
",
};

fn serve() -> Server {
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &[ZONE])
}

/// A command that knows nothing of whoever runs the tests.
fn rotadns(arguments: &[&str]) -> Command {
    let mut command = Command::new(ROTADNS);
    command.args(arguments).stdin(Stdio::null()).env("USER", "anna").env("TZ", "UTC");
    for name in ["ROTADNS_ADMIN", "ROTADNS_TOKEN", "ROTADNS_TOKEN_FILE", "COLUMNS", "SUDO_USER"] {
        command.env_remove(name);
    }
    command
}

/// A command to this server, over its socket.
fn to(server: &Server, arguments: &[&str]) -> Command {
    let mut command = rotadns(arguments);
    command.env("ROTADNS_ADMIN", format!("unix:{}", server.file("admin.sock").display()));
    command
}

/// What a command says and how it ends: stdout, stderr, code.
fn end(mut command: Command) -> (String, String, i32) {
    let Output { status, stdout, stderr } = command.output().expect("the binary that is tested");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    (text(stdout), text(stderr), status.code().expect("it ends by itself"))
}

/// The text with its numbers of seconds and times of day made equal, and one blank where there are many.
fn timeless(text: &str) -> String {
    let is_time = |word: &str| word.len() == 8 && word.matches(':').count() == 2;
    let words = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        for at in 0..words.len() {
            let is_unit =
                words.get(at + 1).is_some_and(|next| next.trim_end_matches([',', ';', ')']) == "s");
            if is_unit && words[at].trim_start_matches('(').parse::<u32>().is_ok() {
                words[at] = if words[at].starts_with('(') { "(N" } else { "N" };
            } else if is_time(words[at]) {
                words[at] = "HH:MM:SS";
            }
        }
        words.join(" ") + "\n"
    };
    text.lines().map(words).collect()
}

fn handed_out(server: &Server) -> Vec<String> {
    let question = Question::new("www.shop.example.", RecordType::A);
    let answer = server.client().answer(&question, Way::Udp { payload: None });
    assert_eq!(answer.rcode, ResponseCode::NoError);
    let last = |record: &String| record.rsplit_once(' ').expect("the address").1.to_owned();
    let mut addresses: Vec<String> = answer.answers.iter().map(last).collect();
    addresses.sort();
    addresses
}

#[test]
fn status_shows_pools_and_backends() {
    let server = serve();
    let (out, err, code) = end(to(&server, &["status"]));
    assert_eq!((err.as_str(), code), ("", 0));
    let version = env!("CARGO_PKG_VERSION");
    let listen = server.v4();
    let (facts, tables) = out.split_once('\n').expect("several lines");
    let facts = timeless(facts);
    let expected = format!(
        "RotaDNS {version} on {listen} (UDP, TCP), up N s; zones: 1 served; backends: 2 up;"
    );
    assert!(facts.starts_with(&expected), "{facts}");
    let expected = "
POOL HANDS OUT UP TTL POLICY CHECK
shop.example/web what is up 2 of 2 N s round_robin none

BACKEND STATE FOR SHARE DUE WHY
shop.example/web/web-1 up 0.0 % 50.0 % no check
shop.example/web/web-2 up 0.0 % 50.0 % no check

PROBER STATE HEARD TARGETS MISSING UNKNOWN REJECTED
inside live never 0 0 0 0
";
    assert_eq!(timeless(tables), expected);

    let (one, _, _) = end(to(&server, &["status", "shop.example/*/web-2"]));
    assert!(one.contains("web/web-2") && !one.contains("web/web-1"), "{one}");
    let (json, _, _) = end(to(&server, &["status", "--json"]));
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["status"]["zones"]["served"], 1);
    assert_eq!(json["pools"][0]["backends"][1]["key"], "shop.example/web/web-2");
}

#[test]
fn status_is_as_wide_as_the_terminal_and_has_colours_on_one_alone() {
    let server = serve();
    for (columns, widest) in [("60", 60), ("200", 200)] {
        let mut command = to(&server, &["status"]);
        command.env("COLUMNS", columns);
        let (out, _, _) = end(command);
        let longest = out.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= widest), "{out}");
        assert_eq!(out.contains("CHECK"), widest == 200, "{out}");
        assert!(!out.contains('\u{1b}'), "{out:?}");
    }
    for (no_color, is_coloured) in [("", true), ("1", false)] {
        let mut on_terminal = Command::new("script");
        let status = format!("{ROTADNS} status");
        on_terminal.args(["--quiet", "--return", "--command", &status, "/dev/null"]);
        on_terminal.stdin(Stdio::null()).env("NO_COLOR", no_color);
        on_terminal.env("ROTADNS_ADMIN", format!("unix:{}", server.file("admin.sock").display()));
        let (out, _, code) = end(on_terminal);
        assert_eq!(code, 0, "{out}");
        assert_eq!(out.contains("\u{1b}["), is_coloured, "{out:?}");
    }
}

#[test]
fn status_goes_on_while_the_server_is_away() {
    let mut server = serve();
    let folder = Folder::new();
    let output = folder.path.join("output");
    let mut command = to(&server, &["status", "--watch"]);
    command.stdout(File::create(&output).expect("a file"));
    let mut watching = command.spawn().expect("the binary that is tested");
    let shows = |what: &str| {
        until(what, PATIENCE, || {
            let text = fs::read_to_string(&output).unwrap_or_default();
            let last = text.rsplit("\n\n\n").next().unwrap_or_default().to_owned();
            last.contains(what).then_some(())
        });
    };
    shows("shop.example/web/web-2");
    server.kill();
    shows("LOST for ");
    let before = fs::metadata(&output).expect("it was written").len();
    server.start_again();
    until("it is shown again", PATIENCE, || {
        let text = fs::read(&output).expect("it was written");
        let new = String::from_utf8_lossy(&text[before as usize..]).into_owned();
        let after = new.rsplit("cannot be reached").next().unwrap_or_default();
        (after.matches("RotaDNS ").count() > 1).then_some(())
    });
    kill_process(Pid::from_child(&watching), Signal::INT).expect("our own child");
    assert_eq!(watching.wait().expect("our own child").code(), Some(0));
    let text = fs::read_to_string(&output).expect("it was written");
    assert!(!text.contains('\u{1b}'), "no terminal, so nothing for one: {text:?}");
}

#[test]
fn a_backend_is_drained_until_it_is_safe_to_stop_and_given_back() {
    let server = serve();
    let web_1 = "shop.example/web/web-1";
    let (out, err, code) = end(to(&server, &["drain", web_1, "--reason", "disk swap"]));
    assert_eq!((err.as_str(), code), ("", 0), "{out}");
    let expected = "shop.example/web/web-1: drained (drained by anna: disk swap); safe to stop at HH:MM:SS (in N s)\n";
    assert_eq!(timeless(&out), expected, "{out}");
    assert_eq!(handed_out(&server), ["192.0.2.2"]);

    let (out, _, code) = end(to(&server, &["drain", web_1, "--for", "1h", "--wait"]));
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("(drained by anna until "), "{out}");
    assert!(out.ends_with("safe to stop now\n"), "{out}");

    let (out, err, _) = end(to(&server, &["down", "shop.example/web/*", "--author", "ben"]));
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(err.starts_with("WARNING: "), "nothing is left: {err}");

    let (out, _, _) = end(to(&server, &["auto", "shop.example/*/*"]));
    assert_eq!(out.matches(": up (").count(), 2, "{out}");
    assert_eq!(handed_out(&server), ["192.0.2.1", "192.0.2.2"]);
    let (out, _, _) = end(to(&server, &["up", web_1, "--json"]));
    let json: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(json["backends"][0]["override"]["state"], "up");
    assert_eq!(json["backends"][0]["override"]["author"], "anna");

    let (_, err, code) = end(to(&server, &["drain", "shop.example/web/wbe-1"]));
    assert_eq!(code, 1);
    assert!(err.contains("web-1"), "the nearest is named: {err}");
}

#[test]
fn a_reload_says_what_it_changed_and_every_mistake() {
    let server = serve();
    let reload = |arguments: &[&str]| {
        let (out, err, code) = end(to(&server, &[&["reload"], arguments].concat()));
        assert_eq!(err, "");
        let zones = format!("{}/", server.file("zones").display());
        (out.replace(&zones, ""), code)
    };
    assert_eq!(reload(&[]), ("1 zone unchanged\n".into(), 0));

    server.replace_file("zones/shop.example.yaml", &ZONE.text.replace("192.0.2.2", "192.0.2.2x"));
    let expected = "\
1 zone unchanged

error: `192.0.2.2x` is not an address, such as `192.0.2.1` or `\"2001:db8::1\"`
  ╭▸ shop.example.yaml:4:67
  │
4 │   web: {ttl: 1s, min_ttl: 1s, backends: {web-1: 192.0.2.1, web-2: 192.0.2.2x}}
  ╰╴                                                                  ━━━━━━━━━━

1 mistake, 0 warnings
";
    assert_eq!(reload(&[]), (expected.into(), 1));
    let (json, code) = reload(&["--json"]);
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!((json["mistakes"][0]["line"].as_u64(), code), (Some(4), 1));

    // A folder without zones is no wish, unless it is.
    fs::remove_file(server.file("zones/shop.example.yaml")).expect("it is there");
    let (out, code) = reload(&[]);
    assert!(out.contains("every zone file is gone") && code == 1, "{out}");
    assert_eq!(reload(&["--force"]), ("removed  shop.example.\n0 zones unchanged\n".into(), 0));
}

#[test]
fn an_answer_is_explained_by_the_server_and_by_the_files_alike() {
    let server = serve();
    let question = ["explain", "www.shop.example"];
    let (by_server, note, code) = end(to(&server, &question));
    assert_eq!((note.contains("as the server at unix:"), code), (true, 0), "{note}");
    let zones = server.file("zones").display().to_string();
    let (by_files, note, code) = end(rotadns(&[&question[..], &["--zones", &zones]].concat()));
    assert!(note.starts_with("by the files alone ("), "{note}");
    assert_eq!(code, 0);
    for out in [&by_server, &by_files] {
        assert!(out.starts_with("www.shop.example. IN A\n\nSTEP"), "{out}");
        let tail = "\
;; status: NOERROR, flags: qr aa
;; ANSWER SECTION:
www.shop.example. 1 IN A 192.0.2.1
www.shop.example. 1 IN A 192.0.2.2
";
        let rotated = tail.lines().all(|line| out.contains(line));
        assert!(rotated, "{out}");
        assert!(out.contains("✓  web-1"), "{out}");
    }

    let config = server.file("rotadns.yaml").display().to_string();
    let socket = format!("unix:{}", server.file("admin.sock").display());
    for how in [["--server", &socket], ["--config", &config]] {
        let down = ["--down", "shop.example/web/web-1"];
        let (out, err, code) = end(rotadns(&[&question[..], &how, &down].concat()));
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("✗  web-1"), "{out}");
        assert!(!out.contains("IN A 192.0.2.1\n") && out.contains("IN A 192.0.2.2\n"), "{out}");
    }

    let (out, _, code) = end(to(&server, &["explain", "wwww.shop.example"]));
    assert!(out.contains("NXDOMAIN; did you mean www.shop.example.?"), "{out}");
    assert_eq!(code, 0, "a name that is not there has an answer too");
    let (_, err, code) = end(to(&server, &["explain", "www.shop.example", "AAAAA"]));
    assert_eq!((err.contains("did you mean `AAAA`?"), code), (true, 1), "{err}");
    let (json, _, _) = end(to(&server, &["explain", "ns1.shop.example", "--json"]));
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json["rcode"], "NOERROR");
}

#[test]
fn without_a_server_the_files_of_this_folder_explain() {
    let folder = Folder::new();
    folder.write("zones/shop.example.yaml", ZONE.text);
    let mut command = rotadns(&["explain", "www.shop.example", "A"]);
    command.current_dir(&folder.path);
    let (out, note, code) = end(command);
    // Somebody else's server may be at the usual place, and then it is asked.
    if note.contains("no server at 127.0.0.1:8053") {
        assert_eq!(code, 0, "{note}");
        assert!(out.contains("✓  web-2"), "{out}");
    }
}

#[test]
fn a_token_and_a_certificate_are_shown_to_a_server_that_wants_them() {
    let folder = Folder::new();
    let keys = folder.path.join("keys");
    let shown = keys.display().to_string();
    let (_, err, code) = end(rotadns(&["keygen", "--for", "127.0.0.1", &shown]));
    assert_eq!(code, 0, "{err}");
    let admin = format!(
        "admin: {{listen: 127.0.0.1:0, tokens: {shown}/tokens, \
         tls: {{certificate: {shown}/certificate.pem, key: {shown}/key.pem}}}}\n"
    );
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &admin, &[ZONE]);
    let address = format!("https://{}", server.admin());
    let status = |more: &[&str]| end(rotadns(&[&["status", "--admin", &address], more].concat()));
    let (ca, token) = (format!("{shown}/ca.pem"), format!("{shown}/token-read"));

    let (_, err, code) = status(&["--token-file", &token]);
    assert_eq!(code, 3, "nobody whom this machine trusts vouches for it: {err}");
    let (_, err, code) = status(&["--ca", &ca]);
    assert_eq!((err.contains("the server wants a token"), code), (true, 1), "{err}");
    let (out, err, code) = status(&["--ca", &ca, "--token-file", &token]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("shop.example/web/web-1"), "{out}");
    let mut drain = rotadns(&["drain", "--admin", &address, "--ca", &ca, "shop.example/web/web-1"]);
    drain.env("ROTADNS_TOKEN_FILE", &token);
    let (_, err, code) = end(drain);
    assert_eq!(code, 1, "a token to read does not steer: {err}");
}

#[test]
fn the_code_says_what_failed() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let folder = Folder::new();
    let no_socket = format!("unix:{}", folder.path.join("none").display());
    for (arguments, expected) in [
        (&["status", "--admin", &nobody][..], 3),
        (&["status", "--watch", "--admin", &nobody], 3),
        (&["drain", "a/b/c", "--admin", &no_socket], 3),
        (&["reload", "--admin", &nobody], 3),
        (&["explain", "a.example", "--server", &nobody], 3),
        (&["status", "--admin", "no where"], 2),
        (&["status", "--json", "--watch"], 2),
        (&["drain"], 2),
        (&["drain", "a/b/c", "--for", "soon"], 2),
        (&["explain", "www.shop.example", "--zones", "/dev/null/zones"], 1),
        (&["keygen", "--for", "127.0.0.1", "/dev/null/keys"], 1),
        (&["auto", "a/b/c", "--for", "1h"], 2),
        (&["explain"], 2),
        (&["explain", "a", "--zones", "z", "--server", &nobody], 2),
        (&["status", "--token-file", "/no/such/file"], 2),
        (&["status", "--admin", "https://127.0.0.1:1", "--ca", "/no/such/file"], 2),
    ] {
        let (_, err, code) = end(rotadns(arguments));
        assert_eq!(code, expected, "{arguments:?}: {err}");
        assert!(!err.is_empty(), "{arguments:?} says what to do");
    }
    let mut by_variable = rotadns(&["status"]);
    by_variable.env("ROTADNS_ADMIN", "no where");
    assert_eq!(end(by_variable).2, 2);
    let (out, _, code) = end(rotadns(&["schema"]));
    assert_eq!(code, 0);
    assert!(out.contains("https://json-schema.org/draft/2020-12/schema"), "{out}");
}
