//! What arrives at a real socket on loopback.
#![cfg(target_os = "linux")]

use ctflow_core::sys::{Refused, Sent, UdpSender, test_segmentation};
use std::net::UdpSocket;
use std::thread::sleep;
use std::time::Duration;

fn pair(host: &str, segment: bool) -> (UdpSocket, UdpSender) {
    let receiver = UdpSocket::bind((host, 0)).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
    let sender = UdpSender::connect(host, receiver.local_addr().unwrap().port(), segment).unwrap();
    (receiver, sender)
}

fn taken(messages: usize, errno: i32) -> Sent {
    Sent {
        messages,
        errno,
        refused: Refused::default(),
        unsegmented: 0,
    }
}

/// Messages of these lengths, each filled with its number.
fn messages(lengths: &[usize]) -> (Vec<u8>, Vec<[u32; 2]>) {
    let bytes = lengths
        .iter()
        .enumerate()
        .flat_map(|(i, length)| vec![i as u8; *length]);
    (
        bytes.collect(),
        lengths.iter().map(|length| [*length as u32, 1]).collect(),
    )
}

fn arrive(lengths: &[usize], host: &str) {
    for segment in [false, true] {
        arrive_by(pair(host, segment), lengths);
    }
}

fn arrive_by((receiver, mut sender): (UdpSocket, UdpSender), lengths: &[usize]) {
    let (bytes, pairs) = messages(lengths);
    let sent = sender.send(&bytes, &pairs);
    assert_eq!(sent, taken(lengths.len(), 0));
    let mut packet = [0; 70_000];
    for (i, length) in lengths.iter().enumerate() {
        let received = receiver.recv(&mut packet).unwrap();
        assert_eq!(received, *length, "message {i}");
        assert!(packet[..received].iter().all(|byte| *byte == i as u8), "message {i}");
    }
}

#[test]
fn messages_of_all_lengths_arrive_one_a_datagram_and_in_order() {
    for host in ["127.0.0.1", "::1"] {
        arrive(&[100], host);
        arrive(&[100; 100], host);
        arrive(&[100, 100, 50, 100, 100, 100, 101, 7, 1, 1, 1], host);
        arrive(&[1372; 47], host);
        arrive(&[1372, 1372, 1371, 1372, 1373], host);
        arrive(&[16_000, 16_000, 16_000, 16_000, 16_000], host);
        arrive(&[65_000, 65_000, 1], host);
    }
}

#[test]
fn many_messages_go_in_few_calls_and_none_is_left_out() {
    let lengths: Vec<usize> = (0..120).map(|i| if i % 3 == 0 { 20 } else { 464 }).collect();
    arrive(&lengths, "127.0.0.1");
}

#[test]
fn two_datagrams_in_one_buffer_arrive_as_two() {
    test_segmentation().unwrap();
}

#[test]
fn a_message_that_is_too_long_is_said_and_those_before_it_are_sent() {
    let (receiver, mut sender) = pair("127.0.0.1", true);
    let (bytes, pairs) = messages(&[10, 10, 66_000, 10]);
    let sent = sender.send(&bytes, &pairs);
    assert_eq!(sent, taken(2, libc::EMSGSIZE));
    let rest = sender.send(&bytes[66_020..], &pairs[3..]);
    assert_eq!(rest, taken(1, 0));
    let mut packet = [0; 100];
    for number in [0, 1, 3] {
        assert_eq!(receiver.recv(&mut packet).unwrap(), 10);
        assert_eq!(packet[0], number);
    }
}

#[test]
fn lengths_that_the_bytes_do_not_have_are_refused() {
    let (_receiver, mut sender) = pair("127.0.0.1", true);
    assert_eq!(sender.send(&[0; 10], &[[10, 1], [1, 1]]).errno, libc::EFAULT);
}

#[test]
fn addresses_with_a_zone() {
    assert!(UdpSender::connect("::1%lo", 9, false).is_ok());
    assert!(UdpSender::connect("::1%no-such-link", 9, false).is_err());
    assert!(UdpSender::connect("no address", 9, false).is_err());
}

#[test]
fn a_fixed_end_on_this_host() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, port) = ("127.0.0.1", receiver.local_addr().unwrap().port());
    let sender = UdpSender::connect_from(("127.0.0.9", 0), (address, port), false).unwrap();
    let own = sender.local().unwrap();
    assert_eq!(own.ip().to_string(), "127.0.0.9");
    let taken = UdpSender::connect_from(("127.0.0.9", own.port()), (address, port), false);
    assert_eq!(taken.unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
    drop(sender);
    let again = UdpSender::connect_from(("127.0.0.9", own.port()), (address, port), false).unwrap();
    assert_eq!(again.local(), Some(own));
    assert!(UdpSender::connect_from(("::1", 0), (address, port), false).is_err());
}

#[test]
fn each_datagram_to_a_closed_port_is_reported_once_and_the_next_one_is_not_touched() {
    for host in ["127.0.0.1", "::1"] {
        for (segment, unit) in [(false, 1), (true, 5)] {
            let (receiver, mut sender) = pair(host, segment);
            drop(receiver);
            let (bytes, pairs) = messages(&[100; 5]);
            let mut sent = 0;
            let mut refused = Refused::default();
            // on a busy machine the kernel reports it later
            for _ in 0..1_000 {
                let answer = sender.send(&bytes, &pairs);
                assert_eq!(answer.errno, 0);
                sent += answer.messages;
                for part in [answer.refused, sender.refused()] {
                    refused.messages += part.messages;
                    refused.errno |= part.errno;
                }
                if refused.messages == sent {
                    break;
                }
                sleep(Duration::from_millis(10));
            }
            assert_eq!(refused.errno, libc::ECONNREFUSED, "{host} {segment}");
            assert_eq!(refused.messages, sent, "{host} {segment}");
            assert_eq!(sent % unit, 0, "{host} {segment}");
        }
    }
}
