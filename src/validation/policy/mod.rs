//! Choices a caller may make; every default is the strict one.

/// How a validation judges where the standard leaves a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    pub revocation: RevocationPolicy,
}

/// What the absence of revocation information means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RevocationPolicy {
    /// The standard's rule (EN 319 102-1 §5.2.6): nothing usable means INDETERMINATE / TRY_LATER.
    #[default]
    Require,
    /// Use what is there; turn its absence into a warning.
    IfPresent,
}
