//! The commands, with their flags, made from the fields of each request. A noun is filled when the
//! arguments name it, so that a start does not pay for all of them.

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, Command, ValueHint,
    builder::{PossibleValue, PossibleValuesParser},
};
use prost_reflect::Kind;

use super::{
    contract::{CONTRACT, Verb, comment_of_field, first_sentence, is_required, words},
    download::TO,
    examples,
    flags::{Flag, Form, flags},
};
use crate::http::{
    routes::Body,
    values::{is_date, is_period},
};

/// The heading of flags that every command has.
const COMMON: &str = "Connection and output";

/// Adds the client's commands. Only the noun that is named has its verbs.
pub(super) fn add_to(mut command: Command) -> Command {
    for (name, verb) in CONTRACT.short() {
        let about = first_sentence(&verb.comment());
        command = command.subcommand(Command::new(name).about(about).defer(fill_short));
    }
    for noun in CONTRACT.nouns() {
        let noun = noun.to_owned();
        let about = CONTRACT.about(&noun);
        let filled = Command::new(noun).about(about).subcommand_required(true);
        command = command.subcommand(filled.arg_required_else_help(true).defer(fill_noun));
    }
    command
}

fn fill_short(command: Command) -> Command {
    let name = command.get_name().to_owned();
    match CONTRACT.short().find(|(short, _)| *short == name) {
        Some((_, verb)) => with_arguments(command, verb, &name),
        None => command,
    }
}

fn fill_noun(command: Command) -> Command {
    let noun = command.get_name().to_owned();
    let verbs = CONTRACT.verbs(&noun).map(|verb| {
        let called = format!("{noun} {}", verb.name);
        with_arguments(Command::new(verb.name.clone()), verb, &called)
    });
    let mut verbs: Vec<_> = verbs.collect();
    if CONTRACT.find(&noun, "update").is_some() && CONTRACT.find(&noun, "get").is_some() {
        verbs.push(edit(&noun));
    }
    // of its first verb
    let first = CONTRACT.verbs(&noun).next();
    let first = first.map(|verb| example(verb, &format!("{noun} {}", verb.name), &flags(verb)));
    command
        .subcommands(verbs)
        .after_help(first.unwrap_or_default())
}

/// `NOUN edit NAME`, which no method is.
fn edit(noun: &str) -> Command {
    let Some(update) = CONTRACT.find(noun, "update") else {
        return Command::new("edit");
    };
    let about = "Opens it as YAML in $EDITOR, and sends what was changed";
    let mut command = Command::new("edit")
        .about(about)
        .arg(place(&update.places(), 0, true));
    for flag in flags(update) {
        if flag.path.len() == 1 && flag.name != "update-mask" && flag.name != "body" {
            command = command.arg(argument(&flag, false));
        }
    }
    connected(command.arg(yes())).after_help(format!(
        "Example:\n  ndp-registry {noun} edit {}",
        examples::place(update).unwrap_or_default()
    ))
}

fn place(places: &[super::contract::Place], at: usize, required: bool) -> Arg {
    let field = places.get(at).map_or("name", |it| it.field.as_str());
    let pattern = places.get(at).map_or("", |it| it.pattern.as_str());
    let name = field.rsplit('.').next().unwrap_or_default().to_uppercase();
    let mut help = match pattern {
        "**" | "*" => String::new(),
        pattern => format!("As {pattern}"),
    };
    if pattern.matches('*').count() == 1 && pattern.contains('/') {
        help.push_str(", or the id alone");
    }
    if !required && pattern.contains('*') {
        help.push_str("; of all if left out");
    }
    Arg::new(format!("place/{field}"))
        .value_name(name)
        .help(help)
        .required(required)
}

fn with_arguments(command: Command, verb: &Verb, called: &str) -> Command {
    let comment = verb.comment();
    let mut command = command
        .about(first_sentence(&comment))
        .long_about(comment.replace('`', "'"));
    let places = verb.places();
    let is_list = verb.route.rows.is_some();
    for at in 0..places.len() {
        let has_variable = places.get(at).is_some_and(|it| it.pattern.contains('*'));
        let required = has_variable && !(is_list && verb.name == "list");
        command = command.arg(place(&places, at, required));
    }
    let flags = flags(verb);
    let has_body = !verb.is_read() && !matches!(verb.route.body, Body::Raw(_));
    for flag in &flags {
        command = command.arg(argument(flag, has_body));
    }
    if has_body {
        let help = "The whole body in JSON: @FILE, - for standard input, or the text itself; flags \
                    change it";
        command = command.arg(Arg::new("body").long("body").value_name("JSON").help(help));
    }
    if !verb.is_read() {
        command = command.arg(yes());
    }
    if is_list {
        command = command.arg(
            Arg::new("limit")
                .long("limit")
                .value_name("COUNT")
                .value_parser(clap::value_parser!(u64).range(1..))
                .default_value("1000")
                .help("At most this many; standard error says when there are more"),
        );
    }
    if matches!(verb.route.body, Body::Raw(_)) {
        let help = "The file to send";
        let file = Arg::new("file")
            .value_name("FILE")
            .required(true)
            .help(help);
        command = command.arg(file.value_hint(ValueHint::FilePath));
    }
    if verb.route.raw.is_some() && verb.route.method.is_server_streaming() {
        let help = "File to write; it has its name once all of it has come. Standard output if \
                    left out";
        let to = Arg::new(TO).long(TO).value_name("FILE").help(help);
        let to = to.value_parser(clap::value_parser!(PathBuf));
        command = command.arg(to.value_hint(ValueHint::FilePath));
    }
    if verb.route.method.name() == "WatchChanges" {
        command = command.args(super::follow::arguments());
    }
    connected(command).after_help(example(verb, called, &flags))
}

