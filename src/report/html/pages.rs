//! The pages before and after, what differs framed, and the same in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::drawn::{Comparison, Drawn, Limit, PagePair, Picture, Region, Side};
use super::super::markup::Markup;
use super::super::plot;
use super::super::view::View;
use super::super::words::Word;
use crate::validation::report::Language;

/// Most places of one page shown enlarged, the largest.
const MOST_ENLARGED: usize = 3;
/// Air around an enlarged place, and how wide and high the cut is at least, in pixels of the picture.
const AIR: u32 = 24;
const LEAST_CUT: (u32, u32) = (300, 60);

/// `name` sets the parts of one file apart from those of others.
pub(super) fn write(article: &mut Markup, view: &View, name: &str) {
    let language = view.language;
    let changed = view.cards.iter().any(|card| !card.changes.is_empty());
    let sentence = match &view.drawn {
        Drawn::Nothing if view.timeline.steps.is_empty() => return,
        Drawn::NotInThisBuild | Drawn::NotDrawable | Drawn::NeedsPassword | Drawn::Nothing if !changed => {
            Some(Word::PagesNothing)
        }
        Drawn::NotInThisBuild => Some(Word::PagesNotInBuild),
        Drawn::NeedsPassword => Some(Word::PagesNeedPassword),
        Drawn::NotDrawable | Drawn::Nothing => Some(Word::PagesNotDrawable),
        Drawn::Compared(_) => None,
    };
    article.element("section", &[("class", "pages")], |section| {
        section.line("h2", &[], Word::PagesTitle.say(language));
        if let Some(sentence) = sentence {
            section.line("p", &[], sentence.say(language));
        }
        if let Drawn::Compared(comparisons) = &view.drawn {
            for comparison in comparisons {
                write_comparison(section, comparison, name, language);
            }
        }
    });
}

fn write_comparison(section: &mut Markup, comparison: &Comparison, name: &str, language: Language) {
    section.line("h3", &[], &Word::PagesOf.with(language, &[&comparison.signature.to_string()]));
    for line in lines(comparison, language) {
        section.line("p", &[], &line);
    }
    for pair in &comparison.different {
        let name = format!("{name}-s{}-p{}", comparison.signature, pair.number);
        section.element("figure", &[], |figure| write_pair(figure, pair, &name, language));
    }
}

/// What was compared, in sentences.
fn lines(comparison: &Comparison, language: Language) -> Vec<String> {
    let numbers = |pages: &[usize]| pages.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let different: Vec<usize> = comparison.different.iter().map(|pair| pair.number).collect();
    let mut lines = Vec::new();
    if let Some((before, now)) = comparison.page_counts.filter(|(before, now)| before != now) {
        lines.push(Word::PagesCount.with(language, &[&before.to_string(), &now.to_string()]));
    }
    if !comparison.compared.is_empty() {
        let compared = numbers(&comparison.compared);
        lines.push(match different.as_slice() {
            [] => Word::PagesSame.with(language, &[&compared]),
            different => Word::PagesDiffer.with(language, &[&compared, &numbers(different)]),
        });
    }
    if !comparison.failed.is_empty() {
        lines.push(Word::PagesFailed.with(language, &[&numbers(&comparison.failed)]));
    }
    lines.extend(comparison.left_out.map(|limit| {
        let word = match limit {
            Limit::Pages => Word::PagesLimit,
            Limit::Time => Word::PagesTime,
            Limit::Size => Word::PagesSize,
        };
        word.say(language).to_owned()
    }));
    lines
}

/// One side of a page.
struct Half<'p> {
    side: Word,
    looks: &'p Side,
    pair: &'p PagePair,
    /// The picture's name in the file, by which enlargements refer to it.
    id: String,
    language: Language,
}

fn write_pair(figure: &mut Markup, pair: &PagePair, name: &str, language: Language) {
    let half = |side, looks, end| Half { side, looks, pair, id: format!("{name}-{end}"), language };
    let halves = [half(Word::PageBefore, &pair.before, "a"), half(Word::PageAfter, &pair.after, "b")];
    figure.element("div", &[("class", "pair")], |row| {
        for half in &halves {
            row.element("div", &[], |place| half.write(place));
        }
    });
    for region in largest(&pair.regions) {
        figure.element("div", &[("class", "pair cut")], |row| {
            for half in &halves {
                let Some(picture) = half.looks.picture() else { continue };
                row.element("div", &[], |place| half.write_cut(place, picture, region));
            }
        });
    }
    figure.element("figcaption", &[], |caption| write_caption(caption, pair, language));
}

