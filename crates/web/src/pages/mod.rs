//! From an address to what answers it.

mod activate;
mod agreements;
mod allergies;
mod asked_forms;
mod chart;
mod documents;
mod elsewhere;
mod enrol;
mod events;
mod gone_through;
mod guidance;
mod immunizations;
mod inbox;
mod insurance;
mod labs;
mod lock;
mod me;
mod medicines;
mod merge;
mod messages;
mod note;
mod orders;
mod palette;
mod patients;
mod photo;
mod prescriptions;
mod problems;
mod proofs;
mod register;
mod results;
mod schedule;
mod sign_in;
mod social;
mod step_up;
mod ties;
mod timeline;
mod times;
mod today;
mod visit;
mod vitals;

pub(crate) use elsewhere::{Way, way};
pub(crate) use step_up::again;
pub use visit::Hosts;
pub(crate) use visit::{ShownForms, follow, has_come};

use std::future::{Future, ready};
use std::pin::Pin;

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};

use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::shell::{finds_patients, keeps_tasks, sees_the_day};
use crate::refusal::Refusal;
use crate::route::Route;
use crate::{Web, answer};

pub(crate) use chart::measures::vital_name;
pub(crate) use chart::notes::written;
pub(crate) use chart::panels::{medicines_said, problems_said};
pub(crate) use photo::has_photo;
pub(crate) use vitals::visit as open_visit;

/// The page of the chart says why it is closed, and offers what policy offers.
fn closed(asked: &Asked<'_>) -> Response<Body> {
    answer::see(&format!("/patients/{}", asked.ids[0]))
}

/// Who goes which way from a chart.
pub(crate) mod ways {
    pub use super::activate::may_activate as activates;
    pub use super::asked_forms::may_look as sees_forms;
    pub use super::inbox::may_begin as begins_tasks;
    pub use super::insurance::may_look as insures;
    pub use super::merge::may_merge as merges;
    pub use super::orders::may_order as orders;
    pub use super::photo::may_keep as keeps_photos;
    pub use super::prescriptions::may_prescribe as prescribes;
    pub use super::register::edit::may_edit as edits;
    pub use super::schedule::may_book as books;
    pub use super::vitals::may_write as writes_vitals;
}

