//! Searching: parameters are read into conditions, what can meet them is read by the shortest way, and what does is given out
//! a page at a time, as far as the token reaches.

mod answer;
mod conditions;
mod date;
mod endpoints;
mod everything;
mod find;
mod include;
mod kept;
mod lastn;
mod matching;
mod narrow;
mod observed;
mod operation;
pub mod parameters;
mod request;
mod shape;
mod sort;
mod walk;
mod wanted;
mod way;

pub(super) use answer::{Place, search};
pub use conditions::{Conditions, Reading};
pub(super) use endpoints::{by_get, endpoints, of_type};
pub use include::{includes, reverse_includes};
pub(super) use matching::matching;
pub(super) use shape::Shape;
