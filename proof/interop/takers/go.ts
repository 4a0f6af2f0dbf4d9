/** Takers that are modules of Go. */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildGo, GO_PEERS } from '../../../bench/peers/go.js';
import { ROOT } from '../../../bench/host/machine.js';
import { canonicalAddress, type OracleRecord } from '../../../test/helpers/oracles/record.js';
import { PLAIN, WITH_INTERFACES } from '../dialect.js';
import { GoCollector } from './go-collector.js';
import { BUILT, readLines, SOURCES } from './programs.js';
import type { Taker } from './taker.js';

/** The version of a module that a go.mod asks for. */
function moduleVersion(file: string, module: string): string {
  const [, version] = new RegExp(`${module.replaceAll('.', '\\.')} (v\\S+)`).exec(readFileSync(file, 'utf8'))!;
  return version;
}

export const goflow2: Taker = {
  name: 'goflow2',
  dialect: { ...WITH_INTERFACES, biflow: 'two-uniflows' },
  nat: true,
  ofFlows: 'samplingPacketInterval',
  run: 'its decoder and its producer, as they are by default',
  lacks: () => buildGo(join(BUILT, 'goflow2'), join(SOURCES, 'goflow2')),
  version: () => moduleVersion(join(SOURCES, 'goflow2/go.mod'), 'github.com/netsampler/goflow2/v2'),
  read: messages => readLines<OracleRecord>(join(BUILT, 'goflow2'), [], messages),
};

export const filebeat: Taker = {
  name: 'Filebeat',
  dialect: { ...WITH_INTERFACES, netfilterElements: true },
  nat: true,
  run: 'the decoder of its netflow input',
  lacks: () => buildGo(join(BUILT, 'filebeat'), join(SOURCES, 'filebeat')),
  version: () => moduleVersion(join(SOURCES, 'filebeat/go.mod'), 'github.com/elastic/beats/v7'),
  async read(messages) {
    const records = await readLines<OracleRecord>(join(BUILT, 'filebeat'), [], messages);
    return records.map(record =>
      Object.fromEntries(
        Object.entries(record).map(([name, text]) => [name, name.endsWith('Address') ? canonicalAddress(text) : text]),
      ),
    );
  },
};

export const goIpfix: Taker = {
  name: 'go-ipfix',
  dialect: { ...PLAIN, profile: 'antrea', options: false },
  run: 'its collector, over UDP',
  lacks: () => buildGo(GO_PEERS),
  version: () => moduleVersion(join(ROOT, 'bench/peers/go/go.mod'), 'github.com/vmware/go-ipfix'),
  async read(messages, scope) {
    const collector = new GoCollector(scope);
    const { udp } = await collector.ports;
    // more than there are: it answers when none comes any more
    const received = collector.receive('udp', messages.length * 100);
    const socket = createSocket('udp4');
    for (const bytes of messages) {
      await new Promise(resolve => socket.send(bytes, Number(udp), '127.0.0.1', resolve));
      await new Promise(resolve => setTimeout(resolve, 1)); // its buffer is the system's usual one
    }
    socket.close();
    await once(socket, 'close');
    return (await received).map(record =>
      Object.fromEntries(
        Object.entries(record).map(([name, text]) => [name, name.endsWith('Seconds') ? `${text}000` : text]),
      ),
    );
  },
};
