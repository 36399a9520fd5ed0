//! Import: a row is written by the method that writes single records of its kind, on a trial that
//! holds the rows before it; the accepted commands are then written together. Where others wrote in
//! between and a command is refused, its rows are tried again on the newest data, so that what is
//! answered names the row.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use prost_reflect::{DynamicMessage, MethodDescriptor, Value};
use sha2::{Digest as _, Sha256};
use tokio::{runtime::Handle, sync::mpsc};
use tonic::{Request, Response, Status, Streaming};

use super::{ROW_COST, whole};
use crate::{
    admission::{held::Entry, turns::Work},
    call::{Call, denials::Attempt},
    files::Received,
    pb::{
        self,
        import_response::{Difference, Outcome, Problem, Row as RowReport, State},
    },
    registry::trial::Trial,
    service::{Services, read::open, write::Envelope},
    transfer::{
        ATOMIC_BYTES_MAX, ATOMIC_ROWS_MAX, GROUP_BYTES, GROUP_ROWS, ROWS_MAX,
        annex::{Annex, Match},
        columns::{ETAG, NAME, PARENT, PLATFORM},
        keys,
        kinds::{self, Kind},
        record::{self, Record},
        references::{References, Titles},
        rows::{self, Row},
        sheets::{self, About, Item},
    },
    wire::{requests, status::status, validate::Validate as _},
};
use ndp_core::{
    change::RequestId,
    error::Error,
    messages::Rule,
    names::{EditionName, Revision},
    rules::permit_access_reads,
};

/// Most bytes of rows in an answer.
const REPORT_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Rows that wait between their reader and what decides them.
const WAITING_ROWS: usize = 64;

/// How often rows are tried, where others write what they are about at the same time.
const TRIES: u32 = 4;

/// Most denied rows of an import that are recorded as denials.
const DENIALS_MAX: usize = 100;

/// Characters of a generated id, enough that no two rows of any import have the same.
const ID_LENGTH: usize = 12;

impl Services {
    pub(in crate::service) async fn import(
        &self,
        mut request: Request<Streaming<pb::ImportRequest>>,
    ) -> Result<Response<pb::ImportResponse>, Status> {
        let held = request.extensions_mut().remove::<Entry>();
        let held = held.and_then(|Entry(held)| held.ok());
        let (call, mut parts) = open(request).map_err(status)?;
        permit_access_reads(&call.caller).map_err(status)?;
        let mut incoming = self.files.begin(call.who.clone()).await.map_err(status)?;
        let mut stated: Option<pb::ImportRequest> = None;
        while let Some(mut part) = parts.message().await? {
            part.check().map_err(status)?;
            let chunk = std::mem::take(&mut part.chunk);
            match &stated {
                None => stated = Some(part),
                Some(_) if part == pb::ImportRequest::default() => {}
                Some(_) => return Err(status(Error::invalid("kind", Rule::FileStatedLate))),
            }
            incoming.write(&chunk).await.map_err(status)?;
            if let Some(held) = &held {
                held.consumed(chunk.len());
            }
        }
        let received = incoming.received().await.map_err(status)?;
        let stated = stated.unwrap_or_default();
        let imported = Box::pin(self.import_file(call, stated, received)).await;
        imported.map_err(status)
    }

