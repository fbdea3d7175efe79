//! Round trips: measured, smoothed, kept.
//!
//! What one exchange taught us is a [`Sample`]; what they say together is an [`Estimator`] (for deadlines) and
//! a [`History`] (for people: the number beside a peer and the line under it). Everything is integer
//! microseconds, so that two machines that saw the same samples agree on every bit.

#![forbid(unsafe_code)]

mod estimator;
mod history;
mod sample;

pub use estimator::{Estimator, RTO_INITIAL, RTO_MAX, RTO_MIN};
pub use history::{History, MEDIAN_OF, SAMPLES_MAX};
pub use sample::{Rtt, Sample};
