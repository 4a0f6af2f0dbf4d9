import { duration, size, text, wholeNumber } from './kind.js';
import { defaulted, own, setting } from './setting.js';

const GROUP = 'Flight recorder';

/** The flight recorder: on where `recordLast` is given. */
export const recorderSettings = {
  recordLast: setting(
    GROUP,
    duration('10s', '24h'),
    'keep what the kernel has sent in this time on disk, as a recording for --source replay: (default: off; native only)',
  ),
  recordSize: defaulted(GROUP, size(4 << 20, 2 ** 40), 256 << 20, 'size on disk at most; the oldest goes first'),
  recordDirectory: defaulted(
    GROUP,
    text('<folder>'),
    '/var/lib/ctflow/record',
    'where it is, and where recordings are written out',
  ),
  recordRate: defaulted(
    GROUP,
    size(64 << 10, 1 << 30),
    8 << 20,
    'events are recorded up to so many bytes a second; what is beyond is dropped from the recording, and counted',
  ),
  recordCpu: defaulted(
    GROUP,
    wholeNumber('<percent>', 1, 100),
    5,
    "share of one core that recording may take of ctflow's main thread, in percent",
  ),
  recordKeep: defaulted(
    GROUP,
    wholeNumber('<n>', 1, 1000),
    4,
    'recordings that were written out are kept, each as large as --record-size at most; the oldest go first',
  ),
  recordAtFill: defaulted(
    GROUP,
    wholeNumber('<percent>', 0, 100),
    90,
    "write out a recording when the kernel's table is so full, in percent of nf_conntrack_max; 0 for never",
  ),
  recordAtDrops: defaulted(
    GROUP,
    wholeNumber('<n>', 0, 1_000_000_000),
    100,
    'write out a recording when the kernel drops so many connections, or loses so many events, within 5 seconds; 0 for never',
  ),
  recordPause: defaulted(
    GROUP,
    duration('10s', '7d'),
    3_600_000,
    'a condition has no recording written again before this time is over',
  ),
};

type Flat = typeof recorderSettings;
type Bare<K> = K extends `record${infer Rest}` ? Uncapitalize<Rest> : never;
type Within<S> = { [K in keyof S as Bare<K>]: S[K] };

/** Keys of `record:` in the file by those of the settings: `last` for `recordLast`. */
export const RECORD_KEYS = Object.keys(recorderSettings).map(key => {
  const bare = key.slice('record'.length);
  return [`${bare[0].toLowerCase()}${bare.slice(1)}`, key as keyof Flat] as const;
});

const bare = own(recorderSettings);

/** The same as a map in the file: `record: {last: 10m, size: 256MiB}`. */
export const recordMap = Object.fromEntries(
  RECORD_KEYS.map(([inside, key]) => [inside, bare[key]]),
) as unknown as Within<typeof bare>;
