//! Every key of the zone file as a page to read, made from the schema: it cannot say what the schema does not.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::Value;

/// Where the schema keeps what it refers to.
const DEFINITIONS: &str = "#/$defs/";

/// The page, in Markdown: the keys of a zone file, then each thing that those lead to, as it is met first.
#[must_use]
pub fn page() -> String {
    let schema = super::zone_file();
    let definitions = &schema["$defs"];
    let mut page = String::from(
        "# The zone file, key by key\n\n\
         Made by `rotadns schema --format markdown` from what editors complete by. What keys do together, with examples, is on the\n\
         pages about [choosing](choosing.md), [checks](checks.md), [databases](databases.md) and [places](places.md). A scalar may be\n\
         quoted or not; it counts as the text that stands there.\n\n",
    );
    let mut met = Met::default();
    let _ = writeln!(page, "{}\n", text(&schema));
    section(&schema, definitions, &mut page, &mut met);
    while let Some(name) = met.waiting.pop_front() {
        let thing = &definitions[&name];
        let _ = writeln!(page, "## {}\n\n{}\n", heading(&name), text(thing));
        section(thing, definitions, &mut page, &mut met);
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The things that were referred to, each once, in that order.
#[derive(Default)]
struct Met {
    all: BTreeSet<String>,
    waiting: VecDeque<String>,
}

impl Met {
    /// A link to a thing, which the page has to have then.
    fn link(&mut self, name: &str) -> String {
        if self.all.insert(name.to_owned()) {
            self.waiting.push_back(name.to_owned());
        }
        let heading = heading(name);
        format!("[{}](#{})", heading.to_lowercase(), heading.to_lowercase().replace(' ', "-"))
    }
}

/// What a thing is made of: its keys, its forms, or the values that it can have.
fn section(thing: &Value, definitions: &Value, page: &mut String, met: &mut Met) {
    if let Some(keys) = thing["properties"].as_object() {
        let required: Vec<&str> = strings(&thing["required"]);
        let _ = writeln!(page, "| key | value | |\n|---|---|---|");
        // Types of records have no words of their own; a row stands for all of them.
        for (key, value) in keys.iter().filter(|(key, _)| !is_type(key)) {
            let must = if required.contains(&key.as_str()) { " (required)" } else { "" };
            let (form, told) = (form(value, met), text_of(value, definitions));
            let _ = writeln!(page, "| `{key}`{must} | {form} | {told} |");
        }
        for (_, types) in thing["patternProperties"].as_object().into_iter().flatten() {
            let of = form(types, met);
            let _ = writeln!(
                page,
                "| a type, such as `MX` or `TYPE65280` | {of} | The records of that type, in presentation format. |"
            );
        }
        page.push('\n');
    } else {
        let _ = writeln!(page, "Value: {}.\n", form(thing, met));
    }
}

/// What a value can be, in words.
fn form(value: &Value, met: &mut Met) -> String {
    if let Some(name) = value["$ref"].as_str().and_then(|path| path.strip_prefix(DEFINITIONS)) {
        return met.link(name);
    }
    if let Some(words) = value["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", plain(word))).collect();
        return words.join(", ");
    }
    if let Some(forms) = value["anyOf"].as_array()
        && value["properties"].is_null()
    {
        let forms: Vec<String> =
            forms.iter().filter(|form| form["type"] != "null").map(|one| form(one, met)).collect();
        return match forms.as_slice() {
            // One, or a list of them.
            [one, many] if *many == format!("a list of {one}") => {
                format!("{one}, or a list of them")
            }
            _ => forms.join("; or "),
        };
    }
    if !value["items"].is_null() {
        return format!("a list of {}", form(&value["items"], met));
    }
    if value["additionalProperties"].is_object() {
        return format!("a map of names to {}", form(&value["additionalProperties"], met));
    }
    let types = strings(&value["type"]);
    let range = match (&value["minimum"], &value["maximum"]) {
        (Value::Null, Value::Null) => String::new(),
        (least, Value::Null) => format!(", {} or more", plain(least)),
        (Value::Null, most) => format!(", at most {}", plain(most)),
        (least, most) => format!(", from {} to {}", plain(least), plain(most)),
    };
    let kind = if types == ["boolean"] {
        "`true` or `false`"
    } else if types.contains(&"integer") || types.contains(&"number") && !types.contains(&"boolean")
    {
        if value["pattern"].as_str().is_some_and(|pattern| pattern.contains("wdhms")) {
            return "a number of seconds, or a duration".to_owned();
        }
        "a number"
    } else {
        "text"
    };
    format!("{kind}{range}")
}

/// Whether a key of a record is a type of records: those are in capitals.
fn is_type(key: &str) -> bool {
    key.starts_with(|letter: char| letter.is_ascii_uppercase())
}

/// What is said of a key; where nothing is, what is said of what stands there.
fn text_of(value: &Value, definitions: &Value) -> String {
    let name = value["$ref"].as_str().and_then(|path| path.strip_prefix(DEFINITIONS));
    match (text(value), name) {
        (own, Some(name)) if own.is_empty() => text(&definitions[name]),
        (own, _) => own,
    }
}

/// What the schema says of a thing, on one line that a table can have.
fn text(thing: &Value) -> String {
    let text = thing["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A name of the schema's as words: `PoolMap` is `Pool map`.
fn heading(name: &str) -> String {
    let mut heading = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_ascii_uppercase() {
            heading.push(' ');
            heading.push(letter.to_ascii_lowercase());
        } else {
            heading.push(letter);
        }
    }
    heading
}

/// A text, or texts.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A value without the quotes of JSON, and a whole number without a fraction.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_this_one() {
        let written = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/zone-file.md"));
        assert!(
            written == page(),
            "docs/zone-file.md is of another schema: `rotadns schema --format markdown > docs/zone-file.md`"
        );
    }

    #[test]
    fn every_link_leads_to_a_heading_and_every_key_is_told() {
        let page = page();
        let headings: BTreeSet<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|heading| heading.to_lowercase().replace(' ', "-"))
            .collect();
        for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(headings.contains(link), "there is no heading of {link}");
        }
        let schema = super::super::zone_file();
        let things = schema["$defs"].as_object().expect("the schema has things");
        for (name, thing) in things.iter().chain([(&String::new(), &schema)]) {
            for key in thing["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
                assert!(is_type(key) || page.contains(&format!("| `{key}`")), "{name}: {key}");
            }
        }
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        for row in rows {
            let told = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
            assert!(!told.trim().is_empty(), "nothing is said of {row}");
        }
    }
}
