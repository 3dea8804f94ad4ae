//! A hand on backends, and what it leads to.

use serde_json::{Value, json};

use super::{Ground, assert_calm, open, wait_for_line};
use crate::browser::{Browser, ENTER, ESCAPE, Screen};

/// Presses a button of the page.
fn click(browser: &Browser, selector: &str) {
    browser.run("document.querySelector(arguments[0]).click()", &[json!(selector)]);
}

fn backend(ground: &Ground, name: &str) -> Value {
    ground.http.get(&format!("/v1/backends/dash.example/web/{name}")).json()
}

#[test]
fn a_drained_backend_says_from_when_on_it_is_safe_to_stop() {
    let ground = Ground::new([127, 61, 4], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    wait_for_line(&browser, "dash.example/web/web-1", &["up"]);
    click(&browser, "[aria-label=\"Steer dash.example/web/web-1\"]");
    // The dialog has the focus at what to do; the rest is typed.
    click(&browser, "#steer-author");
    browser.run("document.querySelector('#steer-author').focus()", &[]);
    browser.press(&["anna"]);
    browser.run("document.querySelector('#steer-reason').focus()", &[]);
    browser.press(&["disk swap", ENTER]);
    let told = browser.wait_for("#steered", "1 backend being drained");
    assert!(told.contains("dash.example/web/web-1 safe to stop"), "{told}");
    // Another pool has the address as well, and who stops it should know.
    assert!(told.contains("still handed out by dash.example/api"), "{told}");
    browser.keep("drained");
    let drained = backend(&ground, "web-1");
    assert_eq!(drained["state"], "drained");
    let set = (&drained["override"]["author"], &drained["override"]["reason"]);
    assert_eq!(set, (&json!("anna"), &json!("disk swap")));

    browser.press(&[ESCAPE]);
    wait_for_line(
        &browser,
        "dash.example/web/web-1",
        &["drained", "by anna: disk swap", "safe to stop"],
    );
    browser.wait_for("#override-list", "dash.example/web/web-1");
    browser.wait_for("#change-list", "drained by anna: disk swap");
    // The pool's TTL is two seconds.
    wait_for_line(&browser, "dash.example/web/web-1", &["safe to stop since", "0 % due"]);

    click(&browser, "#override-list button");
    browser.wait_for("#steer-do", "Give back");
    click(&browser, "#steer-do");
    browser.wait_for("#steered", "1 backend given back");
    wait_for_line(&browser, "dash.example/web/web-1", &["up", "HTTP 200"]);
    assert_eq!(backend(&ground, "web-1")["state"], "up");
    assert_eq!(browser.text("#override-list"), "");
    assert_calm(&browser);
}

#[test]
fn what_answers_have_still_is_not_safe_to_stop() {
    let ground = Ground::new([127, 61, 16], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    browser.press(&["s", "dash.example/web/*", ENTER]);
    let told = browser.wait_for("#steered", "3 backends being drained");
    assert!(
        told.contains("dash.example/web/web-2 NOT safe to stop: answers have it still"),
        "{told}"
    );
    browser.press(&[ESCAPE]);
    wait_for_line(&browser, "dash.example/web/web-2", &["drained", "NOT safe to stop"]);
    // With one of them back in answers, the others leave them.
    let back = json!({"backends": ["dash.example/web/web-1"]});
    assert_eq!(ground.http.post("/v1/backends/auto", &back).status, 200);
    wait_for_line(&browser, "dash.example/web/web-1", &["up"]);
    wait_for_line(&browser, "dash.example/web/web-2", &["drained", "safe to stop since"]);
    assert_calm(&browser);
}

#[test]
fn what_a_pattern_means_is_shown_before_anything_is_done() {
    let ground = Ground::new([127, 61, 5], "");
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    browser.press(&["s", "dash.example/web/web-?"]);
    let meant = browser.wait_for("#steer-meant", "3 backends");
    assert!(meant.contains("dash.example/web/web-3"), "{meant}");
    browser.run("document.querySelector('#steer-backends').value = ''", &[]);
    browser.press(&["dash.example/wbe/*"]);
    browser.wait_for("#steer-meant", "no backend");
    browser.press(&[ENTER]);
    browser.wait_for("#steer-error", "no backend");
    assert_eq!(ground.http.get("/v1/overrides").json(), json!([]));
}

#[test]
fn what_others_write_is_text() {
    let ground = Ground::new([127, 61, 6], "");
    let markup = "<img src=x onerror=alert(1)><b>bold</b>";
    let drain =
        json!({"backends": ["dash.example/web/web-1"], "author": "<i>anna</i>", "reason": markup});
    assert_eq!(ground.http.post("/v1/backends/drain", &drain).status, 200);
    let Some(browser) = ground.page(Screen::Desktop) else { return };
    open(&browser, "dash.example/web");
    wait_for_line(&browser, "dash.example/web/web-1", &[markup]);
    browser.wait_for("#change-list", markup);
    browser.wait_for("#override-list", markup);
    let made = "return document.querySelectorAll('main img, main b:not(.pool-key b), main i').length \
        - document.querySelectorAll('.override-list b').length";
    assert_eq!(browser.run(made, &[]), 0);
    // Should a line of ours slip, the browser refuses it.
    for wrong in [
        "document.body.innerHTML = '<p>'",
        "document.querySelector('#announce').insertAdjacentHTML('beforeend', '<p>')",
    ] {
        let script =
            format!("try {{ {wrong}; return 'done'; }} catch (error) {{ return error.name; }}");
        assert_eq!(browser.run(&script, &[]), "TypeError", "{wrong}");
    }
    let inline = "const script = document.createElement('script'); \
        try { script.textContent = 'window.ran = true'; document.head.append(script); } catch {} return window.ran ?? false";
    assert_eq!(browser.run(inline, &[]), false);
}
