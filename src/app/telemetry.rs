//! Logs: one line an event on standard error, `KYSO_LOG` sets the level. No secret type can print itself, so none gets here.

use tracing_subscriber::EnvFilter;

/// Starts logging; a second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_env("KYSO_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only fails when logging was started before, as tests in one process do.
    let _ = subscriber.try_init();
}
