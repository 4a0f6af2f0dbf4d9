//! Which program has a socket open, as far as /proc shows it.

use std::collections::{HashMap, HashSet};
use std::fs;

/// Descriptors that one walk looks at; where there are more, no program is named.
const MOST_DESCRIPTORS: usize = 1 << 20;

/// The names of programs by the inodes of sockets. Of a socket that programs of several names have open none is named.
pub(super) fn commands(inodes: &HashSet<u32>) -> HashMap<u32, String> {
    let mut found: HashMap<u32, Option<String>> = HashMap::new();
    let mut left = MOST_DESCRIPTORS;
    let Ok(processes) = fs::read_dir("/proc") else {
        return HashMap::new();
    };
    for process in processes.flatten() {
        if !process
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|digit| digit.is_ascii_digit())
        {
            continue;
        }
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let mut command = None;
        for descriptor in descriptors.flatten() {
            if left == 0 {
                return HashMap::new();
            }
            left -= 1;
            let Some(inode) = fs::read_link(descriptor.path())
                .ok()
                .and_then(|link| inode_of(&link.to_string_lossy()))
                .filter(|inode| inodes.contains(inode))
            else {
                continue;
            };
            let command = command.get_or_insert_with(|| {
                let text = fs::read(process.path().join("comm")).unwrap_or_default();
                String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned()
            });
            found
                .entry(inode)
                .and_modify(|other| {
                    if other.as_ref() != Some(command) {
                        *other = None;
                    }
                })
                .or_insert_with(|| Some(command.clone()));
        }
    }
    let named = found.into_iter().filter_map(|(inode, command)| Some((inode, command?)));
    named.filter(|(_, command)| !command.is_empty()).collect()
}

/// `socket:[123]`
fn inode_of(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;

    #[test]
    fn the_program_that_has_a_socket_is_named() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap();
        let inode = inode_of(&link.to_string_lossy()).unwrap();
        let own = fs::read_to_string("/proc/self/comm").unwrap();
        let found = commands(&HashSet::from([inode]));
        assert_eq!(found, HashMap::from([(inode, own.trim_end().to_owned())]));
        drop(socket);
        assert_eq!(commands(&HashSet::from([inode])), HashMap::new());
    }

    #[test]
    fn only_sockets_have_an_inode_here() {
        assert_eq!(inode_of("socket:[42]"), Some(42));
        assert_eq!(inode_of("pipe:[42]"), None);
        assert_eq!(inode_of("socket:[]"), None);
    }
}
