//! The sentence of each problem, pinned.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ConfigError, Location, MISTAKES_MAX, Mistakes, Problem, Severity, Span};
use crate::config::model::Secret;
use crate::config::model::allowed::Refusal;
use crate::config::octodns;
use crate::name::NameError;
use crate::rdata;

#[test]
#[expect(clippy::too_many_lines, reason = "one row per problem")]
fn each_problem_has_its_sentence() {
    let text = || "x y".to_owned();
    let seconds = Duration::from_secs;
    let rows = vec![
        (
            Problem::SaidTooLong { what: "`nsid`", most: 128 },
            "`nsid` is longer than 128 bytes; shorten it",
        ),
        (Problem::TooManyEntries { most: 9 }, "there are more than 9 entries here; remove some"),
        (
            Problem::BadPrefix { text: "192.0.2.1/24".into() },
            "`192.0.2.1/24` is not a prefix, such as `192.0.2.0/24`, `2001:db8::/32` or an address; bits past its length are 0",
        ),
        (
            Problem::BadSecret,
            "this is no secret: base 64 of at least 16 bytes, such as `openssl rand -base64 32` makes",
        ),
        (Problem::TwoSecrets, "a key has `secret` or `secret_file`; remove one of the two"),
        (
            Problem::NotifyOverTls,
            "a notify is sent in the clear, and signed where there is a `key`; remove `tls`",
        ),
        (Problem::UnknownKeyName { name: "k".into() }, "no key is called `k`; add it under `keys`"),
        (Problem::Unreadable { detail: "no such file".into() }, "cannot be read: no such file"),
        (
            Problem::UnknownPlace { what: "country", text: "UK".into(), near: Some("GB") },
            "there is no country `UK`; did you mean `GB`?",
        ),
        (
            Problem::UnknownPlace { what: "continent", text: "Europe".into(), near: None },
            "there is no continent `Europe`; it is one of `AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`",
        ),
        (
            Problem::UnknownSubdivision { text: "US-XX".into(), country: "US".into(), near: None },
            "US has no subdivision `US-XX`; ISO 3166-2 has those that there are",
        ),
        (
            Problem::BadRegion { text: "a b".into() },
            "`a b` is not a region: a subdivision in ISO 3166-2 such as `US-KY`, or a name of your own of letters, digits, \
             `-`, `_` and `.`",
        ),
        (
            Problem::BadLocation { text: "91, 0".into() },
            "`91, 0` is not a location: latitude from -90 to 90 and longitude from -180 to 180, such as `[50.1, 8.7]`",
        ),
        (Problem::NotUtf8, "is not UTF-8, which YAML is written in"),
        (Problem::TooLarge { most: 9 }, "is larger than 9 bytes; split the zone"),
        (Problem::TooManyFiles { most: 9 }, "has more than 9 zone files; use several folders"),
        (
            Problem::NoZoneFiles,
            "has no zone file; one is named after its zone, such as `example.com.yaml`",
        ),
        (
            Problem::ZoneTwice { zone: "a.".into(), other: "a.zone".into() },
            "the zone `a.` stands in `a.zone` already; remove one of the two",
        ),
        (
            Problem::FileName { name: "a..yaml".into() },
            "`a..yaml` is no zone's name; a zone file is called such as `example.com.yaml`",
        ),
        (Problem::TooManyMistakes { most: 9 }, "has more than 9 mistakes; mend these first"),
        (Problem::TooManyWarnings { most: 9 }, "has more than 9 warnings; look at these first"),
        (Problem::Syntax { detail: "odd\nend".into() }, "this is not YAML: odd\\nend"),
        (
            Problem::NeedsQuotes { letter: '@' },
            "what begins with `@` must stand in quotes, as in `\"@\"`; to YAML it means something else",
        ),
        (Problem::Tab, "indent with spaces; YAML takes no tabs there"),
        (Problem::OpenQuote, "this quote is not closed"),
        (Problem::EmptyFile, "is empty; a zone file begins with `zone: NAME`"),
        (Problem::TooDeep { most: 9 }, "more than 9 lists and maps inside one another"),
        (Problem::TooManyNodes { most: 9 }, "more than 9 values; split the zone"),
        (Problem::TooManyAliased { most: 9 }, "aliases repeat more than 9 values; write them out"),
        (Problem::AliasInside, "this alias stands inside its own anchor"),
        (
            Problem::DuplicateKey { key: text(), first: 3 },
            "`x y` stands in line 3 already; join the two",
        ),
        (
            Problem::MergeKey,
            "`<<` is not part of YAML 1.2; write the keys out, or give the whole value by an alias",
        ),
        (Problem::KeyNotScalar, "a key is a single value; lists and maps cannot be keys"),
        (Problem::Tag { tag: "!a".into() }, "the tag `!a` means nothing here; remove it"),
        (
            Problem::SecondDocument,
            "a second document begins here; a file has one, so remove the `---`",
        ),
        (
            Problem::NotNative { misspelt: None },
            "no `zone: NAME` at the top level, and no records with a `type` as octoDNS has them; a zone file says whose it is",
        ),
        (
            Problem::NotNative { misspelt: Some("zon".into()) },
            "no `zone: NAME` at the top level; did you mean `zone` by `zon`?",
        ),
        (
            Problem::OctoDns(octodns::Problem::At),
            "`@` is no name in octoDNS; the zone itself is `''`",
        ),
        (Problem::Expected { what: "a map", found: "a list" }, "expected a map, found a list"),
        (
            Problem::UnknownKey {
                place: "a pool",
                key: "tll".into(),
                near: Some("ttl"),
                known: String::new(),
            },
            "a pool has no key `tll`; did you mean `ttl`?",
        ),
        (
            Problem::UnknownKey {
                place: "`tcp`",
                key: "x".into(),
                near: None,
                known: "`port`".into(),
            },
            "`tcp` has no key `x`; it has `port`",
        ),
        (
            Problem::AdminExposed {
                address: ([192, 0, 2, 1], 8053).into(),
                missing: "`tokens` and `tls`",
            },
            "`192.0.2.1:8053` can be reached from beyond this machine, so the admin API needs `tokens` and \
             `tls` (`rotadns keygen` makes them); or listen on a loopback address",
        ),
        (Problem::MissingKey { place: "`tcp`", key: "port" }, "`tcp` needs `port`"),
        (
            Problem::BadDuration { text: text() },
            "`x y` is not a duration, such as `10s`, `500ms`, `1m30s` or `1h`",
        ),
        (
            Problem::BadDuration { text: "5 Minutes".into() },
            "`5 Minutes` is not a duration; did you mean `5m`?",
        ),
        (
            Problem::BadTtl { text: text() },
            "`x y` is not a TTL: whole seconds up to 2147483647, such as `300` or `1h`",
        ),
        (
            Problem::BadSpan {
                what: "the interval",
                text: "0".into(),
                least: Duration::from_millis(10),
                most: seconds(60),
            },
            "the interval of `0` is out of range; it is from 10ms to 1m",
        ),
        (
            Problem::BadNumber { what: "a port", text: text(), least: 1, most: 9 },
            "`x y` is not a port: a whole number from 1 to 9",
        ),
        (
            Problem::BadAddress { text: text() },
            "`x y` is not an address, such as `192.0.2.1` or `\"2001:db8::1\"`",
        ),
        (
            Problem::BadSocket { text: text(), port: 53 },
            "`x y` is not an address and a port, such as `127.0.0.1:53` or `\"[::1]:53\"`",
        ),
        (
            Problem::BadShare { text: text() },
            "`x y` is not a share: from 0 to 1 with at most three decimals, such as `0.5`",
        ),
        (
            Problem::BadName { text: text(), error: NameError::LabelTooLong },
            "`x y` is not a name: a label is longer than 63 bytes",
        ),
        (
            Problem::BadChoice { what: "a policy", text: text(), near: None, known: "`a`".into() },
            "`x y` is not a policy; it is one of `a`",
        ),
        (
            Problem::BadChoice {
                what: "a policy",
                text: text(),
                near: Some("a"),
                known: String::new(),
            },
            "`x y` is not a policy; did you mean `a`?",
        ),
        (
            Problem::BadStatus { text: text() },
            "`x y` is not a status: a code from 100 to 599 or a range, such as `200` or `200-299`",
        ),
        (
            Problem::BadPath { text: text() },
            "`x y` is not a path: it begins with `/`, and what is not for URLs is written such as `%20`",
        ),
        (
            Problem::BadHost { text: text() },
            "`x y` is not a host: a name or an address, perhaps with a port, such as `a.example:8080` or `\"[::1]\"`",
        ),
        (
            Problem::BadServerName { text: text() },
            "`x y` is not a name that TLS can ask for, such as `www.example.com`",
        ),
        (
            Problem::BadHeader { text: text() },
            "`x y` is not a header field: the name is letters, digits and `-`, the value one line",
        ),
        (
            Problem::BadProberName { text: text() },
            "`x y` is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not `inside`",
        ),
        (
            Problem::SlashInName { text: "a/b".into() },
            "`a/b` has a `/`, which stands between the names of zone, pool and backend; write it without, such as `a-b`",
        ),
        (
            Problem::BadServer { text: text() },
            "`x y` is not a server, such as `https://192.0.2.53:8053`, `http://127.0.0.1:8053` or `unix:/run/rotadns/admin`",
        ),
        (
            Problem::PlainServer { text: text() },
            "`x y` would carry the token in the clear; beyond this machine it is `https://`",
        ),
        (Problem::CaWithoutTls, "`ca` has no use without `https://`; remove it"),
        (Problem::ValueTwice { text: text() }, "`x y` stands here twice; remove one of the two"),
        (
            Problem::TooManyServers { most: 9 },
            "a prober feeds at most 9 servers; start a second one for the others",
        ),
        (
            Problem::TooManyProbers { most: 9 },
            "a server listens to at most 9 probers beside; remove some",
        ),
        (Problem::TooManyHeaders { most: 9 }, "a check has at most 9 header fields; remove some"),
        (
            Problem::EmptyText { what: "the body's text" },
            "the body's text cannot be empty; remove it if none is meant",
        ),
        (Problem::NoKind { kinds: "`tcp`, `http`".into() }, "a check needs one of `tcp`, `http`"),
        (
            Problem::BadProgram { text: text() },
            "`x y` is not a program: give its absolute path, without `..`, as the first of a list; there is no shell",
        ),
        (
            Problem::BadEnvironment { text: text() },
            "`x y` is not a variable: its name has no `=`, and neither name nor value a NUL",
        ),
        (
            Problem::BadUser { text: text() },
            "`x y` is not a user: give a name, such as `rotadns`, or with a group, such as `rotadns:dns`",
        ),
        (
            Problem::NotAllowed(Refusal::Program(text())),
            "`x y` is not run: the config file does not allow it; add it, or its folder, to `prober.exec.allow`",
        ),
        (
            Problem::NotAllowed(Refusal::Variable(text())),
            "no program is given the variable `x y`: the config file does not allow it; add it to `prober.exec.env`",
        ),
        (
            Problem::NotAllowed(Refusal::Secret(Secret::File("keys/db".into()))),
            "the password file keys/db is not read: the config file does not allow it; add it, or its folder, to `prober.secrets.files`",
        ),
        (
            Problem::NotAllowed(Refusal::Secret(Secret::Variable(text()))),
            "the variable `x y` is not read: the config file does not allow it; add it to `prober.secrets.env`",
        ),
        (
            Problem::BadEscape { text: text() },
            "`x y` has a `\\` that is no escape; those are `\\n`, `\\r`, `\\t`, `\\0`, `\\x41` and `\\\\`",
        ),
        (
            Problem::TwoKinds { kinds: "`tcp`, `http`".into() },
            "a check is of one kind, and this has `tcp`, `http`; make it two checks",
        ),
        (
            Problem::TimeoutTooLong { timeout: seconds(2), interval: Duration::from_millis(1500) },
            "the timeout of 2s is longer than the interval of 1s500ms; make it at most as long",
        ),
        (
            Problem::FastIntervalTooLong { fast: seconds(2), interval: seconds(1) },
            "the fast interval of 2s is longer than the interval of 1s; make it at most as long",
        ),
        (
            Problem::MissingCa { path: PathBuf::from("a.pem") },
            "there is no file `a.pem`; a path is relative to the zone file",
        ),
        (
            Problem::NotBuilt { kind: "redis", feature: "databases" },
            "this rotadns was built without `redis`; build it with the feature `databases`",
        ),
        (
            Problem::PasswordInFile,
            "a password has no place in a zone file; name a file with `password_file`, or a variable with `password_env`",
        ),
        (
            Problem::TwoPasswords,
            "a login has `password_file` or `password_env`; remove one of the two",
        ),
        (
            Problem::UserWithoutPassword,
            "a user without a password cannot log in; add `password_file` or `password_env`",
        ),
        (
            Problem::BadVariable { text: "a=b".into() },
            "`a=b` is not the name of a variable, such as `DB_PASSWORD`",
        ),
        (
            Problem::ControlCharacters { what: "a user" },
            "a user cannot have control characters; remove them",
        ),
        (Problem::CaWithoutVerify, "`ca` has no use with `verify: false`; remove one of the two"),
        (
            Problem::UnknownCheck { name: text(), near: None },
            "no check is called `x y`; add it under `checks`",
        ),
        (
            Problem::UnusedCheck { name: text() },
            "no pool uses the check `x y`; use it or remove it",
        ),
        (Problem::NoParts, "no checks; give at least one, by its name or as a map"),
        (
            Problem::TooManyParts { most: 9 },
            "a check may be made of 9 others at most, those within them counted; leave some out",
        ),
        (
            Problem::ChecksTooDeep { most: 9 },
            "checks may stand within checks 9 deep at most; name the inner ones directly",
        ),
        (
            Problem::CheckLoop { checks: vec!["a".into(), "b".into(), "a".into()] },
            "the checks are made of each other: a → b → a; end it at one of them",
        ),
        (
            Problem::PushWithin,
            "a check by `push` cannot be part of another, as nobody asks for it; have the backend's reports say all, or leave it out",
        ),
        (
            Problem::BadPointer { text: text() },
            "`x y` is not a JSON pointer, such as `/load` or `/system/cpu`",
        ),
        (Problem::LoadPlace, "`load` is in one place; give it `header` or `json`"),
        (
            Problem::FlapThresholds { suppress: 5, reuse: 7 },
            "`reuse` of 7 is not below `suppress` of 5, so a hold would never begin or never end; make it smaller",
        ),
        (
            Problem::FlapNeverHolds { suppress: 5 },
            "the penalty never comes to more than `suppress` of 5, as it decays to `reuse` within `hold_max`; make \
             `hold_max` longer or `half_life` shorter",
        ),
        (
            Problem::UnknownPool { name: "wbe".into(), near: Some("web".into()) },
            "no pool is called `wbe`; did you mean `web`?",
        ),
        (
            Problem::UnusedPool { name: text() },
            "no record uses the pool `x y`; use it or remove it",
        ),
        (
            Problem::PoolNameTaken { name: text(), first: 3 },
            "an inline pool is named after its record, and line 3 has a pool `x y`; use that one or rename it",
        ),
        (Problem::NoBackends, "a pool needs at least one backend"),
        (
            Problem::NoAddressOrTarget,
            "a backend needs `address`, or `target` where a name is handed out",
        ),
        (
            Problem::MixedBackends,
            "the backends of a pool are all addresses or all targets; make it two pools",
        ),
        (
            Problem::ManyProbes,
            "a target is probed at one address; give the others targets of their own",
        ),
        (
            Problem::TargetWithoutProbe { backend: "a".into() },
            "the pool has a check, and nothing says what it probes for `a`; add `address`, which is probed and not \
             handed out",
        ),
        (
            Problem::ProbeWithoutCheck { backend: "a".into() },
            "the address beside the target `a` is for a check, and the pool has none; add `check` or remove the \
             address",
        ),
        (
            Problem::CheckAddresses { count: 1 },
            "a backend of one address is probed at one; give one",
        ),
        (
            Problem::CheckAddresses { count: 3 },
            "`check_address` is one that stands for all addresses of the backend, or one for each of its 3 in their order",
        ),
        (
            Problem::CheckSettingsUnused { key: "check_port" },
            "`check_port` has no use without a check; add `check` to the backend or the pool",
        ),
        (Problem::CheckWithoutPort, "the check asks at no port; remove `check_port`"),
        (
            Problem::DuplicateTarget { target: "a.".into(), first: 3 },
            "the pool has the target a. in line 3 already; a weight makes its share larger",
        ),
        (
            Problem::FallbackOfOtherKind { pool: "a".into(), fallback: "b".into() },
            "of the pool `a` and its fallback `b` one has addresses and the other targets; make them alike",
        ),
        (
            Problem::PoolBesideRules { first: 3 },
            "line 3 says which pool is handed out already; put a pool for everybody else last in `rules`",
        ),
        (
            Problem::NoCatchAll,
            "the last rule is for everybody else: add one such as `{pool: POOL}`, which says no more",
        ),
        (
            Problem::RuleForAll,
            "a rule before the last says whom it is for, such as `subnets: [10.0.0.0/8]` or `countries: [NO]`; else no later one is \
             reached",
        ),
        (
            Problem::NowhereNear { backend: "a".into() },
            "nothing says where the backend `a` is, and its pool has `policy: nearest`; give it a `location` such as \
             `[59.9, 10.7]`, or a `region` such as `NO`",
        ),
        (
            Problem::TooManySites { pool: "web".into(), most: 64 },
            "the backends of the pool `web` are at more than 64 places; with `policy: nearest` give those that are near each \
             other the same `location` and `region`",
        ),
        (
            Problem::PrivateTarget,
            "a target has no private addresses; put `private` at a backend with `address`",
        ),
        (Problem::TooManyRules { most: 65 }, "a name has at most 65 rules; join those of one pool"),
        (
            Problem::TooManySubnets { most: 9 },
            "the rules of a name have at most 9 subnets and places; join some of them",
        ),
        (
            Problem::RulesOfBothKinds { pool: "a".into(), other: "b".into() },
            "of the pools `a` and `b` one has addresses and the other targets; one name answers from pools of one \
             kind",
        ),
        (
            Problem::NotOfPool { key: "pool", rtype: "MX".into() },
            "`pool` has no use for MX here; A, AAAA and SRV take `pool` in place of values, HTTPS and SVCB \
             `hints: pool` beside them",
        ),
        (Problem::TtlBesidePool, "what is made of a pool has the pool's TTL; set `ttl` there"),
        (Problem::ValuesBesidePool, "the values are made of the pool; remove one of the two"),
        (
            Problem::NoService { pool: "p".into(), backend: "a".into(), missing: "host" },
            "SRV needs the host and the port of each backend, and `a` of the pool `p` has no `host`; add it",
        ),
        (
            Problem::HintsWithoutPool,
            "`hints: pool` are the addresses of the name's own pool, and it has none; add one, or name one beside by \
             `pool: POOL`",
        ),
        (
            Problem::ShardsWithoutWildcard { name: "a.".into() },
            "`shards` choose by the labels below a wildcard, and a. is none; write it at `\"*.NAME\"`",
        ),
        (
            Problem::ShardsNotTransferred { name: "*.users".into() },
            "`*.users` is shared out, which secondaries cannot do: its addresses are left out of what they get; have it answered by servers that read this file",
        ),
        (
            Problem::ShardsOfOtherKind { key: "of" },
            "this is for the other way to share labels out, and here `of` says what the shards are; remove it",
        ),
        (Problem::NoShards, "there are no shards; name one pool at least"),
        (
            Problem::TooManyShards { most: 256 },
            "there are more than 256 shards; give some of them to one pool",
        ),
        (
            Problem::LastShardHasBound,
            "the last shard has every label that is left; remove its `to`, or add a shard without one behind it",
        ),
        (
            Problem::ShardWithoutBound,
            "only the last shard has no bound; say with `to` up to which label this one goes",
        ),
        (
            Problem::BoundsDoNotRise { text: "ga".into(), before: "g".into() },
            "`ga` leaves no label to this shard: the one before has all up to `g` and what begins with it; put the bounds in rising order",
        ),
        (
            Problem::NotOneLabel { text: "a.b".into() },
            "`a.b` is not one label, as stands between two dots; write one such as `g`",
        ),
        (
            Problem::RoleWithoutPool,
            "`role` says which backends of a pool are meant, and there is no pool; add `pool: POOL`",
        ),
        (
            Problem::RoleWithoutCheck { pool: "p".into() },
            "nothing tells who is primary in the pool `p`; give it a check that does, such as `postgres`",
        ),
        (
            Problem::RoleNeverTold { pool: "p".into(), check: "tcp" },
            "the pool `p` is checked by `tcp`, which does not tell who is primary; take a check that does, such as `postgres`",
        ),
        (
            Problem::TargetsForAddresses { pool: "p".into() },
            "the pool `p` has targets, where addresses are handed out; take a pool of addresses",
        ),
        (
            Problem::HintsOfAliasMode,
            "a record of priority 0 is an alias and has no hints; give it a set of its own at another name",
        ),
        (
            Problem::HintsByHand,
            "the hints are the pool's; remove `ipv4hint` and `ipv6hint` from the value",
        ),
        (
            Problem::TargetsAtApex { pool: "a".into() },
            "the pool `a` has targets, for which the zone's own name cannot have a CNAME; give it addresses",
        ),
        (
            Problem::TargetsBesideOther { name: "a.".into(), other: "TXT".into() },
            "the pool of `a.` has targets and answers CNAME, which stands alone, and here is TXT; remove one of the \
             two",
        ),
        (
            Problem::BadSubnet { text: "10/8".into() },
            "`10/8` is not a subnet, such as `10.0.0.0/8` or `\"2001:db8::/32\"`: an address and the length of its \
             prefix, with no bits set past it",
        ),
        (Problem::NoAddresses { backend: text() }, "the backend `x y` needs at least one address"),
        (Problem::TooManyAddresses { most: 9 }, "a pool has at most 9 addresses; split it"),
        (
            Problem::DuplicateAddress { address: "192.0.2.1".into(), first: 3 },
            "the pool has 192.0.2.1 in line 3 already; a weight makes its share larger",
        ),
        (
            Problem::MinTtlTooLong { min_ttl: 9, ttl: 5 },
            "the min_ttl of 9 s is longer than the ttl of 5 s; make it at most as long",
        ),
        (Problem::NoFallback, "`when_all_down: fallback` needs `fallback: POOL`"),
        (Problem::FallbackUnused, "`fallback` has no use without `when_all_down: fallback`"),
        (Problem::HashUnused, "`hash` has no use without `policy: hash`"),
        (
            Problem::SlowStartUnused { policy: "fixed" },
            "`slow_start` has no use with `policy: fixed`, where weights do not choose; write `policy: weighted`",
        ),
        (
            Problem::BadFailback { text: text() },
            "\"x y\" is no time to go back to a better tier; write `at once`, `never`, or a duration such as `60s`",
        ),
        (
            Problem::FallbackTooLong { pool: text(), most: 9 },
            "the pool `x y` falls back through more than 9 others; end it at an earlier one",
        ),
        (
            Problem::PoolLoop { pools: vec!["a".into(), "b".into(), "a".into()] },
            "the pools stand in each other in a circle: a → b → a; end it at one of them",
        ),
        (
            Problem::PoolsTooDeep { pools: vec!["a".into(), "b".into()], most: 9 },
            "more than 9 pools stand one within the other: a → b; name the last ones at the first",
        ),
        (
            Problem::PoolOfOtherKind { pool: text(), inner: "y".into() },
            "of the pool `x y` and the pool `y` within it one has addresses and the other targets; make them alike",
        ),
        (
            Problem::AddressInPools { pool: text(), endpoint: "192.0.2.1".into() },
            "the pool `x y` has 192.0.2.1 twice with the pools within it; a weight makes its share larger",
        ),
        (
            Problem::PoolsWithin { pool: text() },
            "SRV is made of the pool `x y`, which has pools within; name a pool of addresses or targets",
        ),
        (
            Problem::FallbackLoop { pools: vec!["a".into(), "b".into(), "a".into()] },
            "the pools fall back in a circle: a → b → a; end it at one of them",
        ),
        (
            Problem::ZoneName { zone: "a.".into(), file: "b.".into() },
            "the file is named after the zone `b.`, and this says `a.`; make them agree",
        ),
        (
            Problem::NoNameServers,
            "the zone has no name servers; add them, such as `ns: [ns1, ns2]`",
        ),
        (
            Problem::NameServersTwice { first: 2 },
            "`ns` in line 2 has the zone's name servers; add them there",
        ),
        (
            Problem::OutOfZone { name: "b.".into(), zone: "a.".into() },
            "`b.` is not in the zone `a.`; without its last dot it is relative to the zone",
        ),
        (
            Problem::OwnerTwice { name: "b.a.".into(), first: 3 },
            "the records of `b.a.` stand in line 3 already; join the two",
        ),
        (
            Problem::NoRecords { name: text() },
            "`x y` has no records; give it a pool or a type such as `A`",
        ),
        (Problem::NoValues, "no values; give at least one or remove the type"),
        (
            Problem::UnknownType { text: "AAA".into(), near: Some("AAAA") },
            "`AAA` is not a record type; did you mean `AAAA`?",
        ),
        (
            Problem::UnknownType { text: text(), near: None },
            "`x y` is not a record type; a record has `pool`, `alias`, and types such as `A`, `MX` or `TYPE65280`",
        ),
        (Problem::SoaAmongRecords, "SOA has a place of its own: `soa:` at the top level"),
        (Problem::TextTooLong { most: 9 }, "the text is longer than 9 bytes; shorten it"),
        (
            Problem::DuplicateRecord { first: 3 },
            "the same record stands in line 3 already; remove one of the two",
        ),
        (
            Problem::OnlyOne { rtype: "CNAME".into(), name: "a.".into() },
            "`a.` can have only one CNAME; keep the one that is meant",
        ),
        (
            Problem::CnameBesideOther { name: "a.".into(), other: "TXT".into() },
            "a CNAME stands alone, and `a.` also has TXT; remove one of the two",
        ),
        (
            Problem::AddressBesidePool { rtype: "A".into(), name: "a.".into() },
            "the pool of `a.` answers A; add the address to the pool or remove it",
        ),
        (
            Problem::Signed,
            "the zone is signed, as it has DNSKEY at its apex; it would be bogus here, since signed zones are not served with \
             their proofs yet: remove its DS from the parent zone, then DNSKEY, RRSIG, NSEC, NSEC3 and NSEC3PARAM from this one",
        ),
        (
            Problem::Signatures,
            "RRSIG records prove nothing in a zone without DNSKEY, and no answer brings them along; remove them",
        ),
        (
            Problem::AliasBesideOther { name: "a.".into(), other: "a pool".into() },
            "the alias of `a.` answers A and AAAA, and the name also has a pool; remove one of the two",
        ),
        (
            Problem::CnameLoop { names: vec!["a.".into(), "a.".into()] },
            "the CNAMEs lead in a circle: a. → a.; end it at a name with an address",
        ),
        (
            Problem::NameServersAtWildcard { name: "*.a.".into() },
            "`*.a.` cannot be delegated, since a wildcard's NS has no meaning; delegate each name",
        ),
        (
            Problem::NoSoa { zone: "a.".into() },
            "the zone `a.` has no SOA; its first record is the SOA of `a.`",
        ),
        (
            Problem::NoApexNs { zone: "a.".into() },
            "the zone `a.` has no name servers; add NS records at its apex",
        ),
        (
            Problem::SoaBelowApex { name: "b.a.".into(), zone: "a.".into() },
            "`b.a.` is not the apex of the zone `a.`; a zone of its own has a file of its own",
        ),
        (
            Problem::DifferentTtl { rtype: "A".into(), ttl: 60, least: 30 },
            "the TTL of 60 s is not that of the other A records; all get the lowest, 30 s (RFC 2181 §5.2)",
        ),
        (
            Problem::DottedTarget { text: "www.b".into(), name: "www.b.a.".into() },
            "`www.b` is read as `www.b.a.`, which is not there; a full name ends in a dot: `www.b.`",
        ),
        (
            Problem::OwnerHasZone { text: "www.a".into(), name: "www.a.a.".into() },
            "`www.a` is read as `www.a.a.`; a full name ends in a dot: `www.a.`",
        ),
        (
            Problem::NameServerWithoutAddress { name: "ns.a.".into() },
            "the name server `ns.a.` is in the zone and has no address; add an A or AAAA record",
        ),
        (
            Problem::TargetIsCname { rtype: "MX".into(), name: "b.a.".into() },
            "MX must not lead to a CNAME, and `b.a.` is one; name its target (RFC 2181 §10.3)",
        ),
        (
            Problem::Occluded {
                what: "TXT".into(),
                name: "c.b.a.".into(),
                by: "delegation",
                at: "b.a.".into(),
            },
            "the TXT of `c.b.a.` is never answered, since the delegation at `b.a.` hides it; move it there or remove it",
        ),
    ];
    for (problem, sentence) in rows {
        assert_eq!(problem.to_string(), sentence, "{problem:?}");
    }
    let problem = rdata::Problem::Ipv4;
    assert_eq!(Problem::Rdata(problem.clone()).to_string(), problem.to_string());
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let mistake = |at| ConfigError {
        file: PathBuf::from("zones/a.yaml"),
        at,
        severity: Severity::Error,
        problem: Problem::NoBackends,
    };
    let at = Location { line: 14, column: 11, width: 3 };
    let sentence = "zones/a.yaml:14:11: a pool needs at least one backend";
    assert_eq!(mistake(at).to_string(), sentence);
    let sentence = "zones/a.yaml: a pool needs at least one backend";
    assert_eq!(mistake(Location::WHOLE_FILE).to_string(), sentence);
}

