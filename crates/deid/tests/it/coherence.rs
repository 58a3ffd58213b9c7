//! Charts make sense: dates, sizes, drugs and numbers agree with each other.

use std::collections::{HashMap, HashSet};

use fhir::Json;
use jiff::civil::Date;

use crate::tree::{
    NOW, PATIENTS, TODAY, by_full_url, clinic, each_patient, members, note, number, of_type, resources, text,
};

#[test]
fn every_chart_has_a_useful_size() {
    let sizes: Vec<usize> = clinic().patient_bundles().map(|b| b.resources).collect();
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
    assert!(sizes.iter().all(|n| (60..=200).contains(n)), "{:?}", (sizes.iter().min(), sizes.iter().max()));
    assert!((95.0..=145.0).contains(&mean), "{mean}");
}

#[test]
fn the_patient_is_the_first_entry_and_the_count_is_right() {
    let parsed = clinic().patient_bundle(3);
    let bundle = Json::parse_str(&parsed.json).unwrap();
    assert_eq!(resources(&bundle).next().unwrap().resource_type(), Some("Patient"));
    assert_eq!(resources(&bundle).count(), parsed.resources);
}

#[test]
fn bmi_is_weight_over_height_squared() {
    each_patient(|n, bundle| {
        let child = child(bundle);
        let mut height = None;
        let mut weights = HashMap::new();
        for o in of_type(bundle, "Observation") {
            let when = text(o, "effectiveDateTime").unwrap();
            let value = number(o, "valueQuantity.value");
            match text(o, "code.coding.code").unwrap() {
                "8302-2" => height = value,
                "29463-7" => _ = weights.insert(when, value.unwrap()),
                "39156-5" => {
                    let meters = height.unwrap() / 100.0;
                    let expected = weights[when] / meters / meters;
                    assert!((value.unwrap() - expected).abs() <= 0.1, "patient {n}: {value:?} for {expected}");
                    assert!((if child { 11.0 } else { 17.0 }..46.0).contains(&expected), "patient {n}: BMI {expected}");
                }
                _ => {}
            }
        }
    });
}

fn child(bundle: &Json<'_>) -> bool {
    let birth: Date = text(resources(bundle).next().unwrap(), "birthDate").unwrap().parse().unwrap();
    birth > Date::new(TODAY.year() - 18, TODAY.month(), TODAY.day()).unwrap()
}

#[test]
fn total_cholesterol_is_the_sum_of_its_parts() {
    let mut panels = 0;
    each_patient(|n, bundle| {
        let held = by_full_url(bundle);
        for report in of_type(bundle, "DiagnosticReport").filter(|r| text(r, "code.coding.code") == Some("24331-1")) {
            let values: HashMap<&str, f64> = report
                .get("result")
                .unwrap()
                .items()
                .iter()
                .map(|r| held[text(r, "reference").unwrap()])
                .map(|o| (text(o, "code.coding.code").unwrap(), number(o, "valueQuantity.value").unwrap()))
                .collect();
            let sum = values["13457-7"] + values["2085-9"] + values["2571-8"] / 5.0;
            assert!((values["2093-3"] - sum).abs() <= 1.0, "patient {n}: {values:?}");
            panels += 1;
        }
    });
    assert!(panels > 50);
}

/// Also of blood that a worklist shows as odd: little hemoglobin is few and no large cells.
#[test]
fn blood_counts_agree_with_each_other() {
    let (mut panels, mut low) = (0, 0);
    each_patient(|n, bundle| {
        let held = by_full_url(bundle);
        for report in of_type(bundle, "DiagnosticReport").filter(|r| text(r, "code.coding.code") == Some("58410-2")) {
            let results = report.get("result").unwrap().items().iter().map(|r| held[text(r, "reference").unwrap()]);
            let values: HashMap<&str, f64> = results
                .map(|o| (text(o, "code.coding.code").unwrap(), number(o, "valueQuantity.value").unwrap()))
                .collect();
            let (hemoglobin, hematocrit) = (values["718-7"], values["4544-3"]);
            // Mean concentration of hemoglobin in cells, in g/dL: 32 to 36; the volume of a cell is that of all over their number.
            let concentration = hemoglobin / hematocrit * 100.0;
            assert!((32.0..36.0).contains(&concentration), "patient {n}: {values:?}");
            let volume = hematocrit * 10.0 / values["789-8"];
            assert!((volume - values["787-2"]).abs() < 1.5, "patient {n}: {volume} of {values:?}");
            low += u32::from(hemoglobin < 7.0);
            panels += 1;
        }
    });
    assert!(panels > 20 && low > 0, "{panels} {low}");
}

