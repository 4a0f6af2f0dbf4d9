import { z } from 'zod';
import { type DestinationEndpoint, formatDestination } from '../common/destination-endpoint.js';
import { DEFAULT_FILE } from './config-file.js';
import { destinationSettings } from './destination-settings.js';
import { exporterSettings } from './exporter-settings.js';
import { type Kind, list, text, wholeNumber } from './kind.js';
import { recorderSettings, recordMap } from './recorder-settings.js';
import { defaulted, own, setting } from './setting.js';
import { snatPortsSetting } from './snat-ports.js';
import { sourceSettings } from './source-settings.js';
import { canonicalAddress, collectorAddress } from './values.js';

/** Where records go. */
export const collector: Kind<DestinationEndpoint> = {
  form: '<address>',
  parse: collectorAddress,
  write: formatDestination,
  json: { type: 'string', minLength: 1 },
  allowed: 'udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, dtls://HOST:PORT or file:///PATH',
};

/** The file itself: a flag and a variable, not a key. */
export const fileSettings = {
  config: setting(
    '',
    text('<file>'),
    `settings in YAML, over which variables and flags win; none: no file (default: ${DEFAULT_FILE} where it exists)`,
  ),
};

const MOST_NAMESPACES = 1024;

/** The settings of `ctflow run`: flags, variables and keys of the file. */
export const runSettings = {
  flowCollectorAddr: setting(
    '',
    list('<address...>', collector, canonicalAddress),
    'udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or dtls://HOST:PORT, or HOST:PORT:PROTOCOL; file:///PATH for IPFIX files; may be given several times',
    'collector',
  ),
  ...sourceSettings,
  netns: setting(
    'Source',
    list('<names>', text('<name|path>'), name => name),
    'read these network namespaces: names or paths, self for its own; all: its own and all that have names (native only)',
  ),
  maxNamespaces: defaulted(
    'Source',
    wholeNumber('<n>', 1, MOST_NAMESPACES),
    16,
    'with --netns all: so many namespaces at most; buffers and queues are divided by it',
  ),
  ...snatPortsSetting,
  ...exporterSettings,
  ...recorderSettings,
  ...destinationSettings,
};

/** The keys of one of the file's destinations. */
export const ownSettings = {
  flowCollectorAddr: setting(
    '',
    collector,
    'where its records go: udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, dtls://HOST:PORT or file:///PATH',
  ),
  ...own(destinationSettings),
};

/** A destination's name: never an address, which is the name of those that --collector makes. What else is wrong there is named too. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The file. */
export const configSchema = z.strictObject({
  ...runSettings,
  record: z.strictObject(recordMap).exactOptional(),
  destinations: z.record(z.string(), z.strictObject(ownSettings)).exactOptional(),
});
export type RunSettings = Omit<z.infer<typeof configSchema>, 'destinations' | 'record'>;
