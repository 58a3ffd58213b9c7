//! What tests of the lists of a chart share: filling a form of a page as it stands, and what the record then holds.

use http::StatusCode;

use crate::clinic::{Answer, Browser, Clinic};

pub type Fill<'a> = &'a [(&'static str, &'a str)];

/// The last form of the page, as a browser would send it, with some fields typed over.
pub async fn fill(clinic: &Clinic, browser: &mut Browser, page: &str, typed: Fill<'_>) -> Vec<(&'static str, String)> {
    let page = browser.get(clinic, page).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let mut form = sent(&page.body);
    for (name, value) in typed {
        rowed(&mut form, name, value);
    }
    form
}

/// The fields of the last form: hidden and plain inputs, and what is chosen in selects.
pub fn sent(body: &str) -> Vec<(&'static str, String)> {
    let form = body.rsplit("<form").find(|form| form.contains(r#"name="csrf""#) && !form.contains("signout")).unwrap();
    let form = form.split("</form>").next().unwrap();
    let mut fields: Vec<(&'static str, String)> = Vec::new();
    for tag in form.split('<').filter(|tag| {
        tag.starts_with("input")
            || tag.starts_with("select")
            || tag.starts_with("option")
            || tag.starts_with("textarea")
    }) {
        let attribute = |name: &str| {
            tag.split(&format!(r#" {name}=""#)).nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
        };
        let is_box = tag.contains(r#"type="radio""#) || tag.contains(r#"type="checkbox""#);
        if tag.starts_with("option") {
            if tag.contains(" selected") {
                fields.last_mut().unwrap().1 = attribute("value").unwrap();
            }
        } else if let Some(name) = attribute("name").filter(|_| !is_box || tag.contains(" checked")) {
            fields.push((
                name.leak(),
                attribute("value").unwrap_or_default().replace("&#34;", "\"").replace("&#39;", "'"),
            ));
        }
    }
    fields
}

/// The form of the page that has this act.
pub fn form_with(page: &Answer, act: &str, typed: Fill<'_>) -> Vec<(&'static str, String)> {
    let wanted = format!(r#"value="{act}""#);
    let form = page.body.split("<form").find(|form| form.contains(&wanted)).unwrap_or_else(|| panic!("{}", page.body));
    let mut fields = sent(&format!("<form{form}"));
    rowed(&mut fields, "act", act);
    typed.iter().for_each(|(name, value)| rowed(&mut fields, name, value));
    fields
}

pub fn rowed(form: &mut Vec<(&'static str, String)>, name: &'static str, value: &str) {
    form.retain(|(held, _)| *held != name);
    form.push((name, value.to_owned()));
}

/// What the record has of a type of one patient.
pub async fn held(clinic: &Clinic, kind: &str, patient: &str) -> Vec<String> {
    clinic.all(kind, &[("patient", patient), ("_sort", "_lastUpdated")]).await
}
