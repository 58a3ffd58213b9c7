//! Styles, scripts, letters and the icon, in the binary.

use crate::Web;
use crate::beside::Stand;
use crate::phone::Phone;
use crate::route::Route;

pub struct Asset {
    pub path: &'static str,
    /// Subresource Integrity: the SHA-256 of the bytes, base64. A test holds it to them.
    pub integrity: &'static str,
    pub media_type: &'static str,
    /// Of the modules of a visit.
    when: Option<When>,
    pub bytes: &'static [u8],
}

macro_rules! assets {
    ($($(#[doc = $says:literal])* $name:ident = $media_type:ident $file:literal $(in $when:ident)?,)*) => {
        $($(#[doc = $says])* pub static $name: Asset = Asset {
            path: concat!("/assets/", $file),
            integrity: include_str!(concat!("../assets/", $file, ".sri")),
            media_type: $media_type,
            when: [$(Some(When::$when),)? None][0],
            bytes: include_bytes!(concat!("../assets/", $file)),
        };)*
        pub static ASSETS: &[&Asset] = &[$(&$name),*];
    };
}

/// When a page of a visit loads a module, each held to its hash before any of it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// With the page, on either side.
    Page,
    /// With the page of who comes by a link: the clinician's asks nobody who they are.
    Guest,
    /// What tries camera, sound and network, and helps: with the page of who comes by a link, on the clinician's when it is asked for.
    Check,
    /// When a call begins.
    Call,
    /// When chart or note is asked for beside the call.
    Workspace,
}

impl Asset {
    /// Modules name one another, by addresses without a hash: they are asked for anew each time.
    pub fn is_module(&self) -> bool {
        self.when.is_some()
    }
}

fn modules(when: &'static [When]) -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().copied().filter(move |asset| asset.when.is_some_and(|loaded| when.contains(&loaded)))
}

pub fn call_modules() -> impl Iterator<Item = &'static Asset> {
    modules(&[When::Call])
}

pub fn guest_modules() -> impl Iterator<Item = &'static Asset> {
    modules(&[When::Page, When::Guest, When::Check])
}

pub fn host_modules() -> impl Iterator<Item = &'static Asset> {
    modules(&[When::Page])
}

pub fn check_modules() -> impl Iterator<Item = &'static Asset> {
    modules(&[When::Check])
}

