//! The dashboard in a browser, over the binary as it is installed.
//!
//! Pictures of what was seen are kept in `tmp/pages/` of the target folder.

use std::net::Ipv4Addr;

use hickory_proto::rr::RecordType;

use crate::asking::{Question, Way};
use crate::backends::Backends;
use crate::browser::{Browser, Screen};
use crate::http::Http;
use crate::servers::{Server, ZoneFile, free_port_of};

mod access;
mod by_keys;
mod explained;
mod live;
mod many;
mod narrow;
mod steered;

/// A server with backends that can be broken, and where its dashboard is.
struct Ground {
    server: Server,
    backends: Backends,
    http: Http,
    url: String,
}

impl Ground {
    /// A pool `web` of three backends at a loopback network of the test's own, a pool `api` of two of them by weight, and
    /// a pool without checks.
    fn new(network: [u8; 3], settings: &str) -> Self {
        let backends = Backends::start(network, 3);
        let [a, b, c] = backends.addresses() else { unreachable!("three were started") };
        let zone = format!(
            "\
zone: dash.example
ns: [ns1]
checks:
  app: {{http: {{port: {port}, path: /healthz}}, interval: 500ms, timeout: 400ms, fall: 2, rise: 1}}
pools:
  web: {{ttl: 2s, check: app, backends: {{web-1: {a}, web-2: {b}, web-3: {c}}}}}
  api: {{ttl: 30s, check: app, policy: weighted, backends: {{blue: {{address: {a}, weight: 3}}, green: {{address: {b}, weight: 1}}}}}}
  cdn: {{backends: {{cdn-1: [192.0.2.1, \"2001:db8::1\"], cdn-2: [192.0.2.2, \"2001:db8::2\"]}}}}
records:
  ns1: {{A: 192.0.2.53}}
  www: {{pool: web}}
  api: {{pool: api}}
  cdn: {{pool: cdn}}
",
            port = backends.port(),
        );
        let zone = ZoneFile { name: "dash.example.yaml", text: &zone };
        let localhost = Ipv4Addr::LOCALHOST.into();
        let port = free_port_of(&[localhost]);
        let admin = format!("admin: {{listen: 127.0.0.1:{port}{settings}}}\n");
        let server = Server::rotadns_with(&[localhost], &admin, &[zone]);
        let http = Http::new((Ipv4Addr::LOCALHOST, port).into());
        Self { server, backends, http, url: format!("http://127.0.0.1:{port}/") }
    }

    /// Its dashboard, once it shows the pools.
    fn page(&self, screen: Screen) -> Option<Browser> {
        let browser = Browser::at(&self.url, screen)?;
        browser.wait_for("#link", "live");
        browser.wait_for("#pools-count", "3 pools");
        Some(browser)
    }

    /// Asks for a name so many times.
    fn ask(&self, name: &str, times: usize) {
        let mut client = self.server.client();
        for _ in 0..times {
            client.answer(&Question::new(name, RecordType::A), Way::Udp { payload: None });
        }
    }
}

/// The line of a backend.
fn line(browser: &Browser, key: &str) -> String {
    let script = "const all = [...document.querySelectorAll('.backends tbody')]; \
        const one = all.find((row) => row.querySelector(`[aria-label=\"Steer ${arguments[0]}\"]`)); \
        return one?.checkVisibility() ? one.innerText : ''";
    let text = browser.run(script, &[key.into()]);
    text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits until the line of a backend has all of these texts.
fn wait_for_line(browser: &Browser, key: &str, expected: &[&str]) {
    browser.wait_until(&format!("{key} is {expected:?}"), || {
        let line = line(browser, key);
        expected.iter().all(|text| line.contains(text)).then_some(())
    });
}

/// Opens a pool that is closed.
fn open(browser: &Browser, pool: &str) {
    let script = "const all = [...document.querySelectorAll('.pool')]; \
        const one = all.find((pool) => pool.querySelector('.pool-key').textContent === arguments[0]); \
        if (!one.open) one.querySelector('summary').click();";
    browser.run(script, &[pool.into()]);
}

/// Nobody has complained: no script has failed, nothing was refused by the page's policy.
fn assert_calm(browser: &Browser) {
    assert_eq!(browser.complaints(), [""; 0]);
}
