//! Who calls: `login`, which stores a server and a key, and `permissions`.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::Context as _;
use clap::{Arg, ArgMatches, Command};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};

use super::{
    Client,
    call::{self, Connection, Settings},
    commands::connected,
    contract::{CONTRACT, Verb},
    failure::{Failure, no_method},
    language::{Language, unread},
    profile,
    request::text_at,
    rows::Rows,
    screen::{Form, print},
};
use crate::{http::body, telemetry};

/// Questions of one call, as many as the contract allows.
const QUESTIONS: usize = 100;

pub(super) fn login(language: Language) -> Command {
    let about = language.of(
        "Try a server and a key, and store them as a profile",
        "Thử kết nối bằng máy chủ và khóa, rồi lưu thành hồ sơ kết nối",
    );
    let name = language.of(
        "Name of the profile; --profile chooses it later",
        "Tên hồ sơ kết nối; sau này chọn bằng --profile",
    );
    let key = language.of(
        "The key is read from --key-file, which then holds it from then on, else from NDP_KEY, \
         else from standard input.",
        "Khóa được đọc từ --key-file, và từ đó luôn đọc ở tệp ấy; nếu không có thì từ NDP_KEY, rồi \
         đến đầu vào chuẩn.",
    );
    let example =
        language.example("ndp-registry login work --server 127.0.0.1:50051 --key-file editor.key");
    let command = Command::new("login")
        .about(about)
        .arg(
            Arg::new("name")
                .value_name(language.of("NAME", "TÊN"))
                .default_value(profile::DEFAULT)
                .help(name),
        )
        .after_help(format!("{key}\n\n{example}"));
    connected(command, language)
}

