import test from 'ava';
import * as fc from 'fast-check';
import { Batch } from '../../../src/row/batch.js';
import { PRESENT_WORD, STATUS_WORD } from '../../../src/row/layout.generated.js';
import { viewRow, type RowView } from '../../../src/row/row-view.js';
import { type Datapath, readEntry } from '../../../src/sources/ovs/entry.js';
import { seeded } from '../../helpers/seed.js';

function read(line: string, datapath: Datapath = 'kernel'): RowView | undefined {
  const batch = new Batch(1);
  batch.bytes.fill(0xee);
  return readEntry(line, datapath, batch) ? viewRow(batch, 0) : undefined;
}

/** As the kernel datapath of Open vSwitch 2.13 was seen to print it. */
const KERNEL =
  'tcp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=45218,dport=2379,packets=320108,bytes=24615344),' +
  'reply=(src=198.51.100.2,dst=192.0.2.1,sport=2379,dport=45218,packets=239595,bytes=24347883),start=2020-07-24T05:07:03.998,' +
  'id=3750535678,zone=65520,status=SEEN_REPLY|ASSURED|CONFIRMED|SRC_NAT_DONE|DST_NAT_DONE,timeout=86399,mark=33,' +
  'labels=0x200000001,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7,wscale_reply=7,' +
  'flags_orig=WINDOW_SCALE|SACK_PERM|MAXACK_SET,flags_reply=WINDOW_SCALE|SACK_PERM|MAXACK_SET)';
/** As the userspace datapath of 3.1 prints it. */
const USERSPACE =
  'tcp,orig=(src=192.0.2.1,dst=198.51.100.2,sport=40001,dport=80),reply=(src=198.51.100.2,dst=192.0.2.9,sport=80,dport=50001),' +
  'id=0,zone=7,status=0,timeout=119,protoinfo=(state_orig=FIN_WAIT_2,state_reply=TIME_WAIT,wscale_orig=7,wscale_reply=7,' +
  'flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)';

test('the kernel datapath has all that conntrack has', t => {
  t.deepEqual(read(KERNEL), {
    family: 'ipv4',
    protocol: 'tcp',
    state: 'ESTABLISHED',
    timeout: 86399,
    original: {
      source: '192.0.2.1',
      destination: '198.51.100.2',
      sourcePort: 45218,
      destinationPort: 2379,
      zone: 65520,
      packets: 320108n,
      octets: 24615344n,
    },
    reply: {
      source: '198.51.100.2',
      destination: '192.0.2.1',
      sourcePort: 2379,
      destinationPort: 45218,
      zone: 65520,
      packets: 239595n,
      octets: 24347883n,
    },
    status: ['SEEN_REPLY', 'ASSURED', 'CONFIRMED'],
    offloaded: false,
    mark: 33,
    id: 3750535678,
    start: new Date(2020, 6, 24, 5, 7, 3, 998).toISOString(),
    labels: '01000000020000000000000000000000',
  });
});

test('the status is that of conntrack, named or not', t => {
  const status = (text: string): number => {
    const batch = new Batch(1);
    readEntry(KERNEL.replace(/status=[^,]*/, `status=${text}`), 'kernel', batch);
    return batch.u32[STATUS_WORD];
  };
  t.is(status('SEEN_REPLY|ASSURED|CONFIRMED|SRC_NAT_DONE|DST_NAT_DONE'), 0x18e);
  t.is(status('CONFIRMED|0x8000'), 0x8008);
  t.is(status('0'), 0);
});

test('the userspace datapath has neither counters nor id, status or start, and its later end says the state', t => {
  t.deepEqual(read(USERSPACE, 'userspace'), {
    family: 'ipv4',
    protocol: 'tcp',
    state: 'TIME_WAIT',
    timeout: 119,
    original: { source: '192.0.2.1', destination: '198.51.100.2', sourcePort: 40001, destinationPort: 80, zone: 7 },
    reply: { source: '198.51.100.2', destination: '192.0.2.9', sourcePort: 80, destinationPort: 50001, zone: 7 },
  });
});

