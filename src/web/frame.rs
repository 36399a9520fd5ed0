//! What every page has: its head with the navigation, the line that says which day and revision it
//! is of, and its foot.

use maud::{DOCTYPE, Markup, html};
use url::form_urlencoded::byte_serialize;

use super::{
    Made,
    address::Address,
    ask::{Failed, Reader},
    assets::version,
    parts::prose,
    picture,
    words::Lang,
};
use ndp_core::time::Date;

/// The frame around the content of a page.
pub(super) struct Frame<'a> {
    pub(super) address: &'a Address,
    pub(super) caller: &'a Reader,
    /// Whether the page follows the log. One with a form does not: it stays as it is typed.
    pub(super) follows: bool,
    /// That something was just written.
    pub(super) notice: Option<&'a Markup>,
    pub(super) synthetic: bool,
    pub(super) revision: i64,
    pub(super) date: Date,
    /// Whether the page answers for the day that its address asks for.
    pub(super) dated: bool,
}

/// The pages of the navigation: path, Vietnamese, English.
const PAGES: [(&str, &str, &str); 9] = [
    ("/", "Tổng quan", "Overview"),
    ("/platforms", "Nền tảng", "Platforms"),
    ("/agencies", "Cơ quan", "Agencies"),
    ("/tasks", "Nhiệm vụ", "Tasks"),
    ("/indicators", "Chỉ tiêu", "Indicators"),
    ("/recommendations", "Kiến nghị", "Recommendations"),
    ("/editions", "Danh mục", "Editions"),
    ("/weekly", "Báo cáo tuần", "Weekly report"),
    ("/changes", "Thay đổi", "Changes"),
];

