import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { parseAddress } from '../../../src/common/prefix.js';
import { Geoip, type GeoFacts, type GeoipOptions } from '../../../src/inventory/addresses/geoip.js';
import { AF_INET, AF_INET6 } from '../../../src/row/protocol.js';
import { mmdb, type MmdbOptions, type MmdbValue } from '../../helpers/builders/mmdb.js';
import { eventually } from '../../helpers/eventually.js';
import { listeningLogger } from '../../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../../helpers/temporary.js';

const NEVER = 3_600_000;
const NETWORKS: Record<string, MmdbValue> = {
  '192.0.2.0/24': {
    autonomous_system_number: 64_500,
    autonomous_system_organization: 'An organization of many words and more than 29 octets',
  },
  '198.51.100.0/24': { country: { iso_code: 'DE', names: { en: 'Germany' } } },
  '198.51.100.128/25': { asn: 'AS4200000000', country_code: 'fr' },
  '203.0.113.0/24': { autonomous_system_number: 0, asn: 'AS99999999999', country: 'Somewhere' },
};
const SIX: Record<string, MmdbValue> = {
  ...NETWORKS,
  '2001:db8::/32': { autonomous_system_number: 4_294_967_295, country: 'CH' },
};

/** A file of this content. */
function fileOf(t: ExecutionContext, networks = SIX, options?: MmdbOptions): string {
  const file = temporaryPath(t, 'test.mmdb');
  writeFileSync(file, mmdb(networks, options));
  return file;
}

async function opened(t: ExecutionContext, options: GeoipOptions, most?: number): Promise<Geoip> {
  const geoip = await Geoip.open(options, listeningLogger().log, { pollMs: NEVER, ...(most && { most }) });
  t.teardown(() => geoip.close());
  return geoip;
}

function find(geoip: Geoip, text: string): GeoFacts {
  const { family, first } = parseAddress(text)!;
  const bytes = new Uint8Array(20);
  const length = family === 4 ? 4 : 16;
  for (let i = 0; i < length; i++) bytes[4 + i] = Number((first >> BigInt(8 * (length - 1 - i))) & 0xffn);
  return geoip.find(bytes, 4, family === 4 ? AF_INET : AF_INET6);
}

for (const recordSize of [24, 28, 32] as const) {
  test(`addresses are found in a tree with records of ${recordSize} bits`, async t => {
    const file = fileOf(t, SIX, { recordSize });
    const geoip = await opened(t, { asn: file, country: file });
    t.deepEqual(find(geoip, '192.0.2.0'), { asNumber: 64_500, country: '' });
    t.deepEqual(find(geoip, '192.0.2.255'), { asNumber: 64_500, country: '' });
    t.deepEqual(find(geoip, '198.51.100.127'), { asNumber: 0, country: 'DE' });
    t.deepEqual(find(geoip, '198.51.100.128'), { asNumber: 4_200_000_000, country: 'FR' });
    t.deepEqual(find(geoip, '2001:db8:ffff::1'), { asNumber: 4_294_967_295, country: 'CH' });
    for (const none of ['10.0.0.1', '192.0.3.0', '203.0.113.1', '2001:db9::1', '::1', '255.255.255.255'])
      t.deepEqual(find(geoip, none), { asNumber: 0, country: '' }, none);
  });
}

test('a database of IPv4 alone knows nothing of an address of IPv6 with the same bits', async t => {
  const geoip = await opened(t, { asn: fileOf(t, NETWORKS, { ipVersion: 4 }) });
  t.is(find(geoip, '192.0.2.1').asNumber, 64_500);
  t.is(find(geoip, 'c000:201::').asNumber, 0);
});

test('what no file is given for is not known', async t => {
  const file = fileOf(t);
  const [asn, country] = [await opened(t, { asn: file }), await opened(t, { country: file })];
  t.deepEqual(find(asn, '198.51.100.200'), { asNumber: 4_200_000_000, country: '' });
  t.deepEqual(find(country, '198.51.100.200'), { asNumber: 0, country: 'FR' });
  t.deepEqual(
    [asn.kinds, country.kinds],
    [
      { asn: true, country: false },
      { asn: false, country: true },
    ],
  );
});

test('an answer is kept, of so many addresses at most', async t => {
  const geoip = await opened(t, { asn: fileOf(t) }, 4);
  for (let i = 0; i < 3; i++) find(geoip, '192.0.2.1');
  t.like(geoip.stats(), { known: 2, lookedUp: 1, damaged: 0 });
  for (let i = 10; i < 30; i++) find(geoip, `192.0.2.${i}`);
  find(geoip, '192.0.2.1');
  t.like(geoip.stats(), { known: 2, lookedUp: 22 });
});

