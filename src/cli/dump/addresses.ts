import type { Geoip } from '../../inventory/addresses/geoip.js';
import type { Batch } from '../../row/batch.js';
import { FAMILY, ORIG_DST, ORIG_SRC, ROW_SIZE } from '../../row/layout.generated.js';

/** Where the addresses of a connection are, before NAT; what is not known is absent. */
export interface AddressViews {
  readonly sourceAsNumber?: number;
  readonly destinationAsNumber?: number;
  readonly sourceCountry?: string;
  readonly destinationCountry?: string;
}

export function viewAddresses(geoip: Geoip, { bytes }: Pick<Batch, 'bytes'>, index: number): AddressViews {
  const row = index * ROW_SIZE;
  const [source, destination] = [ORIG_SRC, ORIG_DST].map(at => geoip.find(bytes, row + at, bytes[row + FAMILY]));
  return {
    ...(source.asNumber !== 0 && { sourceAsNumber: source.asNumber }),
    ...(destination.asNumber !== 0 && { destinationAsNumber: destination.asNumber }),
    ...(source.country !== '' && { sourceCountry: source.country }),
    ...(destination.country !== '' && { destinationCountry: destination.country }),
  };
}
