//! What every report tells of what it rests on: where the anchors came from, how old the bundle is, which policy judged.

use serde::Serialize;
use time::{OffsetDateTime, UtcOffset, macros::format_description};

use super::payload::Payload;
use super::signed::{Bundle, Fingerprint};
use crate::validation::NamedPolicy;
use crate::validation::report::{Code, Language, Message};

/// What a report rests on. Serialises as the `trust` and `policy` members of a report's JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    pub trust: TrustFacts,
    pub policy: PolicyFacts,
}

/// Where the anchors came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrustFacts {
    pub source: Source,
    /// Anchors in use.
    pub anchors: usize,
    /// The installed bundle. Where the anchors were given, only its intermediates and CRLs help.
    pub bundle: Option<BundleFacts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The caller named files.
    Given,
    Bundle,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleFacts {
    pub number: u64,
    pub publisher: String,
    /// SHA-256 of the publisher's certificate.
    pub publisher_sha256: Fingerprint,
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// Whole days from the issue to the validation time; 0 when that is earlier.
    pub age_days: i64,
    pub state: State,
    pub anchors: usize,
    pub intermediates: usize,
    pub crls: usize,
    /// SHA-256 of the content.
    pub sha256: String,
}

/// How a bundle stands to the validation time and to the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Current,
    /// The validation time is after next_update.
    Outdated,
    /// The clock is before the day of issue: one of the two is wrong.
    FromTheFuture,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyFacts {
    pub name: String,
    /// SHA-256 of its canonical form.
    pub sha256: String,
    pub source: String,
}

impl From<&NamedPolicy> for PolicyFacts {
    fn from(policy: &NamedPolicy) -> Self {
        Self { name: policy.name.clone(), sha256: policy.sha256.clone(), source: policy.source.clone() }
    }
}

impl BundleFacts {
    /// The facts at the validation time `at`; `clock` is what the machine believes the time is.
    pub fn new(bundle: &Bundle, at: OffsetDateTime, clock: OffsetDateTime) -> Self {
        let payload = bundle.payload();
        Self {
            number: payload.number,
            publisher: payload.publisher.clone(),
            publisher_sha256: Fingerprint::of(bundle.publisher()),
            issued: payload.issued,
            next_update: payload.next_update,
            age_days: age(payload.issued, at),
            state: State::of(payload, at, clock),
            anchors: payload.anchors.len(),
            intermediates: payload.intermediates.len(),
            crls: payload.crls.len(),
            sha256: bundle.sha256().to_owned(),
        }
    }

    /// The same facts with the age at another validation time: that of a run which goes on on a later day.
    #[must_use]
    pub fn aged(self, at: OffsetDateTime) -> Self {
        Self { age_days: age(self.issued, at), ..self }
    }

    /// Why the anchors are not to be relied on, if so; for [`crate::validation::Evidence::anchors_in_doubt`].
    pub fn doubt(&self) -> Option<Message> {
        let code = match self.state {
            State::Current => return None,
            State::Outdated => Code::TrustBundleOutdated,
            State::FromTheFuture => Code::TrustBundleFromTheFuture,
        };
        let (issued, due) = (day(self.issued, Language::English), day(self.next_update, Language::English));
        Some(Message::error(code).detail(format!("№ {} ({issued} … {due}), {} d", self.number, self.age_days)))
    }

    /// Number, publisher, dates, age and counts in one sentence.
    pub fn sentence(&self, language: Language) -> String {
        let Self { number, publisher, age_days, anchors, .. } = self;
        let (issued, due) = (day(self.issued, language), day(self.next_update, language));
        match language {
            Language::Vietnamese => format!(
                "gói tin cậy số {number} của {publisher}, phát hành {issued} ({age_days} ngày), hạn cập nhật {due}{}, \
                 {anchors} gốc tin cậy",
                match self.state {
                    State::Current => "",
                    State::Outdated => " — ĐÃ QUÁ HẠN",
                    State::FromTheFuture => " — ĐỒNG HỒ MÁY SAI",
                }
            ),
            Language::English => format!(
                "trust bundle {number} by {publisher}, issued {issued} ({age_days} days old), due {due}{}, {anchors} trusted roots",
                match self.state {
                    State::Current => "",
                    State::Outdated => " — OUT OF DATE",
                    State::FromTheFuture => " — THE CLOCK IS WRONG",
                }
            ),
        }
    }
}

fn age(issued: OffsetDateTime, at: OffsetDateTime) -> i64 {
    (at - issued).whole_days().max(0)
}

