"""Validates YAML texts by a JSON Schema, with the public validator `jsonschema`.

In: {"schema": ..., "texts": [...]} on stdin. Out: for each text, for each way to read it, the first mistake or null.

A text is read in two ways: as RotaDNS does, every scalar its source text and nothing at all a null; and as an editor does,
by YAML 1.2's core schema, where `8080` is a number and `no` a text.
"""

import json
import re
import sys

import jsonschema
import yaml


def plain(node, scalar):
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain(value, scalar) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item, scalar) for item in node.value]
    return scalar(node)


def as_the_reader(node):
    return None if node.style is None and node.value == "" else node.value


def as_an_editor(node):
    text = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if re.fullmatch("true|True|TRUE|false|False|FALSE", text):
        return text.lower() == "true"
    if re.fullmatch("[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text[2:], 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text[2:], 16)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


def first_mistake(validator, document):
    mistake = jsonschema.exceptions.best_match(validator.iter_errors(document))
    return mistake and f"{mistake.json_path}: {mistake.message}"


def main():
    given = json.load(sys.stdin)
    jsonschema.Draft202012Validator.check_schema(given["schema"])
    validator = jsonschema.Draft202012Validator(given["schema"])
    found = []
    for text in given["texts"]:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        found.append([first_mistake(validator, plain(node, way)) for way in (as_the_reader, as_an_editor)])
    json.dump(found, sys.stdout)


main()
