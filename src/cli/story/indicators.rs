//! The synthetic year's indicator: three agencies declare a rate month by month; one value is
//! confirmed by a second person, one is corrected, one is measured by a system, and one is missing.

use anyhow::{Context, Result};

use super::{APPROVER, EDITOR, STEWARD, SYNTHETIC, Story, agency, source};
use ndp_core::{
    names::{AgencyName, IndicatorName, ObservationName},
    records::{
        indicators::{
            Accumulation, Definition, IndicatorFields, IndicatorKind, PeriodType, Preference, Span,
            Target, Unit,
        },
        observations::{Basis, Draft, Qualifier},
    },
    rules::{
        indicators::{ClosePeriod, CreateIndicator},
        observations::{CreateObservation, Entry},
    },
    time::{Date, Period},
};

/// Numbers of synthetic files, and how many of them were on time, by agency and month; `None` for
/// a month without a value.
const FILES: [[Option<(i64, i64)>; 4]; 3] = [
    [
        Some((900, 1000)),
        Some((930, 1000)),
        Some((955, 1000)),
        Some((960, 1000)),
    ],
    [
        Some((410, 500)),
        Some((440, 500)),
        Some((455, 500)),
        Some((470, 500)),
    ],
    [Some((190, 250)), Some((200, 250)), Some((205, 250)), None],
];

impl Story {
    pub(super) fn indicators(&mut self) -> Result<()> {
        let kind = PeriodType::Month;
        let first = self.date("2025-07-05")?;
        let mut span = kind.before(first).context("a month")?;
        let name = IndicatorName::from_id("thu-dung-han").context("an indicator's id")?;
        let of = name.clone();
        let fields = indicator(span.end.plus_days(100), agency(0)?)?;
        self.event(span.end.plus_days(1), STEWARD, "", move |_| {
            Ok(Box::new(CreateIndicator {
                name: of.clone(),
                fields: fields.clone(),
            }))
        });
        for month in 0..4 {
            let day = span.end.plus_days(5);
            for (number, files) in FILES.iter().enumerate() {
                let Some(Some(files)) = files.get(month) else {
                    continue;
                };
                let entry = entry(&name, number, span, *files)?;
                if (number, month) == (0, 3) {
                    self.value(day.plus_days(2), APPROVER, again(&entry, Basis::Confirmed)?);
                }
                if (number, month) == (1, 3) {
                    self.value(day, EDITOR, again(&entry, Basis::Measured)?);
                    continue;
                }
                if (number, month) == (2, 1) {
                    let mut corrected = again(&entry, Basis::Declared)?;
                    corrected.draft.numerator = Some("202".parse()?);
                    corrected.draft.value = Some("80.8".parse()?);
                    corrected.draft.replaces = Some(entry.name.clone());
                    corrected.draft.correction_reason = format!("đính chính {SYNTHETIC}");
                    self.value(day.plus_days(3), EDITOR, corrected);
                }
                self.value(day, EDITOR, entry);
            }
            if month == 0 {
                let (closed, name) = (span, name.clone());
                self.event(day.plus_days(9), STEWARD, "", move |state| {
                    let indicator = state.indicator(&name).context("no such indicator")?;
                    Ok(Box::new(ClosePeriod {
                        name: name.clone(),
                        etag: indicator.meta.etag(),
                        period: Some(period(closed)),
                    }))
                });
            }
            span = kind.around(span.end.plus_days(1)).context("a month")?;
        }
        Ok(())
    }

    fn value(&mut self, day: Date, who: &'static str, entry: Entry) {
        self.event(day, who, "", move |_| {
            Ok(Box::new(CreateObservation {
                entry: entry.clone(),
            }))
        });
    }
}

fn indicator(by: Date, agency: AgencyName) -> Result<IndicatorFields> {
    let source = source("bản ghi thử nghiệm, không có thật");
    Ok(IndicatorFields {
        display_name: format!("Tỷ lệ đúng hạn thử nghiệm {SYNTHETIC}"),
        display_name_en: format!("On-time rate {SYNTHETIC}"),
        unit: Unit::Percent,
        kind: IndicatorKind::Ratio,
        direction: Preference::Higher,
        accumulation: Accumulation::InPeriod,
        period_type: PeriodType::Month,
        decimals: 2,
        definitions: vec![Definition {
            version: 1,
            numerator: format!("hồ sơ thử nghiệm đúng hạn {SYNTHETIC}"),
            denominator: format!("hồ sơ thử nghiệm {SYNTHETIC}"),
            sources: vec![source.clone()],
            ..Definition::default()
        }],
        targets: vec![Target {
            agency: Some(agency),
            scope: None,
            target_date: by,
            value: "98".parse()?,
            document: None,
            sources: vec![source],
        }],
        ..IndicatorFields::default()
    })
}

fn period(span: Span) -> Period {
    Period {
        start: span.start,
        end: Some(span.end),
        as_written: String::new(),
    }
}

fn entry(
    name: &IndicatorName,
    number: usize,
    span: Span,
    (on_time, files): (i64, i64),
) -> Result<Entry> {
    let hundredths = on_time * 10_000 / files;
    let id = format!("cq-{}-{}", number + 1, span.end);
    Ok(Entry {
        name: ObservationName::from_id(name, &id).context("an observation's id")?,
        named: true,
        draft: Draft {
            agency: Some(agency(number)?),
            scope: None,
            period: Some(period(span)),
            definition_version: 0,
            basis: Basis::Declared,
            qualifier: Qualifier::Exact,
            numerator: Some(on_time.to_string().parse()?),
            denominator: Some(files.to_string().parse()?),
            value: Some(format!("{}.{:02}", hundredths / 100, hundredths % 100).parse()?),
            statement: String::new(),
            evidence: Vec::new(),
            sources: Vec::new(),
            replaces: None,
            correction_reason: String::new(),
        },
    })
}

/// The same value again, on this basis.
fn again(entry: &Entry, basis: Basis) -> Result<Entry> {
    let id = format!("{}-{}", entry.name.id(), basis.as_str().to_lowercase());
    let name = ObservationName::from_id(&entry.name.parent(), &id);
    let mut entry = entry.clone();
    entry.name = name.context("an observation's id")?;
    entry.draft.basis = basis;
    Ok(entry)
}
