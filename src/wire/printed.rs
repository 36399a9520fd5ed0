//! Texts as printed pages have them.

use std::fmt::{Display, Formatter, Result, Write as _};

use ndp_core::time::Date;

/// A date as Vietnamese documents write it.
pub(super) fn day(date: Date) -> String {
    format!("{:02}/{:02}/{}", date.day(), date.month(), date.year())
}

/// The notice on pages of a registry with synthetic records.
pub(super) const SYNTHETIC: &str = "DỮ LIỆU THỬ NGHIỆM: không có số nào là thật.";

/// A page with this body, which is HTML.
pub(super) fn page(title: &str, style: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"vi\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
         <style>{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        Escaped(title)
    )
}

/// A text within HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;"),
                '<' => f.write_str("&lt;"),
                '>' => f.write_str("&gt;"),
                '"' => f.write_str("&quot;"),
                '\'' => f.write_str("&#39;"),
                other => f.write_char(other),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_become_markup() {
        let text = Escaped("<b>\"Bộ\" & 'x'</b>").to_string();
        assert_eq!(text, "&lt;b&gt;&quot;Bộ&quot; &amp; &#39;x&#39;&lt;/b&gt;");
    }
}
