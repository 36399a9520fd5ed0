//! A progress report in the layout of official documents (Decree 30/2020/NĐ-CP, annex I), as a page
//! of HTML and as a file of a word processor. Both are made from the same parts. What a person has
//! to add (number, place, signature) is left empty.

use std::{fmt::Write as _, io::Cursor};

use docx_rs::{
    AlignmentType, Docx, LineSpacing, PageMargin, Paragraph, Run, RunFonts, Table, TableCell,
    TableRow, WidthType,
};

use super::{
    glossary::value_label,
    monitoring::agency_display_name,
    printed::{self, Escaped, day},
};
use crate::pb;
use ndp_core::{
    error::Error,
    records::{
        documents::{Document, Evidence},
        plans::Plan,
        reports::{Report, ReportState},
    },
    state::State,
    time::Date,
};

/// Most milestones that a report lists: those of one plan.
const MILESTONES_MAX: usize = 200;
/// Most pieces of evidence that it lists.
const EVIDENCE_MAX: usize = 50;

/// A4 in twentieths of a point, with the margins of the decree: 20 mm, left 30 mm, right 15 mm.
const PAGE: (u32, u32) = (11_906, 16_838);
const MARGINS: PageMargin = PageMargin {
    top: 1134,
    right: 850,
    bottom: 1134,
    left: 1701,
    header: 720,
    footer: 720,
    gutter: 0,
};
/// The width between the margins.
const WIDTH: usize = 9355;
/// The columns of the table of milestones, in hundredths of the width.
const COLUMNS: [usize; 4] = [8, 52, 18, 22];
/// The size of the text in half points.
const TEXT_SIZE: usize = 28;

/// Replaces an empty text.
const NONE: &str = "Không có.";

/// The style of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Text,
    /// In the middle, bold.
    Title,
    Heading,
    /// In the middle.
    Middle,
    Italic,
}

/// A part of a document.
enum Block {
    Line(Set, String),
    /// Two columns without borders.
    Columns([Vec<(Set, String)>; 2]),
    /// The table of milestones, with a heading row.
    Milestones(Vec<[String; 4]>),
}

/// The report with its plan, as the caller sees them.
#[derive(Debug)]
pub struct Subject<'a> {
    pub report: &'a Report,
    pub plan: &'a Plan,
    /// The State that both are read from.
    pub state: &'a State,
    /// The date of the read.
    pub today: Date,
}

/// The report in both forms.
pub fn render(of: &Subject<'_>) -> Result<pb::RenderReportResponse, Error> {
    let title = title(of);
    let parts = parts(of, &title);
    let mut file = Cursor::new(Vec::new());
    docx(&parts)
        .pack(&mut file)
        .map_err(|error| Error::Bug(format!("writing a report: {error}").into()))?;
    Ok(pb::RenderReportResponse {
        html: html(&title, &parts),
        docx: file.into_inner(),
        synthetic: of.state.is_synthetic(),
    })
}

// === its contents ===

fn title(of: &Subject<'_>) -> String {
    let end = of
        .report
        .fields
        .period_end_date
        .map_or_else(String::new, day);
    format!(
        "Tiến độ thực hiện {}, kỳ đến ngày {end}",
        of.plan.fields.display_name
    )
}

fn parts(of: &Subject<'_>, title: &str) -> Vec<Block> {
    let mut parts = Parts(Vec::new());
    parts.opening(of, title);
    parts.content(of);
    parts.closing(of);
    parts.0
}

/// The parts of a document as they are written, one after the other.
struct Parts(Vec<Block>);

impl Parts {
    fn line(&mut self, set: Set, text: impl Into<String>) {
        self.0.push(Block::Line(set, text.into()));
    }

    /// A text of several lines; a placeholder if it is empty.
    fn paragraphs(&mut self, text: &str) {
        let before = self.0.len();
        let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
        lines.for_each(|it| self.line(Set::Text, it));
        if self.0.len() == before {
            self.line(Set::Text, NONE);
        }
    }

    fn columns(&mut self, columns: [&[(Set, &str)]; 2]) {
        let lines = columns.map(|lines| {
            let lines = lines.iter().map(|(set, text)| (*set, (*text).to_owned()));
            lines.collect()
        });
        self.0.push(Block::Columns(lines));
    }

