//! `kyso verify --report html` on documents the service signed: what a reader sees of a forgery.

mod support;

use std::path::Path;

use support::{Portal, Sandbox, kyso, sample, shared, stderr, stdout, with_page_changed};

async fn signed(sandbox: &Sandbox) -> Vec<u8> {
    Portal::connect(sandbox).await.sign("ec-p256", &sample("hop-dong-dich-vu.pdf")).await
}

/// The report and the exit code.
fn report(sandbox: &Sandbox, folder: &Path, bytes: &[u8], language: &str) -> (String, Option<i32>) {
    let file = folder.join("document.pdf");
    std::fs::write(&file, bytes).expect("written");
    let (trust, crl) = (sandbox.says("/trust_anchor"), sandbox.says("/crl"));
    let file = file.to_str().expect("a path");
    let output = kyso(&["verify", "--trust", trust, "--crl", crl, "--report", "html", "--lang", language, file]);
    assert_eq!(stderr(&output), "");
    (stdout(&output), output.status.code())
}

fn parse(page: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(page, options).expect("well-formed")
}

fn count(document: &roxmltree::Document<'_>, name: &str, class: Option<&str>) -> usize {
    let fits = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name(name) && class.is_none_or(|class| node.attribute("class") == Some(class))
    };
    document.descendants().filter(fits).count()
}

#[tokio::test]
async fn changed_page_is_shown_before_and_after_and_framed() {
    let sandbox = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let forged = with_page_changed(&signed(&sandbox).await);
    for (language, words) in [("vi", "Không hợp lệ"), ("en", "Not valid")] {
        let (page, code) = report(&sandbox, folder.path(), &forged, language);
        assert_eq!(code, Some(1));
        let document = parse(&page);
        assert!(page.contains(&format!("<h1 id=\"f1-answer\">{words}</h1>")), "{page}");
        assert_eq!((count(&document, "image", None), count(&document, "figure", None)), (2, 1));
        assert!(count(&document, "rect", Some("region")) >= 2);
        assert_eq!(count(&document, "script", None), 0);
    }
}

#[tokio::test]
async fn untouched_document_shows_its_chain_its_anchor_and_until_when_the_proof_lasts() {
    let sandbox = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let (page, code) = report(&sandbox, folder.path(), &signed(&sandbox).await, "en");
    assert_eq!(code, Some(0));
    let document = parse(&page);
    assert!(page.contains(&format!("from a file given: {}", sandbox.says("/trust_anchor"))), "{page}");
    assert!(page.contains("The proof lasts until ") || page.contains("The proof ended on "), "{page}");
    assert!(page.contains("Nguyễn Văn An"));
    assert!(count(&document, "div", Some("node good")) >= 3, "signer, authority and root");
    assert_eq!(count(&document, "figure", None), 0);
}
