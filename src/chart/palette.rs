//! The colours of every chart: each has one meaning, all are readable on white paper.
//!
//! They stand in the markup exactly as here, so that a style sheet can map them for another ground, as
//! `.chart [stroke="#1B6E8C"]` does.

/// The lines and markers of the newest block, and of what a sparkline or a follow-up curve shows: the accent.
pub const NEWEST: &str = "#1B6E8C";
/// The same for the second side of the newest block, where each side was rated by itself; drawn dashed.
pub const NEWEST_SECOND_SIDE: &str = "#1B6E8D";
/// The lines and markers of earlier blocks.
pub const EARLIER: &str = "#57606A";
/// The same for the second side of an earlier block; drawn dashed.
pub const EARLIER_SECOND_SIDE: &str = "#57606B";
/// Scores that are shown and decide nothing: another context or scale, or after an analgesic; drawn dotted.
pub const NOT_COUNTED: &str = "#8A939C";
/// Relief that the scores prove: from its first score to its last.
pub const KNOWN: &str = "#B5D7E2";
/// Relief that the scores leave possible.
pub const POSSIBLE: &str = "#E2F0F5";
/// The score below which relief reaches the threshold; drawn dashed.
pub const THRESHOLD: &str = "#A3471F";
/// An analgesic taken.
pub const ANALGESIC: &str = "#2B2B33";
/// The duration that the anesthetic lets expect.
pub const EXPECTED: &str = "#C9CDD2";
/// Text that carries a number or a finding.
pub const INK: &str = "#1F2430";
/// Text and strokes of the axes.
pub const AXIS: &str = "#5A6370";
/// Lines of the grid.
pub const GRID: &str = "#E6E9EC";
/// The ground: inside of hollow markers.
pub const PAPER: &str = "#FFFFFF";

/// The bars of a share.
pub const SHARE: &str = "#8FBFD0";
/// The curves of a figure, told apart by their dashes too.
pub const SERIES: [&str; 4] = ["#1B6E8E", "#A3471E", "#4F7A28", "#6A4C93"];
/// What stands around each of them: an interval, or what the records leave open.
pub const BANDS: [&str; 4] = ["#D3E7EF", "#F3DED3", "#DFEAD3", "#E4DCED"];
/// Agreement beyond chance: below 0.2, below 0.4, below 0.6, below 0.8, and from there on.
pub const AGREE: [&str; 5] = ["#EDF3F6", "#D6E8EF", "#B8D9E5", "#97C8D9", "#74B5CB"];

/// The strokes that are not solid, with their dashes.
pub(super) const DASHES: [(&str, &str); 7] = [
    ("#A3471E", "8 3"),
    ("#4F7A28", "2 3"),
    ("#6A4C93", "9 3 2 3"),
    (NEWEST_SECOND_SIDE, "9 4"),
    (EARLIER_SECOND_SIDE, "9 4"),
    (NOT_COUNTED, "2 4"),
    (THRESHOLD, "6 4"),
];
