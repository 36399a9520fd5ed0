//! Forms that write, without a script: the form, a preview of what it will change, made by the
//! method itself with `validate_only`, and the sending, after which the browser is at the record.
//!
//! A form knows no rule: what may be written is the method's to say, and its errors stand at the
//! fields that they name, with everything that was typed. The id of the request is made with the
//! preview, so that a preview that is sent twice writes once and leads to the same page both times;
//! the etag is that of the record as the form showed it. Each form has a token of its session: a
//! page of another site has none.

use std::collections::BTreeMap;

use http::StatusCode;
use maud::{Markup, html};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value as Field,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Made,
    acts::{Act, Form, Group, Input, TRANSCRIBED, is_transcribed, permissions},
    ask::{Ask, Failed, NOT_OF_SESSION, Names, Wrong, method},
    called::called,
    changes::method as what,
    differences::{Difference, chosen, compared, differences, facts, named_in},
    frame::{failed as no_page, sign_in},
    parts::{path_of, quoted, record, top_of},
    wording::{Words, day_of, enum_at, resources},
    words::{Lang, both, read},
};
use crate::{
    pb::{self, test_permissions_response::answer::Permission},
    wire::descriptors::PACKAGE,
};
use ndp_core::{reasons::ETAG_NOT_CURRENT, seal::SealKey, time::Date};

/// Fields of every form beside those of its method. No field of a request begins with a dash.
const TOKEN: &str = "-token";
const ETAG: &str = "-etag";
const REQUEST_ID: &str = "-request-id";
const STEP: &str = "-step";

/// The steps.
const PREVIEW: &str = "preview";
const EDIT: &str = "edit";
const SEND: &str = "send";

/// What the token of a form is derived for.
const PURPOSE: &str = "form";

/// The parameter with the revision of the change that a form wrote.
pub(super) const DONE: &str = "done";

/// Changes of the caller, the newest first, among which the one that a form wrote is looked for.
const CHANGES: i32 = 100;

/// The list of agencies to choose from, and how many it has at most: what a page has room for.
const AGENCY_LIST: &str = "agencies";
const AGENCIES: i32 = 300;

/// The answer to a form that is sent.
pub(super) enum Outcome {
    /// A page, with its status.
    Page(StatusCode, Made),
    /// It is written: the address of the page to show next.
    Done(String),
}

/// What binds a form to the session that opened it.
pub(super) struct Binding<'a> {
    pub(super) key: &'a SealKey,
    /// The session, or for a caller without one the principal.
    pub(super) of: &'a [u8],
}

impl Binding<'_> {
    fn content(&self, path: &str) -> Vec<u8> {
        [self.of, b"\0", path.as_bytes()].concat()
    }

    fn token(&self, path: &str) -> String {
        self.key.derive(PURPOSE, &self.content(path))
    }

    fn holds(&self, path: &str, token: &str) -> bool {
        self.key.derives(PURPOSE, &self.content(path), token)
    }
}

/// What was typed into a form, by the paths of its fields.
#[derive(Debug, Default)]
struct Typed(BTreeMap<String, String>);

