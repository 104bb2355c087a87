//! Keyset pages: a page begins after the last key of the one before it, so that no row is lost or seen twice while
//! others are written.

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, at most as many as were asked for.
    pub items: Vec<T>,
    /// Whether there were more when the page was read.
    pub more: bool,
}

impl<T> Page<T> {
    /// A page of at most `limit` out of one row more than that, as it was asked of the database.
    pub(super) fn of(mut rows: Vec<T>, limit: u32) -> Page<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Page { items: rows, more }
    }

    /// The page with each row turned into something else.
    ///
    /// # Errors
    /// The first one of `turn`.
    pub(super) fn try_map<U, E>(self, turn: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        let items = self
            .items
            .into_iter()
            .map(turn)
            .collect::<Result<Vec<U>, E>>()?;
        Ok(Page {
            items,
            more: self.more,
        })
    }
}

/// How many rows to ask for so that [`Page::of`] can tell whether there are more.
pub(super) fn one_more(limit: u32) -> i64 {
    i64::from(limit).saturating_add(1)
}
