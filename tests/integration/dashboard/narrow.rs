//! The narrowest phone, and names that are longer than it is wide.

use std::net::Ipv4Addr;

use serde_json::json;

use super::{assert_calm, open, wait_for_line};
use crate::browser::{Browser, ENTER, ESCAPE, Screen};
use crate::http::Http;
use crate::servers::{Server, ZoneFile};

/// A name of its own for each end.
fn long(end: &str) -> String {
    format!("a-name-that-somebody-has-made-of-everything-that-is-known-{end}")
}

#[test]
fn long_names_are_broken_where_a_phone_ends() {
    let (zone, pool) = (format!("{}.{}.example", long("z"), "x".repeat(40)), long("p"));
    let (first, second) = (long("1"), long("2"));
    let text = format!(
        "\
zone: {zone}
ns: [ns1]
checks: {{app: {{http: {{port: 9, path: /{first}{second}}}}}}}
pools:
  {pool}: {{check: app, backends: {{{first}: 127.61.18.1, {second}: [127.61.18.2, \"::1\"]}}}}
records:
  ns1: {{A: 192.0.2.53}}
  www: {{pool: {pool}}}
"
    );
    let file = ZoneFile { name: &format!("{zone}.yaml"), text: &text };
    let settings = "admin: {listen: 127.0.0.1:0}\n";
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[file]);
    let key = format!("{zone}/{pool}/{first}");
    let drain = json!({"backends": [key], "author": "anna", "reason": "w".repeat(150)});
    assert_eq!(Http::new(server.admin()).post("/v1/backends/drain", &drain).status, 200);
    let url = format!("http://{}/", server.admin());
    let Some(browser) = Browser::at(&url, Screen::Phone) else { return };
    browser.wait_for("#link", "live");
    browser.wait_for("#pools-count", "1 pool");
    open(&browser, &format!("{zone}/{pool}"));
    wait_for_line(&browser, &key, &["drained"]);
    browser.wait_for("#change-list", "drained by anna");
    browser.press(&["e", &format!("www.{zone}"), ENTER]);
    browser.wait_for("#explained", "Steps");
    browser.keep("long-names");
    // Nothing that is seen ends beyond the screen, but what scrolls by itself.
    let beyond = "const wide = document.documentElement.clientWidth; \
        const scrolls = (e) => { for (; e; e = e.parentElement) if (getComputedStyle(e).overflowX !== 'visible') return true; }; \
        return [...document.querySelectorAll('body *')] \
            .filter((e) => e.checkVisibility() && !e.closest('.unseen, .skip, .shapes') && !scrolls(e) && e.getBoundingClientRect().right > wide + 1) \
            .map((e) => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 60)}`)";
    assert_eq!(browser.run(beyond, &[]), json!([]));
    let wider =
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.run(wider, &[]), 0);
    // What a link leads to begins below what stays at the top.
    let hidden = "document.querySelector('nav [href=\"#pools\"]').click(); \
        const box = (one) => document.querySelector(one).getBoundingClientRect(); return box('.top').bottom > box('#pools-title').top";
    assert_eq!(browser.run(hidden, &[]), false);
    browser.run("document.activeElement.blur()", &[]);
    browser.press(&["s", "*/*/*"]);
    browser.wait_for("#steer-meant", "2 backends");
    browser.keep("long-names-steered");
    let dialog =
        "const box = document.querySelector('#steer'); return box.scrollWidth - box.clientWidth";
    assert_eq!(browser.run(dialog, &[]), 0);
    browser.press(&[ESCAPE]);
    assert_calm(&browser);
}
