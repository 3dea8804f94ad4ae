//! `exec`.

use std::path::{Component, Path};

use super::{needed, read_port};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, ExecCheck};
use crate::config::node::{Kind, Node};
use crate::config::spec::{fields, map, scalar, texts};

/// What may stand in `exec`.
pub(in crate::config) const EXEC_KEYS: [&str; 3] = ["command", "env", "port"];

/// The most arguments of a program, and the most variables.
const ARGUMENTS_MAX: usize = 64;

pub(super) fn read(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [command, env, port] = fields(node, "`exec`", EXEC_KEYS, mistakes)?;
    let env = env.map(|(_, node)| read_env(node, mistakes));
    let port = port.map(|(_, node)| read_port(node, mistakes));
    let command = needed(command, node, ("`exec`", "command"), mistakes)?;
    let words = read_command(command, mistakes)?;
    if port.is_none() && words.iter().any(|word| word.contains("{port}")) {
        mistakes.add(node.span, Problem::MissingKey { place: "`exec` with `{port}`", key: "port" });
        return None;
    }
    let port = match port {
        Some(port) => Some(port?),
        None => None,
    };
    Some(CheckKind::Exec(ExecCheck { port, command: words, env: env.unwrap_or_default() }))
}

fn read_command(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<String>> {
    let found = texts(node, "a program and its arguments, as a list", mistakes);
    let Some(program) = found.first() else {
        if matches!(&node.kind, Kind::List(_)) {
            mistakes.add(node.span, Problem::NoValues);
        }
        return None;
    };
    let path = Path::new(program.text);
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        mistakes.add(program.span, Problem::BadProgram { text: program.text.into() });
        return None;
    }
    if found.len() > ARGUMENTS_MAX {
        mistakes.add(node.span, Problem::TooManyEntries { most: ARGUMENTS_MAX });
        return None;
    }
    if let Some(text) = found.iter().find(|text| text.text.contains('\0')) {
        mistakes.add(text.span, Problem::BadProgram { text: text.text.into() });
        return None;
    }
    Some(found.into_iter().map(|text| text.text.to_owned()).collect())
}

fn read_env(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Vec<(String, String)> {
    let mut env = Vec::new();
    for (name, node) in map(node, "a map of variables", mistakes).into_iter().flatten() {
        let Some(value) = scalar(node, "the variable's value", mistakes) else { continue };
        let is_name = !name.text.is_empty() && !name.text.contains(['=', '\0']);
        if !is_name || value.text.contains('\0') {
            mistakes.add(name.span, Problem::BadEnvironment { text: name.text.into() });
        } else if env.len() == ARGUMENTS_MAX {
            mistakes.add(name.span, Problem::TooManyEntries { most: ARGUMENTS_MAX });
            break;
        } else {
            env.push((name.text.to_owned(), value.text.to_owned()));
        }
    }
    env
}
