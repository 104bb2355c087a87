//! The tables of the OMOP Common Data Model 5.4 that are written, with all of their columns in their order.

use crate::export::column::{Heading, Kind};

macro_rules! tables {
    ($($variant:ident $name:literal $title:literal { $($field:ident $kind:ident,)+ })+) => {
        /// A table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Table { $(#[doc = $title] $variant,)+ }

        impl Table {
            /// Every table that is written.
            pub(super) const ALL: &'static [Table] = &[$(Table::$variant,)+];

            /// Its name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Table::$variant => $name,)+ }
            }

            /// What it holds here.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Table::$variant => $title,)+ }
            }

            /// Its columns, each with what its values are.
            pub(super) const fn fields(self) -> &'static [(&'static str, Kind)] {
                match self { $(Table::$variant => &[$((stringify!($field), Kind::$kind),)+],)+ }
            }
        }
    };
}

tables! {
    Person "person" "People" {
        person_id Integer,
        gender_concept_id Integer,
        year_of_birth Integer,
        month_of_birth Integer,
        day_of_birth Integer,
        birth_datetime LocalTime,
        race_concept_id Integer,
        ethnicity_concept_id Integer,
        location_id Integer,
        provider_id Integer,
        care_site_id Integer,
        person_source_value Text,
        gender_source_value Text,
        gender_source_concept_id Integer,
        race_source_value Text,
        race_source_concept_id Integer,
        ethnicity_source_value Text,
        ethnicity_source_concept_id Integer,
    }
    ObservationPeriod "observation_period" "Spans of time in which something is known of a person" {
        observation_period_id Integer,
        person_id Integer,
        observation_period_start_date Date,
        observation_period_end_date Date,
        period_type_concept_id Integer,
    }
    VisitOccurrence "visit_occurrence" "Sessions: one for each block and ablation" {
        visit_occurrence_id Integer,
        person_id Integer,
        visit_concept_id Integer,
        visit_start_date Date,
        visit_start_datetime LocalTime,
        visit_end_date Date,
        visit_end_datetime LocalTime,
        visit_type_concept_id Integer,
        provider_id Integer,
        care_site_id Integer,
        visit_source_value Text,
        visit_source_concept_id Integer,
        admitted_from_concept_id Integer,
        admitted_from_source_value Text,
        discharged_to_concept_id Integer,
        discharged_to_source_value Text,
        preceding_visit_occurrence_id Integer,
    }
    ConditionOccurrence "condition_occurrence" "Diagnoses: one for each episode" {
        condition_occurrence_id Integer,
        person_id Integer,
        condition_concept_id Integer,
        condition_start_date Date,
        condition_start_datetime LocalTime,
        condition_end_date Date,
        condition_end_datetime LocalTime,
        condition_type_concept_id Integer,
        condition_status_concept_id Integer,
        stop_reason Text,
        provider_id Integer,
        visit_occurrence_id Integer,
        visit_detail_id Integer,
        condition_source_value Text,
        condition_source_concept_id Integer,
        condition_status_source_value Text,
    }
    ProcedureOccurrence "procedure_occurrence" "Blocks and ablations, a row for each CPT code" {
        procedure_occurrence_id Integer,
        person_id Integer,
        procedure_concept_id Integer,
        procedure_date Date,
        procedure_datetime LocalTime,
        procedure_end_date Date,
        procedure_end_datetime LocalTime,
        procedure_type_concept_id Integer,
        modifier_concept_id Integer,
        quantity Integer,
        provider_id Integer,
        visit_occurrence_id Integer,
        visit_detail_id Integer,
        procedure_source_value Text,
        procedure_source_concept_id Integer,
        modifier_source_value Text,
    }
    DrugExposure "drug_exposure" "Anesthetics and corticosteroids of blocks" {
        drug_exposure_id Integer,
        person_id Integer,
        drug_concept_id Integer,
        drug_exposure_start_date Date,
        drug_exposure_start_datetime LocalTime,
        drug_exposure_end_date Date,
        drug_exposure_end_datetime LocalTime,
        verbatim_end_date Date,
        drug_type_concept_id Integer,
        stop_reason Text,
        refills Integer,
        quantity Number,
        days_supply Integer,
        sig Text,
        route_concept_id Integer,
        lot_number Text,
        provider_id Integer,
        visit_occurrence_id Integer,
        visit_detail_id Integer,
        drug_source_value Text,
        drug_source_concept_id Integer,
        route_source_value Text,
        dose_unit_source_value Text,
    }
    Measurement "measurement" "Pain scores, relief and disability scores" {
        measurement_id Integer,
        person_id Integer,
        measurement_concept_id Integer,
        measurement_date Date,
        measurement_datetime LocalTime,
        measurement_time Text,
        measurement_type_concept_id Integer,
        operator_concept_id Integer,
        value_as_number Number,
        value_as_concept_id Integer,
        unit_concept_id Integer,
        range_low Number,
        range_high Number,
        provider_id Integer,
        visit_occurrence_id Integer,
        visit_detail_id Integer,
        measurement_source_value Text,
        measurement_source_concept_id Integer,
        unit_source_value Text,
        unit_source_concept_id Integer,
        value_source_value Text,
        measurement_event_id Integer,
        meas_event_field_concept_id Integer,
    }
    Observation "observation" "Verdicts, adverse events, impressions of change" {
        observation_id Integer,
        person_id Integer,
        observation_concept_id Integer,
        observation_date Date,
        observation_datetime LocalTime,
        observation_type_concept_id Integer,
        value_as_number Number,
        value_as_string Text,
        value_as_concept_id Integer,
        qualifier_concept_id Integer,
        unit_concept_id Integer,
        provider_id Integer,
        visit_occurrence_id Integer,
        visit_detail_id Integer,
        observation_source_value Text,
        observation_source_concept_id Integer,
        unit_source_value Text,
        qualifier_source_value Text,
        value_source_value Text,
        observation_event_id Integer,
        obs_event_field_concept_id Integer,
    }
    Episode "episode" "Episodes of pain" {
        episode_id Integer,
        person_id Integer,
        episode_concept_id Integer,
        episode_start_date Date,
        episode_start_datetime LocalTime,
        episode_end_date Date,
        episode_end_datetime LocalTime,
        episode_parent_id Integer,
        episode_number Integer,
        episode_object_concept_id Integer,
        episode_type_concept_id Integer,
        episode_source_value Text,
        episode_source_concept_id Integer,
    }
    CdmSource "cdm_source" "Where this comes from" {
        cdm_source_name Text,
        cdm_source_abbreviation Text,
        cdm_holder Text,
        source_description Text,
        source_documentation_reference Text,
        cdm_etl_reference Text,
        source_release_date Date,
        cdm_release_date Date,
        cdm_version Text,
        cdm_version_concept_id Integer,
        vocabulary_version Text,
    }
}

impl Table {
    /// Its headings.
    pub(super) fn headings(self) -> Vec<Heading> {
        let heading = |(name, kind): &(&'static str, Kind)| Heading {
            name: (*name).into(),
            kind: *kind,
            unit: None,
            description: format!("{}.{name} of the OMOP Common Data Model 5.4.", self.name())
                .into(),
        };
        self.fields().iter().map(heading).collect()
    }
}
