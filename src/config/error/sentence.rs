//! The sentence of each problem: what is wrong, then what would be right. One line, no full stop.

use std::fmt;

use super::Problem;
use crate::config::hidden::hidden;
use crate::rdata::{self, print_duration};

/// The longest piece of a written text that a sentence repeats, in characters.
const QUOTED_MAX: usize = 60;

impl fmt::Display for Problem {
    #[expect(clippy::too_many_lines, reason = "one row per problem, in the order of the enum")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { detail } => write!(f, "cannot be read: {detail}"),
            Self::NotUtf8 => f.write_str("is not UTF-8, which YAML is written in"),
            Self::TooLarge { most } => write!(f, "is larger than {most} bytes; split the zone"),
            Self::TooManyFiles { most } => {
                write!(f, "has more than {most} zone files; use several folders")
            }
            Self::NoZoneFiles => f.write_str(
                "has no zone file; one is named after its zone, such as `example.com.yaml`",
            ),
            Self::ZoneTwice { zone, other } => {
                write!(f, "the zone `{zone}` stands in `{other}` already; remove one of the two")
            }
            Self::FileName { name } => write!(
                f,
                "`{}` is no zone's name; a zone file is called such as `example.com.yaml`",
                Quoted(name)
            ),
            Self::TooManyMistakes { most } => {
                write!(f, "has more than {most} mistakes; mend these first")
            }
            Self::TooManyWarnings { most } => {
                write!(f, "has more than {most} warnings; look at these first")
            }

            Self::Syntax { detail } => write!(f, "this is not YAML: {}", Quoted(detail)),
            Self::NeedsQuotes { letter } => write!(
                f,
                "what begins with `{letter}` must stand in quotes, as in `\"{letter}\"`; to YAML it means something else"
            ),
            Self::Tab => f.write_str("indent with spaces; YAML takes no tabs there"),
            Self::OpenQuote => f.write_str("this quote is not closed"),
            Self::EmptyFile => f.write_str("is empty; a zone file begins with `zone: NAME`"),
            Self::TooDeep { most } => write!(f, "more than {most} lists and maps inside one another"),
            Self::TooManyNodes { most } => write!(f, "more than {most} values; split the zone"),
            Self::TooManyAliased { most } => {
                write!(f, "aliases repeat more than {most} values; write them out")
            }
            Self::AliasInside => f.write_str("this alias stands inside its own anchor"),
            Self::DuplicateKey { key, first } => {
                write!(f, "`{}` stands in line {first} already; join the two", Quoted(key))
            }
            Self::MergeKey => f.write_str(
                "`<<` is not part of YAML 1.2; write the keys out, or give the whole value by an alias",
            ),
            Self::KeyNotScalar => f.write_str("a key is a single value; lists and maps cannot be keys"),
            Self::Tag { tag } => write!(f, "the tag `{}` means nothing here; remove it", Quoted(tag)),
            Self::SecondDocument => {
                f.write_str("a second document begins here; a file has one, so remove the `---`")
            }

            Self::NotNative { misspelt: None } => f.write_str(
                "no `zone: NAME` at the top level, and no records with a `type` as octoDNS has them; a zone file says whose it is",
            ),
            Self::NotNative { misspelt: Some(key) } => write!(
                f,
                "no `zone: NAME` at the top level; did you mean `zone` by `{}`?",
                Quoted(key)
            ),
            Self::OctoDns(problem) => problem.fmt(f),
            Self::Expected { what, found } => write!(f, "expected {what}, found {found}"),
            Self::UnknownKey { place, key, near, known } => {
                write!(f, "{place} has no key `{}`{}", Quoted(key), or_known(*near, known, "it has"))
            }
            Self::MissingKey { place, key } => write!(f, "{place} needs `{key}`"),

