//! The OpenAPI document, made from the table of routes and the types that they take and give.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::model::Refused;
use super::routes::{Gives, In, Method, Parameter, ROUTES, Route};

/// What every route may refuse with: its status and when.
const REFUSALS: [(u16, &str); 12] = [
    (400, "The request makes no sense"),
    (401, "There is no token, or none that is known"),
    (403, "The token's role does not allow this, or a page of another site asks"),
    (404, "There is no such thing"),
    (408, "The body takes too long"),
    (409, "It does not fit what went before"),
    (413, "The body is too large"),
    (415, "The body is not `application/json`"),
    (421, "`Host` is not a name of this server"),
    (429, "Too many requests at once"),
    (503, "Not now"),
    (504, "It takes too long; it may still happen"),
];
const OF_ALL: [u16; 5] = [400, 401, 403, 421, 429];
const OF_POSTS: [u16; 3] = [408, 413, 415];

/// The document, as text.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

/// Serves the document.
pub async fn serve() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// The document (OpenAPI 3.1).
#[must_use]
pub fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for route in ROUTES {
        let method = match route.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let operation = operation(route, &mut generator);
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[method] = operation;
    }
    let refused = generator.subschema_for::<Refused>();
    let responses: Map<String, Value> = REFUSALS
        .iter()
        .map(|(status, meaning)| {
            let content = json!({"application/json": {"schema": refused}});
            (status.to_string(), json!({"description": meaning, "content": content}))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "RotaDNS admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running server does, and a hand on it.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the server's file; without one, this machine needs none.",
                },
            },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let content = match route.gives {
        Gives::Json(schema) => json!({"application/json": {"schema": schema(generator)}}),
        Gives::Text(kind) => json!({kind: {"schema": {"type": "string"}}}),
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({"description": "As asked", "content": content}));
    let mut refuses = route.refuses.to_vec();
    refuses.extend(OF_ALL);
    if route.method == Method::Post {
        refuses.extend(OF_POSTS);
    }
    for status in refuses {
        let reference = format!("#/components/responses/{status}");
        responses.insert(status.to_string(), json!({"$ref": reference}));
    }
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": route.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
        "security": match route.role {
            None => json!([]),
            Some(role) => json!([{"token": [role.name()]}]),
        },
    });
    if let Some(schema) = route.takes {
        let content = json!({"application/json": {"schema": schema(generator)}});
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

/// `GET /v1/zones/{zone}` is `get_v1_zones_zone`.
fn operation_id(route: &Route) -> String {
    let method = match route.method {
        Method::Get => "get",
        Method::Post => "post",
    };
    let words = route.path.split(|char: char| !char.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("{method}_{}", words.join("_"))
}

fn parameter(Parameter { name, place, kind, meaning }: &Parameter) -> Value {
    let (location, is_list) = match place {
        In::Path => ("path", false),
        In::Query => ("query", false),
        In::QueryList => ("query", true),
        In::Header => ("header", false),
    };
    let schema = if is_list {
        json!({"type": "array", "items": {"type": kind}})
    } else {
        json!({"type": kind})
    };
    json!({
        "name": name,
        "in": location,
        "required": *place == In::Path,
        "description": meaning,
        "schema": schema,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every `$ref` below a value.
    fn references<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("it stays in the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn parameters_of_the_path_are_all_described() {
        for route in ROUTES {
            let named: Vec<&str> = route
                .path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let place = |parameter: &&Parameter| parameter.place == In::Path;
            let described = route.parameters.iter().filter(place).map(|parameter| parameter.name);
            assert_eq!(named, described.collect::<Vec<_>>(), "{}", route.path);
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let names: BTreeSet<String> = ROUTES.iter().map(operation_id).collect();
        assert_eq!(names.len(), ROUTES.len());
    }
}
