import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../src/common/logger.js';
import { Geoip } from '../../src/inventory/addresses/geoip.js';
import { Batch } from '../../src/row/batch.js';
import { FAMILY, ORIG_DST, ROW_SIZE } from '../../src/row/layout.generated.js';
import { AF_INET6 } from '../../src/row/protocol.js';
import { hashTuple } from '../../src/row/tuple-hash.js';
import { mmdb } from '../../test/helpers/builders/mmdb.js';

/** Of the destinations of Connections. */
export const AS_OF_DESTINATIONS = 64_500;

/** A database in which all destinations are. @param most addresses whose answers are kept */
export async function geoipOfDestinations(most?: number): Promise<Geoip> {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-bench-'));
  try {
    const file = join(folder, 'bench.mmdb');
    const record = { autonomous_system_number: AS_OF_DESTINATIONS, country: { iso_code: 'DE' } };
    writeFileSync(file, mmdb({ '198.51.0.0/16': record, '2001:db8:2::/48': record }));
    const options = { ...(most !== undefined && { most }) };
    const geoip = await Geoip.open({ asn: file, country: file }, createLogger('silent'), options);
    // the file is watched no more; what was read stays
    geoip.close();
    return geoip;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same connections, each to an address of its own. */
export function toOwnAddresses(batches: readonly Batch[]): Batch[] {
  const one = new Batch(1);
  let number = 0;
  return batches.map(batch => {
    const spread = new Batch(batch.count);
    spread.count = batch.count;
    for (let i = 0; i < batch.count; i++, number++) {
      one.bytes.set(batch.bytes.subarray(i * ROW_SIZE, (i + 1) * ROW_SIZE));
      const last = ORIG_DST + (one.bytes[FAMILY] === AF_INET6 ? 14 : 2);
      one.bytes[last] = number >>> 8;
      one.bytes[last + 1] = number;
      hashTuple(one);
      spread.bytes.set(one.bytes, i * ROW_SIZE);
    }
    return spread;
  });
}
