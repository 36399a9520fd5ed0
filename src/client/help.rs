//! The words of the parser itself in a Vietnamese help: its headings, its own flags and what it
//! says of values. All are set where the parser lets a command set them.

use clap::{Arg, Command, builder::StyledStr};

/// Gives the commands the parser's words in Vietnamese, but not those that are named: their help
/// stays as it is. It builds all that is deferred, so it is for when a help or an error is shown.
pub(super) fn worded(mut command: Command, but: &[String]) -> Command {
    // makes the flags and the command of help, and the names that the usage begins with
    command.build();
    inner(command, but)
}

fn inner(command: Command, but: &[String]) -> Command {
    let styles = command.get_styles();
    let (title, heading) = (styles.get_usage(), "Cách dùng:");
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{title}{heading}{title:#} {{usage}}\n\n\
         {{all-args}}{{after-help}}"
    );
    let mut command = command
        .help_template(template)
        .subcommand_help_heading("Lệnh")
        .subcommand_value_name("LỆNH")
        .mut_args(|arg| match arg.get_id().as_str() {
            "help" => arguments(help(arg)),
            "version" => arguments(arg.help("In phiên bản")),
            _ => arguments(arg),
        })
        .mut_subcommands(|it| match it.get_name() {
            "help" => inner(
                it.about("In hướng dẫn này hoặc hướng dẫn của lệnh con"),
                but,
            ),
            name if but.iter().any(|it| it == name) => it,
            _ => inner(it, &[]),
        });
    // the one word that the parser lets no command set
    let usage = command.render_usage().ansi().to_string();
    let usage = usage.replace("[OPTIONS]", "[TÙY CHỌN]");
    match usage.split_once(' ') {
        Some((_, usage)) => command.override_usage(StyledStr::from(usage.to_owned())),
        None => command,
    }
}

fn help(arg: Arg) -> Arg {
    match arg.get_long_help() {
        Some(_) => arg
            .help("In hướng dẫn (xem đầy đủ với '--help')")
            .long_help("In hướng dẫn (xem tóm tắt với '-h')"),
        None => arg.help("In hướng dẫn"),
    }
}

/// Under a heading in Vietnamese, with what may be given, and what counts if nothing is.
fn arguments(mut arg: Arg) -> Arg {
    if arg.get_help_heading().is_none() {
        let heading = match arg.is_positional() {
            true => "Tham số",
            false => "Tùy chọn",
        };
        arg = arg.help_heading(heading);
    }
    let mut said = Vec::new();
    if let Some(name) = arg.get_env() {
        said.push(format!("[biến môi trường: {}]", name.to_string_lossy()));
    }
    if arg.get_action().takes_values() {
        let values = arg.get_default_values().iter();
        let values: Vec<_> = values.map(|it| it.to_string_lossy()).collect();
        if !values.is_empty() {
            said.push(format!("[mặc định: {}]", values.join(" ")));
        }
    }
    let values = arg.get_possible_values();
    let values: Vec<_> = values.iter().map(|it| it.get_name()).collect();
    if !values.is_empty() {
        said.push(format!("[các giá trị: {}]", values.join(", ")));
    }
    if said.is_empty() {
        return arg;
    }
    let short = arg.get_help().map(ToString::to_string);
    let long = arg.get_long_help().map(ToString::to_string);
    let text = |help: Option<String>, between: &str| {
        let help = help.filter(|it| !it.is_empty());
        let texts = help.into_iter().chain([said.join(between)]);
        texts.collect::<Vec<_>>()
    };
    let long = text(long.or_else(|| short.clone()), "\n").join("\n\n");
    let short = text(short, " ").join(" ");
    arg.help(short)
        .long_help(long)
        .hide_env(true)
        .hide_default_value(true)
        .hide_possible_values(true)
}

#[cfg(test)]
mod tests {
    use crate::client::{self, language::Language};

    use super::*;

    /// What stands in a help in English alone.
    const ENGLISH: &[&str] = &[
        "Usage:",
        "Commands:",
        "Arguments:",
        "Options:",
        "[OPTIONS]",
        "[default:",
        "[env:",
        "[possible values:",
        "[alias",
        "Print ",
        "Example:",
    ];

    /// Asserts that nothing that is said in English is said in the same words in Vietnamese.
    fn assert_translated(english: &Command, vietnamese: &Command, path: &str) {
        let differ = |english: Option<&StyledStr>, vietnamese: Option<&StyledStr>| {
            if let Some(english) = english.filter(|it| !it.to_string().is_empty()) {
                let vietnamese = vietnamese.unwrap_or_else(|| panic!("{path}: {english}"));
                assert_ne!(english, vietnamese, "{path}");
            }
        };
        differ(english.get_about(), vietnamese.get_about());
        differ(english.get_long_about(), vietnamese.get_long_about());
        differ(english.get_after_help(), vietnamese.get_after_help());
        for (one, other) in english.get_arguments().zip(vietnamese.get_arguments()) {
            assert_eq!(one.get_id(), other.get_id());
            differ(one.get_help(), other.get_help());
            differ(one.get_long_help(), other.get_long_help());
        }
        let page = vietnamese.clone().render_long_help().to_string();
        for words in ENGLISH {
            assert!(!page.contains(words), "{path} says `{words}`\n{page}");
        }
        for one in english.get_subcommands() {
            let other = vietnamese.find_subcommand(one.get_name()).unwrap();
            assert_translated(one, other, &format!("{path} {}", one.get_name()));
        }
    }

    #[test]
    fn everything_is_said_in_vietnamese() {
        let whole = |language| client::commands(Command::new("ndp-registry"), language);
        let english = client::built(whole(Language::English));
        let vietnamese = whole(Language::Vietnamese);
        vietnamese.clone().debug_assert();
        assert_translated(&english, &vietnamese, "ndp-registry");
    }
}
