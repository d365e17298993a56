//! `kyso` (*ký số*): a remote digital-signature service and an offline verifier.

#![deny(unsafe_code)]

pub mod crypto;
pub mod domain;
pub mod formats;
pub mod signing;
pub mod validation;

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod authorization;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "custody")]
pub mod custody;
#[cfg(feature = "dev-pki")]
pub mod dev_pki;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "cli")]
pub mod mapping;
#[cfg(feature = "server")]
pub mod service;
#[cfg(feature = "server")]
pub mod storage;
