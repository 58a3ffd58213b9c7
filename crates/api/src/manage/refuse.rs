//! What the rooms below refuse, as problems.

use compliance::ComplianceError;
use identity::IdentityError;
use record::RecordError;

use super::problem::Problem;

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Unknown(_) => Problem::not_found(),
            // Fixed words of the rule that was not met.
            IdentityError::Invalid(rule) | IdentityError::Setting(rule) => Problem::invalid(rule),
            IdentityError::NotPermitted(_) => Problem::not_permitted(),
            IdentityError::StepUp => Problem::step_up(),
            IdentityError::NotByOneself => Problem::second_person(),
            IdentityError::NoSuchCode => Problem::does_not_match(),
            IdentityError::Wait { seconds } => Problem::wait(seconds),
            IdentityError::Busy => Problem::unavailable(),
            IdentityError::Stored
            | IdentityError::Audit(_)
            | IdentityError::Store(_)
            | IdentityError::Crypto(_)
            | IdentityError::Ended => {
                tracing::error!(%error, "cannot manage");
                Problem::unavailable()
            }
        }
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Denied(record::Refusal::Never) => Problem::not_permitted(),
            RecordError::Denied(_) | RecordError::NotFound | RecordError::Gone => Problem::not_found(),
            RecordError::Conflict => Problem::conflict(),
            RecordError::Malformed(rule) | RecordError::NotSupported(rule) => Problem::invalid(rule),
            other => {
                tracing::error!(error = %other, "cannot manage");
                Problem::unavailable()
            }
        }
    }
}

impl From<ComplianceError> for Problem {
    fn from(error: ComplianceError) -> Self {
        match error {
            ComplianceError::Unknown(_) => Problem::not_found(),
            ComplianceError::AboutOneself | ComplianceError::OwnVersion | ComplianceError::NotTheOwner => {
                Problem::second_person().with(error.to_string())
            }
            ComplianceError::Closed
            | ComplianceError::Active
            | ComplianceError::Changed
            | ComplianceError::AgreementEnded => Problem::conflict().with(error.to_string()),
            ComplianceError::Words
            | ComplianceError::TooManyWords
            | ComplianceError::Setting(_)
            | ComplianceError::Agreement(_) => Problem::invalid(error.to_string()),
            // Names of files and policies that the sender wrote: no value of the record is in them.
            ComplianceError::Policies(error) => Problem::invalid(error.to_string()),
            other => {
                tracing::error!(error = %other, "cannot manage");
                Problem::unavailable()
            }
        }
    }
}
