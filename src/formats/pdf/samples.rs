//! Hand-made PDFs for tests.

use std::fmt::Write as _;

use super::crypt::testing::Protection;

/// Builds small files: objects 1 (catalog), 2 (pages) and 3 (page) are there unless set.
pub(crate) struct Sample {
    objects: Vec<(u32, String)>,
    trailer: String,
}

impl Sample {
    pub fn new() -> Self {
        let objects = vec![
            (1, "<</Type/Catalog/Pages 2 0 R>>".into()),
            (2, "<</Type/Pages/Kids[3 0 R]/Count 1>>".into()),
            (3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>".into()),
            (4, "<</Length 4>>stream\nq Q\n\nendstream".into()),
        ];
        Self { objects, trailer: String::new() }
    }

    /// Sets or adds an object.
    pub fn object(mut self, number: u32, body: &str) -> Self {
        self.objects.retain(|(n, _)| *n != number);
        self.objects.push((number, body.into()));
        self
    }

    /// Adds entries to the trailer.
    pub fn trailer(mut self, entries: &str) -> Self {
        self.trailer.push_str(entries);
        self
    }

    /// A file with a classic table.
    pub fn finish(mut self) -> Vec<u8> {
        self.objects.sort();
        let mut file = String::from("%PDF-1.7\n");
        append_update(&mut file, &self.objects, &format!("/Root 1 0 R{}", self.trailer));
        file.into_bytes()
    }

    /// The file encrypted, with a classic table.
    pub fn finish_encrypted(mut self, protection: Protection<'_>) -> Vec<u8> {
        self.objects.sort();
        protection.file(&self.objects)
    }

    /// The finished file with `[0 1234 1234 1234]` replaced by the ByteRange around `<00ff>`.
    pub fn finish_signed(self) -> Vec<u8> {
        let file = String::from_utf8(self.finish()).unwrap();
        let hole = file.find("<00ff>").unwrap();
        let (after, len) = (hole + 6, file.len());
        let range = format!("[0 {hole:04} {after:04} {:04}]", len - after);
        file.replace("[0 1234 1234 1234]", &range).into_bytes()
    }

    pub fn minimal() -> Vec<u8> {
        Self::new().finish()
    }

    /// The same document with objects 1 to 3 in an object stream and a cross-reference stream.
    pub fn object_streams() -> Vec<u8> {
        let sample = Self::new();
        let mut file = b"%PDF-1.7\n".to_vec();
        let contents_at = file.len();
        file.extend(format!("4 0 obj\n{}\nendobj\n", sample.objects[3].1).bytes());
        let stream_at = file.len();
        file.extend(object_stream(5, &sample.objects[..3]).bytes());
        let xref_at = file.len();
        let entries = [(2, 5, 0), (2, 5, 1), (2, 5, 2), (1, contents_at, 0), (1, stream_at, 0), (1, xref_at, 0)];
        let rows: String = entries.iter().map(|(k, a, b)| format!("{k:02x}{a:04x}{b:02x}")).collect();
        let dict = format!("/Type/XRef/Size 7/W[1 2 1]/Index[1 6]/Root 1 0 R/Filter/AHx/Length {}", rows.len());
        file.extend(format!("6 0 obj\n<<{dict}>>stream\n{rows}\nendstream\nendobj\n").bytes());
        file.extend(format!("startxref\n{xref_at}\n%%EOF\n").bytes());
        file
    }

    /// The same document as a hybrid: the page's contents are hidden in an object stream, object 4 being a page piece.
    pub fn hybrid() -> Vec<u8> {
        let mut file = String::from("%PDF-1.5\n");
        let objects = Self::new().object(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/X 4 0 R>>").objects;
        let mut offsets = Vec::new();
        for (number, body) in objects.iter().filter(|(n, _)| *n < 4) {
            offsets.push((*number, file.len()));
            let _ = write!(file, "{number} 0 obj\n{body}\nendobj\n");
        }
        let stream_at = file.len();
        file.push_str(&object_stream(5, &[(4, "(hidden)".into())]));
        let hidden_at = file.len();
        let rows = format!("020005{:02x}01{:04x}00", 0, stream_at);
        let dict = format!("/Type/XRef/Size 7/W[1 2 1]/Index[4 2]/Filter/AHx/Length {}", rows.len());
        let _ = write!(file, "6 0 obj\n<<{dict}>>stream\n{rows}\nendstream\nendobj\n");
        let at = file.len();
        file.push_str("xref\n0 5\n0000000004 65535 f \n");
        for number in 1..=3 {
            let offset = offsets.iter().find(|(n, _)| *n == number).map_or(0, |(_, at)| *at);
            let _ = writeln!(file, "{offset:010} 00000 n ");
        }
        file.push_str("0000000000 00000 f \n");
        let _ = write!(file, "trailer\n<</Size 7/Root 1 0 R/XRefStm {hidden_at}>>\nstartxref\n{at}\n%%EOF\n");
        file.into_bytes()
    }
}

/// `file` with one update of `objects`; the trailer names /Root 1 0 R.
pub(crate) fn updated(file: &[u8], objects: &[(u32, &str)]) -> Vec<u8> {
    let mut file = String::from_utf8(file.to_vec()).unwrap();
    let prev = file.rfind("\nxref\n").unwrap() + 1;
    let objects: Vec<_> = objects.iter().map(|(number, body)| (*number, (*body).to_string())).collect();
    append_update(&mut file, &objects, &format!("/Root 1 0 R/Prev {prev}"));
    file.into_bytes()
}

/// Appends `objects` with a classic table; `trailer` holds /Root and whatever else.
pub(crate) fn append_update(file: &mut String, objects: &[(u32, String)], trailer: &str) {
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (number, body) in objects {
        let _ = write!(table, "{number} 1\n{:010} 00000 n \n", file.len());
        let _ = write!(file, "{number} 0 obj\n{body}\nendobj\n");
    }
    let size = objects.iter().map(|(n, _)| n + 1).max().unwrap_or(1).max(20);
    let at = file.len();
    let _ = write!(file, "{table}trailer\n<</Size {size}{trailer}>>\nstartxref\n{at}\n%%EOF\n");
}

fn object_stream(number: u32, objects: &[(u32, String)]) -> String {
    let (mut header, mut body) = (String::new(), String::new());
    for (n, text) in objects {
        let _ = write!(header, "{n} {} ", body.len());
        let _ = write!(body, "{text} ");
    }
    let length = header.len() + body.len();
    let dict = format!("/Type/ObjStm/N {}/First {}/Length {length}", objects.len(), header.len());
    format!("{number} 0 obj\n<<{dict}>>stream\n{header}{body}\nendstream\nendobj\n")
}
