//! SMART App Launch 2 scopes: `system/Procedure.cruds`, `user/Patient.rs`, `patient/*.r`, `system/Observation.rs?category=survey`;
//! and the spellings of version 1: `system/Patient.read`, `user/*.write`, `system/*.*`.
//!
//! A scope can only narrow what a role allows. Whatever is not understood here grants nothing: an unknown word, letters
//! out of order, and a filter that is not by category, because a scope would be widened if its filter were dropped. For
//! the same reason a scope with a filter, or of one patient, counts only where somebody applies it ([`Reach`]).

use super::permission::{Action, Role};
use super::reach::{Reach, ScopeFilter, Share};
use std::fmt;
use uuid::Uuid;

/// Longest name of a resource type that is looked at.
const LONGEST_RESOURCE: usize = 64;

/// Whose records a scope speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The one patient the application was launched for.
    Patient,
    /// What the signed-in user can see.
    User,
    /// What a connected system can see.
    System,
}

impl Context {
    const fn code(self) -> &'static str {
        match self {
            Context::Patient => "patient",
            Context::User => "user",
            Context::System => "system",
        }
    }

    fn from_code(code: &str) -> Option<Context> {
        match code {
            "patient" => Some(Context::Patient),
            "user" => Some(Context::User),
            "system" => Some(Context::System),
            _ => None,
        }
    }
}

/// One of the five letters, in the order in which a scope must name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `c`
    Create,
    /// `r`
    Read,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `s`
    Search,
}

impl Operation {
    const ALL: [Operation; 5] = [
        Operation::Create,
        Operation::Read,
        Operation::Update,
        Operation::Delete,
        Operation::Search,
    ];

    /// Its letter.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Operation::Create => 'c',
            Operation::Read => 'r',
            Operation::Update => 'u',
            Operation::Delete => 'd',
            Operation::Search => 's',
        }
    }

    fn from_letter(letter: char) -> Option<Operation> {
        Operation::ALL
            .into_iter()
            .find(|one| one.letter() == letter)
    }
}

/// What a token must be scoped to for an action: the FHIR resource type and the operation. `*` needs a scope on every type.
#[must_use]
pub const fn required(action: Action) -> (&'static str, Operation) {
    match action {
        Action::ReadPatient => ("Patient", Operation::Read),
        Action::WritePatient => ("Patient", Operation::Create),
        Action::CorrectPatient => ("Patient", Operation::Update),
        Action::ReadEpisode => ("Condition", Operation::Read),
        Action::WriteEpisode => ("Condition", Operation::Create),
        Action::CorrectEpisode => ("Condition", Operation::Update),
        Action::ReadBlock | Action::ReadAblation => ("Procedure", Operation::Read),
        Action::WriteBlock | Action::WriteAblation => ("Procedure", Operation::Create),
        Action::CorrectBlock | Action::CorrectAblation => ("Procedure", Operation::Update),
        Action::ReadScore => ("Observation", Operation::Read),
        Action::WriteScore | Action::WriteDiary => ("Observation", Operation::Create),
        // A diary is a questionnaire that a patient is asked to answer.
        Action::MakeDiaryLink => ("Questionnaire", Operation::Create),
        Action::ReadDiaryLink => ("Questionnaire", Operation::Read),
        Action::RevokeDiaryLink => ("Questionnaire", Operation::Delete),
        Action::CorrectScore => ("Observation", Operation::Update),
        Action::WithdrawScore => ("Observation", Operation::Delete),
        Action::ReadAdverseEvent => ("AdverseEvent", Operation::Read),
        Action::WriteAdverseEvent => ("AdverseEvent", Operation::Create),
        // Evaluating applies profiles to a case that the caller brings: of ours, only the profiles are read.
        Action::ReadProfile | Action::Evaluate => ("PlanDefinition", Operation::Read),
        Action::WriteProfile => ("PlanDefinition", Operation::Create),
        Action::ReadDetermination => ("GuidanceResponse", Operation::Read),
        Action::ReadCandidate => ("GuidanceResponse", Operation::Search),
        Action::ReviewCandidate => ("Task", Operation::Create),
        Action::GiveFeedback => ("GuidanceResponse", Operation::Update),
        Action::ReadFeedback => ("GuidanceResponse", Operation::Search),
        // What FHIR calls a figure of a population.
        Action::ReadAnalytics => ("MeasureReport", Operation::Search),
        // An export spans all kinds of records.
        Action::ExportIdentified | Action::ExportDeidentified => ("*", Operation::Search),
        // Of which types, each of them is asked for: see `Scopes::export_reach`.
        Action::BulkExport => ("*", Operation::Read),
        Action::ReadGroup => ("Group", Operation::Read),
        Action::ReadSubscription => ("Subscription", Operation::Read),
        Action::MakeSubscription => ("Subscription", Operation::Create),
        Action::ChangeSubscription => ("Subscription", Operation::Update),
        Action::DeleteSubscription => ("Subscription", Operation::Delete),
        Action::ReadAudit => ("AuditEvent", Operation::Read),
    }
}

