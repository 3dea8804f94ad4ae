//! Every step of one decision: what is answered now, or would be if more were down.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use ipnet::IpNet;

use super::refusal::Refusal;
use super::views::explain::explanation;
use super::views::pools::Moment;
use super::{Admin, apart, model};
use crate::engine::Transport;
use crate::engine::explain::{Question, explain};
use crate::engine::snapshot::Snapshot;
use crate::health::backend::{BackendKey, matching};
use crate::name::Name;
use crate::rdata;
use crate::state::what_if::{Facts, backends, what_if};
use crate::wire::edns::subnet::Subnet;

/// The most patterns of backends that are taken as down.
const DOWN_MAX: usize = 100;
/// Who asks, where nobody says.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What is to be explained.
#[derive(Debug)]
struct Asked {
    name: Name,
    qtype: u16,
    client: IpAddr,
    subnet: Option<Subnet>,
    down: Vec<String>,
}

/// Explains one answer.
pub async fn serve(
    State(admin): State<Arc<Admin>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<model::Explanation>, Refusal> {
    let Query(pairs) = query?;
    // Patterns of `down` are compared with every backend there is.
    apart(move || {
        let moment = Moment::now(&admin.publisher);
        Ok(Json(explained(pairs, &moment.snapshot, &moment.facts())?))
    })
    .await
}

/// Explains what a snapshot answers to a question, given as the API takes it. With `down` among the pairs, it is what the
/// snapshot would answer.
pub fn explained(
    pairs: Vec<(String, String)>,
    snapshot: &Snapshot,
    facts: &Facts<'_>,
) -> Result<model::Explanation, Refusal> {
    let asked = Asked::read(pairs)?;
    let down: BTreeSet<BackendKey> = match &asked.down[..] {
        [] => BTreeSet::new(),
        patterns => matching(patterns, &backends(snapshot))?,
    };
    let facts = Facts { down: &down, ..*facts };
    let snapshot = what_if(snapshot, &facts);
    let question = Question {
        name: asked.name,
        qtype: asked.qtype,
        client: asked.client,
        subnet: asked.subnet,
        transport: Transport::Udp,
        chance: fastrand::u64(..),
    };
    let explained = explain(&snapshot, &question, &|zone, pool| facts.judgements(zone, pool));
    Ok(explanation(&explained))
}

impl Asked {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Refusal> {
        let (mut name, mut qtype, mut client, mut subnet) = (None, None, None, None);
        let mut down = Vec::new();
        for (key, value) in pairs {
            let twice = match key.as_str() {
                "name" => name.replace(parse_name(&value)?).is_some(),
                "type" => qtype.replace(parse_type(&value)?).is_some(),
                "client" => client.replace(parse_address(&value)?).is_some(),
                "subnet" => subnet.replace(parse_prefix(&value)?).is_some(),
                "down" if down.len() >= DOWN_MAX => {
                    let error = format!("more than {DOWN_MAX} times `down`; use `*` and `?`");
                    return Err(Refusal::bad_request(error));
                }
                "down" => {
                    down.push(value);
                    false
                }
                _ => {
                    let key = key.escape_debug();
                    let known = "`name`, `type`, `client`, `subnet` and `down`";
                    let error = format!("there is no `{key}` here, but {known}");
                    return Err(Refusal::bad_request(error));
                }
            };
            if twice {
                return Err(Refusal::bad_request(format!("`{key}` is said twice")));
            }
        }
        let name =
            name.ok_or_else(|| Refusal::bad_request("`name` is what is asked for; say one"))?;
        let client = client.unwrap_or(CLIENT);
        Ok(Self { name, qtype: qtype.unwrap_or(rdata::rtype::A), client, subnet, down })
    }
}

fn parse_name(text: &str) -> Result<Name, Refusal> {
    Name::parse_absolute(text).map_err(|error| Refusal::bad_request(format!("`name`: {error}")))
}

/// The type that a text names; `ANY` is no type of records, and can be asked for.
pub(super) fn parse_type(text: &str) -> Result<u16, Refusal> {
    if text.eq_ignore_ascii_case("any") {
        return Ok(rdata::rtype::ANY);
    }
    rdata::parse_type(text).ok_or_else(|| {
        let right = rdata::nearest_type(text).map_or_else(
            || "; write TYPE and its number for one that has no name here".to_owned(),
            |near| format!("; did you mean `{near}`?"),
        );
        Refusal::bad_request(format!(
            "`type`: no record type is called `{}`{right}",
            text.escape_debug()
        ))
    })
}

fn parse_address(text: &str) -> Result<IpAddr, Refusal> {
    let error = || Refusal::bad_request("`client` is an address, such as 192.0.2.1");
    text.parse().map_err(|_| error())
}

/// A prefix; without a length it is one address.
fn parse_prefix(text: &str) -> Result<Subnet, Refusal> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let net = net.map_err(|_| {
        Refusal::bad_request("`subnet` is a prefix, such as 192.0.2.0/24 or 2001:db8::/56")
    })?;
    Ok(Subnet { address: Some(net.network()), prefix: net.prefix_len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Asked, String> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Asked::read(pairs.collect()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_question_is_read_from_its_parts() {
        for (query, qtype, client, down) in [
            ("name=www.example.com", rdata::rtype::A, "127.0.0.1", 0),
            (
                "name=www.example.com.&type=aaaa&client=192.0.2.9",
                rdata::rtype::AAAA,
                "192.0.2.9",
                0,
            ),
            (
                "name=.&type=ANY&client=192.0.2.9&subnet=2001:db8::/56",
                rdata::rtype::ANY,
                "192.0.2.9 for 2001:db8::/56",
                0,
            ),
            (
                "down=a/b/c&name=a&down=d/e/f&subnet=192.0.2.1",
                rdata::rtype::A,
                "127.0.0.1 for 192.0.2.1/32",
                2,
            ),
        ] {
            let asked = read(query).expect(query);
            let subnet = asked.subnet.and_then(|subnet| Some((subnet.address?, subnet.prefix)));
            let told = subnet.map(|(address, prefix)| format!(" for {address}/{prefix}"));
            let who = format!("{}{}", asked.client, told.unwrap_or_default());
            let found = (asked.qtype, who, asked.down.len());
            assert_eq!(found, (qtype, client.to_owned(), down), "{query}");
        }
    }

    #[test]
    fn each_part_that_is_wrong_is_told() {
        for (query, error) in [
            ("type=A", "`name` is what is asked for; say one"),
            (
                "name=a..b",
                "`name`: a label is empty; write one dot between labels and none at the start",
            ),
            ("name=a&type=AAAAA", "`type`: no record type is called `AAAAA`; did you mean `AAAA`?"),
            (
                "name=a&type=BOGUS",
                "`type`: no record type is called `BOGUS`; write TYPE and its number for one that has no name \
                 here",
            ),
            ("name=a&client=b", "`client` is an address, such as 192.0.2.1"),
            (
                "name=a&subnet=192.0.2.0/33",
                "`subnet` is a prefix, such as 192.0.2.0/24 or 2001:db8::/56",
            ),
            ("name=a&name=b", "`name` is said twice"),
            (
                "name=a&x=b",
                "there is no `x` here, but `name`, `type`, `client`, `subnet` and `down`",
            ),
        ] {
            assert_eq!(read(query).expect_err(query), error);
        }
    }
}
