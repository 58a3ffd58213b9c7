//! Every address of the pages. Where a template has `{}` an address has an opaque id, and nothing else about a person.

use http::Method;

use crate::answer;
use crate::assets::Asset;
use crate::clinic::questionnaire;
use crate::forms::BODY_BYTES_MAX;
use crate::refusal::Refusal;
use crate::uploads;

/// `{}` of one address.
const IDS_MAX: usize = 2;
/// Letters of an id (FHIR R4, datatypes.html#id).
const ID_BYTES_MAX: usize = 64;

/// A route, and what its address has for `{}`, in order.
pub(crate) struct Found<'p> {
    pub route: Route,
    pub ids: Ids<'p>,
}

/// Well-formed ids; empty texts behind the last.
pub(crate) type Ids<'p> = [&'p str; IDS_MAX];

macro_rules! routes {
    ($($variant:ident = $method:ident $path:literal),* $(,)?) => {
        #[derive(Clone, Copy)]
        pub(crate) enum Route { $($variant,)* Asset(&'static Asset) }

        /// Method and path, assets apart.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];
        const EACH: &[Route] = &[$(Route::$variant),*];

        impl Route {
            /// For the log: nothing of the request itself.
            pub fn template(&self) -> &'static str {
                match self {
                    $(Route::$variant => $path,)*
                    Route::Asset(asset) => asset.path,
                }
            }
        }
    };
}

impl Route {
    /// Whether a person may be sent there.
    pub fn is_page(&self) -> bool {
        !matches!(
            self,
            Route::Asset(_)
                | Route::Events
                | Route::TodayPart
                | Route::TodayEvents
                | Route::DocumentFile
                | Route::Picture
                | Route::VisitLine
                | Route::VisitAbout
                | Route::VisitRisk
        )
    }

    /// Whether a signed-in person is led back there: doors, and what is asked on the way, are no place to be.
    pub fn is_place(&self) -> bool {
        let is_way = matches!(
            self,
            Route::Home
                | Route::SignIn
                | Route::Lock
                | Route::Enrol
                | Route::EnrolSteps
                | Route::StepUp
                | Route::Guidance
                | Route::VisitGuest
                | Route::VisitForms
                | Route::VisitForm
        );
        self.is_page() && !is_way
    }

    /// Whether it may stand beside a call, in a frame on the page of the visit: the patient's chart, the note, what is ordered and
    /// prescribed from them, and the proof that one is asked for there. Who a patient is, and who gets in, is changed elsewhere.
    pub fn stands_beside(&self) -> bool {
        use Route::*;
        matches!(
            self,
            VisitNote
                | VisitSummary
                | Chart
                | BreakGlass
                | CloseGlass
                | Allergies
                | AddAllergy
                | Allergy
                | SaveAllergy
                | Medicines
                | Reconcile
                | GoThrough
                | WentThrough
                | NewPrescription
                | Prescribe
                | Prescription
                | PrescriptionAct
                | Problems
                | AddProblem
                | Problem
                | SaveProblem
                | Social
                | SaveSocial
                | Messages
                | AskedForms
                | AskForm
                | FormAnswers
                | CallOffForm
                | Immunizations
                | AddImmunization
                | MistakenImmunization
                | Vitals
                | SaveVitals
                | Labs
                | Timeline
                | Orders
                | NewOrders
                | AddOrders
                | NewReferral
                | AddReferral
                | SignOrders
                | Order
                | ChangeOrder
                | OrderLetter
                | Documents
                | FileDocument
                | Document
                | ChangeDocument
                | OwnTexts
                | KeepOwnTexts
                | NewNote
                | Note
                | SaveNote
                | NotePreview
                | NoteSummary
                | SignNote
                | CosignNote
                | DiscardNote
                | StepUp
                | StepUpTotp
        )
    }

    /// The addresses that stand beside a call.
    pub fn beside() -> impl Iterator<Item = &'static str> {
        let all = ROUTES.iter().zip(EACH);
        all.filter(|((method, _), route)| *method == "GET" && route.stands_beside()).map(|((_, path), _)| *path)
    }

    pub fn takes_documents(&self) -> bool {
        matches!(self, Route::FileDocument | Route::KeepFile)
    }

    pub fn body_bytes_max(&self) -> usize {
        match self {
            Route::SendVisitForm => questionnaire::SENT_BYTES_MAX,
            _ if self.takes_documents() => uploads::BODY_BYTES_MAX,
            _ => BODY_BYTES_MAX,
        }
    }

    /// The first route that fits: literal addresses stand before those with an id in the same place.
    pub fn parse<'p>(method: &Method, path: &'p str) -> Result<Found<'p>, Refusal> {
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        if let Some(asset) = answer::asset_of(path) {
            let found = Found { route: Route::Asset(asset), ids: [""; IDS_MAX] };
            return if method == "GET" { Ok(found) } else { Err(Refusal::Method) };
        }
        let mut is_known = false;
        for ((its_method, template), route) in ROUTES.iter().zip(EACH) {
            let Some(ids) = fit(template, path) else { continue };
            if *its_method == method {
                return Ok(Found { route: *route, ids });
            }
            is_known = true;
        }
        Err(if is_known { Refusal::Method } else { Refusal::NotFound })
    }
}

