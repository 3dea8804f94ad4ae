//! Without a mouse: everything is reached, seen to have the focus, and pressed by keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Ground, assert_calm, wait_for_line};
use crate::browser::{Browser, ENTER, ESCAPE, LEFT, SPACE, Screen, TAB};

/// Presses Tab until something of this name has the focus.
fn tab_to(browser: &Browser, name: &str) {
    let mut passed = Vec::new();
    for _ in 0..100 {
        let focused = browser.focused();
        if focused.starts_with(name) {
            return;
        }
        passed.push(focused);
        browser.press(&[TAB]);
    }
    panic!("Tab does not come to `{name}`, but to {passed:?}");
}

#[test]
fn a_backend_is_found_drained_and_given_back_by_keys_alone() {
    let ground = Ground::new([127, 61, 9], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    browser.press(&["/", "web"]);
    assert_eq!(browser.focused(), "filter");
    browser.wait_for("#pools-count", "1 pool with “web”");
    // From the filter to what it found.
    browser.press(&[ENTER]);
    let is_open = "return document.querySelector('.pool').open";
    if browser.run(is_open, &[]) == false {
        browser.press(&[ENTER]);
    }
    wait_for_line(&browser, "dash.example/web/web-2", &["up"]);
    tab_to(&browser, "Steer dash.example/web/web-2");
    browser.press(&[ENTER]);
    browser.wait_for("#steer-do", "Drain");
    tab_to(&browser, "steer-reason");
    browser.press(&["by hand", ENTER]);
    browser.wait_for("#steered", "safe to stop");
    assert_eq!(browser.focused(), "steer-close");
    browser.press(&[ENTER]);
    // Back where one was.
    assert_eq!(browser.focused(), "Steer dash.example/web/web-2");
    wait_for_line(&browser, "dash.example/web/web-2", &["drained", "by hand"]);
    assert_eq!(
        browser.focused(),
        "Steer dash.example/web/web-2",
        "what is shown anew takes no focus away"
    );
    // Of what a hand has set, the first thing to do is to give it back.
    browser.press(&[SPACE]);
    browser.wait_for("#steer-do", "Give back");
    tab_to(&browser, "steer-do");
    browser.press(&[SPACE]);
    browser.wait_for("#steered", "given back");
    browser.press(&[ESCAPE]);
    wait_for_line(&browser, "dash.example/web/web-2", &["up", "HTTP 200"]);

    browser.press(&["/", ESCAPE]);
    browser.wait_for("#pools-count", "3 pools");
    assert_calm(&browser);
}

#[test]
fn tab_comes_to_everything_and_around() {
    let ground = Ground::new([127, 61, 10], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    let mut reached = BTreeSet::new();
    for _ in 0..120 {
        browser.press(&[TAB]);
        let name = browser.focused();
        // Who has the focus is seen to have it.
        let outline = "const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth]";
        let outline = browser.run(outline, &[]);
        if browser.run("return document.activeElement === document.body", &[]) == false {
            assert_ne!(outline[0], "none", "{name}: {outline}");
        }
        if !reached.insert(name.clone()) && name == "To the pools" {
            break;
        }
    }
    for name in [
        "To the pools",
        "Traffic",
        "Pools",
        "Changes",
        "Explain",
        "steer-open",
        "help-open",
        "filter",
        "order",
        "changes-follow",
        "explain-name",
        "explain-type",
        "explain-client",
        "explain-subnet",
        "explain-down",
    ] {
        assert!(reached.contains(name), "{name} is not among {reached:?}");
    }
}

#[test]
fn single_keys_help_and_can_be_turned_off() {
    let ground = Ground::new([127, 61, 11], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    browser.press(&["?"]);
    browser.wait_for("#help", "filter the pools");
    tab_to(&browser, "keys-on");
    browser.press(&[SPACE, ESCAPE]);
    assert_eq!(browser.text("#help"), "");
    browser.press(&["/"]);
    assert_ne!(browser.focused(), "filter");
    browser.press(&["?"]);
    assert_eq!(browser.text("#help"), "");
    // By the button it is there all the same.
    tab_to(&browser, "help-open");
    browser.press(&[ENTER]);
    browser.wait_for("#help", "filter the pools");
    tab_to(&browser, "keys-on");
    browser.press(&[SPACE, ESCAPE, "/"]);
    assert_eq!(browser.focused(), "filter");
}

#[test]
fn arrows_read_the_hour_out() {
    let ground = Ground::new([127, 61, 12], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    let samples = "return Number(document.querySelector('#cursor').max)";
    browser.wait_until("there are two samples", || {
        ground.ask("www.dash.example.", 5);
        (browser.run(samples, &[]).as_u64() >= Some(1)).then_some(())
    });
    browser.run("document.querySelector('#cursor').focus()", &[]);
    let before = browser.text("#reading");
    browser.press(&[LEFT]);
    let after = browser.text("#reading");
    assert_ne!(before, after);
    let spoken = browser.run("return document.querySelector('#cursor').ariaValueText", &[]);
    let spoken: Vec<&str> = spoken.as_str().expect("a text").split_whitespace().collect();
    assert_eq!(spoken.join(" "), after);
    let table = "document.querySelector('#traffic-rows').open = true";
    browser.run(table, &[]);
    browser.wait_for("#traffic-rows", "Queries/s");
    let rows: Value =
        browser.run("return document.querySelectorAll('#traffic-rows tbody tr').length", &[]);
    assert_ne!(rows, json!(0));
}