/// What stands beside the call is loaded with these.
pub fn workspace() -> [&'static Asset; 2] {
    [&WORKSPACE_CSS, &VISIT_WORKSPACE]
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FONT: &str = "font/woff2";
const PICTURE: &str = "image/svg+xml";

assets! {
    CSS = STYLE "wardstone.css",
    /// What a tab shows.
    ICON = PICTURE "icon.svg",
    JS = SCRIPT "door.js",
    /// Keys: what acts, and when.
    KEYS = SCRIPT "keys.js",
    /// Dialogs over a page: confirming that it is you, and what asks for a reason.
    CONFIRM = SCRIPT "confirm.js",
    /// What is typed and not sent: kept where it is while there is no connection, and asked about before it is left.
    UNSENT = SCRIPT "unsent.js",
    /// Both ends of a visit.
    VISIT = SCRIPT "visit.js",
    VISIT_CSS = STYLE "visit.css",
    VISIT_ABOUT = SCRIPT "visit/about.js" in Page,
    VISIT_BACK = SCRIPT "visit/back.js" in Call,
    VISIT_BEGIN = SCRIPT "visit/begin.js" in Page,
    VISIT_CAPTIONS = SCRIPT "visit/captions.js" in Call,
    VISIT_CHART = SCRIPT "visit/chart.js" in Call,
    VISIT_CHOICE = SCRIPT "visit/choice.js" in Call,
    VISIT_CHECK = SCRIPT "visit/check.js" in Check,
    VISIT_CONSENT = SCRIPT "visit/consent.js" in Guest,
    VISIT_DEVICES = SCRIPT "visit/devices.js" in Check,
    VISIT_EARLY = SCRIPT "visit/early.js" in Guest,
    VISIT_FILES = SCRIPT "visit/files.js" in Call,
    VISIT_GUEST = SCRIPT "visit/guest.js" in Guest,
    VISIT_HELD = SCRIPT "visit/held.js" in Page,
    VISIT_HELP = SCRIPT "visit/help.js" in Check,
    VISIT_HOST = SCRIPT "visit/host.js" in Page,
    VISIT_LEAVE = SCRIPT "visit/leave.js" in Call,
    VISIT_LOCK = SCRIPT "visit/lock.js" in Call,
    VISIT_PAGE = SCRIPT "visit/page.js" in Page,
    VISIT_PASSKEY = SCRIPT "visit/passkey.js" in Guest,
    VISIT_RISK = SCRIPT "visit/risk.js" in Page,
    VISIT_STAGE = SCRIPT "visit/stage.js" in Call,
    VISIT_TALK = SCRIPT "visit/talk.js" in Call,
    VISIT_WHO = SCRIPT "visit/who.js" in Guest,
    VISIT_WORKSPACE = SCRIPT "visit/workspace.js" in Workspace,
    /// Chart and note beside a call, on the page of the visit.
    WORKSPACE_CSS = STYLE "workspace.css",
    /// In their frames.
    BESIDE = SCRIPT "beside.js",
    BESIDE_CSS = STYLE "beside.css",
    CALL_BYTES = SCRIPT "call/bytes.js" in Call,
    CALL_CALL = SCRIPT "call/call.js" in Call,
    CALL_EMOJI = SCRIPT "call/emoji.js" in Call,
    CALL_FRAME_WORKER = SCRIPT "call/frame-worker.js" in Call,
    CALL_FRAMES = SCRIPT "call/frames.js" in Call,
    CALL_GATE = SCRIPT "call/gate.js" in Call,
    CALL_HPKE = SCRIPT "call/hpke.js" in Call,
    CALL_KEYS = SCRIPT "call/keys.js" in Call,
    CALL_MEDIA = SCRIPT "call/media.js" in Call,
    CALL_MONITOR = SCRIPT "call/monitor.js" in Call,
    CALL_PEER = SCRIPT "call/peer.js" in Call,
    CALL_POST = SCRIPT "call/post.js" in Call,
    CALL_ROSTER = SCRIPT "call/roster.js" in Call,
    CALL_SIGNAL = SCRIPT "call/signal.js" in Call,
    CALL_TALK = SCRIPT "call/talk.js" in Call,
    /// Patients, actions and pages from one field.
    PALETTE = SCRIPT "palette.js",
    PALETTE_CSS = STYLE "palette.css",
    /// What the list of a day does with scripts on.
    TODAY = SCRIPT "today.js",
    /// Conversions beside what is typed, and the arrow keys in plots.
    VITALS = SCRIPT "vitals.js",
    /// Flowsheets, and the points of plots.
    FLOWSHEET = STYLE "flowsheet.css",
    /// Lists of what is left to do: results and the inbox.
    WORK_CSS = STYLE "work.css",
    /// Keys in those lists.
    WORK = SCRIPT "work.js",
    /// Forms that are sent once.
    ONCE = SCRIPT "once.js",
    /// The lists of a chart: allergies, medicines, problems, immunizations.
    LISTS = STYLE "lists.css",
    /// Prints a sheet.
    PRINT = SCRIPT "print.js",
    /// Registering and editing patients, insurance, photo, merging.
    PATIENT_CSS = STYLE "patient.css",
    /// The calendar.
    CALENDAR_CSS = STYLE "calendar.css",
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
    pub icon: &'static Asset,
    pub font: &'static Asset,
    /// Of the pages behind the door.
    pub keys: &'static Asset,
    pub confirm: &'static Asset,
    pub unsent: &'static Asset,
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
            icon: &ICON,
            font: &LATIN,
            keys: &KEYS,
            confirm: &CONFIRM,
            unsent: &UNSENT,
            palette: &PALETTE,
            palette_css: &PALETTE_CSS,
            beside: (web.1 == Stand::Beside).then_some(Beside { css: &BESIDE_CSS, js: &BESIDE }),
        }
    }
}