impl Typed {
    fn read(act: &Act, fields: Vec<(String, String)>) -> Self {
        let own = [TOKEN, ETAG, REQUEST_ID, STEP];
        let is_known = |name: &str| own.contains(&name) || act.inputs().any(|it| it.path == name);
        // browsers send line breaks as HTTP does
        let fields = fields
            .into_iter()
            .map(|(name, text)| (name, text.replace("\r\n", "\n")));
        let fields = fields.filter(|(name, text)| is_known(name) && !text.trim().is_empty());
        let mut typed = Self(fields.collect());
        typed.close_up(act);
        typed
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Moves the second piece of evidence to the first place, where that is empty.
    fn close_up(&mut self, act: &Act) {
        let of = |place: &'static str| act.inputs().filter(move |it| it.path.contains(place));
        if of("[0]").any(|it| self.0.contains_key(it.path)) {
            return;
        }
        for input in of("[1]") {
            if let Some(text) = self.0.remove(input.path) {
                self.0.insert(input.path.replace("[1]", "[0]"), text);
            }
        }
    }
}

/// The record that a form is about.
struct Subject {
    record: DynamicMessage,
    title: String,
    /// What the records are called that the form names.
    names: Names,
    /// The agencies to choose from, where a field asks for one.
    agencies: Vec<pb::Agency>,
    /// Its state, and [`TRANSCRIBED`] where it is that as well.
    states: Vec<String>,
    etag: String,
}

/// The page of a form that is opened.
pub(super) async fn page(ask: &Ask, act: &'static Act, name: &str) -> Result<Made, Failed> {
    permit(ask, act, name).await?;
    let subject = subject(ask, act, name).await?;
    if !act.states.is_empty() && !subject.states.iter().any(|it| act.suits(it)) {
        return Err(unsuited(ask, act, &subject));
    }
    let mut typed = Typed(BTreeMap::from([(ETAG.to_owned(), subject.etag.clone())]));
    for input in act.inputs() {
        let day = input.from.and_then(|path| day_at(&subject.record, path));
        if let Some(day) = day.filter(|it| *it <= ask.date()) {
            typed.0.insert(input.path.to_owned(), day.to_string());
        }
    }
    Ok(form(ask, act, name, &subject, &typed, None))
}

/// What a form that is sent leads to.
pub(super) async fn posted(
    ask: &mut Ask,
    act: &'static Act,
    name: &str,
    fields: Vec<(String, String)>,
) -> Result<Outcome, Failed> {
    let mut typed = Typed::read(act, fields);
    if !ask.binding().holds(&act.path(name), typed.get(TOKEN)) {
        permit(ask, act, name).await?;
        typed.0.remove(REQUEST_ID);
        let subject = subject(ask, act, name).await?;
        let failed = Failed::not_of_session();
        return Ok(refused_form(ask, act, name, subject, &mut typed, &failed).await);
    }
    // only what was previewed is sent
    let sends = typed.get(STEP) == SEND && !typed.get(REQUEST_ID).is_empty();
    if sends {
        let sent = ask
            .call(act.method, &request(act, name, &typed, true))
            .await;
        let failed = match sent {
            Ok(answer) => {
                let revision = number(&answer, "revision");
                return Ok(Outcome::Done(after(ask, name, revision)));
            }
            Err(failed) => failed,
        };
        // it may have been written: it can be sent again with the same request id
        if failed.is_passing() {
            let made = waiting(ask, act, name, &typed, &failed);
            return Ok(Outcome::Page(failed.code, made));
        }
        // what made it fail may have been written since this request came
        ask.look_again();
        // the first sending may have taken the right to make the request again: who forwards a
        // recommendation no longer holds it
        let is_refused = matches!(failed.code, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND);
        if is_refused && let Some(revision) = written(ask, act, &typed).await? {
            return Ok(Outcome::Done(after(ask, name, revision)));
        }
        let Ok(subject) = subject(ask, act, name).await else {
            return Err(failed);
        };
        return Ok(refused_form(ask, act, name, subject, &mut typed, &failed).await);
    }
    let subject = match subject(ask, act, name).await {
        Ok(subject) => subject,
        Err(failed) if failed.is_passing() => {
            let made = waiting(ask, act, name, &typed, &failed);
            return Ok(Outcome::Page(failed.code, made));
        }
        Err(failed) => return Err(failed),
    };
    if typed.get(STEP) == EDIT {
        let made = form(ask, act, name, &subject, &typed, None);
        return Ok(Outcome::Page(StatusCode::OK, made));
    }
    subject.settle(act, &mut typed);
    match ask
        .call(act.method, &request(act, name, &typed, false))
        .await
    {
        Ok(answer) => {
            typed
                .0
                .insert(REQUEST_ID.to_owned(), Uuid::new_v4().to_string());
            let made = preview(ask, act, name, &subject, &typed, &answer).await;
            Ok(Outcome::Page(StatusCode::OK, made))
        }
        Err(failed) => Ok(refused_form(ask, act, name, subject, &mut typed, &failed).await),
    }
}

/// The page of a form that is sent after the session ended: what was typed waits for the next one,
/// in which the form is shown again.
pub(super) fn signed_out(
    ask: &Ask,
    act: &'static Act,
    name: &str,
    fields: Vec<(String, String)>,
    failed: &Failed,
) -> Outcome {
    let made = waiting(ask, act, name, &Typed::read(act, fields), failed);
    Outcome::Page(failed.code, made)
}

/// The change that this form wrote when it was sent before, by the log.
async fn written(ask: &Ask, act: &Act, typed: &Typed) -> Result<Option<i64>, Failed> {
    let request = pb::ListChangesRequest {
        page_size: CHANGES,
        filter: format!(
            "principal = {} AND method = {}",
            quoted(&ask.caller.principal),
            quoted(act.short_name())
        ),
        order_by: "revision desc".to_owned(),
        ..Default::default()
    };
    let answer = ask.get(ask.changes().list_changes(request)).await?;
    let mut changes = answer.changes.iter();
    let written = changes.find(|it| it.request_id == typed.get(REQUEST_ID));
    Ok(written.map(|it| it.revision))
}

/// The address of the record after it was written, which says by which change.
fn after(ask: &Ask, name: &str, revision: i64) -> String {
    let path = Some(path_of(name)).filter(|it| !it.is_empty());
    let path = path.as_deref().unwrap_or("/");
    ask.address.with(path, &[(DONE, &revision.to_string())])
}

/// The form again, with what is wrong.
async fn refused_form(
    ask: &Ask,
    act: &'static Act,
    name: &str,
    mut subject: Subject,
    typed: &mut Typed,
    failed: &Failed,
) -> Outcome {
    if failed.reason == ETAG_NOT_CURRENT.name() {
        // the form shows the record as it is now, and the next preview is compared with that
        typed.0.insert(ETAG.to_owned(), subject.etag.clone());
    }
    let lang = ask.lang();
    let texts = failed.fields.iter().map(|it| it.text(lang));
    let named = texts.chain([failed.text(lang)]).flat_map(resources);
    let named = named.map(str::to_owned).collect();
    // what was typed is not lost where no more can be read
    subject
        .names
        .join(called(ask, named).await.unwrap_or_default());
    Outcome::Page(
        failed.code,
        form(ask, act, name, &subject, typed, Some(failed)),
    )
}

/// Refuses who may not use the method, before a form is shown.
async fn permit(ask: &Ask, act: &'static Act, name: &str) -> Result<(), Failed> {
    if ask.caller.principal.is_empty() {
        return Err(Failed::sign_in());
    }
    let answers = permissions(ask, &[(act, name)]).await?;
    let denied = answers
        .iter()
        .find(|it| it.permission() == Permission::Denied);
    match denied {
        None => Ok(()),
        Some(it) => Err(Failed::denied(&it.message_vi, &it.message)),
    }
}

async fn subject(ask: &Ask, act: &Act, name: &str) -> Result<Subject, Failed> {
    let request = Value::Object(Map::from_iter([("name".to_owned(), name.into())]));
    let record = ask.call(act.of.get, &request).await?;
    let text = |field: &str| {
        let value = record.get_field_by_name(field);
        let text = value
            .as_ref()
            .and_then(|it| it.as_str())
            .unwrap_or_default();
        text.to_owned()
    };
    let mut title = Some(text("display_name")).filter(|it| !it.is_empty());
    if name.contains("/deployments/") {
        let (platform, agency) = (top_of(name), text("agency"));
        let names = ask.names([platform, &*agency]).await?;
        let of = |resource| names.of(resource, ask.lang()).to_owned();
        title = Some(format!("{}, {}", of(platform), of(&agency)));
    }
    let state = enum_of(&record, "state");
    let state = state.and_then(|(of, number)| Some(of.get_value(number)?.name().to_owned()));
    let is_plan = record.descriptor().full_name() == format!("{PACKAGE}.Plan");
    let plan = is_plan.then(|| record.transcode_to::<pb::Plan>().ok());
    let is_transcribed = plan.flatten().as_ref().is_some_and(is_transcribed);
    let transcribed = is_transcribed.then(|| TRANSCRIBED.to_owned());
    let mut inputs = act.groups.iter().flat_map(|it| it.inputs);
    let agencies = match inputs.any(|it| it.form == Form::Agency) {
        true => {
            let request = pb::ListAgenciesRequest {
                page_size: AGENCIES,
                ..Default::default()
            };
            ask.get(ask.catalogue().list_agencies(request))
                .await?
                .agencies
        }
        false => Vec::new(),
    };
    let named = named_in(ask.lang(), &record, act.shows);
    let names = called(ask, named).await.unwrap_or_default();
    Ok(Subject {
        names,
        agencies,
        title: title.unwrap_or_else(|| name.to_owned()),
        states: [state, transcribed].into_iter().flatten().collect(),
        etag: text("etag"),
        record,
    })
}

impl Subject {
    /// The agency that is called this, if one is.
    fn agency(&self, typed: &str) -> Option<&pb::Agency> {
        let is = |called: &str| !called.is_empty() && called.trim() == typed.trim();
        let mut agencies = self.agencies.iter();
        let mut found = agencies
            .by_ref()
            .filter(|it| is(&it.display_name) || is(&it.display_name_en));
        let first = found.next();
        first.filter(|_| found.next().is_none())
    }

