import type { Option } from 'commander';
import { DESTINATION_DEFAULTS } from '../../destination/destination.js';
import { flag, numberFlag } from '../flag.js';
import { durationOr, numberOr } from '../values.js';

const MOST_FILES = 1_000_000;
const LEAST_SIZE = 65_536;

/** Of destinations that are files. */
export function fileFlags(): Option[] {
  const { fileMaxSize, fileMaxAge, fileKeep, fileKeepSize } = DESTINATION_DEFAULTS;
  return [
    numberFlag(
      '--file-max-size <bytes>',
      'another is begun when it has this size',
      LEAST_SIZE,
      Number.MAX_SAFE_INTEGER,
      fileMaxSize,
    ),
    flag('--file-max-age <time>', 'another is begun when its first record is this old; off: by size alone')
      .argParser(durationOr('1s', '24d', ['off']))
      .default(fileMaxAge, `${Number(fileMaxAge) / 3_600_000}h`),
    flag('--file-keep <n>', 'closed files that are kept; the oldest is removed; all: see --file-keep-size')
      .argParser(numberOr(1, MOST_FILES, ['all']))
      .default(fileKeep),
    flag('--file-keep-size <bytes>', 'size of all closed files that are kept; the oldest is removed; off: no limit')
      .argParser(numberOr(LEAST_SIZE, Number.MAX_SAFE_INTEGER, ['off']))
      .default(fileKeepSize),
  ];
}
