//! What is typed into a form before a visit: kept while one types, filed once, under the words that were read, and however much it is.

use http::StatusCode;
use serde_json::{Value, json};
use telehealth::guests::KEEPS_MAX;

use crate::clinic::{Answer, Browser, Clinic};
use crate::visit::booked;
use crate::visit_forms::{ASKED, LIST, again, asked, come, filled, responses, task, task_again, typed};
use crate::ward::ward;

pub async fn keeps(clinic: &Clinic, browser: &mut Browser, fields: &[(&str, String)]) -> Answer {
    let headers = [("sec-fetch-site", "same-origin"), ("accept", "application/json")];
    browser.post_from(clinic, ASKED, fields, &headers).await
}

#[tokio::test]
async fn typing_reads_the_form_once_and_is_kept_so_often_and_no_more() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let reader = clinic.record.store().log_reader();
    reader.caught_up().await;
    let read = reader.size();
    for times in 0..KEEPS_MAX {
        let kept = keeps(&clinic, &mut ruth, &typed(&page, &[("a.pain", &times.to_string())])).await;
        assert_eq!(kept.status, StatusCode::OK, "{}", kept.body);
    }
    reader.caught_up().await;
    assert_eq!(reader.size(), read, "nothing was read anew");
    let enough = keeps(&clinic, &mut ruth, &typed(&page, &[("a.pain", "7")])).await;
    assert_eq!(enough.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(enough.headers.contains_key("retry-after"));
    // Another form, another visit, and sending go on.
    let (mut tom, _) = come(&clinic, "proxy").await;
    let his = tom.get(&clinic, ASKED).await;
    assert_eq!(keeps(&clinic, &mut tom, &typed(&his, &[("a.pain", "1")])).await.status, StatusCode::OK);
    let sent = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
}

