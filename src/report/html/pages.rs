//! The pages before and after, what differs framed, and the same in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::drawn::{Comparison, Drawn, Limit, PagePair, Picture, Region};
use super::super::markup::Markup;
use super::super::plot;
use super::super::view::View;
use super::super::words::Word;
use crate::validation::report::Language;

pub(super) fn write(article: &mut Markup, view: &View) {
    let language = view.language;
    let changed = view.cards.iter().any(|card| !card.changes.is_empty());
    let sentence = match &view.drawn {
        Drawn::Nothing if view.timeline.steps.is_empty() => return,
        Drawn::NotInThisBuild | Drawn::NotDrawable | Drawn::Nothing if !changed => Some(Word::PagesNothing),
        Drawn::NotInThisBuild => Some(Word::PagesNotInBuild),
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
                write_comparison(section, comparison, language);
            }
        }
    });
}

fn write_comparison(section: &mut Markup, comparison: &Comparison, language: Language) {
    section.line("h3", &[], &Word::PagesOf.with(language, &[&comparison.signature.to_string()]));
    for line in lines(comparison, language) {
        section.line("p", &[], &line);
    }
    for pair in &comparison.different {
        section.element("figure", &[], |figure| write_pair(figure, pair, language));
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

fn write_pair(figure: &mut Markup, pair: &PagePair, language: Language) {
    let number = pair.number.to_string();
    figure.element("div", &[("class", "pair")], |sides| {
        for (side, picture) in [(Word::PageBefore, &pair.before), (Word::PageAfter, &pair.after)] {
            sides.element("div", &[], |place| {
                place.line("p", &[("class", "side")], side.say(language));
                match picture {
                    Some(picture) => write_picture(place, picture, pair, side, language),
                    None => place.line("p", &[("class", "absent")], Word::PageAbsent.say(language)),
                }
            });
        }
    });
    figure.element("figcaption", &[], |caption| {
        caption.line("strong", &[], &Word::PageNumber.with(language, &[&number]));
        let sides = [&pair.before, &pair.after];
        let Some(picture) = sides.into_iter().flatten().max_by_key(|picture| picture.height) else { return };
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
    });
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

fn write_picture(place: &mut Markup, picture: &Picture, pair: &PagePair, side: Word, language: Language) {
    let [width, height] = [picture.width.to_string(), picture.height.to_string()];
    let view_box = format!("0 0 {width} {height}");
    let label = Word::PictureOf.with(language, &[&pair.number.to_string(), &side.say(language).to_lowercase()]);
    place.element("svg", &[("viewBox", &view_box), ("role", "img"), ("aria-label", &label)], |svg| {
        let data = format!("data:image/png;base64,{}", STANDARD.encode(&picture.png));
        svg.empty("image", &[("href", &data), ("width", &width), ("height", &height)]);
        for region in &pair.regions {
            let [x, y] = [region.x, region.y].map(|number| number.to_string());
            let [width, height] = [region.width, region.height].map(|number| number.to_string());
            let frame = [("class", "region"), ("x", x.as_str()), ("y", &y), ("width", &width), ("height", &height)];
            svg.empty("rect", &frame);
        }
    });
}
