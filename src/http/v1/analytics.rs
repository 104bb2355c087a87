//! The figures of the cohort.

use super::{examples, look};
use crate::app::App;
use crate::app::analytics::{self, Asked, Filter, Moved, WhatIfReport};
use crate::app::{Error, FieldError, Result};
use crate::auth::Action;
use crate::domain::anatomy::{Joint, Region, Side};
use crate::domain::block::{Agent, Guidance};
use crate::domain::pain::Threshold;
use crate::domain::qualification::Rule;
use crate::domain::sites::Sites;
use crate::domain::statistics::IntervalMethod;
use crate::domain::study::{Figure, Options, Report};
use crate::http::accept::preferred;
use crate::http::call::Call;
use crate::http::problem::Kind;
use crate::http::query::Query;
use crate::http::registry::{Endpoint, Example, Handler, Parameter, ParameterKind};
use crate::http::reply::Reply;
use crate::http::state::State;
use crate::wire::figure::FigureFields;
use crate::wire::scalar::{Code, Id};
use actix_web::http::StatusCode;
use actix_web::http::header;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

const CSV: &str = "text/csv; charset=utf-8; header=present";
const FORMATS: &[&str] = &["json", "csv"];
const WHAT_IF_TABLES: &[&str] = &["summary", "rules"];

/// In which form a figure is answered.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Csv,
}

const OFFERED: [(&str, Form); 2] = [("application/json", Form::Json), ("text/csv", Form::Csv)];

/// A what-if as answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WhatIf")]
struct WhatIfView {
    #[serde(flatten)]
    figure: FigureFields,
    /// The profile in use that the new one was held against.
    against: ProfileName,
    /// The new profile, which is not stored.
    profile: ProfileName,
    /// Who would come in, at most 200 of them; null where the role may not see who it is.
    entering: Option<Vec<MovedView>>,
    /// Who would go out, at most 200 of them; null where the role may not see who it is.
    leaving: Option<Vec<MovedView>>,
}

/// A profile by its name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProfileName")]
struct ProfileName {
    /// Its id.
    id: String,
    /// Its version.
    version: i32,
    /// Its title.
    title: String,
}

/// A target that comes in or goes out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MovedTarget")]
struct MovedView {
    /// The episode.
    episode_id: Id,
    /// The joint.
    joint: Code<Joint>,
    /// The side.
    side: Code<Side>,
    /// The required rules, unmet or unknown, that kept it out or keep it out.
    rules: Vec<Code<Rule>>,
}

impl From<&Moved> for MovedView {
    fn from(moved: &Moved) -> MovedView {
        MovedView {
            episode_id: Id(moved.episode.0),
            joint: Code(moved.target.joint),
            side: Code(moved.target.side),
            rules: moved.rules.iter().copied().map(Code).collect(),
        }
    }
}

impl From<&WhatIfReport> for WhatIfView {
    fn from(found: &WhatIfReport) -> WhatIfView {
        let name = |profile: &crate::domain::qualification::Profile| ProfileName {
            id: profile.id.clone(),
            version: profile.version,
            title: profile.title.clone(),
        };
        let moved = |moved: &Option<Vec<Moved>>| {
            moved
                .as_ref()
                .map(|moved| moved.iter().map(MovedView::from).collect())
        };
        WhatIfView {
            figure: FigureFields::from(&found.report),
            against: name(&found.against),
            profile: name(&found.profile),
            entering: moved(&found.entering),
            leaving: moved(&found.leaving),
        }
    }
}

