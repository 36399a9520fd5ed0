//! TransferService: records in and out as files, by the methods that read and write single records.

mod export;
mod import;

use prost_reflect::{DynamicMessage, Value};

pub(crate) use self::export::{DownloadTemplateStream, ExportStream};

/// Units of work of one row: about as many records are looked up, compared and copied.
const ROW_COST: usize = 40;

/// Asks for the whole of a record, where a method answers parts.
fn whole(request: &mut DynamicMessage) {
    use prost_reflect::ReflectMessage as _;
    let Some(view) = request.descriptor().get_field_by_name("view") else {
        return;
    };
    if let prost_reflect::Kind::Enum(views) = view.kind()
        && let Some(full) = views.values().find(|it| it.name().ends_with("FULL"))
    {
        request.set_field(&view, Value::EnumNumber(full.number()));
    }
}
