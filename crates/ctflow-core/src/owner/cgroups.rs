//! Paths of cgroups by their ids: the inode of their directory, in version 2's tree.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Paths of a generation at most.
const MOST: usize = 16_384;
/// Directories that one walk looks into at most.
const MOST_DIRECTORIES: usize = 65_536;

/// What is known; of two generations, so that those in use stay when there are too many. An id is never given again.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    young: HashMap<u64, Option<String>>,
    old: HashMap<u64, Option<String>>,
    /// Walks of the tree.
    pub(super) walks: u64,
}

impl Cgroups {
    /// The path from the root of the tree, None where the cgroup is gone or there is no such tree. `walked` says whether the tree was
    /// read since the sockets were, and may be set.
    pub(super) fn path(&mut self, id: u64, walked: &mut bool) -> Option<String> {
        if let Some(path) = self.get(id) {
            return path;
        }
        if !*walked {
            *walked = true;
            self.walks += 1;
            if let Some((mount, prefix)) = mounted() {
                let mut left = MOST_DIRECTORIES;
                self.put(
                    fs::metadata(&mount).map_or(0, |root| root.ino()),
                    Some(join(&prefix, "")),
                );
                self.walk(&mount, &prefix, &mut left);
            }
        }
        let path = self.get(id).flatten();
        self.put(id, path.clone());
        path
    }

    fn walk(&mut self, directory: &Path, path: &str, left: &mut usize) {
        let Ok(entries) = fs::read_dir(directory) else {
            return;
        };
        for entry in entries.flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if *left == 0 {
                return;
            }
            *left -= 1;
            let below = format!("{path}/{}", entry.file_name().to_string_lossy());
            self.walk(&entry.path(), &below, left);
            self.put(entry.ino(), Some(below));
        }
    }

    fn get(&mut self, id: u64) -> Option<Option<String>> {
        if let Some(path) = self.young.get(&id) {
            return Some(path.clone());
        }
        let path = self.old.remove(&id)?;
        self.put(id, path.clone());
        Some(path)
    }

    fn put(&mut self, id: u64, path: Option<String>) {
        if self.young.len() >= MOST && !self.young.contains_key(&id) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, path);
    }
}

/// Where version 2's tree is, and which part of it: alone, or beside that of version 1.
fn mounted() -> Option<(PathBuf, String)> {
    let text = fs::read("/proc/self/mountinfo").ok()?;
    mounted_in(&String::from_utf8_lossy(&text))
}

/// proc_pid_mountinfo(5)
fn mounted_in(text: &str) -> Option<(PathBuf, String)> {
    text.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if after.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
        let root = String::from_utf8_lossy(&root).trim_end_matches('/').to_owned();
        Some((PathBuf::from(std::ffi::OsStr::from_bytes(&point)), root))
    })
}

/// Space, tab, line feed and backslash stand as three octal digits.
fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = if *first == b'\\' {
            after.first_chunk::<3>()
        } else {
            None
        };
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        octets.push(code.unwrap_or(*first));
        if code.is_some() {
            rest = &after[3..];
        }
    }
    octets
}

fn join(prefix: &str, name: &str) -> String {
    let path = format!("{prefix}{name}");
    if path.is_empty() { "/".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_version_2_is_found_alone_and_beside_version_1() {
        let alone = "24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        assert_eq!(mounted_in(alone), Some(("/sys/fs/cgroup".into(), String::new())));
        let beside = "31 30 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
            32 30 0:27 /a\\040b /sys/fs/cgroup/uni\\134fied rw - cgroup2 cgroup2 rw\n";
        let found = ("/sys/fs/cgroup/uni\\fied".into(), "/a b".to_owned());
        assert_eq!(mounted_in(beside), Some(found));
        assert_eq!(
            mounted_in("31 30 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"),
            None
        );
    }

    #[test]
    fn an_id_that_is_none_is_looked_for_once() {
        let mut cgroups = Cgroups::default();
        let (mut first, mut second) = (false, false);
        assert_eq!(cgroups.path(u64::MAX, &mut first), None);
        assert_eq!(cgroups.path(u64::MAX, &mut second), None);
        assert!(first && !second);
        assert_eq!(cgroups.walks, 1);
    }

    #[test]
    fn what_is_used_stays_when_there_are_too_many() {
        let mut cgroups = Cgroups::default();
        for id in 0..MOST as u64 * 3 {
            cgroups.put(id, Some(id.to_string()));
            assert_eq!(cgroups.get(0), Some(Some("0".to_owned())));
        }
        assert!(cgroups.young.len() + cgroups.old.len() <= 2 * MOST);
    }
}
