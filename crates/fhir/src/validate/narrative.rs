//! Narrative XHTML: the elements and attributes of txt-1, well nested, and nothing a browser would run.

/// Deepest nesting of tags in a narrative.
const TAG_DEPTH_MAX: usize = 64;

const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// R4 Narrative, invariant txt-1.
const ELEMENTS: [&str; 47] = [
    "a",
    "abbr",
    "acronym",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
];
/// The rest of txt-1's elements; `u` is widely written and harmless.
const MORE_ELEMENTS: [&str; 2] = ["u", "var"];

/// R4 Narrative, invariant txt-1, sorted, with the namespace and XML language attributes.
const ATTRIBUTES: [&str; 51] = [
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "colspan",
    "compact",
    "coords",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "lang",
    "longdesc",
    "name",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "type",
    "valign",
    "value",
    "vspace",
    "width",
    "xml:lang",
    "xmlns",
];

pub struct Fault {
    /// A browser could run it or be led away by it.
    pub is_unsafe: bool,
    pub message: &'static str,
}

const fn malformed(message: &'static str) -> Fault {
    Fault { is_unsafe: false, message }
}

const fn unsafe_markup(message: &'static str) -> Fault {
    Fault { is_unsafe: true, message }
}

const NOT_CLOSED: Fault = malformed("narrative tags must be closed in the order they were opened");

pub fn check(div: &str) -> Result<(), Fault> {
    let mut text = div.trim();
    if !opens_with_div(text) {
        return Err(malformed("a narrative is one <div> element"));
    }
    let mut open: [&str; TAG_DEPTH_MAX] = [""; TAG_DEPTH_MAX];
    let mut depth = 0;
    let mut has_content = false;
    while let Some(at) = text.find('<') {
        has_content |= has_text(&text[..at])?;
        text = &text[at + 1..];
        if let Some(rest) = text.strip_prefix("!--") {
            text = after_comment(rest)?;
        } else if let Some(rest) = text.strip_prefix('/') {
            let end = rest.find('>').ok_or(NOT_CLOSED)?;
            if depth == 0 || open[depth - 1] != rest[..end].trim_end() {
                return Err(NOT_CLOSED);
            }
            depth -= 1;
            text = &rest[end + 1..];
        } else {
            let tag = Tag::read(text)?;
            has_content |= tag.name == "img";
            text = tag.rest;
            if !tag.is_closed {
                *open.get_mut(depth).ok_or(malformed("narrative tags are nested too deeply"))? = tag.name;
                depth += 1;
            }
        }
        if depth == 0 {
            break;
        }
    }
    match (depth, text.is_empty(), has_content) {
        (0, true, true) => Ok(()),
        (0, true, false) => Err(malformed("a narrative needs text or an image")),
        (0, false, _) => Err(malformed("nothing may follow the narrative's <div>")),
        _ => Err(NOT_CLOSED),
    }
}

/// A comment that ends at the same place for XML and for HTML.
fn after_comment(text: &str) -> Result<&str, Fault> {
    const MALFORMED: Fault = unsafe_markup("a narrative comment has no -- inside and does not start with >");
    let end = text.find("--").ok_or(NOT_CLOSED)?;
    let body = &text[..end];
    if body.starts_with(['>', '-']) || body.ends_with('-') || body.starts_with("[if") {
        return Err(MALFORMED);
    }
    text[end..].strip_prefix("-->").ok_or(MALFORMED)
}

fn opens_with_div(text: &str) -> bool {
    let next = text.strip_prefix("<div").and_then(|rest| rest.bytes().next());
    next.is_some_and(|b| b == b'>' || b == b'/' || b.is_ascii_whitespace())
}

/// Is there more than whitespace? Every `&` must start an entity.
fn has_text(text: &str) -> Result<bool, Fault> {
    for (at, _) in text.match_indices('&') {
        let name = text[at + 1..].split(';').next().unwrap_or_default();
        let closed = text.as_bytes().get(at + 1 + name.len()) == Some(&b';');
        let is_name = !name.is_empty() && name.trim_start_matches('#').bytes().all(|b| b.is_ascii_alphanumeric());
        if !closed || !is_name {
            return Err(malformed("write & as &amp; in a narrative"));
        }
    }
    Ok(text.bytes().any(|b| !b.is_ascii_whitespace()))
}

