//! From an address to what answers it.

mod allergies;
mod chart;
mod cover;
mod documents;
mod enrol;
mod events;
mod immunizations;
mod inbox;
mod insurance;
mod me;
mod medicines;
mod merge;
mod note;
mod orders;
mod patients;
mod photo;
mod prescriptions;
mod problems;
mod proofs;
mod register;
mod results;
mod schedule;
mod sign_in;
mod step_up;
mod today;
mod vitals;

pub(crate) use step_up::again;

use askama::Template;
use axum::body::Body;
use http::{Response, StatusCode};

use crate::assets::Frame;
use crate::client::Asked;
use crate::clinic::shell::{finds_patients, sees_the_day};
use crate::refusal::Refusal;
use crate::route::Route;
use crate::{Web, answer};

pub(crate) use chart::measures::vital_name;
pub(crate) use chart::notes::written;
pub(crate) use chart::panels::{medicines_said, problems_said};
pub(crate) use photo::has_photo;
pub(crate) use sign_in::goes_on;

/// The page of the chart says why it is closed, and offers what policy offers.
fn closed(asked: &Asked<'_>) -> Response<Body> {
    answer::see(&format!("/patients/{}", asked.ids[0]))
}

/// Who goes which way from a chart.
pub(crate) mod ways {
    pub use super::insurance::may_look as insures;
    pub use super::merge::may_merge as merges;
    pub use super::photo::may_keep as keeps_photos;
    pub use super::register::edit::may_edit as edits;
}

pub(crate) type Answer = Result<Response<Body>, Refusal>;

