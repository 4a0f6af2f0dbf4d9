use super::*;

const CLIENT: [u8; 4] = [192, 0, 2, 2];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const INSIDE: u32 = 3;
const OUTSIDE: u32 = 4;
const OTHER: u32 = 5;

/// A kernel that says what a function says, and what it was asked.
struct Fake<F> {
    answer: F,
    asked: Vec<Question>,
}

impl<F: FnMut(&Question) -> Route> Routes for Fake<F> {
    fn ask(&mut self, question: &Question) -> Result<Route, NoAnswer> {
        self.asked.push(*question);
        Ok((self.answer)(question))
    }
}

/// A flow of TCP from port 40000 to 443, with mark 9.
fn row() -> [u8; ROW_SIZE] {
    let mut row = [0; ROW_SIZE];
    for (at, address) in [
        (ORIG_SRC, CLIENT),
        (ORIG_DST, [203, 0, 113, 80]),
        (REPLY_SRC, SERVER),
        (REPLY_DST, CLIENT),
    ] {
        row[at..at + 4].copy_from_slice(&address);
    }
    row[FAMILY] = AF_INET;
    row[PROTOCOL] = 6;
    put_u32(&mut row, PRESENT, HAS_PORTS | HAS_MARK);
    put_u32(&mut row, MARK, 9);
    put_u16(&mut row, ORIG_SPORT, 40_000);
    put_u16(&mut row, REPLY_SPORT, 8_443);
    row
}

fn is(question: &Question, address: [u8; 4]) -> bool {
    question.destination[..4] == address
}

/// What is found, what is missing, and what was asked.
fn infer(
    selectors: &Selectors,
    vrfs: &[u32],
    with_mark: bool,
    answer: impl FnMut(&Question) -> Route,
) -> (FlowInterfaces, Missing, Vec<Question>) {
    let mut routes = Fake {
        answer,
        asked: Vec::new(),
    };
    let mut inference = Inference {
        routes: &mut routes,
        selectors,
        vrfs,
        with_mark,
        missing: Missing::default(),
    };
    let found = inference.interfaces(&row()).unwrap();
    let missing = inference.missing;
    (found, missing, routes.asked)
}

fn both(ingress: u32, egress: u32) -> FlowInterfaces {
    FlowInterfaces { ingress, egress }
}

fn missing(unreachable: u32, ambiguous: u32) -> Missing {
    Missing { unreachable, ambiguous }
}

#[test]
fn a_forwarded_flow_goes_where_its_ends_are_after_translation() {
    let (found, none, asked) = infer(&Selectors::default(), &[], false, |question| {
        Route::Out(if is(question, SERVER) { OUTSIDE } else { INSIDE })
    });
    assert_eq!(found, both(INSIDE, OUTSIDE));
    assert_eq!(none, Missing::default());
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|question| question.mark == 0));
}

#[test]
fn a_flow_has_no_interface_at_an_end_that_is_this_host() {
    let none = Selectors::default();
    let from = infer(&none, &[], false, |question| {
        if is(question, CLIENT) {
            Route::Local
        } else {
            Route::Out(OUTSIDE)
        }
    });
    assert_eq!((from.0, from.1), (both(0, OUTSIDE), Missing::default()));
    let to = infer(&none, &[], false, |question| {
        if is(question, SERVER) {
            Route::Local
        } else {
            Route::Out(INSIDE)
        }
    });
    assert_eq!((to.0, to.1), (both(INSIDE, 0), Missing::default()));
    let inside = infer(&none, &[], false, |_| Route::Local);
    assert_eq!((inside.0, inside.1), (both(LOOPBACK, LOOPBACK), Missing::default()));
    let group = infer(&none, &[], false, |question| {
        if is(question, SERVER) {
            Route::Group(INSIDE)
        } else {
            Route::Out(INSIDE)
        }
    });
    assert_eq!((group.0, group.1), (both(INSIDE, 0), Missing::default()));
}

#[test]
fn what_is_unreachable_is_left_out_and_counted() {
    let (found, gone, _) = infer(&Selectors::default(), &[], false, |question| {
        if is(question, SERVER) {
            Route::Out(OUTSIDE)
        } else {
            Route::Unreachable
        }
    });
    assert_eq!((found, gone), (both(0, OUTSIDE), missing(1, 0)));
}

