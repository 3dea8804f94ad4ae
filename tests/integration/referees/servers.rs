//! The four servers over one set of zones.

use std::net::SocketAddr;
use std::thread;

use crate::peers::{bind, knot, nsd};
use crate::servers::{Server, ZoneFile};

use super::zones::Set;

pub(crate) struct Servers([Server; 4]);

impl Servers {
    pub(crate) fn start(set: &Set) -> Self {
        let names: Vec<String> =
            set.zones.iter().map(|zone| file_name(&zone.origin.to_string())).collect();
        let files = |without_bind: bool| -> Vec<ZoneFile<'_>> {
            let zones =
                set.zones.iter().zip(&names).filter(|(zone, _)| without_bind || !zone.without_bind);
            zones.map(|(zone, name)| ZoneFile { name, text: &zone.text }).collect()
        };
        let (all, binds) = (&files(true), &files(false));
        // Each takes its time to read them.
        let started = thread::scope(|scope| {
            let ours = scope.spawn(|| Server::rotadns(all));
            let theirs =
                [scope.spawn(|| nsd(all)), scope.spawn(|| knot(all)), scope.spawn(|| bind(binds))];
            let [nsd, knot, bind] = theirs.map(|peer| peer.join().expect("it says why"));
            [ours.join().expect("it says why"), nsd, knot, bind]
        });
        Self(started)
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; 4] {
        self.0.each_ref().map(Server::v4)
    }

    pub(crate) fn ours(&self) -> SocketAddr {
        self.0[0].v4()
    }
}

/// The master file of a zone is named after it, `..zone` for the root.
fn file_name(origin: &str) -> String {
    match origin {
        "." => "..zone".to_owned(),
        // What a file's name cannot have.
        _ => format!("{}.zone", origin.trim_end_matches('.').replace('/', "\\047")),
    }
}
