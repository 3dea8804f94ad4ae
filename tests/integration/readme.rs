//! What the README shows works as it stands there: its zone and config files load, its commands can be
//! typed.

use std::fs;
use std::path::Path;

use clap::Parser as _;
use rotadns::cli::Cli;
use rotadns::config::{read_config, read_zone, zone_of_file};

/// A fenced block: its language, the line that it begins on, and the text.
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) line: usize,
    pub(crate) text: String,
}

pub(crate) fn blocks(file: &str) -> Vec<Block> {
    let readme = fs::read_to_string(root().join(file)).expect("a page of the manual");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in readme.lines().enumerate() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                let language = language.to_owned();
                open = Some(Block { language, line: index + 2, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the last block has no end");
    blocks
}

fn blocks_of(language: &str) -> Vec<Block> {
    let found: Vec<_> =
        blocks("README.md").into_iter().filter(|block| block.language == language).collect();
    assert!(!found.is_empty(), "the README shows {language}");
    found
}

/// The zone files that the manual shows, each with its place.
pub(crate) fn zone_blocks() -> Vec<(String, String)> {
    blocks_of("yaml")
        .into_iter()
        .filter(|block| block.text.lines().any(|line| line.starts_with("zone: ")))
        .map(|block| (format!("README.md:{}", block.line), block.text))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_yaml_block_loads() {
    let (mut zones, mut configs) = (0, 0);
    for Block { line, text, .. } in blocks_of("yaml") {
        let origin = text.lines().find_map(|line| line.strip_prefix("zone: "));
        if let Some(origin) = origin {
            let file = format!("{origin}.yaml");
            assert!(zone_of_file(file.as_ref()).is_some(), "README.md:{line}: {file}");
            let (zone, mistakes) = read_zone(file.as_ref(), &text);
            assert!(zone.is_some() && mistakes.is_empty(), "README.md:{line}: {mistakes:?}");
            zones += 1;
        } else {
            let config = read_config("rotadns.yaml".as_ref(), &text);
            assert!(config.is_ok(), "README.md:{line}: {config:?}");
            configs += 1;
        }
    }
    assert!(zones > 0 && configs > 0, "a first zone and a config file");
}

#[test]
fn every_block_about_places_loads() {
    let found = blocks("docs/places.md").into_iter().filter(|block| block.language == "yaml");
    for Block { line, text, .. } in found {
        let mistakes = if text.starts_with("zone: ") {
            let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
            assert!(zone.is_some(), "docs/places.md:{line}: {mistakes:#?}");
            mistakes
        } else {
            read_config("rotadns.yaml".as_ref(), &text).err().unwrap_or_default()
        };
        assert!(mistakes.is_empty(), "docs/places.md:{line}: {mistakes:#?}");
    }
}

#[test]
fn every_octodns_file_loads() {
    let found = blocks("docs/octodns.md");
    assert!(!found.is_empty());
    for Block { line, text, .. } in found {
        let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
        assert!(zone.is_some() && mistakes.is_empty(), "docs/octodns.md:{line}: {mistakes:#?}");
    }
}

#[test]
fn the_zone_beside_gdnsds_loads() {
    let found = blocks("docs/gdnsd.md");
    assert!(!found.is_empty());
    for Block { line, text, .. } in found {
        let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
        assert!(zone.is_some() && mistakes.is_empty(), "docs/gdnsd.md:{line}: {mistakes:#?}");
    }
}

#[cfg(feature = "databases")]
#[test]
fn every_zone_of_databases_loads() {
    let found = blocks("docs/databases.md");
    assert!(found.len() > 2);
    for Block { line, text, .. } in found {
        let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
        assert!(zone.is_some() && mistakes.is_empty(), "docs/databases.md:{line}: {mistakes:#?}");
    }
}

#[test]
fn every_config_of_a_secondary_loads() {
    let found = blocks("docs/secondary.md").into_iter().filter(|block| block.language == "yaml");
    let found: Vec<Block> = found.collect();
    assert!(!found.is_empty());
    for Block { line, text, .. } in found {
        let config = read_config("rotadns.yaml".as_ref(), &text);
        assert!(config.is_ok(), "docs/secondary.md:{line}: {config:?}");
    }
}

#[test]
fn every_zone_file_of_the_page_on_choosing_loads() {
    let found = blocks("docs/choosing.md").into_iter().filter(|block| block.language == "yaml");
    let found: Vec<Block> = found.collect();
    assert!(!found.is_empty());
    for Block { line, text, .. } in found {
        let (zone, mistakes) = read_zone("example.com.yaml".as_ref(), &text);
        assert!(zone.is_some() && mistakes.is_empty(), "docs/choosing.md:{line}: {mistakes:#?}");
    }
}

#[test]
fn every_command_can_be_typed() {
    for Block { line, text, .. } in blocks_of("sh") {
        for command in text.lines() {
            // Without what the shell takes for itself.
            let command = command.split(" #").next().unwrap_or_default();
            let command = command.split(" > ").next().unwrap_or_default();
            let words: Vec<&str> = command.split_whitespace().collect();
            let at = format!("README.md:{line}: {command}");
            match words.first() {
                // Of others, and too long to run here.
                None | Some(&("dig" | "cargo" | "docker")) => {}
                Some(&"rotadns") => {
                    Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                Some(script) => assert!(root().join(script).is_file(), "{at}"),
            }
        }
    }
}