fn write_caption(caption: &mut Markup, pair: &PagePair, language: Language) {
    caption.line("strong", &[], &Word::PageNumber.with(language, &[&pair.number.to_string()]));
    let pictures = [&pair.before, &pair.after].into_iter().filter_map(Side::picture);
    let Some(picture) = pictures.max_by_key(|picture| picture.height) else { return };
    if pair.regions.is_empty() {
        return;
    }
    caption.text(" · ");
    caption.text(&Word::PageRegions.with(language, &[&pair.regions.len().to_string()]));
    caption.element("ol", &[], |list| {
        for region in &pair.regions {
            list.line("li", &[], &region_words(region, picture, language));
        }
    });
}

impl Half<'_> {
    fn write(&self, place: &mut Markup) {
        place.line("p", &[("class", "side")], self.side.say(self.language));
        match self.looks {
            Side::Shown(picture) => self.write_picture(place, picture),
            Side::Absent => place.line("p", &[("class", "absent")], Word::PageAbsent.say(self.language)),
            Side::NotDrawn => place.line("p", &[("class", "absent")], Word::PageNotDrawn.say(self.language)),
        }
    }

    /// A picture in words: its page and its side.
    fn label(&self, word: Word) -> String {
        let side = self.side.say(self.language).to_lowercase();
        word.with(self.language, &[&self.pair.number.to_string(), &side])
    }

    fn write_picture(&self, place: &mut Markup, picture: &Picture) {
        let [width, height] = [picture.width.to_string(), picture.height.to_string()];
        let (view_box, label) = (format!("0 0 {width} {height}"), self.label(Word::PictureOf));
        place.element("svg", &[("viewBox", &view_box), ("role", "img"), ("aria-label", &label)], |svg| {
            let data = format!("data:image/png;base64,{}", STANDARD.encode(&picture.png));
            svg.empty("image", &[("id", &self.id), ("href", &data), ("width", &width), ("height", &height)]);
            for region in &self.pair.regions {
                frame(svg, region);
            }
        });
    }

    /// One place of a picture that is in the file already, enlarged.
    fn write_cut(&self, place: &mut Markup, picture: &Picture, region: &Region) {
        let width = region.width.saturating_add(2 * AIR).max(LEAST_CUT.0).min(picture.width);
        let height = region.height.saturating_add(2 * AIR).max(LEAST_CUT.1).min(picture.height);
        let start = |from: u32, length: u32, cut: u32, whole: u32| {
            from.saturating_sub(cut.saturating_sub(length) / 2).min(whole.saturating_sub(cut))
        };
        let x = start(region.x, region.width, width, picture.width);
        let y = start(region.y, region.height, height, picture.height);
        let (view_box, label) = (format!("{x} {y} {width} {height}"), self.label(Word::CutOf));
        place.element("svg", &[("viewBox", &view_box), ("role", "img"), ("aria-label", &label)], |svg| {
            svg.empty("use", &[("href", &format!("#{}", self.id))]);
            frame(svg, region);
        });
    }
}

/// The largest places that are small enough for enlarging to help, from top to bottom.
fn largest(regions: &[Region]) -> Vec<&Region> {
    let size = |region: &&Region| u64::from(region.width) * u64::from(region.height);
    let mut chosen: Vec<&Region> = regions.iter().filter(|region| region.height <= 200).collect();
    chosen.sort_by_key(|region| std::cmp::Reverse(size(region)));
    chosen.truncate(MOST_ENLARGED);
    chosen.sort_by_key(|region| (region.y, region.x));
    chosen
}

fn region_words(region: &Region, picture: &Picture, language: Language) -> String {
    let share = |part: u32, whole: u32| {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        (plot::share(size(part), size(whole)) / 100).to_string()
    };
    let (top, left) = (share(region.y, picture.height), share(region.x, picture.width));
    let (width, height) = (share(region.width, picture.width), share(region.height, picture.height));
    Word::PageRegion.with(language, &[&top, &left, &width, &height])
}

fn frame(svg: &mut Markup, region: &Region) {
    let [x, y, width, height] = [region.x, region.y, region.width, region.height].map(|number| number.to_string());
    let frame = [("class", "region"), ("x", x.as_str()), ("y", &y), ("width", &width), ("height", &height)];
    svg.empty("rect", &frame);
}
