//! The arrows between the rooms of src, and habits a reader relies on, as tests. That the core is
//! pure needs none: `crates/core` has no dependency that waits, reads, draws or knows a clock.
//!
//! A room is a file or folder of src by its first name: `src/store.rs` and `src/store/` are one.
//! [`GRAPH`] says which rooms it uses, and [`ROOMS`] which words it may not mention. Both look
//! outside comments and above the unit tests at a file's foot: blunt, and enough to notice a
//! dependency on the day it is added.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::harness::tools::repository;

/// One room: which words it may not mention, and why.
struct Room {
    name: &'static str,
    rules: &'static [(&'static [&'static str], &'static str)],
}

const NO_ASYNC: (&[&str], &str) = (
    &["async", "await", "tokio", "futures"],
    "it is pure: waiting is the registry's business",
);
const NO_SQL: (&[&str], &str) = (&["sqlx"], "only store knows of SQL");
const NO_PROTOBUF: (&[&str], &str) = (
    &[
        "pb",
        "prost",
        "prost_types",
        "prost_reflect",
        "tonic",
        "tonic_types",
    ],
    "only wire, and what stands on it, knows of protobuf and gRPC",
);
const NO_CLOCK: (&[&str], &str) = (
    &["SystemTime", "Instant", "Timestamp::now", "Zoned::now"],
    "the time is an argument, so that the same log gives the same State",
);
/// The rooms, and those that each of them uses: only rooms above it.
const GRAPH: &[(&str, &[&str])] = &[
    ("pb", &[]),
    ("admission", &[]),
    ("calendar", &[]),
    ("catalogue", &[]),
    ("sign_in", &[]),
    ("signed", &[]),
    ("store", &[]),
    ("files", &["admission", "store"]),
    ("wire", &["pb"]),
    ("transfer", &["wire"]),
    ("registry", &["admission", "store"]),
    (
        "config",
        &["admission", "catalogue", "files", "sign_in", "store"],
    ),
    ("telemetry", &["config", "wire"]),
    ("call", &["admission", "registry", "sign_in", "wire"]),
    (
        "service",
        &[
            "admission",
            "calendar",
            "call",
            "files",
            "pb",
            "registry",
            "sign_in",
            "transfer",
            "wire",
        ],
    ),
    ("http", &["admission", "call", "wire"]),
    (
        "web",
        &[
            "admission",
            "call",
            "http",
            "pb",
            "registry",
            "sign_in",
            "wire",
        ],
    ),
    (
        "layers",
        &[
            "admission",
            "call",
            "http",
            "registry",
            "service",
            "sign_in",
            "telemetry",
            "wire",
        ],
    ),
    (
        "server",
        &[
            "admission",
            "call",
            "config",
            "files",
            "http",
            "layers",
            "registry",
            "service",
            "sign_in",
            "telemetry",
            "web",
        ],
    ),
    ("client", &["http", "pb", "signed", "telemetry", "wire"]),
    (
        "cli",
        &[
            "admission",
            "calendar",
            "catalogue",
            "client",
            "config",
            "files",
            "pb",
            "registry",
            "server",
            "signed",
            "store",
            "telemetry",
            "wire",
        ],
    ),
    (
        "fuzz",
        &[
            "admission",
            "files",
            "http",
            "pb",
            "registry",
            "server",
            "sign_in",
            "signed",
            "store",
            "transfer",
            "wire",
        ],
    ),
];

