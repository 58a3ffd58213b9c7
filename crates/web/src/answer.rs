//! Answers: pages, redirects, JSON, and the headers that every one of them has.

use askama::Template;
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use identity::Session;
use serde_json::Value;

use crate::assets::{ASSETS, Frame};
use crate::clinic::shell::{Place, Shell};
use crate::{Web, assets};

/// Nothing from elsewhere, nothing inline, no frame around us, and no text that becomes code.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// As ours, with frames of our own origin.
const CSP_FRAMING: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
    frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// As ours, with the one worker that seals frames, whose address one policy lets through.
const CSP_VISIT: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types wardstone-visit";
/// As that, with frames of our own origin beside the call.
const CSP_HOST: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    connect-src 'self'; media-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types wardstone-visit";
const CSP_FOREIGN: &str = "sandbox; default-src 'none'; frame-ancestors 'self'";
const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), \
    publickey-credentials-get=(self), publickey-credentials-create=(self)";
const PERMISSIONS_VISIT: &str = "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=(), \
    publickey-credentials-get=(self), publickey-credentials-create=(self)";
const HEADERS: [(&str, &str); 9] = [
    ("content-security-policy", CSP),
    ("permissions-policy", PERMISSIONS),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

/// A page that says one thing.
#[derive(Template)]
#[template(path = "notice.html")]
pub(crate) struct Notice<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    words: &'a str,
}

impl<'a> Notice<'a> {
    pub fn new(web: &'a Web, heading: &'a str, words: &'a str) -> Self {
        Self { frame: Frame::of(web), heading, words }
    }
}

/// The same for who is signed in: with the places, and with the ways to lock and to sign out.
#[derive(Template)]
#[template(path = "notice_within.html")]
pub(crate) struct NoticeWithin<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    heading: &'a str,
    words: &'a str,
}

impl<'a> NoticeWithin<'a> {
    pub fn new(web: &'a Web, session: &'a Session, heading: &'a str, words: &'a str) -> Self {
        Self { frame: Frame::of(web), shell: Shell::of(web, session, Place::Elsewhere), heading, words }
    }
}

pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response<Body> {
    match template.render() {
        Ok(html) => with(status, "text/html; charset=utf-8", html.into()),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            with(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain; charset=utf-8",
                "This cannot be answered now.\n".into(),
            )
        }
    }
}

/// A page with a frame around something of ours.
pub(crate) fn framing(status: StatusCode, template: &impl Template) -> Response<Body> {
    let mut response = page(status, template);
    let policy = HeaderValue::from_static(CSP_FRAMING);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// A page with a call on it: the camera, the microphone and the screen may be asked for.
pub(crate) fn calling(status: StatusCode, template: &impl Template) -> Response<Body> {
    let mut response = page(status, template);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_VISIT));
    headers.insert("permissions-policy", HeaderValue::from_static(PERMISSIONS_VISIT));
    response
}

/// The same for the clinician, who has chart and note beside it.
pub(crate) fn hosting(status: StatusCode, template: &impl Template) -> Response<Body> {
    let mut response = calling(status, template);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_HOST));
    response
}

/// A file that somebody brought: shown by the browser or kept, in a frame of ours or alone, and never as anything of ours. Its origin
/// is none, so that no script in it would run, and none that ran would reach anything.
pub(crate) fn foreign(media_type: &'static str, name: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = with(StatusCode::OK, media_type, bytes.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_FOREIGN));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    with(status, "application/json", value.to_string().into())
}

/// Look there next (303): going back or reloading repeats nothing.
pub(crate) fn see(place: &str) -> Response<Body> {
    let mut response = with(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", Body::empty());
    // Places are addresses of ours, which are ASCII; what is not one leads home.
    let location = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, location);
    response
}

pub(crate) fn asset(asset: &'static assets::Asset) -> Response<Body> {
    let mut response = with(StatusCode::OK, asset.media_type, asset.bytes.into());
    // Pages ask for it with its hash behind the name, so another text has another address; letters do not change. Modules that
    // modules name have no hash there, and are asked for anew.
    let keeps = if asset.is_module() { "no-cache" } else { "public, max-age=31536000, immutable" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keeps));
    response
}

pub(crate) fn stream(body: Body) -> Response<Body> {
    with(StatusCode::OK, "text/event-stream", body)
}

pub(crate) fn with(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A cookie for this host alone, over TLS, out of reach of scripts, sent from our own pages only.
pub(crate) fn set_cookie(response: &mut Response<Body>, name: &str, value: &str) {
    add_cookie(response, format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict"));
}

pub(crate) fn drop_cookie(response: &mut Response<Body>, name: &str) {
    add_cookie(response, format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"));
}

fn add_cookie(response: &mut Response<Body>, text: String) {
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

pub(crate) fn asset_of(path: &str) -> Option<&'static assets::Asset> {
    ASSETS.iter().copied().find(|asset| asset.path == path)
}
