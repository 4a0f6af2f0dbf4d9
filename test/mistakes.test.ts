/** Mistakes of other exporters that concern more than one stage here; the rest stand beside what they concern. */
import { Batch } from '../src/row/batch.js';
import { filterWords } from '../src/row/filter.js';
import { perBackend } from './helpers/backends.js';
import { be64, entry, TCP_TUPLES } from './helpers/builders/netlink-builder.js';
import { StoreRig } from './helpers/rigs/store-rig.js';

const CTA_TIMESTAMP = 20;
const CTA_TIMESTAMP_START = 1;

// aabc/ipt-netflow#253
perBackend(
  'kernel times in nanoseconds, in network byte order, are exported as their date and not as 1970',
  (t, backend) => {
    for (const littleEndian of [true, false]) {
      const rig = new StoreRig();
      const start = rig.wall - 12_345;
      const timestamp = [CTA_TIMESTAMP_START, be64(BigInt(start) * 1_000_000n + 999_999n)] as const;
      const netlink = entry(2, [...TCP_TUPLES, [CTA_TIMESTAMP, [timestamp]]], littleEndian);
      const batch = new Batch(1);
      batch.count = backend.decode(netlink, littleEndian, filterWords({}), batch.bytes).rows;
      rig.store.beginPoll(rig.now(), rig.timeouts);
      rig.store.merge(batch, rig.now());
      rig.store.endPoll(true);
      t.is(rig.all()[0].start, start, new Date(start).toISOString());
    }
  },
);