const ROOMS: &[Room] = &[
    Room {
        name: "admission",
        rules: &[
            NO_SQL,
            NO_PROTOBUF,
            (
                &["ndp_core::state"],
                "what a caller may take does not depend on records",
            ),
        ],
    },
    Room {
        name: "registry",
        rules: &[NO_SQL, NO_PROTOBUF],
    },
    Room {
        name: "store",
        rules: &[
            NO_PROTOBUF,
            NO_CLOCK,
            (&["ndp_core::state"], "store stands on the records alone"),
        ],
    },
    Room {
        name: "files",
        rules: &[
            NO_SQL,
            NO_PROTOBUF,
            NO_CLOCK,
            (
                &["ndp_core::state"],
                "who may read a file is decided elsewhere",
            ),
        ],
    },
    Room {
        name: "wire",
        rules: &[NO_ASYNC, NO_SQL],
    },
    Room {
        name: "transfer",
        rules: &[NO_ASYNC, NO_SQL, NO_CLOCK],
    },
    Room {
        name: "call",
        rules: &[NO_SQL],
    },
    Room {
        name: "service",
        rules: &[
            NO_SQL,
            (&["Code::"], "wire/status.rs alone maps errors to codes"),
        ],
    },
    Room {
        name: "layers",
        rules: &[
            NO_SQL,
            (
                &["ndp_core::state"],
                "a layer knows of calls, not of platforms",
            ),
        ],
    },
    Room {
        name: "http",
        rules: &[
            NO_SQL,
            (
                &["ndp_core::state"],
                "it knows descriptors and calls, and no method or platform",
            ),
        ],
    },
    Room {
        name: "web",
        rules: &[
            NO_SQL,
            (
                &["ndp_core::state"],
                "a page is made of calls, and counts nothing itself",
            ),
        ],
    },
    Room {
        name: "server",
        rules: &[NO_SQL],
    },
    Room {
        name: "client",
        rules: &[
            NO_SQL,
            (
                &["crate::registry", "crate::store", "ndp_core::state"],
                "it is a client of any server",
            ),
        ],
    },
    Room {
        name: "cli",
        rules: &[
            NO_SQL,
            (
                &["crate::registry", "crate::store"],
                "a command is a client of the server",
            ),
        ],
    },
];

/// Files that may break a rule of their room: path from the root, word, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "src/files/scan.rs",
        "Instant",
        "it bounds the time of another program",
    ),
    (
        "src/cli.rs",
        "crate::registry",
        "it opens the database for the commands below",
    ),
    (
        "src/cli.rs",
        "crate::store",
        "it opens the database for the commands below",
    ),
    ("src/cli/serve.rs", "crate::registry", "it is the server"),
    ("src/cli/serve.rs", "crate::store", "it is the server"),
    (
        "src/cli/key.rs",
        "crate::registry",
        "the first key is made where no server runs yet",
    ),
    (
        "src/cli/key.rs",
        "crate::store",
        "the first key is made where no server runs yet",
    ),
    (
        "src/cli/load.rs",
        "crate::registry",
        "what is shipped is in the program, and written where keys are made",
    ),
    (
        "src/cli/backup.rs",
        "crate::store",
        "it copies the database itself",
    ),
    (
        "src/cli/story.rs",
        "crate::store",
        "it writes a database that no server has",
    ),
    (
        "src/cli/story.rs",
        "crate::registry",
        "it writes a database that no server has",
    ),
    ("src/cli/sandbox.rs", "crate::store", "it is the server"),
    ("src/cli/sandbox.rs", "crate::registry", "it is the server"),
    (
        "src/cli/onboard.rs",
        "crate::registry",
        "the first keys are made where no server answers yet",
    ),
    (
        "src/cli/verify.rs",
        "crate::store",
        "it reads the store of a server that is down",
    ),
];

#[test]
fn arrows_between_rooms_point_one_way() {
    let mut used: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (path, text) in sources("src") {
        let lines = code_of(&text);
        for (other, _) in GRAPH {
            if room_of(&path) != *other
                && !lines_with(&lines, &format!("crate::{other}")).is_empty()
            {
                used.entry(room_of(&path).to_owned())
                    .or_default()
                    .insert(*other);
            }
        }
    }
    for (index, (room, uses)) in GRAPH.iter().enumerate() {
        let uses: BTreeSet<_> = uses.iter().copied().collect();
        let above: BTreeSet<_> = GRAPH[..index].iter().map(|(room, _)| *room).collect();
        assert!(
            uses.is_subset(&above),
            "`{room}` uses a room that is not above it in `GRAPH`"
        );
        let found = used.remove(*room).unwrap_or_default();
        assert_eq!(
            found, uses,
            "what room `{room}` uses, and what `GRAPH` says"
        );
    }
    used.retain(|room, _| !["lib", "main"].contains(&room.as_str()));
    assert_eq!(used, BTreeMap::new(), "rooms that are not in `GRAPH`");
}

