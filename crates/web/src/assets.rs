//! The stylesheet, the script and the letters, in the binary.

use crate::Web;
use crate::beside::Stand;
use crate::phone::Phone;
use crate::route::Route;

pub struct Asset {
    pub path: &'static str,
    /// Subresource Integrity: the SHA-256 of the bytes, base64. A test holds it to them.
    pub integrity: &'static str,
    pub media_type: &'static str,
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($(#[doc = $says:literal])* $name:ident = $media_type:ident $file:literal,)*) => {
        $($(#[doc = $says])* pub static $name: Asset = Asset {
            path: concat!("/assets/", $file),
            integrity: include_str!(concat!("../assets/", $file, ".sri")),
            media_type: $media_type,
            bytes: include_bytes!(concat!("../assets/", $file)),
        };)*
        pub static ASSETS: &[&Asset] = &[$(&$name),*];
    };
}

/// What encrypts a call, loaded when one begins.
const CALL_MODULES: &str = "/assets/call/";
/// The parts of the pages of a visit, loaded with them.
const VISIT_MODULES: &str = "/assets/visit/";

impl Asset {
    /// Modules name one another, by addresses without a hash: they are asked for anew each time.
    pub fn is_module(&self) -> bool {
        [CALL_MODULES, VISIT_MODULES].iter().any(|room| self.path.starts_with(room))
    }
}

/// Parts of the pages of a visit that only a call needs: loaded with what encrypts it.
const IN_CALL: [&str; 9] =
    ["back.js", "captions.js", "chart.js", "choice.js", "files.js", "leave.js", "lock.js", "stage.js", "talk.js"];
/// What the clinician's page loads when chart or note is asked for beside the call.
const WORKSPACE: &str = "workspace.js";

fn is_in_call(asset: &Asset) -> bool {
    let part = asset.path.strip_prefix(VISIT_MODULES);
    asset.path.starts_with(CALL_MODULES) || part.is_some_and(|name| IN_CALL.contains(&name))
}

/// What a page with a call loads when it begins, each held to its hash before it runs.
pub fn call_modules() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().copied().filter(|asset| is_in_call(asset))
}

/// What a page of a visit loads, each held to its hash before it runs.
pub fn visit_modules() -> impl Iterator<Item = &'static Asset> {
    let is_later = |asset: &Asset| is_in_call(asset) || asset.path.strip_prefix(VISIT_MODULES) == Some(WORKSPACE);
    ASSETS.iter().copied().filter(move |asset| asset.path.starts_with(VISIT_MODULES) && !is_later(asset))
}

/// Those of them that the clinician's page loads: it asks nobody who they are.
pub fn host_modules() -> impl Iterator<Item = &'static Asset> {
    let is_later = |asset: &&Asset| OF_GUESTS.contains(&asset.path) || OF_CHECK.contains(&asset.path);
    visit_modules().filter(move |asset| !is_later(asset))
}

/// What tries camera, sound and network, and helps: on the clinician's page when that is asked for.
pub fn check_modules() -> impl Iterator<Item = &'static Asset> {
    visit_modules().filter(|asset| OF_CHECK.contains(&asset.path))
}

/// What stands beside the call is loaded with these.
pub fn workspace() -> [&'static Asset; 2] {
    [&WORKSPACE_CSS, &VISIT_WORKSPACE]
}

const OF_CHECK: [&str; 3] = ["/assets/visit/check.js", "/assets/visit/devices.js", "/assets/visit/help.js"];
const OF_GUESTS: [&str; 5] = [
    "/assets/visit/guest.js",
    "/assets/visit/who.js",
    "/assets/visit/consent.js",
    "/assets/visit/early.js",
    "/assets/visit/passkey.js",
];

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FONT: &str = "font/woff2";