struct Tag<'t> {
    name: &'t str,
    is_closed: bool,
    rest: &'t str,
}

impl<'t> Tag<'t> {
    /// Reads what follows `<`.
    fn read(text: &'t str) -> Result<Self, Fault> {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric()).ok_or(NOT_CLOSED)?;
        let name = &text[..end];
        if ELEMENTS.binary_search(&name).is_err() && !MORE_ELEMENTS.contains(&name) {
            return Err(unsafe_markup("only the basic formatting elements of XHTML are allowed in a narrative"));
        }
        let mut rest = text[end..].trim_start();
        loop {
            if let Some(after) = rest.strip_prefix("/>") {
                return Ok(Self { name, is_closed: true, rest: after });
            }
            if let Some(after) = rest.strip_prefix('>') {
                return Ok(Self { name, is_closed: false, rest: after });
            }
            rest = attribute(rest)?.trim_start();
        }
    }
}

/// Checks one `name="value"` and gives what follows it.
fn attribute(text: &str) -> Result<&str, Fault> {
    const MALFORMED: Fault = malformed("narrative attributes are written name=\"value\"");
    let (name, after) = text.split_once('=').ok_or(MALFORMED)?;
    let name = name.trim_end();
    if ATTRIBUTES.binary_search(&name).is_err() && !is_namespace_prefix(name) {
        return Err(unsafe_markup("only formatting attributes are allowed in a narrative; event handlers are not"));
    }
    let after = after.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(MALFORMED)?;
    let (value, rest) = after[1..].split_once(quote).ok_or(MALFORMED)?;
    if value.contains('<') {
        return Err(MALFORMED);
    }
    has_text(value)?;
    match name {
        "xmlns" if value != XHTML => Err(malformed("the namespace of a narrative is http://www.w3.org/1999/xhtml")),
        "href" | "src" | "cite" | "longdesc" if !is_safe_link(value) => {
            Err(unsafe_markup("links in a narrative are http, https, mailto, tel, cid, urn, image data or relative"))
        }
        "style" if !is_safe_style(value) => {
            Err(unsafe_markup("a narrative's style attribute cannot load or run anything"))
        }
        _ => Ok(rest),
    }
}

fn is_namespace_prefix(name: &str) -> bool {
    name.strip_prefix("xmlns:").is_some_and(|prefix| prefix.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_safe_link(value: &str) -> bool {
    const SCHEMES: [&str; 7] = ["http", "https", "mailto", "tel", "cid", "urn", "ftp"];
    // Browsers read entities and skip control characters before they look for a scheme.
    let before = value.split(['/', '?', '#']).next().unwrap_or(value);
    if before.contains('&') || value.bytes().any(|b| b < b' ') {
        return false;
    }
    match before.split_once(':') {
        None => true,
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("data") => {
            value.len() > 11 && value.is_char_boundary(11) && value[..11].eq_ignore_ascii_case("data:image/")
        }
        Some((scheme, _)) => SCHEMES.iter().any(|safe| scheme.trim().eq_ignore_ascii_case(safe)),
    }
}

fn is_safe_style(value: &str) -> bool {
    const FORBIDDEN: [&str; 6] = ["expression", "javascript", "image-set", "@import", "behavior", "-moz-binding"];
    // Escapes and comments can hide a word.
    if value.contains('\\') || value.contains("/*") || value.contains('&') {
        return false;
    }
    // All that loads or runs is written as a function or an at-rule.
    if !value.contains(['(', '@']) {
        return true;
    }
    let contains = |word: &str| value.as_bytes().windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes()));
    !FORBIDDEN.iter().any(|word| contains(word))
        && (!contains("url") || loads_nothing_from_elsewhere(&value.to_ascii_lowercase()))
}

/// Every `url(...)` is image data or relative.
fn loads_nothing_from_elsewhere(style: &str) -> bool {
    style.split("url").skip(1).filter_map(|after| after.trim_start().strip_prefix('(')).all(|target| {
        let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let target = target.trim_start_matches(quotes).split(')').next().unwrap_or_default();
        target.starts_with("data:image/") || !(target.contains(':') || target.starts_with("//"))
    })
}