    /// Writes what was typed as the API reads it: an agency by its resource name.
    fn settle(&self, act: &Act, typed: &mut Typed) {
        for input in act.inputs().filter(|it| it.form == Form::Agency) {
            if let Some(text) = typed.0.get_mut(input.path)
                && let Some(agency) = self.agency(text)
            {
                text.clone_from(&agency.name);
            }
        }
    }

    /// What an input shows of what was typed: an agency by what it is called.
    fn shown<'a>(&'a self, lang: Lang, input: &Input, typed: &'a str) -> &'a str {
        let named = self.agencies.iter().find(|it| it.name == typed);
        match named.filter(|_| input.form == Form::Agency) {
            Some(it) => lang.either(&it.display_name, &it.display_name_en, typed),
            None => typed,
        }
    }
}

fn enum_of(record: &DynamicMessage, name: &str) -> Option<(EnumDescriptor, i32)> {
    let field = record.descriptor().get_field_by_name(name)?;
    let number = record.get_field(&field).as_enum_number()?;
    match field.kind() {
        Kind::Enum(of) => Some((of, number)),
        _ => None,
    }
}

/// The day at a path of a record.
fn day_at(record: &DynamicMessage, path: &str) -> Option<Date> {
    let mut message = record.clone();
    for name in path.split('.') {
        let inner = message.get_field_by_name(name)?.as_message()?.clone();
        message = inner;
    }
    read(message.transcode_to().ok())
}

fn number(record: &DynamicMessage, name: &str) -> i64 {
    let value = record.get_field_by_name(name);
    value.as_deref().and_then(Field::as_i64).unwrap_or_default()
}

/// That the form is not for a record in this state.
fn unsuited(ask: &Ask, act: &Act, subject: &Subject) -> Failed {
    let lang = ask.lang();
    if act.states == [TRANSCRIBED] {
        return Failed::conflict(
            "Kế hoạch này không được ghi hộ, hoặc cơ quan đã xác nhận.",
            "The plan was not transcribed for its agency, or the agency has confirmed it.",
        );
    }
    let called = enum_of(&subject.record, "state");
    let state = called
        .as_ref()
        .map(|(of, number)| chosen(lang, of, *number));
    let wanted = called.iter().flat_map(|(of, _)| {
        let values = act.states.iter().filter_map(|it| of.get_value_by_name(it));
        values.map(|it| chosen(lang, of, it.number()))
    });
    let wanted = wanted.collect::<Vec<_>>().join(", ");
    let state = state.unwrap_or_default();
    Failed::conflict(
        &format!(
            "Bản ghi đang ở trạng thái “{state}”; việc này chỉ làm được ở trạng thái “{wanted}”."
        ),
        &format!("The record is “{state}”; this can be done while it is “{wanted}”."),
    )
}

// === the request ===

/// The request as JSON, in the names of the protos.
fn request(act: &Act, name: &str, typed: &Typed, sends: bool) -> Value {
    let mut request = Value::Object(Map::new());
    let message = method(act.method).map(|it| it.input());
    let has = |field: &str| {
        let field = message.as_ref().and_then(|it| it.get_field_by_name(field));
        field.is_some()
    };
    match act.updates {
        Some((record, mask)) => {
            put(&mut request, &format!("{record}.name"), name.into());
            put(
                &mut request,
                &format!("{record}.etag"),
                typed.get(ETAG).into(),
            );
            put(&mut request, "update_mask", mask.into());
        }
        None => {
            let named = if has("parent") { "parent" } else { "name" };
            put(&mut request, named, name.into());
        }
    }
    if has("etag") {
        put(&mut request, "etag", typed.get(ETAG).into());
    }
    for input in act.inputs() {
        let text = typed.get(input.path).trim_end();
        let text = match input.form {
            Form::Day => day_of(text),
            _ => text.to_owned(),
        };
        if !text.is_empty() {
            put(&mut request, input.path, text.into());
        }
    }
    if sends {
        put(&mut request, "request_id", typed.get(REQUEST_ID).into());
    } else {
        put(&mut request, "validate_only", true.into());
    }
    request
}

/// Puts a value at a path, as `evidence[0].document.symbol`.
fn put(value: &mut Value, path: &str, new: Value) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, place) = match first.strip_suffix(']').and_then(|it| it.split_once('[')) {
        Some((name, place)) => (name, place.parse::<usize>().ok()),
        None => (first, None),
    };
    let Value::Object(fields) = value else { return };
    let empty = || Value::Object(Map::new());
    let inner = match place {
        None => fields.entry(name).or_insert_with(empty),
        Some(place) => {
            let list = fields.entry(name).or_insert(Value::Array(Vec::new()));
            let Value::Array(list) = list else { return };
            // the places of a form are few
            list.resize(list.len().max(place + 1), empty());
            match list.get_mut(place) {
                Some(element) => element,
                None => return,
            }
        }
    };
    match rest {
        "" => *inner = new,
        rest => put(inner, rest, new),
    }
}

