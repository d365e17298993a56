//! (to be written)

#[cfg(feature = "server")]
pub mod render;
#[cfg(feature = "net")]
pub mod sign;
