//! Runs one target of `ndp_registry::fuzz`, which the variable NDP_FUZZ_TARGET names, under
//! libFuzzer. With no name, lists the targets.

#![no_main]

use std::{fs, path::Path, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use ndp_registry::fuzz::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("NDP_FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|it| it.name == name);
    let Some(target) = target else {
        for target in TARGETS {
            println!("{}", target.name);
        }
        std::process::exit(0);
    };
    // libFuzzer's own hook ends the process at each panic, also at those of a reader of workbooks
    // that the product answers with an error; one that nothing catches ends it all the same
    drop(std::panic::take_hook());
    // the fuzzer starts with the seeds
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let corpus = corpus.join(target.name);
    fs::create_dir_all(&corpus).unwrap();
    for (number, seed) in target.seeds.iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number}")), seed).unwrap();
    }
    target
});

fuzz_target!(init: { LazyLock::force(&TARGET); }, |input: &[u8]| {
    (TARGET.run)(input);
});
