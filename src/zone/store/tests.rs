//! Shards built and asked.

use super::*;
use crate::name::{Name, hash};

/// A shard of names right below `example.`, each with one TXT-like RRset that holds its place.
fn store(names: u16) -> Store {
    let labels: Vec<Vec<u8>> = (0..names).map(label).collect();
    let bytes: Vec<u8> = (0..names).flat_map(|at| [[2, 0], at.to_be_bytes()].concat()).collect();
    let rrset = |at: usize| NewRrset { rtype: 16, ttl: 60, count: 1, bytes: 4 * at..4 * at + 4 };
    let rrsets: Vec<NewRrset> = (0..usize::from(names)).map(rrset).collect();
    let nodes: Vec<NewNode<'_>> = labels
        .iter()
        .enumerate()
        .map(|(at, labels)| NewNode {
            hash: hash_of(labels),
            labels,
            flags: 0,
            children: 0,
            rrsets: at..at + 1,
        })
        .collect();
    store_of(build_shard(&nodes, &rrsets, &bytes))
}

fn store_of(shard: Vec<u8>) -> Store {
    let mut shards = Packing::of(1);
    shards.push(shard);
    Store::new(shards)
}

fn label(at: u16) -> Vec<u8> {
    let text = format!("n{at}");
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn hash_of(labels: &[u8]) -> u64 {
    hash(&[labels, b"\x07example\0"].concat())
}

#[test]
fn every_name_of_a_full_shard_is_found_and_no_other() {
    for names in [0, 1, 2, 3, 4, 255, 256, 1000] {
        let store = store(names);
        for at in 0..names + 300 {
            let labels = label(at);
            let found = store.find(hash_of(&labels), &labels).map(|node| store.node(node));
            let rdata = found.and_then(|node| node.rrset(16)).map(|(place, rrset)| {
                assert_eq!(store.rrset(place).rtype, 16);
                rrset.rdatas().collect::<Vec<_>>()
            });
            let expected = at.to_be_bytes();
            assert_eq!(rdata, (at < names).then(|| vec![&expected[..]]), "{at} of {names}");
        }
    }
}

#[test]
fn prefetching_is_sound_for_any_hash() {
    for names in [0, 1, 256] {
        let store = store(names);
        for hash in [0, 1, u64::MAX, u64::MAX >> 1, 1 << 63, 0xffff_ffff] {
            store.prefetch_slot(hash);
            store.prefetch_node(hash);
            assert_eq!(store.find(hash, b"\x01?"), None);
        }
    }
}

#[test]
fn one_shard_takes_every_hash_and_many_share_them_by_their_high_bits() {
    for (hash, bits, shard) in [
        (0, 0, 0),
        (u64::MAX, 0, 0),
        (u64::MAX, 1, 1),
        (u64::MAX >> 1, 1, 0),
        (0xabcd_0000_0000_0000, 4, 0xa),
        (0xabcd_0000_0000_0000, 12, 0xabc),
    ] {
        assert_eq!(Store::shard_of(hash, bits), shard, "{hash:x}, {bits}");
    }
}

#[test]
fn an_rrset_is_read_as_it_was_written() {
    let choice = Choice { pool: 5, rotation: 6, made: 8 };
    for (rules, shards) in [(None, None), (Some(7), None), (None, Some(0)), (Some(7), Some(9))] {
        let at = BalancedAt { choice, rules, shards };
        assert_eq!(BalancedAt::read(&at.to_bytes()), Some(at));
    }
    let at = BalancedAt { choice, rules: Some(7), shards: None };
    let bytes = [&[3, 0, 1, 2, 3, 0, 0, 1, 0, 9][..], &at.to_bytes()].concat();
    let rrsets = [
        NewRrset { rtype: 65_280, ttl: u32::MAX, count: 3, bytes: 0..10 },
        NewRrset { rtype: 1, ttl: 0, count: 0, bytes: 10..10 + BalancedAt::LEN },
    ];
    let name = Name::root();
    let node = NewNode {
        hash: hash(name.as_wire()),
        labels: &[],
        flags: flag::CUT,
        children: 0,
        rrsets: 0..2,
    };
    let store = store_of(build_shard(&[node], &rrsets, &bytes));
    let node = store.node(store.find(hash(name.as_wire()), &[]).expect("it is there"));
    assert_eq!(node.flags(), flag::CUT);
    let (_, plain) = node.rrset(65_280).expect("it is there");
    assert_eq!((plain.ttl, plain.count, plain.rdata_len()), (u32::MAX, 3, 4));
    assert_eq!(plain.rdatas().collect::<Vec<_>>(), [&[1, 2, 3][..], &[], &[9]]);
    assert_eq!(plain.balanced(), None);
    let (_, balanced) = node.rrset(1).expect("it is there");
    assert_eq!(balanced.balanced(), Some(at));
    assert_eq!(balanced.rdatas().count(), 0);
    assert!(node.rrset(2).is_none());
}