fn yes() -> Arg {
    Arg::new("yes")
        .long("yes")
        .action(ArgAction::SetTrue)
        .help("Do not ask before what a terminal would be asked about")
}

fn argument(flag: &Flag, has_body: bool) -> Arg {
    let mut arg = Arg::new(flag.name.clone()).long(flag.name.clone());
    let Some(field) = flag.field() else {
        return arg;
    };
    let comment = comment_of_field(field).replace('`', "'");
    arg = arg.help(first_sentence(&comment)).long_help(comment);
    if field.name() == "validate_only" {
        arg = arg.alias("validate-only");
    }
    let kind = field.kind();
    // the client reads the etag where none is given
    if flag.path.len() == 1 && is_required(field) && field.name() != "etag" {
        arg = match has_body {
            true => arg.required_unless_present("body"),
            false => arg.required(true),
        };
    }
    arg = arg.value_name(value_name(flag, &kind));
    arg = match &kind {
        Kind::Bool if !field.is_list() => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"]),
        Kind::Enum(one) if !field.is_map() => {
            let values = words(one)
                .into_iter()
                .map(|(name, short)| match name == short {
                    true => PossibleValue::new(name),
                    false => PossibleValue::new(name).alias(short),
                });
            arg.value_parser(PossibleValuesParser::new(values))
                .ignore_case(true)
        }
        _ => arg.allow_negative_numbers(true),
    };
    if field.is_list() || field.is_map() {
        arg = arg.action(ArgAction::Append);
        if kind.as_enum().is_some() {
            arg = arg.value_delimiter(',');
        }
    }
    arg
}

fn value_name(flag: &Flag, kind: &Kind) -> &'static str {
    match (flag.form, kind) {
        (Form::Json, _) => "JSON",
        (Form::Pair, _) => "KEY=VALUE",
        (_, Kind::Bool) => "BOOL",
        (_, Kind::Enum(_)) => "VALUE",
        (_, Kind::String) => "TEXT",
        (_, Kind::Bytes) => "BASE64",
        (_, Kind::Message(message)) if is_date(message) => "DATE",
        (_, Kind::Message(message)) if is_period(message) => "PERIOD",
        (_, Kind::Message(message)) => match message.name() {
            "Timestamp" => "TIME",
            "Duration" => "DURATION",
            _ => "FIELDS",
        },
        _ => "NUMBER",
    }
}

/// The example at the end of a help.
fn example(verb: &Verb, called: &str, flags: &[Flag]) -> String {
    format!("Example:\n  {}", examples::call(verb, called, flags))
}

/// Adds the flags that every command has.
pub(super) fn connected(command: Command) -> Command {
    let common = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .help(help)
            .help_heading(COMMON)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .help(help)
            .help_heading(COMMON)
            .action(ArgAction::SetTrue)
    };
    let path = |arg: Arg| arg.value_hint(ValueHint::FilePath);
    let command = command
        .arg(
            common(
                "server",
                "ADDRESS",
                "Server, as https://HOST:PORT; 127.0.0.1:50051 if left out",
            )
            .env("NDP_SERVER")
            .value_hint(ValueHint::Url),
        )
        .arg(
            common(
                "profile",
                "NAME",
                "Profile that `login` stored; the default one if left out",
            )
            .env("NDP_PROFILE"),
        )
        .arg(path(
            common(
                "key-file",
                "FILE",
                "File with the API key; or the key itself in NDP_KEY",
            )
            .env("NDP_KEY_FILE"),
        ))
        .arg(path(
            common(
                "ca",
                "FILE",
                "Certificates that issue the server's; else the public ones",
            )
            .env("NDP_CA"),
        ))
        .arg(path(
            common(
                "client-certificate",
                "FILE",
                "Own certificate, for a server that asks for one",
            )
            .env("NDP_CLIENT_CERTIFICATE")
            .requires("client-key"),
        ))
        .arg(path(
            common("client-key", "FILE", "Key of the own certificate")
                .env("NDP_CLIENT_KEY")
                .requires("client-certificate"),
        ))
        .arg(switch(
            "insecure",
            "Let a key go unencrypted to another machine",
        ))
        .arg(
            common(
                "timeout",
                "SECONDS",
                "Longest time of one call; 60 if left out, and 3600 for a file",
            )
            .value_parser(clap::value_parser!(u64).range(1..=86_400)),
        )
        .arg(
            common("output", "FORM", "How to print what is answered")
                .short('o')
                .value_parser(["table", "json", "jsonl", "yaml", "csv"])
                .default_value("table"),
        )
        .arg(
            common(
                "lang",
                "LANGUAGE",
                "Language of tables and errors; else that of the locale",
            )
            .env("NDP_LANG")
            .value_parser(["vi", "en"]),
        )
        .arg(switch("quiet", "Show no progress of long work").short('q'))
        .arg(
            switch(
                "verbose",
                "Say the request id of a write, and the reason of an error",
            )
            .short('v'),
        );
    super::unless_empty(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_valid_and_every_field_has_a_flag_or_a_place() {
        let command = add_to(Command::new("ndp-registry"));
        // builds what is deferred too, and finds two flags of one name
        super::super::built(command).debug_assert();
        for noun in CONTRACT.nouns() {
            for verb in CONTRACT.verbs(noun) {
                let mut names: Vec<_> = flags(verb).into_iter().map(|it| it.name).collect();
                let count = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), count, "{noun} {}", verb.name);
            }
        }
    }
}
