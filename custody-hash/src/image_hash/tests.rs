//! Grouped by what can go wrong: the values, the waiting, the failing.

mod agreement;
mod failing;
mod waiting;