            Self::BadDuration { text } => {
                write!(f, "`{}` is not a duration", Quoted(text))?;
                match rdata::nearest_duration(text) {
                    Some(near) => write!(f, "; did you mean `{near}`?"),
                    None => f.write_str(", such as `10s`, `500ms`, `1m30s` or `1h`"),
                }
            }
            Self::BadTtl { text } => {
                write!(f, "`{}` is not a TTL: whole seconds up to 2147483647, such as `300` or `1h`", Quoted(text))
            }
            Self::BadSpan { what, text, least, most } => write!(
                f,
                "{what} of `{}` is out of range; it is from {} to {}",
                Quoted(text),
                print_duration(*least),
                print_duration(*most)
            ),
            Self::BadNumber { what, text, least, most } => {
                write!(f, "`{}` is not {what}: a whole number from {least} to {most}", Quoted(text))
            }
            Self::BadAddress { text } => write!(
                f,
                "`{}` is not an address, such as `192.0.2.1` or `\"2001:db8::1\"`",
                Quoted(text)
            ),
            Self::BadSubnet { text } => write!(
                f,
                "`{}` is not a subnet, such as `10.0.0.0/8` or `\"2001:db8::/32\"`: an address and the length of its \
                 prefix, with no bits set past it",
                Quoted(text)
            ),
            Self::BadSocket { text, port } => write!(
                f,
                "`{}` is not an address and a port, such as `127.0.0.1:{port}` or `\"[::1]:{port}\"`",
                Quoted(text)
            ),
            Self::TwoLogs => {
                f.write_str("the query log goes to one of `socket` and `file`; give one of them")
            }
            Self::AdminExposed { address, missing } => write!(
                f,
                "`{address}` can be reached from beyond this machine, so the admin API needs {missing} (`rotadns \
                 keygen` makes them); or listen on a loopback address"
            ),
            Self::BadShare { text } => write!(
                f,
                "`{}` is not a share: from 0 to 1 with at most three decimals, such as `0.5`",
                Quoted(text)
            ),
            Self::UnknownPlace { what, text, near } => {
                write!(f, "there is no {what} `{}`; ", Quoted(text))?;
                match near {
                    Some(near) => write!(f, "did you mean `{near}`?"),
                    None if *what == "country" => f.write_str(
                        "write its code of two capitals in ISO 3166-1, such as `NO`",
                    ),
                    None => f.write_str("it is one of `AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`"),
                }
            }
            Self::UnknownSubdivision { text, country, near } => {
                let country = Quoted(country);
                write!(f, "{country} has no subdivision `{}`; ", Quoted(text))?;
                match near {
                    Some(near) => write!(f, "did you mean `{country}-{near}`?"),
                    None => f.write_str("ISO 3166-2 has those that there are"),
                }
            }
            Self::BadRegion { text } => write!(
                f,
                "`{}` is not a region: a subdivision in ISO 3166-2 such as `US-KY`, or a name of your own of letters, \
                 digits, `-`, `_` and `.`",
                Quoted(text)
            ),
            Self::BadLocation { text } => write!(
                f,
                "`{}` is not a location: latitude from -90 to 90 and longitude from -180 to 180, such as `[50.1, 8.7]`",
                Quoted(text)
            ),
            Self::BadName { text, error } => write!(f, "`{}` is not a name: {error}", Quoted(text)),
            Self::BadChoice { what, text, near, known } => {
                write!(f, "`{}` is not {what}{}", Quoted(text), or_known(*near, known, "it is one of"))
            }
            Self::BadStatus { text } => write!(
                f,
                "`{}` is not a status: a code from 100 to 599 or a range, such as `200` or `200-299`",
                Quoted(text)
            ),
            Self::BadPath { text } => write!(
                f,
                "`{}` is not a path: it begins with `/`, and what is not for URLs is written such as `%20`",
                Quoted(text)
            ),
            Self::BadHost { text } => write!(
                f,
                "`{}` is not a host: a name or an address, perhaps with a port, such as `a.example:8080` or `\"[::1]\"`",
                Quoted(text)
            ),
            Self::BadServerName { text } => write!(
                f,
                "`{}` is not a name that TLS can ask for, such as `www.example.com`",
                Quoted(text)
            ),
            Self::BadHeader { text } => write!(
                f,
                "`{}` is not a header field: the name is letters, digits and `-`, the value one line",
                Quoted(text)
            ),
            Self::SaidTooLong { what, most } => {
                write!(f, "{what} is longer than {most} bytes; shorten it")
            }
            Self::EmptyText { what } => write!(f, "{what} cannot be empty; remove it if none is meant"),
            Self::BadProberName { text } => write!(
                f,
                "`{}` is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not `inside`",
                Quoted(text)
            ),
            Self::SlashInName { text } => write!(
                f,
                "`{}` has a `/`, which stands between the names of zone, pool and backend; write it without, such as `{}`",
                Quoted(text),
                Quoted(&text.replace('/', "-"))
            ),
            Self::BadServer { text } => write!(
                f,
                "`{}` is not a server, such as `https://192.0.2.53:8053`, `http://127.0.0.1:8053` or `unix:/run/rotadns/admin`",
                Quoted(text)
            ),
            Self::PlainServer { text } => write!(
                f,
                "`{}` would carry the token in the clear; beyond this machine it is `https://`",
                Quoted(text)
            ),
            Self::BadEscape { text } => write!(
                f,
                "`{}` has a `\\` that is no escape; those are `\\n`, `\\r`, `\\t`, `\\0`, `\\x41` and `\\\\`",
                Quoted(text)
            ),
            Self::BadProgram { text } => write!(
                f,
                "`{}` is not a program: give its absolute path, without `..`, as the first of a list; there is no shell",
                Quoted(text)
            ),
            Self::BadEnvironment { text } => write!(
                f,
                "`{}` is not a variable: its name has no `=`, and neither name nor value a NUL",
                Quoted(text)
            ),
            Self::BadUser { text } => write!(
                f,
                "`{}` is not a user: give a name, such as `rotadns`, or with a group, such as `rotadns:dns`",
                Quoted(text)
            ),
            Self::NotAllowed(refusal) => write!(f, "{refusal}"),
            Self::CaWithoutTls => f.write_str("`ca` has no use without `https://`; remove it"),
            Self::ValueTwice { text } => {
                write!(f, "`{}` stands here twice; remove one of the two", Quoted(text))
            }
            Self::TooManyServers { most } => {
                write!(f, "a prober feeds at most {most} servers; start a second one for the others")
            }
            Self::TooManyProbers { most } => {
                write!(f, "a server listens to at most {most} probers beside; remove some")
            }
            Self::TooManyHeaders { most } => {
                write!(f, "a check has at most {most} header fields; remove some")
            }
            Self::TooManyEntries { most } => {
                write!(f, "there are more than {most} entries here; remove some")
            }
            Self::BadPrefix { text } => write!(
                f,
                "`{}` is not a prefix, such as `192.0.2.0/24`, `2001:db8::/32` or an address; bits past its length are 0",
                Quoted(text)
            ),
            Self::BadSecret => f.write_str(
                "this is no secret: base 64 of at least 16 bytes, such as `openssl rand -base64 32` makes",
            ),
            Self::TwoSecrets => {
                f.write_str("a key has `secret` or `secret_file`; remove one of the two")
            }
            Self::NotifyOverTls => f.write_str(
                "a notify is sent in the clear, and signed where there is a `key`; remove `tls`",
            ),
            Self::UnknownKeyName { name } => {
                write!(f, "no key is called `{}`; add it under `keys`", Quoted(name))
            }

