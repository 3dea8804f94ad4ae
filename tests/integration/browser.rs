//! A browser without a window: Debian's Chromium, driven by `WebDriver` (W3C Recommendation) over HTTP.
//!
//! Where there is none, tests of pages end with a line that says what they have not checked.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::servers::Folder;
use crate::waiting::until;

/// How long the browser may take to start, and a page to show what it should. The machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one look at a page to the next, and after how many the page is told, for who reads why it does not come.
const STEP: Duration = Duration::from_millis(30);
const LOOKS_TOLD: u32 = 400;

/// Keys that are no characters (`WebDriver` §17.4.2).
pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const SPACE: &str = " ";

/// What somebody looks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Desktop,
    DesktopDark,
    Phone,
}

impl Screen {
    fn size(self) -> (u32, u32) {
        match self {
            Self::Desktop | Self::DesktopDark => (1280, 900),
            // The narrowest that is sold in numbers.
            Self::Phone => (360, 740),
        }
    }

    fn is_dark(self) -> bool {
        self == Self::DesktopDark
    }
}

/// A browser with one page.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    process: Child,
    _folder: Folder,
}

impl Browser {
    /// A browser at this page, or nothing, where there is no browser here.
    pub(crate) fn at(url: &str, screen: Screen) -> Option<Self> {
        let browser = Self::start(screen)?;
        browser.go(url);
        Some(browser)
    }

    fn start(screen: Screen) -> Option<Self> {
        let (Some(chromium), Some(driver)) = (found("chromium"), found("chromedriver")) else {
            eprintln!("NOT CHECKED: pages, as there is no chromium with its chromedriver here");
            return None;
        };
        let folder = Folder::new();
        let output = folder.path.join("output");
        let process = Command::new(driver)
            .args(["--port=0", "--log-level=WARNING"])
            .stdin(Stdio::null())
            .stdout(File::create(&output).expect("a file for what it says"))
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let (port, _) = until("chromedriver listens", PATIENCE, || {
            let said = fs::read_to_string(&output).unwrap_or_default();
            let (_, port) = said.split_once("started successfully on port ")?;
            port.split_once('.')?.0.parse::<u16>().ok()
        });
        let driver = Driver((Ipv4Addr::LOCALHOST, port).into());
        let (width, height) = screen.size();
        let mut options = json!({
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", folder.path.join("profile").display()),
            ],
        });
        if screen == Screen::Phone {
            options["mobileEmulation"] = json!({"deviceMetrics": {"width": width, "height": height, "pixelRatio": 2, "touch": true}});
        }
        let wanted =
            json!({"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}});
        let mut browser = Self { driver, session: String::new(), process, _folder: folder };
        let session = browser.ask("", &json!({"capabilities": {"alwaysMatch": wanted}}));
        session["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        if screen.is_dark() {
            let dark = json!([{"name": "prefers-color-scheme", "value": "dark"}]);
            browser.devtools("Emulation.setEmulatedMedia", &json!({"features": dark}));
        }
        Some(browser)
    }

    pub(crate) fn go(&self, url: &str) {
        self.ask("/url", &json!({"url": url}));
    }

    /// What a script returns that runs in the page.
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.ask("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// What a script gives to the function that is its last argument.
    pub(crate) fn run_until_done(&self, script: &str) -> Value {
        self.ask("/execute/async", &json!({"script": script, "args": []}))
    }

    /// The text that somebody sees of the first element of a selector; nothing where it is not shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = "const e = document.querySelector(arguments[0]); return e?.checkVisibility() ? e.innerText : ''";
        let text = self.run(script, &[json!(selector)]);
        text.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Waits until what is seen of an element has this text in it.
    pub(crate) fn wait_for(&self, selector: &str, expected: &str) -> String {
        self.wait_until(&format!("{selector} says `{expected}`"), || {
            let text = self.text(selector);
            text.contains(expected).then_some(text)
        })
    }

    /// Waits for something; where it does not come, the page as it is is told and kept as a picture.
    pub(crate) fn wait_until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let mut looks = 0;
        let (seen, _) = until(what, PATIENCE, || {
            let seen = look();
            if seen.is_none() {
                // A look is some requests of a browser that has to draw meanwhile.
                thread::sleep(STEP);
                looks += 1;
                if looks % LOOKS_TOLD == 0 {
                    self.keep("waiting");
                    eprintln!("{what}? {}", self.text("body"));
                }
            }
            seen
        });
        seen
    }

    /// Presses keys, one after the other; each text is typed character by character.
    pub(crate) fn press(&self, keys: &[&str]) {
        let strokes = keys.iter().flat_map(|text| text.chars()).flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let strokes: Vec<Value> = strokes.collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.ask("/actions", &json!({"actions": [keyboard]}));
    }

    /// What the element with the focus is called: its label, its text or its id.
    pub(crate) fn focused(&self) -> String {
        let script = "const e = document.activeElement; \
            return e.getAttribute('aria-label') ?? (e.id || e.innerText || e.tagName)";
        self.run(script, &[]).as_str().expect("a text").to_owned()
    }

    /// A picture of what is seen, for people: in `tmp/pages/` of the target folder.
    pub(crate) fn keep(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
        let picture =
            self.devtools("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        let bytes = base64(picture["data"].as_str().unwrap_or_default());
        fs::create_dir_all(&folder).expect("a folder for pictures");
        fs::write(folder.join(format!("{name}.png")), bytes).expect("a picture");
    }

    /// What the page and the browser complained of since the last call.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let told = self.ask("/se/log", &json!({"type": "browser"}));
        let told = told.as_array().expect("a list").iter();
        told.map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.ask("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn ask(&self, path: &str, body: &Value) -> Value {
        let session =
            if self.session.is_empty() { String::new() } else { format!("/{}", self.session) };
        let (status, answer) =
            self.driver.send("POST", &format!("/session{session}{path}"), &body.to_string());
        let answer: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        assert_eq!(status, 200, "{path}: {}", answer["value"]["message"]);
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends the browser; without it, it would outlive its driver.
            self.driver.send("DELETE", &format!("/session/{}", self.session), "");
        }
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where chromedriver listens. It keeps connections open, whatever it is asked.
struct Driver(SocketAddr);

impl Driver {
    /// The status and the body that come of a request.
    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.0).expect("chromedriver listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit is set");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n",
            self.0
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("chromedriver reads");
        let mut answer = BufReader::new(stream);
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("chromedriver answers");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status =
                    rest.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or_default();
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).expect("the whole of its answer");
        (status, String::from_utf8(body).expect("JSON is UTF-8"))
    }
}

fn found(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(command)).find(|file| file.is_file())
}

/// Reads Base64 (RFC 4648 §4).
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = text.bytes().filter_map(digit).map(u32::from).collect();
    let group = |group: &[u32]| {
        let bits = (0..4).fold(0, |bits, place| bits << 6 | group.get(place).copied().unwrap_or(0));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