// === pages ===

/// The hidden fields of every form: its token, and the etag that was read.
fn hidden(ask: &Ask, act: &Act, name: &str, typed: &Typed) -> Markup {
    html! {
        input type="hidden" name=(TOKEN) value=(ask.binding().token(&act.path(name)));
        input type="hidden" name=(ETAG) value=(typed.get(ETAG));
    }
}

/// The address that a form is sent to: its own page, in the same language.
fn action(ask: &Ask, act: &Act, name: &str) -> String {
    ask.address.to(&act.path(name))
}

fn opening(ask: &Ask, act: &Act, name: &str, title: &str) -> Markup {
    let lang = ask.lang();
    let path = path_of(name);
    html! {
        section.opening {
            p.kind {
                @if path.is_empty() { (title) }
                @else { a href=(ask.address.to(&path)) { (title) } }
            }
            h1 { (lang.of_text(act.title)) }
        }
    }
}

fn form(
    ask: &Ask,
    act: &'static Act,
    name: &str,
    subject: &Subject,
    typed: &Typed,
    failed: Option<&Failed>,
) -> Made {
    let lang = ask.lang();
    let words = Words::new(lang, act, &subject.names);
    let placed = Placed::new(act, typed, failed);
    let message = method(act.method).map(|it| it.input());
    let fields = Fields {
        lang,
        message: message.as_ref(),
        subject,
        typed,
        placed: &placed,
        words: &words,
    };
    Made {
        title: lang.of_text(act.title).to_owned(),
        main: html! {
            (opening(ask, act, name, &subject.title))
            @if let Some(failed) = failed { (refused(ask, act, failed, &placed, &words)) }
            section {
                h2 { (lang.t("Bản ghi hiện nay", "The record as it is")) }
                (facts(ask, &subject.record, act.shows, &subject.names))
            }
            section {
                h2 { (lang.t("Phần cần điền", "What you send")) }
                form.act-form method="post" action=(action(ask, act, name)) {
                    (hidden(ask, act, name, typed))
                    @for group in act.groups { (fields.group(group)) }
                    @if !subject.agencies.is_empty() {
                        datalist id=(AGENCY_LIST) {
                            @for it in &subject.agencies {
                                option value=(
                                    lang.either(&it.display_name, &it.display_name_en, &it.name)) {}
                            }
                        }
                    }
                    p.small {
                        @if act.inputs().any(|it| it.needed) {
                            (lang.t("* bắt buộc. ", "* required. "))
                        }
                        (lang.t("Chưa có gì được gửi: bước sau cho xem trước những gì sẽ thay đổi.",
                            "Nothing is sent yet: the next step shows what will change."))
                    }
                    p.buttons {
                        button.main name=(STEP) value=(PREVIEW) {
                            (lang.t("Xem trước", "Preview"))
                        }
                    }
                }
            }
        },
    }
}