    async fn import_file(
        &self,
        call: Call,
        mut stated: pb::ImportRequest,
        received: Received,
    ) -> Result<Response<pb::ImportResponse>, Error> {
        let Received {
            file,
            sha256,
            size,
            share,
        } = received;
        if !stated.sha256.is_empty() && stated.sha256 != sha256 {
            let found = sha256;
            return Err(Error::invalid("sha256", Rule::FileDigestDiffers { found }));
        }
        stated.sha256.clone_from(&sha256);
        let kind = match &*stated.kind {
            "" => None,
            named => Some(kinds::named(named)?),
        };
        let (about, annex) = match &*stated.edition {
            "" => (About::Kind(kind), None),
            edition => (About::Annex, Some(self.annex(&call, edition)?)),
        };
        let envelope = Envelope::of(&mut stated)?;
        let mut import = Import {
            services: self.clone(),
            trial: Trial::on(&call.now),
            base: call.now.state.revision(),
            salt: match &envelope.request_id {
                Some(id) => id.id,
                None => uuid::Uuid::new_v4(),
            },
            reason: reason(&envelope.reason, &stated.filename, &sha256),
            request_id: envelope.request_id.filter(|_| !stated.chunked),
            only_tried: envelope.validate_only,
            chunked: stated.chunked,
            call,
            annex,
            seen: HashMap::new(),
            rows: Vec::new(),
            group: Vec::new(),
            titles: Titles::default(),
            denied: HashSet::new(),
            report: Report::default(),
        };
        let (sender, mut items) = mpsc::channel(WAITING_ROWS);
        let turns = self.registry.turns();
        let turn = turns.take(Work::Files, &import.call.who).await?;
        let reading = tokio::spawn(turn.run(move |_| {
            let _share = share;
            sheets::read(file, about, |item| sender.blocking_send(item).is_ok())
        }));
        let most = if stated.chunked {
            ROWS_MAX
        } else {
            ATOMIC_ROWS_MAX
        };
        let mut rows = Vec::with_capacity(GROUP_ROWS);
        let (mut count, mut bytes, mut bytes_in_all) = (0, 0, 0);
        while let Some(item) = items.recv().await {
            match item {
                Item::Header(header) => import.report.header(header),
                Item::Row(row) => {
                    count += 1;
                    if count > most {
                        return Err(Error::invalid("chunk", Rule::TooManyRows { most }));
                    }
                    bytes += row.bytes();
                    bytes_in_all += row.bytes();
                    if !import.chunked && bytes_in_all > ATOMIC_BYTES_MAX {
                        let most_mib = ATOMIC_BYTES_MAX as u64 >> 20;
                        return Err(Error::invalid("chunk", Rule::RowsTooLarge { most_mib }));
                    }
                    rows.push(row);
                }
            }
            if rows.len() == GROUP_ROWS || bytes > GROUP_BYTES {
                bytes = 0;
                import = import.take(std::mem::take(&mut rows)).await?;
            }
        }
        let read = reading.await;
        read.map_err(|error| Error::Bug(format!("reading a file: {error}").into()))???;
        import = import.take(rows).await?;
        import = import.end().await?;
        let who = import.call.caller.person();
        tracing::info!(
            principal = who.as_ref().map(|it| it.principal.as_str()),
            actor = who.as_ref().and_then(|it| it.actor.as_deref()),
            filename = stated.filename,
            sha256,
            bytes = size,
            rows = count,
            validate_only = import.only_tried,
            first_revision = import.report.first.map(Revision::get),
            "a file was imported"
        );
        let answer = import.report.answer(sha256, import.only_tried);
        import.call.at_newest(&self.registry).answer(answer)
    }

    fn annex(&self, call: &Call, edition: &str) -> Result<Annex, Error> {
        let edition: EditionName = requests::name(edition, "edition")?;
        let state = &call.now.state;
        if state.edition(&edition).is_none() {
            let name = edition.to_string();
            return Err(Error::invalid("edition", Rule::EditionNotFound { name }));
        }
        Ok(annex_of(call, &edition))
    }
}

/// The platforms that the caller sees, as the rows of an annex are matched to them.
fn annex_of(call: &Call, edition: &EditionName) -> Annex {
    let state = &call.now.state;
    let platforms = state.platforms().values();
    let seen = platforms.filter(|it| call.sees(&***it).is_some());
    Annex::new(state, edition, seen.map(|it| &**it))
}

/// The reason of each change: the caller's, and the file.
fn reason(given: &str, file: &str, sha256: &str) -> String {
    let gap = if given.is_empty() { "" } else { "\n" };
    match file {
        "" => format!("{given}{gap}import of a file, SHA-256 {sha256}"),
        file => format!("{given}{gap}import of `{file}`, SHA-256 {sha256}"),
    }
}

