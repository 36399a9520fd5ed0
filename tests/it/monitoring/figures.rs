//! Reconciliations are as large as the figures they quote: their pages are cut before they outgrow
//! what a client reads, and every figure comes once.

use ndp_registry::pb;
use prost::Message;

use crate::harness::{
    Engine, both,
    server::{Clients, Server},
    synthetic::{self, steward},
};

/// A synthetic figure with a statement, parts and sources as long as they may be.
fn large(number: i32) -> pb::CreateFigureRequest {
    let source = pb::Source {
        uri: format!("https://example.invalid/{}", "x".repeat(1900)),
        note: "ệ".repeat(1000),
    };
    let part = |value: i32| pb::figure::Part {
        category: format!("{value:02}{}", "ệ".repeat(198)),
        value: value.into(),
    };
    pb::CreateFigureRequest {
        figure_id: format!("lon-{number:02}"),
        figure: Some(pb::Figure {
            figure_date: Some(synthetic::date(2026, 9, 30)),
            subject: pb::figure::Subject::PlatformsListed.into(),
            value: i64::from(number),
            statement: "ệ".repeat(2000),
            breakdown: (0..50).map(part).collect(),
            sources: vec![source; 20],
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The figures of a walk, each with its reconciliation, and how many pages it took.
async fn walk(clients: &mut Clients, order_by: &str) -> (Vec<pb::Reconciliation>, usize) {
    let (mut all, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let request = pb::ReconcileFiguresRequest {
            filter: "figure_date >= 2026-09-01".into(),
            order_by: order_by.into(),
            page_size: 1000,
            page_token,
            ..Default::default()
        };
        let page = clients.monitoring.reconcile_figures(request).await;
        let page = page.unwrap().into_inner();
        assert!(page.encoded_len() <= 4 * 1024 * 1024);
        all.extend(page.reconciliations);
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (all, pages);
        }
    }
}

both! {
    async fn a_page_of_reconciliations_never_outgrows_what_a_client_reads(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = steward(&server, "steward").await;
        let mut figures = Vec::new();
        for number in 0..40 {
            let made = keeper.monitoring.create_figure(large(number)).await;
            figures.push(made.unwrap().into_inner());
        }
        let bytes: usize = figures.iter().map(Message::encoded_len).sum();
        assert!(bytes > 5 * 1024 * 1024, "one page would hold them: {bytes}");
        for order_by in ["", "value desc"] {
            let (all, pages) = walk(&mut keeper, order_by).await;
            assert!(all.iter().all(|it| it.computed_value == Some(84)), "{order_by}");
            assert!(all.iter().all(|it| it.change_revisions == [1]), "{order_by}: seeded at once");
            let quoted: Vec<_> = all.into_iter().map(|it| it.figure.unwrap()).collect();
            assert!(quoted == figures && pages == 3, "{order_by}: {pages}");
            figures.reverse();
        }
        server.stop().await;
    }
}