            Self::NoKind { kinds } => write!(f, "a check needs one of {kinds}"),
            Self::TwoKinds { kinds } => {
                write!(f, "a check is of one kind, and this has {kinds}; make it two checks")
            }
            Self::TimeoutTooLong { timeout, interval } => write!(
                f,
                "the timeout of {} is longer than the interval of {}; make it at most as long",
                print_duration(*timeout),
                print_duration(*interval)
            ),
            Self::FastIntervalTooLong { fast, interval } => write!(
                f,
                "the fast interval of {} is longer than the interval of {}; make it at most as long",
                print_duration(*fast),
                print_duration(*interval)
            ),
            Self::MissingCa { path } => write!(
                f,
                "there is no file `{}`; a path is relative to the zone file",
                path.display()
            ),
            Self::NotBuilt { kind, feature } => write!(
                f,
                "this rotadns was built without `{kind}`; build it with the feature `{feature}`"
            ),
            Self::PasswordInFile => f.write_str(
                "a password has no place in a zone file; name a file with `password_file`, or a variable with `password_env`",
            ),
            Self::TwoPasswords => f.write_str(
                "a login has `password_file` or `password_env`; remove one of the two",
            ),
            Self::UserWithoutPassword => f.write_str(
                "a user without a password cannot log in; add `password_file` or `password_env`",
            ),
            Self::BadVariable { text } => {
                write!(f, "`{}` is not the name of a variable, such as `DB_PASSWORD`", Quoted(text))
            }
            Self::ControlCharacters { what } => {
                write!(f, "{what} cannot have control characters; remove them")
            }
            Self::CaWithoutVerify => {
                f.write_str("`ca` has no use with `verify: false`; remove one of the two")
            }
            Self::UnknownCheck { name, near } => write!(
                f,
                "no check is called `{}`{}",
                Quoted(name),
                or_add(near.as_deref(), "add it under `checks`")
            ),
            Self::UnusedCheck { name } => {
                write!(f, "no pool uses the check `{}`; use it or remove it", Quoted(name))
            }
            Self::NoParts => f.write_str("no checks; give at least one, by its name or as a map"),
            Self::TooManyParts { most } => {
                write!(f, "a check may be made of {most} others at most, those within them counted; leave some out")
            }
            Self::ChecksTooDeep { most } => {
                write!(f, "checks may stand within checks {most} deep at most; name the inner ones directly")
            }
            Self::CheckLoop { checks } => {
                write!(f, "the checks are made of each other: {}; end it at one of them", checks.join(" → "))
            }
            Self::PushWithin => f.write_str(
                "a check by `push` cannot be part of another, as nobody asks for it; have the backend's reports say all, or leave it out",
            ),
            Self::BadPointer { text } => write!(
                f,
                "`{}` is not a JSON pointer, such as `/load` or `/system/cpu`",
                Quoted(text)
            ),
            Self::LoadPlace => f.write_str("`load` is in one place; give it `header` or `json`"),
            Self::FlapThresholds { suppress, reuse } => write!(
                f,
                "`reuse` of {reuse} is not below `suppress` of {suppress}, so a hold would never begin or never end; \
                 make it smaller"
            ),
            Self::FlapNeverHolds { suppress } => write!(
                f,
                "the penalty never comes to more than `suppress` of {suppress}, as it decays to `reuse` within \
                 `hold_max`; make `hold_max` longer or `half_life` shorter"
            ),

