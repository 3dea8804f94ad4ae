//! The schema against the reader: the same keys, the same words.

use serde_json::Value;

use super::*;
use crate::config::spec::backend::BACKEND_KEYS;
use crate::config::spec::check::agent::AGENT_KEYS;
use crate::config::spec::check::database::{MYSQL_KEYS, POSTGRES_KEYS, REDIS_KEYS};
use crate::config::spec::check::dns::DNS_KEYS;
use crate::config::spec::check::exec::EXEC_KEYS;
use crate::config::spec::check::file::FILE_KEYS;
use crate::config::spec::check::flap::FLAP_KEYS;
use crate::config::spec::check::grpc::GRPC_KEYS;
use crate::config::spec::check::icmp::ICMP_KEYS;
use crate::config::spec::check::load::LOAD_KEYS;
use crate::config::spec::check::push::PUSH_KEYS;
use crate::config::spec::check::several::AT_LEAST_KEYS;
use crate::config::spec::check::tls::{TLS_KEYS, TLS_MAP_KEYS};
use crate::config::spec::check::udp::UDP_KEYS;
use crate::config::spec::check::{CHECK_KEYS, HTTP_KEYS, HTTPS_KEYS, PART_KEYS, TCP_KEYS};
use crate::config::spec::pool::{HASH_KEYS, POOL_KEYS};
use crate::config::spec::record::{NAME_KEYS, SET_KEYS};
use crate::config::spec::rules::RULE_KEYS;
use crate::config::spec::shards::{RANGE_KEYS, SHARDS_KEYS};
use crate::config::spec::{SECONDARIES_KEYS, SOA_KEYS, VIEWS_KEYS, ZONE_KEYS};

/// The keys that an object of the schema has; none is left open.
fn keys(object: &Value) -> Vec<&str> {
    assert_eq!(object["additionalProperties"], false, "{object}");
    let properties = object["properties"].as_object().expect("an object");
    for (key, value) in properties {
        let is_told = value["description"].is_string() || object["title"] == "Record";
        assert!(is_told || value["$ref"].is_string(), "{key} is told: {value}");
    }
    properties.keys().map(String::as_str).collect()
}

#[test]
fn each_key_that_the_reader_knows_is_in_the_schema_and_the_reverse() {
    let schema = zone_file();
    let of = |name: &str| &schema["$defs"][name];
    let rows: Vec<(&Value, &[&str])> = vec![
        (&schema, &ZONE_KEYS),
        (of("Secondaries"), &SECONDARIES_KEYS),
        (of("Soa"), &SOA_KEYS),
        (of("Views"), &VIEWS_KEYS),
        (of("Check"), &CHECK_KEYS),
        (of("Part"), &PART_KEYS),
        (of("AtLeast"), &AT_LEAST_KEYS),
        (of("Flap"), &FLAP_KEYS),
        (of("Load"), &LOAD_KEYS),
        (of("Tcp"), &TCP_KEYS),
        (of("Http"), &HTTP_KEYS),
        (of("Https"), &HTTPS_KEYS),
        (of("TlsCheck"), &TLS_KEYS),
        (of("Agent"), &AGENT_KEYS),
        (of("Push"), &PUSH_KEYS),
        (of("Postgres"), &POSTGRES_KEYS),
        (of("Redis"), &REDIS_KEYS),
        (of("Mysql"), &MYSQL_KEYS),
        (of("TlsMap"), &TLS_MAP_KEYS),
        (of("Dns"), &DNS_KEYS),
        (of("Udp"), &UDP_KEYS),
        (of("Icmp"), &ICMP_KEYS),
        (of("Grpc"), &GRPC_KEYS),
        (of("Exec"), &EXEC_KEYS),
        (of("FileSays"), &FILE_KEYS),
        (of("PoolMap"), &POOL_KEYS),
        (of("HashBy"), &HASH_KEYS),
        (of("BackendMap"), &BACKEND_KEYS),
        (of("Rule"), &RULE_KEYS),
        (of("Shards"), &SHARDS_KEYS),
        (of("Range"), &RANGE_KEYS),
        (of("SetMap"), &SET_KEYS),
    ];
    for (object, known) in &rows {
        let mut known = known.to_vec();
        known.sort_unstable();
        let mut found = keys(object);
        found.sort_unstable();
        assert_eq!(found, known);
    }
    // Every object is among them, but the record, whose keys are types.
    let objects = schema["$defs"].as_object().expect("definitions");
    let objects = objects.values().filter(|schema| schema["properties"].is_object()).count();
    assert_eq!(objects, rows.len(), "the top level aside, the record besides");
}

#[test]
fn a_record_has_each_type_that_the_reader_knows() {
    let schema = zone_file();
    let mut found = keys(&schema["$defs"]["Record"]);
    for known in NAME_KEYS {
        assert!(found.contains(&known), "{known}");
    }
    found.retain(|key| !NAME_KEYS.contains(key));
    assert!(found.contains(&"A") && found.contains(&"HTTPS") && !found.contains(&"SOA"));
    for key in &found {
        assert!(rdata::parse_type(key).is_some(), "{key}");
    }
    for number in 1..=u16::MAX {
        let name = rdata::type_name(number).to_string();
        let is_known = rdata::parse_type(&name).is_some() && number != rtype::SOA;
        let is_generic = name.starts_with("TYPE");
        assert_eq!(found.contains(&&*name), is_known && !is_generic, "{name}");
    }
}
