//! Judging results: metrics that name their protocol, sanity rows, intervals, and reports that can be compared.

pub mod compare;
pub mod protocol;
pub mod report;
