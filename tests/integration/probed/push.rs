//! Backends that report by themselves over HTTPS, with a token of `rotadns keygen`, and the deploy script of the manual.

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::{Value, json};

use crate::asking::{Question, Way};
use crate::http::Http;
use crate::servers::{Folder, ROTADNS, Server, ZoneFile};
use crate::waiting::{PATIENCE, now, until};

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "x.example.yaml",
    text: "\
zone: x.example
ns: [ns.example.net.]
checks: {own: {push: {ttl: 3s}}}
pools:
  web: {check: own, backends: {web-1: 192.0.2.1, web-2: 192.0.2.2}}
  other: {backends: {a: 192.0.2.3}}
records:
  www: {pool: web}
  other: {pool: other}
",
};

/// Well within the TTL.
const RENEWED_EVERY: Duration = Duration::from_millis(200);

struct World {
    server: Server,
    keys: Folder,
    api: Http,
}

impl World {
    fn new() -> Self {
        let keys = Folder::new();
        let mut keygen = Command::new(ROTADNS);
        keygen.arg("keygen").arg(keys.path.join("keys"));
        keygen.args(["--for", "127.0.0.1", "--push", "deploy", "--prober", "probe-1"]);
        let made = keygen.output().expect("the binary that is tested");
        assert!(made.status.success(), "{made:?}");
        let shown = keys.path.join("keys").display().to_string();
        let settings = format!(
            "admin: {{listen: 127.0.0.1:0, tokens: {shown}/tokens, \
             tls: {{certificate: {shown}/certificate.pem, key: {shown}/key.pem}}}}\n"
        );
        let server = Server::rotadns_with(&[Ipv4Addr::LOCALHOST.into()], &settings, &[ZONE]);
        let api = Http::tls(server.admin(), &keys.path.join("keys/ca.pem"));
        Self { server, keys, api }
    }

    /// The API with the token of a role.
    fn with(&self, token: &str) -> Http {
        let file = self.keys.path.join(format!("keys/token-{token}"));
        self.api.bearer(fs::read_to_string(file).expect("keygen has made it").trim())
    }

    /// The last numbers of the addresses that are answered, in order.
    fn answers(&self) -> String {
        let question = Question::new("www.x.example.", RecordType::A);
        let answer = self.server.client().answer(&question, Way::Udp { payload: None });
        let last = |record: &String| record.rsplit('.').next().map(str::to_owned);
        answer.answers.iter().filter_map(last).collect::<Vec<_>>().join(" ")
    }

    fn until_answers(&self, expected: &str) {
        until(&format!("the answers are {expected}"), PATIENCE, || {
            (self.answers() == expected).then_some(())
        });
    }

    fn reason(&self, backend: &str) -> Value {
        let path = format!("/v1/backends/x.example/web/{backend}");
        self.with("read").get(&path).json()["reason"].clone()
    }
}

/// What `web-1` or `web-2` says.
fn report(backend: &str, state: &str, ttl: Option<u64>) -> Value {
    json!({"backend": format!("x.example/web/{backend}"), "state": state, "ttl": ttl, "detail": "release 12"})
}

#[test]
fn a_report_over_https_holds_for_its_ttl_and_must_be_renewed() {
    let world = World::new();
    let push = world.with("push-deploy");
    let say = |backend: &str, state: &str, ttl| {
        let taken = push.post("/v1/push", &report(backend, state, ttl));
        assert_eq!(taken.status, 200, "{}", taken.body);
        taken.json()["holds"].clone()
    };
    // It is in the answers when it is taken.
    assert_eq!(world.answers(), "1 2", "a start counts as a report");
    assert_eq!(say("web-1", "up", Some(3600)), 3600);
    assert_eq!(say("web-2", "down", None), 3);
    assert_eq!(world.answers(), "1");
    assert_eq!(say("web-2", "up", None), 3);
    assert_eq!(world.answers(), "1 2");
    assert_eq!(say("web-2", "drain", None), 3);
    assert_eq!(world.answers(), "1");
    assert_eq!(world.reason("web-2"), "it asks to be drained: release 12");

    // Renewed, it outlives its TTL.
    let began = now();
    let mut renewals = 0;
    until("it was renewed for longer than its TTL", PATIENCE, || {
        // Five in a second: more would be too many requests.
        if began.elapsed() < RENEWED_EVERY * renewals {
            return None;
        }
        renewals += 1;
        say("web-2", "up", None);
        assert_eq!(world.answers(), "1 2");
        (began.elapsed() > Duration::from_secs(4)).then_some(())
    });
    // Not renewed, it is out, and the one whose report holds for an hour is not.
    world.until_answers("1");
    let reason = world.reason("web-2");
    assert!(reason.as_str().is_some_and(|reason| reason.ends_with("no report for 3s")), "{reason}");
    say("web-2", "up", None);
    assert_eq!(world.answers(), "1 2");
}

