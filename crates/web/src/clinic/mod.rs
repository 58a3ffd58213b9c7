//! What the pages of the clinic share: the bar around them, asking the record, and FHIR JSON as people read it.
//!
//! Nothing here decides: what a caller may see the record has decided before a page holds it.

pub mod addressed;
pub mod allergens;
pub mod ask;
pub mod banner;
pub mod book;
pub mod codes;
pub mod day;
pub mod deed;
pub mod demographics;
pub mod diagnoses;
pub mod duty;
pub mod form_labels;
pub mod form_task;
pub mod head;
pub mod inbox;
pub mod licence;
pub mod likeness;
pub mod moves;
pub mod name;
pub mod names;
pub mod nicknames;
pub mod note;
pub mod orders;
pub mod own;
pub mod phrases;
pub mod picture;
pub mod questionnaire;
pub mod read;
pub mod reports;
pub mod rules;
pub mod shell;
pub mod slots;
pub mod tabs;
pub mod task;
pub mod templates;
pub mod time;
pub mod token;
pub mod typed;
pub mod value;
pub mod visit;
pub mod vitals;
pub mod ways;