/// One scope that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    context: Context,
    /// A FHIR resource type, or `*` for every one.
    resource: String,
    /// In the order of the letters, each at most once, at least one.
    operations: Vec<Operation>,
    /// Which of them; open for all.
    filter: ScopeFilter,
}

impl Scope {
    /// Reads one scope. `None` when it is not one of ours, or malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        let (context, rest) = text.split_once('/')?;
        let (resource, rest) = rest.split_once('.')?;
        let context = Context::from_code(context)?;
        if resource != "*" && !is_resource_type(resource) {
            return None;
        }
        let (operations, filter) = match rest.split_once('?') {
            Some((letters, filter)) => {
                (operations(letters)?, ScopeFilter::parse(resource, filter)?)
            }
            None => (
                operations_of_version_1(rest).or_else(|| operations(rest))?,
                ScopeFilter::default(),
            ),
        };
        Some(Scope {
            context,
            resource: resource.to_owned(),
            operations,
            filter,
        })
    }

    /// Whether it is for a connected system.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.context == Context::System
    }

    fn covers(&self, resource: &str, operation: Operation) -> bool {
        let same_resource = self.resource == "*" || self.resource == resource;
        same_resource && self.operations.contains(&operation)
    }

    /// What is in this scope and in the other one.
    fn common(&self, other: &Scope) -> Option<Scope> {
        let resource = if self.resource == "*" {
            &other.resource
        } else if other.resource == "*" || other.resource == self.resource {
            &self.resource
        } else {
            return None;
        };
        let operations: Vec<Operation> = self
            .operations
            .iter()
            .copied()
            .filter(|one| other.operations.contains(one))
            .collect();
        if operations.is_empty() || self.context != other.context {
            return None;
        }
        Some(Scope {
            context: self.context,
            resource: resource.clone(),
            operations,
            filter: self.filter.and(&other.filter),
        })
    }
}

/// The letters of version 2, each at most once and in their order.
fn operations(letters: &str) -> Option<Vec<Operation>> {
    let operations: Vec<Operation> = letters
        .chars()
        .map(Operation::from_letter)
        .collect::<Option<_>>()?;
    let ascending = operations
        .iter()
        .zip(operations.iter().skip(1))
        .all(|(one, next)| one < next);
    (!operations.is_empty() && ascending).then_some(operations)
}

/// What the words of version 1 stand for in version 2 (SMART App Launch 2.2, “Scopes for requesting FHIR resources”).
fn operations_of_version_1(word: &str) -> Option<Vec<Operation>> {
    let letters = match word {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        _ => return None,
    };
    operations(letters)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: String = self.operations.iter().map(|one| one.letter()).collect();
        write!(
            f,
            "{}/{}.{letters}{}",
            self.context.code(),
            self.resource,
            self.filter
        )
    }
}

fn is_resource_type(name: &str) -> bool {
    name.len() <= LONGEST_RESOURCE
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|one| one.is_ascii_alphanumeric())
}

