//! The topics as FHIR names them, and the resources that each is about.

use crate::app::subscriptions::{Happening, Topic};
use crate::fhir::ids::DeterminationId;
use crate::fhir::resource::ResourceType;
use crate::http::registry::Method;

/// The canonical URL of a topic.
pub const fn canonical(topic: Topic) -> &'static str {
    match topic {
        Topic::CandidateFlagged => "urn:medial:fhir:SubscriptionTopic:candidate-flagged",
        Topic::VerdictChanged => "urn:medial:fhir:SubscriptionTopic:verdict-changed",
        Topic::DiaryOverdue => "urn:medial:fhir:SubscriptionTopic:diary-overdue",
        Topic::BlockRecorded => "urn:medial:fhir:SubscriptionTopic:block-recorded",
    }
}

/// The topic with a canonical URL.
pub fn of_canonical(url: &str) -> Option<Topic> {
    let mut all = Topic::ALL.iter().copied();
    all.find(|topic| canonical(*topic) == url)
}

/// The type of the resource that a topic is about.
pub const fn focus_type(topic: Topic) -> ResourceType {
    match topic {
        Topic::CandidateFlagged => ResourceType::ServiceRequest,
        Topic::VerdictChanged => ResourceType::GuidanceResponse,
        Topic::DiaryOverdue | Topic::BlockRecorded => ResourceType::Procedure,
    }
}

/// A resource that something that happened is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its type.
    pub kind: ResourceType,
    /// Its id.
    pub id: String,
}

impl About {
    fn new(kind: ResourceType, id: impl ToString) -> About {
        About {
            kind,
            id: id.to_string(),
        }
    }

    /// `Type/id`.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.kind.code(), self.id)
    }
}

/// The resource that it is about, and those that tell more. `None` where a row holds less than its topic needs.
pub fn about(happening: &Happening) -> Option<(About, Vec<About>)> {
    let kind = focus_type(happening.topic);
    let patient = About::new(ResourceType::Patient, happening.patient);
    if !happening.topic.is_of_profile() {
        return Some((About::new(kind, happening.block?), vec![patient]));
    }
    let (target, profile) = (happening.target?, happening.profile.as_deref()?);
    let id = DeterminationId::new(happening.episode, target, profile);
    let mut more = vec![
        About::new(ResourceType::Condition, happening.episode),
        patient,
    ];
    if kind != ResourceType::GuidanceResponse {
        more.insert(0, About::new(ResourceType::GuidanceResponse, &id));
    }
    Some((About::new(kind, id), more))
}

/// What was done to the resource that it is about.
pub const fn method(topic: Topic) -> Method {
    match topic {
        Topic::BlockRecorded => Method::Post,
        Topic::CandidateFlagged | Topic::VerdictChanged | Topic::DiaryOverdue => Method::Put,
    }
}
