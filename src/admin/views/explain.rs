//! A decision with all its steps.

use super::pools::{pool_key, source};
use crate::admin::model::{Candidate, ExplainedPool, Explanation, Step};
use crate::engine::explain;
use crate::wire::encode::Section;

/// A decision as the API gives it; commands that decide by the files alone give the same.
#[must_use]
pub fn explanation(explained: &explain::Explanation) -> Explanation {
    let section = |section| explained.section(section).collect();
    Explanation {
        question: explained.question.clone(),
        steps: explained.steps.iter().map(step).collect(),
        rcode: explained.rcode.clone(),
        authoritative: explained.authoritative,
        truncated: explained.truncated,
        answer: section(Section::Answer),
        authority: section(Section::Authority),
        additional: section(Section::Additional),
        pools: explained.pools.iter().map(pool).collect(),
    }
}

fn step(step: &explain::Step) -> Step {
    Step { stage: step.stage.name().to_owned(), said: step.said.clone() }
}

fn pool(pool: &explain::ExplainedPool) -> ExplainedPool {
    let candidate = |candidate: &explain::Candidate| {
        let explain::Candidate { backend, serves, eligible, reason, chosen } = candidate;
        let (address, pool) = match serves {
            explain::Serves::Endpoint(endpoint) => (endpoint.to_string(), None),
            explain::Serves::Pool(pool) => (String::new(), Some(pool.clone())),
        };
        let (backend, reason) = (backend.clone(), reason.clone());
        Candidate { backend, address, pool, eligible: *eligible, reason, chosen: *chosen }
    };
    ExplainedPool {
        key: pool_key(&pool.zone, &pool.pool),
        source: source(pool.source),
        candidates: pool.candidates.iter().map(candidate).collect(),
    }
}
