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
    language::Language,
};
use crate::http::{
    routes::Body,
    values::{is_date, is_period},
};

/// Adds the client's commands. Only the noun that is named has its verbs.
pub(super) fn add_to(mut command: Command, language: Language) -> Command {
    let short: fn(Command) -> Command = language.of(
        |it| fill_short(it, Language::English),
        |it| fill_short(it, Language::Vietnamese),
    );
    let filled: fn(Command) -> Command = language.of(
        |it| fill_noun(it, Language::English),
        |it| fill_noun(it, Language::Vietnamese),
    );
    for (name, verb) in CONTRACT.short() {
        let about = verb.about(language);
        command = command.subcommand(Command::new(name).about(about).defer(short));
    }
    for noun in CONTRACT.nouns() {
        let noun = noun.to_owned();
        let about = CONTRACT.about(&noun, language);
        let noun = Command::new(noun).about(about).subcommand_required(true);
        command = command.subcommand(noun.arg_required_else_help(true).defer(filled));
    }
    command
}

fn fill_short(command: Command, language: Language) -> Command {
    let name = command.get_name().to_owned();
    match CONTRACT.short().find(|(short, _)| *short == name) {
        Some((_, verb)) => with_arguments(command, verb, &name, language),
        None => command,
    }
}

fn fill_noun(command: Command, language: Language) -> Command {
    let noun = command.get_name().to_owned();
    let verbs = CONTRACT.verbs(&noun).map(|verb| {
        let called = format!("{noun} {}", verb.name);
        with_arguments(Command::new(verb.name.clone()), verb, &called, language)
    });
    let mut verbs: Vec<_> = verbs.collect();
    if CONTRACT.find(&noun, "update").is_some() && CONTRACT.find(&noun, "get").is_some() {
        verbs.push(edit(&noun, language));
    }
    // of its first verb
    let first = CONTRACT.verbs(&noun).next();
    let first = first.map(|verb| {
        let call = examples::call(verb, &format!("{noun} {}", verb.name), &flags(verb));
        language.example(&call)
    });
    command
        .subcommands(verbs)
        .after_help(first.unwrap_or_default())
}

/// `NOUN edit NAME`, which no method is.
fn edit(noun: &str, language: Language) -> Command {
    let Some(update) = CONTRACT.find(noun, "update") else {
        return Command::new("edit");
    };
    let about = language.of(
        "Opens it as YAML in $EDITOR, and sends what was changed",
        "Mở bản ghi ở dạng YAML trong $EDITOR, rồi gửi phần đã sửa",
    );
    let mut command = Command::new("edit")
        .about(about)
        .arg(place(update, 0, true, language));
    for flag in flags(update) {
        if flag.path.len() == 1 && flag.name != "update-mask" && flag.name != "body" {
            command = command.arg(argument(&flag, false, language));
        }
    }
    let place = examples::place(update).unwrap_or_default();
    connected(command.arg(yes(language)), language)
        .after_help(language.example(&format!("ndp-registry {noun} edit {place}")))
}

fn place(verb: &Verb, at: usize, required: bool, language: Language) -> Arg {
    let places = verb.places();
    let field = places.get(at).map_or("name", |it| it.field.as_str());
    let pattern = places.get(at).map_or("", |it| it.pattern.as_str());
    let name = field.rsplit('.').next().unwrap_or_default().to_uppercase();
    let mut help = match pattern {
        "**" | "*" => verb.about_field(field, language),
        pattern => format!("{} {pattern}", language.of("As", "Dạng")),
    };
    if pattern.matches('*').count() == 1 && pattern.contains('/') {
        help.push_str(language.of(", or the id alone", ", hoặc chỉ phần mã"));
    }
    if !required && pattern.contains('*') {
        help.push_str(language.of("; of all if left out", "; nếu bỏ trống thì lấy tất cả"));
    }
    Arg::new(format!("place/{field}"))
        .value_name(name)
        .help(help)
        .required(required)
}

