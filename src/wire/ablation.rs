//! Ablations and their follow-ups.

use super::block::read_score;
use super::errors::FieldError;
use super::errors::FieldErrors;
use super::scalar::{Code, Date, Decimal, Id, Percentage, Terms, Text, Whole, Within};
use crate::domain::ablation::{Ablation, AblationTechnique, FollowUp};
use crate::domain::anatomy::{Joint, TreatedSide};
use crate::domain::pain::{Scale, Score};
use chrono::NaiveDate;
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

/// A score without a time: its record has a date of its own.
#[derive(Debug, Clone, Copy, Deserr, Serialize, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, validate = on_scale -> FieldErrors)]
pub struct PlainScore {
    /// The scale: NRS 0 to 10, VAS 0 to 100 mm.
    pub scale: Code<Scale>,
    /// One number, at most to the tenth.
    pub value: Decimal<1>,
}

fn on_scale(
    body: PlainScore,
    location: deserr::ValuePointerRef,
) -> Result<PlainScore, FieldErrors> {
    match read_score(body.scale.0, body.value) {
        Ok(_) => Ok(body),
        Err((code, detail)) => Err(FieldErrors::at(location.push_key("value"), code, detail)),
    }
}

impl PlainScore {
    fn into_domain(self) -> Option<Score> {
        read_score(self.scale.0, self.value).ok()
    }
}

impl From<Score> for PlainScore {
    fn from(score: Score) -> PlainScore {
        PlainScore {
            scale: Code(score.scale()),
            value: Decimal(i64::from(score.tenths())),
        }
    }
}

/// An ablation as sent.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct AblationBody {
    /// The episode it belongs to; required over the API, implied within a case.
    #[deserr(default)]
    pub episode_id: Option<Id>,
    /// The day.
    pub performed_on: Date,
    /// The joints treated, each once.
    pub joints: Terms<Joint, 1>,
    /// The side or sides treated.
    pub side: Code<TreatedSide>,
    /// How the lesion was made.
    #[deserr(default)]
    pub technique: Option<Code<AblationTechnique>>,
    /// The lesion's temperature in degrees Celsius.
    #[deserr(default)]
    pub temperature_c: Option<Within<1, 300, 1200>>,
    /// The score before the procedure, against which follow-ups are compared.
    #[deserr(default)]
    pub pre_score: Option<PlainScore>,
    /// Who performed it.
    #[deserr(default)]
    pub operator: Option<Text<200>>,
    /// Where it was performed.
    #[deserr(default)]
    pub site: Option<Text<200>>,
    /// Follow-ups recorded with it.
    #[deserr(default)]
    #[schemars(length(max = 200))]
    pub follow_ups: Option<Vec<FollowUpBody>>,
}

impl AblationBody {
    /// What is wrong across fields; pointers begin with `at`.
    pub fn check(&self, at: &str, today: NaiveDate, errors: &mut Vec<FieldError>) {
        if self.performed_on.0 > today {
            let pointer = format!("{at}/performed_on");
            errors.push(FieldError::new(
                pointer,
                "in_future",
                "The ablation lies in the future.",
            ));
        }
        self.check_parts(at, errors);
        for (place, follow_up) in self.follow_ups.iter().flatten().enumerate() {
            follow_up.check(
                &format!("{at}/follow_ups/{place}"),
                Some(self.performed_on.0),
                today,
                errors,
            );
        }
    }

    /// What is wrong with the ablation itself, dates left aside.
    pub fn check_parts(&self, at: &str, errors: &mut Vec<FieldError>) {
        if self
            .follow_ups
            .as_ref()
            .is_some_and(|follow_ups| follow_ups.len() > 200)
        {
            errors.push(FieldError::new(
                format!("{at}/follow_ups"),
                "too_many",
                "Expected at most 200 follow-ups.",
            ));
        }
    }

    /// As the domain knows it, with its follow-ups.
    #[must_use]
    pub fn into_domain(self) -> (Ablation, Vec<FollowUp>) {
        let ablation = Ablation {
            performed_on: self.performed_on.0,
            joints: self.joints.0,
            side: self.side.0,
            technique: self.technique.map(|code| code.0),
            temperature_tenths_c: self.temperature_c.map(|tenths| tenths.0),
            pre_score: self.pre_score.and_then(PlainScore::into_domain),
            operator: self.operator.map(|text| text.0),
            site: self.site.map(|text| text.0),
        };
        let follow_ups = self.follow_ups.unwrap_or_default();
        (
            ablation,
            follow_ups
                .into_iter()
                .map(FollowUpBody::into_domain)
                .collect(),
        )
    }
}

