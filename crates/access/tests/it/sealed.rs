//! Compile-fail proofs: nobody outside this crate builds or copies a permit or a scope.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// By the compiler, on the library that this test links: nothing else is built for it. Each file of `tests/forgeries` fails with the one
/// error that stands in the file beside it.
#[test]
fn permits_and_scopes_cannot_be_forged() {
    let honest = Path::new(env!("CARGO_TARGET_TMPDIR")).join("honest.rs");
    let words = "fn main() { let _ = wardstone_access::Permit::system(wardstone_access::SystemPurpose::Backup); }";
    std::fs::write(&honest, words).unwrap();
    let built = compiled(&honest);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forgeries");
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let forgeries: Vec<&PathBuf> =
        files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).collect();
    assert_eq!(forgeries.len(), 9);
    for forgery in forgeries {
        let expected = std::fs::read_to_string(forgery.with_extension("stderr")).unwrap();
        let said = String::from_utf8(compiled(forgery).stderr).unwrap();
        assert_eq!(errors(&said), errors(&expected), "{}: {said}", forgery.display());
        assert_eq!(errors(&said).len(), 1, "{}", forgery.display());
    }
}

fn errors(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("error") && !line.starts_with("error: aborting")).collect()
}

fn compiled(source: &Path) -> Output {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let libraries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libwardstone_access-") && name.ends_with(".rlib")
    });
    let newest = libraries.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).unwrap();
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--emit", "metadata", "--color", "never", "--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .arg("--extern")
        .arg(format!("wardstone_access={}", newest.display()))
        .arg(source)
        .output()
        .unwrap()
}
