//! `ndp-registry admin verify-document`: which records cite a file, by its SHA-256.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use serde_json::Value;

use super::output;
use crate::{client::digest::of_file, config::DatabaseArgs};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ndp-registry admin verify-document decision.pdf")]
pub(super) struct Args {
    /// The file, exactly as it was published
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = super::begin(&args.database)?;
    super::must_exist(&config)?;
    let file = args.file.clone();
    let digest = tokio::task::spawn_blocking(move || of_file(&file)).await?;
    let shown = args.file.display();
    let (digest, bytes) = digest.with_context(|| format!("cannot read `{shown}`"))?;
    let store = super::open_to_read(&config).await?;
    let loaded = store.load().await?;
    store.close().await;
    super::check_untouched(&store, "search")?;
    let mut citations = Vec::new();
    for image in &loaded.images {
        let record = serde_json::from_str(&image.stored()?)?;
        find(&record, &digest, &mut Vec::new(), &mut |place, document| {
            citations.push(line(image.name(), place, document, bytes));
        });
    }
    let mut text = format!("sha256 {digest}, {bytes} bytes\n");
    for citation in &citations {
        let _ = writeln!(text, "{citation}");
    }
    if citations.is_empty() {
        text.push_str("no record cites this file\n");
    }
    output::print(text)?;
    Ok(if citations.is_empty() {
        super::EXIT_DATA.into()
    } else {
        ExitCode::SUCCESS
    })
}

/// Passes each document with this digest anywhere in a record, with its place.
fn find<'a>(
    value: &'a Value,
    digest: &str,
    place: &mut Vec<String>,
    found: &mut impl FnMut(&str, &'a Value),
) {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            if fields.get("sha256").and_then(Value::as_str) == Some(digest) {
                found(&place.join("."), value);
            }
            fields.iter().map(|(name, it)| (name.clone(), it)).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(at, it)| (at.to_string(), it)).collect()
        }
        _ => return,
    };
    for (name, part) in parts {
        place.push(name);
        find(part, digest, place, found);
        place.pop();
    }
}

/// A citation as it is printed: the record, the field, and how the document is named there.
fn line(record: &str, place: &str, document: &Value, bytes: u64) -> String {
    let text = |field: &str| document.get(field).and_then(Value::as_str);
    let named = ["symbol", "issuer", "issue_date", "title"].map(text);
    let named: Vec<_> = named.into_iter().flatten().collect();
    let size = document.get("size_bytes").and_then(Value::as_u64);
    let other = match size.filter(|size| *size > 0 && *size != bytes) {
        Some(size) => format!("; recorded with {size} bytes, which cannot be this file"),
        None => String::new(),
    };
    format!("{record}  {place}  {}{other}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_wherever_they_stand() {
        let record = serde_json::json!({
            "name": "x",
            "fields": {
                "document": {"sha256": "ab", "symbol": "1/QĐ", "size_bytes": 3},
                "sources": [{"sha256": ""}, {"sha256": "ab", "issuer": "Bộ A"}],
            },
        });
        let mut lines = Vec::new();
        find(&record, "ab", &mut Vec::new(), &mut |place, document| {
            lines.push(line("plans/x", place, document, 4));
        });
        assert_eq!(
            lines,
            [
                "plans/x  fields.document  1/QĐ; recorded with 3 bytes, which cannot be this file",
                "plans/x  fields.sources.1  Bộ A",
            ]
        );
    }
}
