//! The patterns that the protos give to texts; `text.proto` says what else holds of them. The
//! generator in `build/` reads this file too.

/// A text of one line.
pub(crate) const LINE: &str = r"^[^\p{C}\p{Zl}\p{Zp}]*$";

/// A text of several lines.
pub(crate) const LINES: &str = r"^([^\p{C}\p{Zl}\p{Zp}]|[\t\n\r])*$";

/// An absolute http or https URI, which `string.uri` checks too: without user information, its
/// host a name in ASCII or an address, its port without leading zeros.
pub(crate) const WEB: &str = concat!(
    r"^https?://",
    r"(([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?\.)*",
    r"[A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?",
    r"|(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])",
    r"(\.(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])){3}",
    r"|\[[0-9A-Fa-f:.]+\])",
    r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",
    r"([/?#].*)?$",
);
