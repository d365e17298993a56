//! The document for people: one page, no script, nothing from elsewhere.

use askama::Template;
use axum::response::Response;

use super::super::confirm::{self, CSS_URL, Language};
use super::super::problem::{self, Problem};
use super::document::{by_status, places};
use super::operation::{Auth, Operation, Place, Tag, Text};
use super::schemas::schemas;
use super::table::operations;

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    vi: bool,
    css: &'static str,
    version: &'static str,
    groups: Vec<Group>,
    problems: &'static [&'static Problem],
    shapes: Vec<(String, String)>,
}

struct Group {
    id: &'static str,
    title: &'static str,
    entries: Vec<Entry>,
}

struct Entry {
    id: &'static str,
    method: String,
    paths: Vec<String>,
    summary: &'static str,
    auth: &'static str,
    parameters: Vec<(&'static str, &'static str, &'static str)>,
    body: Option<(&'static str, &'static str)>,
    answers: Vec<(u16, &'static str, Option<&'static str>)>,
    faults: Vec<(u16, Vec<&'static str>)>,
}

pub fn answer(language: Language) -> Response {
    let vi = language == Language::Vi;
    let all = operations();
    let group = |tag: Tag| Group {
        id: tag.name(),
        title: pick(vi, tag.about()),
        entries: all.iter().filter(|one| one.tag == tag).map(|one| entry(one, vi)).collect(),
    };
    let shape = |(name, schema)| (name, serde_json::to_string_pretty(&schema).unwrap_or_default());
    let docs = Docs {
        vi,
        css: &CSS_URL,
        version: env!("CARGO_PKG_VERSION"),
        groups: Tag::ALL.map(group).into(),
        problems: problem::ALL,
        shapes: schemas().into_iter().map(shape).collect(),
    };
    // A template of plain values always renders; an empty page would be seen at once.
    confirm::answer(docs.render().unwrap_or_default(), None)
}

fn pick(vi: bool, text: Text) -> &'static str {
    if vi { text.vi } else { text.en }
}

fn entry(operation: &Operation, vi: bool) -> Entry {
    let place = |place| match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    Entry {
        id: operation.id,
        method: operation.method.to_uppercase(),
        paths: places(operation).into_iter().map(|(path, _)| path).collect(),
        summary: pick(vi, operation.summary),
        auth: match operation.auth {
            Auth::Bearer => "Authorization: Bearer …",
            Auth::Client => "client_id + client_secret",
            Auth::Open => "—",
        },
        parameters: operation.parameters.iter().map(|one| (one.name, place(one.place), one.about)).collect(),
        body: operation.body.map(|body| (body.media, body.schema)),
        answers: operation
            .answers
            .iter()
            .map(|one| (one.status, one.about, one.body.map(|(_, schema)| schema)))
            .collect(),
        faults: by_status(operation)
            .into_iter()
            .map(|(status, rows)| (status, rows.iter().map(|row| row.code).collect()))
            .collect(),
    }
}
