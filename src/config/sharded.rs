//! Where the names of a zone file are shared out among pools.

use std::path::Path;

use super::error::{ConfigError, Mistakes, Problem};
use super::include::Includes;
use super::node::{self, Kind, Node};

/// A warning for each name with `shards` in the text of a zone file of our own, for who transfers the zone. A file that cannot be read has
/// none.
#[must_use]
pub fn sharded_names(file: &Path, text: &str) -> Vec<ConfigError> {
    // What is wrong with the file is told by who reads its zone.
    let root = node::parse(text, &mut Includes::new(file, None), &mut Mistakes::new(file, text));
    let mut found = Mistakes::new(file, text);
    let records = root.iter().flat_map(entries).filter(|(key, _)| is_key(key, "records"));
    for (owner, record) in records.flat_map(|(_, records)| entries(records)) {
        let shards = entries(record).iter().find(|(key, _)| is_key(key, "shards"));
        if let (Some((key, _)), Some(owner)) = (shards, owner.scalar()) {
            found.add(key.span, Problem::ShardsNotTransferred { name: owner.text.to_owned() });
        }
    }
    found.finish()
}

fn entries<'n, 't>(node: &'n Node<'t>) -> &'n [(Node<'t>, Node<'t>)] {
    match &node.kind {
        Kind::Map(entries) => entries,
        Kind::Scalar(..) | Kind::List(_) => &[],
    }
}

fn is_key(node: &Node<'_>, key: &str) -> bool {
    node.scalar().is_some_and(|text| text.text == key)
}
