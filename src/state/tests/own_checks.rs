//! Backends that are probed elsewhere than at what they serve, or by a check of their own.

use super::*;

const OWN: &str = "
zone: example
ns: [ns]
checks: {c: {tcp: {port: 80}}, d: {tcp: {port: 81}}}
pools:
  web:
    check: c
    backends:
      a: {address: [192.0.2.1, 192.0.2.2], check_address: 10.0.0.1}
      b: {address: [192.0.2.3, 192.0.2.4], check_address: [10.0.0.3, 10.0.0.4], check_port: 8080}
      c: {address: 192.0.2.5, check: off}
      d: {address: 192.0.2.6, check: d}
      e: {address: 192.0.2.7, check: {tcp: {port: 82}}, check_address: 10.0.0.1}
  spare: {check: c, backends: [192.0.2.9]}
records:
  ns: {A: 192.0.2.53}
  www: {pool: web}
  spare: {pool: spare}
";

impl Stage {
    /// What is probed, each as an address and a port, sorted.
    fn probed(&self) -> Vec<String> {
        let targets = self.publisher.registry().targets().into_iter();
        let text = |(_, target): (_, Target)| match target.check.kind {
            crate::config::model::CheckKind::Tcp { port } => format!("{}:{port}", target.address),
            _ => panic!("all of these are TCP"),
        };
        let mut probed: Vec<String> = targets.map(text).collect();
        probed.sort();
        probed
    }

    fn fails(&self, probed: &str) {
        let (address, port) = probed.split_once(':').expect("an address and a port");
        let kind = crate::config::model::CheckKind::Tcp { port: port.parse().expect(port) };
        let mut targets = self.publisher.registry().targets().into_iter();
        let (_, target) = targets
            .find(|(_, target)| target.address.to_string() == address && target.check.kind == kind)
            .expect(probed);
        let (source, detail) = (Prober::inside(), Arc::from("refused"));
        let (health, told, took) = (DOWN, Told::SILENT, Duration::ZERO);
        self.publisher.report(Report { target, source, health, detail, told, took, at: 0 });
        self.publisher.flush();
    }
}

#[test]
fn a_backend_is_judged_where_its_check_looks() {
    let stage = Stage::new();
    stage.serve(&[&zone(OWN)]);
    let expected = [
        "10.0.0.1:80",
        "10.0.0.1:82",
        "10.0.0.3:8080",
        "10.0.0.4:8080",
        "192.0.2.6:81",
        "192.0.2.9:80",
    ];
    assert_eq!(stage.probed(), expected);
    assert_eq!(stage.handouts()[0], [1, 2, 3, 4, 5, 6, 7]);
    for (probed, left) in [
        ("10.0.0.1:80", vec![3, 4, 5, 6, 7]),
        ("10.0.0.4:8080", vec![3, 5, 6, 7]),
        ("192.0.2.6:81", vec![3, 5, 7]),
        ("10.0.0.1:82", vec![3, 5]),
        ("10.0.0.3:8080", vec![5]),
    ] {
        stage.fails(probed);
        assert_eq!(stage.handouts()[0], left, "{probed}");
    }
    // Events name the backend whose target it is, and no other at that address.
    let (events, _) = stage.publisher.events().subscribe(Some(0));
    let subjects: Vec<&str> = events
        .iter()
        .filter(|event| event.kind == crate::state::events::Kind::Backend)
        .map(|event| event.subject.as_str())
        .collect();
    assert_eq!(
        subjects,
        ["example/web/a", "example/web/b", "example/web/d", "example/web/e", "example/web/b"]
    );
}

#[test]
fn what_has_no_use_is_told() {
    for (backend, sentence) in [
        (
            "{address: [192.0.2.3, 192.0.2.4, 192.0.2.5], check_address: [10.0.0.3, 10.0.0.4]}",
            "`check_address` is one that stands for all addresses of the backend, or one for each of its 3 in their order",
        ),
        (
            "{address: 192.0.2.3, check: off, check_port: 1}",
            "`check_port` has no use without a check; add `check` to the backend or the pool",
        ),
        (
            "{address: 192.0.2.3, check: off, check_address: 10.0.0.1}",
            "`check_address` has no use without a check; add `check` to the backend or the pool",
        ),
        (
            "{address: 192.0.2.3, check: nothing}",
            "no check is called `nothing`; add it under `checks`",
        ),
    ] {
        let text = ZONE.replace("192.0.2.3]", &format!("{backend}]"));
        let (_, mistakes) = read_zone(Path::new("example.yaml"), &text);
        let told: Vec<String> =
            mistakes.iter().map(|mistake| mistake.problem.to_string()).collect();
        assert_eq!(told, [sentence], "{backend}");
    }
}