#[tokio::test]
async fn an_answer_is_never_filed_under_words_that_were_not_read() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let form = |words: &str, second: &str| {
        format!(
            r#""url":"http://clinic.example/intake","version":"2","title":"t","status":"active","item":[
            {{"linkId":"well","type":"boolean","text":"{words}"}},{second}{{"linkId":"pets","type":"string","text":"Pets"}}]"#
        )
    };
    clinic.put("Questionnaire", "intake", &form("Are you well?", "")).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let fields = filled(&page, &[("a.well", "yes"), ("a.pets", "Cat")]);
    // In place, under the same version: another text for the same answer, and another question before the last.
    let other = r#"{"linkId":"new","type":"string","text":"New"},"#;
    clinic.put("Questionnaire", "intake", &form("Are you ill?", other)).await;
    let late = again(&clinic, &mut ruth, &fields, "changed").await;
    assert!(late.body.contains("changed this form") && late.body.contains("Are you ill?"), "{}", late.body);
    assert!(late.body.contains(r#"value="yes" checked"#) && late.body.contains(r#"value="Cat""#), "{}", late.body);
    assert!(responses(&clinic).await.is_empty());
    let kept = keeps(&clinic, &mut ruth, &typed(&page, &[("a.well", "yes")])).await;
    let told: Value = serde_json::from_str(&kept.body).unwrap();
    assert_eq!((kept.status, &told["open"]), (StatusCode::OK, &Value::Null), "the page says it while one types");
    // Opened at another time: what was typed then stands there, and that the words are others is said.
    let later = ruth.get(&clinic, ASKED).await;
    assert!(later.body.contains("changed this form"), "{}", later.body);
    let sent = ruth.post(&clinic, ASKED, &filled(&later, &[("a.well", "no")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
    let said = &responses(&clinic).await[0]["item"];
    assert_eq!(said, &json!([{ "linkId": "well", "text": "Are you ill?", "answer": [{ "valueBoolean": false }] }]));
}

#[tokio::test]
async fn enter_in_a_line_keeps_what_is_typed_and_sends_nothing() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    // What a browser presses for Enter is the first button of the form, in the order of the page.
    let first = page.body.split_once(r#"id="form""#).unwrap().1.split_once("<button ").unwrap().1;
    let (first, _) = first.split_once('>').unwrap();
    let value = first.split_once(r#"value=""#).unwrap().1.split('"').next().unwrap().to_owned();
    assert!(first.contains(r#"tabindex="-1""#) && !first.contains("disabled") && !first.contains("hidden>"), "{first}");
    let mut fields = filled(&page, &[("a.pain", "0")]);
    fields.iter_mut().find(|(name, _)| *name == "act").unwrap().1 = value;
    let sent = ruth.post(&clinic, ASKED, &fields).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, ASKED), "{}", sent.body);
    assert!(responses(&clinic).await.is_empty());
    assert!(ruth.get(&clinic, ASKED).await.body.contains("What you typed was kept at"));
}

/// A form as large as they get: boxes and texts.
async fn large(clinic: &Clinic) {
    let options: Vec<Value> = (0..100).map(|at| json!({ "valueString": format!("Choice {at}") })).collect();
    let mut items: Vec<Value> = (0..12)
        .map(|at| json!({ "linkId": format!("b{at}"), "type": "choice", "repeats": true, "answerOption": options }))
        .collect();
    items.extend((0..60).map(|at| json!({ "linkId": format!("t{at}"), "type": "text" })));
    let form = format!(
        r#""url":"http://clinic.example/intake","version":"2","title":"t","status":"active","item":{}"#,
        json!(items)
    );
    clinic.put("Questionnaire", "intake", &form).await;
    task(clinic, "asked", "p1", "requested", "").await;
}

/// 1,200 boxes, and so many letters in each of so many texts.
fn all_of_it(page: &Answer, texts: usize, letter: &str, times: usize) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> =
        filled(page, &[]).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    fields.extend((0..1_200).map(|at| (format!("a.b{}", at / 100), format!("v|Choice {}", at % 100))));
    fields.extend((0..texts).map(|at| (format!("a.t{at}"), letter.repeat(times))));
    fields
}

async fn sends(clinic: &Clinic, browser: &mut Browser, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    browser.post(clinic, ASKED, &fields).await
}

#[tokio::test]
async fn a_form_that_is_valid_is_sent_however_large_and_one_that_is_too_long_comes_back_whole() {
    let clinic = ward().await;
    booked(&clinic).await;
    large(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let long = sends(&clinic, &mut ruth, &all_of_it(&page, 60, "e", 5_000)).await;
    assert_eq!((long.status, long.location()), (StatusCode::SEE_OTHER, "/visit/forms/asked?wrong"), "{}", long.body);
    let back = ruth.get(&clinic, long.location()).await;
    assert!(back.body.contains("All answers together have 300000 letters, and a form takes 100000"));
    assert_eq!(back.body.matches(&"e".repeat(5_000)).count(), 60, "nothing is lost");
    // More than is kept: the page stands on what was sent.
    let longest = sends(&clinic, &mut ruth, &all_of_it(&page, 60, "\u{1F600}", 5_000 - 1)).await;
    assert_eq!(longest.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", longest.body);
    let longer = sends(&clinic, &mut ruth, &all_of_it(&page, 40, "\u{1}", 5_000)).await;
    assert_eq!(longer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(longer.body.contains("All answers together have 200000 letters") && longer.body.contains("Choice 99"));
    // Ninety thousand letters of four bytes, and all boxes.
    let sent = sends(&clinic, &mut ruth, &all_of_it(&page, 18, "\u{1F600}", 5_000)).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/visit/forms?sent"), "{}", sent.body);
    let said = &responses(&clinic).await[0]["item"];
    assert_eq!(said.as_array().unwrap().len(), 30);
}

#[tokio::test]
async fn what_others_keep_keeps_nobody_from_sending() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    for at in 0..19 {
        task(&clinic, &format!("more-{at}"), "p1", "requested", "").await;
    }
    let ((mut ruth, _), (mut tom, _)) = (come(&clinic, "patient").await, come(&clinic, "proxy").await);
    for browser in [&mut tom, &mut ruth] {
        for at in 0..19 {
            let path = format!("/visit/forms/more-{at}");
            let page = browser.get(&clinic, &path).await;
            let mut fields = filled(&page, &[("a.pain", "3")]);
            fields.iter_mut().find(|(name, _)| *name == "act").unwrap().1 = "later".to_owned();
            assert_eq!(browser.post(&clinic, &path, &fields).await.location(), LIST, "{at}");
        }
    }
    let page = ruth.get(&clinic, ASKED).await;
    let sent = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
}

#[tokio::test]
async fn what_is_sent_is_told_once_and_leaves_no_draft_behind() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (ruth, _) = come(&clinic, "patient").await;
    let mut windows = [(); 3].map(|()| {
        let mut window = Browser::without_scripts();
        window.cookies = ruth.cookies.clone();
        window
    });
    let [one, two, three] = &mut windows;
    let page = one.get(&clinic, ASKED).await;
    let fields = filled(&page, &[("a.pain", "0")]);
    let late = typed(&page, &[("a.pain", "0"), ("a.where", "a secret of Ruth")]);
    // Pressed twice at once, while the script keeps what was typed before; and once more, after it.
    let sent = tokio::join!(
        one.post(&clinic, ASKED, &fields),
        two.post(&clinic, ASKED, &fields),
        keeps(&clinic, three, &late)
    );
    for sent in [sent.0, sent.1] {
        assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
    }
    let told = telehealth::hall::What::Link(telehealth::hall::LinkEvent::FormAnswered);
    assert_eq!(clinic.happened.lock().unwrap().iter().filter(|one| **one == told).count(), 1);
    let kept = keeps(&clinic, three, &late).await;
    assert!(kept.status == StatusCode::BAD_REQUEST && kept.body.contains("sent already"), "{}", kept.body);
    // Asked for once more: nothing of it is there.
    task_again(&clinic).await;
    let anew = one.get(&clinic, ASKED).await;
    assert!(anew.body.contains("How strong is the pain") && !anew.body.contains("a secret of Ruth"), "{}", anew.body);
    assert_eq!(keeps(&clinic, one, &typed(&anew, &[("a.pain", "5")])).await.status, StatusCode::OK);
    assert!(one.get(&clinic, ASKED).await.body.contains(r#"value="5""#));
}
