//! An explanation as a form, and the outcomes of checks.

use super::{Ground, assert_calm, open, wait_for_line};
use crate::browser::{ENTER, Screen};

#[test]
fn an_answer_is_explained_and_so_is_what_it_would_be() {
    let ground = Ground::new([127, 61, 7], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    browser.press(&["e", "www.dash.example", ENTER]);
    let told = browser.wait_for("#explained", "NOERROR");
    for part in
        ["www.dash.example. IN A", "Steps", "eligible", "3 of 3 addresses", "in this answer"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    browser.run("document.querySelector('#explain-down').focus()", &[]);
    browser.press(&["dash.example/web/web-1 dash.example/web/web-2", ENTER]);
    let told = browser.wait_for("#explained", "As it would be if");
    assert!(told.contains("1 of 3 addresses"), "{told}");
    browser.keep("explained");

    browser.run("document.querySelector('#explain-type').value = 'AAAAA'", &[]);
    browser.press(&[ENTER]);
    browser.wait_for("#explain-error", "did you mean `AAAA`?");
    assert_eq!(
        browser.text("#explained"),
        "",
        "what was answered before is not the answer to this"
    );
    // The browser tells of each answer that is an error.
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("400 (Bad Request)")), "{complaints:?}");
}

#[test]
fn the_outcomes_of_checks_are_drawn_with_how_long_they_took() {
    let mut ground = Ground::new([127, 61, 8], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    let key = "dash.example/web/web-3";
    wait_for_line(&browser, key, &["up", "ms"]);
    let click =
        "document.querySelector('[aria-label=\"Checks of dash.example/web/web-3\"]').click()";
    browser.run(click, &[]);
    browser.wait_for(".outcome", "all passed");
    ground.backends.kill(2);
    wait_for_line(&browser, key, &["down", "failed", "connection refused"]);
    browser.wait_for(".failures", "connection refused");
    let marks = "return ['passed', 'failed'].map((kind) => document.querySelectorAll(`.plot .${kind}`).length > 0)";
    browser.wait_until("both kinds of outcomes are drawn", || {
        (browser.run(marks, &[]) == serde_json::json!([true, true])).then_some(())
    });
    browser.keep("outcomes");
    assert_calm(&browser);
}
