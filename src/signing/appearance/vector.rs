//! SVG pictures as PDF paths. Plain colours only; what cannot be drawn faithfully is refused.

use roxmltree::{Document, ParsingOptions};
use usvg::tiny_skia_path::PathSegment;
use usvg::{FillRule, Group, LineCap, LineJoin, Node, Options, Paint, Path, Transform, Tree};

use super::canvas::Canvas;
use crate::signing::visible::{AppearanceError, Colour};

/// Elements and attributes of the document.
const NODES: u32 = 20_000;
/// Nesting; keeps recursion within the stack of a worker thread.
const DEPTH: usize = 64;
/// Segments of all paths; a detailed coat of arms has some 10,000.
const SEGMENTS: usize = 200_000;
/// What would run, fetch, or need fonts or other decoders; `use` could multiply without end.
const REFUSED: [(&str, &str); 8] = [
    ("script", "an SVG with a script"),
    ("foreignObject", "an SVG with foreign content"),
    ("image", "an SVG with an image inside"),
    ("text", "an SVG with text; convert it to outlines"),
    ("use", "an SVG with use elements; convert them to paths"),
    ("filter", "an SVG with filters"),
    ("mask", "an SVG with masks"),
    ("pattern", "an SVG with patterns"),
];

/// A drawing in its own units, origin in the upper left corner.
#[derive(Debug)]
pub(super) struct Vector(Tree);

impl Vector {
    pub fn read(bytes: &[u8]) -> Result<Self, AppearanceError> {
        let refused = |why| Err(AppearanceError::Image(why));
        let Ok(text) = std::str::from_utf8(bytes) else { return refused("it is neither PNG, JPEG nor SVG") };
        // Entities could grow without end; nesting is bounded before anything recurses.
        let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES, ..ParsingOptions::default() };
        if text.matches('<').count() > usize::try_from(NODES).unwrap_or(usize::MAX) || depth(text) > DEPTH {
            return Err(AppearanceError::TooLarge { what: "the nesting or number of SVG elements", limit: DEPTH });
        }
        let Ok(document) = Document::parse_with_options(text, options) else {
            return refused("it is neither PNG, JPEG nor a well-formed SVG without DTD");
        };
        for node in document.descendants() {
            let name = node.tag_name().name();
            if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
                return refused(why);
            }
            if node.attributes().any(|a| a.name() == "href" && !a.value().starts_with('#')) {
                return refused("an SVG with references to elsewhere");
            }
        }
        let Ok(tree) = Tree::from_xmltree(&document, &Options::default()) else {
            return refused("the SVG cannot be read");
        };
        check(tree.root(), &mut 0)?;
        Ok(Self(tree))
    }

    pub fn size(&self) -> (f64, f64) {
        (f64::from(self.0.size().width()), f64::from(self.0.size().height()))
    }

    pub fn draw(&self, canvas: &mut Canvas) {
        group(self.0.root(), canvas);
    }
}

/// Deepest nesting, counted before parsing: opening less closing tags.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest) = (0usize, 0usize);
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        match tag.as_bytes().first() {
            Some(b'/') => now = now.saturating_sub(1),
            Some(b'!' | b'?') => {}
            _ if tag.ends_with('/') => {}
            _ => now += 1,
        }
        deepest = deepest.max(now);
    }
    deepest
}

fn check(group: &Group, segments: &mut usize) -> Result<(), AppearanceError> {
    let plain = group.opacity().get() == 1.0 && group.clip_path().is_none() && group.mask().is_none();
    if !plain || !group.filters().is_empty() {
        return Err(AppearanceError::Image("an SVG with transparency, clipping or filters"));
    }
    for node in group.children() {
        match node {
            Node::Group(inner) => check(inner, segments)?,
            Node::Path(path) => {
                *segments += path.data().len();
                if *segments > SEGMENTS {
                    return Err(AppearanceError::TooLarge { what: "the SVG in path segments", limit: SEGMENTS });
                }
                let fill = path.fill().map(|fill| (fill.paint(), fill.opacity()));
                let stroke = path.stroke().map(|stroke| (stroke.paint(), stroke.opacity()));
                for (paint, opacity) in fill.into_iter().chain(stroke) {
                    if !matches!(paint, Paint::Color(_)) || opacity.get() != 1.0 {
                        return Err(AppearanceError::Image("an SVG with gradients or transparent colours"));
                    }
                }
            }
            _ => return Err(AppearanceError::Image("an SVG with images or text inside")),
        }
    }
    Ok(())
}