fn with_arguments(command: Command, verb: &Verb, called: &str, language: Language) -> Command {
    let about = verb.about(language);
    let mut command = command
        .long_about(detailed(&about, &verb.comment(), language))
        .about(about);
    let places = verb.places();
    let is_list = verb.route.rows.is_some();
    for at in 0..places.len() {
        let has_variable = places.get(at).is_some_and(|it| it.pattern.contains('*'));
        let required = has_variable && !(is_list && verb.name == "list");
        command = command.arg(place(verb, at, required, language));
    }
    if matches!(verb.route.body, Body::Raw(_)) {
        let help = language.of("The file to send", "Tệp cần gửi");
        let file = Arg::new("file")
            .value_name(language.of("FILE", "TỆP"))
            .required(true)
            .help(help);
        command = command.arg(file.value_hint(ValueHint::FilePath));
    }
    let flags = flags(verb);
    let has_body = !verb.is_read() && !matches!(verb.route.body, Body::Raw(_));
    for flag in &flags {
        command = command.arg(argument(flag, has_body, language));
    }
    if has_body {
        let help = language.of(
            "The whole body in JSON: @FILE, - for standard input, or the text itself; flags \
             change it",
            "Toàn bộ nội dung ở dạng JSON: @TỆP, - là đầu vào chuẩn, hoặc chính văn bản JSON; các \
             tham số khác sửa nội dung này",
        );
        command = command.arg(Arg::new("body").long("body").value_name("JSON").help(help));
    }
    if !verb.is_read() {
        command = command.arg(yes(language));
    }
    if is_list {
        command = command.arg(
            Arg::new("limit")
                .long("limit")
                .value_name(language.of("COUNT", "SỐ"))
                .value_parser(clap::value_parser!(u64).range(1..))
                .default_value("1000")
                .help(language.of(
                    "At most this many; standard error says when there are more",
                    "Số mục tối đa; nếu còn nữa thì đầu ra lỗi chuẩn cho biết",
                )),
        );
    }
    if verb.route.raw.is_some() && verb.route.method.is_server_streaming() {
        let help = language.of(
            "File to write; it has its name once all of it has come. Standard output if left out",
            "Tệp cần ghi; tệp chỉ có tên này khi đã nhận đủ. Nếu bỏ trống thì ghi ra đầu ra chuẩn",
        );
        let file = language.of("FILE", "TỆP");
        let to = Arg::new(TO).long(TO).value_name(file).help(help);
        let to = to.value_parser(clap::value_parser!(PathBuf));
        command = command.arg(to.value_hint(ValueHint::FilePath));
    }
    if verb.route.method.name() == "WatchChanges" {
        command = command.args(super::follow::arguments(language));
    }
    let example = language.example(&examples::call(verb, called, &flags));
    connected(command, language).after_help(example)
}

/// The whole help of something: what the protos say, below its Vietnamese name.
fn detailed(name: &str, comment: &str, language: Language) -> String {
    let comment = comment.replace('`', "'");
    match language {
        Language::English => comment,
        Language::Vietnamese => format!("{name}\n{comment}"),
    }
}

fn yes(language: Language) -> Arg {
    Arg::new("yes")
        .long("yes")
        .action(ArgAction::SetTrue)
        .help(language.of(
            "Do not ask before what a terminal would be asked about",
            "Không hỏi lại trước những việc phải hỏi trên màn hình",
        ))
}

fn argument(flag: &Flag, has_body: bool, language: Language) -> Arg {
    let mut arg = Arg::new(flag.name.clone()).long(flag.name.clone());
    let Some(field) = flag.field() else {
        return arg;
    };
    let comment = comment_of_field(field);
    let help = match language {
        Language::English => first_sentence(&comment.replace('`', "'")),
        Language::Vietnamese => flag.called(language),
    };
    arg = arg
        .long_help(detailed(&help, &comment, language))
        .help(help);
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
    arg = arg.value_name(value_name(flag, &kind, language));
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

fn value_name(flag: &Flag, kind: &Kind, language: Language) -> &'static str {
    match (flag.form, kind) {
        (Form::Json, _) => "JSON",
        (Form::Pair, _) => language.of("KEY=VALUE", "KHÓA=GIÁ-TRỊ"),
        (_, Kind::Bool) => "BOOL",
        (_, Kind::Enum(_)) => language.of("VALUE", "GIÁ-TRỊ"),
        (_, Kind::String) => language.of("TEXT", "CHỮ"),
        (_, Kind::Bytes) => "BASE64",
        (_, Kind::Message(message)) if is_date(message) => language.of("DATE", "NGÀY"),
        (_, Kind::Message(message)) if is_period(message) => language.of("PERIOD", "KỲ"),
        (_, Kind::Message(message)) => match message.name() {
            "Timestamp" => language.of("TIME", "THỜI-ĐIỂM"),
            "Duration" => language.of("DURATION", "THỜI-LƯỢNG"),
            _ => language.of("FIELDS", "CÁC-TRƯỜNG"),
        },
        _ => language.of("NUMBER", "SỐ"),
    }
}

