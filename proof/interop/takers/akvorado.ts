/** Akvorado's rules, as its source has them (2526821): the program itself is in no registry that this is made with. */
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import type { OracleRecord } from '../../../test/helpers/oracles/record.js';
import { WITH_INTERFACES } from '../dialect.js';
import { textOf } from '../exported.js';
import type { Taker } from './taker.js';

/** What it reads of a flow: deltas only, NAT of IPv4 only. */
const READ =
  /^(source|destination)(IPv[46]Address|TransportPort)$|^protocolIdentifier$|^(reverse)?(octet|packet)DeltaCount$|^reverse(Octet|Packet)DeltaCount$|^postNA.*(IPv4Address|TransportPort)$|^(ingress|egress)Interface$|^forwardingStatus$|^icmpTypeCode/i;
const SAMPLING = ['samplingInterval', 'samplerRandomInterval', 'samplingPacketInterval'];

export const akvorado: Taker = {
  name: 'Akvorado',
  dialect: WITH_INTERFACES,
  run: 'its rules, as its source has them',
  lacks: () => undefined,
  version: () => '2526821',
  read(messages) {
    const session = new TransportSession('exporter', 'udp', newStats());
    const kept: OracleRecord[] = [];
    let rate = 0;
    for (const bytes of messages) {
      for (const record of decodeMessage(bytes, session).records) {
        const texts = textOf(record);
        if (record.isOptions) rate = Number(SAMPLING.map(name => texts[name]).find(Boolean) ?? rate);
        // without a rate, and with neither interface, a flow is dropped
        else if (rate > 0 && Number(texts['ingressInterface'] ?? 0) + Number(texts['egressInterface'] ?? 0) > 0) {
          kept.push(Object.fromEntries(Object.entries(texts).filter(([name]) => READ.test(name))));
        }
      }
    }
    return Promise.resolve(kept);
  },
};