fn group(group: &Group, canvas: &mut Canvas) {
    for node in group.children() {
        match node {
            Node::Group(inner) => self::group(inner, canvas),
            Node::Path(path) if path.is_visible() => draw(path, canvas),
            _ => {}
        }
    }
}

fn draw(path: &Path, canvas: &mut Canvas) {
    let Transform { sx, kx, ky, sy, tx, ty } = path.abs_transform();
    canvas.raw("q");
    canvas.op(&[sx, ky, kx, sy, tx, ty].map(f64::from), "cm");
    if let Some(fill) = path.fill() {
        canvas.fill(colour(fill.paint()));
    }
    if let Some(stroke) = path.stroke() {
        canvas.stroke(colour(stroke.paint()));
        canvas.op(&[f64::from(stroke.width().get())], "w");
        canvas.op(
            &[match stroke.linecap() {
                LineCap::Butt => 0.0,
                LineCap::Round => 1.0,
                LineCap::Square => 2.0,
            }],
            "J",
        );
        canvas.op(
            &[match stroke.linejoin() {
                LineJoin::Round => 1.0,
                LineJoin::Bevel => 2.0,
                _ => 0.0,
            }],
            "j",
        );
        canvas.op(&[f64::from(stroke.miterlimit().get())], "M");
        if let Some(dashes) = stroke.dasharray() {
            canvas.raw("[");
            canvas.op(&dashes.iter().map(|dash| f64::from(*dash)).collect::<Vec<_>>(), "]");
            canvas.op(&[f64::from(stroke.dashoffset())], "d");
        }
    }
    outline(path, canvas);
    let even_odd = path.fill().is_some_and(|fill| fill.rule() == FillRule::EvenOdd);
    canvas.raw(match (path.fill().is_some(), path.stroke().is_some(), even_odd) {
        (true, true, false) => "B",
        (true, true, true) => "B*",
        (true, false, false) => "f",
        (true, false, true) => "f*",
        (false, true, _) => "S",
        (false, false, _) => "n",
    });
    canvas.raw("Q");
}

fn outline(path: &Path, canvas: &mut Canvas) {
    let mut last = (0.0, 0.0);
    for segment in path.data().segments() {
        let point = |p: usvg::tiny_skia_path::Point| (f64::from(p.x), f64::from(p.y));
        match segment {
            PathSegment::MoveTo(p) => {
                last = point(p);
                canvas.op(&[last.0, last.1], "m");
            }
            PathSegment::LineTo(p) => {
                last = point(p);
                canvas.op(&[last.0, last.1], "l");
            }
            PathSegment::QuadTo(c, p) => {
                let ((cx, cy), end) = (point(c), point(p));
                let third = |from: f64, to: f64| from + (to - from) * 2.0 / 3.0;
                let (a, b) = ((third(last.0, cx), third(last.1, cy)), (third(end.0, cx), third(end.1, cy)));
                canvas.op(&[a.0, a.1, b.0, b.1, end.0, end.1], "c");
                last = end;
            }
            PathSegment::CubicTo(a, b, p) => {
                let (a, b) = (point(a), point(b));
                last = point(p);
                canvas.op(&[a.0, a.1, b.0, b.1, last.0, last.1], "c");
            }
            PathSegment::Close => canvas.raw("h"),
        }
    }
}

fn colour(paint: &Paint) -> Colour {
    match paint {
        Paint::Color(c) => Colour { red: c.red, green: c.green, blue: c.blue },
        _ => Colour::BLACK,
    }
}
