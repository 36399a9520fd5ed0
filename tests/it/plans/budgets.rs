//! Budgets over the wire: lines by source and year, whose totals the registry computes.

use serde_json::{Value, json};

use crate::harness::{Engine, both, plans::Cast, raw::violations, server::Server};

fn dong(units: i64) -> Value {
    json!({"currency_code": "VND", "units": units})
}

fn line(source: &str, year: i32, units: i64) -> Value {
    json!({"source": source, "year": year, "amount": dong(units)})
}

both! {
    async fn the_totals_of_a_budget_are_computed(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let create = |id: &str, budget: Value| json!({
            "parent": "platforms/ndp-001", "plan_id": id,
            "plan": {"display_name": "Kế hoạch thử nghiệm", "budget": budget},
        });
        let lines = json!([
            line("Ngân sách nhà nước", 2026, 3),
            line("Ngân sách nhà nước", 2027, 4),
            line("Vốn doanh nghiệp", 2027, 2),
        ]);
        // what a client says of totals is not taken
        let budget = json!({
            "amount": dong(10), "lines": lines, "totals": [{"year": 2026, "amount": dong(9)}],
        });
        let plan = cast.editor.ok("CreatePlan", create("a", budget)).await;
        let totals: Vec<_> = plan["budget"]["totals"].as_array().unwrap().iter().map(|total| {
            let text = |value: &Value| value.to_string().replace('"', "");
            format!(
                "{} {} {}", text(&total["year"]), text(&total["source"]),
                text(&total["amount"]["units"]),
            )
        }).collect();
        let expected = [
            "null null 9", "2026 null 3", "2027 null 6", "null Ngân sách nhà nước 7",
            "null Vốn doanh nghiệp 2",
        ];
        assert_eq!(totals, expected, "{plan:#}");

        let mut euros = line("Vốn vay", 2027, 1);
        euros["amount"]["currency_code"] = json!("EUR");
        for (budget, received) in [
            (json!({"amount": dong(8), "lines": lines}), "plan.budget.lines OUT_OF_RANGE"),
            (
                json!({"amount": dong(8), "lines": [euros]}),
                "plan.budget.lines[0].amount.currency_code OUT_OF_RANGE",
            ),
            (json!({"lines": [{"year": 2026}]}), "plan.budget.lines[0].amount REQUIRED"),
            (
                json!({"lines": [line("x", 1989, 1)]}),
                "plan.budget.lines[0].year OUT_OF_RANGE",
            ),
            (json!({"lines": vec![line("x", 2026, 1); 61]}), "plan.budget.lines TOO_MANY_ITEMS"),
        ] {
            let refused = cast.editor.err("CreatePlan", create("b", budget)).await;
            assert_eq!(violations(&refused), received);
        }
        server.stop().await;
    }
}
