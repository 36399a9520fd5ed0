//! Compiles `proto/` in Rust (no protoc) into wire types, services, the descriptor set for
//! reflection, and the enforcement of field rules. A rule that cannot be enforced, or a request
//! field without a bound, fails the build.

#[path = "build/methods.rs"]
mod methods;
#[path = "build/rules.rs"]
mod rules;
#[path = "build/schema.rs"]
mod schema;
#[path = "build/validation.rs"]
mod validation;

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use schema::{Problems, Schema};

const PACKAGE: &str = "ndp.registry.v1";
/// Answers of which the server sends bytes that it may have kept, and what of `wire` holds them.
const ENCODED: [(&str, &str); 5] = [
    ("Glossary", "Encoded"),
    ("Platform", "Encoded"),
    ("ListPlatformsResponse", "EncodedPage"),
    ("SearchPlatformsResponse", "EncodedPage"),
    ("WatchChangesResponse", "Encoded"),
];
/// A package made for the unit tests of `src/wire`.
const FIXTURE: &str = "ndp.fixture.v1";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/wire/validate/lines.rs");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = protos("proto/ndp/registry/v1")?;
    // Nothing of ours imports them; clients decode an error and its details with them.
    files.push("proto/google/rpc/error_details.proto".into());
    files.push("proto/google/rpc/status.proto".into());
    let compiler = compile(&files, "proto")?;
    fs::write(
        out_dir.join("descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    fs::write(out_dir.join("uncommented.bin"), uncommented(&compiler)?)?;
    fs::write(out_dir.join("protos.rs"), texts(&compiler))?;
    types(&compiler, &[], &out_dir)?;
    services(&compiler, &out_dir.join("server"))?;
    let google_type = ("google.type", "crate::pb::google::r#type");
    let rust = [(PACKAGE, "crate::pb"), google_type];
    enforcement(&compiler, &rust, PACKAGE, &out_dir)?;

    let compiler = compile(
        &["fixture.proto", "conformance.proto"].map(|it| Path::new("build").join(it)),
        "build",
    )?;
    let out_dir = out_dir.join("fixture");
    fs::create_dir_all(&out_dir)?;
    // Type by type, since prost does not take a package path through `r#type`.
    let google_types = [
        (".google.type.Date", "crate::pb::Date"),
        (".google.type.Money", "crate::pb::Money"),
    ];
    types(&compiler, &google_types, &out_dir)?;
    let rust = [(FIXTURE, "crate::wire::fixture"), google_type];
    enforcement(&compiler, &rust, FIXTURE, &out_dir)
}

/// The protos of a folder, in the order of their names.
fn protos(folder: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{folder}: {error}"))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn compile(files: &[PathBuf], root: &str) -> Result<protox::Compiler, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([root, "proto"])?;
    compiler.include_imports(true).include_source_info(true);
    for file in files {
        // Debug is protox's format with the source line; Display is the bare message.
        compiler
            .open_file(file)
            .map_err(|error| format!("{error:?}"))?;
    }
    Ok(compiler)
}

/// The descriptor set without comments and places in the source: three quarters of its bytes.
fn uncommented(compiler: &protox::Compiler) -> Result<Vec<u8>, Box<dyn Error>> {
    const SET: &str = "google.protobuf.FileDescriptorSet";
    let set = compiler.descriptor_pool().get_message_by_name(SET);
    let set = set.ok_or_else(|| format!("nothing imports {SET}"))?;
    let mut set = DynamicMessage::decode(set, &*compiler.encode_file_descriptor_set())?;
    let files = set.get_field_by_name_mut("file");
    for file in files.and_then(Value::as_list_mut).into_iter().flatten() {
        if let Some(file) = file.as_message_mut() {
            file.clear_field_by_name("source_code_info");
        }
    }
    Ok(set.encode_to_vec())
}

/// Writes prost's types and tonic's clients of every package but those that are `external`.
fn types(compiler: &protox::Compiler, external: &[(&str, &str)], out_dir: &Path) -> io::Result<()> {
    // Ordered maps, so that the same message always has the same bytes and violations.
    let mut builder = tonic_prost_build::configure()
        .out_dir(out_dir)
        .build_server(false)
        .btree_map(".")
        .extern_path(".google.rpc", "::tonic_types::pb");
    for (proto, rust) in external {
        builder = builder.extern_path(*proto, *rust);
    }
    write(builder, compiler)
}

/// Writes tonic's services, on the types that [`types`] writes but for answers that the server
/// keeps encoded.
fn services(compiler: &protox::Compiler, out_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(out_dir)?;
    let mut builder = tonic_prost_build::configure()
        .out_dir(out_dir)
        .build_client(false)
        .codec_path("crate::wire::encoded::AnswerCodec")
        .extern_path(format!(".{PACKAGE}"), "crate::pb")
        .extern_path(".google.rpc", "::tonic_types::pb");
    for (message, _) in ENCODED {
        builder = builder.extern_path(format!(".{PACKAGE}.{message}"), answer(message));
    }
    let methods = methods::generate(&compiler.descriptor_pool(), PACKAGE, answer);
    fs::write(out_dir.join("methods.rs"), methods)?;
    write(builder, compiler)
}

/// The texts of the files, by their names, as a list. Those of `google/protobuf/` come with every
/// compiler.
fn texts(compiler: &protox::Compiler) -> String {
    let files = compiler.file_descriptor_set().file;
    let names = files.iter().map(|it| it.name());
    let mut code = String::from("&[\n");
    for name in names.filter(|it| !it.starts_with("google/protobuf/")) {
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/proto/{name}\")");
        code.push_str(&format!("    ({name:?}, include_str!({path})),\n"));
    }
    code.push_str("]\n");
    code
}

/// The Rust type that answers with a message of ours.
fn answer(message: &str) -> String {
    match ENCODED.iter().find(|(encoded, _)| *encoded == message) {
        Some((_, rust)) => format!("crate::wire::encoded::{rust}<crate::pb::{message}>"),
        None => format!("crate::pb::{message}"),
    }
}

/// Runs a builder over every package but those that only define options.
fn write(builder: tonic_prost_build::Builder, compiler: &protox::Compiler) -> io::Result<()> {
    let mut fds = compiler.file_descriptor_set();
    fds.file
        .retain(|file| !["buf.validate", "google.api"].contains(&file.package()));
    let mut config = tonic_prost_build::Config::new();
    // by which the messages within a request are counted before it is read
    config.enable_type_names();
    builder.compile_fds_with_config(fds, config)
}

/// Writes `Validate` of the messages of the package `ours`.
fn enforcement(
    compiler: &protox::Compiler,
    rust: &[(&str, &str)],
    ours: &str,
    out_dir: &Path,
) -> Result<(), Box<dyn Error>> {
    let schema = Schema::new(compiler.descriptor_pool(), ours, rust)?;
    let mut problems = Problems::default();
    let code = validation::generate(&schema, &mut problems);
    problems.into_result()?;
    fs::write(out_dir.join(format!("{ours}.rules.rs")), code)?;
    Ok(())
}