fn fit<'p>(template: &str, path: &'p str) -> Option<Ids<'p>> {
    let mut ids = [""; IDS_MAX];
    let mut free = ids.iter_mut();
    let mut segments = path.split('/');
    for part in template.split('/') {
        let segment = segments.next()?;
        if part == "{}" && is_id(segment) {
            *free.next()? = segment;
        } else if part != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(ids)
}

pub(crate) fn is_id(text: &str) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    (1..=ID_BYTES_MAX).contains(&text.len()) && letters
}

routes! {
    Home = GET "/",
    SignIn = GET "/signin",
    Password = POST "/signin",
    Second = POST "/signin/second",
    SecondPasskey = POST "/signin/second/passkey",
    PasskeyBegin = POST "/signin/passkey",
    PasskeyFinish = POST "/signin/passkey/finish",
    Lock = GET "/lock",
    LockScreen = POST "/lock",
    LockPassword = POST "/lock/password",
    Enrol = GET "/enrol",
    EnrolCode = POST "/enrol",
    EnrolSteps = GET "/enrol/steps",
    EnrolPassword = POST "/enrol/password",
    EnrolTotp = POST "/enrol/totp",
    EnrolTotpConfirm = POST "/enrol/totp/confirm",
    EnrolPasskey = POST "/enrol/passkey",
    EnrolPasskeyFinish = POST "/enrol/passkey/finish",
    EnrolRecovery = POST "/enrol/recovery",
    EnrolFinish = POST "/enrol/finish",
    StepUp = GET "/stepup",
    StepUpTotp = POST "/stepup",
    StepUpPasskey = POST "/stepup/passkey",
    StepUpPasskeyFinish = POST "/stepup/passkey/finish",
    Guidance = GET "/guidance",
    ReadGuidance = POST "/guidance",
    Me = GET "/me",
    EndSession = POST "/me/sessions/end",
    EndOthers = POST "/me/sessions/end-others",
    CloseDevice = POST "/me/devices/close",
    NewToken = POST "/me/tokens",
    RevokeToken = POST "/me/tokens/revoke",
    Proofs = GET "/me/proofs",
    NewPassword = POST "/me/proofs/password",
    NewTotp = POST "/me/proofs/totp",
    NewTotpConfirm = POST "/me/proofs/totp/confirm",
    NewPasskey = POST "/me/proofs/passkey",
    NewPasskeyFinish = POST "/me/proofs/passkey/finish",
    RemovePasskey = POST "/me/proofs/passkey/remove",
    NewRecovery = POST "/me/proofs/recovery",
    Events = GET "/me/events",
    Prove = POST "/session/prove",
    Active = POST "/session/active",
    SignOut = POST "/signout",
    Letters = POST "/me/letters",
    Palette = POST "/palette",
    PaletteFind = POST "/palette/patients",
    Today = GET "/today",
    TodayPart = GET "/today/list",
    TodayEvents = GET "/today/events",
    TodayAct = POST "/today/act",
    CancelAppointment = GET "/appointments/{}/cancel",
    Interpreter = GET "/appointments/{}/interpreter",
    SaveInterpreter = POST "/appointments/{}/interpreter",
    VisitHost = GET "/appointments/{}/visit",
    VisitAbout = GET "/appointments/{}/visit/about",
    VisitRisk = GET "/appointments/{}/visit/risk",
    DecideRisk = POST "/appointments/{}/visit/risk",
    RelayOnly = POST "/appointments/{}/visit/relay-only",
    VisitSeen = POST "/appointments/{}/visit/seen",
    VisitPasskey = POST "/visit/passkey",
    EnrolVisitPasskey = POST "/visit/passkey/new",
    ProveVisitPasskey = POST "/visit/passkey/proof",
    RemoveVisitPasskey = POST "/me/visit-passkeys/remove",
    TakeVisitPasskey = POST "/patients/{}/access/passkeys/remove",
    VisitTicket = POST "/appointments/{}/visit/ticket",
    VisitSession = POST "/appointments/{}/visit/session",
    HostRelay = POST "/appointments/{}/visit/relay",
    InviteGuest = POST "/appointments/{}/visit/links",
    RevokeGuest = POST "/appointments/{}/visit/links/revoke",
    VisitNote = GET "/appointments/{}/visit/note",
    VisitSummary = GET "/appointments/{}/visit/summary",
    KeepFile = POST "/appointments/{}/visit/keep/file",
    KeepTalk = POST "/appointments/{}/visit/keep/talk",
    HeldFiles = POST "/appointments/{}/visit/held",
    RetryHeld = POST "/appointments/{}/visit/held/again",
    DropHeld = POST "/appointments/{}/visit/held/drop",
    VisitGuest = GET "/visit",
    OpenLink = POST "/visit/open",
    CheckGuest = POST "/visit/check",
    GuestCode = POST "/visit/code",
    GuestAgrees = POST "/visit/agree",
    GuestRelay = POST "/visit/relay",
    GuestTicket = POST "/visit/ticket",
    VisitForms = GET "/visit/forms",
    VisitFormsLater = POST "/visit/forms",
    VisitForm = GET "/visit/forms/{}",
    SendVisitForm = POST "/visit/forms/{}",
    EnterMyVisit = POST "/my/visits/{}",
    VisitLine = GET "/visits/{}/line",
    Schedule = GET "/schedule",
    Booking = GET "/schedule/book",
    BookingFind = POST "/schedule/find",
    Book = POST "/schedule/book",
    Results = GET "/results",
    Result = GET "/results/{}",
    AcknowledgeResult = POST "/results/{}",
    Inbox = GET "/inbox",
    InboxTask = GET "/inbox/tasks/{}",
    ActOnTask = POST "/inbox/tasks/{}",
    InboxMessage = GET "/inbox/messages/{}",
    ActOnMessage = POST "/inbox/messages/{}",
    BeginTask = GET "/patients/{}/tasks/new",
    MakeTask = POST "/patients/{}/tasks/new",
    Cover = GET "/cover",
    SaveCover = POST "/cover",
    Colleagues = GET "/colleagues",
    SaveColleagues = POST "/colleagues",
    Times = GET "/times",
    SaveTimes = POST "/times",
    Agreements = GET "/agreements",
    AddAgreement = POST "/agreements",
    Agreement = GET "/agreements/{}",
    ChangeAgreement = POST "/agreements/{}",
    Patients = GET "/patients",
    FindPatient = POST "/patients",
    NewPatient = GET "/patients/new",
    RegisterPatient = POST "/patients/new",
    EditPatient = GET "/patients/{}/edit",
    SavePatient = POST "/patients/{}/edit",
    Picture = GET "/patients/{}/picture",
    Photo = GET "/patients/{}/photo",
    SavePhoto = POST "/patients/{}/photo",
    Insurance = GET "/patients/{}/insurance",
    SaveInsurance = POST "/patients/{}/insurance",
    PatientAccess = GET "/patients/{}/access",
    ActivatePatient = POST "/patients/{}/access",
    Merge = GET "/patients/{}/merge",
    MergeStep = POST "/patients/{}/merge",
    Unmerge = POST "/patients/{}/unmerge",
    Chart = GET "/patients/{}",
    BreakGlass = POST "/patients/{}/glass",
    CloseGlass = POST "/patients/{}/glass/close",
    Allergies = GET "/patients/{}/allergies",
    AddAllergy = POST "/patients/{}/allergies",
    Allergy = GET "/patients/{}/allergies/{}",
    SaveAllergy = POST "/patients/{}/allergies/{}",
    Medicines = GET "/patients/{}/medicines",
    Reconcile = POST "/patients/{}/medicines",
    GoThrough = GET "/patients/{}/gone-through/{}",
    WentThrough = POST "/patients/{}/gone-through/{}",
    NewPrescription = GET "/patients/{}/prescriptions/new",
    Prescribe = POST "/patients/{}/prescriptions",
    Prescription = GET "/patients/{}/prescriptions/{}",
    PrescriptionAct = POST "/patients/{}/prescriptions/{}",
    Overrides = GET "/overrides",
    ReviewOverride = POST "/overrides",
    Problems = GET "/patients/{}/problems",
    AddProblem = POST "/patients/{}/problems",
    Problem = GET "/patients/{}/problems/{}",
    SaveProblem = POST "/patients/{}/problems/{}",
    Social = GET "/patients/{}/social",
    SaveSocial = POST "/patients/{}/social",
    Messages = GET "/patients/{}/messages",
    Immunizations = GET "/patients/{}/immunizations",
    AddImmunization = POST "/patients/{}/immunizations",
    MistakenImmunization = POST "/patients/{}/immunizations/{}",
    Vitals = GET "/patients/{}/vitals",
    SaveVitals = POST "/patients/{}/vitals",
    Labs = GET "/patients/{}/labs",
    Timeline = GET "/patients/{}/timeline",
    MyOrders = GET "/orders",
    Orders = GET "/patients/{}/orders",
    NewOrders = GET "/patients/{}/orders/new",
    AddOrders = POST "/patients/{}/orders/new",
    NewReferral = GET "/patients/{}/orders/refer",
    AddReferral = POST "/patients/{}/orders/refer",
    SignOrders = POST "/patients/{}/orders",
    Order = GET "/patients/{}/orders/{}",
    ChangeOrder = POST "/patients/{}/orders/{}",
    OrderLetter = GET "/patients/{}/orders/{}/letter",
    UnsignedDocuments = GET "/documents",
    Documents = GET "/patients/{}/documents",
    FileDocument = POST "/patients/{}/documents",
    Document = GET "/patients/{}/documents/{}",
    ChangeDocument = POST "/patients/{}/documents/{}",
    DocumentFile = GET "/patients/{}/documents/{}/file",
    AskedForms = GET "/patients/{}/forms",
    AskForm = POST "/patients/{}/forms",
    FormAnswers = GET "/patients/{}/forms/{}",
    CallOffForm = POST "/patients/{}/forms/{}/off",
    MyNotes = GET "/notes",
    OwnTexts = GET "/notes/own",
    KeepOwnTexts = POST "/notes/own",
    NewNote = GET "/patients/{}/notes/new",
    Note = GET "/patients/{}/notes/{}",
    SaveNote = POST "/patients/{}/notes/{}",
    NotePreview = GET "/patients/{}/notes/{}/preview",
    NoteSummary = GET "/patients/{}/notes/{}/summary",
    SignNote = POST "/patients/{}/notes/{}/sign",
    CosignNote = POST "/patients/{}/notes/{}/cosign",
    DiscardNote = POST "/patients/{}/notes/{}/discard",
    NotePhrase = POST "/patients/{}/notes/{}/phrase",
    NoteKey = POST "/patients/{}/notes/{}/key",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stands_where_the_template_has_room_and_nowhere_else() {
        assert_eq!(fit("/patients/{}", "/patients/a-1.B"), Some(["a-1.B", ""]));
        assert_eq!(fit("/patients/{}/notes/{}", "/patients/a/notes/b"), Some(["a", "b"]));
        assert_eq!(fit("/patients", "/patients"), Some(["", ""]));
        let long = format!("/patients/{}", "a".repeat(ID_BYTES_MAX + 1));
        for path in
            ["/patients", "/patients/", "/patients/a/", "/patients/a/b", "/patients/a%20b", "/patients/ä", &long]
        {
            assert_eq!(fit("/patients/{}", path), None, "{path}");
        }
    }

    #[test]
    fn a_known_address_says_that_it_takes_another_method() {
        assert!(matches!(Route::parse(&Method::PUT, "/me"), Err(Refusal::Method)));
        assert!(matches!(Route::parse(&Method::GET, "/nowhere"), Err(Refusal::NotFound)));
        assert!(matches!(Route::parse(&Method::HEAD, "/me"), Ok(Found { route: Route::Me, .. })));
    }
}
