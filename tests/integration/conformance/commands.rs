//! The commands of docs/conformance.md, in its order.

/// A part of the page.
pub(super) struct Part {
    pub title: &'static str,
    /// The Debian package, and the command that it must bring.
    pub package: &'static str,
    pub command: &'static str,
    pub runs: &'static [Run],
}

pub(super) struct Run {
    /// What the command is for.
    pub why: &'static str,
    /// As a shell takes it; ports are those of the page.
    pub line: &'static str,
}

const fn run(why: &'static str, line: &'static str) -> Run {
    Run { why, line }
}

pub(super) const PARTS: [Part; 6] = [
    Part {
        title: "dig",
        package: "bind9-dnsutils",
        command: "dig",
        runs: &[
            run("An answer.", "dig @127.0.0.1 -p 5300 +norec www.example.net A"),
            run(
                "Nothing there, over TCP and with DO.",
                "dig @127.0.0.1 -p 5300 +norec +tcp +dnssec gone.example.net MX",
            ),
            run("A referral.", "dig @127.0.0.1 -p 5300 +norec host.sub.example.net A"),
            run(
                "Cookies, NSID, and a client's subnet.",
                "dig @127.0.0.1 -p 5300 +norec +nsid +subnet=192.0.2.0/24 example.net SOA",
            ),
            run(
                "A version of EDNS that nobody knows.",
                "dig @127.0.0.1 -p 5300 +norec +edns=1 +noednsnegotiation example.net SOA",
            ),
            run("A name that is not ours.", "dig @127.0.0.1 -p 5300 +norec example.org A"),
            run(
                "Who is there.",
                "dig @127.0.0.1 -p 5300 +short version.bind CH TXT id.server CH TXT",
            ),
            run(
                "A transfer, with a key and without.",
                "dig @127.0.0.1 -p 5300 +noall +answer -y hmac-sha256:transfer.example:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= example.net AXFR >transferred && wc -l <transferred; dig @127.0.0.1 -p 5300 example.net AXFR",
            ),
        ],
    },
    Part {
        title: "kdig",
        package: "knot-dnsutils",
        command: "kdig",
        runs: &[
            run(
                "Over TLS, the certificate checked, with padding.",
                "kdig @127.0.0.1 -p 8530 +norec +tls-ca=keys/ca.pem +tls-hostname=ns1.example.net +padding www.example.net A",
            ),
            run(
                "Cookies and NSID.",
                "kdig @127.0.0.1 -p 5300 +norec +cookie=0123456789abcdef +nsid nothing.ca.example.net AAAA",
            ),
            run(
                "What has changed since this version: nothing.",
                "kdig @127.0.0.1 -p 5300 +nostats -y hmac-sha256:transfer.example:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= example.net IXFR=2026112001 | grep -v TSIG",
            ),
        ],
    },
    Part {
        title: "ldns: drill, ldns-read-zone, ldns-compare-zones, ldns-notify",
        package: "ldnsutils",
        command: "drill",
        runs: &[
            run("An answer.", "drill -p 5300 @127.0.0.1 -b 1232 mail.example.net A"),
            run(
                "The zone that dig has transferred, read and sorted, and compared with the file.",
                "ldns-read-zone -z transferred | head -4; ldns-compare-zones -s -a zones/example.net.zone transferred",
            ),
            run(
                "A NOTIFY for a zone that is nobody's secondary here.",
                "ldns-notify -p 5300 -r 1 -z example.net 127.0.0.1 | grep rcode",
            ),
        ],
    },
    Part {
        title: "dnspython",
        package: "python3-dnspython",
        command: "python3",
        runs: &[
            run(
                "A transfer with a key, compared with the file.",
                "python3 - <<'PYTHON'
import dns.query, dns.tsigkeyring, dns.zone

keys = dns.tsigkeyring.from_text({\"transfer.example\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"})
messages = dns.query.xfr(\"127.0.0.1\", \"example.net\", port=5300, keyring=keys, keyalgorithm=\"hmac-sha256\")
zone = dns.zone.from_xfr(messages)
print(zone == dns.zone.from_file(\"zones/example.net.zone\", \"example.net\"))
PYTHON",
            ),
            run(
                "Messages read to the last byte, over UDP, TCP and TLS.",
                "python3 - <<'PYTHON'
import ssl
import dns.message, dns.query, dns.rcode

tls = ssl.create_default_context(cafile=\"keys/ca.pem\")
for name, rtype in [(\"www.example.net\", \"A\"), (\"any.blog.example.net\", \"A\"), (\"gone.example.net\", \"TXT\"), (\"sub.example.net\", \"NS\")]:
    query = dns.message.make_query(name, rtype, use_edns=0, want_dnssec=True)
    udp = dns.query.udp(query, \"127.0.0.1\", port=5300, raise_on_truncation=True)
    tcp = dns.query.tcp(query, \"127.0.0.1\", port=5300)
    secure = dns.query.tls(query, \"127.0.0.1\", port=8530, ssl_context=tls, server_hostname=\"ns1.example.net\")
    print(name, rtype, dns.rcode.to_text(udp.rcode()), [len(section) for section in udp.sections], udp == tcp == secure)
PYTHON",
            ),
        ],
    },
    Part {
        title: "dnsviz",
        package: "dnsviz",
        command: "dnsviz",
        runs: &[run(
            "A look from the root (another RotaDNS, with a root zone) down to a zone; what it has to complain of is nothing.",
            "dnsviz probe -4 -A -a . -x .:a.root=127.0.0.1:5301 -x dnsviz.example:ns.dnsviz.example=127.0.0.1:5300 -o probe.json www.dnsviz.example && dnsviz grok -l warning -r probe.json",
        )],
    },
    Part {
        title: "nsupdate",
        package: "bind9-dnsutils",
        command: "nsupdate",
        runs: &[
            run(
                "An update with a key, and what it has changed.",
                "nsupdate -y hmac-sha256:transfer.example:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= <<'UPDATE'
server 127.0.0.1 5300
zone example.net
prereq nxdomain new.example.net
update add new.example.net 300 A 192.0.2.99
send
UPDATE
dig @127.0.0.1 -p 5300 +short new.example.net A",
            ),
            run(
                "A prerequisite that does not hold, and an update without a key.",
                "nsupdate -y hmac-sha256:transfer.example:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= <<'UPDATE'
server 127.0.0.1 5300
zone example.net
prereq nxdomain new.example.net
update delete new.example.net A
send
UPDATE
nsupdate <<'UPDATE'
server 127.0.0.1 5300
zone example.net
update delete new.example.net A
send
UPDATE",
            ),
        ],
    },
];
