/** Messages octet for octet, against what is put together by hand from the RFC. */
import { LONGEST_NAME, ORIG_DPORT, ORIG_OCTETS, ORIG_SRC, PROTOCOL } from '../../../src/row/layout.generated.js';
import { FLOW_END_MS, FLOW_START_MS, HELPER, MARK, SOURCE_POD_NAME } from '../../../src/row/layout.generated.js';
import * as fields from '../../../src/ipfix/fields.js';
import { createProfile, type Profile } from '../../../src/ipfix/profile.js';
import { perBackend } from '../../helpers/backends.js';
import { udp } from '../../helpers/builders/connections.js';
import { FLOW_END, FLOW_START } from '../../helpers/builders/flow-table.js';
import {
  hex,
  message,
  set,
  short,
  templateSet,
  u16,
  u32,
  u64,
  u8,
  VARIABLE,
  type Header,
} from '../../helpers/builders/ipfix-builder.js';
import { readMessage } from '../../helpers/builders/wire.js';
import { SessionRig } from '../../helpers/rigs/session-rig.js';

const MARKED = 7;
/** One field of each kind that there is. */
const EVERY_KIND: Profile = {
  ...createProfile('standard', 'reverse', true),
  fieldsOf: () => [
    fields.address4('sourceIPv4Address', ORIG_SRC),
    fields.unsigned8('protocolIdentifier', PROTOCOL),
    fields.unsigned16('destinationTransportPort', ORIG_DPORT),
    fields.seconds('flowStartSeconds', FLOW_START_MS),
    fields.unsigned64('flowEndMilliseconds', FLOW_END_MS),
    fields.unsigned64('octetTotalCount', ORIG_OCTETS),
    fields.unsigned64('reverseOctetTotalCount', ORIG_OCTETS),
    fields.text('applicationName', HELPER, 16),
    fields.unsigned32('mark', MARK),
  ],
};
/** By number in IANA's registry; 29305 is that of RFC 5103, 21373 that of Netfilter. */
const TEMPLATE = [
  [8, 4],
  [4, 1],
  [11, 2],
  [150, 4],
  [153, 8],
  [85, 8],
  [85, 8, 29305],
  [96, VARIABLE],
  [4, 4, 21373],
] as const;
const OCTETS = (1n << 63n) + 1n;
const record = (helper: string): Buffer =>
  Buffer.concat([
    hex('c0000201'),
    u8(17),
    u16(53),
    u32(Math.floor(FLOW_START / 1000)),
    u64(BigInt(FLOW_END)),
    u64(OCTETS),
    u64(OCTETS),
    short(helper),
    u32(MARKED),
  ]);
const facts = (helper: string) => udp(1, 0, [1, OCTETS, 0, 0], { helper, mark: MARKED });
const header = (sequence: number): Header => ({ exportTime: 1_700_000_000, sequence, domain: 0xfedc_ba98 });

perBackend('RFC 7011 3.1-3.4, 6.1: header, template and data of each kind of field, octet for octet', (t, backend) => {
  const rig = new SessionRig(backend, { unreliable: false, limit: 1_400, profile: EVERY_KIND });
  const id = rig.idOf(facts('ftp'));
  const sent = [...rig.send(facts('ftp'), facts('')), ...rig.send(facts('a'))].map(({ bytes }) => bytes);
  t.deepEqual(sent, [
    message(header(0), templateSet(id, ...TEMPLATE), set(id, record('ftp'), record(''))),
    message(header(2), set(id, record('a'))),
  ]);
});

perBackend('RFC 7011 7: a string of up to 254 octets has one octet of length, and none is longer', (t, backend) => {
  const profile: Profile = {
    ...createProfile('antrea', 'reverse', false),
    fieldsOf: () => [fields.named('sourcePodName', SOURCE_POD_NAME), fields.unsigned8('protocolIdentifier', PROTOCOL)],
  };
  const rig = new SessionRig(backend, { unreliable: false, limit: 1_400, profile });
  for (const [name, written] of [
    ['', 0],
    ['x', 1],
    ['x'.repeat(253), 253],
    ['x'.repeat(254), 254],
    ['x'.repeat(255), 254],
    // RFC 7011 6.1.6: well-formed UTF-8
    ['é'.repeat(127), 254],
    [`x${'é'.repeat(127)}`, 253],
    ['€'.repeat(100), 252],
    ['𝛼'.repeat(100), 252],
  ] as const) {
    const names = Uint32Array.of(rig.names.intern(name), 0, 0, 0, 0, 0, 0);
    const [{ bytes }] = rig.sendWith({ names, types: Uint8Array.of(0) }, udp(1, 0, [1, 1, 1, 1])).slice(-1);
    const { content } = readMessage(bytes).sets.at(-1)!;
    const kept = Buffer.from(name).subarray(0, written);
    t.deepEqual(content, Buffer.concat([short(kept), u8(17)]), `${name.length}`);
    t.is(Buffer.from(kept.toString()).length, written, 'no half of a character');
  }
  t.is(LONGEST_NAME, 254, 'with 255 the length would stand in three octets');
});
