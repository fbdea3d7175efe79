//! Round trips: measured, forecast, predicted where nobody measured, and turned into choices.
//!
//! What one exchange taught us is a [`Sample`]; what they say together is an [`Estimator`] (for deadlines) and
//! a [`History`] (for people: the number beside a peer and the line under it). Over a [`Series`] the [`Forecaster`]
//! says what comes next and how sure that is, the [`ChangeDetector`] that the level moved, the [`Spread`] how good the
//! chances are to be fast. Where nobody measured, a [`Coordinate`] found by [`Position`] predicts, and
//! [`whom_to_probe`] says where measuring pays. From these come the choices: [`choose`] a source or a race,
//! neighbours ([`Arrivals`]), a middle for a route ([`middles_to_test`]). [`Comparison`] says whether any of it helps,
//! [`Budget`] what exploring may cost.
//!
//! Peers are a type parameter, time and randomness are arguments, and the bits are the same in wasm and native.

#![forbid(unsafe_code)]

mod bandit;
mod budget;
mod change;
mod completion;
mod control;
mod coordinate;
mod estimator;
mod forecast;
mod hearsay;
mod history;
mod neighbours;
mod pings;
mod position;
mod random;
mod rating;
mod routes;
mod sample;
mod series;
mod sources;
mod spread;
mod survey;

pub use bandit::{FEATURES, Features, LinUcb, features};
pub use budget::{Budget, DUPLICATES_FIRST, DUPLICATES_PER_USEFUL};
pub use change::{ChangeDetector, WITNESSES};
pub use completion::{ANSWER_MIN, GOODPUT_FIRST, Goodput, Work, patience};
pub use control::{CONTROL_SHARE, Comparison, Group, OUTCOMES_MAX, OUTCOMES_MIN, Saved, draw};
pub use coordinate::{COORDINATE_LEN, Coordinate, CoordinateError, DIMENSIONS, EXTENT_MAX, HEIGHT_MIN};
pub use estimator::{Estimator, RTO_INITIAL, RTO_MAX, RTO_MIN};
pub use forecast::{Forecast, Forecaster};
pub use hearsay::{AUTHORS_MAX, DIGEST_LEN_MAX, Digest, Hearsay};
pub use history::{History, MEDIAN_OF, SAMPLES_MAX};
pub use neighbours::{
    ANCHORS, Arrivals, LATENESS_MAX_MS, LINKS_ACCEPTED_MAX, LINKS_KEPT, LINKS_NEAR, LINKS_OPENED, NEAR_POOL, explore,
    first_links,
};
pub use pings::{Pingable, whom_to_ping};
pub use position::{Position, REFERENCES_MAX, SETTLING_STEPS};
pub use random::Random;
pub use rating::{CHANCE_MIN, Deed, Rating};
pub use routes::{Leg, Middle, Route, TESTS_MAX, middles_to_test};
pub use sample::{Rtt, Sample};
pub use series::{SERIES_LEN_MAX, Series};
pub use sources::{Choice, Effort, RACE_MAX, SOURCES_MAX, Source, choose};
pub use spread::{BINS, Spread};
pub use survey::{Candidate, whom_to_probe};
