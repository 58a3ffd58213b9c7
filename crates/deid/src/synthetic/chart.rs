//! Plays a patient's stories over their visits and writes the chart in the order it would have come about.

use super::body::Body;
use super::day::Day;
use super::drugs::Med;
use super::person::{self, Person};
use super::rng::Rng;
use super::stories::{Measure, Setting, Step, Story};
use super::visits::{self, Visit};
use super::writer::Writer;
use super::{Bundle, Plan, Urn, admin, clinical, notes, observe, worklist};

/// A prescription with its refills lasts about this many follow-ups; then it is written anew.
const RENEWAL_TURNS: usize = 4;
/// At which follow-ups the panels of the other illnesses are drawn.
const COMPANION_TURN: usize = 2;
/// A procedure of the story is repeated after this many visits.
const PROCEDURE_TURNS: usize = 5;
/// At which follow-ups a psychotherapist writes.
const THERAPY_TURNS: [usize; 2] = [2, 4];

pub(super) struct Chart<'p> {
    pub(super) w: Writer,
    pub(super) rng: Rng,
    pub(super) p: &'p Person,
    pub(super) body: Body,
    pub(super) today: Day,
    /// Minutes of today that are over at the clinic.
    pub(super) now: i32,
    pub(super) subject: Urn,
    /// The problem list entry of the leading story, once there is one.
    pub(super) problem: Option<Urn>,
    /// Notes name these.
    pub(super) current_meds: Vec<&'static Med>,
    /// The prescriptions, by name of the drug.
    pub(super) prescribed: Vec<(&'static str, Urn)>,
    /// Reports that somebody has looked at since.
    pub(super) reports: Vec<worklist::Reported>,
}

impl Chart<'_> {
    pub(super) fn add(&mut self, kind: &str, body: impl FnOnce(&mut Writer)) -> Urn {
        let urn = Urn::draw(&mut self.rng);
        super::entry(&mut self.w, urn, kind, body);
        urn
    }

    /// For resources that others name before they are written.
    pub(super) fn add_as(&mut self, urn: Urn, kind: &str, body: impl FnOnce(&mut Writer)) {
        super::entry(&mut self.w, urn, kind, body);
    }
}

pub(super) fn bundle(plan: &Plan, number: u32) -> Bundle {
    let mut rng = Rng::new(plan.seed, u64::from(number));
    let today = Day::from_date(plan.today);
    let person = person::draw(plan, number, &mut rng);
    let allergies = clinical::draw_allergies(&mut rng);
    let penicillin = allergies.iter().any(|a| a.is_penicillin());
    let visits = visits::plan(&person, today, penicillin, &mut rng);
    let mut body = Body::resting(&person, &mut rng);
    for story in &person.stories[1..] {
        body.long_treated(story, &person, &mut rng);
    }
    body.fall_ill(person.stories[0], &person, &mut rng);
    let subject = Urn::draw(&mut rng);
    let mut chart = Chart {
        w: super::open_bundle(),
        rng,
        p: &person,
        body,
        today,
        now: i32::from(plan.now.hour()) * 60 + i32::from(plan.now.minute()),
        subject,
        problem: None,
        current_meds: Vec::new(),
        prescribed: Vec::new(),
        reports: Vec::new(),
    };

    admin::patient(&mut chart);
    admin::coverage(&mut chart);
    clinical::allergies(&mut chart, &allergies, visits[0].at.day);
    let joined = visits[0].at;
    for story in &person.stories[1..] {
        let since = joined.day.plus(-chart.rng.between(400, 2600)).max(person.birth.plus(700));
        clinical::problem(&mut chart, story, since, since, None);
    }
    let planned: Vec<&Visit> = visits.iter().filter(|v| v.episode.is_none()).collect();
    let turns = planned.len();
    let mut immunized: Vec<(Day, Urn)> = Vec::with_capacity(visits.len());
    for visit in &visits {
        let encounter = Urn::draw(&mut chart.rng);
        immunized.push((visit.at.day, encounter));
        play(&mut chart, visit, encounter, turns);
    }
    clinical::immunizations(&mut chart, &immunized);
    admin::appointments(&mut chart, &visits);
    worklist::add(&mut chart);
    super::close_bundle(chart.w)
}

fn play(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, turns: usize) {
    let lead = chart.p.stories[0];
    let first = visit.episode.is_none() && visit.turn == 0;
    if visit.episode.is_none() && !first {
        match lead.setting {
            Setting::Prenatal => chart.body.reach((f64::from(visit.weeks) - 8.0) / 32.0),
            _ => chart.body.advance(visit.worse),
        }
    }
    let fever = visit.episode.map_or(0.0, |e| e.fever);
    let reading = chart.body.read(chart.p, visit.at.day, fever, &mut chart.rng);

    let reason = reason(chart, visit, encounter, lead, first);
    clinical::encounter(chart, visit, encounter, reason);
    if observe::takes_vitals(visit) {
        observe::vitals(chart, visit, &reading, encounter);
    } else if observe::reports_home_pressure(chart, visit) {
        observe::home_pressure(chart, visit, &reading, encounter);
    }
    match visit.episode {
        Some(episode) => {
            if let Some(med) = episode.med {
                clinical::prescribe(chart, med, visit.at.later(18), encounter, "completed", reason);
            }
        }
        None => {
            if chart.p.age >= 18 && visit.turn.is_multiple_of(3) && !visit.telehealth {
                observe::smoking(chart, visit, encounter);
            }
            observe::scores(chart, visit, &reading, encounter);
            treat(chart, visit, encounter, turns);
            investigate(chart, visit, &reading, encounter, lead);
            if first {
                let problem = chart.problem;
                clinical::care(chart, lead, visit.at.day, problem);
            }
        }
    }
    let own = |m: &&&Med| lead.meds.iter().any(|s| std::ptr::eq(s.0, **m));
    let meds = chart.current_meds.iter().filter(own).map(|m| m.name).collect::<Vec<_>>().join(" and ");
    let note = notes::soap(chart, visit, &reading, &meds);
    clinical::document(chart, visit, encounter, first, &note);
    if visit.episode.is_none() && THERAPY_TURNS.contains(&visit.turn) && has_therapy(lead) {
        let note = notes::psychotherapy(chart, visit);
        clinical::psychotherapy(chart, visit, encounter, &note);
    }
}