/// The flag that names the language.
pub(super) fn lang(language: Language) -> Arg {
    Arg::new("lang")
        .long("lang")
        .value_name(language.of("LANGUAGE", "NGÔN-NGỮ"))
        .help(language.of(
            "Language of tables and errors; else that of the locale",
            "Ngôn ngữ của bảng, thông báo lỗi và hướng dẫn; nếu bỏ trống thì theo hệ điều hành",
        ))
        .value_parser(["vi", "en"])
}

/// Adds the flags that every command has.
pub(super) fn connected(command: Command, language: Language) -> Command {
    let heading = language.of("Connection and output", "Kết nối và hiển thị");
    let common = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .help(help)
            .help_heading(heading)
    };
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .help(help)
            .help_heading(heading)
            .action(ArgAction::SetTrue)
    };
    let path = |arg: Arg| arg.value_hint(ValueHint::FilePath);
    let file = language.of("FILE", "TỆP");
    let command = command
        .arg(
            common(
                "server",
                language.of("ADDRESS", "ĐỊA-CHỈ"),
                language.of(
                    "Server, as https://HOST:PORT; 127.0.0.1:50051 if left out",
                    "Máy chủ, dạng https://HOST:PORT; nếu bỏ trống là 127.0.0.1:50051",
                ),
            )
            .env("NDP_SERVER")
            .value_hint(ValueHint::Url),
        )
        .arg(
            common(
                "profile",
                language.of("NAME", "TÊN"),
                language.of(
                    "Profile that `login` stored; the default one if left out",
                    "Hồ sơ kết nối đã lưu bằng `login`; nếu bỏ trống là hồ sơ mặc định",
                ),
            )
            .env("NDP_PROFILE"),
        )
        .arg(path(
            common(
                "key-file",
                file,
                language.of(
                    "File with the API key; or the key itself in NDP_KEY",
                    "Tệp chứa khóa API; hoặc đặt chính khóa trong NDP_KEY",
                ),
            )
            .env("NDP_KEY_FILE"),
        ))
        .arg(path(
            common(
                "ca",
                file,
                language.of(
                    "Certificates that issue the server's; else the public ones",
                    "Chứng thư của nơi cấp chứng thư cho máy chủ; nếu bỏ trống thì dùng các chứng \
                     thư công cộng",
                ),
            )
            .env("NDP_CA"),
        ))
        .arg(path(
            common(
                "client-certificate",
                file,
                language.of(
                    "Own certificate, for a server that asks for one",
                    "Chứng thư của bên gọi, khi máy chủ yêu cầu",
                ),
            )
            .env("NDP_CLIENT_CERTIFICATE")
            .requires("client-key"),
        ))
        .arg(path(
            common(
                "client-key",
                file,
                language.of("Key of the own certificate", "Khóa của chứng thư đó"),
            )
            .env("NDP_CLIENT_KEY")
            .requires("client-certificate"),
        ))
        .arg(switch(
            "insecure",
            language.of(
                "Let a key go unencrypted to another machine",
                "Cho phép gửi khóa không mã hóa đến máy khác",
            ),
        ))
        .arg(
            common(
                "timeout",
                language.of("SECONDS", "GIÂY"),
                language.of(
                    "Longest time of one call; 60 if left out, and 3600 for a file",
                    "Thời gian tối đa của một lần gọi; nếu bỏ trống là 60, với tệp là 3600",
                ),
            )
            .value_parser(clap::value_parser!(u64).range(1..=86_400)),
        )
        .arg(
            common(
                "output",
                language.of("FORM", "DẠNG"),
                language.of("How to print what is answered", "Cách in kết quả"),
            )
            .short('o')
            .value_parser(["table", "json", "jsonl", "yaml", "csv"])
            .default_value("table"),
        )
        .arg(lang(language).help_heading(heading).env("NDP_LANG"))
        .arg(
            switch(
                "quiet",
                language.of(
                    "Show no progress of long work",
                    "Không hiển thị tiến độ của việc kéo dài",
                ),
            )
            .short('q'),
        )
        .arg(
            switch(
                "verbose",
                language.of(
                    "Say the request id of a write, and the reason of an error",
                    "Cho biết mã yêu cầu của lần ghi và lý do của lỗi",
                ),
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
        let command = add_to(Command::new("ndp-registry"), Language::English);
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
