//! What a patient says of themselves: asked where the organization keeps it, kept closer where it is sensitive, taken back.

use std::sync::Arc;

use access::CollectionPolicy;
use http::StatusCode;

use crate::lists::{held, rowed, sent};
use crate::ward::{look, ward};

const PAGE: &str = "/patients/p1/social";

#[tokio::test]
async fn what_is_said_is_kept_once_changed_and_taken_back() {
    let clinic = ward().await;
    let (mut asha, page) = look(&clinic, "asha", PAGE).await;
    assert!(page.body.contains("Nothing recorded"), "{}", page.body);
    let mut form = sent(&page.body);
    rowed(&mut form, "orientation", "OTH");
    rowed(&mut form, "other", "Queer");
    rowed(&mut form, "occupation", "Baker");
    rowed(&mut form, "industry", "Bakeries");
    for _ in 0..2 {
        let saved = asha.post(&clinic, PAGE, &form).await;
        assert!(saved.location().starts_with(PAGE), "{}", saved.body);
    }
    let of = |all: &[String], code: &str| all.iter().filter(|one| one.contains(code)).cloned().collect::<Vec<_>>();
    let all = held(&clinic, "Observation", "p1").await;
    let (orientation, occupation) = (of(&all, "76690-7"), of(&all, "11341-5"));
    assert_eq!((orientation.len(), occupation.len()), (1, 1), "a form sent twice makes one of each");
    for part in
        [r#""code":"OTH""#, "Queer", "us-core-observation-sexual-orientation", r#""code":"R""#, "social-history"]
    {
        assert!(orientation[0].contains(part), "{part} in {}", orientation[0]);
    }
    for part in ["Baker", "86188-0", "Bakeries", "effectivePeriod", "Practitioner/asha"] {
        assert!(occupation[0].contains(part), "{part} in {}", occupation[0]);
    }
    // A colleague's page from before overwrites nothing.
    let (mut nora, stale) = look(&clinic, "nora", PAGE).await;
    assert!(stale.body.contains("Queer") && stale.body.contains("Baker, Bakeries"), "{}", stale.body);
    let mut theirs = sent(&stale.body);
    rowed(&mut theirs, "occupation", "Cook");
    let page = asha.get(&clinic, PAGE).await;
    let mut form = sent(&page.body);
    rowed(&mut form, "occupation", "Teacher");
    rowed(&mut form, "industry", "");
    assert_eq!(asha.post(&clinic, PAGE, &form).await.location(), "/patients/p1/social?saved");
    let refused = nora.post(&clinic, PAGE, &theirs).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("Cook") && refused.body.contains("Teacher"), "{}", refused.body);
    // Taken back, it is shown no more; what was said before it is.
    let page = asha.get(&clinic, PAGE).await;
    let mut form = sent(&page.body);
    rowed(&mut form, "orientation", "42035005");
    assert_eq!(asha.post(&clinic, PAGE, &form).await.location(), "/patients/p1/social?saved");
    let page = asha.get(&clinic, PAGE).await;
    let mut form = sent(&page.body);
    rowed(&mut form, "orientation", "");
    rowed(&mut form, "other", "words without a choice");
    let refused = asha.post(&clinic, PAGE, &form).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("words without a choice"));
    rowed(&mut form, "other", "");
    assert_eq!(asha.post(&clinic, PAGE, &form).await.location(), "/patients/p1/social?saved");
    // Nor does what was said before it come back.
    let page = asha.get(&clinic, PAGE).await;
    assert!(!page.body.contains("Queer") && !page.body.contains(r#"value="42035005" selected"#), "{}", page.body);
    assert!(page.body.contains("Teacher") && page.body.contains("1 earlier"), "{}", page.body);
    let all = held(&clinic, "Observation", "p1").await;
    let told = of(&all, "76690-7");
    assert!(told.len() == 2 && told.iter().all(|one| one.contains("entered-in-error")), "{told:?}");
    let mut wrong = sent(&page.body);
    rowed(&mut wrong, "occupation", "");
    rowed(&mut wrong, "industry", "Farms");
    let refused = asha.post(&clinic, PAGE, &wrong).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("Farms"), "{}", refused.body);
    for (login, status) in
        [("fay", StatusCode::FORBIDDEN), ("ben", StatusCode::FORBIDDEN), ("zoe", StatusCode::SEE_OTHER)]
    {
        assert_eq!(look(&clinic, login, PAGE).await.1.status, status, "{login}");
    }
}

#[test]
fn what_the_organization_refuses_is_refused_by_its_code() {
    let text = "sexual-orientation: refuse Observation.code.coding system=http://loinc.org code=76690-7\n";
    let policy = Arc::new(CollectionPolicy::parse(text).unwrap());
    let value =
        |code| access::CollectValue { system: Some("http://loinc.org"), code: Some(code), ..Default::default() };
    assert!(!policy.keeps("Observation", "code.coding", value("76690-7")));
    assert!(policy.keeps("Observation", "code.coding", value("11341-5")));
    assert!(policy.keeps("Condition", "code.coding", value("76690-7")));
}