#[test]
fn of_several_ways_the_kernel_names_that_of_the_flow_out_but_nobody_the_one_in() {
    let (found, lost, asked) = infer(&Selectors::default(), &[], false, |question| {
        if question.exact {
            Route::Out(OTHER)
        } else {
            Route::Several(OUTSIDE)
        }
    });
    assert_eq!((found, lost), (both(0, OTHER), missing(0, 1)));
    let exact = asked.iter().find(|question| question.exact).unwrap();
    assert_eq!(exact.ingress, OUTSIDE);
    assert_eq!((exact.source_port, exact.destination_port), (40_000, 8_443));
}

#[test]
fn a_socket_may_have_chosen_among_several_ways_before_it_had_a_source() {
    let own = |without_source: u32| {
        infer(&Selectors::default(), &[], false, move |question| {
            match (is(question, CLIENT), question.exact, question.source == [0; 16]) {
                (true, ..) => Route::Local,
                (false, false, _) => Route::Several(OUTSIDE),
                (false, true, true) => Route::Out(without_source),
                (false, true, false) => Route::Out(OTHER),
            }
        })
    };
    assert_eq!((own(OTHER).0, own(OTHER).1), (both(0, OTHER), Missing::default()));
    assert_eq!((own(OUTSIDE).0, own(OUTSIDE).1), (both(0, 0), missing(0, 1)));
}

#[test]
fn a_way_out_that_is_open_leaves_the_way_in_known_where_no_rule_is_about_it() {
    let selectors = Selectors {
        route_source: true,
        mark: true,
        marks: vec![9],
        ..Selectors::default()
    };
    let (found, lost, _) = infer(&selectors, &[], false, by_mark);
    assert_eq!((found, lost), (both(INSIDE, 0), missing(0, 1)));
    let (found, lost, _) = infer(
        &Selectors {
            source: true,
            ..selectors
        },
        &[],
        false,
        by_mark,
    );
    assert_eq!((found, lost), (both(0, 0), missing(0, 2)));
}

#[test]
fn rules_by_source_and_interface_are_asked_about_both_ways() {
    let selectors = Selectors {
        source: true,
        interface: true,
        ..Selectors::default()
    };
    // the answer goes back another way when it comes from there
    let (found, none, asked) = infer(&selectors, &[], false, |question| {
        match (is(question, SERVER), question.ingress) {
            (true, _) => Route::Out(OUTSIDE),
            (false, OUTSIDE) => Route::Out(OTHER),
            (false, _) => Route::Out(INSIDE),
        }
    });
    assert_eq!((found, none), (both(OTHER, OUTSIDE), Missing::default()));
    assert!(
        asked
            .iter()
            .any(|question| is(question, SERVER) && question.ingress == OTHER && question.source[..4] == CLIENT)
    );
}

#[test]
fn without_a_way_in_a_rule_by_interface_leaves_the_way_out_open() {
    let selectors = Selectors {
        interface: true,
        ..Selectors::default()
    };
    let (found, lost, _) = infer(&selectors, &[], false, |question| {
        if is(question, SERVER) {
            Route::Out(OUTSIDE)
        } else {
            Route::Unreachable
        }
    });
    assert_eq!((found, lost), (both(0, 0), missing(1, 1)));
}

fn by_mark(question: &Question) -> Route {
    match (is(question, SERVER), question.mark) {
        (true, 9) => Route::Out(OTHER),
        (true, _) => Route::Out(OUTSIDE),
        (false, _) => Route::Out(INSIDE),
    }
}

#[test]
fn a_rule_by_mark_decides_with_the_mark_of_conntrack_alone() {
    let selectors = Selectors {
        mark: true,
        marks: vec![9],
        ..Selectors::default()
    };
    let with = infer(&selectors, &[], true, by_mark);
    assert_eq!((with.0, with.1), (both(INSIDE, OTHER), Missing::default()));
    let without = infer(&selectors, &[], false, by_mark);
    assert_eq!(
        (without.0, without.1),
        (both(INSIDE, 0), missing(0, 1)),
        "only the way in is the same with every mark"
    );
    let many = Selectors {
        many_marks: true,
        ..selectors
    };
    assert_eq!(infer(&many, &[], false, by_mark).1, missing(0, 2));
}