pub(super) fn permissions(language: Language) -> Command {
    let about = language.of(
        "Says which methods the caller may call, on a resource or at all",
        "Cho biết bên gọi được gọi những phương thức nào, trên một bản ghi hoặc nói chung",
    );
    let method = language.of(
        "Method, as SubmitPlan; may be given more than once. If left out, all that take the \
         resource",
        "Phương thức, ví dụ SubmitPlan; có thể nêu nhiều phương thức. Nếu bỏ trống là mọi phương \
         thức nhận bản ghi đó",
    );
    let resource = language.of(
        "Resource that the methods would be called on",
        "Bản ghi mà các phương thức tác động đến",
    );
    let principal = language.of(
        "Another principal than the caller, which keepers of principals may ask about",
        "Chủ thể khác với bên gọi; chỉ người quản lý chủ thể được hỏi",
    );
    let text = |name: &'static str, help: &'static str| {
        let value = language.of("NAME", "TÊN");
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let command = Command::new("permissions")
        .about(about)
        .arg(
            Arg::new("method")
                .value_name(language.of("METHOD", "PHƯƠNG-THỨC"))
                .num_args(0..)
                .help(method),
        )
        .arg(text("resource", resource))
        .arg(text("principal", principal))
        .after_help(language.example(
            "ndp-registry permissions SubmitPlan IssuePlan --resource platforms/ndp-005/plans/2026",
        ));
    connected(command, language)
}

impl Client {
    pub(super) async fn permissions(&self, given: &ArgMatches) -> Result<(), Failure> {
        let verb = CONTRACT.method("TestPermissions");
        let verb = verb.ok_or_else(|| no_method("TestPermissions"))?;
        let text = |name: &str| given.get_one::<String>(name).cloned().unwrap_or_default();
        let resource = text("resource");
        let methods = match given.get_many::<String>("method") {
            Some(methods) => methods.map(|it| full_name(it)).collect::<Result<_, _>>()?,
            None => CONTRACT
                .taking(&resource)
                .map(grpc_name)
                .collect::<Vec<_>>(),
        };
        let mut rows = Rows::new(self.screen, answers_of(verb)?, true);
        for methods in methods.chunks(QUESTIONS) {
            let questions = methods
                .iter()
                .map(|it| serde_json::json!({"method": it, "resource": resource}));
            let body = serde_json::json!({
                "questions": questions.collect::<Vec<_>>(),
                "principal": text("principal"),
            });
            let input = verb.route.method.input();
            let message = body::scanned(&input, body.to_string().as_bytes())
                .map_err(|status| Failure::Malformed(Box::new(status)))?;
            let answer = self.connection.call(verb, &message).await?;
            let answers = answer.get_field_by_name("answers");
            let answers = answers.as_ref().and_then(|it| it.as_list());
            let answers = answers.unwrap_or_default().iter();
            let answers = answers.filter_map(|it| it.as_message().cloned());
            let answers = answers.map(|it| match self.screen.form {
                Form::Table => shortened(it),
                _ => it,
            });
            rows.page(&answers.collect::<Vec<_>>())?;
        }
        rows.end()
    }
}

/// The message of one answer.
fn answers_of(verb: &Verb) -> Result<MessageDescriptor, Failure> {
    let answers = verb.route.method.output().get_field_by_name("answers");
    let answer = answers.and_then(|it| it.kind().as_message().cloned());
    answer.ok_or_else(|| no_method("TestPermissions"))
}

/// An answer without what the command itself says: the resource, and the package of the method.
fn shortened(mut answer: DynamicMessage) -> DynamicMessage {
    answer.clear_field_by_name("resource");
    let method = text_at(&answer, "method").unwrap_or_default();
    if let Some((_, method)) = method.rsplit_once('.') {
        answer.set_field_by_name("method", Value::String(method.to_owned()));
    }
    answer
}

/// The name of a method as the questions have it.
fn grpc_name(verb: &Verb) -> String {
    let path = verb.route.grpc.path();
    path.trim_start_matches('/').to_owned()
}

/// The same of a method that was given by its name alone, or with its service.
fn full_name(given: &str) -> Result<String, Failure> {
    let name = given.rsplit('/').next().unwrap_or(given);
    let known = CONTRACT.method(name).map(grpc_name);
    known.filter(|it| it.ends_with(given)).ok_or_else(|| {
        Failure::usage(
            format!("no method is called `{given}`; as `SubmitPlan`, or all if none is given"),
            format!(
                "không có phương thức `{given}`; ví dụ `SubmitPlan`, hoặc bỏ trống để hỏi tất cả"
            ),
        )
    })
}

/// Tries a server and a key, and stores them.
pub(super) async fn sign_in(given: &ArgMatches, language: Language) -> Result<(), Failure> {
    let path = profile::path()?;
    let mut profiles = profile::read(&path)?;
    let mut stored = call::over(given, profile::Profile::default())?;
    if stored.key.is_none() && stored.key_file.is_none() {
        if io::stdin().is_terminal() {
            telemetry::say(language.of(
                "the API key, and Enter; an empty line for none:",
                "khóa API rồi Enter; để trống nếu không có:",
            ));
            telemetry::flush();
        }
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .with_context(|| unread("stdin"))?;
        stored.key = Some(line.trim().to_owned()).filter(|it| !it.is_empty());
    }
    // from anywhere the command is called later
    for file in [
        &mut stored.key_file,
        &mut stored.ca,
        &mut stored.client_certificate,
        &mut stored.client_key,
    ]
    .into_iter()
    .flatten()
    {
        *file = std::path::absolute(&*file).context("the place of a file")?;
    }
    let settings = Settings::with(given, stored.clone());
    let connection = Connection::new(&settings, language)?;
    stored.server = Some(connection.server.clone());
    let verb = CONTRACT.method("IdentifyCaller");
    let verb = verb.ok_or_else(|| no_method("IdentifyCaller"))?;
    let message = DynamicMessage::new(verb.route.method.input());
    let answer = connection.call(verb, &message).await?;
    let name = given.get_one::<String>("name").cloned().unwrap_or_default();
    profiles.default.get_or_insert_with(|| name.clone());
    let server = connection.server;
    profiles.profiles.insert(name.clone(), stored);
    profile::write(&path, &profiles)?;
    let principal = text_at(&answer, "principal").filter(|it| !it.is_empty());
    let principal = principal.unwrap_or_else(|| language.of("anyone", "bất kỳ ai").to_owned());
    print(&format!(
        "{name}: {principal} at {server}, in {}\n",
        path.display()
    ))
}
