//! One definition for each closed list of terms: the variants, their codes and the way back.

use std::fmt;

/// A code that the vocabulary does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCode {
    /// What was given.
    pub given: String,
    /// Every code that would have been accepted, in the order of the vocabulary.
    pub accepted: Vec<&'static str>,
}

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "“{}” is not one of {}",
            self.given,
            self.accepted.join(", ")
        )
    }
}

impl std::error::Error for UnknownCode {}

/// A closed list of terms with stable codes.
pub trait Vocabulary: Sized + Copy + 'static {
    /// The name of the list, as a type is named.
    const NAME: &'static str;
    /// Every code.
    fn codes() -> &'static [&'static str];
    /// The code of one term.
    fn code_of(self) -> &'static str;
    /// Reads a code back.
    ///
    /// # Errors
    /// [`UnknownCode`] when `code` is none of [`Self::codes`].
    fn read(code: &str) -> Result<Self, UnknownCode>;
}

/// Defines an enumeration whose variants have stable `lower_snake_case` codes on the wire and in the database.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal, $label:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every term, in the order of the vocabulary.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// The codes of [`Self::ALL`], in the same order.
            pub const CODES: &'static [&'static str] = &[$($code,)+];

            /// The stable code of the term, as on the wire and in the database.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $($name::$variant => $code,)+ }
            }

            /// The term in words for a reader.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)+ }
            }

            /// Reads a code back.
            ///
            /// # Errors
            /// [`UnknownCode`](crate::domain::UnknownCode) with the accepted codes, when `code` is none of them.
            pub fn from_code(code: &str) -> std::result::Result<Self, $crate::domain::UnknownCode> {
                match code {
                    $($code => Ok($name::$variant),)+
                    _ => Err($crate::domain::UnknownCode { given: code.to_owned(), accepted: Self::CODES.to_vec() }),
                }
            }
        }

        impl $crate::domain::Vocabulary for $name {
            const NAME: &'static str = stringify!($name);
            fn codes() -> &'static [&'static str] {
                Self::CODES
            }
            fn code_of(self) -> &'static str {
                self.code()
            }
            fn read(code: &str) -> std::result::Result<Self, $crate::domain::UnknownCode> {
                Self::from_code(code)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }
    };
}
pub(crate) use vocabulary;
