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
    let candidate = |candidate: &explain::Candidate| Candidate {
        backend: candidate.backend.clone(),
        address: candidate.endpoint.to_string(),
        eligible: candidate.eligible,
        reason: candidate.reason.clone(),
        chosen: candidate.chosen,
    };
    ExplainedPool {
        key: pool_key(&pool.zone, &pool.pool),
        source: source(pool.source),
        candidates: pool.candidates.iter().map(candidate).collect(),
    }
}