/// An import that goes on row by row.
struct Import {
    services: Services,
    call: Call,
    trial: Trial,
    /// The revision that the trial is on.
    base: Revision,
    /// What generated ids depend on.
    salt: uuid::Uuid,
    reason: String,
    request_id: Option<RequestId>,
    only_tried: bool,
    chunked: bool,
    annex: Option<Annex>,
    /// The rows of the records so far.
    seen: HashMap<String, u32>,
    /// The rows whose commands wait to be written.
    rows: Vec<Row>,
    /// What they do, each in its place.
    group: Vec<RowReport>,
    /// What cells call the records that they name.
    titles: Titles,
    /// The denials that are recorded: the method and the resource of each.
    denied: HashSet<(String, String)>,
    report: Report,
}

impl Import {
    /// Tries rows, and writes them where they are a group of their own.
    async fn take(self, rows: Vec<Row>) -> Result<Self, Error> {
        let tried = self.tried(rows).await?;
        match tried.chunked {
            true => tried.write().await,
            false => Ok(tried),
        }
    }

    /// Tries rows in a turn.
    async fn tried(mut self, rows: Vec<Row>) -> Result<Self, Error> {
        let turns = self.services.registry.turns().clone();
        let turn = turns.take(Work::Records, &self.call.who).await?;
        let (_, caller) = self.services.registry.renew_unmoved(&self.call.caller)?;
        self.call.caller = caller;
        let runtime = Handle::current();
        let tried = turn.run(move |effort| {
            runtime.block_on(async {
                for mut row in rows {
                    if !effort.spend(ROW_COST) {
                        break;
                    }
                    self.refer(&mut row);
                    self.row(&row).await?;
                    self.rows.push(row);
                }
                Ok::<_, Error>(self)
            })
        });
        tried.await?
    }

    /// Writes what is not written yet.
    async fn end(self) -> Result<Self, Error> {
        let mut written = self.write().await?;
        let missing = written.annex.as_ref().map(Annex::missing);
        let missing: Vec<_> = missing.into_iter().flatten().cloned().collect();
        for name in missing {
            written.report.add(RowReport {
                kind: "platforms".to_owned(),
                outcome: Outcome::Missing.into(),
                name: name.to_string(),
                ..RowReport::default()
            });
        }
        Ok(written)
    }

    /// Writes the group: all of it, or nothing where a row of it is refused.
    async fn write(mut self) -> Result<Self, Error> {
        let mut tries = 1;
        while let Err(error) = self.written().await {
            if tries == TRIES || !is_about_a_record(&error) {
                return Err(error);
            }
            tries += 1;
            self = self.again().await?;
        }
        let refused = self.is_refused();
        self.report.refused |= refused;
        for mut row in std::mem::take(&mut self.group) {
            let changes = [Outcome::Created.into(), Outcome::Changed.into()];
            if refused && self.chunked && !self.only_tried && changes.contains(&row.outcome) {
                row.outcome = Outcome::Skipped.into();
            }
            self.report.add(row);
        }
        self.rows.clear();
        if self.chunked && !self.only_tried {
            self.renew();
        }
        Ok(self)
    }

    /// Has the accepted commands written.
    async fn written(&mut self) -> Result<(), Error> {
        let mut requests = self.trial.take().into_iter();
        if self.only_tried || self.is_refused() {
            return Ok(());
        }
        let Some(mut first) = requests.next() else {
            return Ok(());
        };
        first.request_id = self.request_id;
        let caller = self.call.caller.clone();
        let registry = &self.services.registry;
        let outcome = registry
            .submit_all(caller, first, requests.collect())
            .await?;
        let last = outcome.snapshot.as_ref().map(|it| it.state.revision());
        self.report.first.get_or_insert(outcome.revision);
        self.report.last = last.filter(|_| !outcome.replayed).or(self.report.last);
        Ok(())
    }

