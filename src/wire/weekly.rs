//! The report of a week in Vietnamese, as a text and as a page to print. Each number has the path
//! of the summary that answers it.

use std::fmt::{Display, Write as _};

use super::{
    monitoring::{agency_display_name, counts, scope_edition, warnings},
    printed::{self, Escaped, day},
    values::write_date,
};
use crate::pb;
use ndp_core::{
    monitoring::{agencies::AgencyCounts, summary::Summary, tally::CountScope, tasks::TaskNumbers},
    names::AgencyName,
    state::State,
    time::{Date, Timestamp},
};

/// The most agencies that a report names; the rest are counted.
const AGENCIES_MAX: usize = 500;
/// The report shows no tasks.
const NO_TASKS: TaskNumbers = TaskNumbers::NONE;

const NO_AGENCY: &str = "Chưa rõ cơ quan chủ quản";

/// A number of a report: what it is called (docs/glossary.md), and its field of the counts.
type Line = (&'static str, fn(&pb::agency_summary::Counts) -> Option<i32>);

/// The numbers of the whole.
const WHOLE: [Line; 10] = [
    ("Số nền tảng trong danh mục", |it| {
        it.held_platform_count
    }),
    (
        "Số nền tảng đã ban hành kế hoạch triển khai",
        |it| it.issued_plan_platform_count,
    ),
    ("Số nền tảng đã vận hành", |it| {
        it.operating_platform_count
    }),
    ("Số nền tảng đã ra khỏi danh mục", |it| {
        it.retired_platform_count
    }),
    ("Số mốc nhiệm vụ", |it| it.milestone_count),
    ("Số mốc nhiệm vụ đã hoàn thành", |it| {
        it.completed_milestone_count
    }),
    ("Số mốc nhiệm vụ quá hạn", |it| {
        it.overdue_milestone_count
    }),
    ("Số kế hoạch có báo cáo quá hạn", |it| {
        it.late_report_plan_count
    }),
    (
        "Số kế hoạch có đánh giá tiến độ không thống nhất",
        |it| it.diverging_plan_count,
    ),
    (
        "Số kết quả chưa có minh chứng kiểm tra được",
        |it| it.unsubstantiated_claim_count,
    ),
];

/// The numbers of an agency, under short headings.
const OF_AGENCY: [Line; 6] = [
    ("Nền tảng", |it| it.held_platform_count),
    ("Đã ban hành kế hoạch", |it| {
        it.issued_plan_platform_count
    }),
    ("Đã vận hành", |it| it.operating_platform_count),
    ("Mốc đã hoàn thành", |it| it.completed_milestone_count),
    ("Mốc quá hạn", |it| it.overdue_milestone_count),
    ("Báo cáo quá hạn", |it| it.late_report_plan_count),
];

/// What was counted on the last day of a week, and seven days before.
#[derive(Debug)]
pub struct Weekly {
    title: String,
    /// What it answers for, a line each.
    about: Vec<String>,
    date: Date,
    compared: Option<Date>,
    whole: Row,
    rows: Vec<Row>,
    /// How many agencies have something and are not named.
    unnamed: usize,
    paths: Paths,
    revision: i64,
    synthetic: bool,
}

/// The counts of one agency, or of all.
#[derive(Debug)]
struct Row {
    of: Of,
    name: String,
    now: pb::agency_summary::Counts,
    before: Option<pb::agency_summary::Counts>,
}

/// Whose platforms are counted.
#[derive(Debug)]
enum Of {
    All,
    Agency(AgencyName),
    /// Those that no agency governs.
    Nobody,
}

/// One number of a row.
struct Cell {
    number: i32,
    /// The number of the other date, and how much there is more now.
    before: Option<(i32, i32)>,
}

impl Row {
    fn cell(&self, (_, get): &Line) -> Cell {
        let number = get(&self.now).unwrap_or_default();
        let before = self.before.as_ref().and_then(get);
        Cell {
            number,
            before: before.map(|before| (before, number - before)),
        }
    }

    fn is_empty(&self) -> bool {
        let is_none = |line| {
            let cell = self.cell(line);
            cell.number == 0 && cell.before.is_none_or(|(before, _)| before == 0)
        };
        OF_AGENCY.iter().all(is_none)
    }
}

/// The paths of the summaries that a report is made of.
#[derive(Debug)]
struct Paths {
    edition: String,
    /// What the registry knew, as a parameter.
    read_at: String,
}

impl Paths {
    /// The row of counts on a date. Platforms without an agency have no summary of their own, so
    /// they link to the table of all.
    fn of(&self, of: &Of, date: Date) -> String {
        let Self { edition, read_at } = self;
        let agency = match of {
            Of::All => String::new(),
            Of::Agency(name) => format!("&agency={name}"),
            Of::Nobody => return self.table(date, None),
        };
        format!(
            "/v1/platforms:computeSummary?edition={edition}{agency}&effectiveDate={date}&{read_at}"
        )
    }

    /// That of all counts of all agencies as a table.
    fn table(&self, date: Date, compared: Option<Date>) -> String {
        let Self { edition, read_at } = self;
        let compared = compared.map_or_else(String::new, |it| format!("&comparisonDate={it}"));
        format!(
            "/v1/platforms:computeAgencySummaries?format=csv&edition={edition}&effectiveDate={date}\
             {compared}&{read_at}"
        )
    }
}

impl Weekly {
    /// The report of these counts. Its paths read at this time, else at the revision.
    pub fn new(
        whole: &Summary,
        compared: Option<&Summary>,
        rows: &[AgencyCounts],
        read_at: Option<Timestamp>,
        state: &State,
    ) -> Self {
        let revision = state.revision().get();
        let read_at = read_at.map_or_else(
            || format!("readRevision={revision}"),
            |time| format!("readTime={time}"),
        );
        let named = rows.iter().map(|row| Row {
            of: row.agency.clone().map_or(Of::Nobody, Of::Agency),
            name: match &row.agency {
                Some(_) => agency_display_name(state, row.agency.as_ref()),
                None => NO_AGENCY.to_owned(),
            },
            now: counts(&row.counts, &NO_TASKS),
            before: row.compared.as_ref().map(|it| counts(it, &NO_TASKS)),
        });
        let mut rows: Vec<_> = named.filter(|row| !row.is_empty()).collect();
        let unnamed = rows.len().saturating_sub(AGENCIES_MAX);
        rows.truncate(AGENCIES_MAX);
        let (date, other) = (whole.date, compared.map(|it| it.date));
        let mut about = vec![listed(&whole.count_scope, state)];
        about.push(match other {
            Some(other) => format!("Số liệu ngày {}, so với ngày {}.", day(date), day(other)),
            None => format!("Số liệu ngày {}; chưa có số liệu tuần trước.", day(date)),
        });
        let warnings = warnings(state, &whole.count_scope, date);
        about.extend(
            warnings
                .into_iter()
                .map(|it| format!("Lưu ý: {}.", it.text_vi)),
        );
        if whole.synthetic {
            about.push(printed::SYNTHETIC.to_owned());
        }
        Self {
            title: format!("Báo cáo tuần về nền tảng số, đến ngày {}", day(date)),
            about,
            date,
            compared: other,
            whole: Row {
                of: Of::All,
                name: "Tổng số".to_owned(),
                now: counts(&whole.counts, &NO_TASKS),
                before: compared.map(|it| counts(&it.counts, &NO_TASKS)),
            },
            rows,
            unnamed,
            paths: Paths {
                edition: scope_edition(&whole.count_scope),
                read_at,
            },
            revision,
            synthetic: whole.synthetic,
        }
    }

    /// How many agencies it names.
    pub const fn agencies(&self) -> usize {
        self.rows.len()
    }

    /// The message of it.
    pub fn answer(&self) -> pb::ComputeWeeklyReportResponse {
        pb::ComputeWeeklyReportResponse {
            text: self.text(),
            html: self.html(),
            edition: self.paths.edition.clone(),
            effective_date: write_date(Some(self.date)),
            comparison_date: write_date(self.compared),
            revision: self.revision,
            synthetic: self.synthetic,
        }
    }

    /// What follows the agencies that it names.
    fn rest(&self) -> Option<String> {
        (self.unnamed > 0).then(|| format!("Còn {} cơ quan khác trong bảng đầy đủ.", self.unnamed))
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        for line in &self.about {
            let _ = writeln!(text, "{line}");
        }
        text.push('\n');
        for line in &WHOLE {
            let _ = writeln!(text, "- {}: {}", line.0, CellText(&self.whole.cell(line)));
        }
        for date in [Some(self.date), self.compared].into_iter().flatten() {
            let _ = writeln!(text, "  {}", self.paths.of(&Of::All, date));
        }
        text.push_str("\nTheo cơ quan chủ quản\n\n");
        for row in &self.rows {
            let cells = OF_AGENCY.iter().map(|line| {
                let name = line.0.to_lowercase();
                format!("{name} {}", CellText(&row.cell(line)))
            });
            let cells: Vec<_> = cells.collect();
            let _ = writeln!(text, "- {}: {}", row.name, cells.join("; "));
            for date in [Some(self.date), self.compared].into_iter().flatten() {
                let _ = writeln!(text, "  {}", self.paths.of(&row.of, date));
            }
        }
        if let Some(rest) = self.rest() {
            let _ = writeln!(text, "{rest}");
        }
        let table = self.paths.table(self.date, self.compared);
        let _ = writeln!(text, "\nBảng đầy đủ (CSV): {table}");
        text
    }

    fn html(&self) -> String {
        let mut page = format!("<h1>{}</h1>\n", Escaped(&self.title));
        for line in &self.about {
            let _ = writeln!(page, "<p>{}</p>", Escaped(line));
        }
        page.push_str("<table>\n<caption>Tổng số</caption>\n<thead><tr><th scope=\"col\">Chỉ tiêu");
        self.headings(&mut page, &["Tuần này"]);
        for line in &WHOLE {
            let _ = write!(page, "<tr><th scope=\"row\">{}</th>", Escaped(line.0));
            self.cells(&mut page, &self.whole, line);
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n<table>\n<caption>Theo cơ quan chủ quản</caption>\n");
        page.push_str("<thead><tr><th scope=\"col\">Cơ quan");
        self.headings(&mut page, &OF_AGENCY.map(|line| line.0));
        for row in self.rows.iter().chain([&self.whole]) {
            let _ = write!(page, "<tr><th scope=\"row\">{}</th>", Escaped(&row.name));
            for line in &OF_AGENCY {
                self.cells(&mut page, row, line);
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody>\n</table>\n");
        if let Some(rest) = self.rest() {
            let _ = writeln!(page, "<p>{rest}</p>");
        }
        let table = self.paths.table(self.date, self.compared);
        let _ = writeln!(
            page,
            "<p><a href=\"{}\">Bảng đầy đủ (CSV)</a>. Mỗi số dẫn đến phần tổng hợp có số đó, tính \
             theo dữ liệu đến thay đổi thứ {}.</p>",
            Escaped(&table),
            self.revision
        );
        printed::page(&self.title, STYLE, &page)
    }

    /// The rest of a table's head, after its first heading.
    fn headings(&self, page: &mut String, names: &[&str]) {
        page.push_str("</th>");
        for name in names {
            let _ = write!(page, "<th scope=\"col\">{}</th>", Escaped(name));
            if self.compared.is_some() {
                page.push_str("<th scope=\"col\">Tuần trước</th><th scope=\"col\">Tăng, giảm</th>");
            }
        }
        page.push_str("</tr></thead>\n<tbody>\n");
    }

    /// A number, and beside it that of the week before and the difference.
    fn cells(&self, page: &mut String, row: &Row, line: &Line) {
        let cell = row.cell(line);
        let mut number = |number: i32, date| {
            let path = self.paths.of(&row.of, date);
            let _ = write!(page, "<td><a href=\"{}\">{number}</a></td>", Escaped(&path));
        };
        number(cell.number, self.date);
        if let (Some((before, more)), Some(date)) = (cell.before, self.compared) {
            number(before, date);
            let _ = write!(page, "<td>{}</td>", Signed(more));
        }
    }
}

/// The scope of the numbers.
fn listed(count_scope: &CountScope, state: &State) -> String {
    let edition = count_scope
        .edition
        .as_ref()
        .and_then(|name| state.edition(name));
    match edition {
        Some(edition) => format!(
            "Danh mục theo {} ({}).",
            edition.fields.decision.symbol,
            edition.name.as_str()
        ),
        None => "Tất cả nền tảng trong cơ sở dữ liệu.".to_owned(),
    }
}

/// A number with what it was.
struct CellText<'a>(&'a Cell);

impl Display for CellText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cell { number, before } = self.0;
        match before {
            None => write!(f, "{number}"),
            Some((_, 0)) => write!(f, "{number} (không đổi)"),
            Some((before, more)) => {
                write!(f, "{number} (tuần trước {before}, {})", Signed(*more))
            }
        }
    }
}

/// A difference with its sign.
struct Signed(i32);

impl Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            more => write!(f, "{more:+}"),
        }
    }
}

const STYLE: &str = "body{font:12pt/1.4 serif;margin:2em auto;max-width:60em;padding:0 1em}\
    h1{font-size:16pt}table{border-collapse:collapse;margin:1em 0;width:100%}\
    caption{font-weight:bold;text-align:left}th,td{border:1px solid #777;padding:.2em .4em}\
    tbody th{font-weight:normal;text-align:left}td{text-align:right}\
    thead{display:table-header-group}\
    tr{break-inside:avoid}a{color:inherit}@page{size:A4;margin:15mm}\
    @media print{body{margin:0;max-width:none}a{text-decoration:none}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_what_it_was() {
        let text = |number, before| CellText(&Cell { number, before }).to_string();
        assert_eq!(text(5, None), "5");
        assert_eq!(text(5, Some((5, 0))), "5 (không đổi)");
        assert_eq!(text(5, Some((3, 2))), "5 (tuần trước 3, +2)");
        assert_eq!(text(3, Some((5, -2))), "3 (tuần trước 5, -2)");
    }
}
