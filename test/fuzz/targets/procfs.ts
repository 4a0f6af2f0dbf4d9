import { Buffer } from 'node:buffer';
import { ProcfsSource } from '../../../src/sources/procfs.js';
import { viewRow } from '../../../src/row/row-view.js';
import { fixture } from '../fixtures.js';
import { ScratchFile } from '../scratch-file.js';
import type { Target } from '../target.js';

const file = new ScratchFile();
const source = new ProcfsSource({}, file.path);

/** The input is the text of /proc/net/nf_conntrack. */
const target: Target = {
  covers: ['/dist/sources/procfs'],
  seeds: () => {
    const text = Buffer.from(fixture('rich.procfs'));
    return [
      text,
      ...String(text)
        .split('\n')
        .slice(0, 40)
        .map(line => Buffer.from(`${line}\n`)),
    ];
  },
  words: [
    'ipv4',
    'ipv6',
    ' 2 ',
    ' 10 ',
    'tcp',
    'udp',
    'icmp',
    'icmpv6',
    'sctp',
    'dccp',
    'gre',
    ' 6 ',
    ' 17 ',
    ' 1 ',
    ' 58 ',
    ' 132 ',
    'src=',
    'dst=',
    'sport=',
    'dport=',
    'type=',
    'code=',
    'id=',
    'srckey=',
    'dstkey=',
    'packets=',
    'bytes=',
    'mark=',
    'use=',
    'zone=',
    'zone-orig=',
    'zone-reply=',
    'secctx=',
    'labels=',
    'delta-time=',
    '[UNREPLIED]',
    '[ASSURED]',
    '[OFFLOAD]',
    '[HW_OFFLOAD]',
    'ESTABLISHED',
    'TIME_WAIT',
    'SYN_SENT',
    '192.0.2.1',
    '255.255.255.255',
    '::',
    '2001:0db8::1',
    '\n',
    ' ',
    '=',
    '18446744073709551615',
    '18446744073709551616',
    '4294967295',
    '0x',
    '-1',
  ],
  run: async input => {
    file.write(input);
    let rows = 0;
    const summary = await source.dump(batch => {
      rows += batch.count;
      for (let i = 0; i < batch.count; i++) viewRow(batch, i);
    });
    const left = Object.values(summary.skipped).reduce((sum, count) => sum + count, 0);
    if (summary.rows !== rows) throw new Error(`${rows} rows, ${summary.rows} counted`);
    const lines = String(Buffer.from(input)).split('\n').length;
    if (rows + left > lines) throw new Error(`${rows} rows and ${left} left out of ${lines} lines`);
  },
};
export default target;
