//! Sites that procedures are chosen by.

/// The sites at which procedures were performed that somebody asks for, by their names. No name restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sites(Vec<String>);

impl Sites {
    /// Of these names, each once and in the order of the alphabet.
    #[must_use]
    pub fn of(names: impl IntoIterator<Item = impl Into<String>>) -> Sites {
        let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        Sites(names)
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether no site is named, so that a procedure at any, or at none that is known, is chosen.
    #[must_use]
    pub fn are_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a procedure at this site is chosen.
    #[must_use]
    pub fn admit(&self, site: Option<&str>) -> bool {
        self.are_any() || site.is_some_and(|site| self.0.iter().any(|name| name == site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_names_is_enough_and_no_name_takes_everything() {
        let any = Sites::default();
        assert!(any.are_any() && any.admit(None) && any.admit(Some("A")));
        let two = Sites::of(["North, ward 2", "A", "A"]);
        assert_eq!(two.names(), ["A", "North, ward 2"]);
        assert!(two.admit(Some("A")) && two.admit(Some("North, ward 2")));
        assert!(!two.admit(Some("North")) && !two.admit(None));
    }
}
