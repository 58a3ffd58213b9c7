//! Forms of the demo clinic, in words of our own: what it asks its patients before they come, and what some of them answered.

use super::Urn;
use super::chart::Chart;
use super::day::Moment;
use super::terms::{Coding, coding};
use super::writer::Writer;

const SDC: &str = "http://hl7.org/fhir/uv/sdc/CodeSystem/temp";
const ASKED: Coding = coding(SDC, "complete-questionnaire", "Complete Questionnaire");

struct Form {
    name: &'static str,
    canonical: &'static str,
    /// The members of the Questionnaire.
    text: &'static str,
    /// What who answers it said, by the part of the form; some lie in none.
    said: &'static [(Part, &'static [Answer])],
}

/// linkId and words of a part of the form.
type Part = Option<(&'static str, &'static str)>;
/// linkId, question and answer.
type Answer = (&'static str, &'static str, Said);

enum Said {
    Yes,
    No,
    Number(u8),
    Words(&'static str),
}

/// The same for all who answered: what they said is not what the demo is about.
static FORMS: [Form; 2] = [
    Form {
        name: "Health questionnaire",
        canonical: "http://wardstone.example/fhir/Questionnaire/health|1",
        text: include_str!("forms/health.json"),
        said: &[
            (
                Some(("since", "Since your last visit")),
                &[
                    ("changed", "Has anything about your health changed?", Said::Yes),
                    ("what", "What has changed?", Said::Words("I sleep badly since the days are shorter.")),
                ],
            ),
            (
                Some(("today", "Today")),
                &[
                    (
                        "pain",
                        "How strong is your pain? 0 is none, 10 the worst that you can think of.",
                        Said::Number(2),
                    ),
                    ("where", "Where does it hurt?", Said::Words("Left knee, on stairs")),
                ],
            ),
            (
                None,
                &[(
                    "matters",
                    "What matters most to you in this visit?",
                    Said::Words("To know whether I may go on hiking."),
                )],
            ),
        ],
    },
    Form {
        name: "Medicines and allergies",
        canonical: "http://wardstone.example/fhir/Questionnaire/medicines|1",
        text: include_str!("forms/medicines.json"),
        said: &[(
            None,
            &[
                ("taken", "Do you take your medicines as they were prescribed?", Said::Words("Most of the time")),
                ("why", "What gets in the way?", Said::Words("I forget them")),
                ("reacted", "Did a medicine or a food make you ill since your last visit?", Said::No),
                ("pharmacy", "Which pharmacy do you use?", Said::Words("The one beside the clinic")),
            ],
        )],
    },
];

/// Every form, once for the clinic.
pub(super) fn all(mut add: impl FnMut(&dyn Fn(&mut Writer))) {
    for form in &FORMS {
        add(&|w| w.members(form.text));
    }
}

/// What patients of the first days are asked to fill in; `done`: so many of it is filled in.
pub(super) fn ask(chart: &mut Chart<'_>, asked: Moment, answered: Moment, done: usize) {
    for (at, form) in FORMS.iter().enumerate() {
        let response = (at < done).then(|| answer(chart, form, answered));
        task(chart, form, asked, answered, response);
    }
}

fn task(chart: &mut Chart<'_>, form: &Form, asked: Moment, answered: Moment, response: Option<Urn>) {
    let (subject, until) = (chart.subject, chart.today.at(23, 59));
    let named = |w: &mut Writer, code: &str| {
        w.object("type", |w| {
            w.one("coding", |w| {
                w.text("system", SDC);
                w.text("code", code);
            })
        })
    };
    chart.add("Task", |w| {
        w.text("status", if response.is_some() { "completed" } else { "requested" });
        w.text("intent", "order");
        w.text("priority", "routine");
        w.concept("code", &[ASKED], ASKED.display);
        w.text("description", form.name);
        w.reference("for", subject);
        w.plain("authoredOn", asked);
        w.plain("lastModified", if response.is_some() { answered } else { asked });
        w.reference("owner", subject);
        w.object("restriction", |w| w.object("period", |w| w.plain("end", until)));
        w.one("input", |w| {
            named(w, "questionnaire");
            w.text("valueCanonical", form.canonical);
        });
        if let Some(response) = response {
            w.one("output", |w| {
                named(w, "questionnaire-response");
                w.reference("valueReference", response);
            });
        }
    });
}

fn answer(chart: &mut Chart<'_>, form: &Form, answered: Moment) -> Urn {
    let subject = chart.subject;
    chart.add("QuestionnaireResponse", |w| {
        w.text("questionnaire", form.canonical);
        w.text("status", "completed");
        w.reference("subject", subject);
        w.plain("authored", answered);
        w.reference("author", subject);
        w.reference("source", subject);
        w.array("item", |w| {
            for (part, answers) in form.said {
                match part {
                    None => answers.iter().for_each(|one| said(w, one)),
                    Some((link_id, text)) => w.item(|w| {
                        w.text("linkId", link_id);
                        w.text("text", text);
                        w.array("item", |w| answers.iter().for_each(|one| said(w, one)));
                    }),
                }
            }
        });
    })
}

fn said(w: &mut Writer, (link_id, question, said): &Answer) {
    w.item(|w| {
        w.text("linkId", link_id);
        w.text("text", question);
        w.one("answer", |w| match said {
            Said::Yes => w.raw("valueBoolean", true),
            Said::No => w.raw("valueBoolean", false),
            Said::Number(number) => w.raw("valueInteger", number),
            Said::Words(words) => w.text("valueString", words),
        });
    });
}
