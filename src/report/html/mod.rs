//! The view as one self-contained HTML file: no script, nothing loaded from anywhere, nothing a document says is markup.
//!
//! Reading order: [`document`], then `cards` (signatures and their paths), `charts` (timeline and bars, SVG beside the same in words),
//! `pages` (before and after). The policy in the head allows the one style sheet, by its hash, and pictures inside the file.

mod cards;
mod charts;
mod pages;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::card::State;
use super::markup::Markup;
use super::view::{Row, Verdict, View};
use super::words::Word;
use crate::crypto::DigestAlgorithm;
use crate::validation::report::Language;

const STYLE: &str = include_str!("style.css");

/// The whole file: for several views an index first.
pub fn document(views: &[View], language: Language) -> String {
    let mut html = Markup::default();
    let lang = match language {
        Language::Vietnamese => "vi",
        Language::English => "en",
    };
    html.element("html", &[("lang", lang)], |html| {
        html.element("head", &[], |head| write_head(head, views, language));
        html.element("body", &[], |body| write_body(body, views, language));
    });
    format!("<!DOCTYPE html>\n{}\n", html.finish())
}

fn write_head(head: &mut Markup, views: &[View], language: Language) {
    let hash = STANDARD.encode(DigestAlgorithm::Sha256.digest(STYLE.as_bytes()).as_bytes());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    );
    head.empty("meta", &[("charset", "utf-8")]);
    head.empty("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
    head.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    head.empty("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    head.empty("meta", &[("name", "color-scheme"), ("content", "light")]);
    let title = match views {
        [only] => format!("{} — {}", only.verdict.word(language), only.file),
        _ => Word::ReportTitle.say(language).to_owned(),
    };
    head.line("title", &[], &title);
    head.style(STYLE);
}

fn write_body(body: &mut Markup, views: &[View], language: Language) {
    body.element("header", &[("class", "top")], |top| {
        top.line("span", &[("class", "brand")], "kyso");
        top.line("span", &[("class", "words")], Word::ReportTitle.say(language));
    });
    body.element("main", &[], |main| {
        if views.len() > 1 {
            write_index(main, views, language);
        }
        for (position, view) in views.iter().enumerate() {
            main.element("article", &[("id", &anchor(position))], |article| write_file(article, view, position));
        }
    });
    body.element("footer", &[], |footer| {
        footer.line("p", &[], &Word::MadeBy.with(language, &[env!("CARGO_PKG_VERSION")]));
    });
}

/// The name of a file's part of the page.
fn anchor(position: usize) -> String {
    format!("f{}", position.saturating_add(1))
}

fn write_index(main: &mut Markup, views: &[View], language: Language) {
    let count = |verdict| views.iter().filter(|view| view.verdict == verdict).count().to_string();
    let counts = [
        views.len().to_string(),
        count(Verdict::Valid),
        count(Verdict::NotValid),
        count(Verdict::CannotTell),
        count(Verdict::NotChecked),
    ];
    main.element("nav", &[("class", "index"), ("aria-labelledby", "index")], |nav| {
        nav.line("h1", &[("id", "index")], Word::IndexTitle.say(language));
        nav.line("p", &[], &Word::IndexCount.with(language, &counts.each_ref().map(String::as_str)));
        nav.element("ol", &[], |list| {
            for (position, view) in views.iter().enumerate() {
                list.element("li", &[], |item| {
                    write_chip(item, view.verdict, language);
                    let href = format!("#{}", anchor(position));
                    item.line("a", &[("href", &href)], &view.file);
                    let signers: Vec<&str> = view.cards.iter().filter_map(|card| card.who.as_deref()).take(3).collect();
                    item.line("span", &[("class", "quiet")], &signers.join(", "));
                });
            }
        });
    });
}

fn write_file(article: &mut Markup, view: &View, position: usize) {
    let language = view.language;
    write_answer(article, view, position);
    if !view.timeline.steps.is_empty() {
        charts::timeline(article, &view.timeline, language);
    }
    pages::write(article, view, &anchor(position));
    if !view.cards.is_empty() {
        article.element("section", &[], |section| {
            section.line("h2", &[], Word::SignersTitle.say(language));
            section.element("div", &[("class", "cards")], |list| {
                for card in &view.cards {
                    cards::write(list, card, language);
                }
            });
        });
    }
    if let Some(bars) = &view.bars {
        charts::bars(article, bars, language);
    }
}

fn write_answer(article: &mut Markup, view: &View, position: usize) {
    let language = view.language;
    let title = format!("{}-answer", anchor(position));
    let class = format!("answer {}", verdict_class(view.verdict));
    article.element("section", &[("class", &class), ("aria-labelledby", &title)], |answer| {
        answer.element("div", &[("class", "verdict")], |row| {
            row.line("span", &[("class", "sign"), ("aria-hidden", "true")], view.verdict.sign());
            row.element("div", &[], |text| {
                text.line("h1", &[("id", &title)], view.verdict.word(language));
                text.line("p", &[("class", "file")], &view.file);
            });
        });
        answer.line("p", &[("class", "lead")], view.lead);
        for (label, text) in [(Word::Why, view.why.as_deref()), (Word::WhatToDo, view.what_to_do)] {
            let Some(text) = text else { continue };
            answer.element("p", &[], |p| {
                p.line("strong", &[], &format!("{}: ", label.say(language)));
                p.text(text);
            });
        }
        answer.element("div", &[("class", "about")], |about| {
            write_rows(about, view.about.iter().chain(&view.trust));
        });
    });
}

/// Labels and values.
fn write_rows<'r>(parent: &mut Markup, rows: impl Iterator<Item = &'r Row>) {
    parent.element("dl", &[], |list| {
        for row in rows {
            list.element("div", &[], |pair| {
                pair.line("dt", &[], row.label);
                pair.line("dd", &[], &row.value);
            });
        }
    });
}

fn write_chip(parent: &mut Markup, verdict: Verdict, language: Language) {
    let class = format!("chip {}", verdict_class(verdict));
    parent.element("span", &[("class", &class)], |chip| {
        chip.line("span", &[("aria-hidden", "true")], verdict.sign());
        chip.text(" ");
        chip.text(verdict.word(language));
    });
}

fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "good",
        Verdict::NotValid => "bad",
        Verdict::CannotTell | Verdict::NotChecked => "unsure",
    }
}

fn state_class(state: State) -> &'static str {
    match state {
        State::Good => "good",
        State::Unsure => "unsure",
        State::Bad => "bad",
    }
}
