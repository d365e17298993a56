//! Where two drawings of a page differ.

use crate::report::drawn::Region;

/// A decoded picture, three bytes a pixel.
#[derive(Debug, Clone)]
pub struct Pixels {
    width: u32,
    height: u32,
    rgb: Vec<[u8; 3]>,
}

/// Edge of the squares that are compared, in pixels.
const CELL: usize = 8;
/// Drawings are made of 16 levels of grey or of colours nearly as coarse; smaller differences are rounding.
const TOLERANCE: u8 = 40;
/// Squares apart that still belong to one region: the gaps between letters and lines.
const REACH: usize = 2;
/// With more regions than this, one frame around all of them tells more.
const MAX_REGIONS: usize = 12;

impl Pixels {
    /// `None` when it is no PNG of the kinds the drawing process writes.
    pub fn decode(png: &[u8]) -> Option<Self> {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().ok()?;
        let mut data = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut data).ok()?;
        let data = data.get(..info.buffer_size())?;
        let rgb = match info.color_type {
            png::ColorType::Grayscale => data.iter().map(|grey| [*grey; 3]).collect(),
            png::ColorType::Rgb => data.as_chunks::<3>().0.to_vec(),
            png::ColorType::Rgba => data.as_chunks::<4>().0.iter().map(|[r, g, b, _]| [*r, *g, *b]).collect(),
            _ => return None,
        };
        Some(Self { width: info.width, height: info.height, rgb })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    /// White beyond the edges.
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let (width, height) = (size(self.width), size(self.height));
        let inside = x < width && y < height;
        let at = y.saturating_mul(width).saturating_add(x);
        self.rgb.get(at).copied().filter(|_| inside).unwrap_or([255; 3])
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Frames around what differs, from top to bottom.
pub fn regions(before: &Pixels, after: &Pixels) -> Vec<Region> {
    let (width, height) = (size(before.width.max(after.width)), size(before.height.max(after.height)));
    let (columns, rows) = (width.div_ceil(CELL), height.div_ceil(CELL));
    let mut open: Vec<bool> = Vec::with_capacity(columns.saturating_mul(rows));
    for row in 0..rows {
        for column in 0..columns {
            open.push(differs(before, after, column, row));
        }
    }
    let mut found = Vec::new();
    for start in 0..open.len() {
        if open.get(start) == Some(&true) {
            found.push(grow(&mut open, start, columns, rows));
        }
    }
    if found.len() > MAX_REGIONS {
        found = found.into_iter().reduce(Cells::around).into_iter().collect();
    }
    found.into_iter().map(|cells| cells.frame(width, height)).collect()
}

fn differs(before: &Pixels, after: &Pixels, column: usize, row: usize) -> bool {
    let (left, top) = (column.saturating_mul(CELL), row.saturating_mul(CELL));
    let pixels = (top..top.saturating_add(CELL)).flat_map(|y| (left..left.saturating_add(CELL)).map(move |x| (x, y)));
    let far = |(x, y): (usize, usize)| {
        let (a, b) = (before.at(x, y), after.at(x, y));
        a.iter().zip(b).any(|(a, b)| a.abs_diff(b) > TOLERANCE)
    };
    pixels.filter(|pixel| far(*pixel)).nth(1).is_some()
}

/// A block of squares, both ends included.
#[derive(Clone, Copy)]
struct Cells {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Cells {
    fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn frame(self, width: usize, height: usize) -> Region {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let (x, y) = (self.left.saturating_mul(CELL), self.top.saturating_mul(CELL));
        let right = self.right.saturating_add(1).saturating_mul(CELL).min(width);
        let bottom = self.bottom.saturating_add(1).saturating_mul(CELL).min(height);
        Region {
            x: number(x),
            y: number(y),
            width: number(right.saturating_sub(x)),
            height: number(bottom.saturating_sub(y)),
        }
    }
}

/// Takes a square and all that are near it, and near those.
fn grow(open: &mut [bool], start: usize, columns: usize, rows: usize) -> Cells {
    let cell = |at: usize| {
        let (column, row) = (at % columns.max(1), at / columns.max(1));
        Cells { left: column, top: row, right: column, bottom: row }
    };
    let mut found = cell(start);
    let mut work = vec![start];
    if let Some(first) = open.get_mut(start) {
        *first = false;
    }
    while let Some(at) = work.pop() {
        let here = cell(at);
        found = found.around(here);
        for row in here.top.saturating_sub(REACH)..=here.top.saturating_add(REACH).min(rows.saturating_sub(1)) {
            for column in
                here.left.saturating_sub(REACH)..=here.left.saturating_add(REACH).min(columns.saturating_sub(1))
            {
                let near = row.saturating_mul(columns).saturating_add(column);
                if let Some(state) = open.get_mut(near).filter(|state| **state) {
                    *state = false;
                    work.push(near);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn white(width: u32, height: u32) -> Pixels {
        Pixels { width, height, rgb: vec![[255; 3]; size(width) * size(height)] }
    }

    fn with_block(x: usize, y: usize) -> Pixels {
        let mut page = white(160, 160);
        for at in 0..16 {
            page.rgb[(y + at / 4) * 160 + x + at % 4] = [0; 3];
        }
        page
    }

    #[test]
    fn like_pages_have_no_region_and_rounding_is_none() {
        let mut close = white(160, 160);
        close.rgb.fill([230; 3]);
        assert_eq!(regions(&white(160, 160), &close), []);
    }

    #[test]
    fn difference_is_framed_where_it_is() {
        let found = regions(&white(160, 160), &with_block(82, 41));
        assert_eq!(found, [Region { x: 80, y: 40, width: 8, height: 8 }]);
    }

    #[test]
    fn page_that_grew_is_white_where_it_was_not() {
        assert_eq!(regions(&white(160, 100), &white(160, 160)), []);
        assert_eq!(regions(&white(40, 40), &with_block(82, 41)).len(), 1);
    }
}
