//! Facet joints, the nerves that supply them, sides and regions.
//!
//! A joint is named by its two vertebrae and supplied by the nerves one level up: joint L4-5 by the medial branches
//! L3 and L4 (handbook, section 2).

use super::vocabulary::{UnknownCode, Vocabulary, vocabulary};
use std::fmt;

vocabulary! {
    /// A spinal region: what a session is held in.
    Region {
        /// C2-3 to C7-T1.
        Cervical = "cervical", "cervical";
        /// T1-2 to T12-L1.
        Thoracic = "thoracic", "thoracic";
        /// L1-2 to L5-S1.
        Lumbar = "lumbar", "lumbar";
    }
}

vocabulary! {
    /// The two regions for which session caps are counted (official: CMS article A57787).
    CoveredRegion {
        /// Cervical and thoracic together.
        CervicalThoracic = "cervical_thoracic", "cervical/thoracic";
        /// Lumbar and sacral together.
        LumbarSacral = "lumbar_sacral", "lumbar/sacral";
    }
}

impl Region {
    /// The region in which this region's sessions are capped.
    #[must_use]
    pub const fn covered(self) -> CoveredRegion {
        match self {
            Region::Cervical | Region::Thoracic => CoveredRegion::CervicalThoracic,
            Region::Lumbar => CoveredRegion::LumbarSacral,
        }
    }
}

vocabulary! {
    /// One side of the body: half of a target.
    Side {
        /// The patient's left.
        Left = "left", "left";
        /// The patient's right.
        Right = "right", "right";
    }
}

vocabulary! {
    /// The side or sides that a procedure treated.
    TreatedSide {
        /// The patient's left.
        Left = "left", "left";
        /// The patient's right.
        Right = "right", "right";
        /// Both sides in one session.
        Bilateral = "bilateral", "bilateral";
    }
}

impl TreatedSide {
    /// The sides covered, left before right.
    #[must_use]
    pub const fn sides(self) -> &'static [Side] {
        match self {
            TreatedSide::Left => &[Side::Left],
            TreatedSide::Right => &[Side::Right],
            TreatedSide::Bilateral => &[Side::Left, Side::Right],
        }
    }

    /// Whether `side` was treated.
    #[must_use]
    pub const fn covers(self, side: Side) -> bool {
        matches!(
            (self, side),
            (TreatedSide::Bilateral, _)
                | (TreatedSide::Left, Side::Left)
                | (TreatedSide::Right, Side::Right)
        )
    }
}

/// The names of the joints in order down the spine; a [`Joint`] is an index into it.
const JOINT_CODES: [&str; 23] = [
    "C2-3", "C3-4", "C4-5", "C5-6", "C6-7", "C7-T1", "T1-2", "T2-3", "T3-4", "T4-5", "T5-6",
    "T6-7", "T7-8", "T8-9", "T9-10", "T10-11", "T11-12", "T12-L1", "L1-2", "L2-3", "L3-4", "L4-5",
    "L5-S1",
];

/// The nerves in order down the spine; a [`Nerve`] is an index into it.
const NERVE_CODES: [&str; 24] = [
    "TON",
    "C3",
    "C4",
    "C5",
    "C6",
    "C7",
    "C8",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "T7",
    "T8",
    "T9",
    "T10",
    "T11",
    "T12",
    "L1",
    "L2",
    "L3",
    "L4",
    "L5 dorsal ramus",
];

/// A facet (zygapophysial) joint, named by its two vertebrae: `C2-3` … `L5-S1`. Ordered down the spine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Joint(u8);

impl Joint {
    /// Every joint, down the spine.
    pub fn all() -> impl Iterator<Item = Joint> {
        (0u8..23).map(Joint)
    }

    /// Every joint's code, down the spine.
    #[must_use]
    pub const fn codes() -> &'static [&'static str] {
        &JOINT_CODES
    }

    /// The code, as `L4-5`.
    #[must_use]
    pub fn code(self) -> &'static str {
        JOINT_CODES.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// Reads a code such as `L4-5` or `C7-T1`.
    ///
    /// # Errors
    /// [`UnknownCode`] when there is no such joint.
    pub fn from_code(code: &str) -> Result<Joint, UnknownCode> {
        Joint::all()
            .find(|joint| joint.code() == code)
            .ok_or_else(|| UnknownCode {
                given: code.to_owned(),
                accepted: JOINT_CODES.to_vec(),
            })
    }

    /// The region the joint belongs to: C7-T1 is cervical, T12-L1 thoracic (handbook, section 2).
    #[must_use]
    pub const fn region(self) -> Region {
        match self.0 {
            0..=5 => Region::Cervical,
            6..=17 => Region::Thoracic,
            _ => Region::Lumbar,
        }
    }

    /// The nerves to be blocked for this joint: the third occipital nerve for C2-3, else the two that supply it.
    pub fn nerves(self) -> impl Iterator<Item = Nerve> {
        let first = self.0;
        let last = if first == 0 { 0 } else { first + 1 };
        (first..=last).map(Nerve)
    }

    /// How far the nerves of this joint are verified (handbook, section 2).
    #[must_use]
    pub const fn nerves_trust(self) -> &'static str {
        match self.0 {
            0 => "official",
            6..=17 => "unverified",
            _ => "secondary",
        }
    }
}

