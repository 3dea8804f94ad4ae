//! Who may ask for what.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::json;

use super::{ZONE, serve};
use crate::http::Http;
use crate::servers::{Folder, ROTADNS, Server, free_port};
use crate::waiting::until;

const READ: &str = "read-read-read-read";
const FEED: &str = "feed-feed-feed-feed";
const OPERATE: &str = "operate-operate-operate";
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A server with tokens, in a folder that must live as long.
fn serve_with_tokens() -> (Server, Http, Folder) {
    let folder = Folder::new();
    let text = format!("read r {READ}\nfeed f {FEED}\noperate anna {OPERATE}\n");
    let tokens = folder.write("tokens", &text);
    let (server, http) = serve(&format!(", tokens: {}", tokens.display()));
    (server, http, folder)
}

#[test]
fn a_token_is_asked_for_and_its_role_counts() {
    let (server, http, _folder) = serve_with_tokens();
    for (token, look, reload) in [
        (None, 401, 401),
        (Some("read-read-read-reaD"), 401, 401),
        (Some(""), 401, 401),
        (Some(READ), 200, 403),
        (Some(FEED), 200, 403),
        (Some(OPERATE), 200, 200),
    ] {
        let caller = token.map_or_else(|| http.clone(), |token| http.bearer(token));
        assert_eq!(caller.get("/v1/zones").status, look, "{token:?}");
        assert_eq!(caller.post("/v1/reload", &json!({})).status, reload, "{token:?}");
        assert_eq!(caller.get("/healthz").status, 200, "{token:?}");
        assert_eq!(caller.get("/readyz").status, 200, "{token:?}");
    }
    let refused = http.get("/v1/zones");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"rotadns\""));
    let refused = http.bearer(READ).post("/v1/reload", &json!({}));
    assert_eq!(refused.error(), "this needs a token of the role `operate`");
    for token in [READ, FEED, OPERATE] {
        assert!(!server.said().contains(token), "tokens stay out of the log");
    }
}

#[test]
fn tokens_are_read_again_when_they_change() {
    let (server, http, folder) = serve_with_tokens();
    assert_eq!(http.bearer(READ).get("/v1/zones").status, 200);
    folder.write("tokens", &format!("read other {FEED}\n"));
    until("the old token is not taken any more", PATIENCE, || {
        (http.bearer(READ).get("/v1/zones").status == 401).then_some(())
    });
    folder.write("tokens", "read other short\n");
    until("the mistake is told", PATIENCE, || {
        http.bearer(READ).get("/v1/zones");
        server.said().contains("line 1: a token has 16 to 256 characters").then_some(())
    });
    until("what was read before stays, once we may ask again", PATIENCE, || {
        (http.bearer(FEED).get("/v1/zones").status == 200).then_some(())
    });
}

#[test]
fn pages_of_other_sites_are_refused() {
    let (_server, http) = serve("");
    for (name, value, expected) in [
        ("Host", "localhost", 200),
        ("Host", "evil.example", 421),
        ("Origin", "http://evil.example", 403),
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "none", 200),
    ] {
        let answer = http.with(name, value).get("/v1/zones");
        assert_eq!(answer.status, expected, "{name}: {value}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let form = http.with("Content-Type", "text/plain").ask("POST", "/v1/reload", Some("{}"));
    assert_eq!(form.status, 415);
}

#[test]
fn the_socket_is_its_owners_and_needs_no_token() {
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], "", &[ZONE]);
    let path = server.file("admin.sock");
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(Http::unix(path.clone()).get("/v1/zones").status, 200);
    drop(server);
    assert!(!path.exists());
}

/// What a server says that does not start.
fn refused(admin: &str) -> String {
    let folder = Folder::new();
    folder.write(&format!("zones/{}", ZONE.name), ZONE.text);
    folder.write("tokens", &format!("read r {READ}\n"));
    let port = free_port();
    let config = folder.write(
        "rotadns.yaml",
        &format!("listen: 127.0.0.1:{port}\nzones: zones\nstate: state\n{admin}\n"),
    );
    let output = Command::new(ROTADNS).arg("serve").arg("--config").arg(config).output();
    let output = output.expect("the binary that is tested");
    assert_eq!(output.status.code(), Some(1), "{admin}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_server_that_would_be_open_to_the_network_does_not_start() {
    for (admin, sentence) in [
        ("admin: {listen: 0.0.0.0:0}", "the admin API needs `tokens` and `tls`"),
        ("admin: {listen: 0.0.0.0:0, tokens: tokens}", "the admin API needs `tls`"),
        ("admin: {listen: 127.0.0.1:0, tokens: nowhere}", "nowhere: cannot be read"),
        ("admin: {listen: 127.0.0.1:0, tls: {certificate: c, key: k}}", "c: cannot be read"),
    ] {
        let said = refused(admin);
        assert!(said.contains(sentence), "{admin}: {said}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound");
    let said = refused(&format!("admin: {{listen: {address}}}"));
    assert!(said.contains("--admin off"), "{said}");
}
