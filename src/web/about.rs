//! About the data: how each number is made, in the words of the API's contract.

use std::sync::LazyLock;

use maud::{Markup, html};

use super::{
    Made,
    ask::Ask,
    parts::{left_out, prose},
    words::Lang,
};
use crate::{
    pb::glossary::FigureLabel,
    wire::{
        descriptors::{Comments, PACKAGE, POOL},
        glossary::figure_label,
    },
};

/// Figures of each message that are printed, as the style sheet has it.
pub(super) const PRINTED: usize = 4;

/// A figure of an answer, with the comment of the contract on it.
struct Figure {
    message: String,
    field: String,
    text: String,
}

/// The messages whose figures are explained, in the order of the page.
const MESSAGES: [&str; 8] = [
    "ComputeSummaryResponse",
    "TaskCounts",
    "RecommendationCounts",
    "DeploymentCounts",
    "DataFlowCounts",
    "AgencySummary.Counts",
    "Reconciliation",
    "ComputeDataQualityResponse.Score",
];

static FIGURES: LazyLock<Vec<Figure>> = LazyLock::new(|| {
    let comments = Comments::read();
    let messages = MESSAGES.iter().filter_map(|name| {
        let message = POOL.get_message_by_name(&format!("{PACKAGE}.{name}"))?;
        Some((name, message))
    });
    let figures = messages.flat_map(|(name, message)| {
        let figures = message.fields().map(|field| Figure {
            message: (*name).to_owned(),
            field: field.name().to_owned(),
            text: comments.of_field(&field).to_owned(),
        });
        figures.collect::<Vec<_>>()
    });
    figures.collect()
});

pub(super) fn page(ask: &Ask) -> Made {
    let lang = ask.lang();
    let title = lang.t("Về dữ liệu", "About the data");
    Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                h1 { (title) }
                p.lead {
                    (lang.t(
                        "Mỗi số trên các trang là câu trả lời của API cho đúng ngày và phiên bản \
                         ghi ở đầu trang; trang chỉ tự đếm số dòng của danh sách và lấy trung vị. \
                         Dưới đây là cách tính từng số, theo chính lời của hợp đồng API (tiếng \
                         Anh).",
                        "Each number of these pages is an answer of the API for the day and the \
                         revision at the top; a page itself only counts the rows of lists and \
                         takes medians. Below is how each number is made, in the words of the \
                         API's contract.",
                    ))
                }
                ul {
                    li { (lang.t(
                        "Thiếu dữ liệu được gạch chéo và ghi rõ, không bao giờ là số 0.",
                        "What is missing is hatched and says so; it is never zero.",
                    )) }
                    li { (lang.t(
                        "Số đã công bố luôn đứng cạnh số hệ thống tính được, kèm chênh lệch.",
                        "A published number stands beside the computed one, with the difference.",
                    )) }
                    li { (lang.t(
                        "Không có điểm tổng hợp. Màu luôn đi cùng chữ và hoa văn.",
                        "There is no total score. A colour comes with a word and a pattern.",
                    )) }
                    li { (lang.t(
                        "Liên kết có “known” giữ nguyên câu trả lời về sau.",
                        "A link with “known” keeps its answer.",
                    )) }
                }
            }
            @for message in MESSAGES {
                section.wide {
                    h2 { (heading(lang, message)) }
                    @let figures = labelled(message);
                    dl.long {
                        @for (figure, label) in &figures {
                            dt {
                                (lang.either(&label.display_name, &label.display_name_en, ""))
                                " " code { (figure.field) }
                            }
                            dd lang="en" { (prose(&figure.text)) }
                        }
                    }
                    (left_out(lang, PRINTED, figures.len()))
                }
            }
        },
    }
}

/// The figures of a message that the glossary has a word for.
fn labelled(message: &str) -> Vec<(&'static Figure, &'static FigureLabel)> {
    let figures = FIGURES.iter().filter(|it| it.message == message);
    let labelled = figures.filter_map(|it| Some((it, figure_label(message, &it.field)?)));
    labelled.collect()
}

fn heading(lang: Lang, message: &str) -> Markup {
    let text = match message {
        "ComputeSummaryResponse" => lang.t("Tổng quan", "Summary"),
        "TaskCounts" => lang.t("Nhiệm vụ", "Tasks"),
        "RecommendationCounts" => lang.t("Kiến nghị", "Recommendations"),
        "DeploymentCounts" => lang.t("Triển khai", "Deployments"),
        "DataFlowCounts" => lang.t("Luồng dữ liệu", "Data flows"),
        "AgencySummary.Counts" => lang.t("Theo cơ quan", "By agency"),
        "Reconciliation" => lang.t("Đối chiếu số đã công bố", "Reconciliation"),
        _ => lang.t("Chất lượng dữ liệu", "Data quality"),
    };
    html! { (text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_figures_that_are_explained() {
        for message in MESSAGES {
            let mut of = FIGURES.iter().filter(|it| it.message == message);
            assert!(of.any(|it| !it.text.is_empty()), "{message}");
        }
    }
}
