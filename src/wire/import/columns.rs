//! The columns of a CSV file and what they stand for in a case.

/// How a cell is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// As it stands.
    Text,
    /// One decimal number, with a point.
    Number,
    /// `true` or `false`, `yes` or `no`.
    Truth,
    /// Terms separated by semicolons; `none` is the empty list.
    Terms,
    /// Courses of conservative care separated by semicolons, each `kind:start:end:outcome`.
    Care,
    /// Disability scores separated by semicolons, each `instrument:score:maximum:day`.
    Disability,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in the header.
    pub name: &'static str,
    /// What it stands for in a case, as a JSON pointer.
    pub pointer: &'static str,
    /// How its cells are read.
    pub cell: Cell,
    /// Whether a file must have it.
    pub required: bool,
    /// What it holds, for the documentation.
    pub meaning: &'static str,
    /// The cells of two example rows.
    pub examples: [&'static str; 2],
}

/// Where the columns of a score begin; all others are repeated in each row of a block.
pub const SCORE: &str = "/blocks/0/scores/0/";

macro_rules! columns {
    ($($name:literal $pointer:literal $cell:ident $required:literal $meaning:literal [$one:literal, $two:literal];)+) => {
        &[$(Column { name: $name, pointer: $pointer, cell: Cell::$cell, required: $required, meaning: $meaning, examples: [$one, $two] },)+]
    };
}

/// Every column, in the order of the template.
pub const COLUMNS: &[Column] = columns! {
    "identifier_system" "/patient/identifiers/0/system" Text true "who issues the patient's identifier, usually a URI" ["urn:example:synthetic", "urn:example:synthetic"];
    "identifier_value" "/patient/identifiers/0/value" Text true "the identifier" ["SYNTHETIC-0001", "SYNTHETIC-0001"];
    "family_name" "/patient/family_name" Text false "family name" ["Synthetic", "Synthetic"];
    "given_name" "/patient/given_name" Text false "given name or names" ["Example", "Example"];
    "birth_date" "/patient/birth_date" Text false "date of birth, `1970-01-31`" ["1970-01-31", "1970-01-31"];
    "sex" "/patient/sex" Text false "`female`, `male`, `other`, `unknown`" ["unknown", "unknown"];
    "region" "/episode/region" Text true "where it hurts: `cervical`, `thoracic`, `lumbar`" ["lumbar", "lumbar"];
    "diagnosis" "/episode/diagnosis" Text false "the diagnosis in ICD-10-CM" ["M47.816", "M47.816"];
    "onset_date" "/episode/onset_date" Text false "the day the pain began" ["2025-03-01", "2025-03-01"];
    "causes" "/episode/causes" Terms false "what may have caused it: `degeneration`, `injury`, `strain`, `whiplash`, `post_surgical`, `other`" ["degeneration", "degeneration"];
    "axial" "/episode/axial" Truth false "whether the pain is predominantly axial" ["yes", "yes"];
    "radiculopathy" "/episode/radiculopathy" Text false "nerve root pain: `none`, `treated`, `untreated`, `facet_cyst`" ["none", "none"];
    "other_causes_excluded" "/episode/other_causes_excluded" Truth false "whether other causes were ruled out" ["yes", "yes"];
    "worse_with_extension_or_rotation" "/episode/worse_with_extension_or_rotation" Truth false "whether it is worse with extension or rotation" ["yes", "yes"];
    "imaging_suggests_facet" "/episode/imaging_suggests_facet" Truth false "whether imaging suggests facet degeneration" ["", ""];
    "fused_joints" "/episode/fused_joints" Terms false "joints whose segments are fused; `none` says that none is" ["none", "none"];
    "conservative_care" "/episode/conservative_care" Care false "courses of care, each `kind:start:end:outcome`; the last three may be left empty" ["physical_therapy:2025-03-10:2025-06-20:failed; medication:2025-03-01::ongoing", "physical_therapy:2025-03-10:2025-06-20:failed; medication:2025-03-01::ongoing"];
    "disability" "/episode/disability" Disability false "disability scores, each `instrument:score:maximum:day`" ["odi:24:50:2025-09-01", "odi:24:50:2025-09-01"];
    "assessment" "/episode/assessment" Text false "history, examination and imaging in free text" ["", ""];
    "performed_at" "/blocks/0/performed_at" Text true "the instant of the injection, with its offset: `2025-09-08T09:00:00-05:00`" ["2025-09-08T09:00:00-05:00", "2025-09-08T09:00:00-05:00"];
    "kind" "/blocks/0/kind" Text true "`diagnostic`, `therapeutic`" ["diagnostic", "diagnostic"];
    "technique" "/blocks/0/technique" Text true "`medial_branch`, `intra_articular`" ["medial_branch", "medial_branch"];
    "joints" "/blocks/0/joints" Terms true "the joints treated, as `L4-5; L5-S1`" ["L4-5; L5-S1", "L4-5; L5-S1"];
    "side" "/blocks/0/side" Text true "`left`, `right`, `bilateral`" ["right", "right"];
    "agent" "/blocks/0/agent" Text false "the local anesthetic, as `lidocaine`" ["lidocaine", "lidocaine"];
    "concentration_percent" "/blocks/0/concentration_percent" Number false "its concentration in percent" ["2", "2"];
    "volume_ml_per_nerve" "/blocks/0/volume_ml_per_nerve" Number false "the volume at each nerve in mL" ["0.5", "0.5"];
    "steroid" "/blocks/0/steroid" Truth false "whether a corticosteroid was added" ["no", "no"];
    "guidance" "/blocks/0/guidance" Text false "`fluoroscopy`, `ct`, `ultrasound`, `mri`, `none`" ["fluoroscopy", "fluoroscopy"];
    "sedation" "/blocks/0/sedation" Text false "`none`, `minimal`, `moderate`, `deep`, `general`" ["none", "none"];
    "block_stated_relief_percent" "/blocks/0/stated_relief_percent" Number false "relief as the patient states it for the whole block, in percent" ["", ""];
    "block_stated_relief_minutes" "/blocks/0/stated_relief_minutes" Number false "how long relief lasted as the patient states it, in minutes" ["", ""];
    "duration_minutes" "/blocks/0/duration_minutes" Number false "how long the procedure took, in minutes" ["", ""];
    "operator" "/blocks/0/operator" Text false "who performed it" ["", ""];
    "site" "/blocks/0/site" Text false "where it was performed" ["", ""];
    "nerves" "/blocks/0/nerves" Terms false "the nerves as the operator corrects them; left empty, they follow from the joints" ["", ""];
    "same_day_return" "/blocks/0/same_day_return" Truth false "whether the patient returned to activity the same day" ["", ""];
    "taken_at" "/blocks/0/scores/0/taken_at" Text true "when the score was taken, with its offset" ["2025-09-08T08:30:00-05:00", "2025-09-08T09:30:00-05:00"];
    "scale" "/blocks/0/scores/0/scale" Text true "`nrs` (0 to 10), `vas` (0 to 100 mm)" ["nrs", "nrs"];
    "value" "/blocks/0/scores/0/value" Number true "one number, at most to the tenth" ["8", "1.5"];
    "context" "/blocks/0/scores/0/context" Text false "`movement`, `current`, `rest`; `current` where it is left empty" ["movement", "movement"];
    "rated_side" "/blocks/0/scores/0/side" Text false "the side that was rated, where they are told apart: `left`, `right`" ["", ""];
    "score_stated_relief_percent" "/blocks/0/scores/0/stated_relief_percent" Number false "relief as the patient states it at this time, in percent" ["", "80"];
    "analgesic_taken" "/blocks/0/scores/0/analgesic_taken" Truth false "whether an analgesic was taken at this time, after the score" ["no", "no"];
    "reported_by" "/blocks/0/scores/0/reported_by" Text false "`patient`, `clinician`, `system`" ["patient", "patient"];
};