    /// Whether the group is not to be written.
    fn is_refused(&self) -> bool {
        self.report.bad_header || self.group.iter().any(is_refused)
    }

    /// Tries the rows of the group again, on the newest data.
    async fn again(mut self) -> Result<Self, Error> {
        self.renew();
        self.titles = Titles::default();
        for row in std::mem::take(&mut self.group) {
            self.seen.remove(&row.name);
        }
        if let Some(annex) = self.annex.take() {
            let renewed = annex_of(&self.call, annex.edition());
            self.annex = Some(renewed.without_rows_of(annex));
        }
        let rows = std::mem::take(&mut self.rows);
        self.tried(rows).await
    }

    /// Begins a trial on the newest data.
    fn renew(&mut self) {
        self.call = self.call.clone().at_newest(&self.services.registry);
        self.trial = Trial::on(&self.call.now);
        self.base = self.call.now.state.revision();
    }

    /// The call on the data that the rows so far would leave.
    fn call(&self) -> Call {
        let snapshot = self.trial.snapshot();
        Call {
            now: Arc::clone(&snapshot),
            snapshot,
            trial: Some(self.trial.clone()),
            ..self.call.clone()
        }
    }

    /// Tries a row.
    async fn row(&mut self, row: &Row) -> Result<(), Error> {
        let mut report = RowReport {
            sheet: row.sheet.clone(),
            row: i32::try_from(row.number).unwrap_or(i32::MAX),
            kind: row.kind.collection.clone(),
            ..RowReport::default()
        };
        let mut problems = row.problems.clone();
        let outcome = self.outcome(row, &mut report, &mut problems).await?;
        let reported = |problem: rows::Problem| Problem {
            cell: problem.cell,
            column: problem.column,
            reason: problem.reason.name().to_owned(),
            description: problem.english,
            description_vi: problem.vietnamese,
        };
        report.outcome = match (problems.is_empty(), outcome) {
            (true, outcome) => outcome,
            (false, Outcome::Unconfirmed) => Outcome::Unconfirmed,
            (false, _) => Outcome::RowRefused,
        }
        .into();
        report.problems = problems.into_iter().map(reported).collect();
        self.group.push(report);
        Ok(())
    }

    /// Has the cells of a row that name records hold their resource names.
    fn refer(&mut self, row: &mut Row) {
        row.refer(&mut References {
            titles: &mut self.titles,
            state: &self.trial.snapshot().state,
            caller: &self.call.caller,
        });
    }

