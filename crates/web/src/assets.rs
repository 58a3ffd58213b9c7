//! The stylesheet and the script, in the binary.

use crate::Web;

pub struct Asset {
    pub path: &'static str,
    /// Subresource Integrity: the SHA-256 of the text, base64. A test holds it to the text.
    pub integrity: &'static str,
    pub media_type: &'static str,
    pub text: &'static str,
}

pub static CSS: Asset = Asset {
    path: "/assets/wardstone.css",
    integrity: include_str!("../assets/wardstone.css.sri"),
    media_type: "text/css; charset=utf-8",
    text: include_str!("../assets/wardstone.css"),
};

pub static JS: Asset = Asset {
    path: "/assets/door.js",
    integrity: include_str!("../assets/door.js.sri"),
    media_type: "text/javascript; charset=utf-8",
    text: include_str!("../assets/door.js"),
};

/// What every page has around its content.
pub(crate) struct Frame<'a> {
    pub organization: &'a str,
    pub css: &'static Asset,
    pub js: &'static Asset,
}

impl<'a> Frame<'a> {
    pub fn of(web: &'a Web) -> Self {
        Self { organization: &web.0.organization, css: &CSS, js: &JS }
    }
}