/// A follow-up as sent: a score, a statement, function or an impression of change; at least one of them.
#[derive(Debug, Clone, Deserr, JsonSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
pub struct FollowUpBody {
    /// The day.
    pub taken_on: Date,
    /// The score, on the scale of the ablation's `pre_score`.
    #[deserr(default)]
    pub score: Option<PlainScore>,
    /// Relief as the patient states it, in percent.
    #[deserr(default)]
    pub stated_relief_percent: Option<Percentage>,
    /// Stated improvement of painful movements or daily activities, in percent.
    #[deserr(default)]
    pub function_improvement_percent: Option<Percentage>,
    /// Patient global impression of change, 1 (very much improved) to 7 (very much worse).
    #[deserr(default)]
    pub pgic: Option<Whole<1, 7>>,
}

impl FollowUpBody {
    /// What is wrong across fields; pointers begin with `at`.
    pub fn check(
        &self,
        at: &str,
        performed_on: Option<NaiveDate>,
        today: NaiveDate,
        errors: &mut Vec<FieldError>,
    ) {
        let pointer = format!("{at}/taken_on");
        if self.taken_on.0 > today {
            errors.push(FieldError::new(
                pointer.clone(),
                "in_future",
                "The follow-up lies in the future.",
            ));
        }
        if performed_on.is_some_and(|performed_on| self.taken_on.0 < performed_on) {
            errors.push(FieldError::new(
                pointer,
                "before_ablation",
                "The follow-up lies before the ablation.",
            ));
        }
    }

    /// As the domain knows it.
    #[must_use]
    pub fn into_domain(self) -> FollowUp {
        FollowUp {
            taken_on: self.taken_on.0,
            score: self.score.and_then(PlainScore::into_domain),
            stated_relief: self.stated_relief_percent.map(|percent| percent.0),
            function_improvement: self.function_improvement_percent.map(|percent| percent.0),
            pgic: self
                .pgic
                .and_then(|impression| u8::try_from(impression.0).ok()),
        }
    }
}

/// An ablation as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AblationFields {
    /// The day.
    pub performed_on: Date,
    /// The joints treated.
    pub joints: Vec<Code<Joint>>,
    /// The side or sides treated.
    pub side: Code<TreatedSide>,
    /// How the lesion was made.
    pub technique: Option<Code<AblationTechnique>>,
    /// The lesion's temperature in degrees Celsius.
    pub temperature_c: Option<Decimal<1>>,
    /// The score before the procedure.
    pub pre_score: Option<PlainScore>,
    /// Who performed it.
    pub operator: Option<String>,
    /// Where it was performed.
    pub site: Option<String>,
}

impl From<&Ablation> for AblationFields {
    fn from(ablation: &Ablation) -> AblationFields {
        AblationFields {
            performed_on: Date(ablation.performed_on),
            joints: ablation.joints.iter().copied().map(Code).collect(),
            side: Code(ablation.side),
            technique: ablation.technique.map(Code),
            temperature_c: ablation
                .temperature_tenths_c
                .map(|tenths| Decimal(i64::from(tenths))),
            pre_score: ablation.pre_score.map(PlainScore::from),
            operator: ablation.operator.clone(),
            site: ablation.site.clone(),
        }
    }
}

/// A follow-up as answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FollowUpFields {
    /// The day.
    pub taken_on: Date,
    /// The score.
    pub score: Option<PlainScore>,
    /// Relief as the patient states it, in percent.
    pub stated_relief_percent: Option<Percentage>,
    /// Stated improvement of painful movements or daily activities, in percent.
    pub function_improvement_percent: Option<Percentage>,
    /// Patient global impression of change.
    pub pgic: Option<u8>,
}

impl From<&FollowUp> for FollowUpFields {
    fn from(follow_up: &FollowUp) -> FollowUpFields {
        FollowUpFields {
            taken_on: Date(follow_up.taken_on),
            score: follow_up.score.map(PlainScore::from),
            stated_relief_percent: follow_up.stated_relief.map(Percentage),
            function_improvement_percent: follow_up.function_improvement.map(Percentage),
            pgic: follow_up.pgic,
        }
    }
}