    async fn outcome(
        &mut self,
        row: &Row,
        report: &mut RowReport,
        problems: &mut Vec<rows::Problem>,
    ) -> Result<Outcome, Error> {
        let at = |column: &str, rule: &Rule| row.at(column, rule);
        let kind = row.kind;
        let Some((name, parent)) = self.named(row, report, problems).await? else {
            return Ok(match report.candidates.is_empty() {
                true => Outcome::RowRefused,
                false => Outcome::Unconfirmed,
            });
        };
        report.name.clone_from(&name);
        if let Some(before) = self.seen.insert(name.clone(), row.number) {
            problems.push(at(NAME, &Rule::RowRepeated { row: before }));
            return Ok(Outcome::RowRefused);
        }
        let held = match self.held(kind, &name).await {
            Ok(held) => held,
            Err(Error::Invalid(violations)) => {
                problems.extend(violations.iter().map(|it| row.problem(it)));
                return Ok(Outcome::RowRefused);
            }
            Err(error) => return Err(error),
        };
        let revision = held
            .as_ref()
            .and_then(|it| it.get_field_by_name("revision")?.as_i64());
        let etag = held
            .as_ref()
            .and_then(|it| Some(it.get_field_by_name(ETAG)?.as_str()?.to_owned()));
        let mut record = Record::new(kind, held);
        record.set_text(ETAG, "");
        match &self.annex {
            Some(annex) => {
                annex.fill(row, &mut record);
                record.settle();
            }
            None => problems.extend(row.fill(&mut record)),
        }
        record.set_text(NAME, &name);
        let (_, id) = Kind::split(&name);
        let (outcome, request, method) = if record.is_held() {
            if record.changed().is_empty() {
                return Ok(Outcome::Unchanged);
            }
            let differences = record.differences().into_iter();
            report.differences = differences
                .map(|(column, old_value, new_value)| Difference {
                    column,
                    old_value,
                    new_value,
                })
                .collect();
            // what the rows so far wrote has an etag that it will not keep
            if record.text(ETAG).is_empty() && revision.is_some_and(|it| it <= self.base.get()) {
                record.set_text(ETAG, &etag.unwrap_or_default());
            }
            let Some(request) = record.updating(&self.reason) else {
                let kind = kind.collection.clone();
                let rule = Rule::NeverChanges { kind };
                let changed = record.changed();
                problems.extend(changed.iter().map(|field| at(field.name(), &rule)));
                return Ok(Outcome::RowRefused);
            };
            (Outcome::Changed, request, kind.update.as_ref())
        } else {
            record.set_text(ETAG, "");
            let request = record.creating(&parent, id, &self.reason);
            let request = request.ok_or_else(|| Error::Bug("a request without a record".into()))?;
            let method = kind.create.as_ref().or(kind.update.as_ref());
            (Outcome::Created, request, method)
        };
        let method = method.ok_or_else(|| Error::Bug("a kind that nothing writes".into()))?;
        match self.services.call(method, self.call(), &request).await {
            Ok(_) => {
                self.titles.add(kind, record.wanted(), &name);
                Ok(outcome)
            }
            Err(error) => {
                let resource = match outcome {
                    Outcome::Created => &parent,
                    _ => &name,
                };
                self.note_denial(method, resource, &error);
                self.refusal(row, &record, error, problems)?;
                Ok(Outcome::RowRefused)
            }
        }
    }

    /// Records that the caller may not write a row, as of a single call. A file that is denied row
    /// by row says little more after the first ones.
    fn note_denial(&mut self, method: &MethodDescriptor, resource: &str, error: &Error) {
        if !matches!(error, Error::Denied { .. }) || self.denied.len() == DENIALS_MAX {
            return;
        }
        let service = method.parent_service();
        let method = format!("{}/{}", service.full_name(), method.name());
        if !self.denied.insert((method.clone(), resource.to_owned())) {
            return;
        }
        self.services.denials.record(&Attempt {
            time: self.services.registry.clock().now(),
            who: &self.call.who,
            person: self.call.caller.person().as_ref(),
            method: &method,
            resource,
            reason: error.reason().name(),
            message: &error.english(),
        });
    }

