//! `rotadns serve --replace`: another process takes the server's place while it is asked, and nobody notices; where it fails,
//! nothing has changed.

mod asked;
mod given_up;

use std::net::Ipv4Addr;
use std::process::Child;
use std::time::Duration;

use serde_json::json;

use crate::http::Http;
use crate::servers::{Server, ZoneFile};
use crate::updates::{SECRET, Update};
use crate::waiting::until;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const APEX: &str = "example.com.";

/// Any name has an address; updates and hands change others.
const ZONE: ZoneFile<'_> = ZoneFile {
    name: "example.com.yaml",
    text: "zone: example.com\n\
           ns: [ns1]\n\
           pools: {web: {backends: {a: 192.0.2.11, b: 192.0.2.12}}}\n\
           records:\n  \
             ns1: {A: 192.0.2.53}\n  \
             \"*.any\": {A: 192.0.2.1}\n  \
             www: {pool: web}\n",
};

/// A server that takes updates from loopback, and whose admin API is at a socket in its folder.
fn server(settings: &str) -> Server {
    let settings = format!(
        "keys: {{k.example: {{secret: {SECRET}}}}}\n\
         updates: {{allow: [{{key: k.example, address: 127.0.0.0/8}}]}}\n\
         {settings}"
    );
    Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &[ZONE])
}

/// The admin API by its socket.
fn admin(server: &Server) -> Http {
    Http::unix(server.file("admin.sock"))
}

/// Takes a backend out of answers.
fn drain(server: &Server, backend: &str) {
    let wish = json!({"backends": [format!("example.com/web/{backend}")], "author": "test"});
    let response = admin(server).post("/v1/backends/drain", &wish);
    assert_eq!(response.status, 200, "{}", response.body);
}

/// Gives a name an address; whether that was acknowledged.
fn update(server: &Server, name: &str) -> bool {
    let update = Update::of(APEX).insert(&format!("{name}.{APEX}"), 60, "A", "192.0.2.9");
    update.send(server.v4(), PATIENCE) == Some(0)
}

/// Waits until a process has ended, and well.
fn ended_well(mut process: Child) {
    let (status, _) = until("the server before has ended", PATIENCE, || {
        process.try_wait().expect("our own child")
    });
    assert!(status.success(), "{status}");
}
