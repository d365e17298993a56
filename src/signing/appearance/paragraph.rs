//! Text that fits its box, or is refused.

use super::font::Font;
use crate::signing::visible::AppearanceError;

/// Lines stand this far apart, in units of the font size.
const LEADING: f64 = 1.15;
/// How much smaller each try is, in points.
const STEP: f64 = 0.25;

/// A line that will be broken as needed.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub text: String,
    pub weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// Broken lines at the size at which all of them fit.
pub(super) struct Fitted {
    pub size: f64,
    pub lines: Vec<Line>,
}

pub(super) struct Fonts<'a> {
    pub regular: Font<'a>,
    pub bold: Font<'a>,
}

impl<'a> Fonts<'a> {
    pub fn of(&self, weight: Weight) -> &Font<'a> {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    pub fn of_mut(&mut self, weight: Weight) -> &mut Font<'a> {
        match weight {
            Weight::Regular => &mut self.regular,
            Weight::Bold => &mut self.bold,
        }
    }

    /// Height of that many lines.
    pub fn height(&self, lines: usize, size: f64) -> f64 {
        let between = f64::from(u32::try_from(lines.saturating_sub(1)).unwrap_or(u32::MAX)) * LEADING;
        (self.regular.ascent() - self.regular.descent() + between) * size
    }

    pub fn leading(size: f64) -> f64 {
        LEADING * size
    }

    /// Breaks the lines between words at the largest size from `largest` down to `smallest` at which they fit.
    pub fn fit(
        &self,
        lines: &[Line],
        (width, height): (f64, f64),
        (largest, smallest): (f64, f64),
    ) -> Result<Fitted, AppearanceError> {
        let mut size = largest;
        while size >= smallest {
            if let Some(broken) = self.broken(lines, width / size)?
                && self.height(broken.len(), size) <= height + 0.01
            {
                return Ok(Fitted { size, lines: broken });
            }
            size -= STEP;
        }
        let text = |value: f64| format!("{value:.0}");
        Err(AppearanceError::TextDoesNotFit { width: text(width), height: text(height), size: text(smallest) })
    }

    /// `None` when a single word is wider than `width`, given in units of the font size.
    fn broken(&self, lines: &[Line], width: f64) -> Result<Option<Vec<Line>>, AppearanceError> {
        let mut broken = Vec::new();
        for line in lines {
            let font = self.of(line.weight);
            let mut current = String::new();
            for word in line.text.split_whitespace() {
                if font.width(word)? > width {
                    return Ok(None);
                }
                let longer = if current.is_empty() { word.to_owned() } else { format!("{current} {word}") };
                if font.width(&longer)? <= width {
                    current = longer;
                } else {
                    broken.push(Line { text: std::mem::replace(&mut current, word.to_owned()), ..line.clone() });
                }
            }
            if !current.is_empty() {
                broken.push(Line { text: current, ..line.clone() });
            }
        }
        Ok(Some(broken))
    }
}