    /// The name of a row's record, and the record above it; `None` where it has a problem.
    async fn named(
        &mut self,
        row: &Row,
        report: &mut RowReport,
        problems: &mut Vec<rows::Problem>,
    ) -> Result<Option<(String, String)>, Error> {
        let kind = row.kind;
        let id = |salt| generated(salt, &row.sheet, row.number);
        if let Some(annex) = &mut self.annex {
            if row.text("display_name").is_empty() && row.text(PLATFORM).is_empty() {
                problems.push(row.at("display_name", &Rule::Missing));
                return Ok(None);
            }
            match annex.find(row) {
                Match::Platform(name) => return Ok(Some((name.to_string(), String::new()))),
                Match::New => {
                    let name = kind.name("", &id(self.salt));
                    annex.add(row, &name);
                    return Ok(Some((name, String::new())));
                }
                Match::Unconfirmed(near) => {
                    report.candidates = near.iter().map(ToString::to_string).collect();
                    let near: Vec<_> = near.iter().map(|it| format!("`{it}`")).collect();
                    let near = near.join(", ");
                    problems.push(row.at("display_name", &Rule::NameIsNear { near }));
                }
                Match::Unknown => {
                    let name = row.text(PLATFORM);
                    problems.push(row.at(PLATFORM, &Rule::PlatformNotFound { name }));
                }
            }
            return Ok(None);
        }
        let name = row.text(NAME);
        if !name.is_empty() {
            let name = match name.contains('/') || kind.has_parent() {
                true => name,
                false => kind.name("", &name),
            };
            let parent = Kind::split(&name).0.to_owned();
            return Ok(Some((name, parent)));
        }
        match &*self.keyed(row).await? {
            [] => {}
            [name] => return Ok(Some((name.clone(), Kind::split(name).0.to_owned()))),
            several => {
                let names: Vec<_> = several.iter().map(|it| format!("`{it}`")).collect();
                let names = names.join(", ");
                problems.push(row.at(NAME, &Rule::KeyAmbiguous { names }));
                return Ok(None);
            }
        }
        let parent = row.text(PARENT);
        let parent = if kind.has_parent() {
            parent
        } else {
            String::new()
        };
        if kind.has_parent() && parent.is_empty() {
            problems.push(row.at(NAME, &Rule::ParentMissing));
            return Ok(None);
        }
        if record::needs_id(kind) {
            problems.push(row.at(NAME, &Rule::Missing));
            return Ok(None);
        }
        Ok(Some((kind.name(&parent, &id(self.salt)), parent)))
    }

    /// The records that have the key of a row without a name, as far as the caller may see them.
    async fn keyed(&self, row: &Row) -> Result<Vec<String>, Error> {
        let mut seen = Vec::new();
        if !keys::has_key(row.kind) {
            return Ok(seen);
        }
        let mut said = Record::new(row.kind, None);
        row.fill(&mut said);
        for name in keys::find(&self.trial.snapshot().state, row.kind, said.wanted()) {
            if self.held(row.kind, &name).await?.is_some() {
                seen.push(name);
            }
        }
        Ok(seen)
    }