assets! {
    CSS = STYLE "wardstone.css",
    JS = SCRIPT "door.js",
    /// Keys: what acts, and when.
    KEYS = SCRIPT "keys.js",
    /// Dialogs over a page: confirming that it is you, and what asks for a reason.
    CONFIRM = SCRIPT "confirm.js",
    /// Both ends of a visit.
    VISIT = SCRIPT "visit.js",
    VISIT_CSS = STYLE "visit.css",
    VISIT_ABOUT = SCRIPT "visit/about.js",
    VISIT_BACK = SCRIPT "visit/back.js",
    VISIT_BEGIN = SCRIPT "visit/begin.js",
    VISIT_CAPTIONS = SCRIPT "visit/captions.js",
    VISIT_CHART = SCRIPT "visit/chart.js",
    VISIT_CHOICE = SCRIPT "visit/choice.js",
    VISIT_CHECK = SCRIPT "visit/check.js",
    VISIT_CONSENT = SCRIPT "visit/consent.js",
    VISIT_DEVICES = SCRIPT "visit/devices.js",
    VISIT_EARLY = SCRIPT "visit/early.js",
    VISIT_FILES = SCRIPT "visit/files.js",
    VISIT_GUEST = SCRIPT "visit/guest.js",
    VISIT_HELD = SCRIPT "visit/held.js",
    VISIT_HELP = SCRIPT "visit/help.js",
    VISIT_HOST = SCRIPT "visit/host.js",
    VISIT_LEAVE = SCRIPT "visit/leave.js",
    VISIT_LOCK = SCRIPT "visit/lock.js",
    VISIT_PAGE = SCRIPT "visit/page.js",
    VISIT_PASSKEY = SCRIPT "visit/passkey.js",
    VISIT_RISK = SCRIPT "visit/risk.js",
    VISIT_STAGE = SCRIPT "visit/stage.js",
    VISIT_TALK = SCRIPT "visit/talk.js",
    VISIT_WHO = SCRIPT "visit/who.js",
    VISIT_WORKSPACE = SCRIPT "visit/workspace.js",
    /// Chart and note beside a call, on the page of the visit.
    WORKSPACE_CSS = STYLE "workspace.css",
    /// In their frames.
    BESIDE = SCRIPT "beside.js",
    BESIDE_CSS = STYLE "beside.css",
    CALL_BYTES = SCRIPT "call/bytes.js",
    CALL_CALL = SCRIPT "call/call.js",
    CALL_EMOJI = SCRIPT "call/emoji.js",
    CALL_FRAME_WORKER = SCRIPT "call/frame-worker.js",
    CALL_FRAMES = SCRIPT "call/frames.js",
    CALL_GATE = SCRIPT "call/gate.js",
    CALL_HPKE = SCRIPT "call/hpke.js",
    CALL_KEYS = SCRIPT "call/keys.js",
    CALL_MEDIA = SCRIPT "call/media.js",
    CALL_MONITOR = SCRIPT "call/monitor.js",
    CALL_PEER = SCRIPT "call/peer.js",
    CALL_POST = SCRIPT "call/post.js",
    CALL_ROSTER = SCRIPT "call/roster.js",
    CALL_SIGNAL = SCRIPT "call/signal.js",
    CALL_TALK = SCRIPT "call/talk.js",
    /// Patients, actions and pages from one field.
    PALETTE = SCRIPT "palette.js",
    PALETTE_CSS = STYLE "palette.css",
    /// What the list of a day does with scripts on.
    TODAY = SCRIPT "today.js",
    /// Conversions beside what is typed, and the arrow keys in plots.
    VITALS = SCRIPT "vitals.js",
    /// Lists of what is left to do: results and the inbox.
    WORK_CSS = STYLE "work.css",
    /// Keys in those lists.
    WORK = SCRIPT "work.js",
    /// Forms that are sent once: a result, a message, a task, a walk-in, insurance.
    ONCE = SCRIPT "once.js",
    /// The lists of a chart: allergies, medicines, problems, immunizations.
    LISTS = STYLE "lists.css",
    /// Prints a sheet.
    PRINT = SCRIPT "print.js",
    /// Registering and editing patients, insurance, photo, merging.
    PATIENT_CSS = STYLE "patient.css",
    PATIENT = SCRIPT "patient.js",
    /// The script of a note that is being written.
    NOTE = SCRIPT "note.js",
    /// Templates, diagnoses and the summary of a visit.
    NOTE_CSS = STYLE "note.css",
    /// Forms that patients fill in.
    FORMS_CSS = STYLE "forms.css",
    FORMS = SCRIPT "forms.js",
    DOCUMENTS_CSS = STYLE "documents.css",
    /// Orders and their letters.
    ORDERS_CSS = STYLE "orders.css",
    /// Finds an order while one types.
    ORDERS_JS = SCRIPT "orders.js",
    /// Atkinson Hyperlegible Next, variable (SIL Open Font License, beside it): 1, l and I apart, a slashed zero.
    LATIN = FONT "atkinson-next-latin.woff2",
    /// Fetched only where a name needs its letters.
    LATIN_EXT = FONT "atkinson-next-latin-ext.woff2",
}

/// What every page has around its content.
pub(crate) struct Frame<'a> {
    pub organization: &'a str,
    pub phone: Option<&'a Phone>,
    pub css: &'static Asset,
    pub js: &'static Asset,
    pub font: &'static Asset,
    /// Of the pages behind the door.
    pub keys: &'static Asset,
    pub confirm: &'static Asset,
    pub palette: &'static Asset,
    pub palette_css: &'static Asset,
    /// In a frame beside a call.
    pub beside: Option<Beside>,
}

/// What a page has that stands beside a call.
pub(crate) struct Beside {
    pub css: &'static Asset,
    pub js: &'static Asset,
}

impl Beside {
    /// The addresses that stand there; others open in a window.
    pub fn places(&self) -> impl Iterator<Item = &'static str> {
        Route::beside()
    }
}

impl<'a> Frame<'a> {
    pub fn of(web: &'a Web) -> Self {
        Self {
            organization: &web.0.organization,
            phone: web.0.phone.as_ref(),
            css: &CSS,
            js: &JS,
            font: &LATIN,
            keys: &KEYS,
            confirm: &CONFIRM,
            palette: &PALETTE,
            palette_css: &PALETTE_CSS,
            beside: (web.1 == Stand::Beside).then_some(Beside { css: &BESIDE_CSS, js: &BESIDE }),
        }
    }
}
