//! The alert queue and the weekly review, for who looks after them.

use compliance::{Alert, Filter, Rule, Severity, SignedReview, Step, Verdict, Weekly};
use serde::Deserialize;
use serde_json::{Value, json};

use super::account::RECERTIFY_DAYS;
use super::problem::Problem;
use super::show::{id, instant, maybe_instant};
use super::{Asked, Done};

/// Alerts that wait longer than this are overdue.
const OVERDUE_DAYS: u32 = 7;
const STATES: [&str; 3] = ["open", "taken", "closed"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    verdict: Verdict,
    words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    words: String,
}

/// Newest first; `before` is the number of the last one seen.
pub async fn list(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.only_query(&["state", "rule", "severity", "owner", "login", "before"])?;
    let text = |name: &str| asked.query(name).map(|value| value.map(str::to_owned));
    let unknown = || Problem::invalid("a filter has a word that is unknown");
    let state = text("state")?;
    if state.as_deref().is_some_and(|word| !STATES.contains(&word)) {
        return Err(unknown());
    }
    let filter = Filter {
        state,
        rule: asked.query("rule")?.map(|word| Rule::from_name(word).ok_or_else(unknown)).transpose()?,
        severity_min: asked.query("severity")?.map(|word| Severity::from_name(word).ok_or_else(unknown)).transpose()?,
        owner: text("owner")?,
        login: text("login")?,
        before: asked.query("before")?.map(|number| number.parse().map_err(|_| unknown())).transpose()?,
        ..Filter::default()
    };
    let (alerts, open) = asked.queue().look_up(asked.caller()?, &filter).await?;
    let alerts: Vec<Value> = alerts.iter().map(|alert| shown(alert)).collect();
    Done::ok(json!({"alerts": alerts, "open": open}))
}

pub async fn show(asked: Asked<'_>) -> Result<Done, Problem> {
    let alert = asked.queue().read(asked.caller()?, asked.number(0)?).await?;
    Done::ok(in_full(&alert))
}

pub async fn take(asked: Asked<'_>) -> Result<Done, Problem> {
    let alert = asked.queue().take(asked.caller()?, asked.number(0)?).await?;
    Done::ok(in_full(&alert))
}

pub async fn note(asked: Asked<'_>) -> Result<Done, Problem> {
    let Words { words } = asked.parse()?;
    let alert = asked.queue().note(asked.caller()?, asked.number(0)?, &words).await?;
    Done::ok(in_full(&alert))
}

pub async fn close(asked: Asked<'_>) -> Result<Done, Problem> {
    let Closing { verdict, words } = asked.parse()?;
    let alert = asked.queue().close(asked.caller()?, asked.number(0)?, verdict, &words).await?;
    Done::ok(in_full(&alert))
}

/// The week as it stands, and those that were signed.
pub async fn reviews(asked: Asked<'_>) -> Result<Done, Problem> {
    asked.queue().reads(asked.caller()?, "weekly reviews read").await?;
    let week = asked.queue().weekly(asked.now_ms(), OVERDUE_DAYS, recertifications_due(&asked));
    let reviews: Vec<Value> = asked.queue().reviews().iter().map(signed).collect();
    Done::ok(json!({"week": of_week(&week), "reviews": reviews}))
}

pub async fn review(asked: Asked<'_>) -> Result<Done, Problem> {
    let Words { words } = asked.parse()?;
    let due = recertifications_due(&asked);
    let review = asked.queue().sign_review(asked.caller()?, &words, OVERDUE_DAYS, due).await?;
    Done::created(signed(&review))
}

fn recertifications_due(asked: &Asked<'_>) -> u64 {
    asked.identity().recertification(RECERTIFY_DAYS).len() as u64
}

fn shown(alert: &Alert) -> Value {
    json!({
        "id": id(alert.id),
        "rule": alert.rule.name(),
        "severity": alert.severity.name(),
        "for": alert.owner_role.name(),
        "state": alert.state.name(),
        "owner": alert.state.owner(),
        "raised": instant(alert.raised_ms),
        "summary": alert.summary(),
        "count": alert.count,
        "login": alert.about.login,
    })
}

fn in_full(alert: &Alert) -> Value {
    let mut json = shown(alert);
    json["role"] = alert.about.role.clone().into();
    json["user"] = alert.about.user.map(|user| user.to_string()).into();
    json["chart"] = alert.about.chart.map(|chart| chart.to_string()).into();
    json["address"] = alert.about.address.map(|address| address.to_string()).into();
    json["what"] = alert.about.what.clone().into();
    json["first_event"] = instant(alert.first_ms as i64);
    json["last_event"] = instant(alert.last_ms as i64);
    json["events"] = alert.evidence.iter().map(|leaf| id(*leaf)).collect();
    json["history"] = alert.history.iter().map(step).collect();
    json
}

fn step(step: &Step) -> Value {
    json!({"when": instant(step.time_ms), "who": step.who, "did": step.did, "words": step.words})
}

fn signed(review: &SignedReview) -> Value {
    json!({
        "signed": instant(review.signed_ms),
        "reviewer": review.reviewer,
        "words": review.words,
        "week": of_week(&review.week),
    })
}

fn of_week(week: &Weekly) -> Value {
    let raised: u64 = week.rules.iter().map(|counted| counted.raised).sum();
    let rules: Vec<Value> = week
        .rules
        .iter()
        .map(|counted| {
            json!({
                "rule": counted.rule.name(),
                "raised": counted.raised,
                "closed": counted.closed,
                "worst": counted.worst.map(Severity::name),
            })
        })
        .collect();
    json!({
        "from": instant(week.from_ms),
        "until": instant(week.until_ms),
        "raised": raised,
        "open": week.open,
        "overdue": week.overdue,
        "overdue_ids": week.overdue_ids.iter().map(|alert| id(*alert)).collect::<Vec<_>>(),
        "glass_reviews_due": week.glass_reviews_due,
        "recertifications_due": week.recertifications_due,
        "last_review": maybe_instant(week.last_review_ms),
        "verdicts": week.by_verdict,
        "rules": rules,
    })
}