test('states are those of conntrack', t => {
  const state = (name: string, datapath: Datapath): string | undefined =>
    read(USERSPACE.replace(/state_orig=\w+,state_reply=\w+/, `state_orig=${name},state_reply=${name}`), datapath)
      ?.state;
  const names = ['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT_1', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'];
  t.deepEqual(
    names.map(name => state(name, 'kernel')),
    ['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT', 'CLOSE', 'LAST_ACK', 'TIME_WAIT'],
  );
  t.deepEqual(
    names.map(name => state(name, 'userspace')),
    ['SYN_SENT', 'ESTABLISHED', 'ESTABLISHED', 'CLOSE_WAIT', 'FIN_WAIT', 'FIN_WAIT', 'LAST_ACK', 'TIME_WAIT'],
  );
  t.is(state('CLOSED', 'userspace'), undefined);
  t.is(state('NO_SUCH', 'userspace'), undefined);
  const sctp =
    'sctp,orig=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),reply=(src=192.0.2.2,dst=192.0.2.1,sport=2,dport=1),' +
    'id=0,status=0,timeout=1,protoinfo=(state=SHUTDOWN_SENT,vtag_orig=1,vtag_reply=2)';
  t.is(read(sctp)?.state, 'SHUTDOWN_SENT');
});

test('IPv6, ICMP, a helper, and protocols without ports', t => {
  const icmp =
    'icmpv6,orig=(src=2001:db8::1,dst=2001:db8::2,id=3613,type=128,code=0),' +
    'reply=(src=2001:db8::2,dst=2001:db8::1,id=3613,type=129,code=0),id=0,status=0,timeout=28';
  t.deepEqual(read(icmp, 'userspace')?.reply, {
    source: '2001:db8::2',
    destination: '2001:db8::1',
    icmpType: 129,
    icmpCode: 0,
    icmpId: 3613,
  });
  const gre =
    '47,orig=(src=192.0.2.1,dst=192.0.2.2,sport=0,dport=0),reply=(src=192.0.2.2,dst=192.0.2.1,sport=0,dport=0),timeout=1';
  t.deepEqual(read(gre)?.original, { source: '192.0.2.1', destination: '192.0.2.2' });
  t.is(read(`${gre},helper=ftp`)?.helper, 'ftp');
  t.is(read(gre.replace('47', 'igmp'))?.protocol, '2');
  t.is(read(`${gre},parent=(src=192.0.2.1,dst=192.0.2.2,sport=1,dport=2),later=1`)?.protocol, 'gre');
});

test('what is malformed is no row', t => {
  for (const wrong of [
    '',
    'tcp',
    KERNEL.replace('tcp', 'nonsense'),
    KERNEL.replace(/,reply=\([^)]*\)/, ''),
    KERNEL.replace('192.0.2.1', '192.0.2.256'),
    KERNEL.replace('src=192.0.2.1', 'src=2001:db8::1'),
    KERNEL.replace('sport=45218', 'sport=65536'),
    KERNEL.replace(',dport=2379', ''),
    KERNEL.replace('packets=320108', 'packets=18446744073709551616'),
    KERNEL.replace('bytes=24615344', 'bytes=-1'),
    KERNEL.replace('zone=65520', 'zone=65536'),
    KERNEL.replace('mark=33', 'mark=4294967296'),
    KERNEL.replace('id=3750535678', 'id=x'),
    KERNEL.replace('timeout=86399', 'timeout='),
    KERNEL.replace('labels=0x2', 'labels=2'),
    KERNEL.replace('start=2020-07-24', 'start=2020-17-24'),
  ])
    t.is(read(wrong), undefined, wrong);
});

test('whatever a line is, it is read or refused, and its flags are known ones', t => {
  const changed = fc
    .tuple(fc.constantFrom(KERNEL, USERSPACE), fc.nat(400), fc.nat(20), fc.string())
    .map(([line, at, length, text]) => line.slice(0, at) + text + line.slice(at + length));
  const holds = fc.property(
    fc.oneof(changed, fc.string()),
    fc.constantFrom<Datapath>('kernel', 'userspace'),
    (line, datapath) => {
      const batch = new Batch(1);
      return !readEntry(line, datapath, batch) || batch.u32[PRESENT_WORD] < 1 << 23;
    },
  );
  t.notThrows(() => fc.assert(holds, { ...seeded(t), numRuns: 2000 }));
});