    /// What the registry holds under a name, as the caller may see it.
    async fn held(&self, kind: &Kind, name: &str) -> Result<Option<DynamicMessage>, Error> {
        let mut request = DynamicMessage::new(kind.get.input());
        let name = Value::String(name.to_owned());
        drop(request.try_set_field_by_name(NAME, name));
        whole(&mut request);
        match self.services.call(&kind.get, self.call(), &request).await {
            Ok(held) => Ok(Some(held)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The problems of a row whose command is refused; an error that is not about the row ends the
    /// import.
    fn refusal(
        &self,
        row: &Row,
        record: &Record,
        error: Error,
        problems: &mut Vec<rows::Problem>,
    ) -> Result<(), Error> {
        match error {
            Error::Invalid(violations) => {
                for violation in violations.iter() {
                    let mut problem = row.problem(violation);
                    if problem.cell.is_empty() && violation.field == "update_mask" {
                        let changed = record.changed();
                        let only = changed.first().filter(|_| changed.len() == 1);
                        if let Some(field) = only {
                            problem = row.at(field.name(), &violation.rule);
                        }
                    }
                    // a cell that could not be read is missing only for that
                    if problems
                        .iter()
                        .all(|it| it.cell.is_empty() || it.cell != problem.cell)
                    {
                        problems.push(problem);
                    }
                }
            }
            error if is_about_a_record(&error) => {
                let column = match &error {
                    Error::Stale { .. } => ETAG,
                    Error::NotFound { .. } if row.text(NAME).is_empty() => PARENT,
                    Error::NotFound { .. } | Error::AlreadyExists { .. } => NAME,
                    _ => "",
                };
                problems.push(row.refused(column, &error));
            }
            error => return Err(error),
        }
        Ok(())
    }
}

/// Whether an error says something of one record, and nothing of the import.
const fn is_about_a_record(error: &Error) -> bool {
    matches!(
        error,
        Error::Invalid(_)
            | Error::NotFound { .. }
            | Error::AlreadyExists { .. }
            | Error::Stale { .. }
            | Error::Refused(_)
            | Error::Denied { .. }
            | Error::OutOfRange(_)
    )
}

/// An id that a repetition of the same import gives the same row.
fn generated(salt: uuid::Uuid, sheet: &str, row: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::new()
        .chain_update(salt.as_bytes())
        .chain_update(row.to_be_bytes())
        .chain_update(sheet)
        .finalize();
    let letters = digest.iter().take(ID_LENGTH).enumerate();
    let letter = |(place, byte): (usize, &u8)| {
        // the first is a letter
        let of = if place == 0 { 26 } else { 32 };
        let letter = LETTERS.get(usize::from(*byte) % of);
        letter.map_or('a', |it| char::from(*it))
    };
    letters.map(letter).collect()
}

fn is_refused(row: &RowReport) -> bool {
    matches!(row.outcome(), Outcome::RowRefused | Outcome::Unconfirmed)
}

/// What is answered of an import, within the size of an answer.
#[derive(Default)]
struct Report {
    refused_rows: Vec<RowReport>,
    changed_rows: Vec<RowReport>,
    bytes: usize,
    counts: HashMap<i32, i32>,
    omitted: i32,
    ignored: Vec<String>,
    /// Whether a header cannot be read, so that nothing is written.
    bad_header: bool,
    /// Whether some group is not written.
    refused: bool,
    first: Option<Revision>,
    last: Option<Revision>,
}

impl Report {
    fn header(&mut self, header: sheets::SheetHeader) {
        for column in header.ignored {
            if !self.ignored.contains(&column) {
                self.ignored.push(column);
            }
        }
        if header.problems.is_empty() {
            return;
        }
        self.bad_header = true;
        let problems = header.problems.into_iter().map(|problem| Problem {
            cell: problem.cell,
            column: problem.column,
            reason: problem.reason.name().to_owned(),
            description: problem.english,
            description_vi: problem.vietnamese,
        });
        self.add(RowReport {
            sheet: header.sheet,
            row: i32::try_from(header.number).unwrap_or(i32::MAX),
            kind: header.kind.collection.clone(),
            outcome: Outcome::RowRefused.into(),
            problems: problems.collect(),
            ..RowReport::default()
        });
    }

    fn add(&mut self, row: RowReport) {
        *self.counts.entry(row.outcome).or_default() += 1;
        if row.outcome() == Outcome::Unchanged {
            return;
        }
        let bytes = prost::Message::encoded_len(&row);
        if self.bytes + bytes > REPORT_BYTES_MAX {
            self.omitted += 1;
            return;
        }
        self.bytes += bytes;
        match is_refused(&row) {
            true => self.refused_rows.push(row),
            false => self.changed_rows.push(row),
        }
    }

    fn answer(self, sha256: String, only_tried: bool) -> pb::ImportResponse {
        let count = |of: &[Outcome]| {
            let counts = of.iter().filter_map(|it| self.counts.get(&i32::from(*it)));
            counts.sum()
        };
        let state = match (self.refused, self.first) {
            (true, Some(_)) => State::PartlyWritten,
            (true, None) => State::Refused,
            (false, _) if only_tried => State::Validated,
            (false, _) => State::Written,
        };
        let revision = |of: Option<Revision>| of.map_or(0, Revision::get);
        pb::ImportResponse {
            state: state.into(),
            sha256,
            created_count: count(&[Outcome::Created]),
            changed_count: count(&[Outcome::Changed]),
            unchanged_count: count(&[Outcome::Unchanged]),
            refused_count: count(&[Outcome::RowRefused, Outcome::Unconfirmed, Outcome::Skipped]),
            first_revision: revision(self.first),
            last_revision: revision(self.last),
            omitted_row_count: self.omitted,
            ignored_columns: self.ignored,
            rows: self
                .refused_rows
                .into_iter()
                .chain(self.changed_rows)
                .collect(),
        }
    }
}