#[test]
fn nothing_clinical_lies_before_birth_or_after_today() {
    each_patient(|n, bundle| {
        let patient = resources(bundle).next().unwrap();
        let birth: Date = text(patient, "birthDate").unwrap().parse().unwrap();
        let last = match text(patient, "deceasedDateTime") {
            Some(death) => death[..10].parse().unwrap(),
            None => TODAY,
        };
        for resource in resources(bundle) {
            let kind = resource.resource_type().unwrap();
            members(resource, &mut |name, value| {
                // What is planned may lie ahead.
                let planned = (kind == "Appointment" || kind == "Slot") && name != "created"
                    || kind == "Task" && name == "end"
                    || name == "dueDate"
                    || name == "valueDateTime";
                let Some(day) = value.as_str().and_then(|t| t.get(..10)?.parse::<Date>().ok()) else { return };
                let insured = kind == "Coverage";
                assert!(day >= birth || insured, "patient {n}: {kind}.{name} {day} before birth");
                assert!(day <= last || planned, "patient {n}: {kind}.{name} {day} after {last}");
            });
        }
    });
}

#[test]
fn periods_end_after_they_start() {
    each_patient(|n, bundle| {
        let mut see = |_: &str, value: &Json<'_>| {
            if let (Some(start), Some(end)) = (text(value, "start"), text(value, "end")) {
                assert!(start <= end, "patient {n}: {start} to {end}");
            }
        };
        for resource in resources(bundle) {
            members(resource, &mut see);
            if let (Some(onset), Some(healed)) = (text(resource, "onsetDateTime"), text(resource, "abatementDateTime"))
            {
                assert!(onset <= healed, "patient {n}");
            }
        }
    });
}

#[test]
fn the_dead_have_no_appointments_ahead_and_no_active_drugs() {
    let mut dead = 0;
    let clinic = wardstone_deid::synthetic::generate(&wardstone_deid::synthetic::Plan {
        seed: 3,
        patients: 600,
        today: TODAY,
        now: NOW,
    });
    for bundle in clinic.patient_bundles().filter(|b| b.json.contains("deceasedDateTime")) {
        let bundle = Json::parse_str(&bundle.json).unwrap();
        let Some(death) = text(resources(&bundle).next().unwrap(), "deceasedDateTime").map(str::to_string) else {
            continue;
        };
        dead += 1;
        assert!(of_type(&bundle, "Appointment").all(|a| text(a, "start").unwrap() < death.as_str()));
        assert!(of_type(&bundle, "MedicationRequest").all(|m| text(m, "status") != Some("active")));
    }
    assert!((1..30).contains(&dead), "{dead}");
}

#[test]
fn a1c_falls_under_metformin() {
    let bundle = clinic().patient_bundle(1);
    let bundle = Json::parse_str(&bundle.json).unwrap();
    let a1c: Vec<f64> = of_type(&bundle, "Observation")
        .filter(|o| text(o, "code.coding.code") == Some("4548-4"))
        .map(|o| number(o, "valueQuantity.value").unwrap())
        .collect();
    assert!(a1c.len() >= 3, "{a1c:?}");
    assert!(a1c.first().unwrap() - a1c.last().unwrap() > 0.8, "{a1c:?}");
    assert!(of_type(&bundle, "MedicationRequest").any(|m| {
        text(m, "medicationCodeableConcept.coding.display").unwrap().starts_with("metformin")
            && text(m, "status") == Some("active")
    }));
}

#[test]
fn kidney_disease_of_stage_3a_has_the_filtration_rate_of_that_stage() {
    let mut seen = 0;
    each_patient(|n, bundle| {
        if !of_type(bundle, "Condition").any(|c| text(c, "code.coding.code") == Some("700378005")) {
            return;
        }
        for o in of_type(bundle, "Observation").filter(|o| text(o, "code.coding.code") == Some("98979-8")) {
            let rate = number(o, "valueQuantity.value").unwrap();
            // Stage 3a is 45 to 59; single results scatter around it.
            assert!((40.0..65.0).contains(&rate), "patient {n}: eGFR {rate}");
            seen += 1;
        }
    });
    assert!(seen > 5, "{seen}");
}

#[test]
fn no_one_allergic_to_penicillin_gets_amoxicillin_and_no_drug_is_active_twice() {
    each_patient(|n, bundle| {
        let allergic = of_type(bundle, "AllergyIntolerance").any(|a| text(a, "code.coding.code") == Some("91936005"));
        let mut active = HashSet::new();
        for m in of_type(bundle, "MedicationRequest") {
            let drug = text(m, "medicationCodeableConcept.coding.display").unwrap();
            assert!(!(allergic && drug.starts_with("amoxicillin")), "patient {n}");
            if text(m, "status") == Some("active") {
                let family = drug.split(' ').next().unwrap().replace("losartan", "lisinopril");
                assert!(active.insert(family), "patient {n}: {drug} twice");
            }
        }
    });
}

