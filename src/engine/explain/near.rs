//! The name that somebody probably meant who asked for one that is not there.

use crate::config::nearest::nearest;
use crate::name::write_presentation;
use crate::zone::Zone;

/// The most names of a zone that are compared: nobody shall wait for a zone of a million.
const NAMES_MAX: usize = 10_000;
/// How many are compared at once.
const BATCH: usize = 500;

/// The name of the zone that is nearest to one that is not there, both in wire form.
pub(super) fn nearest_name(zone: &Zone, name: &[u8]) -> Option<Vec<u8>> {
    let apex = zone.origin.as_wire();
    let asked = relative(name.strip_suffix(apex)?);
    let nodes = zone.store.nodes().filter(|(labels, node)| {
        let is_real = node.rrsets().next().is_some();
        is_real && !labels.is_empty()
    });
    let names: Vec<(String, &[u8])> =
        nodes.take(NAMES_MAX).map(|(labels, _)| (relative(labels), labels)).collect();
    let texts = |names: &[(String, &[u8])]| {
        nearest(&asked, names.iter().map(|(text, _)| text.as_str())).map(str::to_owned)
    };
    let best: Vec<String> = names.chunks(BATCH).filter_map(texts).collect();
    let best = nearest(&asked, best.iter().map(String::as_str))?;
    let (_, labels) = names.iter().find(|(text, _)| text == best)?;
    Some([labels, apex].concat())
}

/// Labels in presentation format, as if the apex were the root.
fn relative(labels: &[u8]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_presentation(&[labels, &[0]].concat(), &mut text);
    text
}
