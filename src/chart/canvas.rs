//! What the charts draw on: `plotters` with coordinates in whole numbers, and the frame of the finished markup.

use super::palette;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordi32;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::element::{Circle, Polygon, Rectangle, Text};
use plotters::prelude::{Cartesian2d, DrawingArea, IntoDrawingArea, LineSeries, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, ShapeStyle, TextStyle};
use std::fmt::Write as _;
use std::ops::Range;

/// What drawing ends with. It writes to memory and does not fail; the library asks nevertheless.
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A place on the canvas, in units of the view box.
pub(super) type Place = (i32, i32);

/// The text's family where no style sheet says otherwise. The first is the one that the PDF carries.
const FAMILY: &str = "Open Sans, Segoe UI, Helvetica, Arial, sans-serif";

/// What stands for [`FAMILY`] while drawing: the finished markup names it once.
const FAMILY_MARK: &str = "family";

/// Where a text is held.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hold {
    Left,
    Middle,
    Right,
}

/// What stands at a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    Disc,
    Ring,
    Square,
    OpenSquare,
    Triangle,
}

/// What charts draw on.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// A part of the canvas with coordinates of its own, clipped to nothing.
pub(super) struct Plot<'a> {
    area: DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordi32, RangedCoordi32>>,
}

/// A colour of the palette as the library wants it.
fn rgb(hex: &str) -> RGBColor {
    let digits = u32::from_str_radix(hex.trim_start_matches('#'), 16).unwrap_or(0);
    let [_, red, green, blue] = digits.to_be_bytes();
    RGBColor(red, green, blue)
}

fn stroke(colour: &str, width: u32) -> ShapeStyle {
    ShapeStyle {
        color: rgb(colour).to_rgba(),
        filled: false,
        stroke_width: width,
    }
}

fn fill(colour: &str) -> ShapeStyle {
    rgb(colour).filled()
}

impl<'a> Canvas<'a> {
    /// One line of text; `at` is its middle in height.
    pub(super) fn text(&self, at: Place, hold: Hold, size: u32, colour: &str, text: &str) -> Drawn {
        let held = match hold {
            Hold::Left => HPos::Left,
            Hold::Middle => HPos::Center,
            Hold::Right => HPos::Right,
        };
        // The library divides a size by 1.24 before it writes it.
        #[expect(
            clippy::float_arithmetic,
            reason = "a size of text; no score is computed"
        )]
        let font = (FAMILY_MARK, f64::from(size) * 1.24).into_font();
        let colour = rgb(colour);
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(held, VPos::Center));
        self.area.draw(&Text::new(printable(text), at, style))
    }

    /// A filled rectangle.
    pub(super) fn bar(&self, from: Place, to: Place, colour: &str) -> Drawn {
        self.area.draw(&Rectangle::new([from, to], fill(colour)))
    }

    /// A line through `points`.
    pub(super) fn line(&self, points: Vec<Place>, colour: &str, width: u32) -> Drawn {
        let series = LineSeries::new(points, stroke(colour, width));
        series
            .into_iter()
            .try_for_each(|element| self.area.draw(&element))
    }

    /// A marker around `at`.
    pub(super) fn marker(&self, (x, y): Place, marker: Marker, colour: &str) -> Drawn {
        let square = |half: i32, style: ShapeStyle| {
            Rectangle::new([(x - half, y - half), (x + half, y + half)], style)
        };
        match marker {
            Marker::Disc => self.area.draw(&Circle::new((x, y), 4, fill(colour))),
            Marker::Ring => {
                self.area
                    .draw(&Circle::new((x, y), 4, fill(palette::PAPER)))?;
                self.area.draw(&Circle::new((x, y), 4, stroke(colour, 2)))
            }
            Marker::Square => self.area.draw(&square(4, fill(colour))),
            Marker::OpenSquare => {
                self.area.draw(&square(4, fill(colour)))?;
                self.area.draw(&square(2, fill(palette::PAPER)))
            }
            Marker::Triangle => {
                let corners = vec![(x - 5, y - 4), (x + 5, y - 4), (x, y + 5)];
                self.area.draw(&Polygon::new(corners, fill(colour)))
            }
        }
    }

    /// Coordinates of their own: `x` runs over a range of pixels, `y` from a bottom to a top.
    pub(super) fn plot(
        &self,
        (x, across): (Range<i32>, Range<i32>),
        (y, (bottom, top)): (Range<i32>, (i32, i32)),
    ) -> Plot<'a> {
        let coordinates = Cartesian2d::new(x, y, (across, bottom..top));
        Plot {
            area: self.area.apply_coord_spec(coordinates),
        }
    }
}

impl Plot<'_> {
    /// Where a point lies on the canvas.
    pub(super) fn at(&self, point: (i32, i32)) -> Place {
        self.area.map_coordinate(&point)
    }
}

/// What surrounds a drawing.
pub(super) struct Frame<'a> {
    /// Width and height of the view box.
    pub(super) size: (u32, u32),
    /// The prefix of the ids.
    pub(super) id: &'a str,
    /// Its class beside `chart`.
    pub(super) class: &'a str,
    /// What it shows, in a few words.
    pub(super) title: &'a str,
    /// The same as the drawing in words; empty where the title says it all.
    pub(super) words: &'a str,
}

impl Frame<'_> {
    /// The finished markup around what `draw` draws.
    pub(super) fn around(&self, draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> String {
        let mut drawing = String::new();
        let canvas = Canvas {
            area: SVGBackend::with_string(&mut drawing, self.size).into_drawing_area(),
        };
        let drawn = draw(&canvas).and_then(|()| canvas.area.present());
        drop(canvas);
        // A drawing in memory does not fail; if it ever does, the words are left.
        let drawing = drawn.map_or_else(|_| String::new(), |()| tidied(&drawing));
        let (width, height) = self.size;
        let id = escaped(self.id);
        let mut markup = String::new();
        let _ = write!(
            markup,
            r#"<svg class="chart {}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{id}-t"#,
            self.class
        );
        if !self.words.is_empty() {
            let _ = write!(markup, r#" {id}-d"#);
        }
        let _ = write!(
            markup,
            r#"" xmlns="http://www.w3.org/2000/svg" font-family="{FAMILY}"><title id="{id}-t">{}</title>"#,
            escaped(self.title)
        );
        if !self.words.is_empty() {
            let _ = write!(
                markup,
                r#"<desc id="{id}-d">{}</desc>"#,
                escaped(self.words)
            );
        }
        markup.push_str(&drawing);
        markup.push_str("</svg>");
        markup
    }
}

/// The drawing without its frame and without what goes without saying, and with the dashes that its colours stand for.
fn tidied(drawing: &str) -> String {
    let inner = drawing
        .split_once('>')
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map_or("", |(inner, _)| inner);
    let mut tidy = inner
        .replace('\n', "")
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(&format!(" font-family=\"{FAMILY_MARK}\""), "")
        .replace(" \"/>", "\"/>");
    for (colour, dashes) in palette::DASHES {
        tidy = tidy.replace(
            &format!(" stroke=\"{colour}\""),
            &format!(" stroke=\"{colour}\" stroke-dasharray=\"{dashes}\""),
        );
    }
    tidy
}

/// `text` without characters that no XML document may hold.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))
        .collect()
}

/// `text` as the content of an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
