//! What a form asks, takes and says.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::check::Wrong;
use super::fields::Field;
use super::*;

fn form(items: &str) -> Questionnaire {
    let text = format!(
        r#"{{"resourceType":"Questionnaire","url":"http://clinic.example/q","version":"2","title":"Before your visit","status":"active","item":[{items}]}}"#
    );
    Questionnaire::read(&Json::parse_str(&text).unwrap()).unwrap()
}

fn filled(fields: &[(&str, &str)]) -> Filled {
    Filled(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// What is sent, as JSON, or what is wrong: linkId and why.
fn sent(questionnaire: &Questionnaire, fields: &[(&str, &str)]) -> Result<String, Vec<(String, String)>> {
    let checked = check(questionnaire, &filled(fields));
    let flat = questionnaire.flat();
    if !checked.wrong.is_empty() {
        let named = |one: &Wrong| (flat[one.number].0.link_id.clone(), one.words.clone());
        return Err(checked.wrong.iter().map(named).collect());
    }
    Ok(String::from_utf8(Json::Array(items(questionnaire, &checked)).to_vec()).unwrap())
}

const PAIN: &str = r#"{"linkId":"pain","type":"integer","text":"Pain","required":true,
    "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/minValue","valueInteger":0},{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueInteger":10}]},
    {"linkId":"where","type":"string","text":"Where","maxLength":12,"required":true,"enableWhen":[{"question":"pain","operator":">","answerInteger":0}]}"#;

#[test]
fn each_kind_of_answer_is_taken_as_fhir_has_it_and_refused_with_a_reason() {
    let questionnaire = form(
        r#"{"linkId":"b","type":"boolean"},{"linkId":"n","type":"decimal"},{"linkId":"i","type":"integer"},{"linkId":"d","type":"date"},
        {"linkId":"s","type":"string","maxLength":5},{"linkId":"t","type":"text"},
        {"linkId":"c","type":"choice","answerOption":[{"valueCoding":{"system":"s","code":"1","display":"One"}},{"valueString":"two"}]},
        {"linkId":"o","type":"open-choice","repeats":true,"answerOption":[{"valueString":"x"},{"valueInteger":7}]}"#,
    );
    let all = [
        ("a.b", "yes"),
        ("a.n", "007.50"),
        ("a.i", "-3"),
        ("a.d", "14 July 2026"),
        ("a.s", " abc "),
        ("a.t", "one\r\ntwo\u{7}"),
        ("a.c", "c|s|1"),
        ("a.o", "v|x"),
        ("a.o", "other"),
        ("o.o", "tea"),
    ];
    assert_eq!(
        sent(&questionnaire, &all).unwrap(),
        r#"[{"linkId":"b","text":"b","answer":[{"valueBoolean":true}]},{"linkId":"n","text":"n","answer":[{"valueDecimal":7.50}]},{"linkId":"i","text":"i","answer":[{"valueInteger":-3}]},{"linkId":"d","text":"d","answer":[{"valueDate":"2026-07-14"}]},{"linkId":"s","text":"s","answer":[{"valueString":"abc"}]},{"linkId":"t","text":"t","answer":[{"valueString":"one\ntwo"}]},{"linkId":"c","text":"c","answer":[{"valueCoding":{"system":"s","code":"1","display":"One"}}]},{"linkId":"o","text":"o","answer":[{"valueString":"x"},{"valueString":"tea"}]}]"#
    );
    for (name, value) in [
        ("a.b", "maybe"),
        ("a.n", "1e5"),
        ("a.n", "1."),
        ("a.i", "3.5"),
        ("a.i", "99999999999"),
        ("a.d", "30 February 2026"),
        ("a.s", "too long"),
        ("a.c", "c|s|2"),
        ("a.o", "other"),
    ] {
        let wrong = sent(&questionnaire, &[(name, value)]).unwrap_err();
        assert_eq!((wrong.len(), format!("a.{}", wrong[0].0)), (1, name.to_owned()), "{value}");
    }
    assert!(sent(&questionnaire, &[("a.c", "c|s|1"), ("a.c", "v|two")]).is_err(), "one answer");
    assert_eq!(sent(&questionnaire, &[("a.zz", "1"), ("shown", "0")]).unwrap(), "[]");
}

#[test]
fn what_is_not_asked_is_neither_missed_nor_sent() {
    let questionnaire = form(PAIN);
    assert_eq!(
        sent(&questionnaire, &[("a.pain", "0"), ("a.where", "a very long answer")]).unwrap(),
        r#"[{"linkId":"pain","text":"Pain","answer":[{"valueInteger":0}]}]"#
    );
    assert_eq!(sent(&questionnaire, &[("a.pain", "3")]).unwrap_err()[0].0, "where");
    assert_eq!(
        sent(&questionnaire, &[("a.pain", "11")]).unwrap_err(),
        [("pain".to_owned(), "This has to be from 0 to 10.".to_owned())]
    );
    assert_eq!(sent(&questionnaire, &[]).unwrap_err(), [("pain".to_owned(), "This has to be answered.".to_owned())]);
}

#[test]
fn conditions_hold_as_fhir_says_whichever_operator_they_have() {
    for (operator, answer, typed, is_asked) in [
        ("exists", r#""answerBoolean":true"#, "3", true),
        ("exists", r#""answerBoolean":true"#, "", false),
        ("exists", r#""answerBoolean":false"#, "", true),
        ("=", r#""answerInteger":3"#, "3", true),
        ("=", r#""answerDecimal":3.0"#, "3", true),
        ("=", r#""answerInteger":3"#, "", false),
        ("!=", r#""answerInteger":3"#, "4", true),
        ("!=", r#""answerInteger":3"#, "3", false),
        (">", r#""answerInteger":3"#, "3", false),
        (">=", r#""answerInteger":3"#, "3", true),
        ("<", r#""answerInteger":3"#, "2", true),
        ("<=", r#""answerInteger":3"#, "4", false),
    ] {
        let questionnaire = form(&format!(
            r#"{{"linkId":"a","type":"integer"}},{{"linkId":"b","type":"string","enableWhen":[{{"question":"a","operator":"{operator}",{answer}}}]}}"#
        ));
        let checked = check(&questionnaire, &filled(&[("a.a", typed)]));
        assert_eq!(checked.open, [true, is_asked], "{operator} {answer} {typed}");
    }
}

#[test]
fn all_conditions_or_any_of_them_and_none_on_what_is_not_asked_itself() {
    let of = |behaviour: &str| {
        form(&format!(
            r#"{{"linkId":"a","type":"boolean"}},{{"linkId":"b","type":"boolean","enableWhen":[{{"question":"a","operator":"=","answerBoolean":true}}]}},
            {{"linkId":"c","type":"group","enableBehavior":"{behaviour}","enableWhen":[{{"question":"a","operator":"=","answerBoolean":true}},
            {{"question":"b","operator":"=","answerBoolean":true}}],"item":[{{"linkId":"d","type":"string"}}]}}"#
        ))
    };
    let open = |behaviour, fields: &[(&str, &str)]| check(&of(behaviour), &filled(fields)).open;
    assert_eq!(open("all", &[("a.a", "yes")]), [true, true, false, false]);
    assert_eq!(open("any", &[("a.a", "yes")]), [true, true, true, true]);
    assert_eq!(open("all", &[("a.a", "yes"), ("a.b", "yes")]), [true; 4]);
    assert_eq!(open("any", &[("a.a", "no"), ("a.b", "yes")]), [true, false, false, false], "b is not asked");
}

#[test]
fn what_hangs_on_itself_is_not_asked_and_what_hangs_below_a_question_waits_for_its_answer() {
    let circle = r#"{"linkId":"a","type":"string","enableWhen":[{"question":"b","operator":"exists","answerBoolean":true}]},
        {"linkId":"b","type":"string","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}"#;
    assert_eq!(check(&form(circle), &filled(&[("a.a", "x"), ("a.b", "y")])).open, [false, false]);
    let below = form(r#"{"linkId":"a","type":"string","item":[{"linkId":"b","type":"string","required":true}]}"#);
    assert_eq!(sent(&below, &[("a.b", "y")]).unwrap(), "[]");
    assert_eq!(
        sent(&below, &[("a.a", "x"), ("a.b", "y")]).unwrap(),
        r#"[{"linkId":"a","text":"a","answer":[{"valueString":"x","item":[{"linkId":"b","text":"b","answer":[{"valueString":"y"}]}]}]}]"#
    );
}

#[test]
fn a_part_that_is_required_wants_one_answer_in_it() {
    let questionnaire = form(
        r#"{"linkId":"g","type":"group","required":true,"item":[{"linkId":"a","type":"string"},{"linkId":"b","type":"string"}]}"#,
    );
    assert_eq!(sent(&questionnaire, &[]).unwrap_err()[0].0, "a");
    assert!(sent(&questionnaire, &[("a.b", "y")]).is_ok());
}

#[test]
fn what_no_page_asks_is_said_and_closes_the_form_only_where_it_has_to_be_answered() {
    let photo = |required: bool| {
        form(&format!(
            r#"{{"linkId":"a","type":"string"}},{{"linkId":"p","type":"attachment","text":"A photograph","required":{required}}},
            {{"linkId":"v","type":"choice","answerValueSet":"http://clinic.example/v"}},
            {{"linkId":"w","type":"string","enableWhen":[{{"question":"a","operator":"=","answerQuantity":{{"value":1}}}}]}}"#
        ))
    };
    assert!(photo(false).is_fillable() && !photo(true).is_fillable());
    let questionnaire = photo(false);
    let checked = check(&questionnaire, &Filled::default());
    let parts = parts(&questionnaire, &Filled::default(), &checked, true);
    let elsewhere = parts.iter().filter(|part| matches!(part, Part::Elsewhere(_))).count();
    assert_eq!((parts.len(), elsewhere), (4, 3));
    for (text, unfit) in [
        (r#""item":[]"#, Unfit::Empty),
        (r#""item":[{"linkId":"a","type":"string"},{"linkId":"a","type":"string"}]"#, Unfit::Names),
        (r#""item":[{"type":"string"}]"#, Unfit::Names),
        (
            r#""modifierExtension":[{"url":"u","valueBoolean":true}],"item":[{"linkId":"a","type":"string"}]"#,
            Unfit::Modified,
        ),
    ] {
        let text = format!(r#"{{"resourceType":"Questionnaire",{text}}}"#);
        assert_eq!(Questionnaire::read(&Json::parse_str(&text).unwrap()).err(), Some(unfit));
    }
}

#[test]
fn nothing_that_was_typed_is_lost_for_what_is_wrong() {
    let questionnaire = form(PAIN);
    let typed = filled(&[("a.pain", "eleven"), ("a.where", "everywhere at once")]);
    let parts = parts(&questionnaire, &typed, &check(&questionnaire, &typed), true);
    let fields: Vec<&Field> =
        parts.iter().filter_map(|part| if let Part::Ask(one) = part { Some(&**one) } else { None }).collect();
    assert_eq!((fields[0].value.as_str(), fields[1].value.as_str()), ("eleven", "everywhere at once"));
    assert_eq!(slips(&parts), [("q0", "Pain", "Type a whole number.")]);
    assert_eq!(fields[0].hint, "A whole number from 0 to 10.");
}

#[test]
fn a_response_is_read_with_its_own_words() {
    let response = r#"{"resourceType":"QuestionnaireResponse","item":[{"linkId":"g","text":"About you","item":[
        {"linkId":"pain","answer":[{"valueInteger":3}]},{"linkId":"z","text":"Seen","answer":[{"valueDateTime":"2026-07-14"},{"valueQuantity":{"value":5,"unit":"kg"}}]}]}]}"#;
    let response = Json::parse_str(response).unwrap();
    let questionnaire = form(PAIN);
    let lines: Vec<String> = told(&response, Some(&questionnaire))
        .iter()
        .map(|line| format!("{}{} {:?}", "-".repeat(line.level), line.text, line.answers))
        .collect();
    assert_eq!(lines, ["About you []", "-Pain [\"3\"]", "-Seen [\"14-Jul-2026\", \"5 kg\"]"]);
}

const KINDS: [&str; 12] = [
    "group",
    "display",
    "boolean",
    "decimal",
    "integer",
    "date",
    "string",
    "text",
    "choice",
    "open-choice",
    "attachment",
    "nonsense",
];

/// A form of any shape, whose conditions may name anything in it.
fn shapes() -> impl Strategy<Value = String> {
    let leaf = (0..KINDS.len(), any::<bool>(), any::<bool>(), 0..12_usize, 0..7_usize);
    proptest::collection::vec((leaf, 0..4_usize), 1..12).prop_map(|all| {
        let operators = ["exists", "=", "!=", ">", "<", ">=", "<="];
        let (mut text, mut depth) = (String::new(), 0_usize);
        for (at, ((kind, required, repeats, question, operator), up)) in all.iter().enumerate() {
            let operator = operators[*operator];
            let answer = if operator == "exists" { r#""answerBoolean":true"# } else { r#""answerInteger":3"# };
            let comma = if text.is_empty() || text.ends_with('[') { "" } else { "," };
            text.push_str(&format!(
                r#"{comma}{{"linkId":"{at}","type":"{}","required":{required},"repeats":{repeats},"answerOption":[{{"valueString":"x"}},{{"valueInteger":3}}],
                "enableWhen":[{{"question":"{question}","operator":"{operator}",{answer}}}]"#,
                KINDS[*kind]
            ));
            if *up == 3 && depth < DEPTH_MAX - 2 {
                depth += 1;
                text.push_str(r#","item":["#);
            } else {
                text.push('}');
                for _ in 0..(*up).min(depth) {
                    text.push_str("]}");
                }
                depth -= (*up).min(depth);
            }
        }
        // What is still open has nothing in it.
        text.push_str(&"]}".repeat(depth));
        text
    })
}

proptest! {
    #[test]
    fn whatever_is_typed_into_whatever_form_gives_an_answer_that_fhir_takes_or_says_what_is_wrong(
        items_of in shapes(),
        fields in proptest::collection::vec((0..12_usize, "\\PC{0,12}|3|yes|v\\|x|other|2026"), 0..30),
    ) {
        let questionnaire = form(&items_of);
        let sent = fields.iter().map(|(at, value)| (format!("a.{at}"), value.clone())).collect();
        let filled = Filled(sent);
        let checked = check(&questionnaire, &filled);
        prop_assert_eq!(checked.open.len(), questionnaire.flat().len());
        for (number, answers) in checked.answers.iter().enumerate() {
            prop_assert!(checked.open[number] || answers.is_empty());
        }
        for wrong in &checked.wrong {
            prop_assert!(checked.open[wrong.number] && questionnaire.flat()[wrong.number].0.kind.is_question());
        }
        // Checked again it is the same.
        prop_assert_eq!(&check(&questionnaire, &filled).open, &checked.open);
        let response = format!(
            r#"{{"resourceType":"QuestionnaireResponse","status":"completed","item":{}}}"#,
            String::from_utf8(Json::Array(items(&questionnaire, &checked)).to_vec()).unwrap()
        );
        let response = Json::parse_str(&response).unwrap();
        let told = told(&response, Some(&questionnaire));
        if !checked.is_empty() {
            let errors: Vec<_> = fhir::validate(&response).into_iter().filter(|one| one.severity == fhir::Severity::Error).collect();
            prop_assert!(errors.is_empty(), "{}", errors.len());
            prop_assert_eq!(told.iter().map(|line| line.answers.len()).sum::<usize>(), checked.answers.iter().map(Vec::len).sum::<usize>());
        }
        // A page shows every field whose words could be lost.
        let shown = parts(&questionnaire, &filled, &checked, true);
        prop_assert_eq!(slips(&shown).len(), checked.wrong.len());
    }

    #[test]
    fn numbers_are_taken_as_they_are_or_not_at_all(text in "-?[0-9]{0,20}(\\.[0-9]{0,6})?") {
        let questionnaire = form(r#"{"linkId":"n","type":"decimal"}"#);
        if let Ok(json) = sent(&questionnaire, &[("a.n", &text)]) {
            prop_assert!(Json::parse_str(&json).is_ok());
            if let Some((_, number)) = json.split_once("\"valueDecimal\":") {
                let number = number.trim_end_matches(['}', ']']);
                prop_assert_eq!(number.parse::<f64>().unwrap(), text.parse::<f64>().unwrap());
            }
        }
    }
}

#[test]
fn the_forms_of_the_demo_can_be_filled_in() {
    for text in [
        include_str!("../../../../deid/src/synthetic/forms/health.json"),
        include_str!("../../../../deid/src/synthetic/forms/medicines.json"),
    ] {
        let form = Questionnaire::read(&Json::parse_str(text).unwrap()).unwrap();
        assert!(form.is_fillable(), "{}", form.title);
        assert!(form.canonical.as_deref().is_some_and(|canonical| canonical.ends_with("|1")), "{:?}", form.canonical);
    }
}
