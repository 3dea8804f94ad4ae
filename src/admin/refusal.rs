//! Why a request was refused: a status for programs and a sentence for people.

use std::fmt;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::guard::tokens::Role;
use super::model::Refused;
use crate::health::backend::BadPattern;
use crate::state::steer::SteerError;

/// Why a request was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    error: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with a sentence: what is wrong, and what would be right.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into(), header: None }
    }

    /// The request makes no sense.
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// There is no such thing.
    pub fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// It may be asked again in so many seconds.
    pub fn later(status: StatusCode, error: impl Into<String>, seconds: u16) -> Self {
        let header = Some((RETRY_AFTER, HeaderValue::from(seconds)));
        Self { header, ..Self::new(status, error) }
    }

    /// We have failed; whoever panicked has told.
    #[must_use]
    pub fn failure() -> Self {
        let error = "the server has failed at this; its log says how";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// Nobody that we know asks.
    #[must_use]
    pub fn unauthorized(error: &str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"rotadns\"");
        let header = Some((WWW_AUTHENTICATE, challenge));
        Self { header, ..Self::new(StatusCode::UNAUTHORIZED, error) }
    }

    /// Who asks may not do this.
    #[must_use]
    pub fn forbidden(needed: Role) -> Self {
        let error = format!("this needs a token of the role `{}`", needed.name());
        Self::new(StatusCode::FORBIDDEN, error)
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let headers: HeaderMap = self.header.into_iter().collect();
        (self.status, headers, Json(Refused { error: self.error })).into_response()
    }
}

impl From<BadPattern> for Refusal {
    fn from(pattern: BadPattern) -> Self {
        match pattern {
            BadPattern::Parts(_) | BadPattern::Long(_) | BadPattern::Many => {
                Self::bad_request(pattern.to_string())
            }
            BadPattern::Nothing { .. } => Self::not_found(pattern.to_string()),
        }
    }
}

impl From<SteerError> for Refusal {
    fn from(error: SteerError) -> Self {
        match error {
            SteerError::Pattern(pattern) => pattern.into(),
            SteerError::TooMany(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            SteerError::Stopping | SteerError::Replaced => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            SteerError::NoPattern
            | SteerError::Author
            | SteerError::Reason
            | SteerError::NoTime => Self::bad_request(error.to_string()),
        }
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), reworded(&rejection.body_text()))
    }
}

/// The usual slips in a body in our words; of others, serde's.
fn reworded(text: &str) -> String {
    let said = text.split_once("into the target type: ").map_or(text, |(_, said)| said);
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    if let Some((field, said)) = said.split_once(": unknown variant ")
        && let Some((word, known)) = said.split_once(", expected ")
    {
        return format!("`{field}` cannot be {word}; it is {known}");
    }
    match said.strip_prefix("missing field ") {
        Some(field) => format!("{field} is missing"),
        None => text.to_owned(),
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::Push;

    #[test]
    fn slips_in_a_body_are_told_with_what_would_be_right() {
        for (body, expected) in [
            (
                r#"{"backend": "a/b/c", "state": "upp"}"#,
                "`state` cannot be `upp`; it is one of `up`, `down`, `degraded`, `drain`",
            ),
            (r#"{"state": "up"}"#, "`backend` is missing"),
            (r#"{"backend": "a/b/c"}"#, "`state` is missing"),
        ] {
            let rejection = Json::<Push>::from_bytes(body.as_bytes()).expect_err(body);
            let refusal = Refusal::from(rejection);
            assert_eq!(refusal.to_string(), expected, "{body}");
            assert_eq!(refusal.status(), StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        }
    }
}