    /// Who reports, what, and by which document.
    fn opening(&mut self, of: &Subject<'_>, title: &str) {
        let agency = agency_display_name(of.state, Some(&of.plan.agency));
        self.columns([
            &[
                (Set::Title, &agency.to_uppercase()),
                (Set::Middle, &of.plan.fields.lead_unit),
                (Set::Middle, "Số:        /BC-"),
            ],
            &[
                (Set::Title, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
                (Set::Title, "Độc lập - Tự do - Hạnh phúc"),
                (Set::Italic, "…………, ngày … tháng … năm ……"),
            ],
        ]);
        self.line(Set::Title, "BÁO CÁO");
        self.line(Set::Title, title);
        if of.state.is_synthetic() {
            self.line(Set::Title, printed::SYNTHETIC);
        }
        let state = of.report.state();
        if state != ReportState::Filed {
            let state = value_label("Report.State", state.as_str());
            let text = format!("Báo cáo này không còn hiệu lực: {state}.");
            self.line(Set::Title, text);
        }
        let text = match of.plan.issuing_document.as_deref().map(cited) {
            Some(by) => format!("Thực hiện kế hoạch ban hành theo {by}, {agency} báo cáo như sau:"),
            None => format!("{agency} báo cáo như sau:"),
        };
        self.line(Set::Text, text);
    }

    /// What it says, under numbered headings.
    fn content(&mut self, of: &Subject<'_>) {
        let fields = &of.report.fields;
        self.line(Set::Heading, "I. ĐÁNH GIÁ CHUNG");
        let rating = fields.rating;
        let rating = rating.map_or("", |it| value_label("Rating", it.as_str()));
        let percent = fields.percent;
        let text = format!("Tự đánh giá: {rating}. Khối lượng hoàn thành: {percent}%.");
        self.line(Set::Text, text);
        self.line(Set::Heading, "II. KẾT QUẢ THỰC HIỆN");
        self.paragraphs(&fields.results);
        self.line(Set::Heading, "III. CÁC MỐC NHIỆM VỤ");
        let on = fields.period_end_date.unwrap_or(of.today);
        let milestones = milestones(of, on);
        if milestones.is_empty() {
            self.line(Set::Text, "Kế hoạch không có mốc nhiệm vụ.");
        } else {
            let text = format!("Tình trạng đến ngày {}, do hệ thống tính:", day(on));
            self.line(Set::Text, text);
            let mut rows =
                vec![["TT", "Mốc nhiệm vụ", "Thời hạn", "Tình trạng"].map(str::to_owned)];
            rows.extend(milestones);
            self.0.push(Block::Milestones(rows));
        }
        self.line(Set::Heading, "IV. KHÓ KHĂN, VƯỚNG MẮC");
        self.paragraphs(&fields.difficulties);
        self.line(Set::Heading, "V. KIẾN NGHỊ, ĐỀ XUẤT");
        self.paragraphs(&fields.recommendations);
        self.line(Set::Heading, "VI. TÀI LIỆU MINH CHỨNG");
        if fields.evidence.is_empty() {
            self.line(Set::Text, NONE);
        }
        for evidence in fields.evidence.iter().take(EVIDENCE_MAX) {
            self.line(Set::Text, format!("- {}", shown(evidence)));
        }
    }

    /// Who gets it, who signs it, and where it is from.
    fn closing(&mut self, of: &Subject<'_>) {
        let head = of.plan.fields.accountable_head.as_deref();
        let office = head.map_or("", |head| &*head.office).to_uppercase();
        self.columns([
            &[
                (Set::Italic, "Nơi nhận:"),
                (Set::Text, "- …………;"),
                (Set::Text, "- Lưu: VT."),
            ],
            &[
                (Set::Title, &office),
                (
                    Set::Italic,
                    "(Chữ ký của người có thẩm quyền, dấu của cơ quan)",
                ),
            ],
        ]);
        let (name, revision) = (&of.report.name, of.report.meta.revision.get());
        self.line(
            Set::Italic,
            format!("Lập từ {name} trên Hệ thống đăng ký nền tảng số, thay đổi thứ {revision}."),
        );
    }
}

/// The rows of the milestones and how they stood on a date.
fn milestones(of: &Subject<'_>, on: Date) -> Vec<[String; 4]> {
    let plan_records = of.state.plan_records(of.plan);
    let mut standing: Vec<_> = plan_records
        .milestones
        .iter()
        .filter_map(|milestone| Some((milestone, plan_records.milestone_on(milestone, on)?)))
        .collect();
    standing.sort_by_key(|(milestone, standing)| (standing.due, milestone.name.as_str()));
    let rows = standing.iter().take(MILESTONES_MAX).enumerate();
    rows.map(|(i, (milestone, standing))| {
        [
            (i + 1).to_string(),
            milestone.fields.display_name.clone(),
            standing.due.map_or_else(|| "Thường xuyên".to_owned(), day),
            value_label("Milestone.Standing.State", standing.state.as_str()).to_owned(),
        ]
    })
    .collect()
}

/// A document as texts cite it.
fn cited(document: &Document) -> String {
    let mut text = document.symbol.clone();
    if let Some(date) = document.issue_date {
        let _ = write!(text, " ngày {}", day(date));
    }
    if !document.issuer.is_empty() {
        let _ = write!(text, " của {}", document.issuer);
    }
    text
}

fn shown(evidence: &Evidence) -> String {
    let document = evidence.document.as_deref().map(cited);
    let file = evidence.file.as_ref().map(|file| file.uri.clone());
    let note = Some(evidence.note.clone());
    let texts = [document, file, note].into_iter().flatten();
    let texts: Vec<_> = texts.filter(|it| !it.is_empty()).collect();
    texts.join("; ")
}

// === as HTML ===

fn html(title: &str, parts: &[Block]) -> String {
    let mut page = String::new();
    for part in parts {
        match part {
            Block::Line(set, text) => html_line(&mut page, *set, text),
            Block::Columns(columns) => {
                page.push_str("<div class=\"columns\">\n");
                for column in columns {
                    page.push_str("<div>\n");
                    column
                        .iter()
                        .for_each(|(set, text)| html_line(&mut page, *set, text));
                    page.push_str("</div>\n");
                }
                page.push_str("</div>\n");
            }
            Block::Milestones(rows) => {
                page.push_str("<table>\n");
                for (i, row) in rows.iter().enumerate() {
                    let cell = if i == 0 { "th" } else { "td" };
                    page.push_str("<tr>");
                    for text in row {
                        let _ = write!(page, "<{cell}>{}</{cell}>", Escaped(text));
                    }
                    page.push_str("</tr>\n");
                }
                page.push_str("</table>\n");
            }
        }
    }
    printed::page(title, STYLE, &page)
}

fn html_line(page: &mut String, set: Set, text: &str) {
    let text = Escaped(text);
    let _ = match set {
        Set::Text => writeln!(page, "<p>{text}</p>"),
        Set::Title => writeln!(page, "<p class=\"title\">{text}</p>"),
        Set::Heading => writeln!(page, "<h2>{text}</h2>"),
        Set::Middle => writeln!(page, "<p class=\"middle\">{text}</p>"),
        Set::Italic => writeln!(page, "<p class=\"middle\"><em>{text}</em></p>"),
    };
}

const STYLE: &str = "body{font:14pt/1.4 'Times New Roman',serif;margin:2em auto;max-width:50em;\
    padding:0 1em}h2{font-size:14pt}p{margin:.3em 0}.title{font-weight:bold;text-align:center}\
    .middle{text-align:center}.columns{display:flex;gap:1em;margin:1em 0}.columns>div{flex:1}\
    table{border-collapse:collapse;width:100%}th,td{border:1px solid #777;padding:.2em .4em;\
    text-align:left}tr{break-inside:avoid}@page{size:A4;margin:20mm 15mm 20mm 30mm}\
    @media print{body{margin:0;max-width:none}}";

// === as a file of a word processor ===

fn docx(parts: &[Block]) -> Docx {
    let font = "Times New Roman";
    let fonts = RunFonts::new()
        .ascii(font)
        .hi_ansi(font)
        .cs(font)
        .east_asia(font);
    let docx = Docx::new()
        .page_size(PAGE.0, PAGE.1)
        .page_margin(MARGINS)
        .default_fonts(fonts)
        .default_size(TEXT_SIZE)
        // fixed, so that the same report gives the same file
        .created_at("2025-01-01T00:00:00Z")
        .updated_at("2025-01-01T00:00:00Z");
    parts.iter().fold(docx, |docx, part| match part {
        Block::Line(set, text) => docx.add_paragraph(paragraph(*set, text)),
        Block::Columns(columns) => {
            let cells = columns.iter().map(|column| {
                let cell = TableCell::new().width(WIDTH / 2, WidthType::Dxa);
                column.iter().fold(cell, |cell, (set, text)| {
                    cell.add_paragraph(paragraph(*set, text))
                })
            });
            let row = TableRow::new(cells.collect());
            let table = Table::without_borders(vec![row]).set_grid(vec![WIDTH / 2; 2]);
            docx.add_table(table).add_paragraph(Paragraph::new())
        }
        Block::Milestones(rows) => {
            let grid = COLUMNS.map(|share| WIDTH * share / 100);
            let row = |(i, row): (usize, &[String; 4])| {
                let set = if i == 0 { Set::Title } else { Set::Text };
                let cells = row.iter().zip(grid).map(|(text, width)| {
                    let cell = TableCell::new().width(width, WidthType::Dxa);
                    cell.add_paragraph(paragraph(set, text))
                });
                TableRow::new(cells.collect())
            };
            let rows = rows.iter().enumerate().map(row).collect();
            docx.add_table(Table::new(rows).set_grid(grid.to_vec()))
                .add_paragraph(Paragraph::new())
        }
    })
}

fn paragraph(set: Set, text: &str) -> Paragraph {
    let run = Run::new().add_text(text);
    let run = match set {
        Set::Title | Set::Heading => run.bold(),
        Set::Italic => run.italic(),
        Set::Text | Set::Middle => run,
    };
    let paragraph = Paragraph::new()
        .line_spacing(LineSpacing::new().after(80))
        .add_run(run);
    match set {
        Set::Title | Set::Middle | Set::Italic => paragraph.align(AlignmentType::Center),
        Set::Text => paragraph.align(AlignmentType::Both),
        Set::Heading => paragraph,
    }
}
