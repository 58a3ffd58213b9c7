//! Laboratory results of one patient, all of them: a flowsheet by test and time, and the course of each test that has one.

mod sheet;

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
use crate::clinic::older::{self, Older};
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
const READINGS_MAX: usize = 216;

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

/// What of all the results is asked for.
struct View {
    older: Older,
    /// The page of their courses.
    trends: usize,
}

impl View {
    fn of(asked: &Asked<'_>) -> Self {
        let mut query = older::queried(asked);
        Self { trends: older::number(&query, "trends"), older: Older::of(&mut query) }
    }

    fn with_trends(&self, trends: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if trends > 0 {
            query.append_pair("trends", &trends.to_string());
        }
        self.older.append(&mut query);
        query.finish()
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
    let pairs = [("category", "laboratory"), ("_sort", "-date"), ("_count", RESULTS_MAX)];
    let found = view.older.found(&asking, KIND, patient_id, &pairs).await?;
    let names = Names::of(&asking, &[], std::iter::once(&found)).await?;
    let (zone, now_ms) = (asked.web.zone(), asking.record.now_ms());
    let sheet = Sheet::of(&found.resources(), &names, zone);
    let times = view.older.shown(&sheet.times, TIMES_MAX);
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
            older: view.older.behind(sheet.times.len(), TIMES_MAX, found.next()).map(|older| older.query()),
            trends_before: (first > 0).then(|| view.with_trends(view.trends.saturating_sub(1))),
            trends_next: (first + PLOTS_MAX < courses.len()).then(|| view.with_trends(view.trends + 1)),
        },
        is_further: view.older.is_further(),
        part2_notice: (head.is_part2 || found.is_part2()).then_some(PART2_NOTICE),
        opened: asked.clock(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
