//! The two charts. Their x coordinates are shares of the width, so they fit a phone and a desk alike without shrinking the writing; the
//! list beside each says the same in words.

use super::super::bars::{Bar, BarKind, Bars, MarkKind};
use super::super::card::State;
use super::super::markup::Markup;
use super::super::plot::{WHOLE, percent};
use super::super::timeline::{Look, Step, Timeline};
use super::super::words::Word;
use crate::validation::report::Language;

/// More segments than this are too narrow on a phone to be numbered.
const MOST_NUMBERED: usize = 12;
/// Narrowest bar drawn: an OCSP response of an hour on an axis of ten years.
const LEAST_WIDTH: i64 = 80;

pub(super) fn timeline(article: &mut Markup, timeline: &Timeline, language: Language) {
    article.element("section", &[("class", "timeline")], |section| {
        section.line("h2", &[], Word::TimelineTitle.say(language));
        strip(section, &timeline.steps, language);
        if let Some(left_out) = &timeline.left_out {
            section.line("p", &[("class", "quiet")], left_out);
        }
        section.element("ol", &[], |list| {
            for step in &timeline.steps {
                list.element("li", &[("class", look_class(step.look))], |item| write_step(item, step));
            }
        });
    });
}

fn strip(section: &mut Markup, steps: &[Step], language: Language) {
    let label = Word::TimelineStrip.say(language);
    let attributes = [("class", "strip"), ("width", "100%"), ("height", "40"), ("role", "img"), ("aria-label", label)];
    section.element("svg", &attributes, |svg| {
        for step in steps {
            let (x, width) = (percent(step.place), percent(step.width));
            let class = look_class(step.look);
            svg.empty("rect", &[("class", class), ("x", &x), ("width", &width), ("y", "2"), ("height", "36")]);
            if steps.len() <= MOST_NUMBERED {
                let middle = percent(step.place + step.width / 2);
                let place = [("class", class), ("x", middle.as_str()), ("y", "26"), ("text-anchor", "middle")];
                svg.line("text", &place, &format!("{} {}", step.number, look_sign(step.look)));
            }
        }
    });
}

fn write_step(item: &mut Markup, step: &Step) {
    icon(item, step.look);
    item.element("div", &[], |text| {
        text.element("p", &[], |p| {
            p.line("strong", &[], &step.name);
            p.text(": ");
            p.text(&step.what);
        });
        let wrote = step.wrote.as_ref().map(|wrote| format!("; {wrote}")).unwrap_or_default();
        text.line("p", &[("class", "quiet")], &format!("{}{wrote}", step.size));
    });
}

/// A shape for each look, so that no one has to tell colours apart.
fn icon(item: &mut Markup, look: Look) {
    let attributes = [("class", look_class(look)), ("width", "28"), ("height", "28"), ("aria-hidden", "true")];
    item.element("svg", &attributes, |svg| {
        match look {
            Look::Plain => svg.empty("circle", &[("cx", "14"), ("cy", "14"), ("r", "7")]),
            Look::Signed(_) => svg.empty("circle", &[("cx", "14"), ("cy", "14"), ("r", "12")]),
            Look::Stamped(_) => {
                svg.empty("rect", &[("x", "3"), ("y", "3"), ("width", "22"), ("height", "22"), ("rx", "5")]);
            }
            Look::Data => svg.empty("rect", &[("x", "7"), ("y", "7"), ("width", "14"), ("height", "14")]),
            Look::Suspicious | Look::Forbidden => svg.empty("path", &[("d", "M14 1 27 14 14 27 1 14Z")]),
        }
        let sign = look_sign(look);
        if !sign.is_empty() {
            svg.line("text", &[("x", "14"), ("y", "19"), ("text-anchor", "middle")], sign);
        }
    });
}

fn look_class(look: Look) -> &'static str {
    match look {
        Look::Plain => "plain",
        Look::Signed(State::Good) | Look::Stamped(State::Good) => "good",
        Look::Signed(State::Unsure) | Look::Stamped(State::Unsure) | Look::Suspicious => "unsure",
        Look::Signed(State::Bad) | Look::Stamped(State::Bad) | Look::Forbidden => "bad",
        Look::Data => "data",
    }
}

fn look_sign(look: Look) -> &'static str {
    match look {
        Look::Plain | Look::Data => "",
        Look::Signed(state) | Look::Stamped(state) => state.sign(),
        Look::Suspicious | Look::Forbidden => "!",
    }
}

pub(super) fn bars(article: &mut Markup, bars: &Bars, language: Language) {
    article.element("section", &[("class", "bars")], |section| {
        section.line("h2", &[], Word::BarsTitle.say(language));
        section.line("p", &[("class", "lead")], &bars.lead);
        section.element("ul", &[("class", "legend")], |list| {
            for mark in &bars.marks {
                list.element("li", &[("class", mark_class(mark.kind))], |item| {
                    let attributes = [("width", "14"), ("height", "14"), ("aria-hidden", "true")];
                    item.element("svg", &attributes, |svg| {
                        svg.empty("line", &[("x1", "7"), ("x2", "7"), ("y1", "0"), ("y2", "14")]);
                    });
                    item.text(&mark.text);
                });
            }
        });
        axis(section, bars);
        section.element("ol", &[], |list| {
            for bar in &bars.bars {
                list.element("li", &[], |item| write_bar(item, bar, bars));
            }
        });
    });
}

fn axis(section: &mut Markup, bars: &Bars) {
    let attributes = [("class", "axis"), ("width", "100%"), ("height", "22"), ("aria-hidden", "true")];
    section.element("svg", &attributes, |svg| {
        for (time, text) in &bars.ticks {
            let x = percent(bars.axis.place(*time));
            svg.empty("line", &[("x1", &x), ("x2", &x), ("y1", "16"), ("y2", "22")]);
            svg.line("text", &[("x", &x), ("y", "12"), ("text-anchor", "middle")], text);
        }
    });
}

fn write_bar(item: &mut Markup, bar: &Bar, bars: &Bars) {
    let beyond = bar.beyond.map(|beyond| format!(" ({beyond})")).unwrap_or_default();
    item.line("span", &[("class", "label")], &bar.label);
    item.line("span", &[("class", "quiet")], &format!("{}{beyond}", bar.span));
    let attributes = [("width", "100%"), ("height", "18"), ("aria-hidden", "true")];
    item.element("svg", &attributes, |svg| {
        let (start, end) = (bars.axis.place(bar.start), bars.axis.place(bar.end));
        let start = start.min(WHOLE - LEAST_WIDTH);
        let (x, width) = (percent(start), percent((end - start).max(LEAST_WIDTH)));
        svg.empty("rect", &[("class", "ground"), ("x", "0"), ("y", "8"), ("width", "100%"), ("height", "2")]);
        let class = bar_class(bar.kind);
        svg.empty("rect", &[("class", class), ("x", &x), ("y", "3"), ("width", &width), ("height", "12"), ("rx", "2")]);
        for mark in &bars.marks {
            let x = percent(bars.axis.place(mark.time));
            let class = mark_class(mark.kind);
            svg.empty("line", &[("class", class), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "18")]);
        }
    });
}

fn bar_class(kind: BarKind) -> &'static str {
    match kind {
        BarKind::Certificate => "certificate",
        BarKind::Authority => "authority",
        BarKind::TimeStamp => "stamp",
        BarKind::Revocation => "revocation",
    }
}

fn mark_class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Checked => "checked",
        MarkKind::Proven => "proven",
        MarkKind::Renew => "renew",
    }
}
