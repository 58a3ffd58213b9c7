//! Where a page stands: in a window of its own, or in a frame beside the call on the page of a visit. No other page of ours, and nobody
//! else's, has one of ours in a frame.

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};

use crate::refusal::Refusal;
use crate::route::Route;

const FETCH_DEST: &str = "sec-fetch-dest";
const FETCH_SITE: &str = "sec-fetch-site";
/// What an answer is for that comes to stand within another page.
const WITHIN: [&str; 5] = ["iframe", "frame", "fencedframe", "embed", "object"];
const NOBODY: &str = "frame-ancestors 'none'";
const OURSELVES: &str = "frame-ancestors 'self'";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    Alone,
    Beside,
}

impl Stand {
    /// Browsers say what an answer is for and who asks, and no page can make them say otherwise (Fetch Metadata). To one that does not say,
    /// pages are given that stand in no frame.
    pub fn of(route: Route, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wanted = text(FETCH_DEST);
        // A file that somebody brought has headers of its own, and a frame on its page.
        if !WITHIN.contains(&wanted) || matches!(route, Route::DocumentFile) {
            return Ok(Self::Alone);
        }
        let is_ours = wanted == "iframe" && text(FETCH_SITE) == "same-origin";
        if is_ours && route.stands_beside() { Ok(Self::Beside) } else { Err(Refusal::Framed) }
    }

    /// What the answer allows. That it stands beside a call and nowhere else is the other half: of our pages that of a visit alone may
    /// hold pages in a frame.
    pub fn mark(self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
        let (Self::Beside, Some(policy)) = (self, policy) else { return };
        if let Ok(policy) = HeaderValue::from_str(&policy.replace(NOBODY, OURSELVES)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        }
    }
}
