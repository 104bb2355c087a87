//! SQL put together at run time, for the few queries whose shape depends on the request.

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bind {
    Text(String),
    Int(i32),
    Big(i64),
}

impl From<&str> for Bind {
    fn from(value: &str) -> Bind {
        Bind::Text(value.to_owned())
    }
}

impl From<String> for Bind {
    fn from(value: String) -> Bind {
        Bind::Text(value)
    }
}

impl From<i32> for Bind {
    fn from(value: i32) -> Bind {
        Bind::Int(value)
    }
}

impl From<i64> for Bind {
    fn from(value: i64) -> Bind {
        Bind::Big(value)
    }
}

/// A statement and its values. Values only ever enter through [`Sql::bind`], never through the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    text: String,
    binds: Vec<Bind>,
}

impl Sql {
    /// Adds text; `&'static`, so that nothing from a request can get in.
    pub(super) fn push(&mut self, text: &'static str) -> &mut Sql {
        self.text.push_str(text);
        self
    }

    /// Adds a placeholder and its value.
    pub(super) fn bind(&mut self, value: impl Into<Bind>) -> &mut Sql {
        self.text.push('?');
        self.binds.push(value.into());
        self
    }

    /// Adds a parenthesized list of placeholders. An empty list matches nothing.
    pub(super) fn bind_list<T: Into<Bind>>(
        &mut self,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Sql {
        self.text.push('(');
        let mut first = true;
        for value in values {
            if !first {
                self.text.push_str(", ");
            }
            first = false;
            self.bind(value);
        }
        if first {
            self.text.push_str("NULL");
        }
        self.text.push(')');
        self
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn binds(&self) -> &[Bind] {
        &self.binds
    }
}
