import { text } from './kind.js';
import { setting } from './setting.js';

/** Files in MaxMind's format. */
export const geoipSettings = {
  geoipAsn: setting(
    'Addresses',
    text('<file>'),
    'autonomous systems of addresses, from a file in the format of MaxMind, such as GeoLite2-ASN.mmdb',
  ),
  geoipCountry: setting(
    'Addresses',
    text('<file>'),
    'countries of addresses, from a file in the format of MaxMind, such as GeoLite2-Country.mmdb; it may be the same',
  ),
};