pub(crate) type Answer = Result<Response<Body>, Refusal>;
type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Each page on the heap by itself: one future with room for any of them would fill the stack of a thread.
pub(crate) fn answer<'a>(route: Route, asked: &'a Asked<'a>) -> Answering<'a> {
    match route {
        Route::Asset(asset) => now(Ok(answer::asset(asset))),
        Route::Home => later(asked, home),
        Route::SignIn => later(asked, sign_in::page),
        Route::Password => later(asked, sign_in::password),
        Route::Second => later(asked, sign_in::second),
        Route::SecondPasskey => now(sign_in::second_passkey(asked)),
        Route::PasskeyBegin => now(sign_in::passkey_begin(asked)),
        Route::PasskeyFinish => later(asked, sign_in::passkey_finish),
        Route::Lock => later(asked, lock::page),
        Route::LockScreen => later(asked, lock::lock),
        Route::LockPassword => later(asked, lock::password),
        Route::Enrol => now(Ok(enrol::page(asked))),
        Route::EnrolCode => now(enrol::code(asked)),
        Route::EnrolSteps => now(enrol::steps(asked)),
        Route::EnrolPassword => later(asked, enrol::password),
        Route::EnrolTotp => now(enrol::totp(asked)),
        Route::EnrolTotpConfirm => now(enrol::totp_confirm(asked)),
        Route::EnrolPasskey => now(enrol::passkey(asked)),
        Route::EnrolPasskeyFinish => now(enrol::passkey_finish(asked)),
        Route::EnrolRecovery => now(enrol::recovery(asked)),
        Route::EnrolFinish => later(asked, enrol::finish),
        Route::StepUp => later(asked, step_up::page),
        Route::StepUpTotp => later(asked, step_up::totp),
        Route::StepUpPasskey => later(asked, step_up::passkey),
        Route::StepUpPasskeyFinish => later(asked, step_up::passkey_finish),
        Route::Guidance => later(asked, guidance::page),
        Route::ReadGuidance => later(asked, guidance::read),
        Route::Me => later(asked, me::page),
        Route::EndSession => later(asked, me::end_session),
        Route::EndOthers => later(asked, me::end_others),
        Route::CloseDevice => later(asked, me::close_device),
        Route::NewToken => later(asked, me::new_token),
        Route::RevokeToken => later(asked, me::revoke_token),
        Route::Proofs => later(asked, proofs::page),
        Route::NewPassword => later(asked, proofs::password),
        Route::NewTotp => later(asked, proofs::totp),
        Route::NewTotpConfirm => later(asked, proofs::totp_confirm),
        Route::NewPasskey => later(asked, proofs::passkey),
        Route::NewPasskeyFinish => later(asked, proofs::passkey_finish),
        Route::RemovePasskey => later(asked, proofs::remove_passkey),
        Route::NewRecovery => later(asked, proofs::recovery),
        Route::Events => later(asked, events::stream),
        Route::Prove => later(asked, events::prove),
        Route::Active => later(asked, events::active),
        Route::SignOut => later(asked, me::sign_out),
        Route::Letters => later(asked, me::letters),
        Route::Palette => later(asked, palette::ways),
        Route::PaletteFind => later(asked, palette::find),
        Route::Today => later(asked, today::page),
        Route::TodayPart => later(asked, today::part),
        Route::TodayEvents => later(asked, today::events),
        Route::TodayAct => later(asked, today::act),
        Route::CancelAppointment => later(asked, today::cancel),
        Route::Interpreter => later(asked, today::interpreter),
        Route::SaveInterpreter => later(asked, today::save_interpreter),
        Route::VisitHost => later(asked, visit::host),
        Route::VisitAbout => later(asked, visit::about),
        Route::VisitRisk => later(asked, visit::risk),
        Route::DecideRisk => later(asked, visit::decide),
        Route::RelayOnly => later(asked, visit::relay),
        Route::VisitSeen => later(asked, visit::seen),
        Route::VisitPasskey => later(asked, visit::passkey),
        Route::EnrolVisitPasskey => later(asked, visit::enrol_passkey),
        Route::ProveVisitPasskey => later(asked, visit::prove_passkey),
        Route::RemoveVisitPasskey => later(asked, visit::remove_own_passkey),
        Route::TakeVisitPasskey => later(asked, visit::take_passkey),
        Route::VisitTicket => later(asked, visit::host_ticket),
        Route::VisitSession => later(asked, visit::host_session),
        Route::InviteGuest => later(asked, visit::invite),
        Route::RevokeGuest => later(asked, visit::revoke),
        Route::VisitNote => later(asked, visit::note),
        Route::VisitSummary => later(asked, visit::summary),
        Route::KeepFile => later(asked, visit::keep_file),
        Route::KeepTalk => later(asked, visit::keep_talk),
        Route::HeldFiles => later(asked, visit::held),
        Route::RetryHeld => later(asked, visit::retry_held),
        Route::DropHeld => later(asked, visit::drop_held),
        Route::VisitGuest => now(Ok(visit::guest(asked))),
        Route::OpenLink => later(asked, visit::open),
        Route::CheckGuest => later(asked, visit::check),
        Route::GuestCode => later(asked, visit::code),
        Route::GuestAgrees => later(asked, visit::agree),
        Route::GuestRelay => later(asked, visit::guest_relay),
        Route::HostRelay => later(asked, visit::host_relay),
        Route::VisitForms => later(asked, visit::forms),
        Route::VisitFormsLater => later(asked, visit::forms_later),
        Route::VisitForm => later(asked, visit::form),
        Route::SendVisitForm => later(asked, visit::send_form),
        Route::EnterMyVisit => later(asked, visit::enter),
        Route::GuestTicket => later(asked, visit::guest_ticket),
        // Answered before a page is: it goes on after its answer.
        Route::VisitLine => now(Err(crate::refusal::Refusal::NotFound)),
        Route::Schedule => later(asked, schedule::page),
        Route::Booking => later(asked, schedule::booking),
        Route::BookingFind => later(asked, schedule::find),
        Route::Book => later(asked, schedule::book),
        Route::Results => later(asked, results::page),
        Route::Result => later(asked, results::one),
        Route::AcknowledgeResult => later(asked, results::save),
        Route::Inbox => later(asked, inbox::page),
        Route::InboxTask => later(asked, inbox::one_task),
        Route::ActOnTask => later(asked, inbox::act_on_task),
        Route::InboxMessage => later(asked, inbox::message),
        Route::ActOnMessage => later(asked, inbox::act_on_message),
        Route::BeginTask => later(asked, inbox::begin),
        Route::MakeTask => later(asked, inbox::make),
        Route::Cover => later(asked, ties::cover::page),
        Route::SaveCover => later(asked, ties::cover::save),
        Route::Colleagues => later(asked, ties::colleagues::page),
        Route::SaveColleagues => later(asked, ties::colleagues::save),
        Route::Times => later(asked, times::page),
        Route::SaveTimes => later(asked, times::save),
        Route::Agreements => later(asked, agreements::page),
        Route::AddAgreement => later(asked, agreements::add),
        Route::Agreement => later(asked, agreements::one),
        Route::ChangeAgreement => later(asked, agreements::change),
        Route::Patients => later(asked, patients::page),
        Route::FindPatient => later(asked, patients::find),
        Route::NewPatient => later(asked, register::blank),
        Route::RegisterPatient => later(asked, register::register),
        Route::EditPatient => later(asked, register::edit::page),
        Route::SavePatient => later(asked, register::edit::save),
        Route::Picture => later(asked, photo::picture),
        Route::Photo => later(asked, photo::page),
        Route::SavePhoto => later(asked, photo::save),
        Route::Insurance => later(asked, insurance::page),
        Route::SaveInsurance => later(asked, insurance::save),
        Route::PatientAccess => later(asked, activate::page),
        Route::ActivatePatient => later(asked, activate::save),
        Route::Merge => later(asked, merge::page),
        Route::MergeStep => later(asked, merge::step),
        Route::Unmerge => later(asked, merge::undo),
        Route::Chart => later(asked, chart::page),
        Route::BreakGlass => later(asked, chart::break_glass),
        Route::CloseGlass => later(asked, chart::close_glass),
        Route::Allergies => later(asked, allergies::page),
        Route::AddAllergy => later(asked, allergies::add),
        Route::Allergy => later(asked, allergies::one),
        Route::SaveAllergy => later(asked, allergies::save),
        Route::Medicines => later(asked, medicines::page),
        Route::Reconcile => later(asked, medicines::reconcile),
        Route::GoThrough => later(asked, gone_through::page),
        Route::WentThrough => later(asked, gone_through::save),
        Route::NewPrescription => later(asked, prescriptions::new),
        Route::Prescribe => later(asked, prescriptions::draft),
        Route::Prescription => later(asked, prescriptions::one),
        Route::PrescriptionAct => later(asked, prescriptions::act),
        Route::Overrides => later(asked, prescriptions::review),
        Route::ReviewOverride => later(asked, prescriptions::reviewed),
        Route::Problems => later(asked, problems::page),
        Route::AddProblem => later(asked, problems::add),
        Route::Problem => later(asked, problems::one),
        Route::SaveProblem => later(asked, problems::save),
        Route::Social => later(asked, social::page),
        Route::SaveSocial => later(asked, social::save),
        Route::Messages => later(asked, messages::page),
        Route::Immunizations => later(asked, immunizations::page),
        Route::AddImmunization => later(asked, immunizations::add),
        Route::MistakenImmunization => later(asked, immunizations::mistake),
        Route::Vitals => later(asked, vitals::page),
        Route::SaveVitals => later(asked, vitals::save),
        Route::Labs => later(asked, labs::page),
        Route::Timeline => later(asked, timeline::page),
        Route::MyOrders => later(asked, orders::mine),
        Route::Orders => later(asked, orders::page),
        Route::NewOrders => later(asked, orders::new),
        Route::AddOrders => later(asked, orders::add),
        Route::NewReferral => later(asked, orders::refer),
        Route::AddReferral => later(asked, orders::refer_add),
        Route::SignOrders => later(asked, orders::sign),
        Route::Order => later(asked, orders::one),
        Route::ChangeOrder => later(asked, orders::change),
        Route::OrderLetter => later(asked, orders::letter),
        Route::UnsignedDocuments => later(asked, documents::unsigned),
        Route::Documents => later(asked, documents::page),
        Route::FileDocument => later(asked, documents::file),
        Route::Document => later(asked, documents::one),
        Route::ChangeDocument => later(asked, documents::change),
        Route::DocumentFile => later(asked, documents::content),
        Route::AskedForms => later(asked, asked_forms::page),
        Route::AskForm => later(asked, asked_forms::ask),
        Route::FormAnswers => later(asked, asked_forms::one),
        Route::CallOffForm => later(asked, asked_forms::call_off),
        Route::MyNotes => later(asked, note::mine),
        Route::OwnTexts => later(asked, note::own),
        Route::KeepOwnTexts => later(asked, note::keep_own),
        Route::NewNote => later(asked, note::new),
        Route::Note => later(asked, note::page),
        Route::SaveNote => later(asked, note::save),
        Route::NotePreview => later(asked, note::preview),
        Route::NoteSummary => later(asked, note::summary),
        Route::SignNote => later(asked, note::sign),
        Route::CosignNote => later(asked, note::cosign),
        Route::DiscardNote => later(asked, note::discard),
        Route::NotePhrase => later(asked, note::phrase),
        Route::NoteKey => later(asked, note::key),
    }
}

/// Made here and not in the match, whose frame would have room for each of them.
fn later<'a, P, A>(asked: &'a Asked<'a>, page: P) -> Answering<'a>
where
    P: FnOnce(&'a Asked<'a>) -> A,
    A: Future<Output = Answer> + Send + 'a,
{
    Box::pin(page(asked))
}

fn now(answer: Answer) -> Answering<'static> {
    Box::pin(ready(answer))
}

/// The first page of one's work: the day, what waits, or finding patients.
async fn home(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let place = match &session.caller {
        Some(caller) if sees_the_day(asked.web, caller) => "/today",
        Some(caller) if keeps_tasks(asked.web, caller) => "/inbox",
        Some(caller) if finds_patients(asked.web, caller) => "/patients",
        _ => "/me",
    };
    Ok(answer::see(place))
}

/// Its script signs the challenge with the key of this browser and asks again.
#[derive(Template)]
#[template(path = "prove.html")]
struct Prove<'a> {
    frame: Frame<'a>,
    challenge: &'a str,
}

pub(crate) fn prove(web: &Web, challenge: &str) -> Response<Body> {
    answer::page(StatusCode::UNAUTHORIZED, &Prove { frame: Frame::of(web), challenge })
}
