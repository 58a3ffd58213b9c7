//! Labelled days of a clinic, replayed through the rules: how often each finds what it should (recall), and how often what it
//! finds is something (precision). Precision counts everything that a rule raised on anybody's days.

mod clinic;
mod hostile;
mod ordinary;

use std::collections::BTreeMap;

use compliance::{About, Limits, Rule, Rules};

use clinic::{Told, decode};

/// What may not get worse: `(rule, precision, recall)`, in percent.
const FLOORS: [(Rule, u64, u64); 17] = [
    (Rule::FailedSignIns, 95, 85),
    (Rule::SprayedSignIns, 100, 90),
    (Rule::NewCountry, 75, 100),
    (Rule::UnknownCountry, 50, 100),
    (Rule::LargeReads, 95, 70),
    (Rule::LargeExports, 75, 100),
    (Rule::SameName, 65, 100),
    (Rule::CoWorker, 75, 75),
    (Rule::Vip, 80, 100),
    (Rule::AfterHours, 95, 95),
    (Rule::BreakGlass, 100, 100),
    (Rule::CookieReplay, 100, 100),
    (Rule::RoleGrant, 100, 100),
    (Rule::LogVerification, 100, 100),
    (Rule::DocumentDamaged, 100, 100),
    (Rule::OperatorCommand, 100, 100),
    (Rule::Noise, 75, 100),
];

#[derive(Default, Clone, Copy)]
struct Score {
    /// Hostile acts, and those among them that were found.
    hostile: u64,
    found: u64,
    /// Alerts, and those among them that rest on a hostile act.
    alerts: u64,
    right: u64,
}

#[test]
fn scenarios_are_found_as_often_as_the_table_says() {
    let mut stories = ordinary::stories();
    stories.extend(hostile::stories());
    let events = stories.iter().map(|story| story.told.len()).sum::<usize>();
    let (scores, missed, wrong) = score(&stories);
    println!("{} stories, {events} events", stories.len());
    println!("| rule | hostile | found | alerts | right | precision | recall |");
    println!("|---|---|---|---|---|---|---|");
    for (rule, score) in &scores {
        let (precision, recall) = (percent(score.right, score.alerts), percent(score.found, score.hostile));
        let Score { hostile, found, alerts, right } = score;
        println!("| {} | {hostile} | {found} | {alerts} | {right} | {precision} % | {recall} % |", rule.name());
    }
    missed.iter().for_each(|name| println!("missed: {name}"));
    wrong.iter().for_each(|name| println!("raised for nothing: {name}"));
    for (rule, precision_min, recall_min) in FLOORS {
        let score = scores[&rule];
        assert!(score.hostile > 0 && score.alerts > 0, "{}: no scenario tests it", rule.name());
        assert!(percent(score.right, score.alerts) >= precision_min, "{}: precision", rule.name());
        assert!(percent(score.found, score.hostile) >= recall_min, "{}: recall", rule.name());
    }
    let tested = FLOORS.map(|(rule, ..)| rule);
    let untested: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !tested.contains(rule)).collect();
    let by_clock = [&Rule::AuditStalled, &Rule::AgreementExpiring, &Rule::AgreementExpired, &Rule::PartyUncovered];
    assert_eq!(untested, by_clock, "fed by the clock: their own tests");
}

#[test]
fn the_same_days_are_told_the_same_way() {
    let told = |stories: Vec<clinic::Story>| stories.into_iter().flat_map(|story| story.told).map(|told| told.bytes);
    assert!(told(ordinary::stories()).eq(told(ordinary::stories())));
}

/// Every story begins with empty rules, and its alerts are joined as the queue joins them.
fn score(stories: &[clinic::Story]) -> (BTreeMap<Rule, Score>, Vec<String>, Vec<String>) {
    let mut scores: BTreeMap<Rule, Score> = BTreeMap::new();
    let (mut missed, mut wrong) = (Vec::new(), Vec::new());
    for story in stories {
        let alerts = replay(&story.told);
        for (rule, about, leaves) in &alerts {
            let score = scores.entry(*rule).or_default();
            score.alerts += 1;
            // An alert is right if one of its events is marked for its rule.
            let is_right = leaves.iter().any(|leaf| story.told[*leaf as usize].hostile.contains(rule));
            score.right += u64::from(is_right);
            if !is_right {
                wrong.push(format!("{}: {} {}", story.name, rule.name(), about.login.as_deref().unwrap_or("-")));
            }
        }
        for rule in &story.expected {
            let score = scores.entry(*rule).or_default();
            score.hostile += 1;
            let is_found = alerts.iter().any(|(found, _, leaves)| {
                found == rule && leaves.iter().any(|leaf| story.told[*leaf as usize].hostile.contains(rule))
            });
            score.found += u64::from(is_found);
            if !is_found {
                missed.push(format!("{}: {}", story.name, rule.name()));
            }
        }
    }
    (scores, missed, wrong)
}

fn replay(told: &[Told]) -> Vec<(Rule, About, Vec<u64>)> {
    let limits = Limits { country: Some("US".into()), ..Limits::default() };
    let mut rules = Rules::new(limits).unwrap();
    let mut alerts: Vec<(Rule, About, Vec<u64>, u64)> = Vec::new();
    for (leaf, told) in (0..).zip(told) {
        for finding in rules.observe(leaf, &decode(&told.bytes)) {
            let lasts_ms = finding.rule.lasts_ms();
            let same = alerts.iter_mut().rev().find(|(rule, about, _, last_ms)| {
                *rule == finding.rule
                    && *about == finding.about
                    && finding.first_ms.saturating_sub(*last_ms) <= lasts_ms
            });
            match same.filter(|_| lasts_ms > 0) {
                Some((.., leaves, last_ms)) => {
                    leaves.extend(finding.evidence);
                    *last_ms = finding.last_ms;
                }
                None => alerts.push((finding.rule, finding.about, finding.evidence, finding.last_ms)),
            }
        }
    }
    alerts.into_iter().map(|(rule, about, leaves, _)| (rule, about, leaves)).collect()
}

fn percent(part: u64, whole: u64) -> u64 {
    (part * 100).checked_div(whole).unwrap_or(100)
}