            Self::UnknownPool { name, near } => write!(
                f,
                "no pool is called `{}`{}",
                Quoted(name),
                or_add(near.as_deref(), "add it under `pools`")
            ),
            Self::UnusedPool { name } => {
                write!(f, "no record uses the pool `{}`; use it or remove it", Quoted(name))
            }
            Self::PoolNameTaken { name, first } => write!(
                f,
                "an inline pool is named after its record, and line {first} has a pool `{}`; use that one or rename it",
                Quoted(name)
            ),
            Self::NoBackends => f.write_str("a pool needs at least one backend"),
            Self::NoAddresses { backend } => {
                write!(f, "the backend `{}` needs at least one address", Quoted(backend))
            }
            Self::NoAddressOrTarget => f.write_str(
                "a backend needs `address`, or `target` where a name is handed out",
            ),
            Self::MixedBackends => f.write_str(
                "the backends of a pool are all addresses or all targets; make it two pools",
            ),
            Self::ManyProbes => {
                f.write_str("a target is probed at one address; give the others targets of their own")
            }
            Self::TargetWithoutProbe { backend } => write!(
                f,
                "the pool has a check, and nothing says what it probes for `{}`; add `address`, which is probed and \
                 not handed out",
                Quoted(backend)
            ),
            Self::ProbeWithoutCheck { backend } => write!(
                f,
                "the address beside the target `{}` is for a check, and the pool has none; add `check` or remove \
                 the address",
                Quoted(backend)
            ),
            Self::CheckAddresses { count: 0 | 1 } => {
                f.write_str("a backend of one address is probed at one; give one")
            }
            Self::CheckAddresses { count } => write!(
                f,
                "`check_address` is one that stands for all addresses of the backend, or one for each of its {count} in \
                 their order"
            ),
            Self::CheckSettingsUnused { key } => {
                write!(f, "`{key}` has no use without a check; add `check` to the backend or the pool")
            }
            Self::CheckWithoutPort => {
                f.write_str("the check asks at no port; remove `check_port`")
            }
            Self::DuplicateTarget { target, first } => write!(
                f,
                "the pool has the target {target} in line {first} already; a weight makes its share larger"
            ),
            Self::FallbackOfOtherKind { pool, fallback } => write!(
                f,
                "of the pool `{}` and its fallback `{}` one has addresses and the other targets; make them alike",
                Quoted(pool),
                Quoted(fallback)
            ),
            Self::TooManyAddresses { most } => {
                write!(f, "a pool has at most {most} addresses; split it")
            }
            Self::DuplicateAddress { address, first } => write!(
                f,
                "the pool has {address} in line {first} already; a weight makes its share larger"
            ),
            Self::MinTtlTooLong { min_ttl, ttl } => {
                write!(f, "the min_ttl of {min_ttl} s is longer than the ttl of {ttl} s; make it at most as long")
            }
            Self::NoFallback => f.write_str("`when_all_down: fallback` needs `fallback: POOL`"),
            Self::FallbackUnused => {
                f.write_str("`fallback` has no use without `when_all_down: fallback`")
            }
            Self::HashUnused => f.write_str("`hash` has no use without `policy: hash`"),
            Self::SlowStartUnused { policy } => write!(
                f,
                "`slow_start` has no use with `policy: {policy}`, where weights do not choose; write `policy: weighted`"
            ),
            Self::BadFailback { text } => write!(
                f,
                "{text:?} is no time to go back to a better tier; write `at once`, `never`, or a duration such as `60s`"
            ),
            Self::PoolLoop { pools } => {
                write!(f, "the pools stand in each other in a circle: {}; end it at one of them", pools.join(" → "))
            }
            Self::PoolsTooDeep { pools, most } => write!(
                f,
                "more than {most} pools stand one within the other: {}; name the last ones at the first",
                pools.join(" → ")
            ),
            Self::PoolOfOtherKind { pool, inner } => write!(
                f,
                "of the pool `{}` and the pool `{}` within it one has addresses and the other targets; make them alike",
                Quoted(pool),
                Quoted(inner)
            ),
            Self::AddressInPools { pool, endpoint } => write!(
                f,
                "the pool `{}` has {endpoint} twice with the pools within it; a weight makes its share larger",
                Quoted(pool)
            ),
            Self::PoolsWithin { pool } => write!(
                f,
                "SRV is made of the pool `{}`, which has pools within; name a pool of addresses or targets",
                Quoted(pool)
            ),
            Self::FallbackLoop { pools } => {
                write!(f, "the pools fall back in a circle: {}; end it at one of them", pools.join(" → "))
            }
            Self::FallbackTooLong { pool, most } => write!(
                f,
                "the pool `{}` falls back through more than {most} others; end it at an earlier one",
                Quoted(pool)
            ),