/// The page that says why the form cannot be shown or taken.
pub(super) async fn failed(ask: &Ask, act: &'static Act, failed: &Failed) -> Made {
    let named = resources(failed.text(ask.lang())).map(str::to_owned);
    // it is said also where nothing more can be read
    let names = called(ask, named.collect()).await.unwrap_or_default();
    let words = Words::new(ask.lang(), act, &names);
    no_page(&ask.address, failed, &|text| words.message("", text))
}

/// What is wrong, by the fields of the form.
struct Placed<'a> {
    by_field: BTreeMap<&'static str, Vec<(String, &'a Wrong)>>,
    /// What is wrong with fields that the form does not have.
    others: Vec<(String, &'a Wrong)>,
}

impl<'a> Placed<'a> {
    fn new(act: &Act, typed: &Typed, failed: Option<&'a Failed>) -> Self {
        let mut placed = Self {
            by_field: BTreeMap::new(),
            others: Vec::new(),
        };
        for wrong in failed.into_iter().flat_map(|it| &it.fields) {
            let field = snake(&wrong.field);
            let is_within = |outer: &str, inner: &str| {
                inner
                    .strip_prefix(outer)
                    .is_some_and(|it| it.starts_with(['.', '[']))
            };
            let exact = act.inputs().find(|it| it.path == field);
            let near = || {
                let mut inputs = act.inputs();
                inputs.find(|it| is_within(&field, it.path) || is_within(it.path, &field))
            };
            // what is missing as a whole is missing at each input that it needs
            let missing = act.inputs().filter(|it| {
                it.needed && is_within(&field, it.path) && typed.get(it.path).is_empty()
            });
            let mut at: Vec<_> = missing.collect();
            if at.is_empty() {
                at.extend(exact.or_else(near));
            }
            if at.is_empty() {
                placed.others.push((field.clone(), wrong));
            }
            for input in at {
                let at = placed.by_field.entry(input.path).or_default();
                at.push((field.clone(), wrong));
            }
        }
        placed
    }

