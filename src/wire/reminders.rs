//! What an agency has to do: as a message, as an Atom feed (RFC 4287) and as a calendar (RFC 5545),
//! both in Vietnamese. The same reminders give the same texts, byte by byte.

use atom_syndication::{Category, Content, Entry, Feed, Person, Text};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use icalendar::{Alarm, Calendar, Component as _, Event, EventLike as _};

use super::{
    monitoring::agency_display_name,
    printed::day,
    values::{write_date, write_enum},
    words::wire_words,
};
use crate::pb::{self, compute_reminders_response as answer};
use ndp_core::{
    monitoring::reminders::{Reminder, ReminderKind},
    names::AgencyName,
    state::State,
    time::Date,
};

wire_words! {
    ReminderKind = pb::compute_reminders_response::reminder::Kind;
}

/// The most that an answer lists.
const REMINDERS_MAX: usize = 500;

/// Days before a due date at which there is an alarm.
const ALARM_DAYS: [i64; 3] = [7, 3, 1];

/// Scheme of the ids of entries (RFC 4151), which stay the same on every server.
const TAG: &str = "tag:ndp-registry,2025";

/// The reminders of an agency on a date.
pub fn reminders(
    agency: &AgencyName,
    on: Date,
    all: &[Reminder],
    state: &State,
) -> pb::ComputeRemindersResponse {
    let listed = all.get(..REMINDERS_MAX).unwrap_or(all);
    let name = agency_display_name(state, Some(agency));
    let synthetic = state.is_synthetic();
    let mut title = format!("Việc đến hạn của {name}");
    if synthetic {
        title.insert_str(0, "[DỮ LIỆU THỬ NGHIỆM] ");
    }
    pb::ComputeRemindersResponse {
        reminders: listed.iter().map(|it| reminder(it, on)).collect(),
        total_size: i32::try_from(all.len()).unwrap_or(i32::MAX),
        atom: atom(agency, &title, &name, on, listed),
        icalendar: calendar(&title, on, listed),
        agency: agency.to_string(),
        agency_display_name: name,
        effective_date: write_date(Some(on)),
        revision: state.revision().get(),
        synthetic,
    }
}

fn reminder(record: &Reminder, on: Date) -> answer::Reminder {
    let Reminder {
        kind,
        resource,
        display_name,
        due,
        period_end,
    } = record;
    answer::Reminder {
        kind: write_enum(*kind),
        resource: resource.clone(),
        display_name: display_name.clone(),
        due_date: write_date(Some(*due)),
        days_left: i32::try_from(on.days_until(*due)).ok(),
        period_end_date: write_date(*period_end),
    }
}

/// What is to be done, without the day.
fn summary(record: &Reminder) -> String {
    let name = &record.display_name;
    let action = match record.kind {
        ReminderKind::Milestone => "Hoàn thành mốc nhiệm vụ",
        ReminderKind::Report => "Gửi báo cáo tiến độ",
        ReminderKind::Task => "Hoàn thành nhiệm vụ và báo cáo",
        ReminderKind::TaskConfirmation => "Xác nhận hoặc trả lại báo cáo nhiệm vụ",
        ReminderKind::Recommendation => "Trả lời phản ánh, kiến nghị",
        ReminderKind::DeploymentStage => "Hoàn thành giai đoạn triển khai",
        ReminderKind::DeploymentReport => "Cập nhật tình hình triển khai",
        ReminderKind::LegacySystem => "Thay thế hệ thống cũ",
        ReminderKind::Observation => "Khai báo số liệu",
    };
    match record.period_end {
        Some(end) => format!("{action} kỳ đến {}: {name}", day(end)),
        None => format!("{action}: {name}"),
    }
}

/// Identifies a reminder: the same on every server, and stable while its due date is.
fn key(record: &Reminder) -> String {
    let kind = record.kind.as_str();
    format!("{}:{kind}:{}", record.resource, record.due)
}

/// How urgent the reminder is on the day of the read, in words, and the day since when.
fn urgency(record: &Reminder, on: Date) -> (String, Date) {
    let due = record.due;
    let left = on.days_until(due);
    if left < 0 {
        return (
            format!("quá hạn từ {}", day(due.plus_days(1))),
            due.plus_days(1),
        );
    }
    let reached = ALARM_DAYS.into_iter().rev().find(|days| left <= *days);
    let since = i32::try_from(reached.unwrap_or(left)).unwrap_or(0);
    (format!("hạn {}", day(due)), due.plus_days(-since))
}

/// The beginning of a day in Vietnam, which has had one offset since 1975.
fn midnight(date: Date) -> DateTime<Utc> {
    let midnight = civil(date).and_time(chrono::NaiveTime::MIN).and_utc();
    midnight - TimeDelta::hours(7)
}

fn civil(date: Date) -> NaiveDate {
    let month_and_day = (u32::try_from(date.month()), u32::try_from(date.day()));
    let date = match month_and_day {
        (Ok(month), Ok(day)) => NaiveDate::from_ymd_opt(date.year(), month, day),
        _ => None,
    };
    // a date of the registry is one of the calendar
    date.unwrap_or_default()
}

fn atom(agency: &AgencyName, title: &str, name: &str, on: Date, listed: &[Reminder]) -> String {
    let entries: Vec<_> = listed.iter().map(|it| entry(it, on)).collect();
    let newest = entries.iter().map(|it| it.updated).max();
    let feed = Feed {
        title: Text::plain(title),
        id: format!("{TAG}:{agency}:reminders"),
        updated: newest.unwrap_or_else(|| midnight(on).fixed_offset()),
        authors: vec![Person {
            name: name.to_owned(),
            ..Person::default()
        }],
        entries,
        lang: Some("vi".to_owned()),
        ..Feed::default()
    };
    feed.to_string()
}

fn entry(record: &Reminder, on: Date) -> Entry {
    let (urgency, since) = urgency(record, on);
    let title = format!("{} ({urgency})", summary(record));
    Entry {
        title: Text::plain(title),
        // a new id at each level of urgency, so that a feed reader shows it as new
        id: format!("{TAG}:{}:{since}", key(record)),
        updated: midnight(since).fixed_offset(),
        categories: vec![Category {
            term: record.kind.as_str().to_owned(),
            ..Category::default()
        }],
        content: Some(Content {
            value: Some(format!("{}\n/v1/{}", summary(record), record.resource)),
            content_type: Some("text".to_owned()),
            ..Content::default()
        }),
        ..Entry::default()
    }
}

fn calendar(title: &str, on: Date, listed: &[Reminder]) -> String {
    let mut calendar = Calendar::new();
    calendar.name(title);
    for record in listed {
        let (urgency, since) = urgency(record, on);
        let due = civil(record.due);
        let mut event = Event::new();
        event
            .uid(&format!("{}@{TAG}", key(record)))
            .timestamp(midnight(since))
            .summary(&format!("{} ({urgency})", summary(record)))
            .description(&format!("/v1/{}", record.resource))
            .starts(due)
            .ends(due + Days::new(1));
        for days in ALARM_DAYS {
            let mut alarm = Alarm::display(&summary(record), -TimeDelta::days(days));
            let uid = format!("{}:{days}@{TAG}", key(record));
            event.alarm(alarm.uid(&uid).timestamp(midnight(since)).done());
        }
        calendar.push(event.done());
    }
    calendar.to_string()
}