#[test]
fn rules_by_what_no_connection_has_leave_all_open_but_this_host() {
    let selectors = Selectors {
        packet: true,
        ..Selectors::default()
    };
    let (found, lost, _) = infer(&selectors, &[], false, |_| Route::Out(OUTSIDE));
    assert_eq!((found, lost), (both(0, 0), missing(0, 2)));
    assert_eq!(
        infer(&selectors, &[], false, |_| Route::Local).0,
        both(LOOPBACK, LOOPBACK)
    );
}

#[test]
fn addresses_that_every_link_has_are_on_none() {
    let of = |destination: &[u8]| {
        let mut question = Question {
            family: AF_INET6,
            ..Question::default()
        };
        question.destination[..destination.len()].copy_from_slice(destination);
        is_of_a_link(&question)
    };
    assert!(of(&[0xfe, 0x80]) && of(&[0xfe, 0xbf]) && of(&[0xff, 0x02]));
    assert!(!of(&[0xfe, 0xc0]) && !of(&[0x20, 0x01]));
    assert!(!is_of_a_link(&Question {
        family: AF_INET,
        destination: [0xff; 16],
        ..Question::default()
    }));
}

#[test]
fn rules_by_user_leave_flows_of_sockets_open_and_no_others() {
    let selectors = Selectors {
        user: true,
        ..Selectors::default()
    };
    let from = infer(&selectors, &[], false, |question| {
        if is(question, CLIENT) {
            Route::Local
        } else {
            Route::Out(OUTSIDE)
        }
    });
    assert_eq!((from.0, from.1), (both(0, 0), missing(0, 1)));
    // who asks is a user too
    let through = infer(&selectors, &[], false, |question| {
        match (is(question, SERVER), question.ingress) {
            (_, 0) => Route::Out(OTHER),
            (true, _) => Route::Out(OUTSIDE),
            (false, _) => Route::Out(INSIDE),
        }
    });
    assert_eq!((through.0, through.1), (both(INSIDE, OUTSIDE), Missing::default()));
}

#[test]
fn a_flow_is_in_the_one_vrf_that_has_both_ends() {
    let selectors = Selectors {
        interface: true,
        vrf: true,
        ..Selectors::default()
    };
    let in_vrf = |home: u32| {
        move |question: &Question| match (question.ingress, question.vrf) {
            (0, vrf) if vrf != home => Route::Unreachable,
            _ => Route::Out(if is(question, SERVER) { OUTSIDE } else { INSIDE }),
        }
    };
    let (found, none, _) = infer(&selectors, &[20, 21], false, in_vrf(21));
    assert_eq!((found, none), (both(INSIDE, OUTSIDE), Missing::default()));
    let (found, lost, _) = infer(&selectors, &[20, 21], false, |question| {
        Route::Out(if is(question, SERVER) { OUTSIDE } else { INSIDE })
    });
    assert_eq!((found, lost), (both(0, 0), missing(0, 2)), "each of them has both");
    // the host's own address is in one alone
    let (found, none, asked) = infer(&selectors, &[20, 21], false, |question| {
        match (is(question, CLIENT), question.vrf) {
            (true, 20) => Route::Local,
            _ => Route::Out(OUTSIDE),
        }
    });
    assert_eq!((found, none), (both(0, OUTSIDE), Missing::default()));
    assert_eq!(asked.last().unwrap().vrf, 20);
    let many: Vec<u32> = (20..=20 + MOST_VRFS as u32).collect();
    let (found, lost, asked) = infer(&selectors, &many, false, in_vrf(21));
    assert_eq!(
        (found, lost),
        (both(0, 0), missing(0, 2)),
        "it may be in one that nobody looks into"
    );
    assert!(asked.is_empty());
    assert_eq!(
        infer(&selectors, &many[1..], false, in_vrf(21)).0,
        both(INSIDE, OUTSIDE)
    );
}
