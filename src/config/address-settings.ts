import { checkServer, DNS_DEFAULTS } from '../inventory/addresses/dns-names.js';
import { duration, list, onOff, parsed, text, wholeNumber } from './kind.js';
import { defaulted, setting } from './setting.js';

const GROUP = 'Addresses';
const MOST_NAMES = 1_000_000;

/** Files in MaxMind's format. */
export const geoipSettings = {
  geoipAsn: setting(
    GROUP,
    text('<file>'),
    'autonomous systems of addresses, from a file in the format of MaxMind, such as GeoLite2-ASN.mmdb',
  ),
  geoipCountry: setting(
    GROUP,
    text('<file>'),
    'countries of addresses, from a file in the format of MaxMind, such as GeoLite2-Country.mmdb; it may be the same',
  ),
};

/** Names of addresses. */
export const dnsSettings = {
  dnsNames: defaulted(
    GROUP,
    onOff(),
    false,
    'ask the DNS for the names of all addresses (PTR), for --fields and --filter, and for ctflow top',
  ),
  dnsServers: setting(
    GROUP,
    list('<address>', parsed('<address>', 'ADDRESS or ADDRESS:PORT', serverOf)),
    "with --dns-names: servers that are asked (default: the system's)",
  ),
  dnsCache: defaulted(
    GROUP,
    wholeNumber('<n>', 1, MOST_NAMES),
    DNS_DEFAULTS.most,
    'with --dns-names: answers are kept of so many addresses at most',
  ),
  dnsMaxAge: defaulted(
    GROUP,
    duration('1m', '7d'),
    DNS_DEFAULTS.maxAge,
    'with --dns-names: an address is asked for again when its answer is so old',
  ),
};

function serverOf(text: string): string {
  checkServer(text);
  return text;
}
