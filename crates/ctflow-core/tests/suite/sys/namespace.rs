//! Names of namespaces; entering a namespace is tested from TypeScript.
#![cfg(target_os = "linux")]

use ctflow_core::error::Code;
use ctflow_core::sys::Namespace;

#[test]
fn what_is_no_namespace_is_named_by_its_path() {
    let refused = |name: &str| Namespace::open(Some(name)).unwrap_err();
    for (name, text) in [
        ("", "Network namespace '' has no name and is no path"),
        ("..", "Network namespace '..' has no name and is no path"),
        (
            "no-such",
            "Cannot open network namespace /run/netns/no-such: No such file or directory (os error 2)",
        ),
        (
            "/no/such",
            "Cannot open network namespace /no/such: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(
            (refused(name).code, refused(name).text.as_str()),
            (Code::Namespace, text)
        );
    }
}

#[test]
fn a_file_that_is_no_namespace_cannot_be_entered() {
    let namespace = Namespace::open(Some("/dev/null")).unwrap();
    let error = namespace.run(|| Ok(())).unwrap_err();
    assert_eq!(error.code, Code::Namespace);
    assert!(
        error.text.starts_with("Cannot enter network namespace '/dev/null': "),
        "{}",
        error.text
    );
}
