//! The jobs room.

pub mod exports;