#[test]
fn every_story_is_lived_in_a_small_clinic() {
    let mut codes = HashSet::new();
    for bundle in clinic().patient_bundles().take(21) {
        let bundle = Json::parse_str(&bundle.json).unwrap();
        for condition in of_type(&bundle, "Condition") {
            codes.insert(text(condition, "code.coding.code").unwrap().to_string());
        }
    }
    // Diabetes, hypertension, pregnancy, asthma, depression, alcohol, HIV, COPD, CKD, atrial fibrillation, opioids.
    for code in [
        "44054006",
        "59621000",
        "72892002",
        "233678006",
        "370143000",
        "66590003",
        "86406008",
        "13645005",
        "700378005",
        "49436004",
        "75544000",
    ] {
        assert!(codes.contains(code), "{code}");
    }
}

#[test]
fn notes_agree_with_the_visit_and_leave_no_placeholder() {
    let mut texts = HashSet::new();
    each_patient(|n, bundle| {
        let pressures: HashSet<String> = of_type(bundle, "Observation")
            .filter(|o| text(o, "code.coding.code") == Some("85354-9"))
            .map(|o| {
                let parts = o.get("component").unwrap().items();
                let value = |i: usize| number(&parts[i], "valueQuantity.value").unwrap();
                format!("{}/{}", value(0), value(1))
            })
            .collect();
        for document in of_type(bundle, "DocumentReference") {
            let note = note(document);
            assert!(!note.contains(['{', '}']), "patient {n}: {note}");
            assert_eq!(number(document, "content.attachment.size").unwrap() as usize, note.len());
            if let Some((_, after)) = note.split_once("BP ") {
                let pressure = after.split(' ').next().unwrap();
                assert!(pressures.contains(pressure), "patient {n}: {pressure}");
            }
            texts.extend(note.lines().filter(|l| l.starts_with("S: ")).map(str::to_string));
        }
    });
    assert!(texts.len() > 60, "{}", texts.len());
}

#[test]
fn sensitive_material_is_present_and_unlabelled() {
    let (mut hiv, mut therapy, mut reproductive) = (0, 0, 0);
    each_patient(|n, bundle| {
        for resource in resources(bundle) {
            assert!(resource.get("meta").is_none_or(|m| m.get("security").is_none()), "patient {n}");
            match (
                resource.resource_type().unwrap(),
                text(resource, "code.coding.code").or(text(resource, "type.text")),
            ) {
                ("Observation", Some("56888-1")) => hiv += 1,
                ("DocumentReference", Some("11510-5" | "Psychology progress note")) => therapy += 1,
                ("Condition", Some("72892002")) => reproductive += 1,
                _ => {}
            }
        }
    });
    assert!(hiv > 1 && therapy > 1 && reproductive > 1, "{hiv} {therapy} {reproductive}");
}

#[test]
fn a_few_people_are_expected_today_some_by_video() {
    let (mut today, mut video, mut ahead, mut cancelled) = (0, 0, 0, 0);
    each_patient(|_, bundle| {
        for a in of_type(bundle, "Appointment") {
            let start: Date = text(a, "start").unwrap()[..10].parse().unwrap();
            let on_video = text(a, "serviceType.coding.code") == Some("448337001");
            today += u32::from(start == TODAY);
            video += u32::from(start >= TODAY && on_video);
            ahead += u32::from(start > TODAY && text(a, "status") == Some("booked"));
            cancelled += u32::from(text(a, "status") == Some("cancelled"));
            let status = text(a, "status");
            assert!(start == TODAY || (start < TODAY) == (status == Some("fulfilled")), "{start}");
        }
    });
    assert!(
        (18..PATIENTS / 3).contains(&today) && video > 10 && ahead > PATIENTS / 2 && cancelled > 3,
        "{today} {video} {ahead} {cancelled}"
    );
}

