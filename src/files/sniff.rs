//! The type of a file, by its content alone.

/// Bytes from which the type is read.
const HEAD_BYTES: usize = 64 * 1024;

/// The types that are kept, as `infer` finds them.
const KEPT: [&str; 6] = [
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.text",
    "image/png",
    "image/jpeg",
];

const TEXT: &str = "text/plain";
const CSV: &str = "text/csv";

/// Types that a client states when it does not know the type.
const UNSTATED: [&str; 3] = [
    "",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
];

/// Reads a file as it arrives.
#[derive(Debug, Default)]
pub(super) struct Sniffer {
    head: Vec<u8>,
    text: Utf8,
}

/// Why a file is not kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotKept {
    /// Files of its type are not kept.
    Other,
    /// Its type is this one, and another was stated.
    Differs(&'static str),
}

impl Sniffer {
    pub(super) fn read(&mut self, chunk: &[u8]) {
        let rest = HEAD_BYTES.saturating_sub(self.head.len());
        let head = chunk.get(..rest.min(chunk.len())).unwrap_or_default();
        self.head.extend_from_slice(head);
        self.text.read(chunk);
    }

    /// The type of the whole file. CSV cannot be distinguished from other text by its content: the
    /// client says which of the two it is.
    pub(super) fn media_type(&self, stated: &str) -> Result<&'static str, NotKept> {
        let stated = stated.split(';').next().unwrap_or_default().trim();
        let stated = stated.to_ascii_lowercase();
        let found = infer::get(&self.head).map(|it| it.mime_type());
        let kept = found.and_then(|found| KEPT.into_iter().find(|it| *it == found));
        let found = match kept {
            Some(kept) => kept,
            None if self.text.is_text() && stated == CSV => CSV,
            None if self.text.is_text() => TEXT,
            None => return Err(NotKept::Other),
        };
        if UNSTATED.contains(&&*stated) || stated == found {
            Ok(found)
        } else {
            Err(NotKept::Differs(found))
        }
    }
}

/// Whether bytes that come in pieces are a text for people: UTF-8 without control characters but
/// tabs and ends of lines.
#[derive(Debug, Default)]
struct Utf8 {
    /// The beginning of a character that the last piece cut off.
    cut: Vec<u8>,
    broken: bool,
}

impl Utf8 {
    fn read(&mut self, piece: &[u8]) {
        if self.broken {
            return;
        }
        let joined;
        let bytes = if self.cut.is_empty() {
            piece
        } else {
            joined = [&self.cut, piece].concat();
            &joined
        };
        let (text, cut) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (text, cut) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), cut)
            }
            Err(_) => {
                self.broken = true;
                return;
            }
        };
        self.broken = text
            .chars()
            .any(|it| it.is_control() && !matches!(it, '\t' | '\r' | '\n'));
        self.cut = cut.to_vec();
    }

    const fn is_text(&self) -> bool {
        !self.broken && self.cut.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(content: &[u8], stated: &str, piece: usize) -> Result<&'static str, NotKept> {
        let mut sniffer = Sniffer::default();
        for piece in content.chunks(piece) {
            sniffer.read(piece);
        }
        sniffer.media_type(stated)
    }

    #[test]
    fn the_content_decides() {
        let pdf = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for piece in [1, 3, 100] {
            assert_eq!(sniffed(pdf, "", piece), Ok("application/pdf"));
            assert_eq!(sniffed(png, "image/png", piece), Ok("image/png"));
            let differs = Err(NotKept::Differs("image/png"));
            assert_eq!(sniffed(png, "application/pdf", piece), differs);
            let text = "Mốc;Ngày\nThử nghiệm;2026".as_bytes();
            assert_eq!(sniffed(text, "", piece), Ok("text/plain"));
            assert_eq!(
                sniffed(text, "text/csv; charset=utf-8", piece),
                Ok("text/csv")
            );
            // a page of HTML is text, and is served as text
            let page = b"<html><script>alert(1)</script>";
            assert_eq!(sniffed(page, "", piece), Ok("text/plain"));
            let page = sniffed(page, "text/html", piece);
            assert_eq!(page, Err(NotKept::Differs("text/plain")));
            for other in [
                &b"MZ\x90\0"[..],
                b"\x7fELF\x02",
                b"PK\x03\x04 any other archive",
                b"text\0",
                b"cut off \xe1\xbb",
                b"\xff\xfeT\0",
            ] {
                assert_eq!(sniffed(other, "", piece), Err(NotKept::Other), "{other:?}");
                assert_eq!(
                    sniffed(other, "application/pdf", piece),
                    Err(NotKept::Other)
                );
            }
        }
    }
}
