//! `make install` and `make uninstall`.

use std::fs;
use std::path::Path;

use crate::support::command::run;
use crate::support::temp_dir;

fn make(target: &str, root: &Path) {
    run("make")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), target, "PREFIX=/usr/local"])
        .arg(format!("ASOF={}", env!("CARGO_BIN_EXE_asof")))
        .arg(format!("DESTDIR={}", root.display()))
        .ok();
}

/// All files below `root`, as relative paths.
fn files(root: &Path) -> Vec<String> {
    let found = run("find").args([".", "-type", "f", "-printf", "%P\n"]).dir(root).ok();
    found.lines().map(String::from).collect()
}

#[test]
fn what_make_install_puts_there_works_and_make_uninstall_removes_it() {
    let dir = temp_dir();
    make("install", dir.path());
    make("install", dir.path());
    let installed = files(dir.path());
    for file in [
        "usr/local/bin/asof",
        "usr/local/bin/.debug/asof.debug",
        "sbin/mount.asof",
        "usr/local/share/man/man1/asof.1",
        "usr/local/share/man/man1/asof-mount.1",
        "usr/local/share/bash-completion/completions/asof",
        "usr/local/share/zsh/site-functions/_asof",
        "usr/local/share/fish/vendor_completions.d/asof.fish",
    ] {
        assert!(installed.iter().any(|found| found == file), "{file} of {installed:?}");
    }
    let asof = dir.path().join("usr/local/bin/asof");
    let said = run(&asof).arg("--version").ok();
    assert_eq!(said, format!("asof {}\n", env!("CARGO_PKG_VERSION")));

    make("uninstall", dir.path());
    assert_eq!(files(dir.path()), Vec::<String>::new());
    assert!(!asof.with_file_name(".debug").exists());
}

/// The program is installed without its symbols, and tools find them beside it.
#[test]
fn the_symbols_are_beside_the_installed_program() {
    let dir = temp_dir();
    make("install", dir.path());
    let asof = dir.path().join("usr/local/bin/asof");
    let symbols = asof.with_file_name(".debug/asof.debug");
    let sections = run("readelf").args(["--section-headers", "--wide"]).arg(&asof).ok();
    assert!(!sections.contains(" .symtab ") && !sections.contains(" .debug_line "), "{sections}");
    let size = |path: &Path| fs::metadata(path).expect("it is installed").len();
    assert!(size(&asof) < size(Path::new(env!("CARGO_BIN_EXE_asof"))));

    // The address of main() comes from the symbols. addr2line gets the program and must find the symbols.
    let names = run("nm").arg("--demangle").arg(&symbols).ok();
    let main = names.lines().find(|line| line.ends_with(" asof::main")).expect("asof::main has a symbol");
    let address = main.split(' ').next().expect("an address comes first");
    let line = run("addr2line").args(["--functions", "--demangle", "--exe"]).arg(&asof).arg(address).ok();
    assert!(line.starts_with("asof::main\n") && line.contains("/src/main.rs:"), "{line}");
}
