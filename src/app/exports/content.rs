//! What can be exported, and how it is written.

use crate::domain::{UnknownCode, Vocabulary, vocabulary};

vocabulary! {
    /// What can be exported.
    Dataset {
        /// Blocks.
        Blocks = "blocks", "blocks";
        /// Scores.
        Scores = "scores", "scores";
        /// Relief of each block on each side at each threshold.
        Relief = "relief", "relief";
        /// What each profile says about each target.
        Determinations = "determinations", "determinations";
        /// Ablations.
        Ablations = "ablations", "ablations";
        /// Follow-ups after ablations.
        FollowUps = "follow_ups", "follow-ups";
        /// Adverse events.
        AdverseEvents = "adverse_events", "adverse events";
        /// Episodes.
        Episodes = "episodes", "episodes";
        /// Patients.
        Patients = "patients", "patients";
        /// One row a target: blocks, verdicts, ablation and what followed.
        Outcomes = "outcomes", "outcomes";
    }
}

vocabulary! {
    /// How an export is written.
    Format {
        /// Comma-separated values.
        Csv = "csv", "CSV";
        /// One JSON object a line.
        Ndjson = "ndjson", "NDJSON";
        /// Apache Parquet, compressed with Zstandard.
        Parquet = "parquet", "Parquet";
        /// Apache Arrow's file of record batches (IPC), which Feather is another name for.
        Arrow = "arrow", "Arrow IPC";
    }
}

impl Dataset {
    /// The filters that it has.
    #[must_use]
    pub const fn filters(self) -> &'static [&'static str] {
        match self {
            Dataset::Blocks
            | Dataset::Scores
            | Dataset::Relief
            | Dataset::Ablations
            | Dataset::FollowUps => &[
                "patient_id",
                "episode_id",
                "operator",
                "site",
                "region",
                "from",
                "to",
            ],
            Dataset::Determinations => &[
                "patient_id",
                "episode_id",
                "operator",
                "region",
                "profile",
                "verdict",
                "from",
                "to",
            ],
            Dataset::Outcomes => &[
                "patient_id",
                "episode_id",
                "operator",
                "site",
                "region",
                "profile",
                "verdict",
                "from",
                "to",
            ],
            Dataset::AdverseEvents => &["patient_id", "from", "to"],
            Dataset::Episodes => &["patient_id", "episode_id", "region"],
            Dataset::Patients => &["patient_id"],
        }
    }
}

vocabulary! {
    /// A data model that others have agreed on.
    Model {
        /// The Common Data Model of OMOP, version 5.4.
        Omop = "omop", "OMOP CDM 5.4";
    }
}

/// What one export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Datasets, each once, a file each; at least one.
    Datasets(Vec<Dataset>),
    /// The tables of the OMOP Common Data Model.
    Omop,
}

impl Content {
    /// Datasets, each once, in the order in which they were named first.
    #[must_use]
    pub fn of(datasets: &[Dataset]) -> Content {
        let mut each = Vec::new();
        for dataset in datasets {
            if !each.contains(dataset) {
                each.push(*dataset);
            }
        }
        Content::Datasets(each)
    }

    /// In words, as it is stored and as files are named after it: `blocks`, `blocks,scores`, `omop`.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Content::Datasets(datasets) => {
                let codes: Vec<&str> = datasets.iter().map(|dataset| dataset.code()).collect();
                codes.join(",")
            }
            Content::Omop => Model::Omop.code().to_owned(),
        }
    }

    /// What [`code`](Content::code) said.
    ///
    /// # Errors
    /// The word that is none of a dataset.
    pub fn read(code: &str) -> Result<Content, UnknownCode> {
        if Model::read(code).is_ok() {
            return Ok(Content::Omop);
        }
        let datasets: Vec<Dataset> = code
            .split(',')
            .map(Dataset::read)
            .collect::<Result<_, _>>()?;
        Ok(Content::of(&datasets))
    }

    /// The dataset, where it is one.
    #[must_use]
    pub fn only(&self) -> Option<Dataset> {
        match self {
            Content::Datasets(datasets) => match datasets.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            Content::Omop => None,
        }
    }

    /// The filters that all of it has.
    #[must_use]
    pub fn filters(&self) -> Vec<&'static str> {
        let Content::Datasets(datasets) = self else {
            return vec!["patient_id"];
        };
        let mut shared: Vec<&'static str> = datasets
            .first()
            .map_or_else(Vec::new, |first| first.filters().to_vec());
        for dataset in datasets {
            shared.retain(|name| dataset.filters().contains(name));
        }
        shared
    }
}