/// The scopes of a token that were understood. None understood is not the same as none given: it allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    scopes: Vec<Scope>,
    /// The patient whom `patient/` scopes speak of.
    patient: Option<Uuid>,
    /// Whether somebody applies filters and the patient to everything that is given out.
    applied: bool,
}

impl Scopes {
    /// Reads a `scope` claim. What is not understood is left out, as RFC 6749 has it.
    #[must_use]
    pub fn parse(text: &str) -> Scopes {
        Scopes {
            scopes: text.split(' ').filter_map(Scope::parse).collect(),
            ..Scopes::default()
        }
    }

    /// The same, with `patient/` scopes speaking of this patient.
    #[must_use]
    pub fn launched_for(mut self, patient: Uuid) -> Scopes {
        self.patient = Some(patient);
        self
    }

    /// The patient whom `patient/` scopes speak of.
    #[must_use]
    pub fn patient(&self) -> Option<Uuid> {
        self.patient
    }

    /// The same for an edge that looks up [`Scopes::reach`] for everything that it gives out or takes in: scopes with a
    /// filter and of one patient count there, and nowhere else.
    #[must_use]
    pub fn applied(mut self) -> Scopes {
        self.applied = true;
        self
    }

    /// Whether one of them allows the action to this role.
    ///
    /// A scope of one patient or with a filter would be widened where nobody applies it, and does not count there. The
    /// role of a patient is bound to one patient by itself.
    #[must_use]
    pub fn allow(&self, role: Role, action: Action) -> bool {
        let (resource, operation) = required(action);
        if action == Action::BulkExport {
            let mut systems = self.scopes.iter().filter(|scope| scope.is_system());
            return systems.any(|scope| scope.operations.contains(&operation));
        }
        let counts = |scope: &&Scope| {
            let is_bound = scope.context == Context::Patient && role != Role::Patient;
            if is_bound && self.patient.is_none() {
                return false;
            }
            self.applied || (!is_bound && scope.filter.is_open())
        };
        self.scopes
            .iter()
            .filter(counts)
            .any(|scope| scope.covers(resource, operation))
    }

    /// What of a resource type they reach.
    #[must_use]
    pub fn reach(&self, resource: &str, operation: Operation) -> Reach {
        let share = |scope: &Scope| {
            let patient = match scope.context {
                Context::Patient => Some(self.patient?),
                Context::User | Context::System => None,
            };
            Some(Share {
                patient,
                filter: scope.filter.clone(),
            })
        };
        let shares = self
            .scopes
            .iter()
            .filter(|scope| scope.covers(resource, operation))
            .filter_map(share);
        Reach::of(shares.collect())
    }

    /// What of a resource type they let a connected system take away as a whole.
    #[must_use]
    pub fn export_reach(&self, resource: &str) -> Reach {
        let shares = self
            .scopes
            .iter()
            .filter(|scope| scope.is_system() && scope.covers(resource, Operation::Read))
            .map(|scope| Share {
                patient: None,
                filter: scope.filter.clone(),
            });
        Reach::of(shares.collect())
    }

    /// Whether one of them is a `system/` scope.
    #[must_use]
    pub fn has_system(&self) -> bool {
        self.scopes.iter().any(Scope::is_system)
    }

