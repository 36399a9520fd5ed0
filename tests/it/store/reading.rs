//! Reading a database as it is: at one moment while others write, or from a read-only copy. A
//! reader creates and changes nothing.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ndp_core::{change::Image, names::AgencyName, records::platforms::Governance};
use ndp_registry::store::Store;

use super::{
    append, append_to, bare, change, execute, first_change, open, platform, revision, texts,
};
use crate::harness::{Engine, both, process::clear_settings};

both! {
    async fn a_check_is_of_one_moment(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[change(1, vec![bare("ndp-001", 1)])]).await;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let writing = tokio::spawn(async move {
            let mut number = 1;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let id = format!("ndp-{:03}", number % 50);
                append(&store, &[change(number, vec![bare(&id, number)])]).await;
            }
            store.close().await;
            number
        });
        let mut last = revision(1);
        let mut rounds = 0;
        while rounds < 30 || last < revision(100) {
            let reader = Store::open_to_read(&engine.url()).await.unwrap();
            let report = reader.verify().await.unwrap();
            assert_eq!(report.findings, []);
            assert_eq!(report.revision.get(), i64::try_from(report.changes).unwrap());
            assert!(report.revision >= last);
            last = report.revision;
            rounds += 1;
            reader.close().await;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writing.await.unwrap() >= last.get());
    }

    /// No foreign key says that what a record names exists, so a check of the database does.
    async fn a_record_that_names_one_which_is_not_there_is_found(engine: Engine) {
        let store = open(&engine).await;
        let mut lost = platform("ndp-001", 1);
        lost.fields.governance = vec![Governance {
            agency: AgencyName::parse("agencies/khong-co"),
            ..Governance::default()
        }];
        append(&store, &[change(1, vec![Image::Platform(Arc::new(lost))])]).await;
        let findings = store.verify().await.unwrap().findings;
        let problems: Vec<_> = findings.iter().map(|it| &*it.problem).collect();
        assert_eq!(problems, ["names `agencies/khong-co`, which does not exist"]);
        store.close().await;
    }

    async fn what_is_read_is_never_written(engine: Engine) {
        let store = open(&engine).await;
        append(&store, &[first_change()]).await;
        let reader = Store::open_to_read(&engine.url()).await.unwrap();
        let written = async {
            let mut tx = reader.begin().await?;
            append_to(&mut tx, &[change(2, Vec::new())]).await
        };
        assert!(written.await.is_err());
        reader.close().await;
        store.close().await;
        // of an older release
        execute(&engine, "DELETE FROM ndp_migrations WHERE version > 1").await;
        let refused = Store::open_to_read(&engine.url()).await.unwrap_err().to_string();
        let said = "its schema is of an older release: step 2 is missing; start `serve`";
        assert!(refused.contains(said), "{refused}");
        let steps = texts(&engine, "SELECT description FROM ndp_migrations").await;
        assert_eq!(steps.len(), 1);
        // no registry at all
        execute(&engine, "DROP TABLE log_head; DROP TABLE ndp_migrations").await;
        assert!(Store::open_to_read(&engine.url()).await.is_err());
    }
}

#[tokio::test]
async fn an_empty_database_is_no_registry() {
    let Some(engine) = Engine::postgres().await else {
        return;
    };
    let refused = Store::open_to_read(&engine.url())
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("there is no registry in it"), "{refused}");
}

/// The reader has read access only, and the directory is not writable.
#[tokio::test]
async fn a_copy_that_nobody_may_write_can_be_checked() {
    const NOBODY: u32 = 65_534;
    let engine = Engine::sqlite();
    let store = open(&engine).await;
    append(&store, &[first_change()]).await;
    store.close().await;
    let directory = engine.directory().unwrap();
    let names = || {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|it| it.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    // the program, at a path that any user can reach
    let program = directory.join("ndp-registry");
    if fs::hard_link(env!("CARGO_BIN_EXE_ndp-registry"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_ndp-registry"), &program).unwrap();
    }
    mode(&directory.join("registry.db"), 0o444);
    mode(directory, 0o555);
    let before = names();
    let mut command = Command::new(&program);
    clear_settings(&mut command);
    command.args(["admin", "verify", "--database", &engine.url()]);
    // root may write regardless of file modes, so another user runs the program
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.starts_with("ok: revision 1, 1 changes"),
        "{said}{errors}"
    );
    assert_eq!(names(), before);
    mode(directory, 0o755);
}

/// A file that no process has open is read alone; a write to it in the meantime is noticed.
#[tokio::test]
async fn a_file_that_was_opened_meanwhile_is_noticed() {
    let engine = Engine::sqlite();
    open(&engine).await.close().await;
    let reader = Store::open_to_read(&engine.url()).await.unwrap();
    reader.verify().await.unwrap();
    assert!(reader.was_untouched());
    let writer = open(&engine).await;
    append(&writer, &[change(1, Vec::new())]).await;
    assert!(!reader.was_untouched());
    // a file that a process has open is read together with its write-ahead log
    let reader = Store::open_to_read(&engine.url()).await.unwrap();
    assert_eq!(reader.verify().await.unwrap().revision, revision(1));
    append(&writer, &[change(2, Vec::new())]).await;
    assert!(reader.was_untouched());
    assert_eq!(reader.verify().await.unwrap().revision, revision(2));
}
