//! Lengths on a page.

use serde::{Deserialize, Serialize};

/// The largest page of ISO 32000-1 Annex C is 14,400 points.
const LARGEST: f64 = 20_000.0;

/// A length in points (1/72 inch), kept in thousandths so that it is the same after storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Points(i32);

impl Points {
    pub const fn whole(points: i16) -> Self {
        Self(points as i32 * 1000)
    }

    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl TryFrom<f64> for Points {
    type Error = &'static str;

    fn try_from(points: f64) -> Result<Self, Self::Error> {
        if points.is_finite() && points.abs() <= LARGEST {
            // Within 2e7, so nothing is cut off.
            #[allow(clippy::cast_possible_truncation)]
            Ok(Self((points * 1000.0).round() as i32))
        } else {
            Err("a length is between -20000 and 20000 points")
        }
    }
}

impl From<Points> for f64 {
    fn from(points: Points) -> Self {
        points.value()
    }
}
