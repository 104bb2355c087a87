//! The study page: the figures of the cohort as plots with their tables below, and a profile tried without storing it.

mod view;
mod what_if;

use super::page::{Place, Shell, page};
use crate::app::analytics::{self, Asked};
use crate::app::{Error, Result, Unit};
use crate::auth::Action;
use crate::chart::figure_charts;
use crate::domain::anatomy::{Joint, Region};
use crate::domain::block::{Agent, Guidance};
use crate::domain::statistics::IntervalMethod;
use crate::domain::study::{Figure, Report};
use crate::http::query::Query;
use crate::http::v1::analytics::{asked_of, parameters};
use crate::http::{Access, Call, Endpoint, Parameter, ParameterKind, Reply, State};
use crate::wire::profile::CONTESTED;
use actix_web::http::StatusCode;
use askama::Template;
use view::{TableView, tables_of};

/// What chooses who is in a figure; each is a field of the page's form.
const FILTERS: [&str; 9] = [
    "from", "to", "site", "operator", "region", "level", "agent", "guidance", "profile",
];

/// The pages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let reading = Access::SignedIn(Action::ReadAnalytics);
    let figure = || {
        Parameter::new(
            "figure",
            ParameterKind::Choice(Figure::CODES),
            "Which figure.",
        )
        .or(Figure::Responders.code())
    };
    let table = Parameter::new("table", ParameterKind::Text, "Which table of it.");
    let base = Parameter::new("base", ParameterKind::Text, "The profile to begin with.");
    vec![
        Endpoint::page("/study", "page_study", reading, show)
            .query(figure())
            .queries(parameters()),
        Endpoint::page("/study/table.csv", "page_study_csv", reading, csv)
            .query(figure())
            .query(table)
            .queries(parameters()),
        Endpoint::page("/study/what-if", "page_what_if", reading, what_if::show)
            .query(base)
            .queries(parameters()),
        Endpoint::form("/study/what-if", "form_what_if", reading, what_if::run),
    ]
}

/// One figure in the row of tabs.
struct TabView {
    label: &'static str,
    href: String,
    current: bool,
}

/// What the filters can be, and what was chosen.
struct Filters {
    chosen: Query,
    profiles: Vec<(String, String)>,
    regions: &'static [Region],
    levels: Vec<Joint>,
    agents: &'static [Agent],
    guidances: &'static [Guidance],
    methods: &'static [IntervalMethod],
}

impl Filters {
    fn of(unit: &mut Unit<'_, '_>, chosen: Query) -> Result<Filters> {
        let profiles = unit.active_profiles()?;
        let named = |profile: &std::sync::Arc<crate::domain::qualification::Profile>| {
            (profile.id.clone(), profile.title.clone())
        };
        Ok(Filters {
            chosen,
            profiles: profiles.iter().map(named).collect(),
            regions: Region::ALL,
            levels: Joint::all().collect(),
            agents: Agent::ALL,
            guidances: Guidance::ALL,
            methods: IntervalMethod::ALL,
        })
    }

    fn value(&self, name: &str) -> &str {
        self.chosen.get(name).unwrap_or_default()
    }

    /// A field for each site that was chosen, and an empty one for another.
    fn sites(&self) -> Vec<&str> {
        self.chosen.all("site").chain([""]).collect()
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    fn any(&self) -> bool {
        self.chosen
            .pairs()
            .any(|(name, value)| FILTERS.contains(&name) && !value.is_empty())
    }
}

#[derive(Template)]
#[template(path = "study/figure.html")]
struct FigureTemplate {
    shell: Shell,
    tabs: Vec<TabView>,
    figure: Figure,
    report: Report,
    charts: Vec<String>,
    tables: Vec<TableView>,
    filters: Filters,
    has_threshold: bool,
    has_step: bool,
    contested: &'static str,
}

fn figure_of(call: &Call) -> Figure {
    let code = call.query("figure").unwrap_or_default();
    Figure::from_code(code).unwrap_or(Figure::Responders)
}

/// The addresses of the figures with the same filters.
fn tabs(current: Option<Figure>, chosen: &Query) -> Vec<TabView> {
    let lasting = chosen
        .without(&["figure", "table", "base", "document", "against", "csrf"])
        .without_empty();
    let address = |path: &str, figure: Option<Figure>| {
        let mut query = Query::default();
        if let Some(figure) = figure {
            query.push("figure", figure.code());
        }
        for (name, value) in lasting.pairs() {
            query.push(name, value);
        }
        let query = query.encoded();
        if query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{query}")
        }
    };
    let mut tabs: Vec<TabView> = Figure::ALL
        .iter()
        .map(|figure| TabView {
            label: figure.label(),
            href: address("/study", Some(*figure)),
            current: Some(*figure) == current,
        })
        .collect();
    tabs.push(TabView {
        label: "What-if",
        href: address("/study/what-if", None),
        current: current.is_none(),
    });
    tabs
}

fn report_of(unit: &mut Unit<'_, '_>, figure: Figure, asked: &Asked) -> Result<Report> {
    analytics::report(unit, figure, asked, &mut |_| Ok(()))
}

fn show(state: &State, call: &Call) -> Result<Reply> {
    let figure = figure_of(call);
    let template = state.app.read(call.principal()?, |unit| {
        let report = report_of(unit, figure, &asked_of(call))?;
        let chosen = call.whole_query().clone();
        Ok(FigureTemplate {
            shell: Shell::of(call, Place::Study)?,
            tabs: tabs(Some(figure), &chosen),
            figure,
            charts: figure_charts("figure", &report),
            tables: tables_of(&report, Some((figure, &chosen))),
            report,
            filters: Filters::of(unit, chosen)?,
            has_threshold: figure == Figure::Funnel,
            has_step: figure == Figure::ThresholdSweep,
            contested: CONTESTED,
        })
    })?;
    page(&template)
}

fn csv(state: &State, call: &Call) -> Result<Reply> {
    let figure = figure_of(call);
    let report = state.app.read(call.principal()?, |unit| {
        report_of(unit, figure, &asked_of(call))
    })?;
    let table = match call.query("table") {
        Some(name) => report.table(name),
        None => report.tables.first(),
    };
    let table = table.ok_or(Error::NotFound { what: "table" })?;
    let name = format!("{}-{}.csv", report.figure, table.name);
    let body = crate::export::figure_csv(table)?;
    Reply::bytes(
        StatusCode::OK,
        "text/csv; charset=utf-8; header=present",
        body,
    )
    .attached(&name)
}