impl State {
    fn of(payload: &Payload, at: OffsetDateTime, clock: OffsetDateTime) -> Self {
        if clock < payload.issued {
            Self::FromTheFuture
        } else if at > payload.next_update {
            Self::Outdated
        } else {
            Self::Current
        }
    }
}

impl Basis {
    /// The label and sentence on the anchors, then those on the policy.
    pub fn sentences(&self, language: Language) -> [(&'static str, String); 2] {
        let vietnamese = language == Language::Vietnamese;
        let given = self.trust.anchors;
        let trust = match (self.trust.source, &self.trust.bundle) {
            (Source::Bundle, Some(bundle)) => bundle.sentence(language),
            (Source::Given, bundle) => {
                let own = if vietnamese {
                    format!("{given} gốc tin cậy do người kiểm tra chỉ định")
                } else {
                    format!("{given} trusted roots given with --trust")
                };
                let not_used = bundle.as_ref().map(|bundle| {
                    if vietnamese {
                        format!("; không dùng gốc của gói tin cậy số {}", bundle.number)
                    } else {
                        format!("; the roots of trust bundle {} are not used", bundle.number)
                    }
                });
                own + &not_used.unwrap_or_default()
            }
            _ if vietnamese => "không có gốc tin cậy nào".to_owned(),
            _ => "no trusted roots".to_owned(),
        };
        let policy = &self.policy;
        let short = policy.sha256.get(..16).unwrap_or_default();
        let policy = format!("{} ({short}…): {}", policy.name, policy.source);
        let labels = if vietnamese { ["Căn cứ tin cậy", "Chính sách kiểm tra"] } else { ["Trust", "Policy"] };
        let [trust_label, policy_label] = labels;
        [(trust_label, trust), (policy_label, policy)]
    }
}

/// A day as people write it; in Vietnamese on Viet Nam's clocks.
pub fn day(time: OffsetDateTime, language: Language) -> String {
    match language {
        Language::Vietnamese => {
            time.to_offset(time::macros::offset!(+7)).format(format_description!("[day]/[month]/[year]"))
        }
        Language::English => time.to_offset(UtcOffset::UTC).format(format_description!("[year]-[month]-[day]")),
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing::{DUE, ISSUED, NOW, Publisher, payload};
    use time::Duration;

    fn facts(at: OffsetDateTime, clock: OffsetDateTime) -> BundleFacts {
        BundleFacts::new(&Publisher::new("Publisher").bundle(&payload(7)), at, clock)
    }

    #[test]
    fn bundle_is_outdated_the_second_after_its_date_and_says_its_age() {
        assert_eq!(facts(DUE, DUE).doubt(), None);
        let late = facts(DUE + Duration::SECOND, DUE + Duration::SECOND);
        let message = late.doubt().expect("doubt");
        assert_eq!((late.state, message.code), (State::Outdated, Code::TrustBundleOutdated));
        assert!(message.text(Language::English).contains("№ 7 (2026-05-01 … 2026-08-01), 92 d"));
        assert!(late.sentence(Language::Vietnamese).contains("92 ngày"));
    }

    #[test]
    fn run_that_goes_on_later_tells_the_age_of_its_validation_time() {
        let (first, later) = (facts(NOW, NOW), facts(NOW + Duration::DAY, NOW + Duration::DAY));
        assert_eq!(later.age_days, first.age_days + 1);
        assert_eq!(later.aged(NOW), first);
    }

    #[test]
    fn clock_before_the_day_of_issue_is_told_even_where_the_validation_time_is_given() {
        assert_eq!(facts(NOW, ISSUED - Duration::SECOND).state, State::FromTheFuture);
        assert_eq!(
            facts(ISSUED - Duration::DAY, NOW).state,
            State::Current,
            "a time of the past is judged by today's anchors"
        );
    }

    #[test]
    fn given_anchors_say_that_the_bundles_are_not_used() {
        let trust = TrustFacts { source: Source::Given, anchors: 1, bundle: Some(facts(NOW, NOW)) };
        let policy = PolicyFacts::from(&NamedPolicy::strict().expect("strict"));
        let basis = Basis { trust, policy };
        let [(_, trust), (_, policy)] = basis.sentences(Language::English);
        assert!(trust.contains("bundle 7 are not used"), "{trust}");
        assert!(policy.starts_with("strict ("), "{policy}");
        let json = serde_json::to_value(&basis).expect("JSON");
        assert_eq!(json["trust"]["bundle"]["state"], "current");
        assert_eq!(json["trust"]["bundle"]["issued"], "2026-05-01T00:00:00Z");
    }
}