            Self::PoolBesideRules { first } => write!(
                f,
                "line {first} says which pool is handed out already; put a pool for everybody else last in `rules`"
            ),
            Self::NoCatchAll => {
                f.write_str("the last rule is for everybody else: add one such as `{pool: POOL}`, which says no more")
            }
            Self::RuleForAll => f.write_str(
                "a rule before the last says whom it is for, such as `subnets: [10.0.0.0/8]` or `countries: [NO]`; else no later one is \
                 reached",
            ),
            Self::NowhereNear { backend } => write!(
                f,
                "nothing says where the backend `{}` is, and its pool has `policy: nearest`; give it a `location` such as \
                 `[59.9, 10.7]`, or a `region` such as `NO`",
                Quoted(backend)
            ),
            Self::TooManySites { pool, most } => write!(
                f,
                "the backends of the pool `{}` are at more than {most} places; with `policy: nearest` give those that are near each \
                 other the same `location` and `region`",
                Quoted(pool)
            ),
            Self::PrivateTarget => f.write_str(
                "a target has no private addresses; put `private` at a backend with `address`",
            ),
            Self::TooManyRules { most } => {
                write!(f, "a name has at most {most} rules; join those of one pool")
            }
            Self::TooManySubnets { most } => {
                write!(f, "the rules of a name have at most {most} subnets and places; join some of them")
            }
            Self::RulesOfBothKinds { pool, other } => write!(
                f,
                "of the pools `{}` and `{}` one has addresses and the other targets; one name answers from pools of \
                 one kind",
                Quoted(pool),
                Quoted(other)
            ),