    /// The path and what is wrong there, of an input and of what is within it or around it.
    fn at(&self, path: &str) -> &[(String, &'a Wrong)] {
        self.by_field.get(path).map_or(&[], Vec::as_slice)
    }
}

/// A path in the names of the protos.
fn snake(path: &str) -> String {
    let mut snake = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Why a form was refused, and what to do about it.
fn refused(
    ask: &Ask,
    act: &Act,
    failed: &Failed,
    placed: &Placed<'_>,
    words: &Words<'_>,
) -> Markup {
    let lang = ask.lang();
    let is_stale = failed.reason == ETAG_NOT_CURRENT.name();
    let todo = match failed.code.as_u16() {
        _ if is_stale => both(
            "Người khác vừa ghi bản ghi này. Nội dung mới đứng bên dưới, điều bạn đã nhập được giữ \
             nguyên: hãy kiểm tra lại rồi xem trước một lần nữa.",
            "Someone else has written the record. What it says now is below, and what you typed \
             is kept: check it, and preview again.",
        ),
        400 if !placed.by_field.is_empty() => both(
            "Hãy sửa các ô được đánh dấu rồi xem trước lại. Chưa có gì được ghi.",
            "Correct the fields that are marked, and preview again. Nothing was written.",
        ),
        _ if failed.reason == NOT_OF_SESSION => both(
            "Hãy kiểm tra lại điều đã nhập rồi xem trước lại.",
            "Check what you typed, and preview it again.",
        ),
        401 => both(
            "Chưa có gì được ghi. Điều bạn đã nhập được giữ ở trang này: hãy đăng nhập ở một thẻ \
             khác, rồi quay lại đây và gửi lại.",
            "Nothing was written. What you typed is kept in this page: sign in in another tab, \
             then come back here and send it again.",
        ),
        403 => both(
            "Chưa có gì được ghi. Việc này cần người có quyền; hãy liên hệ quản trị viên \
             của cơ quan.",
            "Nothing was written. It takes someone with the permission: ask your agency's \
             administrator.",
        ),
        _ if failed.is_passing() => both(
            "Hãy đợi một lát rồi gửi lại: gửi hai lần cũng chỉ ghi một lần.",
            "Wait for a moment and send it again: sent twice it is written once.",
        ),
        _ => both("Chưa có gì được ghi.", "Nothing was written."),
    };
    html! {
        section.refused role="alert" {
            h2 { (lang.t("Chưa gửi được", "It is not sent")) }
            @if placed.by_field.is_empty() && placed.others.is_empty() {
                p { (words.message("", failed.text(lang))) }
            }
            @for (field, wrong) in &placed.others {
                p {
                    @match words.field("", field) {
                        Some(called) => (called),
                        None => code { (field) },
                    }
                    ": " (words.message(field, wrong.text(lang)))
                }
            }
            p { (lang.of_text(todo)) }
            @if failed.code == StatusCode::UNAUTHORIZED {
                p {
                    a href=(sign_in(&ask.address)) target="_blank" {
                        (lang.t("Đăng nhập ở thẻ khác", "Sign in in another tab"))
                    }
                }
            }
            @if !placed.by_field.is_empty() {
                ul {
                    @for input in act.inputs().filter(|it| !placed.at(it.path).is_empty()) {
                        li { a href={ "#" (id_of(input)) } { (lang.of_text(input.label)) } }
                    }
                }
            }
        }
    }
}

/// The id of a field in the page.
fn id_of(input: &Input) -> String {
    let kept = |it: char| if it.is_ascii_alphanumeric() { it } else { '-' };
    format!("f-{}", input.path.chars().map(kept).collect::<String>())
}

/// The inputs of a form, with what was typed and what is wrong with it.
struct Fields<'a> {
    lang: Lang,
    message: Option<&'a MessageDescriptor>,
    subject: &'a Subject,
    typed: &'a Typed,
    placed: &'a Placed<'a>,
    words: &'a Words<'a>,
}

impl Fields<'_> {
    fn group(&self, group: &Group) -> Markup {
        let inner = html! { @for input in group.inputs { (self.field(input)) } };
        html! {
            @match group.title {
                Some(title) => fieldset { legend { (self.lang.of_text(title)) } (inner) },
                None => (inner),
            }
        }
    }