    /// What of these scopes is granted to somebody who asks for `text`: word by word what is in both, in the spelling
    /// that was asked for where all of a word is granted. Empty where nothing is.
    #[must_use]
    pub fn granted(&self, text: &str) -> String {
        let mut words: Vec<String> = Vec::new();
        for word in text.split(' ') {
            let Some(asked) = Scope::parse(word) else {
                continue;
            };
            let common: Vec<Scope> = self
                .scopes
                .iter()
                .filter_map(|own| asked.common(own))
                .collect();
            let granted = if common.contains(&asked) {
                vec![word.to_owned()]
            } else {
                common.iter().map(Scope::to_string).collect()
            };
            for one in granted {
                if !words.contains(&one) {
                    words.push(one);
                }
            }
        }
        words.join(" ")
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scopes_are_read_and_written_alike() {
        for text in [
            "system/Procedure.cruds",
            "user/Patient.rs",
            "system/*.cruds",
            "patient/Observation.c",
            "user/*.s",
            "system/Observation.rs?category=survey",
        ] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_understood_grants_nothing() {
        let odd = [
            "",
            "openid",
            "launch/patient",
            "offline_access",
            "system",
            "system/",
            "system/Procedure",
            "system/Procedure.",
            "system/.r",
            "system/procedure.r",
            "system/Proc*.r",
            "system/**.r",
            "system/Procedure.sr",
            "system/Procedure.rr",
            "system/Procedure.x",
            "system/Procedure.CRUDS",
            "system/Procedure.r.s",
            "system/Procedure.Read",
            "system/Procedure.read?category=a",
            "system/Observation.rs?code=72514-3",
            "system/Patient.rs?category=laboratory",
            "system/*.rs?category=laboratory",
            "System/Procedure.r",
            "admin/Procedure.r",
            "/Procedure.r",
            "system/Procédure.r",
            "system/Procedure.r\tsystem/*.cruds",
        ];
        for text in odd {
            assert_eq!(Scope::parse(text), None, "{text:?}");
            assert_eq!(Scopes::parse(text), Scopes::default(), "{text:?}");
        }
        assert_eq!(Scope::parse(&format!("system/{}.r", "A".repeat(65))), None);
    }

    #[test]
    fn an_unknown_word_does_not_spoil_its_neighbours() {
        let scopes = Scopes::parse(
            "openid  system/Procedure.r fhirUser system/Nonsense.xyz user/Patient.rs",
        );
        assert_eq!(scopes.to_string(), "system/Procedure.r user/Patient.rs");
        assert!(scopes.allow(Role::EhrSystem, Action::ReadBlock));
        assert!(scopes.allow(Role::EhrSystem, Action::ReadPatient));
        assert!(!scopes.allow(Role::EhrSystem, Action::WriteBlock));
        assert!(!scopes.allow(Role::EhrSystem, Action::ReadScore));
    }

    #[test]
    fn creating_is_not_correcting_and_reading_is_not_listing() {
        let create = Scopes::parse("system/*.c");
        assert!(create.allow(Role::EhrSystem, Action::WriteBlock));
        assert!(!create.allow(Role::EhrSystem, Action::CorrectBlock));
        assert!(!create.allow(Role::EhrSystem, Action::WithdrawScore));
        let read = Scopes::parse("user/GuidanceResponse.r");
        assert!(read.allow(Role::Clinician, Action::ReadDetermination));
        assert!(!read.allow(Role::Clinician, Action::ReadCandidate));
    }

    #[test]
    fn every_letter_on_everything_allows_every_action_and_none_allows_none() {
        let all = Scopes::parse("system/*.cruds");
        let launched = Scopes::parse("patient/*.cruds");
        for action in Action::ALL {
            assert!(all.allow(Role::Admin, *action), "{}", action.code());
            assert!(
                !Scopes::default().allow(Role::Admin, *action),
                "{}",
                action.code()
            );
            assert!(
                !launched.allow(Role::Clinician, *action),
                "{}",
                action.code()
            );
            // Which no patient may anyway.
            let of_a_system = *action == Action::BulkExport;
            assert_eq!(
                launched.allow(Role::Patient, *action),
                !of_a_system,
                "{}",
                action.code()
            );
        }
    }

    #[test]
    fn a_bulk_export_needs_a_system_scope_on_each_type() {
        let narrow = Scopes::parse(
            "system/Patient.r system/Observation.rs?category=survey user/Condition.rs",
        );
        assert!(narrow.allow(Role::EhrSystem, Action::BulkExport));
        assert_eq!(narrow.export_reach("Patient"), Reach::All);
        assert!(matches!(
            narrow.export_reach("Observation"),
            Reach::Within(_)
        ));
        assert_eq!(narrow.export_reach("Condition"), Reach::Nothing);
        let people = Scopes::parse("user/*.cruds system/Patient.c");
        assert!(!people.allow(Role::EhrSystem, Action::BulkExport));
        assert_eq!(people.export_reach("Patient"), Reach::Nothing);
        let all = Scopes::parse("system/*.read");
        assert_eq!(all.export_reach("Condition"), Reach::All);
    }

    #[test]
    fn an_export_needs_a_scope_on_everything() {
        let narrow =
            Scopes::parse("system/Procedure.cruds system/Patient.cruds system/Observation.cruds");
        assert!(!narrow.allow(Role::EhrSystem, Action::ExportIdentified));
        assert!(Scopes::parse("system/*.rs").allow(Role::EhrSystem, Action::ExportIdentified));
    }

    #[test]
    fn the_words_of_version_1_stand_for_letters() {
        let same = [
            ("system/Patient.read", "system/Patient.rs"),
            ("user/*.write", "user/*.cud"),
            ("system/*.*", "system/*.cruds"),
        ];
        for (word, letters) in same {
            assert_eq!(Scope::parse(word), Scope::parse(letters), "{word}");
        }
    }

    #[test]
    fn a_filter_counts_only_where_it_is_applied() {
        let filtered = Scopes::parse("system/Observation.rs?category=survey");
        assert!(!filtered.allow(Role::EhrSystem, Action::ReadScore));
        let applied = filtered.applied();
        assert!(applied.allow(Role::EhrSystem, Action::ReadScore));
        assert!(!applied.allow(Role::EhrSystem, Action::WriteScore));
        assert!(!applied.allow(Role::EhrSystem, Action::ReadBlock));
        let Reach::Within(shares) = applied.reach("Observation", Operation::Search) else {
            panic!("the filter restricts");
        };
        let parameters: Vec<_> = shares[0].filter.parameters().collect();
        assert_eq!(
            (shares.len(), parameters),
            (1, vec![("category", "survey")])
        );
        assert_eq!(applied.reach("Procedure", Operation::Read), Reach::Nothing);
        let both = Scopes::parse("system/Observation.rs?category=survey system/*.r");
        assert_eq!(both.reach("Observation", Operation::Read), Reach::All);
        assert!(both.allow(Role::EhrSystem, Action::ReadScore));
    }

    #[test]
    fn a_launch_reaches_its_patient_only() {
        let patient = Uuid::from_u128(7);
        let nobody = Scopes::parse("patient/*.rs").applied();
        assert!(!nobody.allow(Role::Clinician, Action::ReadScore));
        assert_eq!(nobody.reach("Observation", Operation::Read), Reach::Nothing);
        let launched = Scopes::parse("patient/*.rs").launched_for(patient);
        assert!(!launched.allow(Role::Clinician, Action::ReadScore));
        let launched = launched.applied();
        assert!(launched.allow(Role::Clinician, Action::ReadScore));
        let share = Share {
            patient: Some(patient),
            filter: ScopeFilter::default(),
        };
        assert_eq!(
            launched.reach("Observation", Operation::Read),
            Reach::Within(vec![share])
        );
    }

    #[test]
    fn what_is_granted_is_in_what_was_asked_and_in_what_is_registered() {
        let granted = |registered: &str, asked: &str| Scopes::parse(registered).granted(asked);
        assert_eq!(granted("system/*.rs", "system/*.read"), "system/*.read");
        assert_eq!(granted("system/*.rs", "system/*.*"), "system/*.rs");
        assert_eq!(
            granted("system/Patient.rs system/Procedure.r", "system/*.cruds"),
            "system/Patient.rs system/Procedure.r"
        );
        assert_eq!(granted("system/*.rs", "user/*.rs openid"), "");
        assert_eq!(granted("system/Patient.rs", "system/Procedure.rs"), "");
        let survey = "system/Observation.rs?category=survey";
        assert_eq!(granted("system/*.rs", survey), survey);
        assert_eq!(granted(survey, "system/*.rs"), survey);
        assert_eq!(
            granted(survey, "system/Observation.rs?category=exam"),
            "system/Observation.rs?category=exam&category=survey"
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_is_written_back(text in ".{0,200}") {
            let scopes = Scopes::parse(&text);
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
        }
    }
}