            Self::NotOfPool { key, rtype } => write!(
                f,
                "`{key}` has no use for {rtype} here; A, AAAA and SRV take `pool` in place of values, HTTPS and SVCB \
                 `hints: pool` beside them"
            ),
            Self::TtlBesidePool => {
                f.write_str("what is made of a pool has the pool's TTL; set `ttl` there")
            }
            Self::ValuesBesidePool => {
                f.write_str("the values are made of the pool; remove one of the two")
            }
            Self::NoService { pool, backend, missing } => write!(
                f,
                "SRV needs the host and the port of each backend, and `{}` of the pool `{}` has no `{missing}`; add it",
                Quoted(backend),
                Quoted(pool)
            ),
            Self::HintsWithoutPool => f.write_str(
                "`hints: pool` are the addresses of the name's own pool, and it has none; add one, or name one beside \
                 by `pool: POOL`",
            ),
            Self::ShardsWithoutWildcard { name } => write!(
                f,
                "`shards` choose by the labels below a wildcard, and {name} is none; write it at `\"*.NAME\"`"
            ),
            Self::ShardsNotTransferred { name } => write!(
                f,
                "`{}` is shared out, which secondaries cannot do: its addresses are left out of what they get; have it answered by servers that read this file",
                Quoted(name)
            ),
            Self::ShardsOfOtherKind { key } => write!(
                f,
                "this is for the other way to share labels out, and here `{key}` says what the shards are; remove it"
            ),
            Self::NoShards => f.write_str("there are no shards; name one pool at least"),
            Self::TooManyShards { most } => {
                write!(f, "there are more than {most} shards; give some of them to one pool")
            }
            Self::LastShardHasBound => f.write_str(
                "the last shard has every label that is left; remove its `to`, or add a shard without one behind it",
            ),
            Self::ShardWithoutBound => f.write_str(
                "only the last shard has no bound; say with `to` up to which label this one goes",
            ),
            Self::BoundsDoNotRise { text, before } => write!(
                f,
                "`{}` leaves no label to this shard: the one before has all up to `{}` and what begins with it; put \
                 the bounds in rising order",
                Quoted(text),
                Quoted(before)
            ),
            Self::NotOneLabel { text } => write!(
                f,
                "`{}` is not one label, as stands between two dots; write one such as `g`",
                Quoted(text)
            ),
            Self::RoleWithoutPool => f.write_str(
                "`role` says which backends of a pool are meant, and there is no pool; add `pool: POOL`",
            ),
            Self::RoleWithoutCheck { pool } => write!(
                f,
                "nothing tells who is primary in the pool `{}`; give it a check that does, such as `postgres`",
                Quoted(pool)
            ),
            Self::RoleNeverTold { pool, check } => write!(
                f,
                "the pool `{}` is checked by `{check}`, which does not tell who is primary; take a check that does, \
                 such as `postgres`",
                Quoted(pool)
            ),
            Self::TargetsForAddresses { pool } => write!(
                f,
                "the pool `{}` has targets, where addresses are handed out; take a pool of addresses",
                Quoted(pool)
            ),
            Self::HintsOfAliasMode => f.write_str(
                "a record of priority 0 is an alias and has no hints; give it a set of its own at another name",
            ),
            Self::HintsByHand => {
                f.write_str("the hints are the pool's; remove `ipv4hint` and `ipv6hint` from the value")
            }

