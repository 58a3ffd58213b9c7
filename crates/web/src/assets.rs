//! The stylesheet, the script and the letters, in the binary.

use crate::Web;

pub struct Asset {
    pub path: &'static str,
    /// Subresource Integrity: the SHA-256 of the bytes, base64. A test holds it to them.
    pub integrity: &'static str,
    pub media_type: &'static str,
    pub bytes: &'static [u8],
}

pub static CSS: Asset = Asset {
    path: "/assets/wardstone.css",
    integrity: include_str!("../assets/wardstone.css.sri"),
    media_type: "text/css; charset=utf-8",
    bytes: include_bytes!("../assets/wardstone.css"),
};

pub static JS: Asset = Asset {
    path: "/assets/door.js",
    integrity: include_str!("../assets/door.js.sri"),
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../assets/door.js"),
};

/// What the list of a day does with scripts on.
pub static TODAY: Asset = Asset {
    path: "/assets/today.js",
    integrity: include_str!("../assets/today.js.sri"),
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../assets/today.js"),
};

/// Conversions beside what is typed, and the arrow keys in plots.
pub static VITALS: Asset = Asset {
    path: "/assets/vitals.js",
    integrity: include_str!("../assets/vitals.js.sri"),
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../assets/vitals.js"),
};

/// The script of a note that is being written.
pub static NOTE: Asset = Asset {
    path: "/assets/note.js",
    integrity: include_str!("../assets/note.js.sri"),
    media_type: "text/javascript; charset=utf-8",
    bytes: include_bytes!("../assets/note.js"),
};

/// Atkinson Hyperlegible Next, variable (SIL Open Font License, beside it): 1, l and I apart, a slashed zero.
pub static LATIN: Asset = Asset {
    path: "/assets/atkinson-next-latin.woff2",
    integrity: include_str!("../assets/atkinson-next-latin.woff2.sri"),
    media_type: "font/woff2",
    bytes: include_bytes!("../assets/atkinson-next-latin.woff2"),
};

/// Fetched only where a name needs its letters.
pub static LATIN_EXT: Asset = Asset {
    path: "/assets/atkinson-next-latin-ext.woff2",
    integrity: include_str!("../assets/atkinson-next-latin-ext.woff2.sri"),
    media_type: "font/woff2",
    bytes: include_bytes!("../assets/atkinson-next-latin-ext.woff2"),
};

pub static ASSETS: [&Asset; 7] = [&CSS, &JS, &TODAY, &VITALS, &NOTE, &LATIN, &LATIN_EXT];

/// What every page has around its content.
pub(crate) struct Frame<'a> {
    pub organization: &'a str,
    pub css: &'static Asset,
    pub js: &'static Asset,
    pub font: &'static Asset,
}

impl<'a> Frame<'a> {
    pub fn of(web: &'a Web) -> Self {
        Self { organization: &web.0.organization, css: &CSS, js: &JS, font: &LATIN }
    }
}
