//! How long a judgement takes.

fn main() {}
