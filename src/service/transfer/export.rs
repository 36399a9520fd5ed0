//! Export and templates: records of one revision, or none, as a file that is sent in parts.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use prost_reflect::{DynamicMessage, Value};
use tokio::{io::AsyncReadExt as _, sync::mpsc};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{ROW_COST, whole};
use crate::{
    admission::turns::Work,
    call::Call,
    files::Received,
    pb::{self, TransferFile, TransferFormat},
    service::{Services, read::open_checked},
    transfer::{
        RECORDS_MAX, WORKBOOK_RECORDS_MAX,
        columns::{Language, PARENT},
        kinds::{self, Kind},
        oc4ids, workbook,
        written::Spool,
    },
    wire::status::status,
};
use ndp_core::{error::Error, messages::Rule};

/// The streams of an export and of a template.
pub(crate) type ExportStream = Sent<pb::ExportResponse>;
/// The parts of a template.
pub(crate) type DownloadTemplateStream = Sent<pb::DownloadTemplateResponse>;
type Sent<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

const CSV: &str = "text/csv";
const JSON_LINES: &str = "application/jsonl";
const JSON: &str = "application/json";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Bytes of a message of a file.
const CHUNK: usize = 256 * 1024;

/// Records of a page that is read for an export.
const PAGE: i32 = 1_000;

impl Services {
    pub(in crate::service) async fn export(
        &self,
        request: Request<pb::ExportRequest>,
    ) -> Result<Response<ExportStream>, Error> {
        let (call, asked) = self.open_read(request).await?;
        let kind = kinds::named(&asked.kind)?;
        if !asked.parent.is_empty() && !kind.has_parent() {
            let kind = kind.collection.clone();
            return Err(Error::invalid("parent", Rule::ParentNotTaken { kind }));
        }
        let format = asked.format();
        if format == TransferFormat::Oc4ids && !oc4ids::maps(kind) {
            let kind = kind.collection.clone();
            return Err(Error::invalid("format", Rule::FormatNotTaken { kind }));
        }
        let most = match format {
            TransferFormat::Xlsx | TransferFormat::Oc4ids => WORKBOOK_RECORDS_MAX,
            _ => RECORDS_MAX,
        };
        let mut out = self.files.begin(call.who.clone()).await?;
        let language = Language::of(&asked.language_code);
        let mut unmapped_columns = Vec::new();
        let (media_type, end, count) = if format == TransferFormat::Oc4ids {
            let plans = self
                .records(&call, kind, &asked.parent, &asked.filter, most)
                .await?;
            let count = plans.len();
            let time = call
                .state()
                .record_time()
                .map(|it| it.to_string())
                .unwrap_or_default();
            let (package, unmapped) = oc4ids::package(kind, &plans, &time);
            unmapped_columns = unmapped;
            out.write(&package).await?;
            (JSON, "json", count)
        } else {
            let mut spool = Spool::new(kind)?;
            let mut page_token = String::new();
            loop {
                let (page, next) = self
                    .page(&call, kind, &asked.parent, &asked.filter, page_token)
                    .await?;
                if spool.count() + page.len() > most {
                    return Err(Error::invalid("filter", Rule::TooManyRecords { most }));
                }
                let turn = self.registry.turns().take(Work::Records, &call.who).await?;
                spool = turn
                    .run(move |effort| {
                        effort.spend(page.len() * ROW_COST);
                        spool.add(page).map(|()| spool)
                    })
                    .await??;
                if next.is_empty() {
                    break;
                }
                page_token = next;
            }
            let count = spool.count();
            let (sender, mut pieces) = mpsc::channel::<Vec<u8>>(2);
            let turn = self.registry.turns().take(Work::Records, &call.who).await?;
            let writing = turn.run(move |effort| {
                effort.spend(count * ROW_COST);
                let send = |piece| sender.blocking_send(piece).is_ok();
                match format {
                    TransferFormat::Xlsx => spool.workbook(language).map(|it| {
                        send(it);
                    }),
                    TransferFormat::JsonLines => spool.json_lines(send),
                    _ => spool.csv(language, send),
                }
            });
            let writing = tokio::spawn(writing);
            while let Some(piece) = pieces.recv().await {
                out.write(&piece).await?;
            }
            let written = writing.await;
            written.map_err(|error| Error::Bug(format!("an export: {error}").into()))???;
            match format {
                TransferFormat::Xlsx => (XLSX, "xlsx", count),
                TransferFormat::JsonLines => (JSON_LINES, "jsonl", count),
                _ => (CSV, "csv", count),
            }
        };
        let revision = call.state().revision();
        let file = TransferFile {
            media_type: media_type.to_owned(),
            filename: format!("{}-r{revision}.{end}", kind.collection),
            record_count: i32::try_from(count).unwrap_or(i32::MAX),
            revision: revision.get(),
            unmapped_columns,
            ..TransferFile::default()
        };
        let received = out.received_or_empty().await?;
        let part = |file, chunk: Bytes| pb::ExportResponse {
            file,
            chunk: chunk.into(),
        };
        Ok(call.response(self.sent(&call, file, received, part)))
    }

