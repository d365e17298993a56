//! The program around the use cases: configuration, wiring, start and stop.
//!
//! Reading order: [`config`] (a file becomes checked values), [`trust`] (its part about trust services), [`system`] (clock and randomness of this machine), [`telemetry`], [`channels`]
//! (how codes leave), [`wiring`] (the only file that names concrete backends), [`sandbox`] and [`citizens`] (who signs there unasked), [`serve`].
//!
//! What this folder does not do: parse arguments or answer requests.

pub mod channels;
pub mod citizens;
pub mod config;
pub mod sandbox;
pub mod serve;
pub mod system;
pub mod telemetry;
pub mod trust;
pub mod wiring;
