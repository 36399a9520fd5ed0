//! Formats of images. Each format change is one step here, from JSON to JSON. Its fixtures are in
//! `tests/fixtures/images`, one folder per format.

use std::borrow::Cow;

use serde_json::Value;

use ndp_core::records::Kind;

/// Converts an image from one format to the next.
type Step = fn(Kind, &mut Value);

/// The step from format 1 to 2, and so on.
const STEPS: &[Step] = &[];

/// The format that this release writes.
pub(in crate::store) const FORMAT: i64 = STEPS.len() as i64 + 1;

/// The image in the newest format.
pub(super) fn to_newest(kind: Kind, format: i64, json: &str) -> Result<Cow<'_, str>, String> {
    upcast(STEPS, kind, format, json)
}

fn upcast<'a>(
    steps: &[Step],
    kind: Kind,
    format: i64,
    json: &'a str,
) -> Result<Cow<'a, str>, String> {
    let done = format
        .checked_sub(1)
        .and_then(|done| usize::try_from(done).ok());
    let steps = done.and_then(|done| steps.get(done..));
    match steps {
        None => Err(format!("image of unknown format {format}")),
        Some([]) => Ok(json.into()),
        Some(steps) => {
            let mut image = serde_json::from_str(json).map_err(|error| error.to_string())?;
            for step in steps {
                step(kind, &mut image);
            }
            Ok(image.to_string().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_older_image_takes_every_step_after_its_format() {
        let steps: [Step; 2] = [
            |_, image| image["synthetic"] = json!(["first", 1]),
            |kind, image| image["synthetic"][1] = json!(kind.as_str()),
        ];
        let newest = |format| upcast(&steps, Kind::Plan, format, r#"{"synthetic":["none",0]}"#);
        assert_eq!(newest(1).unwrap(), r#"{"synthetic":["first","plans"]}"#);
        assert_eq!(newest(2).unwrap(), r#"{"synthetic":["none","plans"]}"#);
        assert_eq!(newest(3).unwrap(), r#"{"synthetic":["none",0]}"#);
        for unknown in [i64::MIN, 0, 4] {
            assert_eq!(
                newest(unknown),
                Err(format!("image of unknown format {unknown}"))
            );
        }
    }
}