#[test]
fn rooms_do_not_mention_what_is_not_theirs() {
    let mut broken = Vec::new();
    for (path, text) in sources("src") {
        broken.extend(breaches(&path, &text));
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn files_say_what_they_answer_for() {
    let mut broken = Vec::new();
    for (path, text) in code() {
        if !text.starts_with("//! ") {
            broken.push(format!(
                "{path}:1: open with `//!` and what the file answers for"
            ));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn lines_are_at_most_a_hundred_columns_long() {
    let mut broken = Vec::new();
    for (path, text) in code() {
        let mut in_snapshot = false;
        for (number, line) in (1..).zip(text.lines()) {
            // what a snapshot shows is as long as it is
            in_snapshot = in_snapshot && !line.trim_start().starts_with('"');
            in_snapshot |= line.ends_with("@r\"") || line.ends_with("@r#\"");
            // a URL cannot be broken
            let columns = line.chars().count();
            if columns > 100 && !in_snapshot && !line.contains("://") {
                broken.push(format!("{path}:{number}: {columns} columns, at most 100"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_tests_that_documents_name_exist() {
    let page = read("docs/threats.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let columns = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | "));
    let of_threats: Vec<_> = columns.flat_map(|(_, last)| quoted(last)).collect();
    assert!(of_threats.len() > 30, "{}", of_threats.len());
    let page = read("CONTRIBUTING.md");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let cells = rows
        .filter_map(|row| row.split_once("| test "))
        .map(|it| it.1)
        .filter(|it| it.starts_with('`') || it.starts_with("module `"));
    let of_kinds: Vec<_> = cells.flat_map(quoted).collect();
    assert!(of_kinds.len() > 8, "{}", of_kinds.len());
    let tests: Vec<_> = ["crates", "src", "tests"]
        .into_iter()
        .flat_map(sources)
        .collect();
    for name in of_threats.into_iter().chain(of_kinds) {
        let (module, test) = name.rsplit_once("::").unwrap_or(("", name));
        let file = format!("tests/it/{}.rs", module.replace("::", "/"));
        let whole = format!("tests/it/{}.rs", name.replace("::", "/"));
        let exists = tests.iter().any(|(path, text)| {
            *path == whole
                || (*path == file || module.is_empty()) && text.contains(&format!("fn {test}("))
        });
        assert!(
            exists,
            "a document names the test `{name}`, which does not exist"
        );
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let (mut broken, mut followed) = (Vec::new(), 0);
    for document in documents() {
        let text = prose(&read(&document));
        for link in text.split("](").skip(1) {
            let link = link.split([')', ' ']).next().unwrap();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&document).parent().unwrap();
            let target = match file {
                "" => PathBuf::from(&document),
                file => folder.join(file),
            };
            let page = fs::read_to_string(repository().join(&target));
            let leads = match page {
                Ok(page) if !anchor.is_empty() => anchors(&page).any(|it| it == anchor),
                _ => repository().join(&target).exists(),
            };
            if !leads {
                broken.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(followed > 500, "{followed}");
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    // in two halves, or this line would be one
    let word = concat!("TO", "DO");
    let mut broken = Vec::new();
    for (path, text) in code() {
        for (number, line) in (1..).zip(text.lines()) {
            for (at, _) in line.match_indices(word) {
                let issue = line[at + word.len()..].strip_prefix("(#");
                if !issue.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit())) {
                    broken.push(format!("{path}:{number}: write `{word}(#12)`, or do it"));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What is between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The pages that people read, by their paths.
fn documents() -> Vec<String> {
    fn visit(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let name = path.display().to_string();
            if entry.file_type().unwrap().is_dir() {
                visit(&path, found);
            } else if name.ends_with(".md") {
                found.push(name);
            }
        }
    }
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
    let mut found = top.map(str::to_owned).to_vec();
    for folder in ["docs", "data"] {
        visit(Path::new(folder), &mut found);
    }
    found
}

/// A page without its commands and code.
fn prose(page: &str) -> String {
    let blocks = page.split("\n```").step_by(2);
    let lines = blocks.flat_map(str::lines);
    let prose = lines.map(|line| line.split('`').step_by(2).collect::<String>());
    prose.collect::<Vec<_>>().join("\n")
}

/// What the headings of a page are linked by.
fn anchors(page: &str) -> impl Iterator<Item = String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// The room that a file belongs to.
fn room_of(path: &str) -> &str {
    let name = path.trim_start_matches("src/").split(['/', '.']).next();
    name.unwrap_or_default()
}

/// Its lines without comments and without the unit tests at its foot, which may use what they like.
fn code_of(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]\nmod tests").next();
    let code = code.unwrap_or_default();
    code.lines().map(without_comment).collect()
}

/// Each breach of the room's rules, as `file:line: …`.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let name = room_of(path);
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return Vec::new();
    };
    let code = code_of(text);
    let mut found = Vec::new();
    for (words, reason) in room.rules {
        for word in *words {
            if EXCEPTIONS
                .iter()
                .any(|(file, allowed, _)| (*file, allowed) == (path, word))
            {
                continue;
            }
            for number in lines_with(&code, word) {
                found.push(format!(
                    "{path}:{number}: `{word}` in room `{name}`: {reason}"
                ));
            }
        }
    }
    found
}

/// The lines, from 1, that mention the word; `crate::store` also in `use crate::{store::…, …}`.
fn lines_with(code: &[&str], word: &str) -> Vec<usize> {
    let mut lines: Vec<_> = (1..)
        .zip(code)
        .filter(|(_, line)| mentions(line, word))
        .map(|(number, _)| number)
        .collect();
    let Some(room) = word.strip_prefix("crate::") else {
        return lines;
    };
    // the depth of braces inside `use crate::{`; zero outside one
    let mut depth = 0;
    for (number, line) in (1..).zip(code) {
        let line = if depth == 0 {
            let Some((_, inside)) = line.split_once("use crate::{") else {
                continue;
            };
            depth = 1;
            inside
        } else {
            line
        };
        let mut name = String::new();
        for character in line.chars().chain([' ']) {
            if character.is_alphanumeric() || character == '_' {
                name.push(character);
                continue;
            }
            // at depth 1 a name not after `::` is a room
            if depth == 1 && name == room {
                lines.push(number);
            }
            name.clear();
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ':' => name.push(':'),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    lines
}

/// Whether the line has the word, not as part of a longer one.
fn mentions(line: &str, word: &str) -> bool {
    let part = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let ends = word.ends_with(':') || !part(after.chars().next());
        !part(before.chars().next_back()) && ends
    })
}

fn without_comment(line: &str) -> &str {
    // `://` is an address in a string
    let comment = line
        .match_indices("//")
        .find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// The code that people write.
fn code() -> impl Iterator<Item = (String, String)> {
    ["crates", "src", "tests"].into_iter().flat_map(sources)
}

/// Path from the root and text of each Rust file under a folder.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&repository().join(folder), &mut found);
    found.sort();
    assert!(!found.is_empty(), "no source under {folder}");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (
            path.strip_prefix(repository())
                .unwrap()
                .display()
                .to_string(),
            text,
        )
    };
    found.into_iter().map(read).collect()
}

#[test]
fn a_breach_is_found_and_named() {
    let text = "//! Knows of async, in a comment.\n\
                use std::fmt;\n\
                pub async fn f() { asynchronous() }\n\
                const PAGE: &str = \"https://tokio.rs\"; // sqlx\n\
                #[cfg(test)]\n\
                mod tests { use sqlx::test; }\n";
    let found = breaches("src/wire/page.rs", text);
    let found: Vec<_> = found
        .iter()
        .map(|it| it.rsplit_once(": ").unwrap().0.split(" in").next().unwrap())
        .collect();
    assert_eq!(
        found,
        ["src/wire/page.rs:3: `async`", "src/wire/page.rs:4: `tokio`",]
    );
    assert!(breaches("src/telemetry.rs", text).is_empty());
    assert!(breaches("src/cli/serve.rs", "use crate::store::Store;").is_empty());
    let found = breaches(
        "src/cli/get.rs",
        "use crate::{\n    config::{store, Error},\n    store::Tx,\n};",
    );
    let rule = "a command is a client of the server";
    assert_eq!(
        found,
        [format!(
            "src/cli/get.rs:3: `crate::store` in room `cli`: {rule}"
        )]
    );
    assert_eq!(
        breaches("src/service/plans.rs", "Status::new(Code::Internal, x)").len(),
        1
    );
}