            Self::ZoneName { zone, file } => write!(
                f,
                "the file is named after the zone `{file}`, and this says `{zone}`; make them agree"
            ),
            Self::NoNameServers => {
                f.write_str("the zone has no name servers; add them, such as `ns: [ns1, ns2]`")
            }
            Self::NameServersTwice { first } => {
                write!(f, "`ns` in line {first} has the zone's name servers; add them there")
            }
            Self::OutOfZone { name, zone } => write!(
                f,
                "`{name}` is not in the zone `{zone}`; without its last dot it is relative to the zone"
            ),
            Self::OwnerTwice { name, first } => {
                write!(f, "the records of `{name}` stand in line {first} already; join the two")
            }
            Self::NoRecords { name } => {
                write!(f, "`{}` has no records; give it a pool or a type such as `A`", Quoted(name))
            }
            Self::NoValues => f.write_str("no values; give at least one or remove the type"),
            Self::UnknownType { text, near } => write!(
                f,
                "`{}` is not a record type{}",
                Quoted(text),
                or_add(*near, "a record has `pool`, `alias`, and types such as `A`, `MX` or `TYPE65280`")
            ),
            Self::SoaAmongRecords => f.write_str("SOA has a place of its own: `soa:` at the top level"),
            Self::Rdata(problem) => problem.fmt(f),
            Self::TextTooLong { most } => write!(f, "the text is longer than {most} bytes; shorten it"),
            Self::DuplicateRecord { first } => {
                write!(f, "the same record stands in line {first} already; remove one of the two")
            }
            Self::OnlyOne { rtype, name } => {
                write!(f, "`{name}` can have only one {rtype}; keep the one that is meant")
            }
            Self::CnameBesideOther { name, other } => write!(
                f,
                "a CNAME stands alone, and `{name}` also has {other}; remove one of the two"
            ),
            Self::TargetsAtApex { pool } => write!(
                f,
                "the pool `{}` has targets, for which the zone's own name cannot have a CNAME; give it addresses",
                Quoted(pool)
            ),
            Self::TargetsBesideOther { name, other } => write!(
                f,
                "the pool of `{name}` has targets and answers CNAME, which stands alone, and here is {other}; remove \
                 one of the two"
            ),
            Self::AddressBesidePool { rtype, name } => write!(
                f,
                "the pool of `{name}` answers {rtype}; add the address to the pool or remove it"
            ),
            Self::AliasBesideOther { name, other } => write!(
                f,
                "the alias of `{name}` answers A and AAAA, and the name also has {other}; remove one of the two"
            ),
            Self::CnameLoop { names } => {
                write!(f, "the CNAMEs lead in a circle: {}; end it at a name with an address", names.join(" → "))
            }
            Self::NameServersAtWildcard { name } => write!(
                f,
                "`{name}` cannot be delegated, since a wildcard's NS has no meaning; delegate each name"
            ),

            Self::Signed => f.write_str(
                "the zone is signed, as it has DNSKEY at its apex; it would be bogus here, since signed zones are not \
                 served with their proofs yet: remove its DS from the parent zone, then DNSKEY, RRSIG, NSEC, NSEC3 and \
                 NSEC3PARAM from this one",
            ),
            Self::Signatures => f.write_str(
                "RRSIG records prove nothing in a zone without DNSKEY, and no answer brings them along; remove them",
            ),
            Self::NoSoa { zone } => {
                write!(f, "the zone `{zone}` has no SOA; its first record is the SOA of `{zone}`")
            }
            Self::NoApexNs { zone } => {
                write!(f, "the zone `{zone}` has no name servers; add NS records at its apex")
            }
            Self::SoaBelowApex { name, zone } => write!(
                f,
                "`{name}` is not the apex of the zone `{zone}`; a zone of its own has a file of its own"
            ),

            Self::DifferentTtl { rtype, ttl, least } => write!(
                f,
                "the TTL of {ttl} s is not that of the other {rtype} records; all get the lowest, {least} s (RFC 2181 §5.2)"
            ),
            Self::DottedTarget { text, name } => write!(
                f,
                "`{}` is read as `{name}`, which is not there; a full name ends in a dot: `{}.`",
                Quoted(text),
                Quoted(text)
            ),
            Self::OwnerHasZone { text, name } => write!(
                f,
                "`{}` is read as `{name}`; a full name ends in a dot: `{}.`",
                Quoted(text),
                Quoted(text)
            ),
            Self::NameServerWithoutAddress { name } => write!(
                f,
                "the name server `{name}` is in the zone and has no address; add an A or AAAA record"
            ),
            Self::TargetIsCname { rtype, name } => write!(
                f,
                "{rtype} must not lead to a CNAME, and `{name}` is one; name its target (RFC 2181 §10.3)"
            ),
            Self::Occluded { what, name, by, at } => write!(
                f,
                "the {what} of `{name}` is never answered, since the {by} at `{at}` hides it; move it there or remove it"
            ),
        }
    }
}

/// A text from a file, cut where it is long; what would break the line is escaped.
struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = hidden(self.0);
        let mut letters = shown.chars();
        for letter in letters.by_ref().take(QUOTED_MAX) {
            if letter.is_control() {
                write!(f, "{}", letter.escape_default())?;
            } else {
                write!(f, "{letter}")?;
            }
        }
        if letters.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// The nearest word; where none is near, all that are known.
fn or_known(near: Option<&str>, known: &str, introduction: &str) -> String {
    match near {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; {introduction} {known}"),
    }
}

/// The nearest word; where none is near, what to do.
fn or_add(near: Option<&str>, advice: &str) -> String {
    match near {
        Some(near) => format!("; did you mean `{}`?", Quoted(near)),
        None => format!("; {advice}"),
    }
}
