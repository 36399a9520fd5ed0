//! Recommendations: the list, and one with its term, its answer and the steps between.

use maud::{Markup, html};

use super::{
    Made,
    acts::offers,
    ask::{Ask, Failed},
    lists::list_page,
    parts::{
        ROWS, answering_tone, document, evidence, fact, history, nothing, record, table, text,
    },
    picture::toned,
    words::NONE,
};
use crate::pb;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListRecommendationsRequest {
        page_token: ask.address.get("page").to_owned(),
        ..request(ask, filter, ROWS)
    };
    let answer = ask
        .get(ask.recommendations().list_recommendations(request))
        .await?;
    let all = &answer.recommendations;
    let names = ask.names(all.iter().map(|it| &*it.agency)).await?;
    let heads = [
        (lang.t("Nội dung", "Subject"), false),
        (lang.t("Cơ quan trả lời", "To be answered by"), false),
        (lang.t("Ngày tiếp nhận", "Received"), false),
        (lang.t("Hạn trả lời", "Answer due"), false),
        (lang.t("Tình trạng", "Standing"), false),
    ];
    let rows = html! {
        @for one in all {
            tr {
                td.what {
                    (record(ask, &one.name, &one.display_name))
                    span.small {
                        (lang.value("Recommendation.Kind", one.kind().as_str_name()))
                    }
                }
                td { (record(ask, &one.agency, names.of(&one.agency, lang))) }
                td.date { (lang.date(one.receive_date)) }
                td.date { (lang.date(one.answer_due_date)) }
                td { (how(ask, one)) }
            }
        }
    };
    let title = lang.t("Phản ánh, kiến nghị, sáng kiến", "Recommendations");
    let rows = match all.is_empty() {
        true => nothing(lang),
        false => table(lang, title, &heads, &rows),
    };
    let files = ask.address.files("/v1/recommendations", filter);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

/// The request for the recommendations that this filter leaves, by the day their answer is due.
pub(super) fn request(ask: &Ask, filter: &str, page_size: i32) -> pb::ListRecommendationsRequest {
    pb::ListRecommendationsRequest {
        page_size,
        filter: filter.to_owned(),
        order_by: "answer_due_date".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    }
}

/// How a recommendation stands.
fn how(ask: &Ask, one: &pb::Recommendation) -> Markup {
    let lang = ask.lang();
    html! {
        @match &one.standing {
            Some(it) => {
                @let word = lang.value("Recommendation.Standing.State", it.state().as_str_name());
                (toned(answering_tone(it.state()), word))
            }
            None => (NONE),
        }
    }
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("recommendations/{id}");
    let request = pb::GetRecommendationRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
    };
    let one = ask
        .get(ask.recommendations().get_recommendation(request))
        .await?;
    let names = one
        .forwards
        .iter()
        .flat_map(|it| [&*it.previous_agency, &*it.agency]);
    let names = names.chain([&*one.agency]).filter(|it| !it.is_empty());
    let names = ask.names(names).await?;
    let offers = offers(ask, [(&*name, one.state().as_str_name())]).await?;
    let title = &one.display_name;
    let term = one.term.clone().unwrap_or_default();
    Ok(Made {
        title: title.clone(),
        main: html! {
            section.opening {
                p.kind { (lang.value("Recommendation.Kind", one.kind().as_str_name())) }
                h1 { (title) }
                p.lead { (how(ask, &one)) }
                (text(&one.content))
                (offers.links(ask, &name))
            }
            section {
                h2 { (lang.t("Thời hạn", "Term")) }
                dl {
                    dt { (lang.t("Ngày tiếp nhận", "Received")) }
                    dd { (lang.date(one.receive_date)) }
                    dt { (lang.t("Cơ quan trả lời", "To be answered by")) }
                    dd { (record(ask, &one.agency, names.of(&one.agency, lang))) }
                    dt { (lang.t("Hạn trả lời", "Answer due")) }
                    dd { (lang.date(one.answer_due_date)) }
                    @if term.legal_basis.is_some() {
                        dt { (lang.t("Căn cứ pháp lý", "Legal basis")) }
                        dd { (document(lang, term.legal_basis.as_ref())) }
                    }
                    (fact(lang.t("Căn cứ pháp lý", "Legal basis"), &term.legal_basis_text))
                    (fact(lang.t("Người gửi", "Sender"),
                        lang.value("Recommendation.SenderKind", one.sender_kind().as_str_name())))
                }
            }
            section {
                h2 { (lang.t("Nội dung trả lời", "Answer")) }
                @match &one.answer {
                    Some(answer) => {
                        p { (lang.date(answer.answer_date)) ": "
                            (lang.value("Recommendation.Answer.Outcome",
                                answer.outcome().as_str_name())) }
                        (text(&answer.text))
                        p { (document(lang, answer.document.as_ref())) }
                        (evidence(lang, &answer.evidence))
                    }
                    None => p.none { (lang.t("Chưa có trả lời.", "There is no answer yet.")) },
                }
            }
            @if !one.forwards.is_empty() || !one.tasks.is_empty() || !one.steps.is_empty() {
                section.wide {
                    h2 { (lang.t("Quá trình xử lý", "How it was handled")) }
                    ul {
                        @for it in &one.forwards {
                            li {
                                (lang.date(it.forward_date)) ": "
                                (names.of(&it.previous_agency, lang)) " → "
                                (record(ask, &it.agency, names.of(&it.agency, lang)))
                            }
                        }
                        @for it in &one.steps {
                            li {
                                (lang.date(it.step_date)) ": "
                                (lang.value("Recommendation.Step.Kind", it.kind().as_str_name()))
                            }
                        }
                        @for it in &one.tasks {
                            li {
                                (lang.date(it.link_date)) ": "
                                (lang.t("thành nhiệm vụ ", "became the task "))
                                (record(ask, &it.task, it.task.trim_start_matches("tasks/")))
                            }
                        }
                    }
                }
            }
            (history(ask, &name))
        },
    })
}