/// Whoever opens a fresh demo finds people gone, inside, waiting and still to come, whatever the hour; and nobody came in the future.
#[test]
fn today_is_a_day_at_work_at_any_hour() {
    let zone = jiff::tz::TimeZone::get(wardstone_deid::synthetic::ZONE).unwrap();
    for hour in 0..24 {
        let now = jiff::civil::time(hour, 25, 0, 0);
        let plan = wardstone_deid::synthetic::Plan { seed: 7, patients: 18, today: TODAY, now };
        let instant = TODAY.to_datetime(now).to_zoned(zone.clone()).unwrap().timestamp();
        let (mut statuses, mut inside, mut open, mut languages) = (HashMap::new(), 0, 0, HashSet::new());
        for bundle in wardstone_deid::synthetic::generate(&plan).patient_bundles() {
            let bundle = Json::parse_str(&bundle.json).unwrap();
            for a in of_type(&bundle, "Appointment").filter(|a| text(a, "start").unwrap().starts_with("2026-11-20")) {
                let start: jiff::Timestamp = text(a, "start").unwrap().parse().unwrap();
                let local = start.to_zoned(zone.clone());
                let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
                assert_eq!(local.date(), TODAY);
                assert!((480..=990).contains(&minute) && minute % 30 == 0, "{local}");
                assert!(text(a, "reasonCode.text").is_some());
                *statuses.entry(text(a, "status").unwrap().to_owned()).or_insert(0) += 1;
                let people = a.get("participant").unwrap().items();
                for at in people.iter().flat_map(|p| [text(p, "period.start"), text(p, "period.end")]).flatten() {
                    assert!(at.parse::<jiff::Timestamp>().unwrap() <= instant, "{at} after {hour}:25");
                }
                let doctor = people.iter().find(|p| text(p, "actor.reference").unwrap().starts_with("Practitioner"));
                inside += i32::from(
                    text(a, "status") == Some("checked-in") && text(doctor.unwrap(), "period.start").is_some(),
                );
            }
            open += of_type(&bundle, "Encounter").filter(|e| text(e, "status") == Some("in-progress")).count() as i32;
            let patient = resources(&bundle).next().unwrap();
            languages.insert(text(patient, "communication.language.text").unwrap().to_owned());
        }
        for status in ["booked", "arrived", "checked-in", "fulfilled", "noshow"] {
            assert!(statuses.contains_key(status), "{status} at {hour}: {statuses:?}");
        }
        assert!(inside > 0 && inside == open && languages.len() > 2, "{inside} {open} {languages:?} at {hour}");
    }
}

#[test]
fn nearly_every_small_clinics_patient_has_the_stand_ins_on_the_care_team_and_some_have_not() {
    let staff = clinic().staff_bundle();
    assert!(staff.json.contains("asha.rao") && staff.json.contains("nora.lind"));
    let is_on = |bundle: &Json<'_>, who: &str| {
        of_type(bundle, "CareTeam").filter(|team| text(team, "status") == Some("active")).any(|team| {
            let members = team.get("participant").unwrap().items();
            members.iter().any(|m| text(m, "member.reference").is_some_and(|r| r.ends_with(who)))
        })
    };
    let (mut with, mut alone) = (0, Vec::new());
    for number in 1..=25 {
        let parsed = clinic().patient_bundle(number);
        let bundle = Json::parse_str(&parsed.json).unwrap();
        match (is_on(&bundle, "|asha.rao"), is_on(&bundle, "|nora.lind")) {
            (true, true) => with += 1,
            (false, false) => alone.push(number),
            mixed => panic!("patient {number}: {mixed:?}"),
        }
        let charted = parsed.json.contains("|asha.rao") || parsed.json.contains("|nora.lind");
        assert!(charted || alone.contains(&number), "patient {number}");
    }
    assert!(with >= 22 && alone.contains(&12) && alone.contains(&24), "{with} with, {alone:?} without");
}

/// What a form asks, by linkId, with the words of the question.
fn questions<'j>(form: &'j Json<'j>, found: &mut HashMap<&'j str, &'j str>) {
    for item in form.get("item").map_or(&[][..], Json::items) {
        found.insert(text(item, "linkId").unwrap(), text(item, "text").unwrap());
        questions(item, found);
    }
}

#[test]
fn forms_that_are_asked_for_are_there_and_their_answers_are_to_their_questions() {
    let staff = clinic().staff_bundle();
    let staff = Json::parse_str(&staff.json).unwrap();
    let mut forms = HashMap::new();
    for form in resources(&staff).filter(|one| one.resource_type() == Some("Questionnaire")) {
        let mut asked = HashMap::new();
        questions(form, &mut asked);
        forms.insert(format!("{}|{}", text(form, "url").unwrap(), text(form, "version").unwrap()), asked);
    }
    let (mut open, mut done) = (0, 0);
    each_patient(|n, bundle| {
        for one in resources(bundle) {
            match one.resource_type() {
                Some("Task") if text(one, "input.valueCanonical").is_some() => {
                    assert!(forms.contains_key(text(one, "input.valueCanonical").unwrap()), "patient {n}");
                    let is_done = text(one, "status") == Some("completed");
                    assert_eq!(is_done, text(one, "output.valueReference.reference").is_some(), "patient {n}");
                    *(if is_done { &mut done } else { &mut open }) += 1;
                }
                Some("QuestionnaireResponse") => {
                    let (form, mut answered) = (&forms[text(one, "questionnaire").unwrap()], Default::default());
                    questions(one, &mut answered);
                    assert!(!answered.is_empty(), "patient {n}");
                    for (link_id, words) in answered {
                        assert_eq!(form.get(link_id), Some(&words), "patient {n}: {link_id}");
                    }
                }
                _ => {}
            }
        }
    });
    assert!(open > 0 && done > 0, "{open} {done}");
}
