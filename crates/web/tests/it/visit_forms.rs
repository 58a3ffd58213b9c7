//! Forms before a visit: who fills them in, what is written, what the clinician sees, and what is nobody else's.

use http::StatusCode;
use serde_json::{Value, json};

use crate::clinic::{Answer, Browser, Clinic};
use crate::visit::{agreement, booked, host, link, send};
use crate::visit_before::seed_patient;
use crate::visit_risk::SEEN;
use crate::ward::{MRN, look, ward};

pub const LIST: &str = "/visit/forms";
pub const ASKED: &str = "/visit/forms/asked";
const ABOUT: &str = "/appointments/video/visit/about";
pub const CODE: &str =
    r#""code":{"coding":[{"system":"http://hl7.org/fhir/uv/sdc/CodeSystem/temp","code":"complete-questionnaire"}]}"#;

/// The form, and Ruth who was asked to fill it in.
pub async fn asked(clinic: &Clinic) {
    let items = r#"{"linkId":"g","type":"group","text":"Today","item":[
        {"linkId":"pain","type":"integer","text":"How strong is the pain","required":true,"extension":[
            {"url":"http://hl7.org/fhir/StructureDefinition/minValue","valueInteger":0},{"url":"http://hl7.org/fhir/StructureDefinition/maxValue","valueInteger":10}]},
        {"linkId":"where","type":"string","text":"Where does it hurt","required":true,"enableWhen":[{"question":"pain","operator":">","answerInteger":0}]}]},
        {"linkId":"pets","type":"choice","text":"Pets","repeats":true,"answerOption":[{"valueString":"Cat"},{"valueCoding":{"system":"urn:pets","code":"d","display":"Dog"}}]},
        {"linkId":"photo","type":"attachment","text":"A photograph"}"#;
    let form = format!(
        r#""url":"http://clinic.example/intake","version":"2","title":"Before <b>you</b> come","status":"active","item":[{items}]"#
    );
    clinic.put("Questionnaire", "intake", &form).await;
    task(clinic, "asked", "p1", "requested", "").await;
}

pub async fn task(clinic: &Clinic, id: &str, patient: &str, status: &str, more: &str) {
    let members = format!(
        r#"{more}"status":"{status}","intent":"order",{CODE},"description":"Before <b>you</b> come","for":{{"reference":"Patient/{patient}"}},
        "authoredOn":"2027-01-01T10:00:00Z","input":[{{"type":{{"coding":[{{"code":"questionnaire"}}]}},"valueCanonical":"http://clinic.example/intake|2"}}]"#
    );
    clinic.put("Task", id, &members).await;
}

/// Who came by a link of this kind and did all that comes before the forms.
pub async fn come(clinic: &Clinic, purpose: &str) -> (Browser, Value) {
    come_as(clinic, purpose, MRN).await
}

pub async fn come_as(clinic: &Clinic, purpose: &str, number: &str) -> (Browser, Value) {
    let link = link(clinic, purpose, "").await;
    let mut guest = Browser::without_scripts();
    send(clinic, &mut guest, "/visit/open", None, &json!({ "link": link })).await;
    let right = json!({ "birth_date": "14-Jul-1968", "number": number });
    send(clinic, &mut guest, "/visit/check", None, &right).await;
    let agreed = send(clinic, &mut guest, "/visit/agree", None, &agreement()).await;
    assert_eq!(agreed.status, StatusCode::OK, "{}", agreed.body);
    (guest, serde_json::from_str(&agreed.body).unwrap())
}

