//! Requests and plans that the encoder refuses.

use super::requests::{REQUEST, record};
use ctflow_core::error::Code;
use ctflow_core::ipfix::*;
use ctflow_core::row::RECORD_SIZE;

/// Offset of the last byte of a record.
const LAST: u32 = RECORD_SIZE as u32 - 1;

const TEN: [u32; 4] = [OP_BYTES, 0, 10, 0];

#[test]
fn wrong_requests_are_errors() {
    let records = record(|_| {});
    let refused = |request: Request| {
        let error = encode(&request, &mut [0; 100], &mut [0; 2]).unwrap_err();
        assert_eq!(error.code, Code::Usage);
        error.text
    };
    let fine = Request {
        plan: &TEN,
        records: &records,
        to: 1,
        limit: 100,
        ..REQUEST
    };
    assert!(encode(&fine, &mut [0; 100], &mut [0; 2]).is_ok());
    assert_eq!(
        refused(Request { limit: 65536, ..fine }),
        "a message limit of 65536 bytes; 65535 are possible"
    );
    assert_eq!(
        refused(Request {
            template_id: 255,
            ..fine
        }),
        "template id 255; 256 to 65535 are possible"
    );
    assert_eq!(
        refused(Request {
            template_id: 65536,
            ..fine
        }),
        "template id 65536; 256 to 65535 are possible"
    );
    assert_eq!(refused(Request { to: 2, ..fine }), "records 0 to 2 of 1");
    assert_eq!(refused(Request { from: 2, ..fine }), "records 2 to 1 of 1");
    assert_eq!(
        refused(Request {
            prefix: &[0; 85],
            ..fine
        }),
        "sets of 85 bytes do not fit a message of 100 bytes"
    );
    assert!(
        encode(
            &Request {
                prefix: &[0; 84],
                ..fine
            },
            &mut [0; 100],
            &mut [0; 2]
        )
        .is_ok()
    );
}

#[test]
fn wrong_plans_are_errors_that_name_the_instruction() {
    let records = record(|_| {});
    let refused = |plan: &[u32]| {
        let request = Request {
            plan,
            records: &records,
            to: 1,
            ..REQUEST
        };
        let error = encode(&request, &mut [0; 1000], &mut [0; 2]).unwrap_err();
        assert_eq!(error.code, Code::Usage);
        error.text
    };
    assert_eq!(refused(&[]), "a plan of 0 words");
    assert_eq!(refused(&[OP_U8, 0, 1]), "a plan of 3 words");
    assert_eq!(
        refused(&[OP_U8, 0, 1, 0, 11, 0, 1, 0]),
        "plan instruction 1 is [11, 0, 1, 0]"
    );
    for wrong in [
        [OP_BYTES, 0, 0, 0],
        [OP_BYTES, 0, LAST + 2, 0],
        [OP_BYTES, 1, LAST + 1, 0],
        [OP_BYTES, u32::MAX, 2, 0],
        [OP_U8, LAST + 1, 1, 0],
        [OP_U8, 0, 3, 0],
        [OP_U16, LAST, 2, 0],
        [OP_U16, 0, 1, 0],
        [OP_U32, LAST - 2, 4, 0],
        [OP_U32, 0, 2, 0],
        [OP_U64, LAST - 6, 8, 0],
        [OP_U64, 0, 4, 0],
        [OP_CONSTANT, 0, 0, 0],
        [OP_CONSTANT, 0, 17, 0],
        [OP_TEXT, 0, 0, 0],
        [OP_TEXT, 0, 255, 0],
        [OP_TEXT, LAST - 252, 254, 0],
        [OP_TCP_STATE, LAST + 1, 0, 0],
        [OP_NAME, 0, 4, 0],
        [OP_NAME, LAST - 2, 0, 0],
        [OP_TCP_HISTORY, 0, 1, 0],
        [OP_TCP_HISTORY, LAST - 2, 0, 0],
        [OP_TCP_STATE, 0, 1, 0],
        [OP_SECONDS, LAST - 6, 4, 0],
        [OP_SECONDS, 0, 8, 0],
    ] {
        assert!(refused(&wrong).starts_with("plan instruction 0"), "{wrong:?}");
    }
}
