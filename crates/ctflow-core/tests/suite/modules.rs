//! The modules of the crate import one way.

use std::fs;
use std::path::{Path, PathBuf};

/// As in src/lib.rs: each imports only from those before it.
const MODULES: [&str; 10] = [
    "error",
    "dtls",
    "row",
    "netlink",
    "ipfix",
    "sys",
    "listen",
    "conntrack",
    "nflog",
    "owner",
];

fn sources(module: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
    match fs::read_dir(&path) {
        Ok(folder) => folder.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![path.with_extension("rs")],
    }
}

#[test]
fn imports_go_one_way() {
    for (rank, module) in MODULES.iter().enumerate() {
        for file in sources(module) {
            for import in fs::read_to_string(&file).unwrap().split("crate::").skip(1) {
                let name = import.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let from = MODULES.iter().position(|module| *module == name);
                assert!(
                    from.is_some_and(|from| from < rank),
                    "{}: crate::{name}",
                    file.display()
                );
            }
        }
    }
}
