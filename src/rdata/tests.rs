//! Every type in text and on the wire, and what two other implementations make of the same.

use domain::base::Name as DomainName;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{
    BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding,
};
use proptest::prelude::*;

mod tools;

use super::rtype::*;
use super::*;

/// Type, text, wire form, text as it is printed where that differs. The origin is `example.`.
#[rustfmt::skip]
pub(crate) const ROWS: &[(u16, &str, &[u8], &str)] = &[
    (A, "192.0.2.1", b"\xc0\x00\x02\x01", ""),
    (NS, "NS1", b"\x03NS1\x07example\0", "NS1.example."),
    (NS, "@", b"\x07example\0", "example."),
    (CNAME, "a\\.b.c\\100.", b"\x03a.b\x02cd\0", "a\\.b.cd."),
    (CNAME, ".", b"\0", ""),
    (SOA, "ns1 host 1 1h 15m 2w 300", b"\x03ns1\x07example\0\x04host\x07example\0\0\0\0\x01\0\0\x0e\x10\0\0\x03\x84\0\x12\x75\0\0\0\x01\x2c", "ns1.example. host.example. 1 3600 900 1209600 300"),
    (SOA, ". . 4294967295 ( 1\n2 3 ) 4", b"\0\0\xff\xff\xff\xff\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04", ". . 4294967295 1 2 3 4"),
    (MB, "a.", b"\x01a\0", ""),
    (MG, "a.", b"\x01a\0", ""),
    (MR, "a.", b"\x01a\0", ""),
    (MD, "a.", b"\x01a\0", ""),
    (MF, "a.", b"\x01a\0", ""),
    (NULL, "\\# 3 01FF 00", b"\x01\xff\0", "\\# 3 01FF00"),
    (NULL, "\\# 0", b"", ""),
    (PTR, "host.example.", b"\x04host\x07example\0", ""),
    (HINFO, "PC-Intel-700mhz \"Redhat Linux 7.1\"", b"\x0fPC-Intel-700mhz\x10Redhat Linux 7.1", "\"PC-Intel-700mhz\" \"Redhat Linux 7.1\""),
    (MINFO, "a. b.", b"\x01a\0\x01b\0", ""),
    (MX, "10 mail", b"\0\x0a\x04mail\x07example\0", "10 mail.example."),
    (MX, "0 .", b"\0\0\0", ""), // RFC 7505 §3
    (TXT, "\"v=spf1 -all\"", b"\x0bv=spf1 -all", ""),
    (TXT, "a b\\;c \"\" \"d\\\"\\\\\\007\"", b"\x01a\x03b;c\0\x04d\"\\\x07", "\"a\" \"b;c\" \"\" \"d\\\"\\\\\\007\""),
    (RP, "louie.trantor.umd.edu. .", b"\x05louie\x07trantor\x03umd\x03edu\0\0", ""),
    (AFSDB, "1 a.", b"\0\x01\x01a\0", ""),
    (X25, "\"311061700956\"", b"\x0c311061700956", ""),
    (ISDN, "\"150862028003217\" \"004\"", b"\x0f150862028003217\x03004", ""),
    (ISDN, "\"150862028003217\"", b"\x0f150862028003217", ""),
    (RT, "2 a.", b"\0\x02\x01a\0", ""),
    (PX, "50 a. b.", b"\0\x32\x01a\0\x01b\0", ""),
    (AAAA, "2001:DB8:0::1", b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "2001:db8::1"),
    (AAAA, "::ffff:192.0.2.1", b"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01", ""),
    // The example of RFC 1876 §4, with the sizes that §3 takes where they are left out.
    (LOC, "42 21 54 N 71 06 18 W -24m 30m", b"\0\x33\x16\x13\x89\x17\x2d\xd0\x70\xbe\x15\xf0\0\x98\x8d\x20", "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m"),
    (LOC, "52 N 0 0 0.001 E 0.5 1m 0.10m 0", b"\0\x12\x11\0\x8b\x28\x72\0\x80\0\0\x01\0\x98\x96\xb2", "52 0 0.000 N 0 0 0.001 E 0.50m 1m 0.10m 0m"),
    // RFC 1876 §4.
    (LOC, "42 21 28.764 N 71 00 51.617 W -44m 2000m", b"\0%\x16\x13\x89\x16\xcb<p\xc3\x10\xdf\0\x98\x85P", "42 21 28.764 N 71 0 51.617 W -44.00m 2000m 10000m 10m"),
    (LOC, "52 14 05 N 00 08 50 E 10m", b"\0\x12\x16\x13\x8b5V\xc8\x80\x08\x16P\0\x98\x9ah", "52 14 5.000 N 0 8 50.000 E 10.00m 1m 10000m 10m"),
    (LOC, "32 7 19 S 116 2 25 E 10m", b"\0\x12\x16\x13y\x1b}(\x98\xe6Hh\0\x98\x9ah", "32 7 19.000 S 116 2 25.000 E 10.00m 1m 10000m 10m"),
    (SRV, "0 5 8080 www", b"\0\0\0\x05\x1f\x90\x03www\x07example\0", "0 5 8080 www.example."),
    // RFC 3403 §6.2.
    (NAPTR, "100 50 \"a\" \"rtsps+N2L\" \"\" cidserver.", b"\0\x64\0\x32\x01a\x09rtsps+N2L\0\x09cidserver\0", ""),
    // RFC 3403 §6.1: a master file takes a backslash for itself.
    (NAPTR, "100 10 \"\" \"\" \"!^urn:cid:.+@([^\\\\.]+\\\\.)(.*)$!\\\\2!i\" .", b"\0d\0\x0a\0\0!!^urn:cid:.+@([^\\.]+\\.)(.*)$!\\2!i\0", ""),
    (NAPTR, "100 10 u sip+E2U !^.*$!sip:info@example.com!i .", b"\0d\0\x0a\x01u\x07sip+E2U\x1c!^.*$!sip:info@example.com!i\0", "100 10 \"u\" \"sip+E2U\" \"!^.*$!sip:info@example.com!i\" ."),
    (KX, "2 a.", b"\0\x02\x01a\0", ""),
    (CERT, "PGP 0 0 Zm9vYmFy", b"\0\x03\0\0\0foobar", "3 0 0 Zm9vYmFy"),
    (DNAME, "a.", b"\x01a\0", ""),
    (APL, "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8", b"\0\x01\x15\x03\xc0\xa8\x20\0\x01\x1c\x83\xc0\xa8\x26\0\x02\x08\x01\xff", ""), // RFC 3123 §5
    (APL, "1:0.0.0.0/0", b"\0\x01\0\0", ""),
    (APL, "", b"", ""),
    // RFC 4034 §5.4.
    (DS, "60485 RSASHA1 1 ( 2BB183AF5F22588179A5 3b0a98631fad1a292118 )", b"\xec\x45\x05\x01\x2b\xb1\x83\xaf\x5f\x22\x58\x81\x79\xa5\x3b\x0a\x98\x63\x1f\xad\x1a\x29\x21\x18", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"),
    // RFC 4255 §3.2.
    (SSHFP, "4 2 a87f1b687ac0e57d2a081a2f282672334d90ed316d2b818ca9580ea384d92401", b"\x04\x02\xa8\x7f\x1bhz\xc0\xe5}*\x08\x1a/(&r3M\x90\xed1m+\x81\x8c\xa9X\x0e\xa3\x84\xd9$\x01", "4 2 A87F1B687AC0E57D2A081A2F282672334D90ED316D2B818CA9580EA384D92401"), // RFC 7479 §4
    (SSHFP, "2 1 123456789abcdef67890123456789abcdef67890", b"\x02\x01\x12\x34\x56\x78\x9a\xbc\xde\xf6\x78\x90\x12\x34\x56\x78\x9a\xbc\xde\xf6\x78\x90", "2 1 123456789ABCDEF67890123456789ABCDEF67890"),
    // RFC 4025 §3.
    (IPSECKEY, "10 1 2 192.0.2.38 Zm9v", b"\x0a\x01\x02\xc0\0\x02\x26foo", ""),
    (IPSECKEY, "10 0 2 . Zm9v", b"\x0a\0\x02foo", ""),
    (IPSECKEY, "10 3 2 mygateway.example. Zm9v", b"\x0a\x03\x02\x09mygateway\x07example\0foo", ""),
    (IPSECKEY, "10 2 0 2001:db8::1", b"\x0a\x02\0\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", ""),
    // RFC 4034 §3.3, its signature cut.
    (RRSIG, "A 5 3 86400 20030322173103 20030220173103 2642 example. Zm9v", b"\0\x01\x05\x03\0\x01\x51\x80\x3e\x7c\x9d\xd7\x3e\x55\x10\xd7\x0a\x52\x07example\0foo", ""),
    (NSEC, "host A MX RRSIG NSEC TYPE1234", b"\x04host\x07example\0\0\x06\x40\x01\0\0\0\x03\x04\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x20", "host.example. A MX RRSIG NSEC TYPE1234"),
    (DNSKEY, "257 3 ECDSAP256SHA256 Zm9v\nYmE=", b"\x01\x01\x03\x0dfooba", "257 3 13 Zm9vYmE="),
    (DHCID, "Zm9v", b"foo", ""),
    (NSEC3, "1 1 12 aabbccdd CPNMUOJ1 NS SOA", b"\x01\x01\0\x0c\x04\xaa\xbb\xcc\xdd\x05fooba\0\x01\x22", "1 1 12 AABBCCDD CPNMUOJ1 NS SOA"),
    (NSEC, "\\000.a. RRSIG NSEC NXNAME", b"\x01\0\x01a\0\0\x11\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\x80", ""), // RFC 9824 §3.5
    (NSEC3, "1 0 0 - CPNMUOJ1", b"\x01\0\0\0\0\x05fooba", ""),
    (NSEC3PARAM, "1 0 0 -", b"\x01\0\0\0\0", ""),
    (NSEC3PARAM, "1 0 12 AABB", b"\x01\0\0\x0c\x02\xaa\xbb", ""),
    (TLSA, "3 1 1 ABCD", b"\x03\x01\x01\xab\xcd", ""),
    // RFC 6698 §2.3.
    (TLSA, "0 0 1 (\nd2abde240d7cd3ee6b4b28c54df034b9\n7983a1d16e8a410e4561cb106618e971 )", b"\0\0\x01\xd2\xab\xde$\x0d|\xd3\xeekK(\xc5M\xf04\xb9y\x83\xa1\xd1n\x8aA\x0eEa\xcb\x10f\x18\xe9q", "0 0 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971"),
    (SMIMEA, "3 1 1 ABCD", b"\x03\x01\x01\xab\xcd", ""),
    (HIP, "2 200100107B1A74DF365639CC39F1D578 Zm9v rvs.example.", b"\x10\x02\0\x03\x20\x01\0\x10\x7b\x1a\x74\xdf\x36\x56\x39\xcc\x39\xf1\xd5\x78foo\x03rvs\x07example\0", ""),
    (HIP, "2 20 Zm9v", b"\x01\x02\0\x03\x20foo", ""),
    (CDS, "0 0 0 00", b"\0\0\0\0\0", ""), // RFC 8078 §4
    (CDS, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", b"\xecE\x05\x01+\xb1\x83\xaf_\x22X\x81y\xa5;\x0a\x98c\x1f\xad\x1a)!\x18", ""),
    (CDNSKEY, "0 3 0 AA==", b"\0\0\x03\0\0", ""), // RFC 8078 §4
    (OPENPGPKEY, "Zm9v", b"foo", ""),
    (CSYNC, "66 3 A NS AAAA", b"\0\0\0\x42\0\x03\0\x04\x60\0\0\x08", ""), // RFC 7477 §2.1.2
    (ZONEMD, "2018031500 1 1 (\nFEBE3D4CE2EC2FFA 4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE )", b"\x78\x48\xb7\x8c\x01\x01\xfe\xbe\x3d\x4c\xe2\xec\x2f\xfa\x4b\xa9\x9d\x46\xcd\x69\xd6\xd2\x97\x11\xe5\x52\x17\x05\x7b\xee\x7e\xb1\xa7\xb6\x41\xa4\x7b\xa7\xfe\xd2\xdd\x5b\x97\xae\x49\x9f\xaf\xa4\xf2\x2c\x6b\xd6\x47\xde", "2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE"), // RFC 8976 §A.1
    // RFC 9460 Appendix D.
    (SVCB, "0 foo.example.com.", b"\0\0\x03foo\x07example\x03com\0", ""),
    (HTTPS, "0 foo.example.com.", b"\0\0\x03foo\x07example\x03com\0", ""),
    (HTTPS, "1 .", b"\0\x01\0", ""),
    (SVCB, "1 foo. ipv6hint=\"2001:db8:122:344::192.0.2.33\"", b"\0\x01\x03foo\0\0\x06\0\x10\x20\x01\x0d\xb8\x01\x22\x03D\0\0\0\0\xc0\0\x02!", "1 foo. ipv6hint=2001:db8:122:344::c000:221"),
    (SVCB, "16 foo. port=53", b"\0\x10\x03foo\0\0\x03\0\x02\0\x35", ""),
    (SVCB, "1 foo. key667=hello", b"\0\x01\x03foo\0\x02\x9b\0\x05hello", "1 foo. key667=\"hello\""),
    (SVCB, "1 foo. key667=\"hello\\210qoo\"", b"\0\x01\x03foo\0\x02\x9b\0\x09hello\xd2qoo", ""),
    (SVCB, "1 foo. ipv6hint=\"2001:db8::1,2001:db8::53:1\"", b"\0\x01\x03foo\0\0\x06\0\x20\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\x53\0\x01", "1 foo. ipv6hint=2001:db8::1,2001:db8::53:1"),
    (SVCB, "16 foo. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1", b"\0\x10\x03foo\0\0\0\0\x04\0\x01\0\x04\0\x01\0\x09\x02h2\x05h3-19\0\x04\0\x04\xc0\0\x02\x01", "16 foo. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"),
    (SVCB, "16 foo. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", b"\0\x10\x03foo\0\0\x01\0\x0c\x08f\\oo,bar\x02h2", ""),
    (SVCB, "16 foo. alpn=f\\\\\\092oo\\092,bar,h2", b"\0\x10\x03foo\0\0\x01\0\x0c\x08f\\oo,bar\x02h2", "16 foo. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""),
    (HTTPS, "1 . alpn=h3 no-default-alpn ech=Zm9v", b"\0\x01\0\0\x01\0\x03\x02h3\0\x02\0\0\0\x05\0\x03foo", "1 . alpn=\"h3\" no-default-alpn ech=Zm9v"),
    (SVCB, "1 . alpn=h2 dohpath=/dns-query{?dns} ohttp key65000", b"\0\x01\0\0\x01\0\x03\x02h2\0\x07\0\x10/dns-query{?dns}\0\x08\0\0\xfd\xe8\0\0", "1 . alpn=\"h2\" dohpath=\"/dns-query{?dns}\" ohttp key65000"),
    (SPF, "\"v=spf1\"", b"\x06v=spf1", ""),
    (NID, "10 0014:4fff:ff20:ee64", b"\0\x0a\0\x14\x4f\xff\xff\x20\xee\x64", ""), // RFC 6742 §2.1.3
    (NID, "10 14:4fff:FF20:0", b"\0\x0a\0\x14\x4f\xff\xff\x20\0\0", "10 0014:4fff:ff20:0000"),
    (L32, "10 10.1.2.0", b"\0\x0a\x0a\x01\x02\0", ""),
    (L64, "10 2001:0DB8:1140:1000", b"\0\x0a\x20\x01\x0d\xb8\x11\x40\x10\0", "10 2001:0db8:1140:1000"),
    (LP, "10 a.", b"\0\x0a\x01a\0", ""),
    (EUI48, "00-00-5e-00-53-2a", b"\0\0\x5e\0\x53\x2a", ""), // RFC 7043 §3.2
    (EUI64, "00-00-5e-ef-10-00-00-2a", b"\0\0\x5e\xef\x10\0\0\x2a", ""),
    (URI, "10 1 \"ftp://ftp1.example.com/public\"", b"\0\x0a\0\x01ftp://ftp1.example.com/public", ""),
    (URI, "10 1 \"https://example.com/a\\\"b\"", b"\0\x0a\0\x01https://example.com/a\x22b", ""),
    (CAA, "0 issue \"ca.example.net; policy=ev\"", b"\0\x05issueca.example.net; policy=ev", ""), // RFC 8659 §4.2
    (CAA, "0 issue \";\"", b"\0\x05issue;", ""),
    (CAA, "0 issuewild \"\"", b"\0\x09issuewild", ""),
    (CAA, "128 Iodef mailto:security@example.com", b"\x80\x05Iodefmailto:security@example.com", "128 Iodef \"mailto:security@example.com\""),
    (CAA, "128 tbs Unknown", b"\x80\x03tbsUnknown", "128 tbs \"Unknown\""),
    (AMTRELAY, "10 0 1 203.0.113.15", b"\x0a\x01\xcb\0\x71\x0f", ""), // RFC 8777 §4.3.1
    (AMTRELAY, "10 1 3 amtrelays.example.", b"\x0a\x83\x09amtrelays\x07example\0", ""),
    (AMTRELAY, "128 1 0 .", b"\x80\x80", ""),
    (RESINFO, "qnamemin exterr=15-17", b"\x08qnamemin\x0cexterr=15-17", "\"qnamemin\" \"exterr=15-17\""),
    // RFC 1035 §3.4.2: the 26th bit is SMTP's.
    (WKS, "10.0.0.1 TCP ftp smtp 37", b"\x0a\0\0\x01\x06\0\0\x04\x40\x04", "10.0.0.1 6 21 25 37"),
    (WKS, "10.0.0.1 17", b"\x0a\0\0\x01\x11", ""),
    // RFC 1706 §7.
    (NSAP, "0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00", b"\x47\0\x05\x80\0\x5a\0\0\0\0\x01\xe1\x33\xff\xff\xff\0\x01\x61\0", "0x47000580005a0000000001e133ffffff00016100"),
    (NSAP_PTR, "Foo", b"\x03Foo\x07example\0", "Foo.example."),
    (SIG, "A 5 3 86400 20030322173103 20030220173103 2642 example. Zm9v", b"\0\x01\x05\x03\0\x01\x51\x80\x3e\x7c\x9d\xd7\x3e\x55\x10\xd7\x0a\x52\x07example\0foo", ""),
    (KEY, "512 255 RSASHA1 Zm9v", b"\x02\0\xff\x05foo", "512 255 5 Zm9v"),
    (KEY, "49152 3 0", b"\xc0\0\x03\0", ""), // RFC 2535 §3.1.2: no key
    (GPOS, "-32.6882 116.8652 10.0", b"\x08-32.6882\x08116.8652\x0410.0", "\"-32.6882\" \"116.8652\" \"10.0\""), // RFC 1712 §5
    (EID, "0A0B", b"\x0a\x0b", ""),
    (NIMLOC, "0A 0B", b"\x0a\x0b", "0A0B"),
    (ATMA, "39.246f.00", b"\0\x39\x24\x6f\0", "39246f00"),
    (ATMA, "+61200000000", b"\x0161200000000", ""),
    (SINK, "8 0 2 Zm9v", b"\x08\0\x02foo", ""),
    (NINFO, "\"a\" \"b\"", b"\x01a\x01b", ""),
    (RKEY, "0 3 8 Zm9v", b"\0\0\x03\x08foo", ""),
    (TALINK, ". a.", b"\0\x01a\0", ""),
    (DSYNC, "CDS NOTIFY 5359 cds-scanner.example.net.", b"\0\x3b\x01\x14\xef\x0bcds-scanner\x07example\x03net\0", ""), // RFC 9859 §4.1
    (DSYNC, "CSYNC 7 0 .", b"\0\x3e\x07\0\0\0", ""),
    (HHIT, "Zm9v", b"foo", ""),
    (BRID, "Zm9v", b"foo", ""),
    (AVC, "\"app-name:WOLFGANG|app-class:OAM|business=yes\"", b"\x2capp-name:WOLFGANG|app-class:OAM|business=yes", ""),
    (DOA, "0 1 2 text/html Zm9v", b"\0\0\0\0\0\0\0\x01\x02\x09text/htmlfoo", "0 1 2 \"text/html\" Zm9v"),
    (DOA, "0 1 2 \"\" -", b"\0\0\0\0\0\0\0\x01\x02\0", ""),
    (WALLET, "\"BTC\" \"1BoatSLRHtKNngkdXEeobR76b53LETtpyT\"", b"\x03BTC\x221BoatSLRHtKNngkdXEeobR76b53LETtpyT", ""),
    (CLA, "\"TCP-v4-v6\"", b"\x09TCP-v4-v6", ""),
    (IPN, "18446744073709551615", b"\xff\xff\xff\xff\xff\xff\xff\xff", ""),
    (TA, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", b"\xec\x45\x05\x01\x2b\xb1\x83\xaf\x5f\x22\x58\x81\x79\xa5\x3b\x0a\x98\x63\x1f\xad\x1a\x29\x21\x18", ""),
    (DLV, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", b"\xec\x45\x05\x01\x2b\xb1\x83\xaf\x5f\x22\x58\x81\x79\xa5\x3b\x0a\x98\x63\x1f\xad\x1a\x29\x21\x18", ""), // RFC 4431 §2
    // RFC 3597 §5.
    (731, "\\# 6 abcdef ( 01 23\n45 )", b"\xab\xcd\xef\x01\x23\x45", "\\# 6 ABCDEF012345"),
    (A, "\\# 4 0A000001", b"\x0a\0\0\x01", "10.0.0.1"),
];

fn origin() -> Name {
    Name::parse_absolute("example.").expect("a name")
}

fn parsed(rtype: u16, text: &str) -> Result<Vec<u8>, Mistake> {
    let mut out = Vec::new();
    parse(rtype, text, &origin(), &mut out).map(|()| out)
}

#[test]
fn every_type_is_read_and_printed() {
    for &(rtype, text, wire, printed) in ROWS {
        let name = type_name(rtype);
        assert_eq!(parsed(rtype, text).as_deref(), Ok(wire), "{name} {text}");
        assert!(is_valid(rtype, wire), "{name} {text}");
        let expected = if printed.is_empty() { text } else { printed };
        assert_eq!(print(rtype, wire).to_string(), expected, "{name}");
        assert_eq!(parsed(rtype, expected).as_deref(), Ok(wire), "{name} {expected}");
    }
}

#[test]
fn rfc3597_5_every_type_is_read_in_the_generic_form() {
    for &(rtype, text, wire, _) in ROWS {
        let generic = print::Printed { rtype: 65280, rdata: wire }.to_string();
        assert_eq!(parsed(rtype, &generic).as_deref(), Ok(wire), "{} {text}", type_name(rtype));
    }
}

#[test]
fn rdata_cut_short_anywhere_reads_back_or_is_shown_as_bytes() {
    for &(rtype, text, wire, _) in ROWS {
        for len in 0..wire.len() {
            // Some are records when cut short, others are shown as bytes; both read back.
            let printed = print(rtype, &wire[..len]).to_string();
            match parsed(rtype, &printed) {
                Ok(read) => assert_eq!(read, &wire[..len], "{text}: {printed}"),
                Err(_) => assert!(!is_valid(rtype, &wire[..len]), "{text}: {printed}"),
            }
        }
    }
}

#[test]
fn bytes_of_the_wrong_shape_are_shown_as_bytes() {
    assert_eq!(print(A, b"\xc0\0\x02").to_string(), "\\# 3 C00002");
    assert_eq!(print(MX, b"\0\x01\xc0\x0c").to_string(), "\\# 4 0001C00C");
}

#[test]
fn a_mistake_leaves_what_was_there() {
    let mut out = vec![7];
    assert!(parse(MX, "10 a..b", &origin(), &mut out).is_err());
    assert_eq!(out, [7]);
}

/// hickory-proto decodes our bytes to a record that it encodes to the same bytes.
#[test]
fn hickory_reads_the_same_bytes() {
    for &(rtype, text, wire, _) in ROWS {
        // To hickory an empty RDATA is that of an UPDATE.
        if wire.is_empty() {
            continue;
        }
        let mut message = vec![0];
        message.extend(rtype.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 0]);
        message.extend((wire.len() as u16).to_be_bytes());
        message.extend(wire);
        let record = Record::read(&mut BinDecoder::new(&message))
            .unwrap_or_else(|error| panic!("{} {text}: {error}", type_name(rtype)));
        assert_eq!(u16::from(record.record_type()), rtype);
        let mut again = Vec::new();
        let mut encoder = BinEncoder::new(&mut again);
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        record.data.emit(&mut encoder).expect("it was decoded");
        assert_eq!(again, wire, "{} {text}: {:?}", type_name(rtype), record.data);
        if let (A, RData::A(address)) = (rtype, &record.data) {
            assert_eq!(address.to_string(), print(rtype, wire).to_string());
        }
    }
}

/// domain reads the same text, ours and as we print it, to the same bytes.
#[test]
fn domain_reads_the_same_text() {
    // domain 0.12 has no text for LOC, URI, CERT and others, and no TTL units: those are left out.
    let mut compared = 0;
    for &(rtype, text, wire, printed) in ROWS {
        let Some(theirs) = domain_reads(rtype, if printed.is_empty() { text } else { printed })
        else {
            continue;
        };
        assert_eq!(theirs, wire, "{} {text}", type_name(rtype));
        compared += 1;
    }
    assert!(compared > 40, "{compared} rows compared");
}

fn domain_reads(rtype: u16, text: &str) -> Option<Vec<u8>> {
    let mut file = Zonefile::new();
    file.extend_from_slice(format!("a.example. 1 IN {} {text}\n", type_name(rtype)).as_bytes());
    file.set_origin(DomainName::bytes_from_str("example.").ok()?);
    let Ok(Some(Entry::Record(record))) = file.next_entry() else { return None };
    let mut wire = Vec::new();
    record.data().compose_rdata(&mut wire).ok()?;
    Some(wire)
}

/// Texts that are wrong, what of them is pointed at, and the sentence; each variant of [`Problem`].
#[rustfmt::skip]
const MISTAKES: &[(u16, &str, &str, &str)] = &[
    (MX, "10", "", "MX is written `preference exchange`; exchange is missing"),
    (MX, "", "", "MX is written `preference exchange`; preference is missing"),
    (DS, "1 8 2", "", "DS is written `key-tag algorithm digest-type digest`; digest is missing"),
    (731, "\\#", "", "TYPE731 is written `\\# LENGTH HEX`; LENGTH is missing"),
    (MX, "10 mail extra", "extra", "MX is written `preference exchange`; this is more"),
    (A, "192.0.2.1 192.0.2.2", "192.0.2.2", "A is written `address`; this is more"),
    (MX, "65536 mail", "65536", "preference is a number from 0 to 65535"),
    (MX, "mail", "mail", "preference is a number from 0 to 65535; MX is written `preference exchange`, such as `10 mail`"),
    (SRV, "0 0 http www", "http", "port is a number from 0 to 65535; SRV is written `priority weight port target`, such as `0 0 5060 sip`"),
    (CAA, "ca.example.net", "ca.example.net", "flags is a number from 0 to 255; CAA is written `flags tag value`, such as `0 issue \"ca.example.net\"`"),
    (SSHFP, "1 -1 00", "-1", "type is a number from 0 to 255"),
    (NS, "a..b", "a..b", "a label is empty; write one dot between labels and none at the start"),
    (A, "192.0.2.256", "192.0.2.256", "not an IPv4 address, such as 192.0.2.1"),
    (A, "2001:db8::1", "2001:db8::1", "this is an IPv6 address; an IPv4 address is wanted, such as 192.0.2.1"),
    (AAAA, "2001:db8", "2001:db8", "not an IPv6 address, such as 2001:db8::1"),
    (AAAA, "192.0.2.1", "192.0.2.1", "this is an IPv4 address; an IPv6 address is wanted, such as 2001:db8::1"),
    (TXT, "\"a\\256\"", "\"a\\256\"", "after a backslash comes one character, or three digits up to 255"),
    (NS, "a\\25.", "a\\25.", "after a backslash comes one character, or three digits up to 255"),
    (MX, "10 \"mail\"", "\"mail\"", "exchange is written without quotes"),
    (TXT, "a\"b\"", "a\"b\"", "a quote stands inside a word; put quotes around the whole, or write `\\\"`"),
    (TXT, "a \"b", "\"", "this quote is never closed; write `\"` at its end"),
    (TXT, "a ( b", "(", "this parenthesis is never closed; write `)` at its end"),
    (TXT, "a ) b", ")", "no parenthesis is open here; remove `)`, or write `\\)`"),
    (CAA, "0 issue ca.example; policy=ev", ";", "`;` would begin a comment; put the text in quotes, or write `\\;`"),
    (DS, "1 8 2 abc", "", "digest is hexadecimal, two digits a byte"),
    (DS, "1 8 2 zz", "zz", "digest is hexadecimal, two digits a byte"),
    (DNSKEY, "256 3 8 A===", "", "public-key is base64: A-Z, a-z, 0-9, + and /, filled up with = to fours"),
    (NSEC3, "1 0 0 - WXYZ A", "WXYZ", "next is base32hex: 0-9 and A-V, not filled up"),
    (HIP, "2 \\000 AA==", "\\000", "hit is hexadecimal, two digits a byte"),
    (NSEC, "a. CNMAE", "CNMAE", "no record type is called \"CNMAE\"; did you mean CNAME?"),
    (NSEC, "a. 1", "1", "no record type is called \"1\"; write TYPE and its number for one that has no name here"),
    (DS, "1 RSASHA9 2 00", "RSASHA9", "an algorithm is a number from 0 to 255, or its mnemonic, such as ECDSAP256SHA256"),
    (CERT, "PXIK 0 0 AA==", "PXIK", "a certificate type is a number from 0 to 65535, or its mnemonic, such as PKIX"),
    (RRSIG, "A 8 1 1 20231301000000 1 1 . AA==", "20231301000000", "a time is YYYYMMDDHHMMSS in UTC, or seconds since 1970, and before February 2106"),
    (SOA, ". . 1 1h 1x 1 1", "1x", "retry is in seconds, or like 1h30m with the units w, d, h, m and s"),
    (CAA, "0 is-sue a", "is-sue", "a tag is 1 to 15 letters and digits, such as issue"),
    (EUI48, "00:00:5e:00:53:2a", "00:00:5e:00:53:2a", "address is written like 00-00-5e-00-53-2a"),
    (NID, "10 0:0:0", "0:0:0", "node-id is written like 2001:0db8:1140:1000"),
    (L64, "10 0:0:0:00000", "0:0:0:00000", "locator is written like 2001:0db8:1140:1000"),
    (L64, "10 0:0::0", "0:0::0", "locator is written like 2001:0db8:1140:1000"),
    (LOC, "91 N 0 E 0m", "91", "a location is written like 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m"),
    (LOC, "90 0 1 N 0 E 0m", "N", "a location is written like 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m"),
    (LOC, "1 60 N 0 E 0m", "60", "a location is written like 52 22 23.000 N 4 53 32.000 E -2.00m 1m 10000m 10m"),
    (APL, "1:192.0.2.0/33", "1:192.0.2.0/33", "a prefix is written like 1:192.0.2.0/24 or 2:2001:db8::/32, with ! before it to exclude"),
    (IPSECKEY, "1 0 2 192.0.2.1", "192.0.2.1", "kind 0 means none, which is written `.`"),
    (IPSECKEY, "1 1 2 2001:db8::", "2001:db8::", "not an IPv4 address, such as 192.0.2.1"),
    (AMTRELAY, "1 0 2 192.0.2.1", "192.0.2.1", "not an IPv6 address, such as 2001:db8::1"),
    (AMTRELAY, "1 0 4 a.", "a.", "no kind 4 is known: 0 is none, 1 IPv4, 2 IPv6, 3 a name"),
    (WKS, "10.0.0.1 TPC 1", "TPC", "a protocol is a number from 0 to 255, or its mnemonic, such as TCP"),
    (WKS, "10.0.0.1 TCP mail", "mail", "a service is a port from 0 to 65535, or its name, such as smtp"),
    (NSAP, "47.0005", "47.0005", "an NSAP address is written like 0x47.0005.80.005a00"),
    (NSAP, "0x470", "0x470", "an NSAP address is written like 0x47.0005.80.005a00"),
    (ATMA, "+61a", "+61a", "an ATM address is hexadecimal, like 39.246f.00, or + and the digits of a telephone number"),
    (DSYNC, "CDS notify2 1 .", "notify2", "a scheme is a number from 0 to 255, or its mnemonic, such as NOTIFY"),
    (DOA, "0 1 2 \"\"", "", "DOA is written `enterprise type location media-type data`; data is missing"),
    (IPN, "18446744073709551616", "18446744073709551616", "node is a number from 0 to 18446744073709551615"),
    (NULL, "00", "00", "NULL has no text form; write `\\# LENGTH HEX`, as in `\\# 2 0aff` (RFC 3597)"),
    (731, "a b", "a", "TYPE731 has no text form; write `\\# LENGTH HEX`, as in `\\# 2 0aff` (RFC 3597)"),
    (A, "\\# 5 0a000001", "5", "the length is given as 5, the bytes after it are 4"),
    (A, "\\# 3 0a0000", "3", "these bytes are no record of type A, which is `address`"),
    (SVCB, "1 . ALPN=h2", "ALPN=h2", "no parameter is called \"ALPN\"; write key and its number for one that has no name here"),
    // RFC 9460 Appendix D.3.
    (SVCB, "1 foo. key123=abc key123=def", "key123=def", "key123 stands here twice; once is allowed"),
    (SVCB, "1 foo. mandatory", "mandatory", "mandatory lists other keys, as in mandatory=alpn,port"),
    (SVCB, "1 foo. alpn", "alpn", "alpn lists protocols, as in alpn=h2,h3"),
    (SVCB, "1 foo. port", "port", "port is a number from 0 to 65535, as in port=8443"),
    (SVCB, "1 foo. ipv4hint", "ipv4hint", "ipv4hint lists addresses, as in ipv4hint=192.0.2.1,192.0.2.2"),
    (SVCB, "1 foo. ipv6hint", "ipv6hint", "ipv6hint lists addresses, as in ipv6hint=2001:db8::1,2001:db8::2"),
    (SVCB, "1 foo. no-default-alpn=abc", "no-default-alpn=abc", "no-default-alpn has no value"),
    (SVCB, "1 foo. mandatory=key123", "", "mandatory needs key123 beside it"),
    (SVCB, "1 foo. mandatory=mandatory", "mandatory=mandatory", "mandatory lists other keys, as in mandatory=alpn,port"),
    (SVCB, "1 foo. mandatory=key123,key123 key123=abc", "mandatory=key123,key123", "mandatory lists other keys, as in mandatory=alpn,port"),
    (HTTPS, "1 . no-default-alpn", "", "no-default-alpn needs alpn beside it"),
    (HTTPS, "1 . alpn=h2,,h3", "alpn=h2,,h3", "alpn lists protocols, as in alpn=h2,h3"),
    (HTTPS, "1 . key3=a", "key3=a", "port is a number from 0 to 65535, as in port=8443"),
    (HTTPS, "1 . ech=Zg", "ech=Zg", "ech is in base64, filled up with = to fours"),
];

#[test]
fn each_mistake_is_pointed_at_and_told() {
    for &(rtype, text, at, sentence) in MISTAKES {
        let mistake = parsed(rtype, text).expect_err(text);
        assert_eq!(&text[mistake.at.clone()], at, "{text}");
        assert_eq!(mistake.problem.to_string(), sentence, "{text}");
    }
}

#[test]
fn what_is_too_long_is_told() {
    for (rtype, text, sentence) in [
        (
            TXT,
            "a".repeat(256),
            "a string is at most 255 bytes long; where several are allowed, write each in quotes",
        ),
        (TXT, format!("{} ", "a".repeat(255)).repeat(257), "a record holds at most 65535 bytes"),
        (OPENPGPKEY, "AAAA".repeat(21846), "a record holds at most 65535 bytes"),
        (URI, format!("1 1 {}", "a".repeat(65532)), "a record holds at most 65535 bytes"),
        (NSEC3PARAM, format!("1 0 0 {}", "00".repeat(256)), "salt is 1 to 255 bytes long"),
        (NS, format!("{}.", "a".repeat(64)), "a label is longer than 63 bytes"),
    ] {
        let mistake = parsed(rtype, &text).expect_err(sentence);
        assert_eq!(mistake.problem.to_string(), sentence);
    }
    // What fills a record to the last byte is a record.
    for (rtype, text) in [
        (TXT, format!("{} ", "a".repeat(255)).repeat(255) + &"a".repeat(254)),
        (URI, format!("1 1 {}", "a".repeat(65531))),
        (TXT, "a".repeat(255)),
        (SVCB, format!("1 . key9={}", "a".repeat(65528))),
    ] {
        assert!(parsed(rtype, &text).is_ok(), "{}", &text[..20]);
    }
}

#[test]
fn a_long_text_is_repeated_in_part() {
    let written = "x".repeat(50);
    let sentence = parsed(NSEC, &format!("a. {written}")).expect_err("no type").problem.to_string();
    assert!(sentence.contains(&format!("\"{}…\"", "x".repeat(40))), "{sentence}");
}

/// The types of the table, and one that is not in it.
fn any_type() -> impl Strategy<Value = u16> {
    prop::sample::select(ROWS.iter().map(|row| row.0).collect::<Vec<_>>())
}

/// A row with some of its bytes changed, dropped or doubled.
fn nearly_rdata() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..4);
    (prop::sample::select(ROWS), edits).prop_map(|(row, edits)| {
        let mut rdata = row.2.to_vec();
        for (at, byte, edit) in edits {
            let at = at.index(rdata.len() + 1);
            match edit {
                0 => rdata.insert(at, byte),
                1 if at < rdata.len() => rdata[at] = byte,
                _ if at < rdata.len() => drop(rdata.remove(at)),
                _ => {}
            }
        }
        (row.0, rdata)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_told_and_what_is_read_is_valid(
        rtype in any_type(),
        text in "([ -~\u{e4}\t\n]|[0-9a.\\\\()\";=,:/-]){0,60}",
    ) {
        match parsed(rtype, &text) {
            Ok(wire) => {
                prop_assert!(is_valid(rtype, &wire));
                prop_assert_eq!(parsed(rtype, &print(rtype, &wire).to_string()), Ok(wire));
            }
            Err(mistake) => {
                prop_assert!(mistake.at.start <= mistake.at.end && mistake.at.end <= text.len());
                prop_assert!(!mistake.problem.to_string().contains('\n'));
            }
        }
    }

    #[test]
    fn a_changed_text_is_read_or_told(
        row in prop::sample::select(ROWS),
        at in any::<prop::sample::Index>(),
        with in "[ -~]{0,2}",
    ) {
        let mut text = row.1.to_owned();
        if !text.is_empty() {
            let at = at.index(text.len());
            text.replace_range(at..=at, &with);
        }
        if let Ok(wire) = parsed(row.0, &text) {
            prop_assert!(is_valid(row.0, &wire), "{}", text);
            prop_assert_eq!(parsed(row.0, &print(row.0, &wire).to_string()), Ok(wire));
        }
    }

    #[test]
    fn valid_rdata_is_printed_as_what_reads_back((rtype, rdata) in nearly_rdata()) {
        let text = print(rtype, &rdata).to_string();
        if is_valid(rtype, &rdata) {
            prop_assert_eq!(parsed(rtype, &text), Ok(rdata.clone()), "{}", text);
        }
        for range in names(rtype, &rdata).chain(compressible_names(rtype, &rdata)) {
            prop_assert_eq!(crate::name::wire_len(&rdata[range.clone()]), Some(range.len()));
        }
        let mut canonical = rdata.clone();
        canonicalize(rtype, &mut canonical);
        prop_assert_eq!(is_valid(rtype, &canonical), is_valid(rtype, &rdata));
    }

    #[test]
    fn any_bytes_are_printed(rtype in any::<u16>(), rdata in prop::collection::vec(any::<u8>(), 0..80)) {
        let text = print(rtype, &rdata).to_string();
        prop_assert!(text.is_ascii());
    }
}
