//! `nsid:`, `identity:`, `cookies:`, `responses:` and `any:`.

use crate::config::error::Problem;
use crate::config::model::answers::{AnyAnswer, NSID_MAX, Policy, Responses, TEXT_MAX};
use crate::config::node::Node;
use crate::config::server::Reader;
use crate::config::server::answers::{Answers, Cookies, Identity};
use crate::config::value;

impl Reader<'_> {
    pub(super) fn answers(
        &mut self,
        [nsid, identity, cookies, responses, any]: [Option<&Node<'_>>; 5],
    ) -> Answers {
        let mut answers = Answers::default();
        self.set(&mut answers.nsid, nsid, |text| said("`nsid`", text, NSID_MAX));
        if let Some(node) = identity {
            let [version, id] = self.fields(node, "`identity`", ["version", "id"]);
            let mut identity = Identity::default();
            self.set(&mut identity.version, version, |text| said("`version`", text, TEXT_MAX));
            self.set(&mut identity.id, id, |text| said("`id`", text, TEXT_MAX));
            answers.identity = identity;
        }
        if let Some(node) = cookies {
            let [secrets_file, policy] = self.fields(node, "`cookies`", ["secrets_file", "policy"]);
            let secrets_file = self.path_of(secrets_file);
            answers.cookies = Cookies { secrets_file, ..Cookies::default() };
            let words =
                [("answer", Policy::Answer), ("require", Policy::Require), ("off", Policy::Off)];
            self.set(&mut answers.cookies.policy, policy, |text| {
                value::choice("a policy of cookies", text, &words)
            });
        }
        let words = [("minimal", Responses::Minimal), ("full", Responses::Full)];
        self.set(&mut answers.responses, responses, |text| {
            value::choice("a kind of responses", text, &words)
        });
        let words = [("one", AnyAnswer::One), ("full", AnyAnswer::Full)];
        self.set(&mut answers.any, any, |text| value::choice("an answer to ANY", text, &words));
        answers
    }
}

/// A text that the server says of itself.
pub(super) fn said(what: &'static str, text: &str, most: usize) -> Result<Option<String>, Problem> {
    match text.len() {
        0 => Err(Problem::EmptyText { what }),
        length if length > most => Err(Problem::SaidTooLong { what, most }),
        _ => Ok(Some(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::read_config;

    fn read(text: &str) -> Result<Answers, Vec<String>> {
        let config = read_config(Path::new("/etc/rotadns/rotadns.yaml"), text);
        config.map(|config| config.answers).map_err(|mistakes| {
            mistakes.iter().map(|mistake| mistake.problem.to_string()).collect()
        })
    }

    #[test]
    fn nothing_is_said_unless_it_is_set() {
        assert_eq!(read(""), Ok(Answers::default()));
        let text = "
nsid: ams-1
identity: {version: RotaDNS, id: ams-1.example.com}
cookies: {secrets_file: keys/cookies, policy: require}
responses: full
any: full
";
        let identity =
            Identity { version: Some("RotaDNS".into()), id: Some("ams-1.example.com".into()) };
        let cookies = Cookies {
            policy: Policy::Require,
            secrets_file: Some("/etc/rotadns/keys/cookies".into()),
        };
        let expected = Answers {
            nsid: Some("ams-1".into()),
            identity,
            cookies,
            responses: Responses::Full,
            any: AnyAnswer::Full,
        };
        assert_eq!(read(text), Ok(expected));
        let off = read("cookies: {policy: off}").map(|answers| answers.cookies.policy);
        assert_eq!(off, Ok(Policy::Off));
    }

    #[test]
    fn every_wrong_value_is_told() {
        let long = format!("nsid: {}", "n".repeat(129));
        let (version, empty) =
            (format!("identity: {{version: {}}}", "v".repeat(256)), "identity: {id: ''}");
        for (text, sentence) in [
            (long.as_str(), "`nsid` is longer than 128 bytes; shorten it"),
            (&version, "`version` is longer than 255 bytes; shorten it"),
            (empty, "`id` cannot be empty; remove it if none is meant"),
            (
                "cookies: {policy: demand}",
                "`demand` is not a policy of cookies; it is one of `answer`, `require`, `off`",
            ),
            (
                "responses: some",
                "`some` is not a kind of responses; it is one of `minimal`, `full`",
            ),
            ("any: all", "`all` is not an answer to ANY; it is one of `one`, `full`"),
        ] {
            assert_eq!(read(text), Err(vec![sentence.to_owned()]), "{text}");
        }
    }
}
