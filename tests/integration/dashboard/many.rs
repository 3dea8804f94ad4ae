//! Ten thousand pools: those that need somebody are seen, the others found.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::browser::{Browser, Screen};
use crate::servers::{Server, ZoneFile};

const POOLS: usize = 10_000;

#[test]
fn of_ten_thousand_pools_the_worst_are_seen_and_the_others_found() {
    let mut zone = "zone: many.example\nns: [ns1]\npools:\n".to_owned();
    let mut records = "records:\n  ns1: {A: 192.0.2.53}\n".to_owned();
    for place in 0..POOLS {
        let state = if place == 7_777 { ", state: down" } else { "" };
        let (high, low) = (place / 250, place % 250);
        let _ = writeln!(
            zone,
            "  p-{place}: {{backends: {{a: {{address: 10.1.{high}.{low}{state}}}, b: 10.2.{high}.{low}}}}}"
        );
        let _ = writeln!(records, "  n-{place}: {{pool: p-{place}}}");
    }
    zone += &records;
    let zone = ZoneFile { name: "many.example.yaml", text: &zone };
    let settings = "admin: {listen: 127.0.0.1:0}\n";
    let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], settings, &[zone]);
    let Some(browser) = Browser::at(&format!("http://{}/", server.admin()), Screen::Desktop) else {
        return;
    };
    browser.wait_for("#pools-count", "10 000 pools");
    let first = browser.wait_for(".pool summary", "many.example/");
    assert!(first.contains("partly up") && first.contains("p-7777"), "{first}");
    browser.wait_for("#pools-more", "9 970 more");
    let shown = "return document.querySelectorAll('.pool').length";
    assert_eq!(browser.run(shown, &[]), 30);
    browser.run("document.querySelector('#pools-more').click()", &[]);
    browser.wait_for("#pools-more", "9 940 more");
    assert_eq!(browser.run(shown, &[]), 60);
    browser.keep("many");

    browser.press(&["/", "10.2.39.249"]);
    browser.wait_for("#pools-count", "1 pool with");
    browser.wait_for("#pool-list", "many.example/p-9999");
    assert_eq!(browser.run(shown, &[]), 1);
    let elements = browser.run("return document.querySelectorAll('*').length", &[]);
    assert!(elements.as_u64() < Some(1_000), "{elements}");
}
