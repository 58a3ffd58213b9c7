//! Laboratory results of one patient, all of them: a flowsheet by test and time, and the course of each test that has one.

mod sheet;

use std::collections::HashMap;

use askama::Template;
use http::StatusCode;
use record::PART2_NOTICE;

use super::Answer;
use super::patients::asking;
use super::vitals::sheet::Time;
use crate::answer;
use crate::assets::{Asset, FLOWSHEET, Frame, VITALS};
use crate::client::Asked;
use crate::clinic::banner::{Allergies, Banner};
use crate::clinic::head::Head;
use crate::clinic::names::Names;
use crate::clinic::plot::{BOTTOM, HEIGHT, LEFT, Plot, RIGHT, Span, TOP, WIDTH};
use crate::clinic::shell::{Place, Shell};
use crate::refusal::Refusal;

use sheet::{Sheet, Test};

const KIND: &str = "Observation";
/// Results that one page looks at, newest first; the older ones are behind them.
const RESULTS_MAX: &str = "250";
/// Columns of the flowsheet.
const TIMES_MAX: usize = 6;
/// Plots of a page, and the readings of all of them: a page has a weight to keep.
const PLOTS_MAX: usize = 6;
const READINGS_MAX: usize = 48;
/// Of a sealed cursor.
const CURSOR_BYTES_MAX: usize = 4 * 1024;

#[derive(Template)]
#[template(path = "labs.html")]
struct Page<'a> {
    frame: Frame<'a>,
    shell: Shell<'a>,
    script: &'static Asset,
    style: &'static Asset,
    banner: Banner,
    rows: Vec<&'a Test>,
    times: &'a [Time],
    plots: Vec<Plot<'a>>,
    /// Some plot leaves older readings out.
    is_newest: bool,
    /// Which of the courses are drawn, and of how many.
    drawn: (usize, usize),
    ways: Ways,
    /// These are not the newest.
    is_further: bool,
    part2_notice: Option<&'static str>,
    opened: String,
}

/// Where more is, as queries of this page's address.
#[derive(Default)]
struct Ways {
    older: Option<String>,
    trends_before: Option<String>,
    trends_next: Option<String>,
}

/// What of all the results is asked for: numbers of pages and a sealed cursor, which say nothing of what is there.
struct View {
    from: Option<String>,
    older: usize,
    trends: usize,
}

impl View {
    fn of(asked: &Asked<'_>) -> Self {
        let query = asked.parts.uri.query().unwrap_or_default();
        let mut query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<u16>().ok()).map_or(0, usize::from);
        let (older, trends) = (number("older"), number("trends"));
        Self { from: query.remove("from").filter(|from| from.len() <= CURSOR_BYTES_MAX), older, trends }
    }

    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("older", self.older), ("trends", self.trends)] {
            if value > 0 {
                query.append_pair(name, &value.to_string());
            }
        }
        if let Some(from) = &self.from {
            query.append_pair("from", from);
        }
        query.finish()
    }

    fn with_trends(&self, trends: usize) -> String {
        Self { from: self.from.clone(), older: self.older, trends }.query()
    }

    /// The times behind these: of the results that are held, else of those that the cursor leads to.
    fn behind(&self, times: usize, cursor: Option<&str>) -> Option<String> {
        if (self.older + 1) * TIMES_MAX < times {
            return Some(Self { from: self.from.clone(), older: self.older + 1, trends: 0 }.query());
        }
        cursor.map(|cursor| Self { from: Some(cursor.to_owned()), older: 0, trends: 0 }.query())
    }
}

pub async fn page(asked: &Asked<'_>) -> Answer {
    let session = asked.reader().await?;
    let asking = asking(asked, &session)?;
    if !asking.ever(KIND) {
        return Err(Refusal::NotYours);
    }
    let patient_id = asked.ids[0];
    // Vital signs are a part of their own: who sees them alone sees nothing here.
    let Some(head) = Head::of(asked.web, &session, &asking, patient_id, (KIND, false)).await? else {
        return Ok(super::closed(asked));
    };
    let view = View::of(asked);
    let found = match &view.from {
        Some(from) => asking.search(KIND, &[("_cursor", from)]).await?,
        None => {
            let pairs = [("patient", patient_id), ("category", "laboratory"), ("_sort", "-date")];
            asking.search(KIND, &[&pairs[..], &[("_count", RESULTS_MAX)]].concat()).await?
        }
    };
    // The address of another chart's page is none of this one's.
    for one in found.resources().iter().filter(|_| view.from.is_some()) {
        asking.whose(one, patient_id).await?;
    }
    let names = Names::of(&asking, &[], std::iter::once(&found)).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let sheet = Sheet::of(&found.resources(), &names, zone);
    let times = &sheet.times[(view.older * TIMES_MAX).min(sheet.times.len())..];
    let times = &times[..times.len().min(TIMES_MAX)];
    let has_any = |test: &&Test| times.iter().any(|time| time.of(&test.readings).is_some());
    let courses = sheet.courses();
    let first = (view.trends * PLOTS_MAX).min(courses.len());
    let drawn = &courses[first..courses.len().min(first + PLOTS_MAX)];
    let span = Span::of(drawn.iter().map(|test| &test.readings[..]), READINGS_MAX, now_ms);
    let plots: Vec<Plot<'_>> = drawn.iter().filter_map(|test| test.plot(span, zone)).collect();
    let page = Page {
        frame: Frame::of(asked.web),
        shell: Shell::of(asked.web, &session, Place::Patients),
        script: &VITALS,
        style: &FLOWSHEET,
        banner: head.banner,
        rows: sheet.tests.iter().filter(has_any).collect(),
        times,
        is_newest: plots.iter().any(|plot| plot.is_cut),
        plots,
        drawn: (first, courses.len()),
        ways: Ways {
            older: view.behind(sheet.times.len(), found.next()),
            trends_before: (first > 0).then(|| view.with_trends(view.trends.saturating_sub(1))),
            trends_next: (first + PLOTS_MAX < courses.len()).then(|| view.with_trends(view.trends + 1)),
        },
        is_further: view.from.is_some() || view.older > 0,
        part2_notice: (head.is_part2 || found.is_part2()).then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
