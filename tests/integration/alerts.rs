//! What is given to Prometheus and Grafana: its expressions can be read, and name metrics that there are.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::servers::Folder;

/// What a histogram's name ends in where it is asked for.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_count", "_sum"];

fn file(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a file of the project")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What promtool says of files; `None` where there is none.
fn promtool(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new("promtool").args(arguments).current_dir(root()).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Every expression of the dashboard, at whatever depth.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(expression)) = fields.get("expr") {
                found.push(expression.clone());
            }
            fields.values().for_each(|field| expressions(field, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

fn dashboard() -> (Value, Vec<String>) {
    let board: Value = serde_json::from_str(&file("docs/grafana.json")).expect("it is JSON");
    let mut found = Vec::new();
    expressions(&board, &mut found);
    assert!(found.len() > 20, "it has panels: {found:?}");
    (board, found)
}

/// The metrics of ours that a text names.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("rotadns_"))
        .map(|word| {
            let end = OF_HISTOGRAMS.iter().find_map(|end| word.strip_suffix(end));
            end.unwrap_or(word).to_owned()
        })
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let documented = named(&file("docs/metrics.md"));
    for text in ["docs/alerts.yml", "docs/grafana.json", "tests/alerts.yml"] {
        let named = named(&file(text));
        assert!(!named.is_empty(), "{text}");
        let unknown: Vec<_> = named.difference(&documented).collect();
        assert!(unknown.is_empty(), "{text} names what docs/metrics.md has not: {unknown:?}");
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let (rules, page) = (file("docs/alerts.yml"), file("docs/alerts.md"));
    let alerts: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    for alert in &alerts {
        assert!(page.contains(&format!("| `{alert}` |")), "docs/alerts.md has no row of {alert}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `RotaDNS")).count();
    assert_eq!(rows, alerts.len(), "docs/alerts.md has a row of no alert");
}

#[test]
fn alerts_fire_when_they_should() {
    for arguments in [["check", "rules", "docs/alerts.yml"], ["test", "rules", "tests/alerts.yml"]]
    {
        let Some((fine, said)) = promtool(&arguments) else {
            eprintln!("NOT CHECKED: there is no promtool here (Debian package prometheus)");
            return;
        };
        assert!(fine, "{said}");
    }
}

#[test]
fn promtool_reads_every_expression_of_the_dashboard() {
    let (_, expressions) = dashboard();
    let folder = Folder::new();
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (index, expression) in expressions.iter().enumerate() {
        let expression = expression.replace("$__rate_interval", "5m");
        let quoted = Value::String(expression).to_string();
        writeln!(rules, "  - {{record: 'panel:{index}', expr: {quoted}}}").expect("text");
    }
    folder.write("rules.yml", &rules);
    let path = folder.path.join("rules.yml").display().to_string();
    let Some((fine, said)) = promtool(&["check", "rules", &path]) else {
        eprintln!("NOT CHECKED: there is no promtool here (Debian package prometheus)");
        return;
    };
    assert!(fine, "{said}\n{rules}");
}

#[test]
fn panels_of_the_dashboard_lie_beside_each_other() {
    let (board, _) = dashboard();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in board["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its number is another's");
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a place");
        assert!(at("x") + at("w") <= 24, "{title} is wider than the page");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies over another");
            }
        }
        if panel["type"] != "row" {
            assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{title}");
        }
    }
}