#[test]
fn mistakes_are_told_in_order_once_and_not_without_end() {
    let at = |line| Span { start: 0, end: 0, line, column: 1, file: 0 };
    let mut mistakes = Mistakes::new(Path::new("a.yaml"), "");
    for line in [2, 1, 2] {
        mistakes.add(at(line), Problem::NoBackends);
    }
    let lines: Vec<_> = mistakes.finish().iter().map(|mistake| mistake.at.line).collect();
    assert_eq!(lines, [1, 2]);

    let mut mistakes = Mistakes::new(Path::new("a.yaml"), "");
    (1..=2 * MISTAKES_MAX as u32).for_each(|line| mistakes.add(at(line), Problem::NoBackends));
    let found = mistakes.finish();
    assert_eq!(found.len(), MISTAKES_MAX + 1);
    let last = found.last().map(|mistake| mistake.problem.clone());
    assert_eq!(last, Some(Problem::TooManyMistakes { most: MISTAKES_MAX }));
}

#[test]
fn warnings_without_end_hide_no_error_and_are_none() {
    let warning = || Problem::UnusedPool { name: "a".into() };
    let at = |line| Span { start: 0, end: 0, line, column: 1, file: 0 };
    let mut mistakes = Mistakes::new(Path::new("a.yaml"), "");
    (1..=2 * MISTAKES_MAX as u32).for_each(|line| mistakes.add(at(line), warning()));
    assert!(!mistakes.is_full());
    let found = mistakes.finish();
    assert_eq!(found.len(), MISTAKES_MAX + 1);
    assert!(found.iter().all(|mistake| mistake.severity == Severity::Warning));
    let last = found.last().map(|mistake| mistake.problem.clone());
    assert_eq!(last, Some(Problem::TooManyWarnings { most: MISTAKES_MAX }));

    let mut mistakes = Mistakes::new(Path::new("a.yaml"), "");
    (1..=2 * MISTAKES_MAX as u32).for_each(|line| mistakes.add(at(line), warning()));
    mistakes.add(at(9999), Problem::NoBackends);
    let errors: Vec<_> = mistakes
        .finish()
        .into_iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| mistake.problem)
        .collect();
    assert_eq!(errors, [Problem::NoBackends]);
}