pub fn filled(page: &Answer, fields: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let value = |name: &str| {
        let (_, rest) = page.body.split_once(&format!(r#"name="{name}""#)).unwrap();
        rest.split_once(r#"value=""#).unwrap().1.split('"').next().unwrap().replace("&#34;", "\"")
    };
    let mut all: Vec<_> = ["token", "version", "form", "shown"].map(|name| (name, value(name))).into();
    all.push(("act", "send".to_owned()));
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all
}

/// Sent, and the page that it leads to.
pub async fn again(clinic: &Clinic, browser: &mut Browser, fields: &[(&str, String)], why: &str) -> Answer {
    let sent = browser.post(clinic, ASKED, fields).await;
    assert_eq!(
        (sent.status, sent.location()),
        (StatusCode::SEE_OTHER, format!("{ASKED}?{why}").as_str()),
        "{}",
        sent.body
    );
    browser.get(clinic, sent.location()).await
}

pub async fn responses(clinic: &Clinic) -> Vec<Value> {
    let all = clinic.all("QuestionnaireResponse", &[("subject", "Patient/p1")]).await;
    all.iter().map(|one| serde_json::from_str(one).unwrap()).collect()
}

async fn about(clinic: &Clinic, browser: &mut Browser) -> Value {
    let answer = browser.get(clinic, ABOUT).await;
    serde_json::from_str(&answer.body).unwrap()
}

/// Whose login the log has for what wrote last, and for how many objects under one record.
async fn written_by(clinic: &Clinic) -> (String, usize) {
    let reader = clinic.record.store().log_reader();
    reader.caught_up().await;
    let mut found = None;
    for index in 0..reader.size() {
        let detail = reader.get(index).unwrap().unwrap().detail.unwrap();
        let event = audit::Event::decode(&detail).unwrap();
        if event.action == audit::Action::Transaction {
            found = Some((event.who.user.to_owned(), event.objects.len()));
        }
    }
    found.unwrap()
}

#[tokio::test]
async fn a_patient_fills_in_a_form_and_the_clinician_reads_it_as_it_was_said() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut asha, _) = host(&clinic).await;
    let (mut ruth, told) = come(&clinic, "patient").await;
    assert_eq!((&told["forms"], &told["later"]), (&json!(1), &json!(false)));
    let told_of = about(&clinic, &mut asha).await;
    assert_eq!(told_of["forms"][0], json!(["Before <b>you</b> come: not sent yet", null]));
    assert_eq!(told_of["forms"][1], json!(["All forms", "/patients/p1/forms"]));

    let list = ruth.get(&clinic, LIST).await;
    assert!(list.body.contains("Before &#60;b&#62;you&#60;/b&#62; come") && list.body.contains(ASKED), "{}", list.body);
    let page = ruth.get(&clinic, ASKED).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("A photograph: the clinic asks this in the visit"), "{}", page.body);

    // What is wrong is said where it is, and nothing that was typed is lost, now or after the page is loaded anew.
    let fields = filled(&page, &[("a.pain", "eleven"), ("a.pets", "v|Cat")]);
    let wrong = again(&clinic, &mut ruth, &fields, "wrong").await;
    assert!(
        wrong.body.contains(r##"<a href="#q1">How strong is the pain</a>: Type a whole number."##),
        "{}",
        wrong.body
    );
    for page in [&wrong, &ruth.get(&clinic, ASKED).await] {
        assert!(
            page.body.contains(r#"value="eleven""#) && page.body.contains(r#"value="v|Cat" checked"#),
            "{}",
            page.body
        );
    }
    assert!(responses(&clinic).await.is_empty());

    // An answer brings a question that was not on the page.
    let fields = filled(&page, &[("a.pain", "3"), ("a.pets", "v|Cat"), ("a.pets", "c|urn:pets|d")]);
    let more = again(&clinic, &mut ruth, &fields, "more").await;
    assert!(more.body.contains("bring more questions"), "{}", more.body);
    let empty = again(&clinic, &mut ruth, &filled(&page, &[("a.where", "")]), "wrong").await;
    assert!(empty.body.contains("This has to be answered."), "{}", empty.body);
    let answers = [("a.pain", "3"), ("a.where", "Toe <i>"), ("a.pets", "v|Cat"), ("a.pets", "c|urn:pets|d")];
    let sent = ruth.post(&clinic, ASKED, &filled(&more, &answers)).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/visit/forms?sent"), "{}", sent.body);
    let list = ruth.get(&clinic, sent.location()).await;
    assert!(
        list.body.contains("Your clinician has your answers") && list.body.contains("nothing more to fill in"),
        "{}",
        list.body
    );

    let all = responses(&clinic).await;
    let [response] = all.as_slice() else { panic!("{}", all.len()) };
    assert_eq!(
        (
            &response["status"],
            &response["questionnaire"],
            &response["subject"]["reference"],
            &response["author"]["reference"],
            &response["source"]["reference"]
        ),
        (
            &json!("completed"),
            &json!("http://clinic.example/intake|2"),
            &json!("Patient/p1"),
            &json!("Patient/p1"),
            &json!("Patient/p1")
        )
    );
    assert_eq!(response["extension"][0]["valueReference"]["reference"], "Appointment/video");
    assert_eq!(
        response["item"],
        json!([{ "linkId": "g", "text": "Today", "item": [
            { "linkId": "pain", "text": "How strong is the pain", "answer": [{ "valueInteger": 3 }] },
            { "linkId": "where", "text": "Where does it hurt", "answer": [{ "valueString": "Toe <i>" }] }] },
          { "linkId": "pets", "text": "Pets", "answer": [{ "valueString": "Cat" }, { "valueCoding": { "system": "urn:pets", "code": "d", "display": "Dog" } }] }])
    );
    let id = response["id"].as_str().unwrap();
    let task = clinic.one("Task", "asked").await;
    assert_eq!(
        (&task["status"], &task["output"][0]["valueReference"]["reference"]),
        (&json!("completed"), &json!(format!("QuestionnaireResponse/{id}")))
    );
    assert_eq!(task["description"], "Before <b>you</b> come", "the rest of it stays");
    // By whom, the log says: the link, for there is no account; both resources under one record.
    let (login, objects) = written_by(&clinic).await;
    assert!(login.starts_with("visit link ") && objects == 2, "{login} {objects}");

    let told = about(&clinic, &mut asha).await;
    let address = format!("/patients/p1/forms/{id}");
    assert_eq!(told["forms"][0][1], json!(address), "{told}");
    assert!(told["forms"][0][0].as_str().unwrap().starts_with("Before <b>you</b> come: sent"), "{told}");
    let read = asha.get(&clinic, &address).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.body);
    for said in ["Where does it hurt", "Toe &#60;i&#62;", "Dog", "the patient", "For the visit of"] {
        assert!(read.body.contains(said), "{said}: {}", read.body);
    }
    let forms = asha.get(&clinic, "/patients/p1/forms").await;
    assert!(forms.body.contains(&address) && forms.body.contains("filled in"), "{}", forms.body);
    for login in ["fay", "ben", "petra", "zoe", "leo"] {
        let (_, answer) = look(&clinic, login, &address).await;
        assert!(answer.status != StatusCode::OK && !answer.body.contains("Toe"), "{login}: {}", answer.status);
    }
}

#[tokio::test]
async fn a_form_is_for_who_said_who_they_are_and_for_nobody_else() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    task(&clinic, "of-max", "p2", "requested", "").await;
    let label =
        r#""meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NOPAT"}]},"#;
    task(&clinic, "hidden", "p1", "requested", label).await;
    clinic
        .put(
            "Task",
            "no-form",
            r#""status":"requested","intent":"order","code":{"text":"Call"},"for":{"reference":"Patient/p1"}"#,
        )
        .await;

    let mut nobody = Browser::without_scripts();
    for path in [LIST, ASKED] {
        assert_eq!(nobody.get(&clinic, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let link = link(&clinic, "patient", "").await;
    let opened = send(&clinic, &mut nobody, "/visit/open", None, &json!({ "link": link })).await;
    assert!(opened.body.contains(r#""forms":0"#), "who is not known learns of no form: {}", opened.body);
    for path in [LIST, ASKED] {
        let early = nobody.get(&clinic, path).await;
        assert_eq!((early.status, early.location()), (StatusCode::SEE_OTHER, "/visit"), "{path}");
    }
    let early = nobody.post(&clinic, ASKED, &[("act", "send".to_owned())]).await;
    assert!(early.status == StatusCode::BAD_REQUEST && early.body.contains("Say first who you are"), "{}", early.body);

    let (mut ruth, told) = come(&clinic, "patient").await;
    assert_eq!(told["forms"], 1, "neither that of Max nor the one that is kept from her");
    for id in ["of-max", "hidden", "no-form", "none"] {
        let path = format!("/visit/forms/{id}");
        assert_eq!(ruth.get(&clinic, &path).await.status, StatusCode::NOT_FOUND, "{id}");
        let sent = ruth.post(&clinic, &path, &[("act", "send".to_owned()), ("a.pain", "0".to_owned())]).await;
        assert_eq!(sent.status, StatusCode::NOT_FOUND, "{id}");
    }
    // A page of another site sends nothing.
    let page = ruth.get(&clinic, ASKED).await;
    let fields = filled(&page, &[("a.pain", "0")]);
    let foreign = ruth.post_from(&clinic, ASKED, &fields, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    // What the link opens for forms it does not open for anything else.
    for path in ["/patients/p1", "/patients/p1/forms", "/fhir/Task/asked"] {
        assert_ne!(ruth.get(&clinic, path).await.status, StatusCode::OK, "{path}");
    }
    let mut ines = Browser::without_scripts();
    let interpreter = self::link(&clinic, "interpreter", "Ines").await;
    send(&clinic, &mut ines, "/visit/open", None, &json!({ "link": interpreter })).await;
    assert_eq!(ines.get(&clinic, ASKED).await.status, StatusCode::BAD_REQUEST);
    assert!(responses(&clinic).await.is_empty());
}

#[tokio::test]
async fn what_somebody_else_said_and_sent_is_not_the_patients() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut asha, csrf) = host(&clinic).await;
    let (mut stranger, _) = come(&clinic, "patient").await;
    let page = stranger.get(&clinic, ASKED).await;
    let sent = stranger.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
    let before = about(&clinic, &mut asha).await;
    assert!(before["where"].is_object() && before["consent"].is_object(), "{before}");

    let ended = send(&clinic, &mut asha, SEEN, Some(&csrf), &json!({ "same": false })).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.body);
    let after = about(&clinic, &mut asha).await;
    assert!(["where", "consent", "identity", "brings"].iter().all(|part| after[*part].is_null()), "{after}");
    assert_eq!(after["forms"][0], json!(["Before <b>you</b> come: not sent yet", null]));
    let [response] = &responses(&clinic).await[..] else { panic!("one response") };
    assert_eq!(response["status"], "entered-in-error");
    let read = asha.get(&clinic, &format!("/patients/p1/forms/{}", response["id"].as_str().unwrap())).await;
    assert!(read.body.contains("entered by mistake"), "{}", read.body);
    // The patient, who comes by another link, is asked, and who stands for them says where they are.
    let (mut daughter, told) = come(&clinic, "proxy").await;
    assert_eq!(told["forms"], 1, "{told}");
    assert!(about(&clinic, &mut asha).await["consent"]["who"].as_str().unwrap().contains("who stands for"));
    let page = daughter.get(&clinic, ASKED).await;
    let sent = daughter.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
    assert_eq!(clinic.one("Task", "asked").await["output"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_form_that_is_called_off_meanwhile_is_not_filed_and_says_so() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let (mut asha, forms) = look(&clinic, "asha", "/patients/p1/forms").await;
    let call_off = |why: &str| [("csrf", forms.csrf()), ("version", "1".to_owned()), ("why", why.to_owned())];
    let without = asha.post(&clinic, "/patients/p1/forms/asked/off", &call_off(" ")).await;
    assert!(
        without.status == StatusCode::UNPROCESSABLE_ENTITY && without.body.contains("why it is called off"),
        "{}",
        without.body
    );
    let off = asha.post(&clinic, "/patients/p1/forms/asked/off", &call_off("Not needed")).await;
    assert_eq!(off.location(), "/patients/p1/forms?called-off", "{}", off.body);
    let twice = asha.post(&clinic, "/patients/p1/forms/asked/off", &call_off("Not needed")).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let late = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert!(late.status == StatusCode::CONFLICT && late.body.contains("no longer asks for this form"), "{}", late.body);
    let task = clinic.one("Task", "asked").await;
    assert_eq!((&task["status"], &task["statusReason"]["text"]), (&json!("cancelled"), &json!("Not needed")));
    assert!(responses(&clinic).await.is_empty());

    // Changed and still asked for: looked at once more, with what was typed.
    task_again(&clinic).await;
    let late = again(&clinic, &mut ruth, &filled(&page, &[("a.pain", "0")]), "changed").await;
    assert!(late.body.contains("once more") && late.body.contains(r#"value="0""#), "{}", late.body);
    let sent = ruth.post(&clinic, ASKED, &filled(&late, &[("a.pain", "0")])).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
}

pub async fn task_again(clinic: &Clinic) {
    task(clinic, "asked", "p1", "requested", "").await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_filed_once_and_other_answers_are_not_told_as_sent() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let fields = filled(&page, &[("a.pain", "0"), ("a.pets", "v|Cat")]);
    let first = ruth.post(&clinic, ASKED, &fields).await;
    let second = ruth.post(&clinic, ASKED, &fields).await;
    for sent in [first, second] {
        assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/visit/forms?sent"), "{}", sent.body);
    }
    let other = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert!(other.status == StatusCode::CONFLICT && other.body.contains("filled in already"), "{}", other.body);
    assert_eq!(responses(&clinic).await.len(), 1);
    assert_eq!(clinic.one("Task", "asked").await["output"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn two_who_send_at_the_same_moment_complete_it_once() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let ((mut ruth, _), (mut tom, _)) = (come(&clinic, "patient").await, come(&clinic, "proxy").await);
    let (hers, his) = (ruth.get(&clinic, ASKED).await, tom.get(&clinic, ASKED).await);
    let (hers, his) = (filled(&hers, &[("a.pain", "0")]), filled(&his, &[("a.pain", "0")]));
    let (a, b) = tokio::join!(ruth.post(&clinic, ASKED, &hers), tom.post(&clinic, ASKED, &his));
    let mut statuses = [a.status, b.status];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT]);
    assert_eq!(responses(&clinic).await.len(), 1);
}

#[tokio::test]
async fn who_stands_for_the_patient_answers_as_that_and_sees_no_draft_of_theirs() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let mut kept = filled(&page, &[("a.pain", "3"), ("a.where", "a secret of Ruth")]);
    kept.iter_mut().find(|(name, _)| *name == "act").unwrap().1 = "later".to_owned();
    assert_eq!(ruth.post(&clinic, ASKED, &kept).await.location(), LIST);
    let (mut tom, _) = come(&clinic, "proxy").await;
    let page = tom.get(&clinic, ASKED).await;
    assert!(
        page.body.contains("You answer for the patient") && !page.body.contains("a secret of Ruth"),
        "{}",
        page.body
    );
    assert!(ruth.get(&clinic, ASKED).await.body.contains("a secret of Ruth"));
    let sent = tom.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    let response = &responses(&clinic).await[0];
    assert_eq!(
        (&response["author"]["display"], &response["subject"]["reference"]),
        (&json!("Who stands for the patient"), &json!("Patient/p1"))
    );
    let id = response["id"].as_str().unwrap();
    let (_, read) = look(&clinic, "asha", &format!("/patients/p1/forms/{id}")).await;
    assert!(read.body.contains("Who stands for the patient"), "{}", read.body);
}

#[tokio::test]
async fn a_script_keeps_what_is_typed_and_learns_what_is_asked() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    let page = ruth.get(&clinic, ASKED).await;
    let mut fields = filled(&page, &[("a.pain", "4")]);
    fields.iter_mut().find(|(name, _)| *name == "act").unwrap().1 = "keep".to_owned();
    let headers = [("sec-fetch-site", "same-origin"), ("accept", "application/json")];
    let kept = ruth.post_from(&clinic, ASKED, &fields, &headers).await;
    let told: Value = serde_json::from_str(&kept.body).unwrap();
    assert_eq!((kept.status, &told["open"]), (StatusCode::OK, &json!(["g", "pain", "where", "pets", "photo"])));
    assert!(ruth.get(&clinic, LIST).await.body.contains("begun"));
    // Later: not asked on the way in again.
    assert_eq!(ruth.post(&clinic, LIST, &[]).await.location(), "/visit");
    let opened = send(&clinic, &mut ruth, "/visit/open", None, &json!({})).await;
    assert!(opened.body.contains(r#""forms":1"#) && opened.body.contains(r#""later":true"#), "{}", opened.body);
}

#[tokio::test]
async fn a_patient_who_is_signed_in_answers_as_themself() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    seed_patient(&clinic, "ruthie", "p1").await;
    let (mut ruth, me) = look(&clinic, "ruthie", "/me").await;
    let entered = ruth.post(&clinic, "/my/visits/video", &[("csrf", me.csrf())]).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.body);
    send(&clinic, &mut ruth, "/visit/agree", None, &agreement()).await;
    let page = ruth.get(&clinic, ASKED).await;
    assert_eq!(page.status, StatusCode::OK, "{} {}", page.location(), page.body);
    let sent = ruth.post(&clinic, ASKED, &filled(&page, &[("a.pain", "0")])).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    assert_eq!(written_by(&clinic).await.0, "ruthie");
}

#[tokio::test]
async fn a_form_with_a_question_that_no_page_asks_is_left_to_the_visit() {
    let clinic = ward().await;
    booked(&clinic).await;
    asked(&clinic).await;
    let form = r#""url":"http://clinic.example/intake","version":"2","title":"t","status":"active","item":[{"linkId":"a","type":"string"},{"linkId":"p","type":"attachment","required":true}]"#;
    clinic.put("Questionnaire", "intake", form).await;
    let (mut ruth, _) = come(&clinic, "patient").await;
    assert!(ruth.get(&clinic, LIST).await.body.contains("The clinic asks this in the visit"));
    assert!(ruth.get(&clinic, ASKED).await.body.contains("cannot be filled in here"));
    let sent = ruth.post(&clinic, ASKED, &[("act", "send".to_owned()), ("a.a", "x".to_owned())]).await;
    assert_eq!(sent.status, StatusCode::CONFLICT);
    assert!(responses(&clinic).await.is_empty());
}

#[tokio::test]
async fn the_forms_of_the_demo_are_filled_in_on_a_page() {
    let clinic = ward().await;
    booked(&clinic).await;
    for (id, text) in [
        ("health", include_str!("../../../deid/src/synthetic/forms/health.json")),
        ("medicines", include_str!("../../../deid/src/synthetic/forms/medicines.json")),
    ] {
        let members = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap();
        clinic.put("Questionnaire", id, members).await;
        let task_members = format!(
            r#""status":"requested","intent":"order",{CODE},"description":"{id}","for":{{"reference":"Patient/p1"}},
            "input":[{{"type":{{"coding":[{{"code":"questionnaire"}}]}},"valueCanonical":"http://wardstone.example/fhir/Questionnaire/{id}|1"}}]"#
        );
        clinic.put("Task", id, &task_members).await;
    }
    let (mut ruth, told) = come(&clinic, "patient").await;
    assert_eq!(told["forms"], 2);
    let list = ruth.get(&clinic, LIST).await;
    assert!(list.body.contains("/visit/forms/health") && list.body.contains("/visit/forms/medicines"), "{}", list.body);
}

/// Fields that the script of the page sends.
pub fn typed(page: &Answer, fields: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut all = filled(page, fields);
    all.iter_mut().find(|(name, _)| *name == "act").unwrap().1 = "keep".to_owned();
    all
}

#[tokio::test]
async fn a_form_with_a_sensitive_code_is_asked_for_and_filled_in_and_not_shown_to_who_may_not_know() {
    let clinic = ward().await;
    booked(&clinic).await;
    let form = r#""url":"http://clinic.example/audit","version":"1","title":"Alcohol","status":"active",
        "code":[{"system":"http://loinc.org","code":"75626-2"}],"item":[{"linkId":"often","type":"string","text":"How often"}]"#;
    clinic.put("Questionnaire", "audit", form).await;
    let path = "/patients/p1/forms";
    let (mut asha, page) = look(&clinic, "asha", path).await;
    assert!(page.body.contains(r#"value="audit""#), "{}", page.body);
    let token = page.after(r#"name="token" value=""#);
    let wanted = [("csrf", page.csrf()), ("token", token), ("form", "audit".to_owned()), ("due", String::new())];
    let sent = asha.post(&clinic, path, &wanted).await;
    assert_eq!(sent.location(), "/patients/p1/forms?asked", "{}", sent.body);
    // The same, from a program that does not say how sensitive it is.
    let bare = format!(
        r#""status":"requested","intent":"order",{CODE},"description":"Alcohol","for":{{"reference":"Patient/p1"}},"authoredOn":"2027-01-01T10:00:00Z",
        "input":[{{"type":{{"coding":[{{"code":"questionnaire"}}]}},"valueCanonical":"http://clinic.example/audit|1"}}]"#
    );
    clinic.put("Task", "bare", &bare).await;

    let ((mut ruth, hers), (mut tom, his)) = (come(&clinic, "patient").await, come(&clinic, "proxy").await);
    assert_eq!((&hers["forms"], &his["forms"]), (&json!(2), &json!(0)));
    let list = ruth.get(&clinic, LIST).await;
    assert!(list.body.contains("Alcohol") && !list.body.contains("asks this in the visit"), "{}", list.body);
    assert!(!tom.get(&clinic, LIST).await.body.contains("Alcohol"));
    let named = list.after(r#"href="/visit/forms/"#);
    let other = list.body.rsplit_once(r#"href="/visit/forms/"#).unwrap().1.split('"').next().unwrap().to_owned();
    for id in [&named, &other] {
        let path = format!("/visit/forms/{id}");
        assert!(ruth.get(&clinic, &path).await.body.contains("How often"), "{id}");
        for act in ["send", "keep", "later"] {
            let sent = tom.post(&clinic, &path, &[("act", act.to_owned()), ("a.often", "never".to_owned())]).await;
            assert_eq!(sent.status, StatusCode::NOT_FOUND, "{id} {act}");
        }
        assert_eq!(tom.get(&clinic, &path).await.status, StatusCode::NOT_FOUND, "{id}");
    }
    let asked = [named, other].into_iter().find(|id| id != "bare").unwrap();
    let security = &clinic.one("Task", &asked).await["meta"]["security"];
    assert_eq!(security[0]["code"], "SUD", "{security}");
    let path = format!("/visit/forms/{asked}");
    let page = ruth.get(&clinic, &path).await;
    let sent = ruth.post(&clinic, &path, &filled(&page, &[("a.often", "weekly")])).await;
    assert_eq!(sent.location(), "/visit/forms?sent", "{}", sent.body);
}
