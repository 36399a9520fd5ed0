//! Texts as printed pages have them.

use std::fmt::{Display, Formatter, Result, Write as _};

use ndp_core::time::Date;

/// A date as Vietnamese documents write it.
pub(super) fn day(date: Date) -> String {
    format!("{:02}/{:02}/{}", date.day(), date.month(), date.year())
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