/// The filters and options that all figures share.
#[must_use]
pub fn parameters() -> Vec<Parameter> {
    let new = Parameter::new;
    let percent = ParameterKind::Integer { min: 1, max: 100 };
    vec![
        new("from", ParameterKind::Date, "Procedures on this day or later: of figures about targets and episodes, the first block; of outcomes, the ablation.").like("2020-01-01"),
        new("to", ParameterKind::Date, "The same, on this day or earlier.").like("2029-12-31"),
        new("site", ParameterKind::Text, "Procedures at this site; repeated, at any of these sites.").repeated(),
        new("operator", ParameterKind::Text, "Procedures by this operator."),
        new("region", ParameterKind::Choice(Region::CODES), "In this region."),
        new("level", ParameterKind::Choice(Joint::codes()), "At this joint."),
        new("agent", ParameterKind::Choice(Agent::CODES), "Blocks with this agent; of outcomes, ablations after such a block of the same target."),
        new("guidance", ParameterKind::Choice(Guidance::CODES), "Blocks under this guidance; of outcomes, ablations after such a block."),
        new("profile", ParameterKind::Text, "Targets that meet this profile today; of the agreement of profiles, the pairs with it.").like("medicare-lcd"),
        new("interval", ParameterKind::Choice(IntervalMethod::CODES), "How the intervals of proportions are computed.").or("wilson"),
        new("threshold", percent, "From which relief on a block counts as positive, in percent: of the funnel.").or(80),
        new("step", ParameterKind::Integer { min: 1, max: 35 }, "From one cut-off to the next, in percent: of the threshold sweep.").or(5),
        new("deidentify", ParameterKind::Flag, "Whether names of people and places become numbers; without a word about it, for roles that may not see identified records."),
        new("min_cell", ParameterKind::Integer { min: 0, max: 1000 }, "Numbers from 1 up to below this are kept back, and with a single one among the parts of a whole the next smallest. Without it: 11 where de-identified, else 0."),
    ]
}

/// What a request asks for, from its query.
#[must_use]
pub fn asked_of(call: &Call) -> Asked {
    asked_from(call.whole_query())
}

/// What is asked for in a query or a form. What has no meaning there restricts nothing; the pipeline has refused it of a
/// query.
#[must_use]
pub fn asked_from(query: &Query) -> Asked {
    let usual = Options::default();
    let value = |name| query.get(name);
    let day = |name| value(name).and_then(|day| day.parse().ok());
    let number = |name| value(name).and_then(|number| number.parse::<u8>().ok());
    Asked {
        filter: Filter {
            from: day("from"),
            to: day("to"),
            sites: Sites::of(query.all("site")),
            operator: value("operator").map(str::to_owned),
            region: value("region").and_then(|code| Region::from_code(code).ok()),
            level: value("level").and_then(|code| Joint::from_code(code).ok()),
            agent: value("agent").and_then(|code| Agent::from_code(code).ok()),
            guidance: value("guidance").and_then(|code| Guidance::from_code(code).ok()),
            profile: value("profile").map(str::to_owned),
        },
        options: Options {
            interval: value("interval")
                .and_then(|code| IntervalMethod::from_code(code).ok())
                .unwrap_or(usual.interval),
            threshold: number("threshold")
                .and_then(Threshold::new)
                .unwrap_or(usual.threshold),
            step: number("step")
                .filter(|step| *step > 0)
                .unwrap_or(usual.step),
        },
        deidentify: value("deidentify").map(|value| value == "true"),
        min_cell: value("min_cell").and_then(|number| number.parse().ok()),
    }
}

const ABOUT: &str = "One pass over the records of the organization, on one unchanging view. \
Every table names its denominator and who was left out and why. Percentages are numbers with at most two digits after the point; \
a share of nothing is null, and `note` says so. JSON has all tables; CSV has one, the first or the one that `table` names. \
How each figure is made is in docs/analytics.md.";

/// What there is about figures.
pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = FIGURES.into_iter().map(of_figure).collect();
    endpoints.push(
        described(Endpoint::post("/v1/analytics/what-if", "analyze_what_if", Action::ReadAnalytics, what_if), WHAT_IF_TABLES)
            .titled("analytics", "What a profile would change that is not stored")
            .about("The body is a profile as TOML, as those in `profiles/`. It is held against a profile in use over the whole cohort, and nothing is stored: who would come in, who would go out, by which rules. Mistakes are told with their line.")
            .query(Parameter::new("against", ParameterKind::Text, "The profile to hold it against. Without it: the one in use with the same id, else the first active one.").like("medicare-lcd"))
            .takes_text("application/toml", vec![Example {
                name: "plain",
                summary: "One positive block.",
                value: Value::String(examples::PROFILE.to_owned()),
            }])
            .answers::<WhatIfView>(200, "What would change.", None)
            .answers_as(200, "text/csv", "One of its tables."),
    );
    endpoints
}

/// A figure's endpoint: path, name of the operation, and what does the work.
type OfFigure = (Figure, &'static str, &'static str, Handler<App>);

