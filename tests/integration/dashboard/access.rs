//! Who may see it: by a token, and by whatever way they see.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Ground, assert_calm, open, wait_for_line};
use crate::browser::{Browser, ENTER, Screen};
use crate::servers::Folder;

#[test]
fn a_token_is_asked_for_kept_in_the_tab_and_sent_in_no_address() {
    let folder = Folder::new();
    let text = "read grafana read-read-read-read\noperate anna operate-operate-operate\n";
    let tokens = folder.write("tokens", text);
    let ground = Ground::new([127, 61, 13], &format!(", tokens: {}", tokens.display()));
    let Some(browser) = Browser::at(&ground.url, Screen::Desktop) else { return };
    browser.wait_for("#login", "A token, please");
    browser.keep("login");
    assert_eq!(browser.focused(), "token");
    browser.press(&["wrong-wrong-wrong", ENTER]);
    browser.wait_for("#login-error", "no such token");
    browser.press(&["read-read-read-read", ENTER]);
    browser.wait_for("#link", "live");
    browser.wait_for("#pools-count", "3 pools");
    // Who may look alone is offered nothing else.
    open(&browser, "dash.example/web");
    browser.wait_for(".backends", "web-1");
    let steer = "return [...document.querySelectorAll('.cell-hands button:last-child, #steer-open')].some((one) => one.checkVisibility())";
    assert_eq!(browser.run(steer, &[]), false);

    let kept = "return [location.href, Object.keys(localStorage).length, document.cookie, Object.values(sessionStorage)]";
    assert_eq!(browser.run(kept, &[]), json!([ground.url, 0, "", ["read-read-read-read"]]));
    let asked = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('read-')).length";
    assert_eq!(browser.run(asked, &[]), 0);
    browser.go(&ground.url);
    browser.wait_for("#link", "live");

    // A token that counts no more is asked for again, while the page is open.
    folder.write("tokens", "operate anna operate-operate-operate\n");
    browser.wait_for("#login-error", "no such token");
    browser.press(&["operate-operate-operate", ENTER]);
    browser.wait_for("#steer-open", "Steer…");
    browser.run("document.querySelector('#forget').click()", &[]);
    browser.wait_for("#login", "A token, please");
    assert_eq!(browser.run("return sessionStorage.length", &[]), 0);
}

/// axe-core, where `scripts/test` has put it.
fn axe() -> Option<String> {
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it stands in the target folder");
    let source = fs::read_to_string(target.join("tools/axe/package/axe.min.js"));
    if source.is_err() {
        eprintln!("NOT CHECKED: the dashboard by axe-core, which scripts/test fetches");
    }
    source.ok()
}

/// What axe-core finds that keeps somebody out: its own `serious` and `critical`.
fn serious(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(axe, &[]);
    let script = "const done = arguments[0]; \
        axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations), (error) => done(String(error)))";
    let found = browser.run_until_done(script);
    let found = found.as_array().unwrap_or_else(|| panic!("axe-core ends with {found}"));
    let serious = |one: &&Value| one["impact"] == "serious" || one["impact"] == "critical";
    let told = |one: &Value| format!("{}: {} {}", one["id"], one["help"], one["nodes"]);
    found.iter().filter(serious).map(told).collect()
}

#[test]
fn axe_finds_nothing_serious_in_any_part_on_any_screen() {
    let Some(axe) = axe() else { return };
    let mut ground = Ground::new([127, 61, 14], "");
    ground.ask("api.dash.example.", 8);
    let drain =
        json!({"backends": ["dash.example/web/web-1"], "author": "anna", "reason": "disk swap"});
    assert_eq!(ground.http.post("/v1/backends/drain", &drain).status, 200);
    ground.backends.kill(1);
    for screen in [Screen::Desktop, Screen::DesktopDark, Screen::Phone] {
        let Some(browser) = ground.page(screen) else { return };
        for pool in ["web", "api", "cdn"] {
            open(&browser, &format!("dash.example/{pool}"));
        }
        wait_for_line(&browser, "dash.example/web/web-1", &["drained"]);
        wait_for_line(&browser, "dash.example/web/web-2", &["down"]);
        browser.run(
            "document.querySelector('[aria-label=\"Checks of dash.example/web/web-2\"]').click()",
            &[],
        );
        browser.wait_for(".outcome", "failed");
        browser.run("document.querySelector('#traffic-rows').open = true", &[]);
        let explain = "document.querySelector('#explain-name').value = 'www.dash.example'; \
            document.querySelector('#explain-form').requestSubmit()";
        browser.run(explain, &[]);
        browser.wait_for("#explained", "Steps");
        assert_eq!(serious(&browser, &axe), [""; 0], "{screen:?}");
        let name = format!("{screen:?}").to_lowercase();
        browser.keep(&format!("full-{name}"));
        let width =
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.run(width, &[]), 0, "{screen:?}: it is no wider than the screen");
        for dialog in ["help", "steer"] {
            browser.run(&format!("document.querySelector('#{dialog}-open').click()"), &[]);
            browser.wait_for(&format!("#{dialog}"), "");
            assert_eq!(serious(&browser, &axe), [""; 0], "{screen:?} {dialog}");
            browser.keep(&format!("{dialog}-{name}"));
            browser.run(&format!("document.querySelector('#{dialog}').close()"), &[]);
        }
        assert_calm(&browser);
    }
}
