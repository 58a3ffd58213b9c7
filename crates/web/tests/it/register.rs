//! Registering and editing patients: made once, never beside somebody who may be the same without a word, never over somebody's work.

use crate::clinic::{Answer, Browser, Clinic};
use crate::ward::{look, ward};
use fhir::Json;
use http::StatusCode;

const NEW: &str = "/patients/new";
const MAX: [(&str, &str); 6] = [
    ("family", "Okafor"),
    ("given", "Max"),
    ("birth", "3-Feb-1990"),
    ("gender", "male"),
    ("mobile", "(518) 555-0144"),
    ("zip", "12207"),
];

/// The blank form, with what is typed.
async fn form(clinic: &Clinic, browser: &mut Browser, typed: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let page = browser.get(clinic, NEW).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = vec![("csrf", page.csrf()), ("token", page.after(r#"name="token" value=""#))];
    form.extend(typed.iter().map(|(name, value)| (*name, (*value).to_owned())));
    form
}

async fn register(clinic: &Clinic, browser: &mut Browser, typed: &[(&'static str, &str)]) -> Answer {
    let form = form(clinic, browser, typed).await;
    browser.post(clinic, NEW, &form).await
}

fn id(json: &str) -> String {
    Json::parse_str(json).unwrap().get("id").unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_front_desk_registers_a_patient_with_everything() {
    let clinic = ward().await;
    let (mut browser, page) = look(&clinic, "fay", NEW).await;
    assert!(page.body.contains("Tribal affiliation") && page.body.contains("Insurance company"), "{}", page.body);
    // The collection policy drops it, so nobody asks.
    assert!(!page.body.contains("Social Security"));
    let mut typed = MAX.to_vec();
    typed.extend([
        ("preferred", "Maxi"),
        ("former", "Moss"),
        ("birthsex", "M"),
        ("identity", "446151000124109"),
        ("pronouns", "LA29518-0"),
        ("race", "2028-9"),
        ("race", "2106-3"),
        ("ethnicity", "2186-5"),
        ("tribe", "Mohawk"),
        ("enrolled", "true"),
        ("language", "ig"),
        ("interpreter", "yes"),
        ("email", "max@example.org"),
        ("line", "12 River Road"),
        ("city", "Albany"),
        ("state", "NY"),
        ("old-line", "1 Lake St"),
        ("old-city", "Troy"),
        ("kin-given", "Ada"),
        ("kin-relation", "SIB"),
        ("call-given", "Tom"),
        ("call-relation", "FRND"),
        ("call-phone", "518-555-0101"),
        ("payer", "Evergreen Mutual"),
        ("member", "W44-1"),
        ("group", "G7"),
        ("since", "1-Jan-2026"),
        ("ssn", "219-09-9999"),
    ]);
    let answer = register(&clinic, &mut browser, &typed).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(!answer.location().contains("Okafor"));
    let made = clinic.all("Patient", &[("family", "okafor")]).await;
    assert_eq!(made.len(), 1);
    for part in [
        r#""family":"Okafor","given":["Max"]"#,
        r#""use":"usual","given":["Maxi"]"#,
        r#""use":"old","family":"Moss""#,
        r#""birthDate":"1990-02-03""#,
        "us-core-genderIdentity",
        "individual-pronouns",
        r#""code":"2028-9","display":"Asian""#,
        r#""valueString":"Asian, White""#,
        "us-core-tribal-affiliation",
        r#""url":"isEnrolled","valueBoolean":true"#,
        "patient-interpreterRequired",
        r#""line":["12 River Road"],"city":"Albany","state":"NY","postalCode":"12207""#,
        r#""use":"old","line":["1 Lake St"]"#,
        r#""code":"C""#,
        r#""value":"WS-"#,
        "us-core-patient",
    ] {
        assert!(made[0].contains(part), "{part} in {}", made[0]);
    }
    assert!(!made[0].contains("219-09"), "{}", made[0]);
    let insured = clinic.all("Coverage", &[("patient", &id(&made[0]))]).await;
    assert!(insured.len() == 1 && insured[0].contains("W44-1") && insured[0].contains("Evergreen Mutual"));
    let chart = browser.get(&clinic, answer.location().split('?').next().unwrap()).await;
    assert!(chart.body.contains("OKAFOR"), "{}", chart.body);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_makes_one_patient() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "fay", NEW).await;
    let mut form = form(&clinic, &mut browser, &MAX).await;
    let first = browser.post(&clinic, NEW, &form).await;
    let second = browser.post(&clinic, NEW, &form).await;
    assert_eq!((first.status, first.location()), (StatusCode::SEE_OTHER, second.location()), "{}", first.body);
    // Back, and another word: nothing is overwritten and nothing lost.
    form.iter_mut().filter(|(name, _)| *name == "given").for_each(|(_, value)| *value = "Maximilian".to_owned());
    let third = browser.post(&clinic, NEW, &form).await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    assert!(third.body.contains("This form was saved before") && third.body.contains(r#"value="Maximilian""#));
    assert_eq!(clinic.all("Patient", &[("family", "okafor")]).await.len(), 1);
}

#[tokio::test]
async fn two_at_once_make_one_patient() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "fay", NEW).await;
    let form = form(&clinic, &mut browser, &MAX).await;
    let mut other = Browser::new();
    clinic.signed_in("fay", &mut other).await;
    let csrf = other.get(&clinic, NEW).await.csrf();
    let mut theirs = form.clone();
    theirs[0] = ("csrf", csrf);
    let (one, two) = tokio::join!(browser.post(&clinic, NEW, &form), other.post(&clinic, NEW, &theirs));
    assert!(one.status.is_redirection() && two.status.is_redirection(), "{} {}", one.status, two.status);
    assert_eq!(one.location(), two.location());
    assert_eq!(clinic.all("Patient", &[("family", "okafor")]).await.len(), 1);
}

#[tokio::test]
async fn who_may_be_the_same_is_shown_before_anything_is_saved() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "fay", NEW).await;
    // Spelt as it was heard, by the phone alone, and with day and month exchanged.
    let typed = [("family", "Addeyemi"), ("given", "Ruth"), ("birth", "14-Jul-1968"), ("gender", "female")];
    let mut form = form(&clinic, &mut browser, &typed).await;
    let warned = browser.post(&clinic, NEW, &form).await;
    assert_eq!(warned.status, StatusCode::CONFLICT, "{}", warned.body);
    for part in
        ["Is this the same person?", "likely the same", "same birth date", "family name sounds alike", "MR-004718"]
    {
        assert!(warned.body.contains(part), "{part} in {}", warned.body);
    }
    assert!(clinic.all("Patient", &[("family", "addeyemi")]).await.is_empty());
    // Saying so of somebody else is not saying so of her.
    form.push(("another", "p2".to_owned()));
    assert_eq!(browser.post(&clinic, NEW, &form).await.status, StatusCode::CONFLICT);
    form.pop();
    form.push(("another", warned.after(r#"name="another" value=""#)));
    let made = browser.post(&clinic, NEW, &form).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    let kept = clinic.all("Patient", &[("family", "addeyemi")]).await;
    assert!(kept[0].contains(r#""url":"urn:wardstone:distinct-from","valueReference":{"reference":"Patient/p1"}"#));
    // Back to the form with all that was typed.
    let back = [form.clone(), vec![("step", "type".to_owned())]].concat();
    let again = browser.post(&clinic, NEW, &back).await;
    assert!(again.status == StatusCode::OK && again.body.contains(r#"value="Addeyemi""#));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_lost() {
    let clinic = ward().await;
    let (mut browser, _) = look(&clinic, "fay", NEW).await;
    let typed = [("family", "Okafor"), ("birth", "1-Jan-2040"), ("email", "max"), ("line", "12 <b>River</b>")];
    let wrong = register(&clinic, &mut browser, &typed).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "still to come",
        r##"href="#gender""##,
        r#"value="Okafor""#,
        "12 &#60;b&#62;River",
        r#"aria-describedby="email-also""#,
    ] {
        assert!(wrong.body.contains(part), "{part} in {}", wrong.body);
    }
    assert!(clinic.all("Patient", &[("family", "okafor")]).await.is_empty());
}

#[tokio::test]
async fn who_may_not_register_has_no_way_to() {
    let clinic = ward().await;
    for (login, may) in [("fay", true), ("nora", true), ("asha", true), ("leo", true), ("ruth", false), ("ben", false)]
    {
        let (mut browser, page) = look(&clinic, login, NEW).await;
        assert_eq!(page.status == StatusCode::OK, may, "{login}");
        let finds = browser.get(&clinic, "/patients").await;
        assert_eq!(finds.body.contains(r#"href="/patients/new""#), may, "{login}");
        if may {
            // Only who records coverage is asked for it; only whose view shows extensions is asked for what lies in them.
            assert_eq!(page.body.contains("Insurance company"), login == "fay", "{login}");
            assert_eq!(page.body.contains("Gender identity"), login != "leo", "{login}");
        }
    }
}

#[tokio::test]
async fn who_comes_second_chooses_field_by_field() {
    let clinic = ward().await;
    let (mut fay, _) = look(&clinic, "fay", "/patients").await;
    let (mut nora, _) = look(&clinic, "nora", "/patients").await;
    let path = "/patients/p1/edit";
    let start = async |browser: &mut Browser| {
        let page = browser.get(&clinic, path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let family = page.after(r#"id="family" name="family" type="text" inputmode="text" value=""#);
        assert_eq!(family, "Adeyemi");
        vec![
            ("csrf", page.csrf()),
            ("version", page.after(r#"name="version" value=""#)),
            ("family", family),
            ("given", "Ruth".to_owned()),
            ("birth", "14-Jul-1968".to_owned()),
            ("gender", "female".to_owned()),
        ]
    };
    let (mut hers, mut theirs) = (start(&mut nora).await, start(&mut fay).await);
    hers.extend([("city", "Troy".to_owned()), ("email", "ruth@example.org".to_owned())]);
    theirs.extend([("city", "Albany".to_owned()), ("mobile", "518-555-0144".to_owned())]);
    assert_eq!(nora.post(&clinic, path, &hers).await.status, StatusCode::SEE_OTHER);
    let overtaken = fay.post(&clinic, path, &theirs).await;
    assert_eq!(overtaken.status, StatusCode::CONFLICT, "{}", overtaken.body);
    for part in ["Somebody else saved this patient", "both changed it", r#"value="Troy""#, r#"value="Albany""#] {
        assert!(overtaken.body.contains(part), "{part} in {}", overtaken.body);
    }
    // What one of them changed is chosen, what both changed is not.
    assert!(overtaken.body.contains(r#"name="email" value="ruth@example.org" required checked"#), "{}", overtaken.body);
    assert!(overtaken.body.contains(r#"name="mobile" value="518-555-0144" required checked"#));
    assert!(!overtaken.body.contains(r#"value="Troy" required checked"#));
    theirs[1] = ("version", overtaken.after(r#"name="version" value=""#));
    theirs.push(("email", "ruth@example.org".to_owned()));
    assert_eq!(fay.post(&clinic, path, &theirs).await.status, StatusCode::SEE_OTHER);
    let kept = clinic.all("Patient", &[("family", "adeyemi")]).await;
    assert!(
        kept[0].contains("Albany") && kept[0].contains("ruth@example.org") && kept[0].contains("0144"),
        "{}",
        kept[0]
    );
    // Sent once more nothing is written, and what the form does not show is still there.
    assert_eq!(fay.post(&clinic, path, &theirs).await.status, StatusCode::SEE_OTHER);
    assert_eq!(clinic.all("Patient", &[("family", "adeyemi")]).await, kept);
    assert!(kept[0].contains("MR-004718"));
}

#[tokio::test]
async fn a_name_that_was_heard_or_is_short_is_found() {
    let clinic = ward().await;
    crate::ward::patient(&clinic, "w1", "Schmidt", "William", "1971-05-06", "MR-5").await;
    let (mut browser, page) = look(&clinic, "fay", "/patients").await;
    for (name, number, is_found) in [
        ("smith, bill", "", true),
        ("Bill Smith", "6-May-1971", true),
        ("Bill Smith", "7-May-1971", false),
        ("rood adeyemy", "", false),
    ] {
        let form = [("csrf", page.csrf()), ("name", name.to_owned()), ("number", number.to_owned())];
        let found = browser.seek(&clinic, "/patients", &form).await;
        assert_eq!(found.body.contains("SCHMIDT, William"), is_found, "{name} {number}: {}", found.body);
        assert_eq!(
            found.body.contains("Sounds alike"),
            found.body.contains("SCHMIDT") || found.body.contains("ADEYEMI")
        );
    }
}

#[tokio::test]
async fn insurance_sent_again_with_another_number_is_not_said_to_be_saved() {
    let clinic = ward().await;
    let path = "/patients/p1/insurance";
    let (mut browser, page) = look(&clinic, "fay", path).await;
    let mut form = vec![
        ("csrf", page.csrf()),
        ("token", page.after(r#"name="token" value=""#)),
        ("payer", "Evergreen Mutual".to_owned()),
        ("member", "W44-1".to_owned()),
    ];
    for _ in 0..2 {
        let saved = browser.post(&clinic, path, &form).await;
        assert_eq!((saved.status, saved.location()), (StatusCode::SEE_OTHER, path), "{}", saved.body);
    }
    form[3].1 = "W55-2".to_owned();
    let told = browser.post(&clinic, path, &form).await;
    assert_eq!(told.status, StatusCode::CONFLICT, "{}", told.body);
    assert!(told.body.contains("was sent before") && told.body.contains(r#"value="W55-2""#), "{}", told.body);
    form[1].1 = told.after(r#"name="token" value=""#);
    assert_eq!(browser.post(&clinic, path, &form).await.status, StatusCode::SEE_OTHER);
    let held = clinic.all("Coverage", &[("patient", "p1")]).await;
    assert!(held.len() == 2 && held.iter().any(|one| one.contains("W55-2")), "{held:?}");
}
