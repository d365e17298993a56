//! What an import would add, remove and change, compared with what is installed.

use super::facts::day;
use super::payload::{Anchor, Payload};
use super::signed::Fingerprint;
use crate::formats::crl::CertificateList;
use crate::formats::x509::Certificate;
use crate::validation::report::Language;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub sign: Sign,
    pub what: What,
    /// Who or what, with a fingerprint where there is one; never translated.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Added,
    Removed,
    Changed,
}

impl Sign {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "-",
            Self::Changed => "~",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Number,
    Publisher,
    Dates,
    Anchor,
    AnchorLimit,
    AnchorNote,
    Intermediate,
    Crl,
    Policy,
    Successor,
}

impl What {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Publisher => "publisher",
            Self::Dates => "dates",
            Self::Anchor => "anchor",
            Self::AnchorLimit => "anchor-limit",
            Self::AnchorNote => "anchor-note",
            Self::Intermediate => "intermediate",
            Self::Crl => "crl",
            Self::Policy => "policy",
            Self::Successor => "successor",
        }
    }

    fn words(self, language: Language) -> &'static str {
        let (vietnamese, english) = match self {
            Self::Number => ("số gói", "number"),
            Self::Publisher => ("đơn vị phát hành", "publisher"),
            Self::Dates => ("ngày phát hành … hạn cập nhật", "issued … due"),
            Self::Anchor => ("gốc tin cậy", "trusted root"),
            Self::AnchorLimit => ("giới hạn tên của gốc tin cậy", "name limits of the trusted root"),
            Self::AnchorNote => ("ghi chú nguồn của gốc tin cậy", "source note of the trusted root"),
            Self::Intermediate => ("chứng thư trung gian", "intermediate certificate"),
            Self::Crl => ("danh sách thu hồi (CRL)", "revocation list"),
            Self::Policy => ("chính sách kiểm tra", "validation policy"),
            Self::Successor => ("đơn vị phát hành kế tiếp", "succeeding publisher"),
        };
        if language == Language::Vietnamese { vietnamese } else { english }
    }
}

impl Change {
    pub fn text(&self, language: Language) -> String {
        format!("{} {}: {}", self.sign.as_str(), self.what.words(language), self.detail)
    }
}

/// Every difference, the weightiest kinds first. Without an installed bundle everything is new.
pub fn between(installed: Option<&Payload>, new: &Payload) -> Vec<Change> {
    let mut changes = head(installed, new);
    let old = |pick: fn(&Payload) -> &[Anchor]| installed.map(pick).unwrap_or_default();
    let old_anchors = old(|payload| &payload.anchors);
    sets(What::Anchor, old_anchors, &new.anchors, |anchor| anchor.certificate.der(), name_anchor, &mut changes);
    for anchor in &new.anchors {
        let before = old_anchors.iter().find(|before| before.certificate == anchor.certificate);
        changes.extend(before.into_iter().flat_map(|before| anchor_changes(before, anchor)));
    }
    let (old_certificates, old_lists) =
        installed.map(|payload| (&payload.intermediates[..], &payload.crls[..])).unwrap_or_default();
    sets(What::Intermediate, old_certificates, &new.intermediates, Certificate::der, name_certificate, &mut changes);
    sets(What::Crl, old_lists, &new.crls, CertificateList::der, name_list, &mut changes);
    let old_successors = installed.map(|payload| &payload.successors[..]).unwrap_or_default();
    sets(What::Successor, old_successors, &new.successors, |f| f, Fingerprint::to_string, &mut changes);
    changes
}

fn head(installed: Option<&Payload>, new: &Payload) -> Vec<Change> {
    let policy = |payload: &Payload| payload.policy.as_ref().map(|p| format!("{} ({})", p.name, p.sha256));
    let number = |payload: &Payload| Some(payload.number.to_string());
    let publisher = |payload: &Payload| Some(payload.publisher.clone());
    let dates = |payload: &Payload| {
        let english = Language::English;
        Some(format!("{} … {}", day(payload.issued, english), day(payload.next_update, english)))
    };
    let single = |what, of: &dyn Fn(&Payload) -> Option<String>| one(what, installed.and_then(of), of(new));
    let parts = [
        single(What::Number, &number),
        single(What::Publisher, &publisher),
        single(What::Dates, &dates),
        single(What::Policy, &policy),
    ];
    parts.into_iter().flatten().collect()
}

