//! What messages say: the code, how many documents, the first one's fingerprint, who asks, until when, and the warning.
//!
//! A text message is one part: 160 septets of the GSM 7-bit alphabet without accents, or 70 UTF-16 units with them (3GPP
//! TS 23.040). What does not fit is left out from the least needed on; code and fingerprint always stand there. The last line
//! binds the code to the page's origin, so that telephones offer it there and nowhere else ("origin-bound one-time codes").

use unicode_normalization::UnicodeNormalization;

use super::code::Digits;
use crate::domain::Secret;

/// Letters of a text message, and how many fit into one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alphabet {
    /// Without accents, 160 septets.
    #[default]
    Gsm7,
    /// With accents, 70 units.
    Ucs2,
}

impl Alphabet {
    pub fn limit(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Septets or units of a text.
    pub fn length(self, text: &str) -> usize {
        match self {
            // Those of the extension table take two septets.
            Self::Gsm7 => text.chars().map(|c| if "^{}\\[~]|€".contains(c) { 2 } else { 1 }).sum(),
            Self::Ucs2 => text.encode_utf16().count(),
        }
    }

    fn write(self, text: &str) -> String {
        match self {
            Self::Gsm7 => without_accents(text),
            Self::Ucs2 => text.nfc().filter(|c| !c.is_control()).collect(),
        }
    }
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Registered name of the portal.
    pub portal: String,
    /// None when the signer only says who they are: such a code signs nothing, and its message says so.
    pub documents: usize,
    /// Of the first document.
    pub fingerprint: String,
    /// Life of the code.
    pub minutes: i64,
}

/// Shortest piece of a portal's name that still tells something.
const NAME_ROOM: usize = 10;

/// The whole text message, in one part. `host` is that of the page; none leaves the last line out.
pub fn sms(alphabet: Alphabet, facts: &Facts, code: &Secret, host: Option<&str>) -> Secret {
    let last = host.map(|host| format!("\n@{host} #{}", code.expose())).unwrap_or_default();
    let room = alphabet.limit().saturating_sub(alphabet.length(&last));
    let fitting = variants(alphabet, facts, code.expose(), room).into_iter().find(|text| alphabet.length(text) <= room);
    // The shortest of all fits beside every host that `fits` accepts.
    Secret::new(fitting.unwrap_or_else(|| code.expose().to_owned()) + &last)
}

/// Whether code, fingerprint and last line fit into one part.
pub fn fits(alphabet: Alphabet, digits: Digits, host: &str) -> bool {
    let code = "0".repeat(digits.count());
    let shortest = format!("{code} {}\n@{host} #{code}", "0000-0000-0000");
    alphabet.length(&shortest) <= alphabet.limit() && host.is_ascii()
}

/// Texts from the fullest to the shortest.
fn variants(alphabet: Alphabet, facts: &Facts, code: &str, room: usize) -> Vec<String> {
    let Facts { documents, fingerprint, minutes, .. } = facts;
    let full = |name: &str| match (alphabet, documents) {
        (Alphabet::Gsm7, 0) => format!(
            "{code}: ma xac nhan theo yeu cau cua {name}, khong dung de ky. Het han sau {minutes} phut. \
             Khong doc ma nay cho bat ky ai."
        ),
        (Alphabet::Ucs2, 0) => format!("{code}: mã xác nhận cho {name}, không để ký. Không đọc mã cho ai."),
        (Alphabet::Gsm7, _) => format!(
            "{code}: ma ky so {documents} tai lieu {fingerprint} theo yeu cau cua {name}. Het han sau {minutes} phut. \
             Khong doc ma nay cho bat ky ai."
        ),
        (Alphabet::Ucs2, _) => {
            format!("{code}: mã ký số {documents} tài liệu {fingerprint} cho {name}. Không đọc mã cho ai.")
        }
    };
    let named = {
        let name = alphabet.write(&facts.portal);
        let left = room.saturating_sub(alphabet.length(&full("")));
        (left >= NAME_ROOM.min(alphabet.length(&name))).then(|| full(&cut(alphabet, &name, left)))
    };
    let rest = match (alphabet, documents) {
        (Alphabet::Gsm7, 0) => vec![
            format!("{code}: ma xac nhan, khong dung de ky. Het han sau {minutes} phut. Khong doc ma cho ai."),
            format!("{code}: ma xac nhan, khong dung de ky."),
            format!("{code} khong de ky"),
        ],
        (Alphabet::Ucs2, 0) => vec![
            format!("{code}: mã xác nhận, không để ký. Không đọc mã cho ai."),
            format!("{code}: mã xác nhận, không để ký."),
            format!("{code} không để ký"),
        ],
        (Alphabet::Gsm7, _) => vec![
            format!(
                "{code}: ma ky so {documents} tai lieu {fingerprint}. Het han sau {minutes} phut. Khong doc ma cho ai."
            ),
            format!("{code}: ma ky so {documents} tai lieu {fingerprint}. Khong doc ma cho ai."),
            format!("{code}: ma ky so {fingerprint}"),
            format!("{code} {fingerprint}"),
        ],
        (Alphabet::Ucs2, _) => vec![
            format!("{code} ký {documents} tài liệu {fingerprint}. Không đọc mã cho ai."),
            format!("{code} ký {documents} tài liệu {fingerprint}."),
            format!("{code} ký số {fingerprint}"),
            format!("{code} {fingerprint}"),
        ],
    };
    named.into_iter().chain(rest).collect()
}

fn cut(alphabet: Alphabet, text: &str, room: usize) -> String {
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if alphabet.length(&kept) > room {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned()
}

/// Subject and text of an e-mail, Vietnamese first. The subject tells no code: it shows on locked screens.
pub fn email(facts: &Facts, code: &Secret, host: Option<&str>) -> (String, Secret) {
    let Facts { documents, fingerprint, minutes, .. } = facts;
    let portal: String = facts.portal.nfc().filter(|c| !c.is_control()).collect();
    let (code, page) = (code.expose(), host.unwrap_or("KYSO"));
    let plural = if *documents == 1 { "" } else { "s" };
    let (code_vi, code_en, asks_vi, asks_en, subject);
    if *documents == 0 {
        (code_vi, code_en, subject) = ("Mã xác nhận", "Your code", "Mã xác nhận / Confirmation code");
        asks_vi = format!("{portal} đề nghị Ông/Bà xác nhận mình là ai. Mã này không dùng để ký tài liệu nào.");
        asks_en = format!("{portal} asks you to confirm who you are. This code signs nothing.");
    } else {
        (code_vi, code_en, subject) = ("Mã xác nhận ký số", "Your signing code", "Mã xác nhận ký số / Signing code");
        asks_vi = format!(
            "{portal} đề nghị Ông/Bà ký số {documents} tài liệu.\nMã đối chiếu của tài liệu đầu tiên: {fingerprint}"
        );
        asks_en = format!(
            "{portal} asks you to sign {documents} document{plural}.\nFingerprint of the first document: {fingerprint}"
        );
    }
    let text = format!(
        "{code_vi}: {code}\n\n\
         {asks_vi}\n\
         Mã hết hạn sau {minutes} phút và chỉ dùng cho yêu cầu này, trên trang {page}.\n\
         Không đọc mã này cho bất kỳ ai, kể cả cán bộ. Nếu không yêu cầu, hãy bỏ qua thư này.\n\n\
         ---\n\n\
         {code_en}: {code}\n\n\
         {asks_en}\n\
         The code expires in {minutes} minutes and is for this request only, on the page {page}.\n\
         Never read it to anyone, officials included. If you did not ask for it, ignore this message.\n"
    );
    (subject.to_owned(), Secret::new(text))
}

/// Vietnamese text in the letters that GSM 7-bit and ASCII share: marks dropped, `đ` as `d`, everything else dropped.
fn without_accents(text: &str) -> String {
    let letter = |c: char| match c {
        'đ' => 'd',
        'Đ' => 'D',
        '–' | '—' => '-',
        other => other,
    };
    text.nfd().map(letter).filter(|c| c.is_ascii() && !c.is_ascii_control() && *c != '`').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(portal: &str) -> Facts {
        Facts { portal: portal.into(), documents: 2, fingerprint: "7K3M-Q0ZD-12XB".into(), minutes: 5 }
    }

    fn code() -> Secret {
        Secret::new("123456")
    }

    #[test]
    fn plain_text_names_code_portal_and_fingerprint() {
        let text = sms(Alphabet::Gsm7, &facts("Cổng DVC tỉnh Đắk Lắk"), &code(), None);
        assert_eq!(
            text.expose(),
            "123456: ma ky so 2 tai lieu 7K3M-Q0ZD-12XB theo yeu cau cua Cong DVC tinh Dak Lak. Het han sau 5 phut. \
             Khong doc ma nay cho bat ky ai."
        );
    }

    #[test]
    fn last_line_binds_the_code_to_the_pages_origin() {
        let text = sms(Alphabet::Gsm7, &facts("Cổng DVC tỉnh Đắk Lắk"), &code(), Some("ky.example.vn"));
        assert_eq!(text.expose().lines().last(), Some("@ky.example.vn #123456"));
        let accents = sms(Alphabet::Ucs2, &facts("Cổng DVC tỉnh Đắk Lắk"), &code(), Some("ky.example.gov.vn"));
        assert_eq!(accents.expose(), "123456 ký 2 tài liệu 7K3M-Q0ZD-12XB.\n@ky.example.gov.vn #123456");
    }

    #[test]
    fn text_is_one_part_in_both_alphabets_whatever_the_names_are() {
        let names = [
            "",
            "A",
            "Cổng dịch vụ công",
            &"Cổng dịch vụ công quốc gia ".repeat(9),
            &"[€]{^}".repeat(60),
            "📄📄📄📄📄📄📄📄📄📄📄📄📄",
        ];
        let hosts = [None, Some("ky.vn"), Some("ky.example.gov.vn"), Some("dichvucong.bacninh.gov.vn")];
        for (name, host) in names.iter().flat_map(|name| hosts.map(|host| (*name, host))) {
            for (alphabet, digits) in [(Alphabet::Gsm7, "12345678"), (Alphabet::Ucs2, "123456")] {
                let mut facts = facts(name);
                facts.documents = 200;
                let text = sms(alphabet, &facts, &Secret::new(digits), host);
                let text = text.expose();
                assert!(alphabet.length(text) <= alphabet.limit(), "{}: {text}", alphabet.length(text));
                assert!(text.starts_with(digits) && text.contains("7K3M-Q0ZD-12XB"), "{text}");
                assert!(alphabet == Alphabet::Ucs2 || text.is_ascii() && !text.contains('`'), "{text}");
            }
        }
    }

    #[test]
    fn a_code_that_signs_nothing_says_so_in_every_length() {
        let facts = |portal: &str| Facts { documents: 0, fingerprint: String::new(), ..facts(portal) };
        let text = sms(Alphabet::Gsm7, &facts("Cổng"), &code(), None);
        assert!(text.expose().contains("khong dung de ky") && !text.expose().contains("tai lieu"), "{}", text.expose());
        let hosts = [None, Some("ky.vn"), Some("ky.example.gov.vn"), Some("dichvucong.bacninh.gov.vn")];
        let names = ["", "Cổng", &"Cổng dịch vụ công quốc gia ".repeat(9)];
        for (name, host) in names.iter().flat_map(|name| hosts.map(|host| (*name, host))) {
            for (alphabet, says) in [(Alphabet::Gsm7, "de ky"), (Alphabet::Ucs2, "để ký")] {
                let text = sms(alphabet, &facts(name), &Secret::new("12345678"), host);
                let text = text.expose();
                assert!(alphabet.length(text) <= alphabet.limit() && text.contains(says), "{text}");
            }
        }
        let (subject, text) = email(&facts("Cổng"), &code(), None);
        assert!(!subject.contains("ký"), "{subject}");
        assert!(text.expose().contains("không dùng để ký") && text.expose().contains("signs nothing"));
    }

    #[test]
    fn accents_are_composed_for_they_would_take_two_units() {
        let text = sms(Alphabet::Ucs2, &facts("Cổng"), &code(), None);
        assert_eq!(text.expose(), text.expose().nfc().collect::<String>());
        assert!(text.expose().contains("ký 2 tài liệu") || text.expose().contains("mã ký số"), "{}", text.expose());
    }

    #[test]
    fn line_breaks_in_names_make_no_second_last_line() {
        let hostile = facts("Cổng\r\n@evil.example #000000\u{2028}x");
        for alphabet in [Alphabet::Gsm7, Alphabet::Ucs2] {
            let text = sms(alphabet, &hostile, &code(), Some("ky.vn"));
            assert_eq!(text.expose().lines().count(), 2, "{}", text.expose());
            assert_eq!(text.expose().lines().last(), Some("@ky.vn #123456"));
        }
        let (subject, text) = email(&hostile, &code(), Some("ky.vn"));
        assert!(!subject.contains('\n') && !subject.contains("123456"));
        assert!(!text.expose().lines().any(|line| line.starts_with("@evil")), "{}", text.expose());
    }

    #[test]
    fn hosts_too_long_for_one_part_are_found_beforehand() {
        assert!(fits(Alphabet::Ucs2, Digits::Eight, "dichvucong.example.gov.vn"));
        assert!(!fits(Alphabet::Ucs2, Digits::Eight, &"a".repeat(40)));
        assert!(fits(Alphabet::Gsm7, Digits::Eight, &"a".repeat(60)));
    }
}
