//! The picture of the spine: every joint on both sides to choose from, and the nerves as they follow.

use crate::domain::anatomy::{Joint, Nerve, Region, Side, nerves_of};
use crate::http::query::Query;
use std::fmt::Write;

/// The height of one level in the units of the picture; the style sheet gives each row as much.
const STEP: i32 = 26;
/// The width of the picture.
const WIDTH: i32 = 132;
/// The middle of it.
const MIDDLE: i32 = WIDTH / 2;
/// Vertebrae shown: C2 to L5, and the sacrum.
const LEVELS: i32 = 24;

/// One joint on one side.
pub(super) struct Place {
    pub(super) value: String,
    pub(super) id: String,
    pub(super) side: &'static str,
    pub(super) nerves: String,
    pub(super) on: bool,
}

/// One joint.
pub(super) struct Level {
    pub(super) joint: &'static str,
    /// Left, then right.
    pub(super) places: [Place; 2],
    /// The region that begins here.
    pub(super) region: Option<&'static str>,
}

/// The picture with what is chosen.
pub(super) struct Spine {
    pub(super) levels: Vec<Level>,
    pub(super) picture: String,
    /// The nerves of what is chosen.
    pub(super) nerves: String,
}

impl Spine {
    pub(super) fn of(name: &str, query: &Query) -> Spine {
        let chosen = |side: Side, joint: Joint| {
            let value = format!("{}:{joint}", side.code());
            query.all(name).any(|one| one == value)
        };
        let place = |side: Side, joint: Joint| Place {
            value: format!("{}:{joint}", side.code()),
            id: format!("joint-{}-{joint}", side.code()),
            side: side.code(),
            nerves: codes(joint.nerves()),
            on: chosen(side, joint),
        };
        let mut before = None;
        let mut begins = |region: Region| {
            let new = before != Some(region);
            before = Some(region);
            new.then(|| region.label())
        };
        let levels = Joint::all()
            .map(|joint| Level {
                joint: joint.code(),
                places: [place(Side::Left, joint), place(Side::Right, joint)],
                region: begins(joint.region()),
            })
            .collect();
        let joints: Vec<Joint> = Joint::all()
            .filter(|joint| Side::ALL.iter().any(|side| chosen(*side, *joint)))
            .collect();
        Spine {
            levels,
            picture: picture(),
            nerves: codes(nerves_of(&joints).into_iter()),
        }
    }
}

/// The codes of nerves, in their order.
fn codes(nerves: impl Iterator<Item = Nerve>) -> String {
    let codes: Vec<&str> = nerves.map(Nerve::code).collect();
    codes.join(", ")
}

/// The vertebrae as seen from behind, one above the other: each broader than the one before, with its processes.
fn picture() -> String {
    let height = LEVELS * STEP;
    let mut svg = format!(
        "<svg class=\"vertebrae\" viewBox=\"0 0 {WIDTH} {height}\" aria-hidden=\"true\" focusable=\"false\">"
    );
    for level in 0..LEVELS {
        // Writing to a string cannot fail.
        let _ = write!(svg, "{}", vertebra(level));
    }
    svg.push_str("</svg>");
    svg
}

/// One vertebra: body, transverse processes, spinous process. The last one is the sacrum.
fn vertebra(level: i32) -> String {
    let top = level * STEP;
    // Half the width of the body, and how far the transverse processes reach.
    let half = 13 + level * 9 / LEVELS;
    let (reach, droop) = match level {
        0..=5 => (half + 9, 2),
        6..=17 => (half + 12, -3),
        _ => (half + 15, 0),
    };
    let (left, right) = (MIDDLE - half, MIDDLE + half);
    let (near, far) = (top + 4, top + STEP - 3);
    let center = top + STEP / 2;
    if level == LEVELS - 1 {
        return format!(
            "<path class=\"bone\" d=\"M{left} {near}H{right}L{} {far}H{}Z\"/>",
            MIDDLE + 12,
            MIDDLE - 12
        );
    }
    format!(
        "<path class=\"process\" d=\"M{left} {center}L{} {y}M{right} {center}L{} {y}\"/>\
         <rect class=\"bone\" x=\"{left}\" y=\"{near}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\
         <path class=\"ridge\" d=\"M{MIDDLE} {}V{}\"/>",
        MIDDLE - reach,
        MIDDLE + reach,
        half * 2,
        far - near,
        center - 2,
        far + 1,
        y = center - droop,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nerves_follow_from_what_is_chosen() {
        let mut query = Query::default();
        query.push("/targets", "left:L4-5");
        query.push("/targets", "right:L5-S1");
        let spine = Spine::of("/targets", &query);
        assert_eq!(spine.nerves, "L3, L4, L5 dorsal ramus");
        let on: Vec<&str> = spine
            .levels
            .iter()
            .flat_map(|level| &level.places)
            .filter(|place| place.on)
            .map(|place| place.value.as_str())
            .collect();
        assert_eq!(on, ["left:L4-5", "right:L5-S1"]);
    }

    #[test]
    fn every_joint_is_there_under_its_region() {
        let spine = Spine::of("/targets", &Query::default());
        assert_eq!(spine.levels.len(), Joint::codes().len());
        let regions: Vec<&str> = spine.levels.iter().filter_map(|it| it.region).collect();
        assert_eq!(regions, ["cervical", "thoracic", "lumbar"]);
    }
}