pub(crate) async fn answer(route: Route, asked: &Asked<'_>) -> Answer {
    match route {
        Route::Asset(asset) => Ok(answer::asset(asset)),
        Route::Home => home(asked).await,
        Route::SignIn => sign_in::page(asked).await,
        Route::Password => sign_in::password(asked).await,
        Route::Second => sign_in::second(asked).await,
        Route::SecondPasskey => sign_in::second_passkey(asked),
        Route::PasskeyBegin => sign_in::passkey_begin(asked),
        Route::PasskeyFinish => sign_in::passkey_finish(asked).await,
        Route::Enrol => Ok(enrol::page(asked)),
        Route::EnrolCode => enrol::code(asked),
        Route::EnrolSteps => enrol::steps(asked),
        Route::EnrolPassword => enrol::password(asked).await,
        Route::EnrolTotp => enrol::totp(asked),
        Route::EnrolTotpConfirm => enrol::totp_confirm(asked),
        Route::EnrolPasskey => enrol::passkey(asked),
        Route::EnrolPasskeyFinish => enrol::passkey_finish(asked),
        Route::EnrolRecovery => enrol::recovery(asked),
        Route::EnrolFinish => enrol::finish(asked).await,
        Route::StepUp => step_up::page(asked).await,
        Route::StepUpTotp => step_up::totp(asked).await,
        Route::StepUpPasskey => step_up::passkey(asked).await,
        Route::StepUpPasskeyFinish => step_up::passkey_finish(asked).await,
        Route::Me => me::page(asked).await,
        Route::EndSession => me::end_session(asked).await,
        Route::EndOthers => me::end_others(asked).await,
        Route::CloseDevice => me::close_device(asked).await,
        Route::NewToken => me::new_token(asked).await,
        Route::RevokeToken => me::revoke_token(asked).await,
        Route::Proofs => proofs::page(asked).await,
        Route::NewPassword => proofs::password(asked).await,
        Route::NewTotp => proofs::totp(asked).await,
        Route::NewTotpConfirm => proofs::totp_confirm(asked).await,
        Route::NewPasskey => proofs::passkey(asked).await,
        Route::NewPasskeyFinish => proofs::passkey_finish(asked).await,
        Route::RemovePasskey => proofs::remove_passkey(asked).await,
        Route::NewRecovery => proofs::recovery(asked).await,
        Route::Events => events::stream(asked).await,
        Route::Prove => events::prove(asked).await,
        Route::Active => events::active(asked).await,
        Route::SignOut => me::sign_out(asked).await,
        Route::Today => today::page(asked).await,
        Route::TodayPart => today::part(asked).await,
        Route::TodayEvents => today::events(asked).await,
        Route::TodayAct => today::act(asked).await,
        Route::CancelAppointment => today::cancel(asked).await,
        Route::Schedule => schedule::page(asked).await,
        Route::Booking => schedule::booking(asked).await,
        Route::BookingFind => schedule::find(asked).await,
        Route::Book => schedule::book(asked).await,
        Route::Results => results::page(asked).await,
        Route::Result => results::one(asked).await,
        Route::AcknowledgeResult => results::save(asked).await,
        Route::Inbox => inbox::page(asked).await,
        Route::InboxTask => inbox::one_task(asked).await,
        Route::ActOnTask => inbox::act_on_task(asked).await,
        Route::InboxMessage => inbox::message(asked).await,
        Route::ActOnMessage => inbox::act_on_message(asked).await,
        Route::Cover => cover::page(asked).await,
        Route::SaveCover => cover::save(asked).await,
        Route::Patients => patients::page(asked).await,
        Route::FindPatient => patients::find(asked).await,
        Route::NewPatient => register::blank(asked).await,
        Route::RegisterPatient => register::register(asked).await,
        Route::EditPatient => register::edit::page(asked).await,
        Route::SavePatient => register::edit::save(asked).await,
        Route::Picture => photo::picture(asked).await,
        Route::Photo => photo::page(asked).await,
        Route::SavePhoto => photo::save(asked).await,
        Route::Insurance => insurance::page(asked).await,
        Route::SaveInsurance => insurance::save(asked).await,
        Route::Merge => merge::page(asked).await,
        Route::MergeStep => merge::step(asked).await,
        Route::Unmerge => merge::undo(asked).await,
        Route::Chart => chart::page(asked).await,
        Route::BreakGlass => chart::break_glass(asked).await,
        Route::CloseGlass => chart::close_glass(asked).await,
        Route::Allergies => allergies::page(asked).await,
        Route::AddAllergy => allergies::add(asked).await,
        Route::Allergy => allergies::one(asked).await,
        Route::SaveAllergy => allergies::save(asked).await,
        Route::Medicines => medicines::page(asked).await,
        Route::Reconcile => medicines::reconcile(asked).await,
        Route::NewPrescription => prescriptions::new(asked).await,
        Route::Prescribe => prescriptions::draft(asked).await,
        Route::Prescription => prescriptions::one(asked).await,
        Route::PrescriptionAct => prescriptions::act(asked).await,
        Route::Overrides => prescriptions::review(asked).await,
        Route::Problems => problems::page(asked).await,
        Route::AddProblem => problems::add(asked).await,
        Route::Problem => problems::one(asked).await,
        Route::SaveProblem => problems::save(asked).await,
        Route::Immunizations => immunizations::page(asked).await,
        Route::AddImmunization => immunizations::add(asked).await,
        Route::MistakenImmunization => immunizations::mistake(asked).await,
        Route::Vitals => vitals::page(asked).await,
        Route::SaveVitals => vitals::save(asked).await,
        Route::MyOrders => orders::mine(asked).await,
        Route::Orders => orders::page(asked).await,
        Route::NewOrders => orders::new(asked).await,
        Route::AddOrders => orders::add(asked).await,
        Route::NewReferral => orders::refer(asked).await,
        Route::AddReferral => orders::refer_add(asked).await,
        Route::SignOrders => orders::sign(asked).await,
        Route::Order => orders::one(asked).await,
        Route::ChangeOrder => orders::change(asked).await,
        Route::OrderLetter => orders::letter(asked).await,
        Route::Documents => documents::page(asked).await,
        Route::FileDocument => documents::file(asked).await,
        Route::Document => documents::one(asked).await,
        Route::ChangeDocument => documents::change(asked).await,
        Route::DocumentFile => documents::content(asked).await,
        Route::NewNote => note::new(asked).await,
        Route::Note => note::page(asked).await,
        Route::SaveNote => note::save(asked).await,
        Route::NotePreview => note::preview(asked).await,
        Route::SignNote => note::sign(asked).await,
        Route::DiscardNote => note::discard(asked).await,
        Route::NotePhrase => note::phrase(asked).await,
        Route::NoteKey => note::key(asked).await,
    }
}

/// Whoever works with appointments begins with the day, whoever looks for patients there.
async fn home(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let place = match &session.caller {
        Some(caller) if sees_the_day(asked.web, caller) => "/today",
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
