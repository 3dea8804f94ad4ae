//! The log, as programs and operators find it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;

use crate::backends::Backends;
use crate::servers::{Server, ZoneFile};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_line_in_json_tells_a_backend_that_went_down_and_why() {
    let mut backends = Backends::start([127, 31, 12], 2);
    let text = format!(
        "zone: log.example\n\
         ns: [ns1]\n\
         checks: {{web: {{tcp: {{port: {port}}}, interval: 1s, fast_interval: 100ms, timeout: 500ms}}}}\n\
         pools:\n  \
           web: {{check: web, backends: {{web-1: 127.31.12.1, web-2: 127.31.12.2}}}}\n\
         records: {{ns1: {{A: 192.0.2.53}}, www: {{pool: web}}}}\n",
        port = backends.port(),
    );
    let files = [ZoneFile { name: "log.example.yaml", text: &text }];
    let json = "log: {format: json}\n";
    let mut server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], json, &files);
    backends.kill(1);
    let is_told = |line: &Value| {
        line["fields"]["message"] == "web-2 127.31.12.2: down after 3 failures: connection refused"
    };
    let (line, _) =
        until("the backend is down", PATIENCE, || lines(&server).into_iter().find(is_told));
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["fields"]["zone"], "log.example.");
    assert_eq!(line["fields"]["pool"], "web");
    assert!(server.stop().success());
    lines(&server);
}

#[test]
fn a_name_that_steers_a_terminal_is_written_out() {
    let files = [ZoneFile { name: "\u{1b}[2J..yaml", text: "zone: a\n" }];
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &files);
    let said = server.said();
    assert!(said.contains("/\\u{1b}[2J..yaml: "), "{said:?}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

/// Every line that is whole; each must be JSON.
fn lines(server: &Server) -> Vec<Value> {
    let said = server.said();
    let lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let value =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    lines.map(value).collect()
}