fn one(what: What, old: Option<String>, new: Option<String>) -> Option<Change> {
    let (sign, detail) = match (old, new) {
        (old, new) if old == new => return None,
        (None, Some(new)) => (Sign::Added, new),
        (Some(old), None) => (Sign::Removed, old),
        (Some(old), Some(new)) => (Sign::Changed, format!("{old} → {new}")),
        (None, None) => return None,
    };
    Some(Change { sign, what, detail })
}

/// Limits weigh more than notes, and both are told even where the certificate stays.
fn anchor_changes(before: &Anchor, after: &Anchor) -> Vec<Change> {
    let limit = |anchor: &Anchor| anchor.limit.as_ref().map(|(der, _)| der.clone());
    let mut changes = Vec::new();
    if limit(before) != limit(after) {
        let sign = match (&before.limit, &after.limit) {
            (None, _) => Sign::Added,
            (_, None) => Sign::Removed,
            _ => Sign::Changed,
        };
        changes.push(Change { sign, what: What::AnchorLimit, detail: name_anchor(after) });
    }
    if before.note != after.note {
        let detail = format!("{}: {} → {}", after.certificate.subject(), before.note, after.note);
        changes.push(Change { sign: Sign::Changed, what: What::AnchorNote, detail });
    }
    changes
}

fn sets<'a, T, K: PartialEq + ?Sized + 'a>(
    what: What,
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&'a T) -> &'a K,
    name: impl Fn(&T) -> String,
    changes: &mut Vec<Change>,
) {
    let lacks = |items: &'a [T], item: &'a T| !items.iter().any(|other| key(other) == key(item));
    let change = |sign, item: &T| Change { sign, what, detail: name(item) };
    changes.extend(old.iter().filter(|item| lacks(new, item)).map(|item| change(Sign::Removed, item)));
    changes.extend(new.iter().filter(|item| lacks(old, item)).map(|item| change(Sign::Added, item)));
}

fn name_anchor(anchor: &Anchor) -> String {
    name_certificate(&anchor.certificate)
}

fn name_certificate(certificate: &Certificate) -> String {
    format!("{} (SHA-256 {})", certificate.subject(), Fingerprint::of(certificate))
}

fn name_list(crl: &CertificateList) -> String {
    format!("{}, {}", crl.issuer(), day(crl.this_update(), Language::English))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing::payload;
    use crate::formats::x509::testing::Issuer;

    fn told(changes: &[Change]) -> Vec<(Sign, What)> {
        changes.iter().map(|change| (change.sign, change.what)).collect()
    }

    #[test]
    fn first_bundle_is_new_in_everything_and_the_same_one_changes_nothing() {
        let all = between(None, &payload(1));
        assert!(all.iter().all(|change| change.sign == Sign::Added));
        assert_eq!(all.iter().filter(|change| change.what == What::Anchor).count(), 2);
        assert_eq!(between(Some(&payload(1)), &payload(1)), []);
    }

    #[test]
    fn swapped_anchor_and_lifted_limit_are_told_with_fingerprints() {
        let mut new = payload(2);
        let other = Issuer::root("Other").certificate;
        new.anchors[0].certificate = other.clone();
        new.anchors[1].limit = None;
        new.policy = None;
        let changes = between(Some(&payload(1)), &new);
        let expected = [
            (Sign::Changed, What::Number),
            (Sign::Removed, What::Policy),
            (Sign::Removed, What::Anchor),
            (Sign::Added, What::Anchor),
            (Sign::Removed, What::AnchorLimit),
        ];
        assert_eq!(told(&changes), expected);
        assert!(changes[3].text(Language::Vietnamese).starts_with("+ gốc tin cậy: CN=Other (SHA-256 "));
        assert!(changes[3].detail.contains(&Fingerprint::of(&other).to_string()));
    }
}