test('a file that is no database, or lacks what is wanted, is refused at the start', async t => {
  const file = temporaryPath(t, 'test.mmdb');
  const { log } = listeningLogger();
  const refused = async (message: RegExp, hint: RegExp, options: GeoipOptions = { asn: file }): Promise<void> => {
    const error = await t.throwsAsync(Geoip.open(options, log), { code: 'CTFLOW_GEOIP', message });
    t.regex((error as unknown as { hint: string }).hint, hint);
  };
  await refused(/test\.mmdb cannot be read: ENOENT$/, /exists/);
  writeFileSync(file, '');
  await refused(/test\.mmdb is not a database in MaxMind's format/, /GeoLite2-ASN/);
  writeFileSync(file, 'nodes: 3\n'.repeat(10_000));
  await refused(/not a database/, /GeoLite2-ASN/);
  const whole = mmdb(SIX);
  writeFileSync(file, gzipSync(whole));
  await refused(/not a database/, /gunzip/);
  writeFileSync(file, whole.subarray(0, whole.length - 40));
  await refused(/not a database/, /GeoLite2-ASN/);
  writeFileSync(file, whole.subarray(whole.length >> 1));
  await refused(/not a database/, /GeoLite2-ASN/);
  writeFileSync(file, mmdb({ '192.0.2.0/24': { country: { iso_code: 'DE' } } }, { type: 'GeoLite2-Country' }));
  await refused(/test\.mmdb \(GeoLite2-Country\) has no AS numbers$/, /such as GeoLite2-ASN$/);
  writeFileSync(file, mmdb({ '192.0.2.0/24': { autonomous_system_number: 1 } }, { type: 'GeoLite2-ASN' }));
  await refused(/\(GeoLite2-ASN\) has no countries$/, /such as GeoLite2-Country$/, { country: file });
  const folder = temporaryPath(t, 'folder');
  mkdirSync(folder);
  await refused(/folder cannot be read: it is a directory$/, /exists/, { asn: folder });
});

test('a file that changes is read again; a wrong one changes nothing and is counted', async t => {
  const file = fileOf(t);
  const { log, lines } = listeningLogger();
  const geoip = await Geoip.open({ asn: file }, log, { pollMs: NEVER });
  t.teardown(() => geoip.close());
  t.is(find(geoip, '192.0.2.1').asNumber, 64_500);
  writeFileSync(file, 'broken');
  await eventually('the broken file is noticed', () => geoip.errors === 1);
  t.regex(
    String(lines.find(({ level }) => level === 50)!['msg']),
    /^CTFLOW_GEOIP: .+; the previous GeoIP .+ stays in use$/,
  );
  t.is(find(geoip, '192.0.2.2').asNumber, 64_500);
  writeFileSync(`${file}.new`, mmdb({ '192.0.2.0/24': { autonomous_system_number: 7 } }, { builtAt: 1_800_000_000 }));
  renameSync(`${file}.new`, file);
  await eventually('the new file is in force', () => geoip.stats().asn!.reloads === 1);
  t.is(find(geoip, '192.0.2.1').asNumber, 7, 'what was known before is forgotten');
  t.like(geoip.stats().asn, { reloads: 1, errors: 1, builtAt: 1_800_000_000_000 });
  t.true(geoip.stats().asn!.loadedAt > 1_700_000_000_000);
  writeFileSync(file, 'broken');
  await geoip.reload();
  t.true(geoip.errors >= 2);
});

test('where a database is damaged nothing is known, and it is counted', async t => {
  const whole = mmdb(SIX);
  const file = temporaryPath(t, 'test.mmdb');
  // the text of one record becomes a value of no type
  const at = whole.indexOf('AS4200000000') - 1;
  whole[at] = 0;
  whole[at + 1] = 0xf0;
  writeFileSync(file, whole);
  const geoip = await opened(t, { asn: file });
  t.deepEqual(find(geoip, '198.51.100.200'), { asNumber: 0, country: '' });
  t.is(find(geoip, '192.0.2.1').asNumber, 64_500);
  t.is(geoip.stats().damaged, 1);
});

test('pointers that go round in a circle end', async t => {
  const whole = mmdb(SIX);
  const file = temporaryPath(t, 'test.mmdb');
  const marker = whole.indexOf(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'));
  const at = whole.indexOf('AS4200000000') - 1;
  const data = whole.indexOf('autonomous_system_number') - 2;
  t.true(at > data && at < marker);
  // 11 bits of a distance from the beginning of the records
  whole.writeUInt16BE(0x2000 | (at - data), at);
  writeFileSync(file, whole);
  const geoip = await opened(t, { asn: file });
  t.is(find(geoip, '198.51.100.200').asNumber, 0);
  t.is(geoip.stats().damaged, 1);
});

test('it ends with its last user', async t => {
  const file = fileOf(t);
  const geoip = await Geoip.open({ asn: file }, listeningLogger().log, { pollMs: NEVER });
  geoip.share().close();
  await geoip.reload();
  t.is(geoip.stats().asn!.reloads, 1);
  geoip.close();
  await geoip.reload();
  t.is(geoip.stats().asn!.reloads, 1);
});
