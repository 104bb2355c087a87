//! Every query, and everything that knows there are two databases.
//!
//! * [`Database`] opens SQLite or PostgreSQL by the URL's scheme and runs work in transactions: [`Database::read`],
//!   [`Database::write`].
//! * [`queries`] has one module for each noun. Every function takes the transaction and the organization first, so
//!   that no query can forget whose records it may see.
//! * [`rows`] turns table rows into domain values and back; callers see [`Stored`] domain values.
//! * `dialect` holds every difference between the two databases.

mod conn;
mod dialect;
mod error;
mod maintenance;
mod migrate;
mod page;
mod pool;
pub mod queries;
pub mod rows;
pub mod schema;
mod sql;
mod tx;
mod writer;

pub use conn::Url;
pub use dialect::DatabaseKind;
pub use error::DbError;
pub use maintenance::Inspection;
pub use page::Page;
pub use pool::{Database, DatabaseSettings, Synchronous};
pub use rows::{Stored, Withdrawal};
pub use tx::Tx;

/// The result of a query.
pub type Result<T> = std::result::Result<T, DbError>;
