//! Codes that payers know a procedure and its reason by (handbook, section 5). They count joints, not nerves.

use super::ablation::Ablation;
use super::anatomy::{CoveredRegion, Joint, Region, TreatedSide};
use super::block::{Block, BlockKind};
use super::vocabulary::{UnknownCode, Vocabulary};

/// One line of a claim: a CPT code with what modifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcedureLine {
    /// The CPT code.
    pub code: &'static str,
    /// The joints that it stands for, down the spine.
    pub joints: Vec<Joint>,
    /// How many units: further joints of an ablation are counted, those of a block are one line.
    pub units: usize,
    /// KX, and 50 for both sides or the side.
    pub modifiers: Vec<&'static str>,
}

/// A diagnosis of facet pain: chosen by who knows it, never derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiagnosisCode {
    /// The ICD-10-CM code.
    pub code: &'static str,
    /// What it stands for.
    pub label: &'static str,
}

/// The first, the second, and the third and further joints of a block in one covered region.
const fn block_codes(region: CoveredRegion) -> [&'static str; 3] {
    match region {
        CoveredRegion::CervicalThoracic => ["64490", "64491", "64492"],
        CoveredRegion::LumbarSacral => ["64493", "64494", "64495"],
    }
}

/// The first and each further joint of an ablation in one covered region.
const fn ablation_codes(region: CoveredRegion) -> [&'static str; 2] {
    match region {
        CoveredRegion::CervicalThoracic => ["64633", "64634"],
        CoveredRegion::LumbarSacral => ["64635", "64636"],
    }
}

/// The lines of a block; `kx`: the lines of a diagnostic one carry KX, as Medicare asks.
///
/// Levels are counted over the whole session: T12-L1 and L1-2 are a first thoracic and a second lumbar joint.
#[must_use]
pub fn block_lines(block: &Block, kx: bool) -> Vec<ProcedureLine> {
    let mut modifiers = Vec::new();
    if kx && block.kind == BlockKind::Diagnostic {
        modifiers.push("KX");
    }
    modifiers.push(side_modifier(block.side));
    lines(&block.joints, &modifiers, false, |region, place| {
        let [first, second, further] = block_codes(region);
        match place {
            0 => first,
            1 => second,
            _ => further,
        }
    })
}

/// The lines of an ablation.
#[must_use]
pub fn ablation_lines(ablation: &Ablation) -> Vec<ProcedureLine> {
    let modifiers = [side_modifier(ablation.side)];
    lines(&ablation.joints, &modifiers, true, |region, place| {
        let [first, further] = ablation_codes(region);
        if place == 0 { first } else { further }
    })
}

fn lines(
    joints: &[Joint],
    modifiers: &[&'static str],
    counted: bool,
    code: impl Fn(CoveredRegion, usize) -> &'static str,
) -> Vec<ProcedureLine> {
    let mut joints = joints.to_vec();
    joints.sort_unstable();
    let mut lines: Vec<ProcedureLine> = Vec::new();
    for (place, joint) in joints.into_iter().enumerate() {
        let code = code(joint.region().covered(), place);
        match lines.iter_mut().find(|line| line.code == code) {
            Some(line) => {
                line.joints.push(joint);
                if counted {
                    line.units += 1;
                }
            }
            None => lines.push(ProcedureLine {
                code,
                joints: vec![joint],
                units: 1,
                modifiers: modifiers.to_vec(),
            }),
        }
    }
    lines
}

const fn side_modifier(side: TreatedSide) -> &'static str {
    match side {
        TreatedSide::Left => "LT",
        TreatedSide::Right => "RT",
        TreatedSide::Bilateral => "50",
    }
}

macro_rules! known_diagnoses {
    ($($code:literal $label:literal;)+) => {
        const KNOWN: &[DiagnosisCode] = &[$(DiagnosisCode { code: $code, label: $label },)+];
        const KNOWN_CODES: &[&str] = &[$($code,)+];
    };
}