impl Vocabulary for Joint {
    const NAME: &'static str = "Joint";
    fn codes() -> &'static [&'static str] {
        Joint::codes()
    }
    fn code_of(self) -> &'static str {
        self.code()
    }
    fn read(code: &str) -> Result<Joint, UnknownCode> {
        Joint::from_code(code)
    }
}

impl fmt::Display for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A medial branch (or the third occipital nerve, or the L5 dorsal ramus). Ordered down the spine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nerve(u8);

impl Nerve {
    /// Every nerve, down the spine.
    pub fn all() -> impl Iterator<Item = Nerve> {
        (0u8..24).map(Nerve)
    }

    /// Every nerve's code, down the spine.
    #[must_use]
    pub const fn codes() -> &'static [&'static str] {
        &NERVE_CODES
    }

    /// The code: `TON`, `C3` … `L4`, `L5 dorsal ramus`.
    #[must_use]
    pub fn code(self) -> &'static str {
        NERVE_CODES.get(usize::from(self.0)).copied().unwrap_or("")
    }

    /// Reads a code.
    ///
    /// # Errors
    /// [`UnknownCode`] when there is no such nerve.
    pub fn from_code(code: &str) -> Result<Nerve, UnknownCode> {
        Nerve::all()
            .find(|nerve| nerve.code() == code)
            .ok_or_else(|| UnknownCode {
                given: code.to_owned(),
                accepted: NERVE_CODES.to_vec(),
            })
    }
}

impl Vocabulary for Nerve {
    const NAME: &'static str = "Nerve";
    fn codes() -> &'static [&'static str] {
        Nerve::codes()
    }
    fn code_of(self) -> &'static str {
        self.code()
    }
    fn read(code: &str) -> Result<Nerve, UnknownCode> {
        Nerve::from_code(code)
    }
}

impl fmt::Display for Nerve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Joint {
    /// Whether an episode in `region` may hold it: it belongs to the region, or shares a vertebra with it
    /// (C7-T1 with a thoracic episode, T12-L1 with a lumbar one).
    #[must_use]
    pub const fn borders(self, region: Region) -> bool {
        match region {
            Region::Cervical => matches!(self.0, 0..=5),
            Region::Thoracic => matches!(self.0, 5..=17),
            Region::Lumbar => matches!(self.0, 17..),
        }
    }
}

/// The nerves that supply `joints`, each once, down the spine: k neighbouring lumbar joints need k+1 nerves.
#[must_use]
pub fn nerves_of(joints: &[Joint]) -> Vec<Nerve> {
    let mut nerves: Vec<Nerve> = joints.iter().flat_map(|joint| joint.nerves()).collect();
    nerves.sort_unstable();
    nerves.dedup();
    nerves
}

/// One joint on one side: what blocks confirm and profiles judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The joint.
    pub joint: Joint,
    /// The side.
    pub side: Side,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side, self.joint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nerves(codes: &[&str]) -> Vec<&'static str> {
        let joints: Vec<Joint> = codes
            .iter()
            .map(|code| Joint::from_code(code).unwrap())
            .collect();
        nerves_of(&joints).into_iter().map(Nerve::code).collect()
    }

    #[test]
    fn every_joint_is_supplied_as_the_handbook_says() {
        assert_eq!(nerves(&["C2-3"]), ["TON"]);
        assert_eq!(nerves(&["C3-4"]), ["C3", "C4"]);
        assert_eq!(nerves(&["C6-7"]), ["C6", "C7"]);
        assert_eq!(nerves(&["C7-T1"]), ["C7", "C8"]);
        assert_eq!(nerves(&["T1-2"]), ["C8", "T1"]);
        assert_eq!(nerves(&["T2-3"]), ["T1", "T2"]);
        assert_eq!(nerves(&["T11-12"]), ["T10", "T11"]);
        assert_eq!(nerves(&["T12-L1"]), ["T11", "T12"]);
        assert_eq!(nerves(&["L1-2"]), ["T12", "L1"]);
        assert_eq!(nerves(&["L4-5"]), ["L3", "L4"]);
        assert_eq!(nerves(&["L5-S1"]), ["L4", "L5 dorsal ramus"]);
    }

    #[test]
    fn neighbouring_joints_share_the_nerve_between_them() {
        assert_eq!(nerves(&["L5-S1", "L4-5"]), ["L3", "L4", "L5 dorsal ramus"]);
    }

    #[test]
    fn regions_end_where_the_handbook_ends_them() {
        let region = |code| Joint::from_code(code).unwrap().region();
        assert_eq!(region("C7-T1"), Region::Cervical);
        assert_eq!(region("T12-L1"), Region::Thoracic);
        assert_eq!(region("L1-2"), Region::Lumbar);
        assert!(Joint::from_code("L6-7").is_err());
    }

    #[test]
    fn codes_lead_back_to_what_they_name() {
        assert!(Joint::all().all(|joint| Joint::from_code(joint.code()) == Ok(joint)));
        assert!(Nerve::all().all(|nerve| Nerve::from_code(nerve.code()) == Ok(nerve)));
    }
}
