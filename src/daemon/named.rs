//! The files that the config file names besides zones: read as a server reads them, so that `check` tells what is wrong with
//! them before a server does.

use std::collections::HashSet;

use crate::admin::listen::identity::Identity;
use crate::admin::read_tokens;
use crate::config::Config;
use crate::feed;
use crate::name::Name;

use super::settings;

/// What is wrong with the files that a config names, a sentence each; none of them has a word of a secret.
#[must_use]
pub fn mistakes(config: &Config) -> Vec<String> {
    let mut found = settings::mistakes(config);
    let tokens = config.admin.iter().filter_map(|admin| admin.tokens.clone());
    found.extend(tokens.filter_map(|file| read_tokens(&[file]).err()));
    let of_admin = config.admin.iter().filter_map(|admin| admin.tls.as_ref());
    let of_dns = config.authority.tls.iter().map(|tls| &tls.identity);
    for tls in of_admin.chain(of_dns) {
        found.extend(Identity::read(&[tls.certificate.clone(), tls.key.clone()]).err());
    }
    let fed = config.feed.iter().flat_map(|feed| &feed.to);
    found.extend(fed.filter_map(|server| feed::connect::check(server).err()));
    // What several keys name has its mistake once.
    let mut told = HashSet::new();
    found.retain(|mistake| told.insert(mistake.clone()));
    found
}

/// The zones that `per_zone` sets something for, and that are not among these: what is set there holds for nothing.
#[must_use]
pub fn strangers(config: &Config, zones: impl Fn(&Name) -> bool) -> Vec<&Name> {
    let access = &config.authority.access;
    let is_known = |zone: &Name| zones(zone) || access.primaries.contains_key(zone);
    let mut found: Vec<&Name> = access.zones.keys().filter(|zone| !is_known(zone)).collect();
    found.sort_unstable();
    found
}

/// What is told of one of them.
#[must_use]
pub fn told(stranger: &Name) -> String {
    format!(
        "`per_zone` sets something for {stranger}, and there is no such zone; add its file or remove what is set"
    )
}