// Where a code ends in a part of the spine, its last digit says which: 2 cervical to 7 lumbosacral.
known_diagnoses! {
    "M47.812" "Spondylosis without myelopathy or radiculopathy, cervical";
    "M47.813" "Spondylosis without myelopathy or radiculopathy, cervicothoracic";
    "M47.814" "Spondylosis without myelopathy or radiculopathy, thoracic";
    "M47.815" "Spondylosis without myelopathy or radiculopathy, thoracolumbar";
    "M47.816" "Spondylosis without myelopathy or radiculopathy, lumbar";
    "M47.817" "Spondylosis without myelopathy or radiculopathy, lumbosacral";
    "M47.892" "Other spondylosis, cervical";
    "M47.893" "Other spondylosis, cervicothoracic";
    "M47.894" "Other spondylosis, thoracic";
    "M47.895" "Other spondylosis, thoracolumbar";
    "M47.896" "Other spondylosis, lumbar";
    "M47.897" "Other spondylosis, lumbosacral";
    "M48.12" "Ankylosing hyperostosis, cervical";
    "M48.13" "Ankylosing hyperostosis, cervicothoracic";
    "M48.14" "Ankylosing hyperostosis, thoracic";
    "M48.15" "Ankylosing hyperostosis, thoracolumbar";
    "M48.16" "Ankylosing hyperostosis, lumbar";
    "M48.17" "Ankylosing hyperostosis, lumbosacral";
    "M53.82" "Other specified dorsopathies, cervical";
    "M53.83" "Other specified dorsopathies, cervicothoracic";
    "M53.84" "Other specified dorsopathies, thoracic";
    "M53.85" "Other specified dorsopathies, thoracolumbar";
    "M53.86" "Other specified dorsopathies, lumbar";
    "M53.87" "Other specified dorsopathies, lumbosacral";
    "M54.2" "Cervicalgia";
    "M54.6" "Pain in thoracic spine";
    "M54.50" "Low back pain, unspecified";
    "M54.51" "Vertebrogenic low back pain";
    "M54.59" "Other low back pain";
}

/// The families that Medicare covers.
const COVERED: [&str; 3] = ["M47.81", "M47.89", "M48.1"];
/// The family that it covers for the block of a facet cyst.
const COVERED_FOR_CYST: &str = "M53.8";

impl DiagnosisCode {
    /// Every diagnosis that a record may name.
    #[must_use]
    pub const fn known() -> &'static [DiagnosisCode] {
        KNOWN
    }

    /// Whether it can be the diagnosis of pain in `region`; those of the border between two belong to both.
    #[must_use]
    pub fn fits(self, region: Region) -> bool {
        match self.code {
            "M54.2" => region == Region::Cervical,
            "M54.6" => region == Region::Thoracic,
            "M54.50" | "M54.51" | "M54.59" => region == Region::Lumbar,
            _ => self.part().is_some_and(|digit| match region {
                Region::Cervical => matches!(digit, b'2' | b'3'),
                Region::Thoracic => matches!(digit, b'3'..=b'5'),
                Region::Lumbar => matches!(digit, b'5'..=b'7'),
            }),
        }
    }

    /// Its last digit.
    fn part(self) -> Option<u8> {
        self.code.bytes().last()
    }
}

impl Vocabulary for DiagnosisCode {
    const NAME: &'static str = "DiagnosisCode";
    fn codes() -> &'static [&'static str] {
        KNOWN_CODES
    }
    fn code_of(self) -> &'static str {
        self.code
    }
    fn read(code: &str) -> Result<DiagnosisCode, UnknownCode> {
        let found = KNOWN.iter().copied().find(|known| known.code == code);
        found.ok_or_else(|| UnknownCode {
            given: code.to_owned(),
            accepted: KNOWN_CODES.to_vec(),
        })
    }
}

/// The last digit that stands for the part of the spine a joint is in.
fn part_digit(joint: Joint) -> u8 {
    match (joint.code(), joint.region()) {
        ("C7-T1", _) => b'3',
        ("T12-L1", _) => b'5',
        ("L5-S1", _) => b'7',
        (_, Region::Cervical) => b'2',
        (_, Region::Thoracic) => b'4',
        (_, Region::Lumbar) => b'6',
    }
}