#[test]
fn only_a_token_that_may_push_can() {
    let world = World::new();
    let down = report("web-1", "down", None);
    for (caller, status) in [
        (world.api.clone(), 401),
        (world.api.bearer("push-push-push-push-push"), 401),
        (world.with("read"), 403),
        (world.with("feed-probe-1"), 403),
    ] {
        assert_eq!(caller.post("/v1/push", &down).status, status);
        assert_eq!(world.answers(), "1 2");
    }
    let push = world.with("push-deploy");
    // It may do nothing else.
    for path in ["/v1/status", "/v1/zones", "/metrics"] {
        assert_eq!(push.get(path).status, 403, "{path}");
    }
    assert_eq!(push.post("/v1/reload", &json!({})).status, 403);
    for (body, status) in [
        (json!({"backend": "x.example/web/web-9", "state": "up"}), 404),
        (json!({"backend": "x.example/other/a", "state": "up"}), 409),
        (json!({"backend": "web-1", "state": "up"}), 400),
        (json!({"backend": "x.example/web/web-1", "state": "up", "load": 101}), 400),
        (json!({"backend": "x.example/web/web-1", "state": "up", "ttl": 0}), 400),
    ] {
        let refused = push.post("/v1/push", &body);
        assert_eq!(refused.status, status, "{body}: {}", refused.body);
    }
    assert_eq!(world.with("operate").post("/v1/push", &down).status, 200);
    assert_eq!(world.answers(), "2");
}

/// The script of docs/checks.md.
fn script() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md");
    let page = fs::read_to_string(page).expect("a page of the manual");
    let blocks = page.split("```sh\n").filter_map(|block| block.split("```").next());
    let script = blocks.into_iter().find(|block| block.starts_with("#!"));
    script.expect("a script").to_owned()
}

#[test]
fn the_deploy_script_of_the_manual_drains_a_backend_and_brings_it_back() {
    let world = World::new();
    let script = world.keys.write("deploy", &script());
    let [began, go] = ["began", "go"].map(|name| world.keys.path.join(name));
    let deploy = |command: &str| {
        let mut deploy = Command::new("sh");
        deploy
            .arg(&script)
            .args(["x.example/web/web-1", "sh", "-c", command])
            .env("ROTADNS_SERVER", format!("https://{}", world.server.admin()))
            .env("ROTADNS_KEYS", world.keys.path.join("keys"))
            .stdin(Stdio::null());
        deploy
    };
    let push = world.with("push-deploy");
    assert_eq!(push.post("/v1/push", &report("web-2", "up", Some(3600))).status, 200);

    let waits =
        format!("touch {}; until [ -e {} ]; do sleep 0.02; done", began.display(), go.display());
    let mut running = deploy(&waits).spawn().expect("sh is there");
    until("the command runs", PATIENCE, || began.exists().then_some(()));
    assert_eq!(world.answers(), "2");
    assert_eq!(world.reason("web-1"), "it asks to be drained: it is being deployed");
    fs::write(&go, "").expect("a test's own");
    assert!(running.wait().expect("our own child").success());
    assert_eq!(world.answers(), "1 2");

    let failed = deploy("exit 7").output().expect("sh is there");
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert_eq!(world.answers(), "2");
    let reason = world.reason("web-1");
    assert!(
        reason.as_str().is_some_and(|reason| reason.ends_with("the deployment ended with 7")),
        "{reason}"
    );
}
