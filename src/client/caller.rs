//! Who calls: `login`, which stores a server and a key, and `permissions`.

use std::io::{self, BufRead as _, IsTerminal as _};

use anyhow::Context as _;
use clap::{Arg, ArgMatches, Command};
use prost_reflect::{DynamicMessage, ReflectMessage as _};

use super::{
    Client,
    call::{self, Connection, Settings},
    commands::connected,
    contract::CONTRACT,
    failure::{Failure, no_method},
    language::{Language, unread},
    profile,
    request::text_at,
    rows::Rows,
    screen::print,
};
use crate::{http::body, telemetry};

pub(super) fn login() -> Command {
    let about = "Try a server and a key, and store them as a profile";
    let name = "Name of the profile; --profile chooses it later";
    let command = Command::new("login")
        .about(about)
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .default_value(profile::DEFAULT)
                .help(name),
        )
        .after_help(
            "The key is read from --key-file, which then holds it from then on, else from NDP_KEY, \
             else from standard input.\n\nExample:\n  ndp-registry login work --server \
             127.0.0.1:50051 --key-file editor.key",
        );
    connected(command)
}

pub(super) fn permissions() -> Command {
    let method = "Method, as SubmitPlan; may be given more than once";
    let resource = "Resource that the methods would be called on";
    let principal = "Another principal than the caller, which keepers of principals may ask about";
    let text = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("NAME").help(help)
    };
    let command = Command::new("permissions")
        .about("Says which methods the caller may call, on a resource or at all")
        .arg(
            Arg::new("method")
                .value_name("METHOD")
                .required(true)
                .num_args(1..)
                .help(method),
        )
        .arg(text("resource", resource))
        .arg(text("principal", principal))
        .after_help(
            "Example:\n  ndp-registry permissions SubmitPlan IssuePlan --resource \
             platforms/ndp-005/plans/2026",
        );
    connected(command)
}

impl Client {
    pub(super) async fn permissions(&self, given: &ArgMatches) -> Result<(), Failure> {
        let verb = CONTRACT.method("TestPermissions");
        let verb = verb.ok_or_else(|| no_method("TestPermissions"))?;
        let mut message = DynamicMessage::new(verb.route.method.input());
        let text = |name: &str| given.get_one::<String>(name).cloned().unwrap_or_default();
        let questions = given
            .get_many::<String>("method")
            .unwrap_or_default()
            .map(|method| {
                let known = CONTRACT.method(method);
                let method = known.map_or_else(
                    || method.clone(),
                    |it| it.route.grpc.path().trim_start_matches('/').to_owned(),
                );
                serde_json::json!({"method": method, "resource": text("resource")})
            });
        let body = serde_json::json!({
            "questions": questions.collect::<Vec<_>>(),
            "principal": text("principal"),
        });
        message = body::scanned(&message.descriptor(), body.to_string().as_bytes())
            .map_err(|status| Failure::Malformed(Box::new(status)))?;
        let answer = self.connection.call(verb, &message).await?;
        let answers = answer.get_field_by_name("answers");
        let answers = answers
            .as_ref()
            .and_then(|it| it.as_list())
            .unwrap_or_default();
        let answers: Vec<_> = answers
            .iter()
            .filter_map(|it| it.as_message().cloned())
            .collect();
        let Some(first) = answers.first() else {
            return Ok(());
        };
        let mut rows = Rows::new(self.screen, first.descriptor(), true);
        rows.page(&answers)?;
        rows.end()
    }
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