/// The diagnoses covered by Medicare for `joints`; `facet_cyst` adds those of a block for a facet cyst, which are not
/// covered for an ablation.
#[must_use]
pub fn covered_diagnoses(joints: &[Joint], facet_cyst: bool) -> Vec<DiagnosisCode> {
    let digits: Vec<u8> = joints.iter().copied().map(part_digit).collect();
    let covered = |diagnosis: &&DiagnosisCode| {
        let of_family = |family: &str| diagnosis.code.starts_with(family);
        COVERED.into_iter().any(of_family) || (facet_cyst && of_family(COVERED_FOR_CYST))
    };
    KNOWN
        .iter()
        .filter(covered)
        .filter(|diagnosis| diagnosis.part().is_some_and(|part| digits.contains(&part)))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::block::BlockTechnique;
    use chrono::DateTime;

    fn joints(codes: &[&str]) -> Vec<Joint> {
        codes
            .iter()
            .map(|code| Joint::from_code(code).unwrap())
            .collect()
    }

    fn block(codes: &[&str], side: TreatedSide, kind: BlockKind) -> Block {
        Block {
            performed_at: DateTime::parse_from_rfc3339("2025-09-08T09:00:00-05:00").unwrap(),
            kind,
            technique: BlockTechnique::MedialBranch,
            joints: joints(codes),
            side,
            agent: None,
            concentration_thousandths: None,
            volume_microlitres_per_nerve: None,
            steroid: None,
            guidance: None,
            sedation: None,
            stated_relief: None,
            stated_relief_minutes: None,
            duration_minutes: None,
            operator: None,
            site: None,
            corrected_nerves: None,
            same_day_return: None,
        }
    }

    fn codes_of(codes: &[&str]) -> Vec<&'static str> {
        let block = block(codes, TreatedSide::Left, BlockKind::Diagnostic);
        let lines = block_lines(&block, true);
        lines.into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn a_block_is_coded_by_its_joints() {
        assert_eq!(codes_of(&["L4-5"]), ["64493"]);
        assert_eq!(codes_of(&["L5-S1", "L4-5"]), ["64493", "64494"]);
        assert_eq!(codes_of(&["C3-4", "C4-5"]), ["64490", "64491"]);
        assert_eq!(
            codes_of(&["L2-3", "L3-4", "L4-5", "L5-S1"]),
            ["64493", "64494", "64495"],
            "the third line stands for all further joints"
        );
    }

    #[test]
    fn levels_are_counted_across_the_border_of_two_regions() {
        assert_eq!(codes_of(&["T12-L1", "L1-2"]), ["64490", "64494"]);
        assert_eq!(
            codes_of(&["T11-12", "T12-L1", "L1-2"]),
            ["64490", "64491", "64495"]
        );
    }

    #[test]
    fn diagnostic_lines_of_medicare_carry_kx_and_both_sides_50() {
        let modifiers = |side, kind, kx| {
            let lines = block_lines(&block(&["L4-5", "L5-S1"], side, kind), kx);
            assert!(lines.iter().all(|line| line.units == 1));
            lines[1].modifiers.clone()
        };
        use BlockKind::{Diagnostic, Therapeutic};
        assert_eq!(
            modifiers(TreatedSide::Bilateral, Diagnostic, true),
            ["KX", "50"]
        );
        assert_eq!(modifiers(TreatedSide::Left, Diagnostic, false), ["LT"]);
        assert_eq!(modifiers(TreatedSide::Right, Therapeutic, true), ["RT"]);
    }

    #[test]
    fn an_ablation_counts_each_further_joint() {
        let ablation = |codes: &[&str]| Ablation {
            performed_on: "2025-10-20".parse().unwrap(),
            joints: joints(codes),
            side: TreatedSide::Right,
            technique: None,
            temperature_tenths_c: None,
            pre_score: None,
            operator: None,
            site: None,
        };
        let lines = ablation_lines(&ablation(&["L3-4", "L4-5", "L5-S1"]));
        let units: Vec<(&str, usize)> = lines.iter().map(|line| (line.code, line.units)).collect();
        assert_eq!(units, [("64635", 1), ("64636", 2)]);
        assert_eq!(ablation_lines(&ablation(&["C4-5"]))[0].code, "64633");
    }

    #[test]
    fn diagnoses_are_those_of_the_part_of_the_spine() {
        let codes = |joints_of: &[&str], cyst| {
            let found = covered_diagnoses(&joints(joints_of), cyst);
            found.into_iter().map(|one| one.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&["L4-5"], false), ["M47.816", "M47.896", "M48.16"]);
        assert_eq!(
            codes(&["C7-T1"], true),
            ["M47.813", "M47.893", "M48.13", "M53.83"]
        );
        assert_eq!(codes(&["T12-L1", "L5-S1"], false).len(), 6);
    }

    #[test]
    fn a_diagnosis_fits_the_regions_it_can_hurt_in() {
        let regions = |code: &str| {
            let diagnosis = DiagnosisCode::read(code).unwrap();
            let fitting = Region::ALL.iter().filter(|region| diagnosis.fits(**region));
            fitting.map(|region| region.code()).collect::<Vec<_>>()
        };
        assert_eq!(regions("M47.816"), ["lumbar"]);
        assert_eq!(regions("M47.813"), ["cervical", "thoracic"]);
        assert_eq!(regions("M48.15"), ["thoracic", "lumbar"]);
        assert_eq!(regions("M54.2"), ["cervical"]);
        assert_eq!(regions("M54.6"), ["thoracic"]);
        assert_eq!(regions("M54.59"), ["lumbar"]);
        assert!(KNOWN.iter().all(|code| !regions(code.code).is_empty()));
        assert!(DiagnosisCode::read("M54.5").is_err());
    }
}
