//! The view for terminals: first the answer, then why.

use std::fmt::Write as _;

use super::card::{Card, State};
use super::markup::is_harmless;
use super::view::{Row, Verdict, View};
use super::words::Word;
use crate::validation::report::Severity;

/// Widest label in either language, in letters.
const LABEL_WIDTH: usize = 24;

/// The whole report of one file; ends with an empty line.
pub fn write(view: &View) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{} {} — {}", view.verdict.sign(), shout(view), printable(&view.file));
    match view.verdict {
        Verdict::NotChecked => {
            let why = view.why.as_deref().unwrap_or(view.lead);
            let _ = writeln!(out, "    {}", printable(why));
        }
        _ => {
            let _ = writeln!(out, "    {}", view.lead);
        }
    }
    for card in &view.cards {
        write_card(&mut out, card, view);
    }
    if !view.cards.is_empty() {
        let _ = writeln!(out);
        for row in view.about.iter().chain(&view.trust) {
            write_row(&mut out, "  ", row);
        }
    }
    out.push('\n');
    out
}

/// The answer in capitals.
fn shout(view: &View) -> String {
    view.verdict.word(view.language).to_uppercase()
}

fn write_card(out: &mut String, card: &Card, view: &View) {
    let verdict = card.verdict.word(view.language).to_lowercase();
    let _ = writeln!(out, "\n  {} {}: {verdict} ({})", card.verdict.sign(), card.title, card.standard);
    if let Some(why) = &card.why {
        let _ = writeln!(out, "      {}: {}", Word::Why.say(view.language), printable(why));
    }
    if let Some(what_to_do) = card.what_to_do {
        let _ = writeln!(out, "      {}: {what_to_do}", Word::WhatToDo.say(view.language));
    }
    for row in &card.rows {
        write_row(out, "      ", row);
    }
    if let Some(tree) = &card.tree {
        write_row(out, "      ", &Row::new(Word::ChainTitle.say(view.language), tree.path.join(" ← ")));
        let origin = tree.roots.first().map(|root| root.origin.as_str()).unwrap_or_default();
        write_row(out, "      ", &Row::new("", format!("({origin})")));
    }
    for change in &card.changes {
        let page = change.page.as_ref().map(|page| format!(" ({page})")).unwrap_or_default();
        let line = format!("{}: {}{page}", change.word, change.text);
        let _ = writeln!(out, "      {} {}", change_sign(change.state), printable(&line));
        let _ = writeln!(out, "          {}", printable(&change.paths.join(", ")));
    }
    for remark in &card.remarks {
        let sign = match remark.severity {
            Severity::Error => "✗",
            Severity::Warning => "!",
            Severity::Info => "·",
        };
        let _ = writeln!(out, "      {sign} {}", printable(&remark.text));
    }
}

fn change_sign(state: State) -> &'static str {
    match state {
        State::Good => "+",
        State::Unsure => "!",
        State::Bad => "✗",
    }
}

fn write_row(out: &mut String, indent: &str, row: &Row) {
    let padding = " ".repeat(LABEL_WIDTH.saturating_sub(row.label.chars().count()));
    let _ = writeln!(out, "{indent}{}{padding}  {}", row.label, printable(row.value.trim_end()));
}

/// Text from files must not steer the terminal nor turn the writing direction.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2J\u{202e}b"), "a\u{fffd}[2J\u{fffd}b");
    }
}
