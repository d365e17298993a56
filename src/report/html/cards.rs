//! One card a signature, with its certification paths.

use super::super::card::{Card, ChangeLine, Remark};
use super::super::chain::{Node, Tree};
use super::super::markup::Markup;
use super::super::words::Word;
use super::{state_class, verdict_class, write_chip, write_rows};
use crate::validation::report::{Language, Severity};

pub(super) fn write(list: &mut Markup, card: &Card, language: Language) {
    let class = format!("card {}", verdict_class(card.verdict));
    list.element("section", &[("class", &class)], |section| {
        section.element("div", &[("class", "head")], |head| {
            head.element("h3", &[], |title| {
                title.text(&card.title);
                if let Some(who) = &card.who {
                    title.text(" · ");
                    title.line("span", &[("class", "who")], who);
                }
            });
            write_chip(head, card.verdict, language);
        });
        section.line("p", &[("class", "standard quiet")], &card.standard);
        for (label, text) in [(Word::Why, card.why.as_deref()), (Word::WhatToDo, card.what_to_do)] {
            let Some(text) = text else { continue };
            section.element("p", &[], |p| {
                p.line("strong", &[], &format!("{}: ", label.say(language)));
                p.text(text);
            });
        }
        marks(section, card);
        write_rows(section, card.rows.iter());
        if let Some(tree) = &card.tree {
            write_tree(section, tree, language);
        }
        if !card.changes.is_empty() {
            section.line("h4", &[], Word::ChangesTitle.say(language));
            section.element("ul", &[("class", "changes")], |list| {
                for change in &card.changes {
                    write_change(list, change);
                }
            });
        }
        if !card.remarks.is_empty() {
            section.line("h4", &[], Word::Remarks.say(language));
            section.element("ul", &[("class", "remarks")], |list| {
                for remark in &card.remarks {
                    write_remark(list, remark);
                }
            });
        }
    });
}

fn marks(section: &mut Markup, card: &Card) {
    section.element("ul", &[("class", "marks")], |list| {
        for mark in &card.marks {
            list.element("li", &[("class", state_class(mark.state))], |item| {
                item.line("span", &[("class", "sign"), ("aria-hidden", "true")], mark.state.sign());
                item.line("span", &[("class", "label")], mark.label);
                item.line("strong", &[], mark.word);
            });
        }
    });
}

fn write_tree(section: &mut Markup, tree: &Tree, language: Language) {
    section.line("h4", &[], Word::ChainTitle.say(language));
    let class = format!("lead {}", state_class(tree.state));
    section.element("p", &[("class", &class)], |lead| {
        lead.line("span", &[("aria-hidden", "true")], tree.state.sign());
        lead.text(" ");
        lead.text(tree.lead);
    });
    nest(section, &tree.roots, language);
}

/// Each certificate holds what it issued. Paths are at most sixteen long.
fn nest(parent: &mut Markup, nodes: &[Node], language: Language) {
    if nodes.is_empty() {
        return;
    }
    parent.element("ul", &[("class", "tree")], |list| {
        for node in nodes {
            list.element("li", &[], |item| {
                let class = format!("node {}", state_class(node.state));
                item.element("div", &[("class", &class)], |inside| write_node(inside, node, language));
                nest(item, &node.issued, language);
            });
        }
    });
}

fn write_node(inside: &mut Markup, node: &Node, language: Language) {
    inside.line("span", &[("class", "role")], node.role);
    inside.line("strong", &[], &node.name);
    inside.line("span", &[("class", "origin")], &node.origin);
    for line in node.validity.iter().chain(&node.status) {
        inside.line("span", &[("class", "quiet")], line);
    }
    for (label, value) in [(Word::Serial, &node.serial), (Word::Fingerprint, &node.fingerprint)] {
        let Some(value) = value else { continue };
        inside.element("span", &[("class", "quiet code")], |line| {
            line.text(label.say(language));
            line.text(" ");
            line.text(value);
        });
    }
}

fn write_change(list: &mut Markup, change: &ChangeLine) {
    list.element("li", &[("class", state_class(change.state))], |item| {
        item.line("span", &[("aria-hidden", "true")], change.state.sign());
        item.text(" ");
        item.line("strong", &[], change.word);
        item.text(": ");
        item.text(&change.text);
        if let Some(page) = &change.page {
            item.text(&format!(" ({page})"));
        }
        item.line("code", &[], &change.paths.join(" · "));
    });
}

fn write_remark(list: &mut Markup, remark: &Remark) {
    let class = match remark.severity {
        Severity::Error => "bad",
        Severity::Warning => "unsure",
        Severity::Info => "note",
    };
    list.element("li", &[("class", class)], |item| {
        item.line("strong", &[], remark.word);
        item.text(": ");
        item.text(&remark.text);
        item.line("code", &[], remark.code);
    });
}
