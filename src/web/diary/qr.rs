//! An address as a QR code.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// An address as one `<svg>` of a QR code, dark on light in either theme, so that every camera reads it; empty where it
/// is too long for one. It is named by `label`, which is escaped.
#[must_use]
pub fn qr_svg(url: &str, label: &str) -> String {
    let Ok(code) = QrCode::with_error_correction_level(url, EcLevel::M) else {
        return String::new();
    };
    let drawn = code
        .render::<svg::Color<'_>>()
        .quiet_zone(true)
        .min_dimensions(240, 240)
        .dark_color(svg::Color("#101a1f"))
        .light_color(svg::Color("#ffffff"))
        .build();
    // Without the XML declaration, which does not belong into a page.
    let svg = drawn.find("<svg").and_then(|place| drawn.get(place..));
    let name = label
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    svg.unwrap_or_default().replacen(
        "<svg",
        &format!("<svg class=\"qr\" role=\"img\" aria-label=\"{name}\""),
        1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_one_drawing() {
        let svg = qr_svg("https://medial.example.org/d/abc", "A \"<link>\"");
        assert!(
            svg.starts_with(
                "<svg class=\"qr\" role=\"img\" aria-label=\"A &quot;&lt;link>&quot;\""
            )
        );
        assert_eq!(svg.matches("<svg").count(), 1);
        assert!(!svg.contains("style=") && !svg.contains("<script"));
        assert_eq!(qr_svg(&"x".repeat(8000), ""), "");
    }
}
