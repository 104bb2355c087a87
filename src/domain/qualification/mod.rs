//! Who qualifies, by whose criteria, and why.
