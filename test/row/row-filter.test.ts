import test from 'ava';
import { Batch } from '../../src/row/batch.js';
import { type ConnectionFilter, filterWords } from '../../src/row/filter.js';
import {
  FAMILY,
  HAS_STATUS,
  HAS_STATUS_PART,
  MARK_WORD,
  ORIG_ZONE,
  PRESENT_WORD,
  PROTOCOL,
  REPLY_ZONE,
  STATUS_WORD,
} from '../../src/row/layout.generated.js';
import { rowMatches } from '../../src/row/filter.js';

interface Facts {
  family?: number;
  protocol?: number;
  originalZone?: number;
  replyZone?: number;
  mark?: number;
  status?: number;
  present?: number;
}

function passes(filter: ConnectionFilter, facts: Facts): boolean {
  const row = new Batch(1);
  row.bytes[FAMILY] = facts.family ?? 2;
  row.bytes[PROTOCOL] = facts.protocol ?? 6;
  row.u16[ORIG_ZONE >> 1] = facts.originalZone ?? 0;
  row.u16[REPLY_ZONE >> 1] = facts.replyZone ?? 0;
  row.u32[MARK_WORD] = facts.mark ?? 0;
  row.u32[STATUS_WORD] = facts.status ?? 0;
  row.u32[PRESENT_WORD] = facts.present ?? HAS_STATUS;
  return rowMatches(row, filterWords(filter));
}

test('no filter passes everything', t => {
  t.true(passes({}, {}));
  t.true(passes({ protocols: [] }, { protocol: 255 }));
});

test('family', t => {
  t.true(passes({ family: 10 }, { family: 10 }));
  t.false(passes({ family: 10 }, { family: 2 }));
});

test('zone: either direction; an absent one is 0', t => {
  t.true(passes({ zone: 7 }, { originalZone: 7 }));
  t.true(passes({ zone: 7 }, { replyZone: 7 }));
  t.false(passes({ zone: 7 }, { originalZone: 8, replyZone: 9 }));
  t.true(passes({ zone: 0 }, { originalZone: 7 }));
  t.false(passes({ zone: 0 }, { originalZone: 7, replyZone: 7 }));
});

test('mark under a mask, also with the highest bit', t => {
  t.true(passes({ mark: { value: 0x80000001, mask: 0x800000ff } }, { mark: 0xffff0f01 }));
  t.false(passes({ mark: { value: 0x80000001, mask: 0x800000ff } }, { mark: 0x7fff0f01 }));
  t.true(passes({ mark: { value: 0, mask: 0xff } }, {}));
  t.false(passes({ mark: { value: 0x100, mask: 0xff } }, { mark: 0x100 }), 'a value outside its mask');
});

test('status only where it is known, whole or in part', t => {
  const assured = { status: { value: 4, mask: 4 } };
  t.true(passes(assured, { status: 0x8000000e }));
  t.false(passes(assured, { status: 0x8000000a }));
  t.true(passes(assured, { status: 4, present: HAS_STATUS_PART }));
  t.false(passes(assured, { status: 4, present: 0 }));
  t.false(passes({ status: { value: 0, mask: 4 } }, { present: 0 }));
});

test('protocols over the whole range', t => {
  const wanted = [0, 1, 31, 32, 63, 132, 255];
  for (let protocol = 0; protocol < 256; protocol++) {
    t.is(passes({ protocols: wanted }, { protocol }), wanted.includes(protocol), String(protocol));
  }
});

test('all conditions together', t => {
  const filter: ConnectionFilter = { family: 2, zone: 1, mark: { value: 1, mask: 1 }, protocols: [6] };
  t.true(passes(filter, { originalZone: 1, mark: 3 }));
  t.false(passes(filter, { originalZone: 1, mark: 2 }));
  t.false(passes(filter, { originalZone: 1, mark: 3, protocol: 17 }));
});
