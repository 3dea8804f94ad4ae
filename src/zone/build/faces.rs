//! The pools of a zone, and the faces of each.

use std::collections::HashMap;

use crate::config::model::{Face, Pool, Role};

/// Pools and their faces: found once, as every name asks for those of its pools.
#[derive(Debug, Default)]
pub struct Faces<'m> {
    pools: &'m [Pool],
    /// The places of pools by their private addresses: of a pool, or of its face by a role.
    private: HashMap<(usize, Option<Role>), usize>,
    /// The places of the sites of a pool, in their order.
    sites: HashMap<usize, Vec<usize>>,
}

impl<'m> Faces<'m> {
    /// Those of a zone's pools.
    #[must_use]
    pub fn of(pools: &'m [Pool]) -> Self {
        let mut faces = Self { pools, ..Self::default() };
        for (place, pool) in pools.iter().enumerate() {
            match pool.face {
                Some(Face { of, site: Some(_), .. }) => {
                    faces.sites.entry(of).or_default().push(place);
                }
                Some(Face { of, role, is_private: true, site: None }) => {
                    faces.private.insert((of, role), place);
                }
                _ => {}
            }
        }
        faces
    }

    /// The pool at a place.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&'m Pool> {
        self.pools.get(place)
    }

    /// The same pool by its private addresses, where it has any and is not seen by them already.
    #[must_use]
    pub fn twin(&self, place: usize) -> Option<usize> {
        let (of, role) = match self.get(place)?.face {
            Some(face) => (face.of, face.role),
            None => (place, None),
        };
        self.private.get(&(of, role)).copied().filter(|twin| *twin != place)
    }

    /// The sites of a pool.
    pub fn sites(&self, place: usize) -> impl Iterator<Item = (usize, &'m Pool)> {
        let places = self.sites.get(&place).into_iter().flatten();
        places.filter_map(|place| Some((*place, self.get(*place)?)))
    }
}
