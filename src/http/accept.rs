//! Which of several forms of an answer a client prefers.

/// The form that `accept` prefers: the highest weight, the first offered of equals, and the first without a word about it.
/// `None` where it takes none of them.
#[must_use]
pub fn preferred<T: Copy>(accept: Option<&str>, offered: &[(&str, T)]) -> Option<T> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offered.first().map(|(_, form)| *form);
    };
    let mut best: Option<(u16, T)> = None;
    for (media_type, form) in offered {
        let weight = weight(accept, media_type);
        if weight > best.map_or(0, |(highest, _)| highest) {
            best = Some((weight, *form));
        }
    }
    best.map(|(_, form)| form)
}

/// The weight, in thousandths, that `accept` gives to a media type: that of the range that names it most closely.
fn weight(accept: &str, media_type: &str) -> u16 {
    let group = media_type.split('/').next().unwrap_or_default();
    let closeness = |range: &str| match range.split_once('/') {
        Some(("*", "*")) => 1,
        Some((of, "*")) if of.eq_ignore_ascii_case(group) => 2,
        _ if range.eq_ignore_ascii_case(media_type) => 3,
        _ => 0,
    };
    let ranges = accept.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let closeness = closeness(parts.next().unwrap_or_default());
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        (closeness, weight.map_or(1000, thousandths))
    });
    let named = ranges.filter(|(closeness, _)| *closeness > 0);
    let (_, weight) = named
        .max_by_key(|(closeness, _)| *closeness)
        .unwrap_or((0, 0));
    weight
}

/// `0.8` as 800; what is no weight as nothing.
fn thousandths(weight: &str) -> u16 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let decimals: String = decimals.chars().chain("000".chars()).take(3).collect();
    match (whole, decimals.parse::<u16>()) {
        ("0", Ok(decimals)) => decimals,
        ("1", Ok(0)) => 1000,
        _ => 0,
    }
}
