//! SMART App Launch 2 scopes: `system/Procedure.cruds`, `user/Patient.rs`, `patient/*.r`.
//!
//! A scope can only narrow what a role allows. Whatever is not understood here grants nothing: an unknown word, letters
//! out of order, and a scope with a search filter (`?category=…`), which would be widened if the filter were dropped.

use super::permission::{Action, Role};
use std::fmt;

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
        // An export spans all kinds of records.
        Action::ExportIdentified | Action::ExportDeidentified => ("*", Operation::Search),
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
}

impl Scope {
    /// Reads one scope. `None` when it is not one of ours, or malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        let (context, rest) = text.split_once('/')?;
        let (resource, letters) = rest.split_once('.')?;
        let context = Context::from_code(context)?;
        if resource != "*" && !is_resource_type(resource) {
            return None;
        }
        let operations: Vec<Operation> = letters
            .chars()
            .map(Operation::from_letter)
            .collect::<Option<_>>()?;
        let ascending = operations
            .iter()
            .zip(operations.iter().skip(1))
            .all(|(one, next)| one < next);
        if operations.is_empty() || !ascending {
            return None;
        }
        Some(Scope {
            context,
            resource: resource.to_owned(),
            operations,
        })
    }

    fn covers(&self, resource: &str, operation: Operation) -> bool {
        let same_resource = self.resource == "*" || self.resource == resource;
        same_resource && self.operations.contains(&operation)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters: String = self.operations.iter().map(|one| one.letter()).collect();
        write!(f, "{}/{}.{letters}", self.context.code(), self.resource)
    }
}

fn is_resource_type(name: &str) -> bool {
    name.len() <= LONGEST_RESOURCE
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|one| one.is_ascii_alphanumeric())
}

/// The scopes of a token that were understood. None understood is not the same as none given: it allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads a `scope` claim. What is not understood is left out, as RFC 6749 has it.
    #[must_use]
    pub fn parse(text: &str) -> Scopes {
        Scopes(text.split(' ').filter_map(Scope::parse).collect())
    }

    /// Whether one of them allows the action to this role.
    ///
    /// A `patient/` scope is bound to one patient, and other roles see more than one: it counts for a patient only.
    #[must_use]
    pub fn allow(&self, role: Role, action: Action) -> bool {
        let (resource, operation) = required(action);
        self.0
            .iter()
            .filter(|scope| scope.context != Context::Patient || role == Role::Patient)
            .any(|scope| scope.covers(resource, operation))
    }

    /// Whether one of them is a `system/` scope.
    #[must_use]
    pub fn has_system(&self) -> bool {
        self.0.iter().any(|scope| scope.context == Context::System)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(Scope::to_string).collect();
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
            "system/Procedure.read",
            "system/Observation.rs?category=laboratory",
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
            assert!(launched.allow(Role::Patient, *action), "{}", action.code());
        }
    }

    #[test]
    fn an_export_needs_a_scope_on_everything() {
        let narrow =
            Scopes::parse("system/Procedure.cruds system/Patient.cruds system/Observation.cruds");
        assert!(!narrow.allow(Role::EhrSystem, Action::ExportIdentified));
        assert!(Scopes::parse("system/*.rs").allow(Role::EhrSystem, Action::ExportIdentified));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_is_written_back(text in ".{0,200}") {
            let scopes = Scopes::parse(&text);
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
        }
    }
}