    fn field(&self, input: &Input) -> Markup {
        let Self { lang, message, .. } = *self;
        let id = id_of(input);
        let typed = self.typed.get(input.path);
        let value = self.subject.shown(lang, input, typed);
        let wrong = self.placed.at(input.path);
        let hint = input.hint.map(|_| format!("{id}-hint"));
        let error = (!wrong.is_empty()).then(|| format!("{id}-error"));
        let described: Vec<_> = [error.as_deref(), hint.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let described = Some(described.join(" ")).filter(|it| !it.is_empty());
        let invalid = error.as_ref().map(|_| "true");
        html! {
            div.field {
                label for=(id) { (lang.of_text(input.label)) @if input.needed { " *" } }
                @if let (Some(id), Some(text)) = (&hint, input.hint) {
                    span.small id=(id) { (lang.of_text(text)) }
                }
                @match input.form {
                    Form::Text => textarea id=(id) name=(input.path) rows="4" required[input.needed]
                        aria-invalid=[invalid] aria-describedby=[described] {
                        // a browser leaves the first line break out
                        "\n" (value)
                    },
                    Form::Choice => select id=(id) name=(input.path) required[input.needed]
                        aria-invalid=[invalid] aria-describedby=[described] {
                        option value="" { (lang.t("– chọn –", "– choose –")) }
                        @for (name, word) in choices(lang, message, input.path) {
                            option value=(name) selected[name == value] { (word) }
                        }
                    },
                    Form::Line => input type="text" id=(id) name=(input.path) value=(value)
                        required[input.needed] aria-invalid=[invalid] aria-describedby=[described];,
                    Form::Agency => input type="text" id=(id) name=(input.path) value=(value)
                        list=(AGENCY_LIST) autocomplete="off" required[input.needed]
                        aria-invalid=[invalid] aria-describedby=[described];,
                    Form::Day => input type="date" id=(id) name=(input.path) value=(value)
                        max="2200-12-31" required[input.needed] aria-invalid=[invalid]
                        aria-describedby=[described];,
                    Form::Percent => input type="number" id=(id) name=(input.path) value=(value)
                        min="0" max="100" step="1" required[input.needed] aria-invalid=[invalid]
                        aria-describedby=[described];,
                }
                @if let Some(id) = &error {
                    span.wrong id=(id) {
                        @match self.words.form(input, typed) {
                            Some(text) => (text),
                            None => @for (at, wrong) in wrong {
                                (self.words.message(at, wrong.text(lang))) " "
                            },
                        }
                    }
                }
            }
        }
    }
}

/// The values of the enum that a path leads to, without the unspecified one.
fn choices(lang: Lang, message: Option<&MessageDescriptor>, path: &str) -> Vec<(String, String)> {
    let of = message.and_then(|it| enum_at(it, path));
    let values = of.iter().flat_map(|of| {
        let values = of.values().filter(|it| it.number() != 0);
        values.map(|it| (it.name().to_owned(), chosen(lang, of, it.number())))
    });
    values.collect()
}

/// That a form has just written the record of this page, if the change that the address names did.
pub(super) async fn done(ask: &Ask) -> Result<Option<Markup>, Failed> {
    let Ok(revision) = ask.address.get(DONE).parse::<u64>() else {
        return Ok(None);
    };
    let lang = ask.lang();
    let request = pb::GetChangeRequest {
        name: format!("changes/{revision}"),
    };
    let change = match ask.get(ask.changes().get_change(request)).await {
        Ok(change) => change,
        // anyone can write an address with a change that does not exist
        Err(failed) if failed.code.is_client_error() => return Ok(None),
        Err(failed) => return Err(failed),
    };
    let mut effects = change.effects.iter();
    let is_here = effects.any(|it| {
        let path = path_of(&it.resource);
        path == ask.address.path || (path.is_empty() && ask.address.path == "/")
    });
    Ok(is_here.then(|| {
        html! {
            section.done role="status" {
                p {
                    strong { (lang.t("Đã ghi: ", "Written: ")) (what(lang, &change)) "." } " "
                    (lang.time(change.record_time.as_ref())) ", "
                    (record(ask, &change.name, &format!(
                        "{} {}", lang.t("thay đổi số", "change"), lang.number(change.revision))))
                    "."
                }
            }
        }
    }))
}

/// What will change, before it is sent.
async fn preview(
    ask: &Ask,
    act: &Act,
    name: &str,
    subject: &Subject,
    typed: &Typed,
    answer: &DynamicMessage,
) -> Made {
    let lang = ask.lang();
    // a method that creates a record answers another kind, and nothing was there before
    let is_same_kind = answer.descriptor() == subject.record.descriptor();
    let before = is_same_kind.then_some(&subject.record);
    let differences = differences(lang, before, Some(answer));
    let named = differences.iter().flat_map(Difference::resources);
    let names = called(ask, named.collect()).await.unwrap_or_default();
    Made {
        title: lang.of_text(act.title).to_owned(),
        main: html! {
            (opening(ask, act, name, &subject.title))
            section.wide {
                h2 { (lang.t("Những gì sẽ thay đổi", "What will change")) }
                p { (lang.t("Chưa có gì được ghi. Hãy kiểm tra rồi gửi.",
                    "Nothing is written yet. Check it, and send it.")) }
                (compared(ask, &differences, &names))
                (kept(ask, act, name, typed))
            }
        },
    }
}

/// That a form cannot be taken now, with all that was typed, to be sent again.
fn waiting(ask: &Ask, act: &'static Act, name: &str, typed: &Typed, failed: &Failed) -> Made {
    let (lang, names) = (ask.lang(), Names::default());
    let words = Words::new(lang, act, &names);
    Made {
        title: lang.of_text(act.title).to_owned(),
        main: html! {
            (opening(ask, act, name, name))
            (refused(ask, act, failed, &Placed::new(act, typed, None), &words))
            section.wide {
                h2 { (lang.t("Gửi lại", "Send again")) }
                (kept(ask, act, name, typed))
            }
        },
    }
}

/// What was typed, in hidden fields, with the buttons that send it or edit it. Without a preview
/// only a preview can be sent.
fn kept(ask: &Ask, act: &Act, name: &str, typed: &Typed) -> Markup {
    let lang = ask.lang();
    let request_id = typed.get(REQUEST_ID);
    html! {
        form.act-form method="post" action=(action(ask, act, name)) {
            (hidden(ask, act, name, typed))
            @if !request_id.is_empty() {
                input type="hidden" name=(REQUEST_ID) value=(request_id);
            }
            @for input in act.inputs().filter(|it| !typed.get(it.path).is_empty()) {
                input type="hidden" name=(input.path) value=(typed.get(input.path));
            }
            p.buttons {
                @if request_id.is_empty() {
                    button.main name=(STEP) value=(PREVIEW) { (lang.t("Xem trước", "Preview")) }
                } @else {
                    button.main name=(STEP) value=(SEND) { (lang.t("Gửi", "Send")) }
                }
                button name=(STEP) value=(EDIT) { (lang.t("Sửa lại", "Edit")) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::ask::message, *};

    #[test]
    fn values_are_put_at_their_paths() {
        let mut value = json!({});
        for (path, text) in [
            ("name", "tasks/a"),
            ("report.results", "x"),
            ("evidence[0].document.symbol", "1"),
            ("evidence[1].note", "2"),
            ("evidence[0].note", "3"),
        ] {
            put(&mut value, path, text.into());
        }
        assert_eq!(
            value,
            json!({
                "name": "tasks/a",
                "report": {"results": "x"},
                "evidence": [
                    {"document": {"symbol": "1"}, "note": "3"},
                    {"note": "2"},
                ],
            })
        );
    }

    #[test]
    fn a_form_sends_what_it_has_and_no_empty_evidence() {
        let (act, name) = Act::find("tasks/a:report").unwrap();
        let fields = [
            ("-etag", "e"),
            ("note", "một\r\nhai  "),
            ("evidence[0].note", "  "),
            ("evidence[1].document.issue_date", "2026-09-05"),
            ("unknown", "x"),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let typed = Typed::read(act, fields.into());
        let request = request(act, name, &typed, false);
        assert_eq!(
            request,
            json!({
                "name": "tasks/a",
                "etag": "e",
                "note": "một\nhai",
                "evidence": [{"document": {"issue_date": "2026-09-05"}}],
                "validate_only": true,
            })
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_at_its_field() {
        let (act, name) = Act::find("tasks/a:report").unwrap();
        let fields = [("completion_date", "gần đây"), ("-etag", "e")];
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let typed = Typed::read(act, fields.into());
        let failed = message(act.method, &request(act, name, &typed, false)).unwrap_err();
        let placed = Placed::new(act, &typed, Some(&failed));
        assert_eq!(placed.at("completion_date").len(), 1, "{failed:?}");
        assert!(placed.others.is_empty());
    }

    #[test]
    fn a_token_is_of_one_session_and_one_form() {
        let key = SealKey::new([7; 32]);
        let one = Binding {
            key: &key,
            of: b"one",
        };
        let two = Binding {
            key: &key,
            of: b"two",
        };
        let token = one.token("/tasks/a:report");
        assert!(one.holds("/tasks/a:report", &token));
        assert!(!two.holds("/tasks/a:report", &token));
        assert!(!one.holds("/tasks/b:report", &token));
        assert!(!one.holds("/tasks/a:report", ""));
    }
}
