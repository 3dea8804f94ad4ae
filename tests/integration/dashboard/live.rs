//! What changes while the page is open, the connection to the server among it.

use super::{Ground, assert_calm, line, open, wait_for_line};
use crate::browser::Screen;

#[test]
fn states_change_while_the_page_is_open() {
    let mut ground = Ground::new([127, 61, 1], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    wait_for_line(&browser, "dash.example/web/web-2", &["up", "passed: HTTP 200"]);
    browser.wait_for("#glance-backends-more", "7 up");
    browser.wait_for("#changes-none", "Nothing has changed");
    browser.keep("all-is-well");

    ground.backends.kill(1);
    wait_for_line(&browser, "dash.example/web/web-2", &["down", "connection refused"]);
    browser.wait_for("#glance-backends-more", "5 up 2 down");
    let first = browser.wait_for(".pool summary", "partly up");
    assert!(first.contains("dash.example/web") && first.contains("2 of 3 up"), "{first}");
    browser.wait_for("#change-list", "dash.example/web/web-2");
    let told = browser.text("#change-list");
    assert!(told.contains("down") && told.contains("connection refused"), "{told}");
    // For who does not see it.
    let announced = "return document.querySelector('#announce').textContent";
    browser.wait_until("it is announced", || {
        let text = browser.run(announced, &[]);
        text.as_str().is_some_and(|text| text.contains("dash.example/")).then_some(())
    });
    let title = browser.run("return document.title", &[]);
    assert_eq!(title, "(2) RotaDNS 127.0.0.1");
    browser.keep("one-is-down");

    ground.backends.revive(1);
    wait_for_line(&browser, "dash.example/web/web-2", &["up", "passed: HTTP 200"]);
    browser.wait_for("#glance-backends-more", "7 up");
    assert_calm(&browser);
}

#[test]
fn shares_and_rates_are_those_of_what_was_asked() {
    let ground = Ground::new([127, 61, 2], "");
    // Before the page is open, so that its first look has them already; and a full turn of the weights at a time.
    ground.ask("api.dash.example.", 40);
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/api");
    wait_for_line(&browser, "dash.example/api/blue", &["75 %, 75 % due"]);
    wait_for_line(&browser, "dash.example/api/green", &["25 %, 25 % due"]);
    browser.wait_for("#glance-queries-more", "since the start");
    let width = "return [...document.querySelectorAll('.got')].map((bar) => bar.style.width).includes('75%')";
    assert_eq!(browser.run(width, &[]), true, "the bar is as long as its text says");

    // What is handed out in the last minute, once there are two looks.
    open(&browser, "dash.example/web");
    wait_for_line(&browser, "dash.example/web/web-1", &["nothing yet, 33 % due"]);
    ground.ask("www.dash.example.", 30);
    wait_for_line(&browser, "dash.example/web/web-1", &["33 %, 33 % due"]);

    // A sample of the history takes ten seconds.
    let reading = browser.wait_for("#reading", "queries/s");
    browser.wait_until("the answers are drawn", || {
        ground.ask("www.dash.example.", 30);
        ground.ask("nowhere.dash.example.", 10);
        let legend = browser.text("#legend");
        (legend.contains("NOERROR") && legend.contains("NXDOMAIN")).then_some(())
    });
    browser.wait_for("#reading", "NXDOMAIN");
    assert!(!reading.is_empty());
    browser.wait_for("#glance-queries", "/s");
    browser.keep("shares");
    assert_calm(&browser);
}

#[test]
fn a_connection_that_is_lost_is_told_and_comes_back() {
    let mut ground = Ground::new([127, 61, 3], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    wait_for_line(&browser, "dash.example/web/web-1", &["up"]);

    ground.server.kill();
    let told = browser.wait_for("#lost", "No connection to the server since");
    assert!(told.contains("What you see is as it was then"), "{told}");
    browser.wait_for("#link", "connection lost");
    browser.wait_for("#lost-next", "Trying again");
    // What was known stays, and is seen to be old.
    assert!(line(&browser, "dash.example/web/web-1").contains("up"));
    let greyed = "return getComputedStyle(document.querySelector('main')).filter";
    let filter = browser.run(greyed, &[]);
    assert!(filter.as_str().is_some_and(|filter| filter.contains("grayscale")), "{filter}");
    browser.keep("lost");

    ground.backends.kill(2);
    ground.server.start_again();
    browser.wait_for("#link", "live");
    assert_eq!(browser.text("#lost"), "");
    wait_for_line(&browser, "dash.example/web/web-3", &["down"]);
    // The log is that of the server that runs now.
    browser.wait_for("#change-list", "dash.example/web/web-3");
    assert_eq!(browser.run(greyed, &[]), "none");
}

#[test]
fn samples_of_more_than_an_hour_stay_within_the_frame() {
    let ground = Ground::new([127, 61, 15], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    // What a server tells whose samples took eleven seconds each, as on a machine that is busy.
    let slow = "const plain = window.fetch; \
        const samples = Array.from({length: 360}, (_, place) => ({ \
            at: new Date(Date.now() - (359 - place) * 11000).toISOString(), \
            seconds: 11, queries: 110, answers: {noerror: 110}, dropped: 0})); \
        const told = () => new Response(JSON.stringify({step: 10, samples})); \
        window.fetch = (path, options) => path === '/v1/history' ? Promise.resolve(told()) : plain(path, options)";
    browser.run(slow, &[]);
    browser.wait_for("#traffic-title", "the last hour");
    browser.wait_for("#reading", "10 queries/s: NOERROR 10/s");
    // The frame begins where the lines behind it do.
    let begins = "const at = (kind) => document.querySelector(`#chart ${kind}`).getBBox().x; \
        return at('.layer-noerror') - at('.grid')";
    let begins = browser.run(begins, &[]).as_f64().expect("a length");
    assert!((0.0..10.0).contains(&begins), "{begins}");
    assert_calm(&browser);
}
