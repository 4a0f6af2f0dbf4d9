//! Sockets of random bytes. The seed is fixed, see common.

use crate::builders::config;
use crate::targets;
use proptest::prelude::*;
use proptest::sample::select;

/// A message that is like a socket more often than not: of few addresses, ports and cookies, so that some are alike.
fn socket() -> impl Strategy<Value = Vec<u8>> {
    let family = select(&[2_u8, 10, 10, 1][..]);
    const ATTRIBUTES: &[&[u8]] = &[
        &[],
        &[12, 0, 21, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        &[4, 0, 21, 0],
        &[3, 0, 21, 0],
    ];
    let attribute = select(ATTRIBUTES);
    (family, any::<bool>(), 0..3_u8, 0..3_u8, attribute, 60..90_usize).prop_map(
        |(family, mapped, port, cookie, attribute, length)| {
            let mut bytes = vec![0; 72];
            bytes[0] = family;
            bytes[5] = port;
            if mapped {
                bytes[18..20].fill(0xff);
                bytes[34..36].fill(0xff);
            }
            bytes[44] = cookie;
            bytes.extend(attribute);
            if length < 72 {
                bytes.truncate(length);
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_found_is_the_one_socket_that_there_is(how: u8, messages in proptest::collection::vec(socket(), 0..8)) {
        let framed = messages.iter().flat_map(|message| [&[message.len() as u8][..], message].concat());
        targets::sockets::run(&[how].into_iter().chain(framed).collect::<Vec<u8>>());
    }

    #[test]
    fn any_bytes_are_sockets_or_malformed(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        targets::sockets::run(&bytes);
    }
}