fn has_therapy(story: &Story) -> bool {
    story.procedures.iter().any(|p| p.code == "228557008")
}

/// The condition an encounter is about.
fn reason(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, lead: &'static Story, first: bool) -> Option<Urn> {
    let day = visit.at.day;
    if let Some(episode) = visit.episode {
        // What has not had time to heal is still active.
        let healed = day.plus(episode.days);
        let healed = (healed < chart.today).then_some(healed);
        return Some(clinical::diagnosis(chart, &episode.condition, encounter, day, healed));
    }
    match lead.setting {
        Setting::Well | Setting::WellChild => (first || visit.turn.is_multiple_of(2))
            .then(|| clinical::diagnosis(chart, &lead.condition[1..], encounter, day, Some(day))),
        _ if first => {
            let since = match lead.setting {
                Setting::Prenatal => day.plus(-visit.weeks * 7),
                _ => day.plus(-chart.rng.between(20, 120)),
            };
            chart.problem = Some(clinical::problem(chart, lead, since, day, Some(encounter)));
            Some(clinical::diagnosis(chart, &lead.condition, encounter, day, None))
        }
        _ => chart.problem,
    }
}

/// Starts, renews and replaces drugs.
fn treat(chart: &mut Chart<'_>, visit: &Visit, encounter: Urn, turns: usize) {
    let lead = chart.p.stories[0];
    if visit.turn == 0 {
        for story in &chart.p.stories[1..] {
            // Long treated: whatever the story ends with.
            for Step(med, _, until) in story.meds {
                if until.is_none() && !conflicts(chart, med, lead) {
                    chart.current_meds.push(med);
                    let status = if chart.p.death.is_some() { "stopped" } else { "active" };
                    clinical::prescribe(chart, med, visit.at.later(18), encounter, status, None);
                }
            }
        }
    }
    for Step(med, from, until) in lead.meds {
        let end = until.unwrap_or(usize::MAX);
        if visit.turn == end {
            chart.current_meds.retain(|m| !std::ptr::eq(*m, *med));
        }
        if visit.turn < *from || visit.turn >= end || !(visit.turn - from).is_multiple_of(RENEWAL_TURNS) {
            continue;
        }
        if visit.turn == *from {
            if conflicts(chart, med, lead) {
                continue;
            }
            chart.current_meds.push(med);
        }
        let replaced = end < turns;
        let renewed = visit.turn + RENEWAL_TURNS < turns.min(end);
        let status = match (renewed, replaced || chart.p.death.is_some()) {
            (true, _) => "completed",
            (false, true) => "stopped",
            (false, false) => "active",
        };
        let problem = chart.problem;
        clinical::prescribe(chart, med, visit.at.later(18), encounter, status, problem);
    }
}

/// No drug twice, no second drug of the same family (ACE inhibitor beside losartan, two statins).
fn conflicts(chart: &Chart<'_>, med: &Med, lead: &Story) -> bool {
    let family = |m: &Med| {
        let name = m.drug.display.split(' ').next().unwrap_or_default();
        match name {
            "lisinopril" | "losartan" => "renin",
            other => other,
        }
    };
    let lead_has_losartan = lead.meds.iter().any(|s| family(s.0) == "renin");
    let of_lead = lead.meds.iter().any(|s| std::ptr::eq(s.0, med));
    (lead_has_losartan && !of_lead && family(med) == "renin")
        || chart.current_meds.iter().any(|m| {
            // A step up within the same story replaces the smaller dose, so only others count.
            !lead.meds.iter().any(|s| std::ptr::eq(s.0, *m)) && family(m) == family(med)
        })
}

fn investigate(
    chart: &mut Chart<'_>,
    visit: &Visit,
    reading: &super::body::Reading,
    encounter: Urn,
    lead: &'static Story,
) {
    if !visit.telehealth {
        for (panel, every) in lead.panels {
            if visit.turn.is_multiple_of(*every) {
                observe::panel(chart, visit, reading, encounter, panel);
            }
        }
        if visit.turn == COMPANION_TURN
            && let Some((panel, _)) = chart.p.stories.get(1).and_then(|s| s.panels.first())
            && !lead.panels.iter().any(|(own, _)| std::ptr::eq(*own, *panel))
        {
            observe::panel(chart, visit, reading, encounter, panel);
        }
        let anatomy = lead.setting == Setting::Prenatal && visit.weeks != 20;
        if visit.turn.is_multiple_of(PROCEDURE_TURNS) && lead.setting != Setting::Prenatal
            || visit.weeks == 20 && !anatomy
        {
            for code in lead.procedures {
                clinical::procedure(chart, code, visit.at.later(40), encounter);
            }
        }
    }
    if lead.setting == Setting::Prenatal {
        if visit.turn == 0 {
            observe::pregnancy(chart, visit, encounter);
            observe::hiv_screen(chart, visit, encounter, false);
        }
    } else if visit.turn == 0 && lead.drives.iter().any(|d| d.0 == Measure::ViralLoad) {
        observe::hiv_screen(chart, visit, encounter, true);
    }
}