/// The column that a JSON pointer into a row's case leads to; `None` where it is about none of them.
#[must_use]
pub fn column_of(pointer: &str) -> Option<&'static Column> {
    let leads_to = |column: &&Column| {
        pointer
            .strip_prefix(column.pointer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    COLUMNS.iter().find(leads_to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_and_each_pointer_is_there_once() {
        let names: BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let pointers: BTreeSet<&str> = COLUMNS.iter().map(|column| column.pointer).collect();
        assert_eq!(
            (names.len(), pointers.len()),
            (COLUMNS.len(), COLUMNS.len())
        );
    }

    #[test]
    fn a_pointer_leads_to_its_column() {
        let name = |pointer| column_of(pointer).map(|column| column.name);
        assert_eq!(name("/blocks/0/joints/1"), Some("joints"));
        assert_eq!(name("/blocks/0/scores/0/side"), Some("rated_side"));
        assert_eq!(name("/blocks/0/sides"), None);
    }

    #[test]
    fn the_document_says_the_same() {
        let document = include_str!("../../../docs/import.md");
        for Column {
            name,
            meaning,
            required,
            ..
        } in COLUMNS
        {
            let stars = if *required { "**" } else { "" };
            let row = format!("| {stars}`{name}`{stars} | {meaning} |");
            assert!(document.contains(&row), "docs/import.md lacks: {row}");
        }
    }
}
