import { Buffer } from 'node:buffer';
import { decodeMessage } from '../../../src/collector/decode/decode.js';
import { RawSets } from '../../../src/collector/file/raw-sets.js';
import { RawTemplate } from '../../../src/collector/file/raw-template.js';
import { DEFAULT_LIMITS } from '../../../src/collector/limits.js';
import { MessageFramer } from '../../../src/collector/message-framer.js';
import { newStats } from '../../../src/collector/stats.js';
import { TransportSession } from '../../../src/collector/transport-session.js';
import { fixture } from '../fixtures.js';
import { mendMessages } from '../mend-messages.js';
import { RICH } from '../../helpers/builders/rich-messages.js';
import type { Target } from '../target.js';

/** The input is an IPFIX File, whose records `ctflow send` cuts out as they are. They must be those that a collector reads. */
const target: Target = {
  covers: ['/dist/collector/file/raw', '/dist/collector/message-framer'],
  seeds: () => [...RICH, Buffer.concat(RICH), Buffer.from(fixture('rich.ipfix'))],
  mend: input => mendMessages(input, 0),
  run: input => {
    const counts = { malformedMessages: 0, undecodableSets: 0, refusedTemplates: 0 };
    const sets = new RawSets(counts);
    const stats = newStats();
    const session = new TransportSession('file', 'tcp', stats, { ...DEFAULT_LIMITS, domains: 1e6 });
    let same = true;
    new MessageFramer().push(input, bytes => {
      const cut = sets.read(bytes);
      const { records, malformed } = decodeMessage(bytes, session);
      for (const part of cut?.parts ?? []) check(part, bytes);
      // inside of lists only a collector looks
      same &&= malformed !== 'record' || cut === undefined;
      if (!same) return;
      if ((malformed === undefined) !== (cut !== undefined)) throw new Error(`malformed for one of both: ${malformed}`);
      const found = (cut?.parts ?? []).flatMap(part => (part instanceof RawTemplate ? [] : part.bounds.slice(1)));
      if (found.length !== records.length) throw new Error(`${found.length} records, ${records.length} decoded`);
    });
    if (same && counts.refusedTemplates !== stats.refusedTemplates) throw new Error('other templates are refused');
    if (same && counts.undecodableSets !== stats.undecodableSets) throw new Error('other sets are undecodable');
  },
};
export default target;

function check(part: RawTemplate | { bounds: readonly number[]; template: RawTemplate }, bytes: Uint8Array): void {
  if (part instanceof RawTemplate) {
    if (part.fields === 0 || part.record.length > bytes.length) throw new Error('a template that is none');
    return;
  }
  for (const [i, end] of part.bounds.slice(1).entries())
    if (end - part.bounds[i] < part.template.minimumLength || end > bytes.length) throw new Error('a record too short');
}