    pub(in crate::service) async fn download_template(
        &self,
        request: Request<pb::DownloadTemplateRequest>,
    ) -> Result<Response<DownloadTemplateStream>, Error> {
        let (call, asked) = open_checked(request)?;
        let kind = kinds::named(&asked.kind)?;
        let language = Language::of(&asked.language_code);
        let turn = self.registry.turns().take(Work::Records, &call.who).await?;
        let made = turn
            .run(move |_| workbook::template(kind, language))
            .await??;
        let mut out = self.files.begin(call.who.clone()).await?;
        out.write(&made).await?;
        let file = TransferFile {
            media_type: XLSX.to_owned(),
            filename: format!("{}-template.xlsx", kind.collection),
            revision: call.state().revision().get(),
            ..TransferFile::default()
        };
        let received = out.received_or_empty().await?;
        let part = |file, chunk: Bytes| pb::DownloadTemplateResponse {
            file,
            chunk: chunk.into(),
        };
        Ok(call.response(self.sent(&call, file, received, part)))
    }

    /// A page of the records of a kind that the caller may see, and the token of the next.
    async fn page(
        &self,
        call: &Call,
        kind: &Kind,
        parent: &str,
        filter: &str,
        page_token: String,
    ) -> Result<(Vec<DynamicMessage>, String), Error> {
        self.registry.renew_unmoved(&call.caller)?;
        let mut request = DynamicMessage::new(kind.list.input());
        let any = kind.any_parent();
        let parent = if parent.is_empty() { &any } else { parent };
        for (field, value) in [
            (PARENT, Value::String(parent.to_owned())),
            ("filter", Value::String(filter.to_owned())),
            ("page_token", Value::String(page_token)),
            ("page_size", Value::I32(PAGE)),
        ] {
            // lists of kinds that are below no others have no parent
            drop(request.try_set_field_by_name(field, value));
        }
        whole(&mut request);
        let answer = self.call(&kind.list, call.clone(), &request).await?;
        let output = kind.list.output();
        let records = output
            .fields()
            .find(prost_reflect::FieldDescriptor::is_list);
        let records = records.map(|field| answer.get_field(&field).into_owned());
        let records = match records {
            Some(Value::List(records)) => records,
            _ => Vec::new(),
        };
        let records = records.into_iter().filter_map(|it| match it {
            Value::Message(record) => Some(record),
            _ => None,
        });
        let next = answer.get_field_by_name("next_page_token");
        let next = next.and_then(|it| it.as_str().map(str::to_owned));
        Ok((records.collect(), next.unwrap_or_default()))
    }

    /// All of them, in memory.
    async fn records(
        &self,
        call: &Call,
        kind: &Kind,
        parent: &str,
        filter: &str,
        most: usize,
    ) -> Result<Vec<DynamicMessage>, Error> {
        let (mut records, mut token) = self.page(call, kind, parent, filter, String::new()).await?;
        while !token.is_empty() {
            if records.len() > most {
                return Err(Error::invalid("filter", Rule::TooManyRecords { most }));
            }
            let (page, next) = self.page(call, kind, parent, filter, token).await?;
            records.extend(page);
            token = next;
        }
        Ok(records)
    }

    /// The parts of a file, for a caller whose key still works.
    fn sent<T: Send + 'static>(
        &self,
        call: &Call,
        file: TransferFile,
        received: Received,
        part: impl Fn(Option<TransferFile>, Bytes) -> T + Send + Sync + Clone + 'static,
    ) -> Sent<T> {
        let file = TransferFile {
            sha256: received.sha256,
            size_bytes: i64::try_from(received.size).unwrap_or(i64::MAX),
            ..file
        };
        let (registry, caller) = (self.registry.clone(), call.caller.clone());
        let bytes = tokio::fs::File::from_std(received.file);
        let share = received.share;
        let parts = stream::try_unfold((bytes, Some(file)), move |(mut bytes, file)| {
            let _ = &share;
            let holds = registry.renew_unmoved(&caller).map(drop);
            let part = part.clone();
            async move {
                holds.map_err(status)?;
                let mut chunk = BytesMut::with_capacity(CHUNK);
                while chunk.len() < CHUNK {
                    let read = bytes.read_buf(&mut chunk).await;
                    let read = read.map_err(|error| {
                        status(Error::Bug(format!("reading a file: {error}").into()))
                    })?;
                    if read == 0 {
                        break;
                    }
                }
                if chunk.is_empty() && file.is_none() {
                    return Ok(None);
                }
                Ok(Some((part(file, chunk.freeze()), (bytes, None))))
            }
        });
        Box::pin(parts)
    }
}
