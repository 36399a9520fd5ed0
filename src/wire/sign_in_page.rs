//! Pages of a browser's sign-in: the issuers and the form for an API key, the button that signs
//! out, and why it failed. In Vietnamese, with English below.

use std::fmt::Write as _;

use super::printed::{self, Escaped};
use ndp_core::{error::Error, records::identities::Identity};

/// Who the browser is signed in as.
#[derive(Clone, Copy, Debug)]
pub enum SignedIn<'a> {
    /// Not signed in.
    No,
    /// Signed in with an identity that belongs to no principal.
    Unknown(&'a Identity),
    /// A principal, by its name.
    As(&'a str),
}

const STYLE: &str = ":root{color-scheme:light dark}\
    body{font:16px/1.5 sans-serif;margin:3em auto;max-width:36em;padding:0 1em}\
    h1{font-size:1.4em}.en{opacity:.75}code{overflow-wrap:anywhere}label{display:block}\
    input,button{font:inherit;padding:.3em .6em;max-width:100%;box-sizing:border-box}";

/// The name of the field with an API key, and of the one with the path to go on at.
pub const KEY: &str = "key";
pub const RETURN: &str = "return";

/// Longest API key that the form takes.
const KEY_CHARACTERS_MAX: usize = 200;

/// The issuers, by their names and the paths that a sign-in begins at; and a form for an API key,
/// which goes on at `back`.
pub fn choice(signed_in: SignedIn<'_>, issuers: &[(&str, String)], back: &str) -> String {
    let mut body = Body::new("Đăng nhập", "Sign in");
    match signed_in {
        SignedIn::No => {}
        SignedIn::As(principal) => {
            body.both(
                &format!("Đang đăng nhập với tư cách {principal}."),
                &format!("Signed in as {principal}."),
            );
            body.sign_out();
        }
        SignedIn::Unknown(identity) => {
            body.both(
                "Đã đăng nhập, nhưng định danh này chưa thuộc chủ thể nào nên chỉ đọc được dữ liệu \
                 công khai. Hãy gửi mã dưới đây cho quản trị viên để được cấp quyền.",
                "Signed in, but the identity belongs to no principal yet and reads what is public. \
                 Send what follows to an administrator.",
            );
            if let Identity::TokenSubject { issuer, subject } = identity {
                let (issuer, subject) = (Escaped(issuer), subject.as_str());
                body.push(format_args!("<p><code>{issuer} {subject}</code></p>\n"));
            }
            body.sign_out();
        }
    }
    if !issuers.is_empty() {
        body.push(format_args!("<ul>\n"));
        for (name, path) in issuers {
            let (name, path) = (Escaped(name), Escaped(path));
            body.push(format_args!(
                "<li><a href=\"{path}\">Đăng nhập qua {name}</a></li>\n"
            ));
        }
        body.push(format_args!("</ul>\n"));
    }
    let back = Escaped(back);
    body.push(format_args!(
        "<form method=\"post\" action=\"/sign-in\">\
         <input type=\"hidden\" name=\"{RETURN}\" value=\"{back}\">\
         <p><label for=\"{KEY}\">Khóa API <span class=\"en\" lang=\"en\">API key</span></label>\
         <input id=\"{KEY}\" name=\"{KEY}\" type=\"password\" required size=\"40\" \
         maxlength=\"{KEY_CHARACTERS_MAX}\" autocomplete=\"current-password\" \
         spellcheck=\"false\"></p>\
         <p><button>Đăng nhập (sign in)</button></p></form>\n"
    ));
    body.both(
        "Khóa API không được lưu trong trình duyệt: máy chủ trả về một phiên đăng nhập kéo dài tối \
         đa 8 giờ.",
        "The browser does not keep the key: the server answers a session of at most 8 hours.",
    );
    body.push(format_args!(
        "<p><a href=\"/\">Về trang tổng quan (overview)</a></p>\n"
    ));
    body.page()
}

/// The button that signs out.
pub fn sign_out() -> String {
    let mut body = Body::new("Đăng xuất", "Sign out");
    body.sign_out();
    body.page()
}

/// There is no such issuer.
pub fn no_issuer() -> String {
    let mut body = Body::new("Không có tổ chức phát hành này", "No such issuer");
    body.again();
    body.page()
}

/// Why it failed, and what to do.
pub fn failed(error: &Error) -> String {
    let mut body = Body::new("Không đăng nhập được", "The sign-in failed");
    body.both(&error.vietnamese(), &error.english());
    body.push(format_args!("<p><code>{}</code></p>\n", error.reason()));
    body.again();
    body.page()
}

struct Body {
    title: &'static str,
    html: String,
}

impl Body {
    fn new(title: &'static str, english: &'static str) -> Self {
        let html = format!("<h1>{title} <span class=\"en\" lang=\"en\">{english}</span></h1>\n");
        Self { title, html }
    }

    fn push(&mut self, html: std::fmt::Arguments<'_>) {
        // writing to a String cannot fail
        let _ = self.html.write_fmt(html);
    }

    fn both(&mut self, vietnamese: &str, english: &str) {
        let (vietnamese, english) = (Escaped(vietnamese), Escaped(english));
        self.push(format_args!(
            "<p>{vietnamese}</p>\n<p class=\"en\" lang=\"en\">{english}</p>\n"
        ));
    }

    fn sign_out(&mut self) {
        self.push(format_args!(
            "<form method=\"post\" action=\"/sign-out\">\
             <button>Đăng xuất (sign out)</button></form>\n"
        ));
    }

    fn again(&mut self) {
        self.push(format_args!(
            "<p><a href=\"/sign-in\">Đăng nhập (sign in)</a></p>\n"
        ));
    }

    fn page(self) -> String {
        printed::page(
            self.title,
            STYLE,
            &format!("<main>\n{}</main>\n", self.html),
        )
    }
}