const FIGURES: [OfFigure; 9] = [
    (
        Figure::Responders,
        "/v1/analytics/responders",
        "analyze_responders",
        |state, call| answer(state, call, Figure::Responders),
    ),
    (
        Figure::ReliefDuration,
        "/v1/analytics/relief-duration",
        "analyze_relief_duration",
        |state, call| answer(state, call, Figure::ReliefDuration),
    ),
    (
        Figure::FalsePositives,
        "/v1/analytics/false-positives",
        "analyze_false_positives",
        |state, call| answer(state, call, Figure::FalsePositives),
    ),
    (
        Figure::ThresholdSweep,
        "/v1/analytics/threshold-sweep",
        "analyze_threshold_sweep",
        |state, call| answer(state, call, Figure::ThresholdSweep),
    ),
    (
        Figure::Agreement,
        "/v1/analytics/agreement",
        "analyze_agreement",
        |state, call| answer(state, call, Figure::Agreement),
    ),
    (
        Figure::Funnel,
        "/v1/analytics/funnel",
        "analyze_funnel",
        |state, call| answer(state, call, Figure::Funnel),
    ),
    (
        Figure::AblationOutcomes,
        "/v1/analytics/ablation-outcomes",
        "analyze_ablation_outcomes",
        |state, call| answer(state, call, Figure::AblationOutcomes),
    ),
    (
        Figure::Quality,
        "/v1/analytics/quality",
        "analyze_quality",
        |state, call| answer(state, call, Figure::Quality),
    ),
    (
        Figure::AdverseEvents,
        "/v1/analytics/adverse-events",
        "analyze_adverse_events",
        |state, call| answer(state, call, Figure::AdverseEvents),
    ),
];

fn of_figure((figure, path, operation_id, handler): OfFigure) -> Endpoint {
    let endpoint = Endpoint::get(path, operation_id, Action::ReadAnalytics, handler)
        .titled("analytics", figure.about())
        .about(ABOUT)
        .answers::<FigureFields>(200, "The figure.", None)
        .answers_as(200, "text/csv", "One of its tables.");
    described(endpoint, figure.tables())
}

/// With what all of them take.
fn described(endpoint: Endpoint, tables: &'static [&'static str]) -> Endpoint {
    endpoint
        .queries(parameters())
        .query(Parameter::new(
            "format",
            ParameterKind::Choice(FORMATS),
            "The form of the answer, before `Accept`.",
        ))
        .query(Parameter::new(
            "table",
            ParameterKind::Choice(tables),
            "Which table, in CSV. Without it: the first.",
        ))
        .refusing_unknown_values()
        .fails(&[Kind::NotAcceptable])
}

fn answer(state: &State, call: &Call, figure: Figure) -> Result<Reply> {
    let form = form(call)?;
    let asked = asked_of(call);
    look(state, call, |unit| {
        let report = analytics::report(unit, figure, &asked, &mut |_| Ok(())).map_err(of_query)?;
        match form {
            Form::Json => Reply::json(&FigureFields::from(&report)),
            Form::Csv => csv(call, &report),
        }
    })?
    .header(header::VARY, "accept")
}

fn what_if(state: &State, call: &Call) -> Result<Reply> {
    let form = form(call)?;
    let asked = asked_of(call);
    look(state, call, |unit| {
        let found = analytics::what_if(
            unit,
            call.text(),
            call.query("against"),
            &asked,
            &mut |_| Ok(()),
        )
        .map_err(of_query)?;
        match form {
            Form::Json => Reply::json(&WhatIfView::from(&found)),
            Form::Csv => csv(call, &found.report),
        }
    })?
    .header(header::VARY, "accept")
}

fn form(call: &Call) -> Result<Form> {
    match call.query("format") {
        Some("json") => Ok(Form::Json),
        Some(_) => Ok(Form::Csv),
        None => preferred(call.accept(), &OFFERED).ok_or(Error::NotAcceptable {
            offered: "application/json, text/csv",
        }),
    }
}

fn csv(call: &Call, report: &Report) -> Result<Reply> {
    let table = call
        .query("table")
        .and_then(|name| report.table(name))
        .or_else(|| report.tables.first())
        .ok_or_else(|| Error::internal("a figure has no table"))?;
    let body = crate::export::figure_csv(table)?;
    let name = format!("{}-{}.csv", report.figure, table.name);
    Reply::bytes(StatusCode::OK, CSV, body).attached(&name)
}

/// A value of the query is named as such, and not as a field of a body.
fn of_query(error: Error) -> Error {
    let Error::Invalid(errors) = error else {
        return error;
    };
    let named = |error: FieldError| match error.pointer.strip_prefix('/') {
        Some(name) => FieldError::new(format!("?{name}"), error.code, error.detail),
        None => error,
    };
    Error::Invalid(errors.into_iter().map(named).collect())
}