impl Frame<'_> {
    pub(super) fn page(&self, title: &str, main: &Markup) -> Markup {
        let lang = self.address.lang;
        let name = lang.t("Nền tảng số quốc gia", "National Digital Platforms");
        let css = format!("/assets/dashboard.css?v={}", version());
        let js = format!("/assets/dashboard.js?v={}", version());
        html! {
            (DOCTYPE)
            html lang=(lang.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) " · " (name) }
                    link rel="stylesheet" href=(css);
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    @if self.follows { script src=(js) defer {} }
                }
                body {
                    a.skip href="#main" { (lang.t("Đến nội dung chính", "Skip to the content")) }
                    (picture::patterns())
                    header {
                    @if self.synthetic {
                        p.synthetic role="note" {
                            strong { (lang.t("Dữ liệu thử nghiệm", "Synthetic data")) } " – "
                            (lang.t(
                                "không có số nào là thật, không có cơ quan nào là thật.",
                                "no number here is real, and no agency is.",
                            ))
                        }
                    }
                    div.top {
                        div.brand {
                            a href=(self.address.to("/")) { (name) }
                        }
                        (self.search())
                        div.person {
                            (self.languages())
                            (self.who())
                        }
                        (self.navigation())
                    }
                    (self.stamp())
                    }
                    main #main tabindex="-1" data-live=(if self.follows { "yes" } else { "no" }) {
                        @if let Some(notice) = self.notice { (notice) }
                        (main)
                    }
                    (self.foot())
                }
            }
        }
    }

    fn search(&self) -> Markup {
        let lang = self.address.lang;
        let label = lang.t(
            "Tìm nền tảng, cơ quan, nhiệm vụ",
            "Platforms, agencies, tasks",
        );
        html! {
            form.search action="/search" method="get" role="search" {
                @for (name, value) in self.address.as_of() {
                    input type="hidden" name=(name) value=(value);
                }
                input type="search" name="q" value=(self.address.get("q")) maxlength="200"
                    aria-label=(label) placeholder=(label);
                button { (lang.t("Tìm", "Search")) }
            }
        }
    }

    fn languages(&self) -> Markup {
        let lang = self.address.lang;
        html! {
            span.languages {
                @for (other, name) in [(Lang::Vi, "Tiếng Việt"), (Lang::En, "English")] {
                    @if other == lang {
                        span.chosen lang=(other.tag()) aria-current="true" { (name) }
                    } @else {
                        a lang=(other.tag()) hreflang=(other.tag())
                            href=(self.address.in_lang(other)) { (name) }
                    }
                }
            }
        }
    }

    fn who(&self) -> Markup {
        let lang = self.address.lang;
        html! {
            @if !self.caller.principal.is_empty() {
                @let id = self.caller.principal.trim_start_matches("principals/");
                a href=(self.address.to("/work")) { (lang.t("Việc của tôi", "My work")) }
                a href="/sign-out" { (lang.t("Đăng xuất", "Sign out")) " (" (id) ")" }
            } @else {
                a href=(sign_in(self.address)) rel="nofollow" {
                    (lang.t("Đăng nhập", "Sign in"))
                }
            }
        }
    }

    fn navigation(&self) -> Markup {
        let lang = self.address.lang;
        let here = |path: &str| match path {
            "/" => self.address.path == "/",
            path => self
                .address
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        html! {
            nav aria-label=(lang.t("Các trang", "Pages")) {
                ul {
                    @for (path, vietnamese, english) in PAGES {
                        li {
                            a href=(self.address.to(path))
                                aria-current=[here(path).then_some("page")] {
                                (lang.t(vietnamese, english))
                            }
                        }
                    }
                }
            }
        }
    }

    /// The day and the revision that the page is of.
    fn stamp(&self) -> Markup {
        let lang = self.address.lang;
        let pinned = self.address.known.is_some();
        let refused = self.address.date.filter(|it| *it != self.date);
        html! {
            div.stamp #stamp {
                p {
                    (lang.t("Tính đến ngày ", "As of ")) strong { (lang.day(self.date)) }
                    (lang.t(", theo dữ liệu đã ghi đến phiên bản ", ", as known at revision "))
                    @let change = format!("/changes/{}", self.revision);
                    a href=(self.address.to(&change)) { (lang.number(self.revision)) }
                    "."
                    @if pinned {
                        " "
                        strong { (lang.t("Trang này được giữ nguyên.", "This page is fixed.")) }
                    }
                    @if let Some(asked) = refused.filter(|_| !self.dated) {
                        " "
                        (lang.t("Trang này không trả lời theo ngày ",
                            "This page does not answer for another day, such as "))
                        (lang.day(asked)) "."
                    }
                }
                p.print-only {
                    (lang.t("Bản in một trang; đầy đủ tại ", "One printed page; in full at "))
                    (self.address.again("", ""))
                }
                p.ways {
                    @if pinned || self.address.date.is_some() {
                        a href=(self.address.current()) {
                            (lang.t("Xem hiện trạng", "See it as it is now"))
                        }
                    }
                    @if self.follows {
                        span.live #live role="status"
                            data-on=(lang.t("Tự cập nhật", "Updates by itself"))
                            data-fresh=(lang.t("Vừa cập nhật", "Just updated"))
                            data-lost=(lang.t("Mất kết nối, đang thử lại",
                                "Not connected, trying again")) {}
                        a href=(self.address.to_lasting()) {
                            (lang.t("Liên kết giữ nguyên số liệu", "Link that keeps this answer"))
                        }
                    }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        let lang = self.address.lang;
        let to = |path: &str| self.address.to(path);
        html! {
            footer {
                @if self.dated { (self.other_day()) }
                ul {
                    li { a href=(to("/about")) {
                        (lang.t("Về dữ liệu: mỗi số được tính thế nào",
                            "About the data: how each number is made"))
                    } }
                    li { a href=(to("/attention")) {
                        (lang.t("Việc cần chú ý", "What needs attention"))
                    } }
                    li { a href=(to("/figures")) {
                        (lang.t("Số liệu đã công bố", "Published figures"))
                    } }
                    li { a href=(to("/programmes")) { (lang.t("Chương trình", "Programmes")) } }
                    li { a href=(to("/plans")) { (lang.t("Kế hoạch", "Plans")) } }
                    li { a href=(to("/flows")) { (lang.t("Luồng dữ liệu", "Data flows")) } }
                    li { a href="/openapi.json" { "API (OpenAPI)" } }
                }
            }
        }
    }
}

impl Frame<'_> {
    /// The form that asks for the same page for another day, by what is known now.
    fn other_day(&self) -> Markup {
        let lang = self.address.lang;
        html! {
            form.asof action=(self.address.path) method="get" {
                @for (name, value) in self.address.own_but(&["page", "from", "done"]) {
                    input type="hidden" name=(name) value=(value);
                }
                label for="date" { (lang.t("Xem theo ngày", "See another day")) }
                input #date type="date" name="date" max="9999-12-31"
                    value=[self.address.date.map(|it| it.to_string())];
                input type="hidden" name="lang" value=(lang.tag());
                button { (lang.t("Xem ngày này", "See this day")) }
            }
        }
    }
}

/// Longest address that a sign-in returns to.
const RETURN_MAX: usize = 500;

/// The address at which a browser signs in and comes back to this page.
pub(super) fn sign_in(address: &Address) -> String {
    let page = address.again("", "");
    let page = if page.len() > RETURN_MAX {
        &address.path
    } else {
        &page
    };
    let back: String = byte_serialize(page.as_bytes()).collect();
    format!("/sign-in?return={back}")
}

/// The page that says why the page that was asked for cannot be shown.
pub(super) fn failed(address: &Address, failed: &Failed, message: &dyn Fn(&str) -> Markup) -> Made {
    let lang = address.lang;
    let title = match failed.code.as_u16() {
        404 => lang.t("Không có trang này", "There is no such page"),
        400 | 414 => lang.t("Yêu cầu không đúng", "The request is wrong"),
        401 | 403 => lang.t("Không có quyền", "Not permitted"),
        409 => lang.t("Không làm được lúc này", "This cannot be done now"),
        429 => lang.t("Quá nhiều yêu cầu", "Too many requests"),
        503 | 504 => lang.t("Tạm thời chưa trả lời được", "Not available at the moment"),
        _ => lang.t("Lỗi của hệ thống", "An error of the server"),
    };
    Made {
        title: title.to_owned(),
        main: html! {
            section.error {
                h1 { (title) }
                @let text = failed.text(lang);
                @if !text.is_empty() { p { (message(text)) } }
                @if !failed.fields.is_empty() {
                    ul {
                        @for wrong in &failed.fields {
                            li {
                                code { (wrong.field) } ": "
                                (prose(wrong.text(lang)))
                            }
                        }
                    }
                }
                @if failed.code.as_u16() == 404 {
                    form.limits action="/search" method="get" {
                        label for="lost" {
                            (lang.t("Tìm trong hệ thống", "Search the registry"))
                        }
                        input #lost type="search" name="q" maxlength="200";
                        input type="hidden" name="lang" value=(lang.tag());
                        button { (lang.t("Tìm", "Search")) }
                    }
                    p { a href=(address.to("/")) {
                        (lang.t("Về trang tổng quan", "To the overview"))
                    } }
                }
                @if failed.code.as_u16() == 401 {
                    p { a href=(sign_in(address)) { (lang.t("Đăng nhập", "Sign in")) } }
                }
            }
        },
    }
}
